# SPDX-License-Identifier: GPL-3.0-or-later
"""The small cluster after the interrupted runs, and invalid input while a server runs."""
import json
import re

import pytest
from lab import PASSWORD, PREFIX, assert_rejected, lab_host, run_playbook

JOIN = "molecule/rke_node/join.yml"


def test_both_nodes_are_ready_with_their_roles():
    lines = lab_host("bg1").check_output("/usr/local/bin/kubectl get nodes --no-headers").splitlines()
    assert {line.split()[0]: line.split()[1:3] for line in lines} == {
        "bg1": ["Ready", "controlplane,etcd"], "bg4": ["Ready", "worker"]}


@pytest.mark.parametrize("name", ["bg1", "bg4"])
def test_kubelet_uses_the_eviction_thresholds_of_the_cluster(name):
    """The hosts share one disk: with the default thresholds their kubelets would evict pods although gigabytes are free."""
    line = lab_host(name).check_output("tr '\\0' '\\n' </proc/$(pidof kubelet)/cmdline").splitlines()
    assert "--eviction-hard=memory.available<50Mi,nodefs.available<1Gi,imagefs.available<1Gi" in line


def test_logins_of_interrupted_runs_expire():
    """A run that was killed could not delete its token, but the token has a time to live."""
    state = json.loads(lab_host("rancher1").file("/var/lib/rancher/state.json").content_string)
    assert all(token["ttl"] for token in state["tokens"].values())


def test_wrong_password_is_rejected():
    run = assert_rejected("rejects both the requested and the bootstrap password of user admin",
                          variables={"rancher_admin_password": "Wrong-Password-1"})
    assert "Wrong-Password-1" not in run.output


def test_wrong_checksum_of_the_ca_is_rejected():
    assert_rejected("but ca_checksum is 0000", variables={"rancher_ca_checksum": "0" * 64})


def test_wrong_password_is_rejected_without_the_role_rancher_server():
    assert_rejected("rejects the password of user admin", playbook=JOIN,
                    variables={"rancher_admin_password": "Wrong-Password-1"})


def test_missing_cluster_is_rejected():
    assert_rejected("the cluster nowhere of https://%s.70 does not exist" % PREFIX, playbook=JOIN,
                    variables={"rancher_cluster": "nowhere"})


def test_host_of_another_cluster_is_rejected(tmp_path):
    inventory = tmp_path / "more.yml"
    inventory.write_text("all: {hosts: {bg4: {rke_node_name: bg5}}}")
    assert_rejected("bg4 has certificates of a cluster in /etc/kubernetes/ssl, but the cluster fay of",
                    playbook=JOIN, inventories=[str(inventory)])


def test_run_can_be_limited_to_one_node():
    run = run_playbook(JOIN, arguments=["--limit=bg4"])
    assert run.code == 0 and run.changed == 0, run.output


@pytest.mark.parametrize("tag", ["rke_node", "rke_node_preflight", "rke_node_join"])
def test_each_tag_alone_changes_nothing(tag):
    run = run_playbook(JOIN, arguments=["--tags=" + tag])
    assert run.code == 0 and run.changed == 0, run.output
    assert ("Wait until the cluster is ready" in run.output) == (tag != "rke_node_preflight")


def test_conditions_of_nodes_are_shown_during_the_wait():
    """The API server reports a stopped kubelet after 40 seconds (kube-controller-manager --node-monitor-grace-period)."""
    lab_host("bg4").check_output("docker stop kubelet")
    lab_host("bg1").check_output("for i in $(seq 90); do /usr/local/bin/kubectl get node bg4 | grep -q NotReady && exit 0; sleep 1; done; "
                                 "exit 1")
    try:
        run = run_playbook(JOIN, variables={"rke_node_timeout": 75})
        reported = "bg4: not Ready: Kubelet stopped posting node status."
        assert run.code != 0 and run.text.count(reported) >= 2, run.output  # during the wait and at its end
    finally:
        lab_host("bg4").check_output("docker start kubelet")
    assert run_playbook(JOIN).code == 0


def test_verbose_output_contains_no_secret():
    """Neither passwords, logins, registration tokens nor keys are in the output of -vvv --diff."""
    state = json.loads(lab_host("rancher1").file("/var/lib/rancher/state.json").content_string)
    run = run_playbook("site.yml", arguments=["-vvv", "--diff"])
    assert run.code == 0, run.output
    registration = [item["token"] for item in state["registration_tokens"].values()]
    assert registration
    for secret in registration + [PASSWORD, "PRIVATE KEY-----", "client-key-data: LS0"]:
        assert secret not in run.output
    assert not re.search("token-[a-z0-9]{5}:[a-z0-9]{20}", run.output)
