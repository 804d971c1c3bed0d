# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a Rancher server on its own host: what ends the wait, and when."""
import json
import os
import socket
import subprocess
import threading
import time

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine.address import CLIENT_VARIABLES
from ansible_collections.fay.rancher.plugins.module_utils._rancher.server_wait import LOCAL_DOCKER, Container, ServerError, ServerWait

LOG = "2026/11/26 [INFO] Bootstrap Password: abcdefghijklmnop\nlast line\n"


class Docker:
    """Answers the Docker command line for a container. states: (status, restarts) at each inspection; the last one is repeated."""

    def __init__(self, *states):
        self.states = list(states)

    def __call__(self, words, environ_update):
        assert words[0] == "timeout" and words[3] == "docker"
        words = words[3:]
        if words[1] == "logs":
            return 0, "", LOG
        if not self.states:
            return 1, "[]", "Error: No such container: rancher"
        status, restarts = self.states[0] if len(self.states) == 1 else self.states.pop(0)
        return 0, json.dumps([{"State": {"Status": status, "ExitCode": 126}, "RestartCount": restarts}]), ""


RUNNING = Docker(("running", 0))


def server_wait(url, docker, timeout=30, **options):
    return ServerWait(Container("rancher", docker), url, timeout, **options)


def url_of_a_closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "https://127.0.0.1:%d" % probe.getsockname()[1]


@pytest.mark.parametrize("states, message", [
    ([("running", 0), ("restarting", 1)],
     "was restarted by Docker (restarts so far: 1): its state is restarting, its last exit code is 126"),
    ([("running", 3), ("running", 4)], "was restarted by Docker (restarts so far: 4): its state is running"),
    ([("restarting", 2)], "was restarted by Docker (restarts so far: 2): its state is restarting"),
    ([("exited", 0)], "is not running: its state is exited, its last exit code is 126"),
])
def test_a_container_that_exits_or_restarts_ends_the_wait(states, message):
    started_at = time.time()
    with pytest.raises(ServerError) as error:
        server_wait(url_of_a_closed_port(), Docker(*states), sleep=lambda seconds: None).wait(30)
    assert message in str(error.value)
    assert "last line" in str(error.value)
    assert "Bootstrap Password: ********" in str(error.value) and "abcdefghijklmnop" not in str(error.value)
    assert time.time() - started_at < 10


def test_a_missing_container_is_reported():
    with pytest.raises(ServerError, match="There is no container rancher on this host"):
        server_wait(url_of_a_closed_port(), Docker()).wait(30)


def test_the_timeout_includes_requests_without_an_answer(silent_server):
    started_at = time.time()
    with pytest.raises(ServerError, match="has not answered at .* within 3 seconds"):
        server_wait(silent_server, RUNNING, timeout=3).wait(3)
    assert 2.9 < time.time() - started_at < 6


def test_the_timeout_covers_all_slices():
    clock_time, state = [100.0], None
    for number in range(3):
        wait = server_wait(url_of_a_closed_port(), RUNNING, timeout=25, state=state, clock=lambda: clock_time[0],
                           sleep=lambda seconds: clock_time.__setitem__(0, clock_time[0] + seconds))
        if number == 2:
            with pytest.raises(ServerError, match="within 25 seconds"):
                wait.wait(10)
        else:
            value, lines = wait.wait(10)
            assert value is None and lines == [
                "the container is running, but the server does not answer yet: [Errno 111] Connection refused"]
        state = json.loads(json.dumps(wait.saved_state()))
    assert clock_time[0] == 125


def test_a_restart_between_two_slices_ends_the_wait():
    first = server_wait(url_of_a_closed_port(), Docker(("running", 0)))
    first.wait(0)
    second = server_wait(url_of_a_closed_port(), Docker(("running", 1)), state=json.loads(json.dumps(first.saved_state())))
    with pytest.raises(ServerError, match="was restarted by Docker"):
        second.wait(0)


def test_a_server_that_answers_ends_the_wait(standin):
    assert server_wait(standin.url, RUNNING).wait(10) == ("true", [])


def test_an_http_error_is_shown():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def answer():
            with server.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.0 503 Unavailable\r\n\r\nbusy")
        thread = threading.Thread(target=answer)
        thread.start()
        url = "http://127.0.0.1:%d" % server.getsockname()[1]
        value, lines = server_wait(url, RUNNING).wait(0)
        thread.join()
    assert value is None and lines == ["the container is running, but the server does not answer yet: HTTP 503"]


def install_client(folder, monkeypatch, script):
    """Put a program `docker` before the others in PATH."""
    docker = folder / "docker"
    docker.write_text("#!/bin/sh\n" + script)
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def run(words, environ_update):
    """Run a command as AnsibleModule.run_command() does."""
    process = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, **environ_update))
    return process.returncode, process.stdout.decode(), process.stderr.decode()


def test_the_local_docker_is_asked_whatever_the_client_of_root_is_set_to(tmp_path, monkeypatch):
    install_client(tmp_path, monkeypatch, """
[ "$DOCKER_HOST$DOCKER_TLS_VERIFY$DOCKER_API_VERSION" = unix:///var/run/docker.sock ] || exit 1
echo '[{"State": {"Status": "running", "ExitCode": 0}, "RestartCount": 0}]'
""")
    for name in CLIENT_VARIABLES:
        monkeypatch.setenv(name, "tcp://other:2376")
    assert Container("rancher", run).state().status == "running"
    assert set(LOCAL_DOCKER) == set(CLIENT_VARIABLES)


def test_docker_that_does_not_answer_ends_the_wait(silent_server, tmp_path, monkeypatch):
    install_client(tmp_path, monkeypatch, "exec sleep 30\n")
    started_at = time.monotonic()
    with pytest.raises(ServerError, match="did not answer `docker inspect rancher` within 2 seconds"):
        server_wait(silent_server, run, timeout=2).wait(30)
    assert time.monotonic() - started_at < 15


def test_the_timeout_includes_an_answer_in_single_bytes(dripping_server):
    started_at = time.monotonic()
    with pytest.raises(ServerError, match="has not answered at .* within 2 seconds"):
        server_wait(dripping_server, RUNNING, timeout=2).wait(30)
    assert time.monotonic() - started_at < 15
