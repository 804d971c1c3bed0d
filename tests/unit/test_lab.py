# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/lab: checks of the machine, the lock, addresses, keys of images, and the kubelet of the server stand-in."""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import yaml
from conftest import RECORDINGS, ROOT, needs_ansible

sys.path.insert(0, os.path.join(ROOT, "tests", "lab"))
from fay_lab import config, console, hosts, images, machine


@pytest.fixture
def lab():
    """The command tests/lab/lab as a module."""
    loader = importlib.machinery.SourceFileLoader("lab_command", os.path.join(ROOT, "tests", "lab", "lab"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lab_command", loader))
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("limit, message", [
    ("NEEDED_MEMORY_GIB", r"This machine has [0-9.]+ GiB of memory; the lab needs 100000"),
    ("NEEDED_DISK_GIB", r"/ has [0-9.]+ GiB free; the lab needs 100000. Free some space")])
def test_machine_that_is_too_small_is_rejected(monkeypatch, limit, message):
    monkeypatch.setattr(machine, "docker", lambda *command, **options: "/\n")
    monkeypatch.setattr(config, "CACHE", "/not/there/yet")
    monkeypatch.setattr(config, limit, 100000)
    with pytest.raises(console.LabError, match=message):
        machine.check_machine()


def test_make_demo_checks_the_machine_before_it_installs_anything():
    command = ["make", "--dry-run", "--no-print-directory", "demo"]
    process = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert process.stdout.splitlines()[:2] == ["tests/lab/lab check", "tests/setup"]


def test_two_commands_do_not_build_at_the_same_time(lab, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(config, "CACHE", str(tmp_path))
    order = []
    with console.exclusive():
        monkeypatch.setattr(lab, "build_all", lambda: order.append("other"))
        other = threading.Thread(target=lab.build, args=(argparse.Namespace(),))
        other.start()
        other.join(0.5)
        order.append("first")
    other.join()
    assert order == ["first", "other"]
    assert "wait for another lab command" in capsys.readouterr().out


def test_image_key_depends_on_names_modes_and_content_of_all_files(tmp_path):
    (tmp_path / "below").mkdir()
    path = tmp_path / "below" / "file"
    keys = set()
    for content, mode in (("a", 0o644), ("b", 0o644), ("b", 0o755)):
        path.write_text(content)
        path.chmod(mode)
        keys.add(images.digest(str(tmp_path)))
    path.rename(tmp_path / "below" / "renamed")
    keys.add(images.digest(str(tmp_path)))
    assert len(keys) == 4


def test_image_of_the_stand_in_is_built_from_its_whole_source():
    context = images.build_context("rancher")
    files = images.files_below(context["standin"])
    assert os.path.join(context["standin"], "resources", "clusters.py") in files
    with open(context["Dockerfile"]) as source:
        assert "COPY standin /opt/standin" in source.read()


@pytest.mark.parametrize("directory", ["/var/lib/docker", "/var/lib/containerd", "/appdata"])
def test_each_directory_with_data_of_docker_is_a_volume(monkeypatch, directory):
    """overlayfs, with which both image stores work, cannot be on the overlayfs of the container."""
    commands = []
    monkeypatch.setattr(hosts, "docker", lambda *command, **options: commands.append(command) or "")
    monkeypatch.setattr(hosts, "wait_for_systemd", lambda container: None)
    hosts.start_host("bench", "debian13", "key")
    run = next(command for command in commands if command[0] == "run")
    assert ("--volume", directory) in zip(run, run[1:])


@needs_ansible
def test_hosts_may_use_the_registry_without_tls():
    """As a mirror (the classic image store), and as an insecure registry (containerd's)."""
    shown = "--args=msg={{ [docker_ce_daemon_options, docker_ce_insecure_registries] }}"
    command = [os.path.join(os.path.dirname(sys.executable), "ansible"), "debian12", "--inventory=molecule/docker_ce/inventory",
               "--connection=local", "--module-name=ansible.builtin.debug", shown]
    process = subprocess.run(command, cwd=ROOT, env=dict(os.environ, ANSIBLE_CONFIG="ansible.cfg"), stdout=subprocess.PIPE, check=True)
    shown = process.stdout.decode()
    options, insecure = json.loads(shown[shown.index("{"):])["msg"]
    assert options["registry-mirrors"] == ["http://%s:5000" % config.REGISTRY]
    assert insecure == ["%s:5000" % config.REGISTRY]


@pytest.mark.parametrize("roles, taints", [
    (["worker"], []), (["controlplane"], ["--register-with-taints=node-role.kubernetes.io/controlplane=true:NoSchedule"])])
def test_stand_in_adds_extra_arguments_of_the_cluster_to_the_kubelet(monkeypatch, roles, taints):
    monkeypatch.syspath_prepend(os.path.join(ROOT, "tests", "lab", "rancher"))
    monkeypatch.setenv("STANDIN_RECORDINGS", os.path.join(RECORDINGS, "v2.6.2"))
    from standin import rke_containers
    services = {"kubelet": {"extraArgs": {"eviction-hard": "nodefs.available<1Gi", "v": "4"}}}
    cluster = {"object": {"rancherKubernetesEngineConfig": {"services": services}}}
    recorded = ["entrypoint", "kubelet", "--v=2", "--register-with-taints=other", "--read-only-port=0"]
    arguments = rke_containers.kubelet_arguments(recorded, {"address": "192.0.2.1", "roles": roles}, cluster)
    assert arguments == ["entrypoint", "kubelet", "--read-only-port=0", "--eviction-hard=nodefs.available<1Gi"] + taints + ["--v=4"]


@needs_ansible
@pytest.mark.parametrize("name, paths", [
    ("demo", ["inventory/fay", "tests/lab/inventory"]), ("fay", ["inventory/fay", "tests/lab/inventory"]),
    ("docker_ce", ["molecule/docker_ce/inventory"]), ("kubectl_access", ["molecule/kubectl_access/inventory"]),
    ("rancher_server", ["molecule/rancher_server/inventory"]), ("rke_node", ["molecule/rke_node/inventory"]),
    ("bench", ["tests/bench/inventory"])])
def test_addresses_are_plain_values(name, paths):
    """Ansible does not evaluate a template in the ansible_host that it shows for a delegated task."""
    command = [os.path.join(os.path.dirname(sys.executable), "ansible-inventory"), "--list"] + ["--inventory=" + path for path in paths]
    environment = dict(os.environ, ANSIBLE_CONFIG="ansible.cfg")
    environment.pop("FAY_LAB_SET", None)
    if name in ("fay", "bench"):
        environment["FAY_LAB_SET"] = name
    process = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    shown = json.loads(process.stdout.decode())["_meta"]["hostvars"]
    addresses = {host: values["ansible_host"] for host, values in shown.items()}
    assert addresses == {host: config.address_of(name, host) for host in config.SETS[name][1]}


@needs_ansible
def test_the_lab_does_not_replace_the_password_of_an_inventory():
    """A user's vault contains it."""
    command = [os.path.join(os.path.dirname(sys.executable), "ansible-inventory"), "--host=rancher1", "--inventory=inventory/fay",
               "--inventory=tests/lab/inventory"]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ, ANSIBLE_CONFIG="ansible.cfg"), stdout=subprocess.PIPE, check=True)
    assert json.loads(done.stdout.decode())["rancher_admin_password"] == "{{ vault_rancher_admin_password | default('') }}"


@pytest.mark.parametrize("path", [".config/molecule/config.yml"] + [
    "molecule/%s/molecule.yml" % name for name in ("rancher_server", "rke_node", "kubectl_access")])
def test_each_scenario_with_a_rancher_passes_its_password(path):
    with open(os.path.join(ROOT, path)) as source:
        arguments = yaml.safe_load(source)["ansible"]["executor"]["args"]["ansible_playbook"]
    assert "--extra-vars=@${MOLECULE_PROJECT_DIRECTORY}/molecule/shared/vars/password.yml" in arguments


def test_missing_packages_are_named_if_the_user_may_not_install_them():
    """Without root and sudo, before `make demo` does anything else."""
    script = ('id() { echo 1000; }; command() { case $2 in sudo|debootstrap) return 1;; *) builtin command "$@";; esac; }; '
              'export -f id command; bash "$0" packages')
    process = subprocess.run(["bash", "-c", script, os.path.join(ROOT, "tests", "lab", "host.sh")],
                             capture_output=True, text=True)
    assert process.returncode == 1
    assert "missing on this machine: debootstrap" in process.stderr and "Install them as root" in process.stderr


def test_started_engine_does_not_hold_locks_of_the_caller(tmp_path):
    """Otherwise `flock FILE make lab` holds its lock as long as the engine runs."""
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\nexec "$@"\n')
    sudo.chmod(0o755)
    lock, log = str(tmp_path / "lock"), tmp_path / "log"
    script = os.path.join(ROOT, "tests", "lab", "host.sh")
    command = ["flock", lock, "bash", script, "start_daemon", str(log), "sh", "-c", "echo $$; exec sleep 20"]
    subprocess.run(command, env=dict(os.environ, PATH="%s:%s" % (tmp_path, os.environ["PATH"])), check=True)
    deadline = time.time() + 10
    while not (log.exists() and log.read_text().endswith("\n")):
        assert time.time() < deadline, "the daemon has not started"
        time.sleep(0.05)
    try:
        assert subprocess.run(["flock", "--nonblock", lock, "true"]).returncode == 0
    finally:
        os.kill(int(log.read_text()), signal.SIGTERM)
