# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster that site.yml has built, as an operator sees it on the nodes."""
import json
import os
import re

import pytest
from lab import PREFIX, lab_host

ADDRESSES = {"bg%d" % number: "%s.%d" % (PREFIX, 30 + number) for number in range(1, 8)}
CONTROL_PLANES = ["bg1", "bg2", "bg3"]
WORKERS = ["bg4", "bg5", "bg6", "bg7"]
KUBECTL = "/usr/local/bin/kubectl "
RECORDINGS = os.path.join(os.path.dirname(__file__), "..", "..", "..", "tests", "recordings")


def test_seven_nodes_are_ready_with_their_roles():
    lines = lab_host("bg1").check_output(KUBECTL + "get nodes --no-headers").splitlines()
    shown = {line.split()[0]: line.split()[1:3] for line in lines}
    assert shown == dict({name: ["Ready", "controlplane,etcd"] for name in CONTROL_PLANES},
                         **{name: ["Ready", "worker"] for name in WORKERS})


@pytest.mark.parametrize("name", CONTROL_PLANES + WORKERS)
def test_docker_uses_the_data_root(name):
    assert lab_host(name).check_output("docker info --format '{{.DockerRootDir}}'") == "/appdata/lib/docker"
    assert lab_host(name).check_output("docker info --format '{{.ServerVersion}}'").startswith("20.10.")


@pytest.mark.parametrize("name", ["bg2", "bg5"])
def test_kubectl_has_full_rights(name):
    host = lab_host(name)
    assert len(host.check_output(KUBECTL + "get nodes --no-headers").splitlines()) == 7
    assert host.check_output(KUBECTL + "-n cattle-system logs deployment/cattle-cluster-agent").startswith("INFO: ")
    assert "kubernetes.io/service-account-token" in host.check_output(KUBECTL + "get secrets -A")
    assert host.file("/root/.kube/config").mode == 0o600


def test_scheduler_kubeconfig_equals_that_of_the_original_setup():
    host = lab_host("bg2")
    with open(os.path.join(RECORDINGS, "kubeconfig-bg2.yaml")) as source:
        expected = source.read().replace("10.128.2.185", ADDRESSES["bg2"])
    assert host.file("/root/.kube/scheduler").content_string == expected
    denied = host.run(KUBECTL + "--kubeconfig /root/.kube/scheduler -n cattle-system logs deployment/cattle-cluster-agent")
    assert denied.rc != 0 and "Forbidden" in denied.stderr and "system:kube-scheduler" in denied.stderr
    assert len(host.check_output(KUBECTL + "--kubeconfig /root/.kube/scheduler get nodes --no-headers").splitlines()) == 7


def rke_containers(name):
    shown = lab_host(name).check_output("docker ps --all --format '{{.Names}}|{{.Image}}|{{.State}}'").splitlines()
    return {line.split("|")[0]: line.split("|")[1:] for line in shown if not line.startswith("k8s_")}


def recorded_containers(host):
    """{name: (image, network, labels)} of the containers that RKE has created on a recorded host."""
    with open(os.path.join(RECORDINGS, "v2.6.2", "provisioning", host + "-at-rest.txt")) as source:
        rows = re.findall(r"^/(\S+) image=(\S+) net=(\S*) .*? labels=(\{.*?\}) entrypoint", source.read(), re.M)
    return {name: (image, net, json.loads(labels)) for name, image, net, labels in rows}


@pytest.mark.parametrize("name, source", [("bg1", "bg1"), ("bg4", "bg4")])
def test_containers_of_a_node_equal_the_recording(name, source):
    actual = rke_containers(name)
    expected = recorded_containers(source)
    assert set(actual) == set(expected)
    for container, (image, net, labels) in expected.items():
        shown = json.loads(lab_host(name).check_output("docker inspect " + container))[0]
        assert actual[container][0] == image
        assert shown["HostConfig"]["NetworkMode"] == net
        assert shown["Config"]["Labels"] == labels


def files_of(text):
    return {line.split()[3]: line.split()[0] for line in text.splitlines() if line[:1] in "-d" and "/" in line}


@pytest.mark.parametrize("name, source", [("bg1", "bg1"), ("bg4", "bg4")])
def test_certificates_of_a_node_equal_the_recording(name, source):
    shown = lab_host(name).check_output(r"find /etc/kubernetes -printf '%M %u:%g %s %p\n'")
    with open(os.path.join(RECORDINGS, "v2.6.2", "provisioning", source + "-at-rest.txt")) as text:
        expected = text.read().split("## /etc/kubernetes\n")[1].split("\n## ")[0]
    for number in (1, 2, 3):
        expected = expected.replace("172-31-250-1%d" % number, ADDRESSES["bg%d" % number].replace(".", "-"))
    assert files_of(shown) == files_of(expected)


def test_pods_reach_each_other_between_nodes():
    host = lab_host("bg1")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {
        "restartPolicy": "Never", "containers": [{"name": "shell", "image": "rancher/rke-tools:v0.1.78",
                                                  "command": ["sleep", "3600"]}]}}
    for name in ("bg4", "bg7"):
        body = json.dumps(dict(pod, metadata={"name": "net-" + name}, spec=dict(pod["spec"], nodeName=name)))
        host.check_output("printf '%%s' %s | /usr/local/bin/kubectl apply -f -", body)
    host.check_output(KUBECTL + "wait --for=condition=Ready --timeout=60s pod/net-bg4 pod/net-bg7")
    address = host.check_output(KUBECTL + "get pod net-bg7 -o jsonpath='{.status.podIP}'")
    host.check_output(
        KUBECTL + "exec net-bg7 -- sh -c 'mkdir -p /tmp/www && echo from-bg7 >/tmp/www/index.html && "
        "printf \"events {} http { server { listen 8080; root /tmp/www; } }\" >/tmp/nginx.conf && "
        "(nginx -c /tmp/nginx.conf || true)'")  # it already runs in the second verify
    answer = host.check_output(
        KUBECTL + "exec net-bg4 -- bash -c 'exec 3<>/dev/tcp/%s/8080; printf \"GET / HTTP/1.0\\r\\n\\r\\n\" >&3; cat <&3'"
        % address)
    assert "from-bg7" in answer
    routes = lab_host("bg4").check_output("ip route show dev flannel.1")
    assert "onlink" in routes


def test_cluster_was_built_once_with_all_control_planes():
    log = lab_host("rancher1").check_output("docker logs rancher 2>&1")
    first = re.search(r"build 1 with (.*)", log).group(1)
    assert set(CONTROL_PLANES) <= set(first.split(", "))


def test_logins_leave_no_token():
    state = json.loads(lab_host("rancher1").file("/var/lib/rancher/state.json").content_string)
    assert [token["description"] for token in state["tokens"].values()] == []


def test_registration_container_is_removed():
    for name in CONTROL_PLANES + WORKERS:
        assert "rancher-agent" not in rke_containers(name)
