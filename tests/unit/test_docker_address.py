# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Docker is asked: that of docker.service, whatever root's client is set to."""
import glob
import json
import os
import stat

import pytest
import yaml
from ansible_collections.fay.rancher.plugins.module_utils._engine import address
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import Host
from ansible_collections.fay.rancher.plugins.module_utils._engine.plan import find_data_root
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import command_words
from conftest import ROOT
from docker_host import write_text
from hypothesis import given
from hypothesis import strategies as st

DEFAULT = "unix:///var/run/docker.sock"
# Answers as a Docker at that address would, but only without variables that make the client contact another Docker.
CLIENT = """#!/bin/sh
[ "$1" = --host ] && address=$2 || address=${DOCKER_HOST:-${DOCKER_CONTEXT:-$(cat "$DOCKER_CONFIG/config.json" 2>/dev/null)}}
[ -z "$DOCKER_TLS_VERIFY$DOCKER_API_VERSION" ] || { echo "cannot connect" >&2; exit 1; }
case "$address" in "%s") root=/local ;; *) root=/elsewhere ;; esac
printf '{"DockerRootDir": "%%s"}\\n' "$root"
"""
text = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]))


def create_host(folder, monkeypatch, unit="ExecStart=/usr/bin/dockerd", options="", answers=None):
    """A Host whose unit and daemon.json are texts. answers: {command: output} of other commands."""
    host = Host()
    host.daemon_json = str(folder / "daemon.json")
    write_text(host.daemon_json, options)
    run = host.run
    monkeypatch.setattr(host, "unit_text", lambda: "[Service]\n" + unit)
    monkeypatch.setattr(host, "run", lambda *command: run(*command) if command[0] == "docker" else (
        0, (answers or {}).get(" ".join(command), ""), ""))
    return host


def install_client(folder, monkeypatch, host_address):
    program = folder / "docker"
    write_text(str(program), CLIENT % host_address)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", "%s:%s" % (folder, os.environ["PATH"]))


@pytest.mark.parametrize("variables", [
    {}, {"DOCKER_HOST": "tcp://other:2375"}, {"DOCKER_HOST": "ssh://root@other"}, {"DOCKER_CONTEXT": "other"}, {"DOCKER_CONFIG": "."},
    {"DOCKER_HOST": "tcp://other:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/c"}, {"DOCKER_API_VERSION": "1.24"}])
def test_the_local_docker_is_asked_whatever_the_client_of_root_is_set_to(tmp_path, monkeypatch, variables):
    install_client(tmp_path, monkeypatch, DEFAULT)
    write_text(str(tmp_path / "config.json"), '{"currentContext": "other"}')
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace(".", str(tmp_path)) if name == "DOCKER_CONFIG" else value)
    assert create_host(tmp_path, monkeypatch).docker_info()["DockerRootDir"] == "/local"


@pytest.mark.parametrize("unit, options, answers, expected", [
    ("ExecStart=/usr/bin/dockerd", "", {}, DEFAULT),
    ("", "", {}, DEFAULT),
    ("ExecStart=/usr/bin/dockerd -H fd://", "", {}, DEFAULT),
    ("ExecStart=/usr/bin/dockerd -H fd://", "", {"Listen": "Listen=/run/docker.sock (Stream)\n"}, "unix:///run/docker.sock"),
    ("ExecStart=/usr/bin/dockerd -H fd:// -D", "", {"Listen": "Listen=0.0.0.0:2376 (Stream)\nListen=/srv/a b.sock (Stream)\n"},
     "unix:///srv/a b.sock"),
    ("ExecStart=/usr/bin/dockerd -H fd://", "", {"Listen": "ListenStream=/run/docker.sock\n"}, "unix:///run/docker.sock"),
    ("ExecStart=/usr/bin/dockerd", '{"hosts": ["tcp://0.0.0.0:2375", "unix:///run/own.sock"]}', {}, "unix:///run/own.sock"),
    ("ExecStart=/usr/bin/dockerd", '{"hosts": ["unix:///run/own.sock", "unix:///var/run/docker.sock"]}', {}, DEFAULT),
    ("ExecStart=/usr/bin/dockerd", '{"hosts": 5}', {}, DEFAULT),
    ("ExecStart=/usr/bin/dockerd", '{"hosts": [5, null]}', {}, DEFAULT),
    ("ExecStart=/usr/bin/dockerd", "{", {}, DEFAULT),
    ("ExecStart=/usr/bin/dockerd -H tcp://0.0.0.0:2375", "", {}, "tcp://127.0.0.1:2375"),
    ("ExecStart=/usr/bin/dockerd --host=10.0.0.7:2375", "", {}, "tcp://10.0.0.7:2375"),
    ("ExecStart=/usr/bin/dockerd --host tcp://[::]:2375", "", {}, "tcp://[::1]:2375"),
    ("ExecStart=/usr/bin/dockerd -H :2375", "", {}, "tcp://127.0.0.1:2375"),
    ("ExecStart=/usr/bin/dockerd -H tcp://", "", {}, "tcp://127.0.0.1"),
    ('ExecStart=/usr/bin/dockerd "-H=unix:///run/own.sock"', "", {}, "unix:///run/own.sock"),
    ("ExecStart=/usr/bin/dockerd -DHunix:///run/own.sock", "", {}, "unix:///run/own.sock"),
    ("ExecStart=/usr/bin/dockerd --host-gateway-ip=10.0.0.1 -H unix://", "", {}, DEFAULT),
    ("ExecStart=/usr/bin/dockerd -H npipe://", "", {}, DEFAULT),
])
def test_the_address_is_the_one_that_docker_listens_on(tmp_path, monkeypatch, unit, options, answers, expected):
    commands = {"systemctl show docker.socket --property=Listen": answers.get("Listen", "")}
    assert create_host(tmp_path, monkeypatch, unit, options, commands).docker_address() == expected


