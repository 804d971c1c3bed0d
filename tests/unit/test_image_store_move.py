# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of containerd's root, alone and together with the data root. The host is the one of docker_host.py."""
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import image_store, plan
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.journal import DATA, STORE
from ansible_collections.fay.rancher.plugins.module_utils._engine.report import describe_plan
from docker_host import (
    FakeHost,
    PowerCut,
    count_changes,
    disable_rename,
    finish,
    journal_exists,
    move_of,
    read_docker_data,
    target_of,
    use_ext4,
    write_docker_data,
    write_store,
    write_text,
)

CONFIG = '# root = "/old"\nversion = 2\nimports = ["conf.d/*.toml"]\n[plugins."io.containerd.grpc.v1.cri"]\n  root = "/x"  # its own\n'


def create_store_host(folder, monkeypatch):
    """A host whose Docker keeps its images in containerd."""
    use_ext4(monkeypatch)
    host = FakeHost(folder)
    host.has_containerd_store = True
    write_docker_data(host.default_root)
    write_store(host.containerd_root())
    write_text(host.containerd_config, CONFIG)
    return host


@pytest.fixture
def store_host(tmp_path, monkeypatch):
    host = create_store_host(tmp_path, monkeypatch)
    host.start()
    return host


def store_target(host):
    return os.path.join(host.folder, "new", "containerd")


def move_both(host, **options):
    return move_of(host, containerd_root=store_target(host), **options)


def read_files(directory):
    return {name: read_text(os.path.join(directory, name)) for name in sorted(os.listdir(directory))}


def test_both_roots_are_moved_and_a_second_run_changes_nothing(store_host, method):
    data, images = read_docker_data(store_host.default_root), read_files(store_host.image_directory())
    old_store = store_host.containerd_root()
    result = finish(move_both(store_host))
    assert result[STORE]["from"] == old_store and result[STORE]["method"] == method
    assert result[DATA]["to"] == target_of(store_host)
    assert read_docker_data(target_of(store_host)) == data
    assert read_files(store_target(store_host) + "/image") == images
    assert store_host.containerd_root() == store_target(store_host) and store_host.is_started
    assert read_text(store_host.containerd_config) == 'root = "%s"\n%s' % (store_target(store_host), CONFIG)
    assert not os.path.exists(old_store) and not os.path.lexists(store_host.default_root)
    assert move_both(store_host).plan() is None and finish(move_both(store_host)) is None


def test_only_the_store_is_moved_if_the_data_root_is_right(store_host, method):
    finish(move_of(store_host))
    daemon_json = read_text(store_host.daemon_json)
    result = finish(move_both(store_host))
    assert result[DATA] is None and result[STORE]["to"] == store_target(store_host)
    assert read_text(store_host.daemon_json) == daemon_json
    assert len(read_files(store_host.image_directory())) == 2 and store_host.is_started


def test_the_store_of_a_stopped_docker_is_moved_and_containerd_runs_again(store_host, method):
    write_text(store_host.daemon_json, '{"features": {"containerd-snapshotter": true}}')
    store_host.is_started, store_host.started_on = False, None
    finish(move_both(store_host))
    assert not store_host.is_started and store_host.is_containerd_started
    assert store_host.containerd_root() == store_target(store_host)
    assert len(read_files(store_host.image_directory())) == 2


def test_old_roots_are_removed_on_request(store_host, monkeypatch):
    disable_rename(monkeypatch)
    old_store = store_host.containerd_root()
    finish(move_both(store_host))
    assert [path for path in move_both(store_host).old_roots.existing() if path.startswith(old_store + ".old-2")]
    finish(move_both(store_host, keep_old=False))
    assert not [name for name in os.listdir(os.path.dirname(old_store)) if ".old-" in name]
    assert len(read_files(store_host.image_directory())) == 2


def test_old_roots_are_kept_while_the_root_of_containerd_is_not_known(store_host, monkeypatch):
    disable_rename(monkeypatch)
    finish(move_of(store_host))

    def fail():
        raise DataRootError("`containerd config dump` failed")
    store_host.containerd_root = fail
    finish(move_of(store_host, keep_old=False))
    assert [path for path in move_of(store_host).old_roots.existing() if path.startswith(store_host.default_root + ".old-2")]


# ---- interruptions

