# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the role kubectl_access, templated: the version of kubectl, and the API servers of a host's cluster."""
import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT, role_options

VERSIONS = [
    # (kubectl_access_version, kubectl_access_file, results of tasks, expected)
    ("auto", "", {}, "v1.21.5"),
    ("1.20.15", "", {}, "v1.20.15"),
    ("1.20", "", {"__kubectl_access_stable": {"content": "v1.20.15\n"}}, "v1.20.15"),
    ("1.20", "", {"__kubectl_access_stable": {"skipped": True}}, "v1.20"),
    ("auto", "/k", {"__kubectl_access_file_version": {"stdout": '{"clientVersion": {"gitVersion": "v1.22.3"}}'}}, "v1.22.3"),
    ("auto", "/k", {"__kubectl_access_file_version": {"skipped": True}}, ""),
    ("auto", "/k", {"__kubectl_access_file_version": {"skipped": True, "stdout": ""}}, ""),  # check mode
]
INVENTORY = {"all": {"children": {"controlplane": {"hosts": {
    "one": {"ansible_host": "192.0.2.1", "rancher_cluster": "fay"}, "two": {"rancher_cluster": "fay"},
    "other": {"rancher_cluster": "else"}, "alone": {}}}}, "vars": {"ansible_connection": "local"}}}


def run_tasks(folder, tasks, host):
    """Run tasks (list of dict) on a host of INVENTORY with the variables of the role; the output (str). Fails if a task fails."""
    (folder / "hosts.yml").write_text(json.dumps(INVENTORY))
    variables = os.path.join(ROOT, "roles", "kubectl_access", "vars", "main.yml")
    (folder / "play.yml").write_text(json.dumps([{"hosts": host, "gather_facts": False, "vars_files": [variables], "tasks": tasks}]))
    program = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    run = subprocess.run([program, "-i", str(folder / "hosts.yml"), str(folder / "play.yml")], cwd=ROOT, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, env=dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg")), text=True)
    assert run.returncode == 0, run.stdout
    return run.stdout


def test_version_is_chosen_from_results_of_tasks(tmp_path):
    tasks = []
    for version, path, results, expected in VERSIONS:
        options = role_options("kubectl_access", {
            "kubectl_access_version": version, "kubectl_access_file": path, "kubectl_access_cluster": "fay"})
        tasks.append({"ansible.builtin.assert": {"that": "__kubectl_access_chosen_version == %r" % expected,
                                                 "fail_msg": "it is {{ __kubectl_access_chosen_version }}, expected %r" % expected},
                      "vars": dict(results, __kubectl_access=options,
                                   __kubectl_access_written={"results": [{"server_version": "v1.21.5"}]})})
    assert "ok=%d" % len(VERSIONS) in run_tasks(tmp_path, tasks, "one")


@pytest.mark.parametrize("host, expected", [
    ("one", ["https://192.0.2.1:6443", "https://two:6443"]),
    ("other", ["https://other:6443"]),
    ("alone", ["https://alone:6443"]),
])
def test_api_servers_are_the_control_planes_of_the_same_cluster(tmp_path, host, expected):
    run_tasks(tmp_path, [{"ansible.builtin.assert": {"that": "__kubectl_access_control_planes == %r" % expected,
                                                     "fail_msg": "they are {{ __kubectl_access_control_planes }}"}}], host)