def test_the_unit_is_read_once_to_find_the_data_root(tmp_path, monkeypatch):
    host = Host()
    host.daemon_json, commands = str(tmp_path / "daemon.json"), []
    answers = {"systemctl": (0, "[Service]\nExecStart=/usr/bin/dockerd -H unix:///run/own.sock\n", ""),
               "docker": (0, '{"DockerRootDir": "/data"}', "")}
    monkeypatch.setattr(host, "run", lambda *command: commands.append(command) or answers[command[0]])
    assert find_data_root(host).root == "/data"
    assert commands == [("systemctl", "cat", "docker.service"),
                        ("docker", "--host", "unix:///run/own.sock", "info", "--format", "{{json .}}")]


@pytest.mark.parametrize("word", ["$DOCKER_OPTS", "${DOCKER_HOST_FLAG}"])
def test_variables_of_the_unit_are_replaced(tmp_path, monkeypatch, word):
    path = str(tmp_path / "environment")
    write_text(path, 'DOCKER_OPTS="--debug -H unix:///run/own.sock"\nDOCKER_HOST_FLAG=--host=unix:///run/own.sock\n')
    unit = "EnvironmentFile=-%s\nExecStart=/usr/bin/dockerd %s $UNSET" % (path, word)
    assert create_host(tmp_path, monkeypatch, unit).docker_address() == "unix:///run/own.sock"


@pytest.mark.parametrize("unit", [
    'Environment="DOCKER_OPTS=-H unix:///run/own.sock"\nExecStart=/usr/bin/dockerd $DOCKER_OPTS',
    "ExecStart=/usr/bin/dockerd \\\n  # a comment\n  -H unix://%t/own.sock",
    "ExecStart=/usr/bin/dockerd\nExecStart=\nExecStart=/usr/bin/dockerd -H 'unix:///run/own.sock'",
    'EnvironmentFile=-/missing\nExecStart=-/usr/bin/dockerd "--host=unix:///run/own.sock"',
])
def test_the_unit_is_read_as_systemd_reads_it(tmp_path, monkeypatch, unit):
    assert create_host(tmp_path, monkeypatch, unit).docker_address() == "unix:///run/own.sock"


def test_variables_are_kept_after_a_colon_in_front_of_the_program(tmp_path, monkeypatch):
    unit = "Environment=SOCKET=/run/own.sock\nExecStart=:/usr/bin/dockerd -H unix://${SOCKET}"
    assert create_host(tmp_path, monkeypatch, unit).docker_address() == "unix://${SOCKET}"


@pytest.mark.parametrize("line, words", [("dockerd 'a b' $A ${A}", ["dockerd", "a b", "x", "y", "x y"]), ("dockerd 'a", []), ("", [])])
def test_the_words_of_a_command_are_those_of_systemd(line, words):
    assert command_words(line, {"A": "x y"}) == words


@pytest.mark.parametrize("variables, flags", [
    ({}, []), ({"DOCKER_TLS_VERIFY": "1"}, ["--tlsverify"]), ({"DOCKER_TLS": "1"}, ["--tls"]), ({"DOCKER_TLS_VERIFY": ""}, [])])
def test_tls_is_used_over_tcp_only(variables, flags):
    assert address.client_command("tcp://127.0.0.1:2376", variables) == ["docker", "--host", "tcp://127.0.0.1:2376"] + flags
    assert address.client_command(DEFAULT, variables) == ["docker", "--host", DEFAULT]
    assert address.client_environment(dict(variables, DOCKER_CERT_PATH="/c", PATH="/bin")) == {"DOCKER_CERT_PATH": "/c", "PATH": "/bin"}


def test_tasks_of_roles_contact_the_local_docker():
    hosts = []
    for path in glob.glob(os.path.join(ROOT, "roles", "*", "tasks", "*.yml")):
        with open(path, encoding="utf-8") as source:
            for task in yaml.safe_load(source) or []:
                hosts += [options.get("docker_host") for name, options in task.items() if name.startswith("community.docker.")]
                if task.get("ansible.builtin.command", {}).get("argv", [""])[0] == "docker":
                    hosts.append(task.get("environment", {}).get("DOCKER_HOST"))
    assert hosts == [DEFAULT] * 3


FLAGS = st.sampled_from(["-H", "-H ", "-H=", "--host ", "--host="])
HOSTS = st.from_regex(r"[a-z]{2,5}://[^\s=-]\S{0,9}", fullmatch=True)


@given(st.lists(st.tuples(FLAGS, HOSTS), max_size=4))
def test_no_configured_host_is_lost(flags):
    words = [word for flag, host in flags for word in ((flag[:-1], host) if flag.endswith(" ") else (flag + host,))]
    hosts = address.configured_hosts(["dockerd", "-D"] + words + ["--debug"], {"hosts": ["last"]})
    assert hosts == [host for unused, host in flags] + ["last"]


@given(st.lists(text), st.lists(text), text, st.dictionaries(text, text))
def test_any_configuration_gives_an_address(words, sockets, line, variables):
    hosts = address.configured_hosts(words, {"hosts": words})
    assert address.local_address(hosts, sockets).startswith(("unix://", "tcp://"))
    address.configured_hosts(command_words(line, variables), {})
    address.socket_paths(line)
    json.dumps(address.tcp_address([line]))
