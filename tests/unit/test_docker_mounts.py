# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mounts below the data root end when Docker stops, and which a move would lose."""
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import docker_mounts, filesystem
from docker_host import create_host, disable_rename, finish, move_of, target_of
from hypothesis import given
from hypothesis import strategies as st

ID = "4f" * 32
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


def test_the_bind_mount_of_a_remapped_root_is_made_by_docker(tmp_path, monkeypatch):
    root = str(tmp_path)
    os.makedirs(root + "/231072.231072")
    mount(monkeypatch, root + "/231072.231072")
    assert docker_mounts.foreign_mounts(root) == []
    device = os.stat(root).st_dev
    monkeypatch.setattr(docker_mounts.os, "stat", lambda path: os.stat_result((0, 0, device + (path != root)) + (0,) * 7))
    assert docker_mounts.foreign_mounts(root) == [root + "/231072.231072"]


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
def test_any_mount_point_is_accepted(name):
    assert docker_mounts.is_docker_mount("/missing", "/missing/" + name) in (True, False)


def test_a_move_while_containers_are_mounted(tmp_path, monkeypatch):
    host = create_host(tmp_path, monkeypatch)
    disable_rename(monkeypatch)
    root = os.path.realpath(host.default_root)
    points = [root + "/rootfs/overlayfs/" + ID]
    stop = host.stop

    def list_mounts():
        return [("/", "ext4")] + [(point, "overlay") for point in points if host.is_started]
    monkeypatch.setattr(filesystem, "list_mounts", list_mounts)
    os.makedirs(points[0])
    host.stop = lambda *services: (stop(*services), [os.rmdir(point) for point in points if os.path.isdir(point)])
    assert finish(move_of(host))["to"] == target_of(host)
