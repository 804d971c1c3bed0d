"""Waiting for a Rancher server on its own host: what ends the wait, and when."""
import json
import os
import socket
import subprocess
import threading
import time

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._rancher.server_wait import Container, ServerError, ServerWait

PASSWORD_LINE = "2026/11/26 [INFO] Bootstrap Password: abcdefghijklmnop\nlast line\n"


class Engine:
    """Answers the Docker command line. states: [(status, restarts)], of which the last one stays."""

    def __init__(self, *states):
        self.states = list(states)

    def __call__(self, words):
        assert words[0] == "timeout" and words[3] == "docker"
        words = words[3:]
        if words[1] == "logs":
            return 0, "", PASSWORD_LINE
        if not self.states:
            return 1, "[]", "Error: No such container: rancher"
        status, restarts = self.states[0] if len(self.states) == 1 else self.states.pop(0)
        return 0, json.dumps([{"State": {"Status": status, "ExitCode": 126, "StartedAt": "2026-11-26T00:00:00Z"},
                               "RestartCount": restarts}]), ""


def waiting(url, engine, timeout=30, **options):
    return ServerWait(Container("rancher", engine), url, timeout, **options)


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "https://127.0.0.1:%d" % probe.getsockname()[1]


@pytest.mark.parametrize("states, found", [
    ([("running", 0), ("restarting", 1)], "was restarted by the engine (1 times so far): its state is restarting, its last exit code 126"),
    ([("running", 3), ("running", 4)], "was restarted by the engine (4 times so far): its state is running"),
    ([("restarting", 2)], "was restarted by the engine (2 times so far): its state is restarting"),
    ([("exited", 0)], "does not run: its state is exited, its last exit code 126"),
])
def test_a_container_that_ends_or_restarts_ends_the_wait(states, found):
    begun = time.time()
    with pytest.raises(ServerError) as error:
        waiting(closed_port(), Engine(*states), sleep=lambda seconds: None).wait(30)
    assert found in str(error.value)
    assert "last line" in str(error.value)
    assert "Bootstrap Password: ********" in str(error.value) and "abcdefghijklmnop" not in str(error.value)
    assert time.time() - begun < 10


def test_a_container_that_is_not_there_is_named():
    with pytest.raises(ServerError, match="There is no container rancher on this host"):
        waiting(closed_port(), Engine()).wait(30)


def test_a_server_that_never_answers_is_waited_for_by_the_clock(silent_server):
    begun = time.time()
    with pytest.raises(ServerError, match="has not answered at .* within 3 seconds"):
        waiting(silent_server, Engine(("running", 0)), timeout=3).wait(3)
    assert 2.9 < time.time() - begun < 6


def test_the_time_counts_over_all_slices():
    now = [100.0]
    seen = None
    for _slice in range(3):
        wait = waiting(closed_port(), Engine(("running", 0)), timeout=25, seen=seen, clock=lambda: now[0],
                       sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
        if _slice == 2:
            with pytest.raises(ServerError, match="within 25 seconds"):
                wait.wait(10)
        else:
            value, lines = wait.wait(10)
            assert value is None and lines == ["the container runs, the server does not answer yet: [Errno 111] Connection refused"]
        seen = json.loads(json.dumps(wait.dump()))
    assert now[0] == 125


def test_a_server_that_answers_ends_the_wait(standin):
    assert waiting(standin.url, Engine(("running", 0))).wait(10) == ("true", [])


def test_an_answer_that_is_not_ranchers_is_shown():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def answer():
            with server.accept()[0] as client:
                client.recv(1000)
                client.sendall(b"HTTP/1.0 503 Unavailable\r\n\r\nbusy")
        thread = threading.Thread(target=answer)
        thread.start()
        url = "http://127.0.0.1:%d" % server.getsockname()[1]
        value, lines = waiting(url, Engine(("running", 0))).wait(0)
        thread.join()
    assert value is None and lines == ["the container runs, the server does not answer yet: HTTP 503"]


def test_an_engine_that_does_not_answer_ends_the_wait(silent_server, tmp_path, monkeypatch):
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexec sleep 30\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def run(words):
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    begun = time.monotonic()
    with pytest.raises(ServerError, match="did not answer `docker inspect rancher` within 2 seconds"):
        waiting(silent_server, run, timeout=2).wait(30)
    assert time.monotonic() - begun < 15


def test_a_server_that_sends_single_bytes_does_not_stretch_the_time_out(dripping_server):
    begun = time.monotonic()
    with pytest.raises(ServerError, match="has not answered at .* within 2 seconds"):
        waiting(dripping_server, Engine(("running", 0)), timeout=2).wait(30)
    assert time.monotonic() - begun < 15
