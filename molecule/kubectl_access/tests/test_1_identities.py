# SPDX-License-Identifier: GPL-3.0-or-later
"""kubectl and kubeconfigs that the role kubectl_access has written on a node of each role."""
import json
import re

import pytest
import yaml
from kubeconfigs import KUBECTL, NODES, PLAYBOOK
from lab import PASSWORD, PREFIX, lab_host, run_playbook

# Measured on a real API server, see docs/kubectl.md: `y` if the identity may run the command.
COMMANDS = ["get nodes", "get pods -A", "-n kube-system logs {pod} --all-containers", "get secrets -A", "get configmaps -A"]
PERMISSIONS = {"admin": "yyyyy", "auto": "yyyyy", "kube-node": "yynyy", "kube-controller-manager": "yynyy", "kube-scheduler": "yynnn",
               "kube-proxy": "ynnnn"}
CERTIFICATES = {"bg1": ["kube-node", "kube-proxy"], "bg2": ["kube-node", "kube-proxy", "kube-controller-manager", "kube-scheduler"],
                "bg4": ["kube-node", "kube-proxy"]}


@pytest.mark.parametrize("name, identity", [(name, identity) for name in NODES for identity in ["admin", "auto"] + CERTIFICATES[name]])
def test_identity_has_the_documented_permissions(name, identity):
    host = lab_host(name)
    kubectl = KUBECTL + "--kubeconfig /root/.kube/%s " % identity
    pod = lab_host("bg2").check_output(KUBECTL + "--kubeconfig /root/.kube/admin -n kube-system get pods -o name | head -1")
    answers = ""
    for command in COMMANDS:
        result = host.run(kubectl + command.format(pod=pod))
        assert result.rc == 0 or "Forbidden" in result.stderr, result.stderr
        answers += "y" if result.rc == 0 else "n"
    assert answers == PERMISSIONS[identity]


@pytest.mark.parametrize("name", NODES)
def test_kubectl_has_the_version_of_the_cluster(name):
    shown = yaml.safe_load(lab_host(name).check_output(KUBECTL + "version -o yaml --context fay"))
    assert shown["clientVersion"]["gitVersion"] == shown["serverVersion"]["gitVersion"] == "v1.20.2"


@pytest.mark.parametrize("name, everything", [("bg1", "no"), ("bg2", "yes"), ("bg4", "no")])
def test_control_planes_have_full_permissions_and_other_nodes_their_own(name, everything):
    assert lab_host(name).run(KUBECTL + "--context fay auth can-i '*' '*' --all-namespaces").stdout.strip() == everything
    assert lab_host(name).check_output(KUBECTL + "--context fay auth can-i get nodes") == "yes"
    assert lab_host(name).file("/root/.kube/config").mode == 0o600
    assert lab_host(name).file("/root/.kube").mode == 0o700


def test_other_clusters_in_the_kubeconfig_are_kept():
    shown = yaml.safe_load(lab_host("bg2").file("/root/.kube/config").content_string)
    assert sorted(item["name"] for item in shown["clusters"]) == ["fay", "home"]
    assert {"name": "me", "user": {"token": "mine"}} in shown["users"]


def test_kubeconfig_of_another_user_contains_everything():
    host = lab_host("bg2")
    shown = host.check_output("su - alice -c 'kubectl config view --raw -o json'")
    config = json.loads(shown)
    assert config["current-context"] == "alice@fay" and config["contexts"][0]["context"]["namespace"] == "kube-system"
    assert "client-key-data" in config["users"][0]["user"]
    assert host.check_output("su - alice -c 'kubectl get pods -o name'")
    config = host.file("/home/alice/.kube/config")
    assert (config.user, config.group, config.mode) == ("alice", "alice", 0o600)
    assert host.file("/home/alice/.kube").user == "alice"
    assert host.check_output("su - alice -c 'bash -lic \"type k\"' 2>/dev/null").endswith("kubectl'")


def test_token_of_rancher_is_valid_for_one_cluster_only():
    host = lab_host("bg2")
    config = json.loads(host.check_output("su - bob -c 'kubectl config view --raw -o json'"))
    server, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
    assert re.fullmatch(r"https://%s\.80/k8s/clusters/c-\w+" % re.escape(PREFIX), server)
    assert len(host.check_output("su - bob -c 'kubectl get nodes -o name'").splitlines()) == 3
    for address, status in ((server + "/version", "200"), (server.split("/k8s")[0] + "/v3/users", "401")):
        assert host.check_output("curl -sk -o /dev/null -w '%%{http_code}' -H 'Authorization: Bearer %s' %s" % (token, address)) == status
    run = run_playbook(PLAYBOOK, arguments=["--limit=bg2", "-vvv", "--diff"])
    assert run.code == 0 and run.changed == 0, run.output
    assert token.split(":")[1] not in run.output and PASSWORD not in run.output
    logged = host.check_output("journalctl --no-pager")
    assert "ansible-fay.rancher.kubeconfig" in logged and token.split(":")[1] not in logged and PASSWORD not in logged


def test_kubeconfig_equals_what_four_commands_of_kubectl_write():
    host = lab_host("bg2")
    ssl = "/etc/kubernetes/ssl/"
    host.check_output("rm -f /root/by_kubectl")
    for command in ("set-cluster fay --server=https://127.0.0.1:6443 --certificate-authority=%skube-ca.pem" % ssl,
                    "set-credentials fay --client-certificate=%skube-scheduler.pem --client-key=%skube-scheduler-key.pem" % (ssl, ssl),
                    "set-context fay --cluster=fay --user=fay", "use-context fay"):
        host.check_output(KUBECTL + "config --kubeconfig /root/by_kubectl " + command)
    written_by_kubectl = host.check_output(KUBECTL + "config view --raw --kubeconfig /root/by_kubectl")
    assert host.check_output(KUBECTL + "config view --raw --kubeconfig /root/.kube/kube-scheduler") == written_by_kubectl
    assert host.file("/root/by_kubectl").content_string == host.file("/root/.kube/kube-scheduler").content_string
