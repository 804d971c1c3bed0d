"""What the preflights see of a host."""
import os
import socket

from ansible_collections.fay.rancher.plugins.modules.host_info import free_bytes, importable, listeners, programs, text_of


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
