# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the parts in site.yml, and what it checks first and with each tag: the password, and hosts of a cluster without a role."""
import os
import re
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT

INVENTORY = """
all:
  children:
    etcd: {hosts: {n1: , m1: }}
    controlplane: {hosts: {n1: , m1: }}
    worker: {hosts: {n2: , m1: }}
    first: {hosts: {n1: , n2: %s}, vars: {rancher_cluster: first}}
    second: {hosts: {m1: %s}, vars: {rancher_cluster: second}}
  vars: {rancher_url: "https://rancher.example.com"}
"""


def run_site(folder, *arguments, first="", second=""):
    """Run the tasks of site.yml that run with each tag; (exit code, output as one line).

    first, second: further hosts of the groups of two clusters, as YAML.
    """
    (folder / "hosts.yml").write_text(INVENTORY % (first, second))
    program = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    command = [program, "site.yml", "-i", str(folder / "hosts.yml"), "-c", "local", "-e", "ansible_python_interpreter=" + sys.executable]
    run = subprocess.run(command + ["--tags=nothing"] + list(arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, env=dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg")))
    return run.returncode, re.sub(r"\s+", " ", run.stdout)


PASSWORD = "--extra-vars=rancher_admin_password=PASSWORD"


def test_hosts_with_roles_are_accepted(tmp_path):
    code, output = run_site(tmp_path, PASSWORD)
    assert code == 0, output


@pytest.mark.parametrize("hosts, names, arguments", [
    ({"first": ", n3: "}, "n3", []), ({"second": ", m3: "}, "m3", []), ({"first": ", n3: ", "second": ", m3: "}, "m3, n3", ["--limit=n1"])])
def test_hosts_of_each_cluster_without_a_role_are_rejected(tmp_path, hosts, names, arguments):
    code, output = run_site(tmp_path, PASSWORD, *arguments, **hosts)
    assert code == 2 and "These hosts are in the group of a cluster but have no role in it: %s. Put each" % names in output, output


def test_a_missing_password_is_rejected(tmp_path):
    code, output = run_site(tmp_path)
    assert code == 2 and "There is no rancher_admin_password. Create it, encrypted, with" in output, output


def parts():
    """[(role, part, tags of the task)] in the order of site.yml."""
    with open(os.path.join(ROOT, "playbooks", "site.yml")) as source:
        tasks = [task for play in yaml.safe_load(source) for task in play["tasks"] if "ansible.builtin.import_role" in task]
    imports = [(task["ansible.builtin.import_role"], task.get("tags", [])) for task in tasks]
    return [(arguments["name"].split(".")[-1], arguments["tasks_from"], tags) for arguments, tags in imports]


def test_the_preflights_of_all_roles_run_before_the_first_apply():
    roles = {"docker_ce", "rancher_server", "rke_node", "kubectl_access"}
    first_apply = [part for _, part, _ in parts()].index("apply")
    assert {role for role, part, _ in parts()[:first_apply] if part == "preflight"} == roles
    assert {role for role, part, _ in parts()[first_apply:] if part == "apply"} == roles


def test_nodes_are_not_shown_if_kubectl_is_skipped():
    assert [tags for _, part, tags in parts() if part == "nodes"] == [["kubectl_access"]]
