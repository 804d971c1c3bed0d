# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the tests of this scenario: its playbooks, and the module kubeconfig as an operator runs it."""
import json
import os
import re
import subprocess

from lab import ROOT, SCENARIO

NODES = ["bg1", "bg2", "bg4"]  # etcd, controlplane, worker
PLAYBOOK, ROLE = "molecule/kubectl_access/converge.yml", "molecule/kubectl_access/role.yml"
KUBECTL = "/usr/local/bin/kubectl "


def run_module(host, **options):
    """Run the module kubeconfig on a host as an operator does, and return (exit code, output as one line)."""
    arguments = ["ansible", host, "--module-name=fay.rancher.kubeconfig", "--args=" + json.dumps(dict({"cluster": "fay"}, **options)),
                 "--inventory=molecule/%s/inventory" % SCENARIO]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    result = subprocess.run(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=dict(kept, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg"), ANSIBLE_NOCOLOR="1", FAY_LAB_SET=SCENARIO))
    assert "Traceback" not in result.stdout, result.stdout
    return result.returncode, re.sub(r"\s+", " ", result.stdout)