def change_data(host, data, images):
    """Write to the data and to the images as Docker does, and to what is expected of them."""
    write_text(os.path.join(host.root(), "volumes", "data", "later"), "written in between")
    data["volumes/data/later"] = "written in between"
    write_text(os.path.join(host.image_directory(), "new"), "pulled in between")
    images["new"] = "pulled in between"
    os.unlink(os.path.join(host.image_directory(), "sha256-1"))
    del images["sha256-1"]


@pytest.mark.parametrize("is_store_alone", [False, True])
def test_a_power_cut_at_any_instant_loses_nothing(tmp_path, monkeypatch, method, is_store_alone):
    """The host boots after a power cut at each possible instant, its Docker runs, and the next run completes the move."""
    steps = 0
    while True:
        steps += 1
        host = create_store_host(tmp_path / str(steps), monkeypatch)
        target = host.default_root if is_store_alone else target_of(host)
        data, images = read_docker_data(host.default_root), read_files(host.image_directory())
        host.start()
        count_changes(monkeypatch, host)
        host.steps, host.cut_at = 0, steps
        try:
            finish(move_of(host, target, containerd_root=store_target(host)))
            break  # the move ended before the chosen instant
        except PowerCut:
            pass
        host.boot()
        assert read_docker_data(host.root()) == data, "after instant %d Docker uses other data" % steps
        assert read_files(host.image_directory()) == images, "after instant %d containerd uses other data" % steps
        change_data(host, data, images)
        finish(move_of(host, target, containerd_root=store_target(host)))
        assert host.is_started and host.root() == target and host.containerd_root() == store_target(host)
        assert read_docker_data(target) == data and read_files(store_target(host) + "/image") == images
        assert not journal_exists(host)
    assert steps > 8


@pytest.mark.parametrize("cause", ["power cut", "kill"])
def test_a_rollback_that_is_interrupted_at_any_instant_is_completed(tmp_path, monkeypatch, method, cause):
    """Docker does not start on the new root, and the run ends at each instant of the move and of the rollback."""
    steps = 0
    while True:
        steps += 1
        host = create_store_host(tmp_path / str(steps), monkeypatch)
        data, images = read_docker_data(host.default_root), read_files(host.image_directory())
        host.start()
        host.broken_roots = (target_of(host),)
        count_changes(monkeypatch, host)
        host.steps, host.cut_at = 0, steps
        try:
            finish(move_both(host))
        except DataRootError as error:
            assert str(error).startswith("The data root and containerd's root were not moved from %s to " % host.default_root)
            assert "Docker uses %s and " % host.default_root in str(error)
            break  # the rollback ended before the chosen instant
        except PowerCut:
            host.steps, host.cut_at = 0, None
        if cause == "power cut":
            host.is_started, host.started_on = False, None
            host.boot()
        if host.is_started:
            assert read_files(host.image_directory()) == images
            change_data(host, data, images)
        host.broken_roots = ()
        finish(move_both(host))
        assert host.is_started and host.root() == host.started_on == target_of(host)
        assert read_docker_data(target_of(host)) == data and read_files(store_target(host) + "/image") == images
        assert not journal_exists(host)
    assert host.root() == host.default_root and read_text(host.containerd_config) == CONFIG
    assert read_docker_data(host.default_root) == data and read_files(host.image_directory()) == images
    assert steps > 12


def test_images_that_were_pulled_with_the_new_store_survive_a_later_failure(store_host, monkeypatch):
    """The power fails between config.toml and daemon.json, Docker pulls an image, and then the data root cannot be moved."""
    disable_rename(monkeypatch)
    original = store_host.containerd_root

    def cut():
        if original() == store_target(store_host) and store_host.cut_at is None:
            store_host.cut_at = 0
            raise PowerCut()
        return original()
    store_host.containerd_root = cut
    with pytest.raises(PowerCut):
        finish(move_both(store_host))
    store_host.containerd_root = original
    store_host.boot()
    assert store_host.root() == store_host.default_root and original() == store_target(store_host)
    write_text(os.path.join(store_host.image_directory(), "new"), "pulled in between")
    store_host.broken_roots = (target_of(store_host),)
    with pytest.raises(DataRootError, match="The data root was not moved from"):
        finish(move_both(store_host))
    assert store_host.is_started and "new" in read_files(store_host.image_directory())


