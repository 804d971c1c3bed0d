"""The small cluster after the interruptions, and what is refused where a server runs."""
import json
import re

import pytest
from lab import PASSWORD, PREFIX, on, play, refused

JOIN = "molecule/rke_node/join.yml"


def test_both_nodes_are_ready_with_their_roles():
    lines = on("bg1").check_output("/usr/local/bin/kubectl get nodes --no-headers").splitlines()
    assert {line.split()[0]: line.split()[1:3] for line in lines} == {
        "bg1": ["Ready", "controlplane,etcd"], "bg4": ["Ready", "worker"]}


@pytest.mark.parametrize("name", ["bg1", "bg4"])
def test_the_kubelet_has_the_clusters_eviction_thresholds(name):
    """Eight hosts share the lab's disk: the default shares of it would evict their pods with gigabytes free."""
    line = on(name).check_output("tr '\\0' '\\n' </proc/$(pidof kubelet)/cmdline").splitlines()
    assert "--eviction-hard=memory.available<50Mi,nodefs.available<1Gi,imagefs.available<1Gi" in line


def test_no_log_in_of_an_interrupted_run_stays_for_long():
    """A run that was killed could not give its token back: it has a time to live instead."""
    state = json.loads(on("rancher1").file("/var/lib/rancher/state.json").content_string)
    assert all(token["ttl"] for token in state["tokens"].values())


def test_a_wrong_password():
    run = refused("rejects both the requested and the bootstrap password of user admin",
                  variables={"rancher_admin_password": "Wrong-Password-1"})
    assert "Wrong-Password-1" not in run.output


def test_a_wrong_checksum():
    refused("but ca_checksum is 0000", variables={"rancher_ca_checksum": "0" * 64})


def test_a_wrong_password_where_only_the_nodes_are_played():
    refused("rejects the password of user admin", playbook=JOIN,
            variables={"rancher_admin_password": "Wrong-Password-1"})


def test_a_cluster_that_is_not_there():
    refused("the cluster nowhere of https://%s.70 does not exist" % PREFIX, playbook=JOIN,
            variables={"rancher_cluster": "nowhere"})


def test_a_host_of_another_cluster(tmp_path):
    inventory = tmp_path / "more.yml"
    inventory.write_text("all: {hosts: {bg4: {rke_node_name: bg5}}}")
    refused("bg4 has certificates of a cluster in /etc/kubernetes/ssl, but the cluster fay of",
            playbook=JOIN, inventories=[str(inventory)])


def test_one_node_can_be_played_alone():
    run = play(JOIN, arguments=["--limit=bg4"])
    assert run.code == 0 and run.changed == 0, run.output


@pytest.mark.parametrize("tag", ["rke_node", "rke_node_preflight", "rke_node_join"])
def test_each_tag_alone_changes_nothing(tag):
    run = play(JOIN, arguments=["--tags=" + tag])
    assert run.code == 0 and run.changed == 0, run.output
    assert ("Wait until the cluster is ready" in run.output) == (tag != "rke_node_preflight")


def test_what_kubernetes_reports_of_a_node_is_shown():
    """A kubelet that has stopped: the API server says so after 40 seconds (kube-controller-manager --node-monitor-grace-period)."""
    on("bg4").check_output("docker stop kubelet")
    on("bg1").check_output("for i in $(seq 90); do /usr/local/bin/kubectl get node bg4 | grep -q NotReady && exit 0; sleep 1; done; exit 1")
    try:
        run = play(JOIN, variables={"rke_node_timeout": 75})
        reported = "bg4: not Ready: Kubelet stopped posting node status."
        assert run.code != 0 and run.text.count(reported) >= 2, run.output  # while it waits, and at the end
    finally:
        on("bg4").check_output("docker start kubelet")
    assert play(JOIN).code == 0


def test_no_secret_is_shown_by_the_most_talkative_run():
    """Passwords, log-ins, registration tokens and keys: none of them in -vvv with --diff."""
    state = json.loads(on("rancher1").file("/var/lib/rancher/state.json").content_string)
    run = play("site.yml", arguments=["-vvv", "--diff"])
    assert run.code == 0, run.output
    registration = [item["token"] for item in state["registration_tokens"].values()]
    assert registration
    for secret in registration + [PASSWORD, "PRIVATE KEY-----", "client-key-data: LS0"]:
        assert secret not in run.output
    assert not re.search("token-[a-z0-9]{5}:[a-z0-9]{20}", run.output)
