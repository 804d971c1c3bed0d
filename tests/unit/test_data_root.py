# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Moves of the data root, interrupted at each instant, failing, and repeated. The host is the one of docker_host.py."""
import json
import os
import time

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import state
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError, exec_start, split_root_flag
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from docker_host import (
    FakeHost,
    PowerCut,
    count_changes,
    create_host,
    disable_rename,
    finish,
    journal_exists,
    move_of,
    read_docker_data,
    target_of,
    use_ext4,
    write_docker_data,
    write_text,
)


@pytest.fixture
def host(tmp_path, monkeypatch):
    return create_host(tmp_path, monkeypatch)


@pytest.fixture(params=["copy", "rename"])
def method(request, monkeypatch):
    if request.param == "copy":
        disable_rename(monkeypatch)
    return request.param


# ---- complete moves

def test_a_move_includes_all_data_and_a_second_run_changes_nothing(host, method):
    before = read_docker_data(host.default_root)
    result = finish(move_of(host))
    assert result["method"] == method
    assert read_docker_data(target_of(host)) == before
    assert host.is_started and host.root() == target_of(host)
    assert move_of(host).plan() is None
    assert finish(move_of(host)) is None


def test_the_old_root_is_kept_until_a_run_with_keep_old_false(host, monkeypatch):
    disable_rename(monkeypatch)
    before = read_docker_data(host.default_root)
    old = finish(move_of(host))["old_root"]
    assert old.startswith(host.default_root + ".old-2") and read_docker_data(old, in_use=False) == before
    assert move_of(host).old_roots.removable() == []
    assert move_of(host, keep_old=False).old_roots.removable() == [old]
    finish(move_of(host, keep_old=False))
    assert not os.path.exists(old) and read_docker_data(target_of(host)) == before


def test_a_root_that_is_in_use_again_is_not_removed_as_an_old_root(host, monkeypatch):
    disable_rename(monkeypatch)
    first = host.default_root
    finish(move_of(host))
    finish(move_of(host, first, keep_old=False))
    assert host.root() == first and read_docker_data(first)
    finish(move_of(host, first, keep_old=False))
    assert read_docker_data(first)


def test_old_roots_are_only_removed_while_docker_runs_on_another_root(host, monkeypatch):
    disable_rename(monkeypatch)
    old = finish(move_of(host))["old_root"]
    host.is_started = False
    finish(move_of(host, keep_old=False))
    assert read_docker_data(old, in_use=False)
    write_text(host.daemon_json, json.dumps({"data-root": old}))  # somebody has changed the data root back
    host.is_started, host.started_on = True, None
    finish(move_of(host, old, keep_old=False))
    assert read_docker_data(old, in_use=False)


def test_roots_without_data_are_removed_from_the_record(host, monkeypatch):
    """Later data at such a path would be taken for an old root."""
    disable_rename(monkeypatch)
    old_roots = move_of(host).old_roots
    mount = os.path.join(host.folder, "mount")
    os.makedirs(mount)
    for path in (mount, os.path.join(host.folder, "missing"), host.default_root):
        os.makedirs(os.path.join(host.folder, "state"), exist_ok=True)
        old_roots.add(path)
    monkeypatch.setattr(state.os.path, "ismount", lambda path: path == mount)
    old_roots.prune()
    assert old_roots.recorded() == [host.default_root]


def test_the_configuration_backup_is_removed_by_a_move(host, method):
    """It names the old root, and the role would restore it after a failure."""
    backup = os.path.join(host.folder, "backup")
    os.makedirs(backup)
    finish(move_of(host))
    assert os.path.exists(backup)
    finish(move_of(host, os.path.join(host.folder, "other"), config_backup=backup))
    assert not os.path.exists(backup)


def test_a_flag_is_replaced_by_daemon_json_if_the_root_is_right(host):
    host.flag = host.default_root
    assert finish(move_of(host, host.default_root))["method"] == "none"
    assert split_root_flag(exec_start(host.unit_text()))[1] is None
    assert json.loads(read_text(host.daemon_json))["data-root"] == host.default_root
    assert host.is_started and finish(move_of(host, host.default_root)) is None


# ---- interrupted moves

