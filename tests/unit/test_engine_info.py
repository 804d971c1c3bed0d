# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_engine_info reads on a host."""
import grp
import hashlib
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import information, packages
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import Host
from docker_host import FakeHost, create_host, target_of, use_ext4, write_store, write_text

DPKG = """\
docker-ce\t5:24.0.7-1\tinstalled\thold
containerd.io\t1.6.26-1\tinstalled\tinstall
docker-ce-cli\t5:20.1\tconfig-files\tdeinstall
"""
RPM = "docker-ce\t3:24.0.7-1.el9\ncontainerd.io\t1.6.26-3.1.el9\npackage docker-ce-cli is not installed\n"
NAMES = ["docker-ce", "docker-ce-cli", "containerd.io"]


def sha256(path):
    with open(path, "rb") as source:
        return hashlib.sha256(source.read()).hexdigest()


class CommandHost(FakeHost):
    """A host that answers commands with prepared texts."""

    def __init__(self, folder, answers):
        FakeHost.__init__(self, folder)
        self.answers = answers

    def run(self, *command):
        return self.answers.get(" ".join(command[:2]), self.answers.get(command[0], (127, "", "no such program")))


def parameters_for(path=None, **changes):
    defaults = dict(path=path, containerd_root=None, containerd_shared=False, keep_old=True, packages=NAMES, paths=[], read=[], digests=[])
    return dict(defaults, **changes)


def host_of_lab(tmp_path, monkeypatch, **attributes):
    """A host with data on its default root, and answers of systemctl and dpkg-query. attributes: of the host."""
    created = create_host(tmp_path, monkeypatch)
    created.__class__ = CommandHost
    created.answers = {"dpkg-query": (1, DPKG, ""), "systemctl is-enabled": (0, "enabled\n", ""),
                       "systemctl is-active": (0, "active\n", "")}
    for name, value in attributes.items():
        setattr(created, name, value)
    return created


def test_versions_and_holds_of_debian_are_read(tmp_path):
    host = CommandHost(tmp_path, {"dpkg-query": (1, DPKG, "no packages found matching x")})
    assert packages.installed_packages(host, NAMES) == ({"docker-ce": "5:24.0.7-1", "containerd.io": "1.6.26-1"}, ["docker-ce"])


def test_packages_of_rpm_are_found_on_a_host_that_has_dpkg_too(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "REPOSITORY_FILES", ())
    host = CommandHost(tmp_path, {"dpkg-query": (1, "", "no packages found matching docker-ce"), "rpm": (1, RPM, "")})
    assert packages.installed_packages(host, NAMES)[0] == {"docker-ce": "3:24.0.7-1.el9", "containerd.io": "1.6.26-3.1.el9"}


@pytest.mark.parametrize("exclude, held", [
    ("exclude=docker-ce containerd.io\n", ["docker-ce", "containerd.io"]),
    ("excludepkgs = docker-*,\n  x\n", ["docker-ce", "docker-ce-cli"]),
    ("exclude=x\n  containerd.io\n", ["containerd.io"]), ("#exclude=docker-ce\n", []), ("enabled=1\n", [])])
def test_versions_and_holds_of_enterprise_linux_are_read(tmp_path, monkeypatch, exclude, held):
    write_text(str(tmp_path / "docker-ce.repo"), "[docker-ce-stable]\n" + exclude)
    monkeypatch.setattr(packages, "REPOSITORY_FILES", (str(tmp_path / "*.repo"),))
    host = CommandHost(tmp_path, {"rpm": (1, RPM, "")})
    assert packages.installed_packages(host, NAMES) == ({"docker-ce": "3:24.0.7-1.el9", "containerd.io": "1.6.26-3.1.el9"}, held)


def test_a_host_without_package_manager_has_no_packages(tmp_path):
    assert packages.installed_packages(CommandHost(tmp_path, {}), NAMES) == ({}, [])
    assert packages.installed_packages(CommandHost(tmp_path, {"dpkg-query": (2, DPKG, "")}), []) == ({}, [])


def test_everything_is_read_at_once(tmp_path, monkeypatch):
    host = host_of_lab(tmp_path, monkeypatch)
    drop_in = tmp_path / "docker.service.d" / "a.conf"
    drop_in.parent.mkdir()
    write_text(str(drop_in), "[Service]\n")
    write_text(str(tmp_path / "docker.list"), "deb")
    monkeypatch.setattr(information, "DROP_IN_PATTERNS", (str(tmp_path / "docker.%s.d" / "*.conf"),))
    monkeypatch.setattr(information, "group_members", lambda name: ["alice"])
    repository, missing = str(tmp_path / "docker.list"), str(tmp_path / "missing")
    state = information.engine_state(host, parameters_for(
        target_of(host), paths=[repository, missing], read=[repository, missing], digests=[repository, missing]), sha256)
    assert state["moved"]["to"] == target_of(host) and state["lines"] and state["root"] == host.default_root and state["has_data"]
    assert state["packages"] == {"docker-ce": "5:24.0.7-1", "containerd.io": "1.6.26-1"} and state["held_packages"] == ["docker-ce"]
    assert state["enabled"] and state["active"] and state["running"] and state["containers_running"] == 1
    assert (state["live_restore"], state["swarm"], state["storage_driver"], state["problem"]) == (False, False, "overlay2", "")
    assert state["group_members"] == ["alice"] and state["drop_ins"] == {str(drop_in): sha256(str(drop_in))}
    assert (state["content"], state["existing"]) == ({repository: "deb"}, [repository])
    assert state["digests"] == {repository: sha256(repository)}