@pytest.mark.parametrize("phase, expected", [("stop", False), ("copy", False), ("place", False), ("switch", True), ("start", True)])
def test_a_new_root_that_the_user_has_configured_before_is_not_taken_for_a_complete_move(store_host, phase, expected):
    """The files name the new roots, but Docker and containerd have not been restarted with them."""
    move = move_both(store_host)
    journal = dict(move.plan(), phase=phase)
    write_text(store_host.daemon_json, '{"data-root": "%s"}' % target_of(store_host))
    write_text(store_host.containerd_config, 'root = "%s"' % store_target(store_host))
    assert move.steps.is_switched(journal) is expected


# ---- rejected moves

def test_an_imported_file_that_sets_the_root_fails_and_everything_is_restored(store_host, method):
    root = store_host.containerd_root()
    store_host.containerd_root = lambda: root
    with pytest.raises(DataRootError, match="another file that .* imports sets containerd's root to .*Docker uses .* again"):
        finish(move_both(store_host))
    assert store_host.is_started and read_text(store_host.containerd_config) == CONFIG
    assert len(read_files(store_host.image_directory())) == 2


def test_other_users_of_containerd_are_rejected_unless_they_are_accepted(store_host):
    store_host.namespaces = ["moby", "plugins.moby", "k8s.io"]
    with pytest.raises(DataRootError, match="contains the namespaces k8s.io"):
        move_both(store_host).plan()
    store_host.tasks = ["pause"]
    with pytest.raises(DataRootError, match="1 containers in the namespace k8s.io of containerd are running"):
        move_both(store_host, is_containerd_shared=True).plan()
    store_host.tasks = []
    assert move_both(store_host, is_containerd_shared=True).plan()


def test_a_mount_below_the_store_is_rejected(store_host, monkeypatch):
    monkeypatch.setattr(image_store, "mounts_below", lambda directory: [
        directory + "/io.containerd.content.v1.content", directory + "/tmpmounts/1"])
    with pytest.raises(DataRootError, match="mounted below containerd's root, and .*: [^,]*/io.containerd.content.v1.content. Unmount"):
        move_both(store_host).plan()


def test_a_store_target_with_files_is_rejected(store_host):
    write_store(store_target(store_host))
    with pytest.raises(DataRootError, match="The new containerd's root must be empty or missing"):
        move_both(store_host).plan()


def test_a_root_inside_of_the_other_one_is_rejected(store_host):
    with pytest.raises(DataRootError, match="is inside the data root"):
        move_of(store_host, containerd_root=target_of(store_host) + "/containerd").plan()


@pytest.mark.parametrize("target", ["relative", "/", "/var/lib", "/a/../b"])
@pytest.mark.parametrize("has_containerd_store", [True, False])
def test_an_invalid_path_is_rejected_whatever_store_is_used(store_host, target, has_containerd_store):
    store_host.has_containerd_store = has_containerd_store
    with pytest.raises(DataRootError, match="is not a valid containerd's root: it must be an absolute path"):
        move_of(store_host, containerd_root=target).plan()


def test_the_space_for_both_is_added(store_host, monkeypatch):
    disable_rename(monkeypatch)
    status = os.statvfs(store_host.folder)
    free = status.f_bavail * status.f_frsize
    monkeypatch.setattr(plan.filesystem, "measure_data", lambda root: (int(free * 0.6), 5))
    with pytest.raises(DataRootError, match="moving the data of .*/docker and .*/containerd needs"):
        move_both(store_host).plan()


def test_check_mode_names_both_moves_with_their_sizes(store_host):
    lines = describe_plan(move_both(store_host).plan(), "docker")
    assert "GiB would be moved from %s (detected from: docker) to %s by" % (store_host.default_root, target_of(store_host)) in lines[0]
    assert "GiB would be moved from %s (the image store of containerd) to %s" % (
        store_host.containerd_root(), store_target(store_host)) in lines[1]


# ---- what remains where it is

@pytest.mark.parametrize("reason", ["classic", "no path", "own containerd", "in the data root"])
def test_containerd_is_left_alone(store_host, reason, monkeypatch):
    target = "" if reason == "no path" else store_target(store_host)
    if reason == "classic":
        store_host.has_containerd_store = False
    if reason == "own containerd":
        info = dict(store_host.docker_info(), Containerd={"Address": "/var/run/docker/containerd/containerd.sock"})
        monkeypatch.setattr(store_host, "docker_info", lambda: info)
    if reason == "in the data root":
        write_text(store_host.containerd_config, 'root = "%s/containerd"\n' % store_host.default_root)
    journal = move_of(store_host, containerd_root=target).plan()
    assert [part["name"] for part in journal["parts"]] == [DATA]
