# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from units, environment files and the output of docker and rsync, and which SELinux rules are set."""
import json

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError, parse_daemon_json, render_daemon_json
from ansible_collections.fay.rancher.plugins.module_utils._engine.copying import parse_progress
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import MAX_STOP_TRIES, Host
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import exec_start, split_root_flag
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


# ---- daemon.json

@pytest.mark.parametrize("text, options", [
    ("", {}), (" \n", {}), ("null", {}), ("{}", {}), ('\ufeff{"debug": true}', {"debug": True}), ("\ufeff", {}),
    ('{"log-opts": {"a": "1"}, "log-opts": {"b": "2"}}', {"log-opts": {"a": "1", "b": "2"}}),
    ('{"log-opts": {"a": "1"}, "log-opts": null}', {"log-opts": None}), ('{"dns": ["a"], "dns": ["b"]}', {"dns": ["b"]}),
    ('{"debug": true, "debug": null}', {"debug": True}), ('{"mtu": null, "mtu": 1}', {"mtu": 1}),
    ('{"data-root": "/\\ud800"}', {"data-root": "/\ufffd"}), ('{"data-root": "/\\ud83d\\ude00"}', {"data-root": "/\U0001f600"}),
    ('{"data-root": 5, "mtu": 15.0}', {"data-root": 5, "mtu": 15.0}),
    ('{"runtimes": {"a": {"path": "/a"}, "a": {}}}', {"runtimes": {"a": {}}}),
])
def test_daemon_json_is_read_as_docker_reads_it(text, options):
    assert parse_daemon_json(text) == options


@pytest.mark.parametrize("text, reason", [
    ("{", "Expecting property name"), ('{"mtu": NaN}', "NaN is not a number"), ('{"mtu": -Infinity}', "-Infinity is not a number"),
    ('{"mtu": 1e999}', "1e999 is not a number"), ("[" * 100000, "nested too deeply"), ('{"a":' * 60 + "1" + "}" * 60, "nested too deeply"),
    ('{"a": {"b":%s}, "a": {}}' % ("[" * 60 + "]" * 60), "nested too deeply"), ("\ufeff\ufeff{}", "BOM"), ("{} {}", "Extra data"),
])
def test_a_daemon_json_that_docker_rejects_is_reported(text, reason):
    with pytest.raises(DataRootError, match="daemon.json is not valid JSON .*%s.* Correct the file" % reason):
        parse_daemon_json(text)


@pytest.mark.parametrize("text", ["[]", "5", '"a"', "true", "[{}]"])
def test_a_daemon_json_that_is_not_an_object_is_reported(text):
    with pytest.raises(DataRootError, match="contains a JSON .*; a JSON object is required"):
        parse_daemon_json(text)


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
                           lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(st.dictionaries(st.text(), json_values))
def test_options_are_rendered_and_read_without_loss(options):
    assert parse_daemon_json(render_daemon_json(options)) == options


@given(st.lists(st.sampled_from(["{", "}", "[", "]", ":", ",", '"a"', '"\\ud800"', "1", "1.0", "null", "NaN", "\ufeff", " "])).map("".join))
def test_accepted_options_can_be_written(text):
    try:
        options = parse_daemon_json(text)
    except DataRootError:
        return
    assert parse_daemon_json(render_daemon_json(options).encode("utf-8").decode("utf-8")) == options


@pytest.mark.parametrize("output, version", [
    ("Docker version 20.10.24+dfsg1, build 5d6db84\n", "20.10.24"), ("Docker version v29.0.0-rc.1, build 1\n", "29.0.0"), ("", ""),
    ("Docker version dev, build x", "")])
def test_the_installed_version_is_read(monkeypatch, output, version):
    host = Host()
    monkeypatch.setattr(host, "run", lambda *command: (0, output, "") if command == ("dockerd", "--version") else None)
    assert host.installed_version() == version


# ---- other texts

@given(st.text())
def test_parsers_accept_any_text(text):
    parse_progress(text)
    try:
        parse_daemon_json(text)
    except DataRootError:
        pass


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


def container(identifier, status="running", policy="always", **changes):
    """What `docker container inspect` prints for a container, as far as it is read. changes: of HostConfig, Config and Mounts."""
    return {"Id": identifier, "State": {"Status": status}, "Config": {"Labels": changes.get("labels")}, "Mounts": changes.get("mounts", []),
            "HostConfig": {"AutoRemove": changes.get("removed", False), "RestartPolicy": {"Name": policy, "MaximumRetryCount": 0}}}


def test_containers_are_listed_with_bind_mounts_and_without_those_that_end_with_docker(monkeypatch):
    """A bind mount has no name. Labels are null if there are none."""
    anonymous = "0" * 63
    items = [container("a", mounts=[{"Type": "bind", "Source": "/srv"}, {"Type": "volume", "Name": "kept"}]), container("b", "exited", ""),
             container("c", removed=True, mounts=[{"Type": "volume", "Name": anonymous + "1"}, {"Type": "bind"}]),
             container("d", labels={"com.docker.swarm.task.id": "t"}, mounts=[{"Type": "volume", "Name": anonymous + "2"}])]
    answers = {"image": "i\n", "volume": "\n".join(["kept", anonymous + "1", anonymous + "2", anonymous + "3"]), "network": "bridge\n",
               "ps": "a\nb\nc\nd\n", "container": json.dumps(items)}
    host = Host()
    monkeypatch.setattr(host, "run_docker", lambda *command: (0, answers[command[0]], ""))
    assert host.list_objects() == {"images": ["i"], "networks": ["bridge"], "volumes": [anonymous + "3", "kept"],
                                   "containers": {"a": ["running", "always"], "b": ["exited", "no"]}}


def test_without_containers_none_is_inspected(monkeypatch):
    host = Host()
    monkeypatch.setattr(host, "run_docker", lambda *command: (0, "", "") if command[0] != "container" else 1 / 0)
    assert host.list_objects() == {"images": [], "volumes": [], "networks": [], "containers": {}}
