"""kubectl as the role kubectl_access leaves it, on a node with all roles and on a worker."""
import pytest
import yaml
from lab import on, refused

NODES = ["bg1", "bg4"]
PLAYBOOK = "molecule/kubectl_access/converge.yml"
KUBECTL = "/usr/local/bin/kubectl "
NODE = KUBECTL + "--kubeconfig /root/.kube/node "


@pytest.mark.parametrize("name", NODES)
def test_kubectl_is_the_clusters(name):
    shown = yaml.safe_load(on(name).check_output(KUBECTL + "version -o yaml --context fay"))
    assert shown["clientVersion"]["gitVersion"] == shown["serverVersion"]["gitVersion"] == "v1.20.2"


@pytest.mark.parametrize("name", NODES)
def test_root_has_full_rights(name):
    assert on(name).check_output(KUBECTL + "--context fay auth can-i '*' '*' --all-namespaces") == "yes"
    assert on(name).file("/root/.kube/config").mode == 0o600
    assert on(name).file("/root/.kube").mode == 0o700


@pytest.mark.parametrize("name", NODES)
def test_the_nodes_own_identity_may_read_but_no_logs(name):
    host = on(name)
    assert len(host.check_output(NODE + "get nodes --no-headers").splitlines()) == 2
    refused_logs = host.run(NODE + "-n cattle-system logs deployment/cattle-cluster-agent")
    assert refused_logs.rc != 0 and "Forbidden" in refused_logs.stderr and "system:node" in refused_logs.stderr


def test_the_operators_own_cluster_stays():
    shown = yaml.safe_load(on("bg1").file("/root/.kube/config").content_string)
    assert sorted(item["name"] for item in shown["clusters"]) == ["fay", "home"]
    assert {"name": "me", "user": {"token": "mine"}} in shown["users"]


def test_an_identity_that_the_node_has_not_is_refused():
    refused("kube-apiserver", playbook=PLAYBOOK, variables={"kubectl_access_identity": "kube-apiserver"},
            arguments=["--limit=bg4"])


def test_a_server_that_does_not_answer_is_refused():
    refused("127.0.0.1:6444", playbook=PLAYBOOK, variables={"kubectl_access_server": "https://127.0.0.1:6444"})
