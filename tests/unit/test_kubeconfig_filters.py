# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters for kubeconfigs, and all filters with containers of Ansible."""
import json
import os
import subprocess
import sys

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.filter.kubeconfig import FilterModule
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from conftest import ROOT

FILTERS = FilterModule().filters()


def kubeconfig_with(name):
    """A kubeconfig whose only cluster, user and context have this name."""
    names = dict.fromkeys(("cluster", "user", "context"), name)
    return _kubeconfig.build(names, {"server": "https://" + name}, {"token": "secret-" + name})


def kubeconfig_with_fifty_clusters():
    """A kubeconfig with the clusters c00 to c49."""
    value = _kubeconfig.empty()
    for number in range(50):
        value = FILTERS["kubeconfig_merge"](value, kubeconfig_with("c%02d" % number))
    return value


def test_filters_accept_kubeconfigs_with_fifty_clusters():
    value = kubeconfig_with_fifty_clusters()
    assert [len(value[plural]) for plural in ("clusters", "contexts", "users")] == [50, 50, 50]
    assert value["current-context"] == "c49"
    assert FILTERS["kubeconfig_merge"](value, kubeconfig_with("c07"), current=False) == value
    part = FILTERS["kubeconfig_subset"](value, ["c07", "c31"])
    assert [item["name"] for item in part["users"]] == ["c07", "c31"]
    renamed = FILTERS["kubeconfig_rename"](part, contexts={"c07": "home"})
    assert renamed["current-context"] == "home" and part["current-context"] == "c07"
    assert "secret" not in str(FILTERS["kubeconfig_redact"](value))


@pytest.mark.parametrize("value", ["text", [], {"kind": "Pod"}, {"users": 5}])
def test_invalid_kubeconfig_is_an_error_of_the_filter(value):
    with pytest.raises(AnsibleFilterError, match="kubeconfig_redact requires a valid kubeconfig: it"):
        FILTERS["kubeconfig_redact"](value)


def test_missing_context_is_an_error_of_the_filter():
    with pytest.raises(AnsibleFilterError, match="it has no context nowhere"):
        FILTERS["kubeconfig_subset"](kubeconfig_with("a"), ["nowhere"])


class UncopyableDict(dict):
    """Like a lazy container of ansible-core 2.19: copy.deepcopy() would copy its templar too."""

    def __deepcopy__(self, memo):
        raise AssertionError("copy.deepcopy() of a container of Ansible")


@pytest.mark.parametrize("name, arguments", [
    ("kubeconfig_merge", [UncopyableDict(kubeconfig_with("b"))]), ("kubeconfig_rename", [UncopyableDict(a="b")]),
    ("kubeconfig_subset", [["a"]]), ("kubeconfig_redact", [])])
def test_containers_of_ansible_are_not_deep_copied(name, arguments):
    value = kubeconfig_with("a")
    value["users"][0] = UncopyableDict(value["users"][0])
    result = FILTERS[name](UncopyableDict(value), *arguments)
    assert type(result) is dict and all(type(user) is dict for user in result["users"])


# Each filter that accepts a dict or a list, applied to variables with templates, and its result.
TEMPLATES = {
    "{{ (config | fay.rancher.kubeconfig_redact).users[0].user.token }}": "REDACTED",
    "{{ (config | fay.rancher.kubeconfig_subset([name]))['current-context'] }}": "first",
    "{{ (config | fay.rancher.kubeconfig_rename(contexts={name: 'second'}))['current-context'] }}": "second",
    "{{ (config | fay.rancher.kubeconfig_merge(config, current=false)).users[0].user.token }}": "secret",
    "{{ daemon | fay.rancher.daemon_options_problems | length }}": "0",
    "{{ daemon | fay.rancher.daemon_options_need_restart(daemon) }}": "False",
    "{{ disks | fay.rancher.eviction_problems | length }}": "1",
    "{{ certificates | fay.rancher.certificate_report | first }}": "node  kube-node  node.pem  5 days left, until 2027",
}
VARIABLES = {
    "name": "first",
    "config": dict(kubeconfig_with("{{ name }}"), users=[{"name": "{{ name }}", "user": {"token": "{{ 'sec' ~ 'ret' }}"}}]),
    "daemon": {"log-opts": {"max-size": "{{ 10 }}m"}},
    "disks": {"imagefs": {"path": "/{{ name }}", "size": "{{ 100 }}", "free": 1, "reserve": 0}},
    "certificates": {"node": {"authority": {"certificate": "ca.pem", "days": 900, "not_after": "2030"}, "certificates": {
        "kube-node": {"certificate": "{{ 'node' }}.pem", "days": 5, "not_after": "2027"}}}},
}


def test_filters_cause_no_deprecation_warning(tmp_path):
    tasks = [{"ansible.builtin.assert": {"that": "result | string == expected", "fail_msg": "it is {{ result }}"},
              "vars": {"result": template, "expected": expected}} for template, expected in TEMPLATES.items()]
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": VARIABLES, "tasks": tasks}]))
    program = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    process = subprocess.run([program, "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml")], cwd=ROOT, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, env=dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg")), text=True)
    assert process.returncode == 0 and "ok=%d" % len(TEMPLATES) in process.stdout, process.stdout
    assert "DEPRECATION" not in process.stdout, process.stdout
