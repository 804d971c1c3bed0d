# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the roles: each role has preflight and apply, and a part fails if another part that it needs has not run."""
import json
import os
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT

ROLES = sorted(os.listdir(os.path.join(ROOT, "roles")))
VARIABLES = {"rancher_cluster": "fay", "rancher_url": "https://rancher.example.com", "rancher_admin_password": "PASSWORD"}


def load_yaml(*path):
    with open(os.path.join(ROOT, "roles", *path)) as source:
        return yaml.safe_load(source)


@pytest.mark.parametrize("role", ROLES)
def test_main_runs_preflight_and_apply(role):
    tasks = load_yaml(role, "tasks", "main.yml")
    assert [task["ansible.builtin.import_tasks"] for task in tasks] == ["preflight.yml", "apply.yml"]


@pytest.mark.parametrize("role", ROLES)
def test_each_entry_point_is_a_file_of_tasks(role):
    for entry_point in load_yaml(role, "meta", "argument_specs.yml")["argument_specs"]:
        assert os.path.exists(os.path.join(ROOT, "roles", role, "tasks", entry_point + ".yml"))


def run_plays(folder, plays, *arguments):
    """Run plays on localhost, or on the hosts of an inventory in `arguments`; (exit code, output as one line)."""
    (folder / "play.yml").write_text(json.dumps([dict({"hosts": "localhost", "gather_facts": False}, **play) for play in plays]))
    program = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    command = [program, "-c", "local", "-e", "ansible_python_interpreter=" + sys.executable, str(folder / "play.yml")]
    run = subprocess.run(command + list(arguments or ["-i", "localhost,"]), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, env=dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg")))
    return run.returncode, " ".join(run.stdout.split())


def import_part(role, part):
    """The task that runs a part of a role."""
    return {"ansible.builtin.import_role": {"name": "fay.rancher." + role, "tasks_from": part}}


def run_part(folder, role, part, variables):
    """Run a part of a role on localhost without preparation; (exit code, output as one line)."""
    return run_plays(folder, [{"vars": variables, "tasks": [import_part(role, part)]}])


@pytest.mark.parametrize("role", ROLES)
def test_apply_without_preflight_fails_with_a_message(tmp_path, role):
    code, output = run_part(tmp_path, role, "apply", VARIABLES)
    assert code == 2, output
    assert "The preflight of %s has not run on localhost" % role in output


@pytest.mark.parametrize("role, options, message", [
    ("rancher_server", {"rancher_server_clusters": [{"name": "fay", "network": {"plugn": "flannel"}}]},
     "rancher_server_clusters.network.plugn"),
    ("rancher_server", {"rancher_server_clusters": [{"name": "fay", "network": {"backend": "udp"}}]}, "must be one of: vxlan, host-gw"),
    ("kubectl_access", {"kubectl_access_rancher": {"pass_word": "x"}}, "kubectl_access_rancher.pass_word"),
    ("kubectl_access", {"kubectl_access_users": [{"user": "alice", "mint": {"subject": "/CN=alice"}}]}, "missing required arguments: days"),
])
def test_a_wrong_suboption_is_rejected_in_the_preflight(tmp_path, role, options, message):
    code, output = run_part(tmp_path, role, "preflight", dict(VARIABLES, **options))
    assert code == 2 and message in output, output


@pytest.mark.parametrize("role, part, options", [
    ("rancher_server", "preflight", ["rancher_server_admin_password"]),
    ("rke_node", "preflight", ["rke_node_cluster", "rke_node_rancher_url", "rke_node_rancher_password"]),
    ("kubectl_access", "preflight", ["kubectl_access_cluster"]), ("kubectl_access", "nodes", ["kubectl_access_cluster"]),
    ("kubectl_access", "workstation", ["kubectl_access_workstation_cluster"])])
def test_missing_required_options_are_named(tmp_path, role, part, options):
    code, output = run_part(tmp_path, role, part, {})
    assert code == 2, output
    for option in options:
        assert option + " is empty; a value is required. Set it, or the variable" in output


def test_the_nodes_are_shown_without_preflight(tmp_path):
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\necho \"arguments: $*\"\n")
    program.chmod(0o755)
    code, output = run_part(tmp_path, "kubectl_access", "nodes",
                            dict(VARIABLES, kubectl_access_dest=str(program), kubectl_access_path="/root/.kube/fay"))
    assert code == 0 and "arguments: --kubeconfig=/root/.kube/fay --context=fay get nodes --output=wide" in output, output


def test_no_nodes_are_shown_if_kubectl_was_removed(tmp_path):
    code, output = run_part(tmp_path, "kubectl_access", "nodes", dict(VARIABLES, kubectl_access_state="absent"))
    assert code == 0, output


@pytest.mark.parametrize("tag, checked", [("kubectl_access_kubeconfig", False), ("kubectl_access_kubectl", True),
                                          ("kubectl_access_preflight", True)])
def test_only_runs_that_install_kubectl_check_whether_it_can_be_installed(tmp_path, tag, checked):
    _, output = run_plays(tmp_path, [{"tasks": [import_part("kubectl_access", "preflight")]}], "-i", "localhost,", "--tags=" + tag,
                          "--list-tasks")
    assert "Convert the options to their types" in output
    for task in ("Fail if the path of kubectl is a directory", "Fail on an unsupported architecture", "Warn of a directory that hides"):
        assert (task in output) == checked, output


def test_hosts_outside_of_the_play_need_no_role_of_the_cluster(tmp_path):
    (tmp_path / "hosts.yml").write_text("fay: {hosts: {n1: , n2: }}\n")
    member = {"label": "n1", "name": "n1", "address": "192.0.2.1", "roles": ["etcd", "controlplane", "worker"]}
    variables = {"__rke_node": {"cluster": "fay"}, "__rke_node_members": [member], "__rke_node_registration": {}}
    code, output = run_plays(tmp_path, [{"hosts": "fay", "vars": variables, "tasks": [import_part("rke_node", "cluster")]}],
                             "-i", str(tmp_path / "hosts.yml"), "--limit=n1")
    assert code == 0, output


@pytest.mark.parametrize("asks, tag, count", [({}, "rke_node", 1), ({}, "rke_node_join", 1), ({}, "rke_node_preflight", 0),
                                              (load_yaml("rke_node", "tasks", "main.yml")[1].get("vars", {}), "rke_node", 0)],
                         ids=["apply", "join", "preflight", "the whole role"])
def test_apply_asks_the_server_again_only_if_it_runs_without_the_preflight(tmp_path, asks, tag, count):
    member = {"label": "n1", "name": "n1", "address": "192.0.2.1", "roles": ["etcd", "controlplane", "worker"]}
    variables = dict(VARIABLES, __rke_node_registration={}, __rke_node_host={"existing": ["/etc/kubernetes/ssl/kube-node.pem"]}, **asks)
    variables["__rke_node"] = {"cluster": "fay", "rancher_url": "https://127.0.0.1:1", "rancher_host": "localhost"}
    tasks = [{"ansible.builtin.set_fact": {"__rke_node_member": member}, "tags": "always"}, import_part("rke_node", "apply")]
    code, output = run_plays(tmp_path, [{"vars": variables, "tasks": tasks}], "-i", "localhost,", "--check", "--tags=" + tag)
    assert code == 0, output
    assert output.count("Check that the server answers") == count
