"""The lab's refusals: early, and with what is missing."""
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import threading

import pytest
from conftest import ROOT, needs_ansible


@pytest.fixture
def lab(monkeypatch):
    loader = importlib.machinery.SourceFileLoader("lab_command", os.path.join(ROOT, "tests", "lab", "lab"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lab_command", loader))
    loader.exec_module(module)
    monkeypatch.setattr(module, "docker", lambda *command, **options: "/\n")
    return module


@pytest.mark.parametrize("limit, message", [
    ("NEEDED_MEMORY_GIB", "The lab needs 100000 GiB of memory, this machine has"),
    ("NEEDED_DISK_GIB", "The lab needs 100000 GiB free under /, there are")])
def test_a_machine_that_is_too_small_is_refused(lab, monkeypatch, limit, message):
    monkeypatch.setattr(lab, limit, 100000)
    with pytest.raises(lab.LabError, match=message):
        lab.check_machine()


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
    """Without root and sudo, where a program is missing: the first line of defence of `make demo`."""
    script = ('id() { echo 1000; }; command() { case $2 in sudo|debootstrap) return 1;; *) builtin command "$@";; esac; }; '
              'export -f id command; bash "$0" packages')
    done = subprocess.run(["bash", "-c", script, os.path.join(ROOT, "tests", "lab", "host.sh")],
                          capture_output=True, text=True)
    assert done.returncode == 1
    assert "is missing here, and you are neither root nor is there sudo" in done.stderr
