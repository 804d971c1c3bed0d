# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of the data root: complete, interrupted at each instant, and continued. The host is the one of docker_host.py."""
import json
import os
import time

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import exec_start, split_root_flag
from docker_host import (
    FakeHost,
    PowerCut,
    count_changes,
    disable_rename,
    finish,
    journal_exists,
    link_target,
    move_of,
    read_docker_data,
    target_of,
    use_ext4,
    write_docker_data,
    write_text,
)

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
    assert first not in move_of(host).old_roots.recorded()
    finish(move_of(host, first, keep_old=False))
    assert read_docker_data(first)


def test_old_roots_are_only_removed_while_docker_runs_on_another_root(host, monkeypatch):
    disable_rename(monkeypatch)
    old = finish(move_of(host))["old_root"]
    host.is_started = False
    finish(move_of(host, keep_old=False))
    assert read_docker_data(old, in_use=False)
    write_text(host.daemon_json, json.dumps({"data-root": old}))  # as if somebody had changed the data root back
    host.is_started, host.started_on = True, None
    finish(move_of(host, old, keep_old=False))
    assert read_docker_data(old, in_use=False)


def test_an_old_root_that_is_a_mount_point_keeps_its_name(host, monkeypatch):
    monkeypatch.setattr(os.path, "ismount", lambda path: path == host.default_root)
    before = read_docker_data(host.default_root)
    assert finish(move_of(host))["old_root"] == host.default_root
    assert read_docker_data(host.default_root, in_use=False) == before
    finish(move_of(host, keep_old=False))
    assert os.listdir(host.default_root) == [] and read_docker_data(target_of(host)) == before


def test_data_at_the_path_of_a_removed_root_is_not_an_old_root(host, monkeypatch):
    monkeypatch.setattr(os.path, "ismount", lambda path: path == host.default_root)
    finish(move_of(host))
    finish(move_of(host, keep_old=False))
    write_text(os.path.join(host.default_root, "data of somebody"), "")
    assert move_of(host, keep_old=False).old_roots.removable() == []
    finish(move_of(host, keep_old=False))
    assert os.listdir(host.default_root) == ["data of somebody"]


def test_the_configuration_backup_is_removed_by_a_move(host, method):
    """It names the old root, and the role would restore it after a failure."""
    backup = os.path.join(host.folder, "backup")
    os.makedirs(backup)
    finish(move_of(host))
    assert os.path.exists(backup)
    finish(move_of(host, os.path.join(host.folder, "other"), config_backup=backup))
    assert not os.path.exists(backup)


def test_a_flag_is_replaced_by_daemon_json_if_the_root_does_not_change(host):
    host.flag = host.default_root
    assert finish(move_of(host, host.default_root))["method"] == "none"
    assert split_root_flag(exec_start(host.unit_text()))[1] is None
    assert json.loads(read_text(host.daemon_json))["data-root"] == host.default_root
    assert host.is_started and finish(move_of(host, host.default_root)) is None


def test_the_old_name_of_the_option_is_removed_from_daemon_json(host, method):
    write_text(host.daemon_json, json.dumps({"graph": host.default_root, "debug": True}))
    finish(move_of(host))
    assert json.loads(read_text(host.daemon_json)) == {"data-root": target_of(host), "debug": True}


# ---- interrupted moves

@pytest.mark.parametrize("variant", ["default", "flag", "live-restore and containerd", "link"])
def test_a_power_cut_at_any_instant_loses_nothing(tmp_path, monkeypatch, method, variant):
    """The host boots after a power cut at each possible instant, its Docker runs, and the next run completes the move."""
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
        if variant == "link":
            link_target(host)
        if variant == "live-restore and containerd":
            write_text(host.daemon_json, '{"live-restore": true}')
            write_text(host.containerd_config, 'version = 2\nroot = "%s/containerd"\n' % source)
        host.start()
        count_changes(monkeypatch, host)
        host.steps, host.cut_at = 0, steps
        try:
            finish(move_of(host))
            break  # the move ended before the chosen instant
        except PowerCut:
            pass
        # The copy of this run can still be running, as after a kill: the next run must handle that too.
        host.boot()
        if host.is_started:
            assert read_docker_data(host.root()) == before, "after instant %d Docker uses other data" % steps
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
    """Add an image and remove one, both in the root and in its expected {path: text}."""
    write_text(os.path.join(root, "image", "new"), "an image that was pulled in between")
    texts["image/new"] = "an image that was pulled in between"
    os.unlink(os.path.join(root, "image", "sha256-1"))
    del texts["image/sha256-1"]


