# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from units, environment files and the output of docker and rsync, and which SELinux rules are set."""
import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import (
    DataRootError,
    exec_start,
    parse_daemon_json,
    parse_environment,
    split_root_flag,
)
from ansible_collections.fay.rancher.plugins.module_utils._engine.copying import parse_progress
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import MAX_STOP_TRIES, Host
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("unit, root, rest", [
    ("ExecStart=/usr/bin/dockerd -H fd:// --data-root /a", "/a", "/usr/bin/dockerd -H fd://"),
    ("ExecStart=/usr/bin/dockerd --graph=/a -H fd://", "/a", "/usr/bin/dockerd -H fd://"),
    ("ExecStart=/usr/bin/dockerd -g /a \\\n  --debug", "/a", "/usr/bin/dockerd --debug"),
    ('ExecStart=/usr/bin/dockerd --data-root "/with space" -D', "/with space", "/usr/bin/dockerd -D"),
    ("ExecStart=/usr/bin/dockerd\nExecStart=\nExecStart=/usr/bin/dockerd -g /b", "/b", "/usr/bin/dockerd"),
    ("ExecStart=/usr/bin/dockerd --log-opt tag=-g", None, "/usr/bin/dockerd --log-opt tag=-g"),
])
def test_flags_of_the_data_root_are_separated_from_the_command(unit, root, rest):
    assert split_root_flag(exec_start("[Service]\n" + unit)) == (rest, root)


def test_the_latest_progress_of_rsync_is_read():
    output = "\r    1,234,567   1%  100.00MB/s    0:00:10\r  123,456,789  45%   98.31MB/s    0:00:02 (xfr#3)"
    assert parse_progress(output) == (123456789, 45, "98.31MB/s")
    assert parse_progress("") is None


@given(st.text())
def test_parsers_accept_any_text(text):
    split_root_flag(text)
    exec_start(text)
    parse_environment(text)
    parse_progress(text)
    try:
        parse_daemon_json(text)
    except DataRootError:
        pass


def test_objects_that_docker_removes_when_it_stops_are_not_listed(monkeypatch):
    anonymous, named, of_task = "a" * 64, "b" * 63, "d" * 64
    answers = {
        ("image",): "sha256:1\nsha256:1\n", ("volume",): "%s\n%s\n%s\n%s\nthings\n" % (anonymous, named, "c" * 64, of_task),
        ("network",): "bridge\nhost\n", ("ps",): "id1\nid2\nid3\n",
        ("inspect",): "id1|running|always|false||things \nid2|running||true||%s %s \nid3|running||false|task1|%s served \n" % (
            anonymous, named, of_task)}
    host = Host()
    monkeypatch.setattr(host, "run_docker", lambda *command: (0, answers[command[:1]], ""))
    assert host.list_objects() == {
        "images": ["sha256:1"], "networks": ["bridge", "host"], "containers": {"id1": ["running", "always"]},
        "volumes": [named, "c" * 64, "things"]}


def test_docker_is_stopped_again_if_its_socket_starts_it(monkeypatch):
    host = Host()
    states = ["active", "active"]  # answers of `systemctl is-active`, then `inactive`
    stops = []

    def run(*command):
        if command[1] == "stop":
            stops.append(command[2:])
        return 0, states.pop(0) if command[1] == "is-active" and states else "inactive", ""
    monkeypatch.setattr(host, "run", run)
    host.stop("containerd.service")
    assert stops == [("docker.socket", "docker.service")] * 3 + [("containerd.service",)]


def test_an_error_is_reported_if_docker_cannot_be_stopped(monkeypatch):
    host = Host()
    stops = []
    monkeypatch.setattr(host, "run", lambda *command: stops.append(command) or (0, "active", ""))
    with pytest.raises(DataRootError, match="`systemctl stop docker` did not stop Docker"):
        host.stop()
    assert len([command for command in stops if command[1] == "stop"]) == MAX_STOP_TRIES


@pytest.mark.parametrize("enabled, semanage, enforcing, message", [
    (1, (0, "", ""), "", None), (0, (0, "", ""), "Enforcing", None), (0, (1, "", "already defined"), "Enforcing", None),
    (0, (127, "", "not found"), "Enforcing",
     "SELinux is enforcing and the rules of /var/lib/docker cannot be applied to /new: not found. Install"),
    (0, (127, "", "not found"), "Permissive", None)])
def test_a_new_root_gets_the_selinux_rules_of_the_default_root(monkeypatch, enabled, semanage, enforcing, message):
    commands = []
    answers = {"selinuxenabled": (enabled, "", ""), "semanage": semanage, "getenforce": (0, enforcing, "")}
    host = Host()
    monkeypatch.setattr(host, "run", lambda *command: commands.append(command) or answers.get(command[0], (0, "", "")))
    if message:
        with pytest.raises(DataRootError, match=message):
            host.apply_selinux_rules("/new")
    else:
        host.apply_selinux_rules("/new")
    labeled = ("restorecon", "-R", "/new") in commands
    assert labeled == (enabled == 0 and (semanage[0] == 0 or "already" in semanage[2]))
    assert enabled or ("semanage", "fcontext", "-a", "-e", "/var/lib/docker", "/new") in commands


def test_no_selinux_rules_are_added_for_the_default_root(monkeypatch):
    commands = []
    host = Host()
    monkeypatch.setattr(host, "run", lambda *command: commands.append(command) or (0, "", ""))
    host.apply_selinux_rules("/var/lib/docker")
    assert commands == [("selinuxenabled",), ("restorecon", "-R", "/var/lib/docker")]