@pytest.mark.parametrize("variant", ["default", "flag", "live-restore and containerd"])
def test_a_power_cut_at_any_instant_loses_nothing(tmp_path, monkeypatch, method, variant):
    """The host is switched on again after each possible instant, its Docker runs, and the next run completes the move."""
    use_ext4(monkeypatch)
    steps = 0
    while True:
        steps += 1
        host = FakeHost(tmp_path / str(steps))
        if variant == "flag":
            host.default_root, host.flag = os.path.join(host.folder, "elsewhere"), host.default_root
        source = host.flag or host.default_root
        write_docker_data(source)
        before = read_docker_data(source)
        if variant == "live-restore and containerd":
            write_text(host.daemon_json, '{"live-restore": true}')
            write_text(host.containerd_config, 'version = 2\nroot = "%s/containerd"\n' % source)
        host.start()
        count_changes(monkeypatch, host)
        host.steps, host.cut_at = 0, steps
        try:
            finish(move_of(host))
            break  # there are no more instants
        except PowerCut:
            pass
        # The copy of this run can still be running, as after a kill: the next run must handle that too.
        host.boot()
        if host.is_started:
            assert read_docker_data(host.root()) == before, "after instant %d Docker is on other data" % steps
            change_docker_data(host.root(), before)
        else:
            assert variant == "flag", "after instant %d Docker does not start" % steps
        finish(move_of(host))
        assert host.is_started and host.root() == target_of(host)
        assert read_docker_data(target_of(host)) == before
        assert not journal_exists(host)
        if variant == "live-restore and containerd":
            assert host.live_restore and read_text(host.containerd_config) == (
                'version = 2\nroot = "%s/containerd"\n' % target_of(host))
    assert steps > 8


def change_docker_data(root, texts):
    """Add an image and remove one, in the root and in the {path: text} that is expected of it."""
    write_text(os.path.join(root, "image", "new"), "an image that was pulled in between")
    texts["image/new"] = "an image that was pulled in between"
    os.unlink(os.path.join(root, "image", "sha256-1"))
    del texts["image/sha256-1"]


@pytest.mark.parametrize("cause", ["power cut", "kill"])
def test_a_rollback_that_is_interrupted_at_any_instant_is_completed(tmp_path, monkeypatch, method, cause):
    """Docker does not start on the new root at first, and the run ends at each instant of the move and of the rollback."""
    use_ext4(monkeypatch)
    steps = 0
    while True:
        steps += 1
        host = FakeHost(tmp_path / str(steps))
        write_docker_data(host.default_root)
        before = read_docker_data(host.default_root)
        host.start()
        host.broken_roots = (target_of(host),)
        count_changes(monkeypatch, host)
        host.steps, host.cut_at = 0, steps
        try:
            finish(move_of(host))
        except DataRootError:
            break  # there are no more instants
        except PowerCut:
            host.steps, host.cut_at = 0, None
        if cause == "power cut":
            host.is_started, host.started_on = False, None
            host.boot()
        host.broken_roots = ()
        finish(move_of(host))
        assert host.is_started and host.root() == host.started_on == target_of(host)
        assert read_docker_data(target_of(host)) == before
        assert not journal_exists(host)
    assert steps > 12


def test_changes_that_docker_makes_after_the_copy_are_copied_too(host, monkeypatch):
    """The copy of a killed run was complete, and then the host was started again and its Docker wrote to the old root."""
    disable_rename(monkeypatch)
    start_copy = host.start_copy

    def copy_and_be_killed(*arguments):
        start_copy(*arguments)
        while not os.path.exists(os.path.join(host.folder, "state", "copy.code")):
            time.sleep(0.01)
        host.start_copy = start_copy
        raise PowerCut()
    host.start_copy = copy_and_be_killed
    with pytest.raises(PowerCut):
        finish(move_of(host))
    host.boot()
    write_text(os.path.join(host.default_root, "volumes", "data", "file"), "a later content")
    finish(move_of(host))
    assert read_docker_data(target_of(host))["volumes/data/file"] == "a later content"


def test_a_copy_that_was_killed_with_its_run_is_started_again(host, monkeypatch):
    disable_rename(monkeypatch)
    copy_command, starts = host.copy_command, []

    def killed_at_first(source, target):
        starts.append(1)
        return ["sh", "-c", "kill -9 $$"] if len(starts) == 1 else copy_command(source, target)
    host.copy_command = killed_at_first
    finish(move_of(host))
    assert len(starts) == 2 and host.root() == target_of(host)