@pytest.mark.parametrize("variant", ["default", "flag"])
@pytest.mark.parametrize("cause", ["power cut", "kill"])
def test_a_rollback_that_is_interrupted_at_any_instant_is_completed(tmp_path, monkeypatch, method, cause, variant):
    """Docker does not start on the new root, and the run ends at each instant of the move and of the rollback."""
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
        host.start()
        host.broken_roots = (target_of(host),)
        count_changes(monkeypatch, host)
        host.steps, host.cut_at = 0, steps
        try:
            finish(move_of(host))
        except DataRootError:
            break  # the rollback ended before the chosen instant
        except PowerCut:
            host.steps, host.cut_at = 0, None
        if cause == "power cut":
            host.is_started, host.started_on = False, None
            host.boot()
        assert variant == "default" or not os.path.exists(host.default_root), "after instant %d Docker started on an empty root" % steps
        host.broken_roots = ()
        finish(move_of(host))
        assert host.is_started and host.root() == host.started_on == target_of(host)
        assert read_docker_data(target_of(host)) == before
        assert not journal_exists(host)
    assert steps > 12


def test_changes_that_docker_makes_after_the_copy_are_copied_too(host, monkeypatch):
    """The copy of a killed run was complete. Then the host was started again and its Docker wrote to the old root."""
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


def test_a_move_is_completed_after_docker_has_run_on_the_new_root(host, method):
    """The power fails before the move starts Docker. The boot of the host starts Docker, which creates a container."""
    start = host.start

    def power_cut():
        raise PowerCut()
    host.start = power_cut
    with pytest.raises(PowerCut):
        finish(move_of(host))
    host.start = start
    host.boot()
    root = host.docker_info()["DockerRootDir"]
    os.makedirs(os.path.join(root, "containers", "c2"))
    path = os.path.join(target_of(host), "containers", "c2", "config.v2.json")
    write_text(path, json.dumps({"LogPath": root + "/containers/c2/log", "MountPoints": {
        "/data": {"Type": "volume", "Source": root + "/volumes/data"}, "/host": {"Type": "bind", "Source": "/srv"}}}))
    stops = []
    stop = host.stop
    host.stop = lambda *services: stops.append(services) or stop(*services)
    finish(move_of(host))
    assert json.loads(read_text(path))["LogPath"] == target_of(host) + "/containers/c2/log"
    assert "containers/c2/config.v2.json" in read_docker_data(target_of(host))
    assert bool(stops) == (method == "rename")


def test_a_running_copy_to_a_root_that_is_no_longer_requested_is_ended(host, monkeypatch):
    disable_rename(monkeypatch)
    copy_command, host.copy_command = host.copy_command, lambda source, target: ["sleep", "60"]
    assert not move_of(host).advance(0).done
    host.copy_command = copy_command
    begin, other = time.monotonic(), os.path.join(host.folder, "other")
    finish(move_of(host, other))
    assert host.root() == other and time.monotonic() - begin < 30


def test_a_copy_that_was_killed_with_its_run_is_started_again(host, monkeypatch):
    disable_rename(monkeypatch)
    copy_command, starts = host.copy_command, []

    def killed_at_first(source, target):
        starts.append(1)
        return ["sh", "-c", "kill -9 $$"] if len(starts) == 1 else copy_command(source, target)
    host.copy_command = killed_at_first
    finish(move_of(host))
    assert len(starts) == 2 and host.root() == target_of(host)


def test_a_move_fails_if_its_copy_is_killed_each_time(host, monkeypatch):
    disable_rename(monkeypatch)
    host.copy_command = lambda source, target: ["sh", "-c", "kill -9 $$"]
    with pytest.raises(DataRootError, match="the copy to .* failed: (Killed|rsync was killed)"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root


def test_a_new_request_replaces_the_target_of_an_unfinished_move(host, monkeypatch):
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
