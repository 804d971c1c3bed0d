# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the preflights of the roles read on a host."""
import os
import socket

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._files import free_bytes, require_root
from ansible_collections.fay.rancher.plugins.module_utils._host_info import (
    cgroup_version,
    exists,
    is_file,
    is_importable,
    listening_sockets,
    occupied_ports,
    program_names,
    read_text,
    size_bytes,
)


def test_the_space_of_a_missing_directory_is_that_of_its_parent(tmp_path):
    missing = str(tmp_path / "not" / "yet")
    assert free_bytes(str(tmp_path)) > 0
    assert abs(free_bytes(missing) - free_bytes(str(tmp_path))) < 2 ** 30
    assert size_bytes(missing) == size_bytes(str(tmp_path)) > 0
    assert size_bytes("relative") == 0


def test_a_listener_is_returned_with_its_program():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        inode = listening_sockets({port})[port]
        with open("/proc/self/comm") as source:
            own_name = source.read().strip()
        assert program_names({inode}) == {inode: own_name}
        assert occupied_ports([port]) == {str(port): own_name}
    assert occupied_ports([port]) == {}


def test_invalid_bytes_of_a_text_are_replaced(tmp_path):
    (tmp_path / "file").write_bytes(b"caf\xe9\n")
    assert read_text(str(tmp_path / "file")) == "caf\ufffd\n"


def test_a_dangling_link_exists(tmp_path):
    (tmp_path / "link").symlink_to("missing")
    assert exists(str(tmp_path / "link")) and not is_file(str(tmp_path / "link"))
    assert not exists(str(tmp_path / "missing")) and not exists(str(tmp_path / "link" / "below"))


def test_only_existing_python_modules_are_importable():
    names = ["os.path", "nosuch", "nosuch.at_all", "os.nosuch", "", "."]
    assert [name for name in names if is_importable(name)] == ["os.path"]


@pytest.mark.parametrize("mounts, version", [
    ("cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n", 2),
    ("tmpfs /sys/fs/cgroup tmpfs ro 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n", 1),  # hybrid
    ("tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", 2),  # the later mount covers the first
    ("", 1),
])
def test_the_version_of_the_control_groups_is_detected(mounts, version):
    assert cgroup_version(mounts) == version


def test_a_path_that_the_user_may_not_see_is_an_error(monkeypatch):
    def deny(path):
        raise PermissionError(13, "Permission denied", path)
    monkeypatch.setattr(os, "lstat", deny)
    monkeypatch.setattr(os, "stat", deny)
    for check in (exists, is_file):
        with pytest.raises(PermissionError):
            check("/var/lib/docker/image")


def test_an_ordinary_user_is_rejected_by_name(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with pytest.raises(OSError, match="The tasks run as nobody on .*; root is required. Set become to true"):
        require_root()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    require_root()
