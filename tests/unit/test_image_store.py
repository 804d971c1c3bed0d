# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image store Docker uses, and what containerd.service and its commands say."""
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.containerd_service import DEFAULT_CONTAINERD_ROOT
from ansible_collections.fay.rancher.plugins.module_utils._engine.daemon_options import needs_restart, problems
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import Host
from ansible_collections.fay.rancher.plugins.module_utils._engine.image_store import (
    CLASSIC,
    CONTAINERD,
    DOCKER_NAMESPACES,
    find_image_store,
    uses_system_containerd,
)
from ansible_collections.fay.rancher.plugins.module_utils._engine.plan import Location
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import flag_value
from docker_host import CONTAINERD_INFO

CHOSEN = {"features": {"containerd-snapshotter": True}}
COMMAND = ["/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"]


class StubHost:
    """A host that is known by its Docker's version."""

    def __init__(self, version="", runs_containerd=True):
        self.version, self.runs_containerd = version, runs_containerd

    def installed_version(self):
        return self.version

    def is_containerd_running(self):
        return self.runs_containerd

    def containerd_root(self):
        return "/store"


def location_of(root="/missing", options=None, info=None, words=None):
    return Location(root, "docker", "", False, options or {}, info or {}, COMMAND if words is None else words)


@pytest.mark.parametrize("info, kind", [
    (CONTAINERD_INFO, CONTAINERD),
    ({"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]]}, CLASSIC), ({"Driver": "overlay2"}, CLASSIC),
    ({"Driver": "vfs", "DriverStatus": None}, CLASSIC),
])
def test_a_running_docker_names_its_store(info, kind):
    assert find_image_store(StubHost("20.10.24"), location_of(info=info)).kind == kind


@pytest.mark.parametrize("version, options, words, kind", [
    ("20.10.24", {}, [], CLASSIC), ("28.5.2", {}, [], CLASSIC), ("28.5.2", CHOSEN, [], CONTAINERD), ("29.0.0", {}, [], CONTAINERD),
    ("29.0.0", {"features": {"containerd-snapshotter": False}}, [], CLASSIC), ("29.0.0", {"features": {}}, [], CONTAINERD),
    ("29.0.0", {"features": None}, [], CONTAINERD), ("29.0.0", {"storage-driver": "overlay2"}, [], CLASSIC),
    ("29.0.0", {}, ["/d", "-s", "overlay2"], CLASSIC), ("29.0.0", {}, ["/d", "--storage-driver=overlay2"], CLASSIC),
    ("29.0.0", {"userns-remap": "default"}, [], CLASSIC), ("29.0.0", {}, ["/d", "--userns-remap", "default"], CLASSIC),
    ("", {}, [], CLASSIC),
])
def test_the_store_that_a_stopped_docker_would_choose(version, options, words, kind):
    assert find_image_store(StubHost(version), location_of(options=options, words=words)).kind == kind


@pytest.mark.parametrize("name, kind", [("overlay2", CLASSIC), ("vfs", CONTAINERD), ("containers", CONTAINERD)])
def test_layers_of_the_classic_store_are_kept_in_use(tmp_path, name, kind):
    os.makedirs(str(tmp_path / name / "layer"))
    assert find_image_store(StubHost("29.0.0"), location_of(str(tmp_path))).kind == kind


@pytest.mark.parametrize("options, info, words, runs, expected", [
    ({}, CONTAINERD_INFO, [], False, True), ({}, {}, COMMAND, False, True),
    ({}, {"Containerd": {"Address": "/var/run/docker/containerd/containerd.sock"}}, COMMAND, True, False),
    ({"containerd": "/run/k3s/containerd/containerd.sock"}, {}, [], True, False), ({}, {}, ["/d"], True, True),
    ({}, {}, ["/d"], False, False),
    ({"features": {"embedded-containerd": True}}, {}, COMMAND, True, False),
])
def test_which_containerd_docker_uses(options, info, words, runs, expected):
    host = StubHost("28.5.2", runs)
    assert uses_system_containerd(host, location_of(options=options, info=info, words=words)) is expected
    root = find_image_store(host, location_of(options=dict(CHOSEN, **options) if "features" not in options else options,
                                              info=info, words=words)).root
    assert root in ("/store", "") and (root == "" or expected)


@pytest.mark.parametrize("name, is_docker", [
    ("moby", True), ("plugins.moby", True), ("moby-100000.100000", True), ("plugins.moby-100000.100000", True),
    ("k8s.io", False), ("default", False), ("mobyx", False), ("my-moby", False), ("buildkit", False),
])
def test_the_namespaces_of_docker(name, is_docker):
    assert bool(DOCKER_NAMESPACES.match(name)) is is_docker


# ---- the commands of containerd

def host_with(answers, monkeypatch):
    """A Host whose commands have fixed answers, by their words."""
    host, commands = Host(), []

    def run(*command):
        commands.append(command)
        return next((answer for words, answer in answers.items() if set(words.split()) <= set(command)), (1, "", "no answer"))
    monkeypatch.setattr(host, "run", run)
    monkeypatch.setattr(os.path, "exists", lambda path: True)
    return host, commands


def test_the_root_is_the_one_after_all_imports(monkeypatch):
    host, commands = host_with({"config dump": (0, 'version = 3\nroot = "/appdata/containerd/"\n[plugins]\n', "")}, monkeypatch)
    assert host.containerd_root() == "/appdata/containerd"
    assert commands == [("containerd", "--config", "/etc/containerd/config.toml", "config", "dump")]
    assert host_with({"config dump": (0, "version = 3\n", "")}, monkeypatch)[0].containerd_root() == DEFAULT_CONTAINERD_ROOT


def test_without_a_configuration_the_root_is_the_default_one(monkeypatch):
    host, commands = host_with({}, monkeypatch)
    monkeypatch.setattr(os.path, "exists", lambda path: False)
    assert host.containerd_root() == DEFAULT_CONTAINERD_ROOT and commands == []


def test_a_configuration_that_containerd_rejects_is_an_error(monkeypatch):
    host = host_with({"config dump": (1, "", "toml: line 3")}, monkeypatch)[0]
    with pytest.raises(DataRootError, match="`containerd config dump` failed: toml: line 3. Correct /etc/containerd/config.toml"):
        host.containerd_root()


def test_users_and_their_containers_are_listed(monkeypatch):
    host, commands = host_with({"namespaces": (0, "k8s.io\nmoby\n", ""), "tasks": (0, "a\n", "")}, monkeypatch)
    assert host.containerd_namespaces() == ["k8s.io", "moby"] and host.containerd_tasks("k8s.io") == ["a"]
    assert commands[1][3:] == ("--namespace", "k8s.io", "tasks", "list", "--quiet")


def test_users_of_a_stopped_containerd_are_not_known(monkeypatch):
    with pytest.raises(DataRootError, match="Who else uses containerd is not known.*Start containerd"):
        host_with({"ctr": (1, "", "connection refused")}, monkeypatch)[0].containerd_namespaces()


@pytest.mark.parametrize("command, message", [
    ("/usr/bin/containerd", None), ("/usr/bin/containerd --config /etc/containerd/config.toml", None),
    ("/usr/bin/containerd --root /srv/containerd", "--root /srv/containerd"), ("/usr/bin/containerd --root=/srv", "--root /srv"),
    ("/usr/bin/containerd -c /etc/other.toml", "--config /etc/other.toml"),
])
def test_flags_of_the_unit_that_override_the_configuration_are_rejected(monkeypatch, command, message):
    host = host_with({"cat": (0, "[Service]\nExecStart=%s\n" % command, "")}, monkeypatch)[0]
    if message is None:
        host.check_containerd_unit()
    else:
        with pytest.raises(DataRootError, match="containerd.service starts containerd with " + message):
            host.check_containerd_unit()


@pytest.mark.parametrize("words, value", [
    (["/d", "-s", "a"], "a"), (["/d", "-s=a", "-s", "b"], "b"), (["/d", "-s"], ""), (["/d", "-s", "-D"], ""), (["/d"], None), ([], None),
    (["-s", "a"], None),
])
def test_the_value_of_a_flag(words, value):
    assert flag_value(words, "-s", "--storage-driver") == value


# ---- the options

@pytest.mark.parametrize("options, version, message", [
    (dict(CHOSEN, **{"userns-remap": "default"}), "28.5", "userns-remap and the containerd image store exclude each other"),
    (CHOSEN, "20.10", "Docker 20.10 has no containerd image store. Docker 24 or later is required"),
    (CHOSEN, "23.0", "Docker 23.0 has no containerd image store"), (CHOSEN, "24.0", ""), (CHOSEN, "", ""),
    ({"features": {"containerd-snapshotter": False}, "userns-remap": "default"}, "20.10", ""),
])
def test_a_store_that_docker_does_not_have_is_a_problem(options, version, message):
    assert [text for text in problems(options, version=version) if "image store" in text] == [] if not message else (
        message in "".join(problems(options, version=version)))


@pytest.mark.parametrize("options, previous, expected", [
    (CHOSEN, {}, True), ({"features": {"containerd-snapshotter": False}}, CHOSEN, True), (CHOSEN, CHOSEN, False),
    ({"features": {"buildkit": True}}, {}, False), ({}, CHOSEN, True),
    ({"features": {"buildkit": True, "containerd-snapshotter": True}}, CHOSEN, False),
])
def test_another_store_needs_a_restart(options, previous, expected):
    assert needs_restart(options, previous) is expected