def test_nothing_is_moved_without_a_requested_path(tmp_path, monkeypatch):
    state = information.engine_state(host_of_lab(tmp_path, monkeypatch), parameters_for(), sha256)
    assert state["moved"] == {} and state["lines"] == [] and state["has_data"]


@pytest.mark.parametrize("state, is_swarm", [("active", True), ("locked", True), ("inactive", False), ("", False)])
def test_a_node_of_a_swarm_is_recognized(tmp_path, monkeypatch, state, is_swarm):
    host = host_of_lab(tmp_path, monkeypatch)
    info = dict(host.docker_info(), Swarm={"LocalNodeState": state}, Driver="overlay2", LiveRestoreEnabled=True)
    monkeypatch.setattr(CommandHost, "docker_info", lambda self: info)
    result = information.engine_state(host, parameters_for(), sha256)
    assert (result["swarm"], result["storage_driver"], result["live_restore"]) == (is_swarm, "overlay2", True)


def test_an_invalid_configuration_is_an_error_only_if_a_path_is_requested(tmp_path, monkeypatch):
    host = host_of_lab(tmp_path, monkeypatch)
    write_text(host.daemon_json, "{")
    state = information.engine_state(host, parameters_for(), sha256)
    assert "daemon.json is not valid JSON" in state["problem"] and state["root"] == "" and state["enabled"]
    with pytest.raises(DataRootError, match="not valid JSON"):
        information.engine_state(host, parameters_for(target_of(host)), sha256)


def test_invalid_results_have_the_keys_of_valid_ones(tmp_path, monkeypatch):
    host = host_of_lab(tmp_path, monkeypatch)
    keys = set(information.engine_state(host, parameters_for(), sha256))
    write_text(host.daemon_json, "[]")
    assert set(information.engine_state(host, parameters_for(), sha256)) == keys


# ---- commands

def test_each_command_runs_once(monkeypatch):
    commands = []
    monkeypatch.setattr(Host, "run", lambda self, *command: commands.append(command) or (0, "active\n", ""))
    host = information.UnchangedHost(may_start=True)
    assert host.is_running() and host.is_running() and host.run("docker", "version")
    assert commands == [("systemctl", "is-active", "docker.service"), ("docker", "version")]


@pytest.mark.parametrize("may_start, state, is_contacted", [
    (False, "inactive", False), (False, "active", True), (False, "activating", True), (True, "inactive", True)])
def test_a_stopped_docker_is_contacted_only_if_it_may_start(monkeypatch, may_start, state, is_contacted):
    monkeypatch.setattr(Host, "run", lambda self, *command: (0, state, ""))
    monkeypatch.setattr(Host, "run_docker", lambda self, *command: (0, '{"DockerRootDir": "/a"}', ""))
    assert bool(information.UnchangedHost(may_start).docker_info()) == is_contacted


# ---- users and drop-ins

def test_members_of_a_group_include_users_whose_primary_group_it_is(monkeypatch):
    group = grp.getgrgid(0)
    assert "root" in information.group_members(group.gr_name)
    assert information.group_members("no such group") == []


def test_drop_ins_of_service_and_socket_are_listed(tmp_path, monkeypatch):
    for name in ("docker.service.d/b.conf", "docker.service.d/a.conf", "docker.socket.d/c.conf", "docker.socket.d/note.txt"):
        os.makedirs(str((tmp_path / name).parent), exist_ok=True)
        write_text(str(tmp_path / name), "")
    monkeypatch.setattr(information, "DROP_IN_PATTERNS", (str(tmp_path / "docker.%s.d" / "*.conf"),))
    names = [os.path.basename(path) for path in information.drop_in_paths()]
    assert names == ["a.conf", "b.conf", "c.conf"]


def test_a_fresh_host_has_no_docker(tmp_path, monkeypatch):
    use_ext4(monkeypatch)
    host = CommandHost(tmp_path, {"systemctl": (1, "inactive\n", "")})
    state = information.engine_state(host, parameters_for(target_of(host)), sha256)
    assert not (state["enabled"] or state["active"] or state["running"] or state["has_data"] or state["packages"])
    assert state["moved"] == {} and state["root"] == host.default_root


def test_the_image_store_and_its_move_are_returned(tmp_path, monkeypatch):
    host = host_of_lab(tmp_path, monkeypatch, has_containerd_store=True)
    write_store(host.containerd_root())
    parameters = parameters_for(target_of(host), containerd_root=str(tmp_path / "new" / "containerd"))
    state = information.engine_state(host, parameters, sha256)
    assert (state["image_store"], state["containerd_root"]) == ("containerd", host.containerd_root())
    assert state["moved_containerd"]["to"] == str(tmp_path / "new" / "containerd") and state["moved_containerd"]["entries"] == 3
