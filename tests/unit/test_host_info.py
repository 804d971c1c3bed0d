"""What the preflights see of a host."""
import os
import socket

import pytest
from ansible_collections.fay.rancher.plugins.modules.host_info import (
    cgroup_version,
    free_bytes,
    importable,
    is_file,
    listeners,
    programs,
    require_root,
    status_of,
    text_of,
)


def test_free_space_of_a_directory_that_is_not_there_yet(tmp_path):
    there = free_bytes(str(tmp_path))
    assert there > 0 and abs(free_bytes(str(tmp_path / "not" / "yet")) - there) < 2 ** 30


def test_a_listener_is_found_with_its_program():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        found = listeners({port})
        with open("/proc/self/comm") as source:
            assert programs({found[port]}) == {found[port]: source.read().strip()}
    assert listeners({port}) == {}


def test_a_text_is_read_whatever_its_bytes_are(tmp_path):
    path = os.path.join(str(tmp_path), "file")
    with open(path, "wb") as target:
        target.write(b"caf\xe9\n")
    assert text_of(path) == "caf\ufffd\n"


def test_modules_of_python():
    assert [name for name in ("os.path", "nosuch", "nosuch.at_all", "os.nosuch", "", ".") if importable(name)] == ["os.path"]


@pytest.mark.parametrize("mounts, version", [
    ("cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n", 2),
    ("tmpfs /sys/fs/cgroup tmpfs ro 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n", 1),  # hybrid
    ("tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", 2),  # the later mount covers the first
    ("", 1),
])
def test_the_version_of_the_control_groups(mounts, version):
    assert cgroup_version(mounts) == version


def test_what_may_not_be_looked_at_is_an_error_and_not_absent(monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)
    monkeypatch.setattr(os, "lstat", refuse)
    monkeypatch.setattr(os, "stat", refuse)
    for look in (status_of, is_file):
        with pytest.raises(PermissionError):
            look("/var/lib/docker/image")


def test_an_ordinary_user_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with pytest.raises(OSError, match="The tasks run as nobody on .*; root is required. Set become to true"):
        require_root()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    require_root()
