# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mounts below the data root end when Docker stops, and which a move would lose."""
import json
import os
import re

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import docker_mounts, filesystem
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from docker_host import create_host, disable_rename, finish, move_of, target_of
from hypothesis import given
from hypothesis import strategies as st

ID = "4f" * 32
NFS = {"MountType": "nfs", "MountOpts": "addr=10.0.0.5,rw", "MountDevice": ":/exports/data", "Quota": {"Size": 0}}
TMPFS = {"MountType": "tmpfs", "MountOpts": "size=100m", "MountDevice": "tmpfs", "Quota": {"Size": 0}}
BIND = {"MountType": "none", "MountOpts": "bind", "MountDevice": "/srv/data", "Quota": {"Size": 0}}
QUOTA_ONLY = {"MountType": "", "MountOpts": "", "MountDevice": "", "Quota": {"Size": 1024}}


def write_volume(root, name, text):
    """Create volumes/NAME of a root. text: str, of opts.json, or None for a volume without driver options. Returns its _data."""
    data = os.path.join(root, "volumes", name, "_data")
    os.makedirs(data)
    if text is not None:
        with open(os.path.join(os.path.dirname(data), "opts.json"), "w") as target:
            target.write(text)
    return data


def mount(monkeypatch, *points):
    monkeypatch.setattr(filesystem, "list_mounts", lambda: [("/", "ext4")] + [(point, "ext4") for point in points])


@pytest.mark.parametrize("prefix", ["", "/231072.231072"])
@pytest.mark.parametrize("point", [
    "/overlay2/%s/merged" % ID, "/containers/%s/mounts/shm" % ID, "/containers/%s/mounts/secrets" % ID,
    "/plugins/%s/propagated-mount" % ID, "/rootfs/overlayfs/%s" % ID, "/rootfs/fuse-overlayfs/%s" % ID, "/rootfs/stargz/%s" % ID,
    "/tmp/buildkit-mount123456", "/tmp/containerd-mount99", "/tmp/safe-mount7",
])
def test_mounts_of_a_running_docker_are_not_foreign(monkeypatch, prefix, point):
    mount(monkeypatch, "/data" + prefix + point)
    assert docker_mounts.foreign_mounts("/data") == []


@pytest.mark.parametrize("point", [
    "/volumes", "/volumes/data", "/volumes/data/_data", "/volumes/data/_data/below", "/overlay2", "/rootfs", "/rootfs/overlayfs", "/tmp",
    "/tmp/mine", "/backup", "/231072.231072/volumes", "/231072.231072/backup", "/231072/overlay2/x", "/a/231072.231072/overlay2/x",
    "/volumes/data/other", "/volumes/overlay2/rootfs/overlayfs/x",
])
def test_mounts_of_the_user_are_foreign(monkeypatch, point):
    mount(monkeypatch, "/data" + point)
    assert docker_mounts.foreign_mounts("/data") == ["/data" + point]


@pytest.mark.parametrize("below", ["", "/231072.231072"])
@pytest.mark.parametrize("options", [NFS, TMPFS, BIND])
def test_a_volume_with_driver_options_is_mounted_by_docker(tmp_path, monkeypatch, below, options):
    root = str(tmp_path)
    data = write_volume(root + below, "shared.data-1", json.dumps(options))
    mount(monkeypatch, data, data + "/nested")
    assert docker_mounts.foreign_mounts(root) == []


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null", "{}", json.dumps(QUOTA_ONLY)])
def test_a_mount_on_a_volume_without_driver_options_is_foreign(tmp_path, monkeypatch, text):
    root = str(tmp_path)
    data = write_volume(root, "mine", text)
    mount(monkeypatch, data)
    assert docker_mounts.foreign_mounts(root) == [data]


def test_the_bind_mount_of_a_remapped_root_is_made_by_docker(tmp_path, monkeypatch):
    root = str(tmp_path)
    os.makedirs(root + "/231072.231072")
    mount(monkeypatch, root + "/231072.231072")
    assert docker_mounts.foreign_mounts(root) == []
    monkeypatch.setattr(docker_mounts, "is_bind_mount", lambda root, point: False)
    assert docker_mounts.foreign_mounts(root) == [root + "/231072.231072"]
    monkeypatch.undo()
    assert not docker_mounts.is_bind_mount(root, "/proc") and not docker_mounts.is_bind_mount(root, root + "/missing")


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
def test_any_mount_point_is_accepted(name):
    assert docker_mounts.is_docker_mount("/missing", "/missing/" + name) in (True, False)


def test_a_move_while_volumes_and_containers_are_mounted(tmp_path, monkeypatch):
    host = create_host(tmp_path, monkeypatch)
    disable_rename(monkeypatch)
    root = os.path.realpath(host.default_root)
    points = [write_volume(root, "shared", json.dumps(NFS)), root + "/rootfs/overlayfs/" + ID]
    stop = host.stop

    def list_mounts():
        return [("/", "ext4")] + [(point, "nfs4") for point in points if host.is_started]
    monkeypatch.setattr(filesystem, "list_mounts", list_mounts)
    os.makedirs(points[1])
    host.stop = lambda *services: (stop(*services), [os.rmdir(point) for point in points[1:] if os.path.isdir(point)])
    assert finish(move_of(host))["to"] == target_of(host)
    assert os.path.isfile(target_of(host) + "/volumes/shared/opts.json")


def test_a_mount_that_outlives_docker_ends_the_move_with_a_rollback(tmp_path, monkeypatch):
    host = create_host(tmp_path, monkeypatch)
    disable_rename(monkeypatch)
    data = write_volume(os.path.realpath(host.default_root), "shared", json.dumps(NFS))
    mount(monkeypatch, data)
    with pytest.raises(DataRootError, match="filesystems are still mounted below its data: " + re.escape(data)):
        finish(move_of(host))
    assert host.is_started and not os.path.exists(target_of(host))


def test_what_is_mounted_below_the_root_is_not_measured(tmp_path, monkeypatch):
    root = os.path.realpath(str(tmp_path))
    for name in ("mounted/inside", "own/inside"):
        os.makedirs(os.path.join(root, name))
        with open(os.path.join(root, name, "file"), "w") as target:
            target.write("x" * 100000)
    monkeypatch.setattr(filesystem, "list_mounts", lambda: [("/", "ext4")])
    whole, entries = filesystem.measure_data(root)
    mount(monkeypatch, root + "/mounted")
    lstat = os.lstat
    monkeypatch.setattr(filesystem.os, "lstat", lambda path: pytest.fail("blocks") if path == root + "/mounted" else lstat(path))
    size, entries_without = filesystem.measure_data(root)
    assert entries == 6 and entries_without == 4 and 100000 <= size <= whole - 100000
