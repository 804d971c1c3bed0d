"""The lab's refusals: early, and with what is missing."""
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import threading

import pytest
from conftest import RECORDINGS, ROOT, needs_ansible


@pytest.fixture
def lab(monkeypatch):
    loader = importlib.machinery.SourceFileLoader("lab_command", os.path.join(ROOT, "tests", "lab", "lab"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lab_command", loader))
    loader.exec_module(module)
    monkeypatch.setattr(module, "docker", lambda *command, **options: "/\n")
    return module


@pytest.mark.parametrize("limit, message", [
    ("NEEDED_MEMORY_GIB", r"This machine has [0-9.]+ GiB of memory; the lab needs 100000"),
    ("NEEDED_DISK_GIB", r"/ has [0-9.]+ GiB free; the lab needs 100000. Free some space")])
def test_a_machine_that_is_too_small_is_refused(lab, monkeypatch, limit, message):
    monkeypatch.setattr(lab, "CACHE", "/not/there/yet")
    monkeypatch.setattr(lab, limit, 100000)
    with pytest.raises(lab.LabError, match=message):
        lab.check_machine()


def test_make_demo_checks_the_machine_before_it_installs_anything():
    done = subprocess.run(["make", "--dry-run", "--no-print-directory", "demo"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.splitlines()[:2] == ["tests/lab/lab check", "tests/setup"]


def test_two_commands_do_not_build_at_the_same_time(lab, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(lab, "CACHE", str(tmp_path))
    order = []
    with lab.alone():
        monkeypatch.setattr(lab, "build_all", lambda: order.append("other"))
        other = threading.Thread(target=lab.build)
        other.start()
        other.join(0.5)
        order.append("first")
    other.join()
    assert order == ["first", "other"]
    assert "wait for another lab command" in capsys.readouterr().out


@pytest.mark.parametrize("roles, taints", [
    (["worker"], []), (["controlplane"], ["--register-with-taints=node-role.kubernetes.io/controlplane=true:NoSchedule"])])
def test_the_stand_in_gives_the_kubelet_the_clusters_extra_arguments(monkeypatch, roles, taints):
    monkeypatch.syspath_prepend(os.path.join(ROOT, "tests", "lab", "rancher"))
    monkeypatch.setenv("STANDIN_RECORDINGS", os.path.join(RECORDINGS, "v2.6.2"))
    from standin import rke
    monkeypatch.setattr(rke, "Kube", lambda *arguments: None)
    services = {"kubelet": {"extraArgs": {"eviction-hard": "nodefs.available<1Gi", "v": "4"}}}
    cluster = {"object": {"rancherKubernetesEngineConfig": {"services": services}}}
    node = {"address": "192.0.2.1", "roles": roles}
    builder = rke.Builder(None, cluster, [node], {"kube-ca": {"certificate": ""}, "kube-admin": None}, None, {})
    arguments = builder.kubelet_arguments(["entrypoint", "kubelet", "--v=2", "--register-with-taints=other", "--read-only-port=0"], node)
    assert arguments == ["entrypoint", "kubelet", "--read-only-port=0", "--eviction-hard=nodefs.available<1Gi"] + taints + ["--v=4"]


@needs_ansible
@pytest.mark.parametrize("name, paths", [
    ("demo", ["inventory/fay", "tests/lab/inventory"]), ("fay", ["inventory/fay", "tests/lab/inventory"]),
    ("docker_ce", ["molecule/docker_ce/inventory"]), ("kubectl_access", ["molecule/kubectl_access/inventory"]),
    ("rancher_server", ["molecule/rancher_server/inventory"]), ("rke_node", ["molecule/rke_node/inventory"]),
    ("bench", ["tests/bench/inventory"])])
def test_addresses_are_plain_values(lab, name, paths):
    """On a delegated task Ansible shows ansible_host as it is written: a template would be shown as one."""
    command = [os.path.join(os.path.dirname(sys.executable), "ansible-inventory"), "--list"] + ["--inventory=" + path for path in paths]
    environment = dict(os.environ, ANSIBLE_CONFIG="ansible.cfg")
    environment.pop("FAY_LAB_SET", None)
    if name in ("fay", "bench"):
        environment["FAY_LAB_SET"] = name
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    shown = json.loads(done.stdout.decode())["_meta"]["hostvars"]
    addresses = {host: values["ansible_host"] for host, values in shown.items()}
    assert addresses == {host: lab.address_of(name, host) for host in lab.SETS[name][1]}


def test_a_user_who_may_not_install_what_is_missing_is_told():
    """Without root and sudo, where a program is missing: the first line of defense of `make demo`."""
    script = ('id() { echo 1000; }; command() { case $2 in sudo|debootstrap) return 1;; *) builtin command "$@";; esac; }; '
              'export -f id command; bash "$0" packages')
    done = subprocess.run(["bash", "-c", script, os.path.join(ROOT, "tests", "lab", "host.sh")],
                          capture_output=True, text=True)
    assert done.returncode == 1
    assert "is missing here, and you are neither root nor is there sudo" in done.stderr
