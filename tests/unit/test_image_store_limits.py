# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of both roots that fail at their end, and paths that contain each other."""
import contextlib
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import plan
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.image_store import uses_system_containerd
from ansible_collections.fay.rancher.plugins.module_utils._engine.journal import STORE
from ansible_collections.fay.rancher.plugins.module_utils._engine.plan import find_data_root
from docker_host import PowerCut, disable_rename, finish, journal_exists, move_of, read_docker_data, target_of, write_text
from test_image_store_move import create_store_host, move_both, read_files, store_target


@pytest.fixture
def store_host(tmp_path, monkeypatch):
    host = create_store_host(tmp_path, monkeypatch)
    host.start()
    return host


@pytest.mark.parametrize("keep_old", [True, False])
def test_an_old_root_that_cannot_be_set_aside_does_not_undo_the_move(store_host, monkeypatch, keep_old):
    disable_rename(monkeypatch)
    data, images = read_docker_data(store_host.default_root), read_files(store_host.image_directory())
    old_store, original = store_host.containerd_root(), os.rename

    def rename(source, target):
        if source == old_store:
            raise OSError(16, "Device or resource busy")
        original(source, target)
    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(DataRootError, match="Device or resource busy"):
        finish(move_both(store_host, keep_old=keep_old))
    assert store_host.is_started and store_host.root() == target_of(store_host)
    monkeypatch.setattr(os, "rename", original)
    finish(move_both(store_host, keep_old=keep_old))
    assert read_docker_data(target_of(store_host)) == data and read_files(store_target(store_host) + "/image") == images
    assert not journal_exists(store_host)


def test_containerd_that_was_started_again_during_the_copy_is_noticed(store_host, monkeypatch):
    disable_rename(monkeypatch)
    old_store, original = store_host.containerd_root(), store_host.list_differences

    def list_differences(source, target):
        store_host.is_containerd_started = True  # by a timer, a kubelet or a user
        return original(source, target)

    def stop(*services):
        original_stop(*services)
        store_host.is_containerd_started = is_stubborn
    is_stubborn, original_stop = True, store_host.stop
    store_host.list_differences, store_host.stop = list_differences, stop
    with pytest.raises(DataRootError, match="containerd is running"):
        finish(move_both(store_host))
    assert store_host.containerd_root() == old_store and store_host.is_started


@pytest.mark.parametrize("data_root, store", [("new/docker", "old/docker/store"), ("old/containerd/docker", "new/containerd"),
                                              ("old/docker", "old/docker/store")])
def test_a_new_root_inside_of_the_other_current_root_is_rejected(store_host, data_root, store):
    move = move_of(store_host, os.path.join(store_host.folder, data_root), containerd_root=os.path.join(store_host.folder, store))
    with pytest.raises(DataRootError, match="Choose separate paths"):
        move.plan()


def test_a_store_that_does_not_exist_yet_is_not_copied(store_host, method):
    """Docker 29 is installed but was never started: containerd has not created its root."""
    write_text(store_host.daemon_json, '{"features": {"containerd-snapshotter": true}, "containerd": "/run/containerd/containerd.sock"}')
    missing = os.path.join(store_host.folder, "missing", "containerd")
    write_text(store_host.containerd_config, 'root = "%s"\n' % missing)
    store_host.is_started, store_host.started_on, store_host.is_containerd_started = False, None, False
    result = finish(move_both(store_host))
    assert result[STORE] is None
    assert store_host.root() == target_of(store_host)


@pytest.mark.parametrize("value", [5, True, ["/run/containerd/containerd.sock"], "a\0b"])
def test_an_invalid_address_of_containerd_is_no_traceback(store_host, value):
    store_host.is_started = False
    location = find_data_root(store_host)
    location.options["containerd"] = value
    assert uses_system_containerd(store_host, location) in (True, False)


def test_a_path_with_two_slashes_at_its_beginning_is_rejected(store_host):
    with pytest.raises(DataRootError, match="is not a valid containerd's root"):
        move_of(store_host, containerd_root="//containerd").plan()
    assert "//" not in read_text(store_host.containerd_config)


def test_images_that_were_pulled_after_a_boot_survive_a_later_failure_of_the_other_part(store_host, monkeypatch):
    """The data root is renamed and the store is copied. After a power cut, Docker runs on both new roots, then it fails to start."""
    store = os.path.join(store_host.folder, "other", "containerd")
    for directory in (os.path.dirname(store), os.path.dirname(target_of(store_host))):
        os.makedirs(directory)
    monkeypatch.setattr(plan.filesystem, "can_exchange", lambda directory: not directory.endswith("other"))
    original = store_host.list_objects

    def cut():
        if store_host.root() == target_of(store_host):
            raise PowerCut()
        return original()
    store_host.list_objects = cut
    with pytest.raises(PowerCut):
        finish(move_of(store_host, containerd_root=store))
    store_host.is_started, store_host.started_on, store_host.list_objects = False, None, original
    store_host.boot()
    assert store_host.containerd_root() == store
    write_text(os.path.join(store_host.image_directory(), "new"), "pulled in between")
    store_host.broken_roots = (target_of(store_host),)
    with contextlib.suppress(DataRootError):
        finish(move_of(store_host, containerd_root=store))
    assert store_host.is_started and "new" in read_files(store_host.image_directory())


def test_docker_runs_again_if_an_earlier_move_with_other_paths_cannot_be_completed(store_host, monkeypatch):
    """The power fails after the switch, Docker does not start on the new root, and another path is requested."""
    disable_rename(monkeypatch)
    original = store_host.list_objects

    def cut():
        if store_host.root() == target_of(store_host):
            raise PowerCut()
        return original()
    store_host.list_objects = cut
    with pytest.raises(PowerCut):
        finish(move_both(store_host))
    store_host.is_started, store_host.started_on, store_host.list_objects = False, None, original
    store_host.broken_roots = (target_of(store_host),)
    store_host.boot()
    third = move_of(store_host, os.path.join(store_host.folder, "third"), containerd_root=store_target(store_host))
    with pytest.raises(DataRootError, match="Docker does not start. Docker uses .* again"):
        finish(third)
    assert store_host.is_started and store_host.root() == store_host.default_root