def test_a_copy_that_is_killed_each_time_fails(host, monkeypatch):
    disable_rename(monkeypatch)
    host.copy_command = lambda source, target: ["sh", "-c", "kill -9 $$"]
    with pytest.raises(DataRootError, match="the copy to .* failed: (Killed|rsync was killed)"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root


def test_another_root_is_requested_while_a_move_is_unfinished(host, monkeypatch):
    disable_rename(monkeypatch)
    count_changes(monkeypatch, host)
    host.cut_at = 4
    with pytest.raises(PowerCut):
        finish(move_of(host))
    host.boot()
    other = os.path.join(host.folder, "other")
    before = read_docker_data(host.root())
    finish(move_of(host, other))
    assert host.root() == other and read_docker_data(other) == before


def test_a_second_run_at_the_same_time_fails(host):
    first, second = move_of(host), move_of(host)
    with first.state.run_lock(), pytest.raises(DataRootError, match="Another run is already changing the data root of this host"):
        second.advance(1)


# ---- failures

def test_docker_runs_on_its_old_root_if_it_does_not_start_on_the_new_one(host, method):
    before = read_docker_data(host.default_root)
    host.broken_roots = (target_of(host),)
    with pytest.raises(DataRootError, match="was not moved .* Docker does not start. Docker uses .* again, with its previous conf"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root
    assert read_docker_data(host.default_root) == before
    assert not os.path.exists(host.daemon_json)
    host.broken_roots = ()
    finish(move_of(host))
    assert read_docker_data(target_of(host)) == before


def test_a_rollback_restores_live_restore_and_containerd(host, method):
    write_text(host.daemon_json, '{"live-restore": true}')
    write_text(host.containerd_config, "root = '%s/containerd'\n" % host.default_root)
    host.start()
    host.broken_roots = (target_of(host),)
    with pytest.raises(DataRootError, match="Docker uses .* again"):
        finish(move_of(host))
    assert host.is_started and host.live_restore and host.root() == host.default_root
    assert read_text(host.containerd_config) == "root = '%s/containerd'\n" % host.default_root


def test_a_failed_rollback_is_reported_and_the_next_run_completes_it(host, method):
    before = read_docker_data(host.default_root)
    start = host.start

    def fail_to_start():
        raise DataRootError("Docker does not start")
    host.start = fail_to_start
    with pytest.raises(DataRootError, match=r"was not moved from .* and the rollback also failed: Docker does not start. No data is lost"):
        finish(move_of(host))
    assert journal_exists(host)
    host.start = start
    finish(move_of(host))
    assert host.root() == target_of(host) and read_docker_data(target_of(host)) == before


def test_missing_objects_are_reported_and_the_move_is_rolled_back(host, method):
    list_objects = host.list_objects

    def objects_without_an_image():
        objects = list_objects()
        if host.root() == target_of(host):
            objects["images"] = objects["images"][1:]
        return objects
    host.list_objects = objects_without_an_image
    with pytest.raises(DataRootError, match="these images are missing: sha256-1"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root and len(read_docker_data(host.default_root)) == 4


def test_a_failing_copy_leaves_docker_unchanged(host, monkeypatch):
    disable_rename(monkeypatch)
    monkeypatch.setattr(host, "copy_command", lambda source, target: ["cp", source + "-missing", target])
    with pytest.raises(DataRootError, match="the copy to .* failed: cp: .* Docker uses"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root and len(read_docker_data(host.default_root)) == 4


def test_a_missing_rsync_is_reported(host, monkeypatch):
    disable_rename(monkeypatch)
    host.has_rsync = lambda: False
    with pytest.raises(DataRootError, match="rsync is required for the copy but is not installed"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root


def test_docker_is_not_asked_while_it_must_not_run(host, method):
    """`docker info` starts a stopped Docker through its socket, on the old root, and what it writes there would be lost."""
    docker_info = host.docker_info

    def start_and_answer():
        if not host.is_started:
            host.start()
        return docker_info()
    host.docker_info = start_and_answer
    before = read_docker_data(host.default_root)
    finish(move_of(host))
    assert host.root() == target_of(host) and read_docker_data(target_of(host)) == before


def test_a_docker_that_is_started_during_the_move_is_not_left_on_the_old_data(host, method):
    host.apply_selinux_rules = lambda target: host.start()
    with pytest.raises(DataRootError, match="Docker was started again and can have changed its data.* Docker uses .* again"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root
