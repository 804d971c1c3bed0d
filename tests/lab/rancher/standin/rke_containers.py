# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers that RKE creates on a node.

Image, command, mounts and labels of each are read from the recorded hosts
(tests/recordings/v2.6.2/provisioning/*-at-rest.txt). Names, addresses and paths of the recorded hosts are replaced.
"""
import json
import os
import re

from . import recorded

CONTAINER = re.compile(r"/(\S+) image=(\S+) net=(\S*) pid=(\S*) privileged=(\S+) restart=(\S*) volumesFrom=(.*?) "
                       r"binds=(.*?) labels=(\{.*?\}) entrypoint=(.*?) cmd=(.*)$")
RECORDED_DATA_ROOT = "/appdata/lib/docker"
# The recorded hosts: bg1 was etcd and control plane, bg4 a worker. Their addresses are in the recorded commands.
RECORDED_ADDRESSES = {"bg1": "172.31.250.11", "bg4": "172.31.250.14"}


def recorded_containers(host):
    """The containers that RKE created on a recorded host, as {name: body of Docker's call to create it}."""
    bodies = {}
    with open(os.path.join(recorded.DIRECTORY, "provisioning", host + "-at-rest.txt")) as source:
        for match in filter(None, map(CONTAINER.match, source)):
            name, image, net, pid, privileged, restart, volumes, binds, labels, entrypoint, cmd = match.groups()
            bodies[name] = {
                "Image": image, "Labels": json.loads(labels), "Entrypoint": json.loads(entrypoint),
                "Cmd": json.loads(cmd), "HostConfig": {
                    "NetworkMode": net, "PidMode": pid, "Privileged": privileged == "true",
                    "RestartPolicy": {"Name": restart}, "VolumesFrom": json.loads(volumes),
                    "Binds": json.loads(binds)}}
    return bodies


RECORDED = {host: recorded_containers(host) for host in RECORDED_ADDRESSES}


def container_body(name, node, etcd_nodes, control_nodes, data_root):
    """The body with which Docker creates this container on a node. data_root: of the node's Docker."""
    host = recorded_host(name, node)
    address = RECORDED_ADDRESSES[host]
    # In JSON text each argument ends at a quote, so that a pattern can replace the rest of an argument.
    text = json.dumps(RECORDED[host][name])
    # The node's address: --advertise-address, etcd's URLs.
    text = text.replace(address, node["address"])
    # The same in the names of etcd's certificates: kube-etcd-172-31-250-11.pem.
    text = text.replace(address.replace(".", "-"), node["address"].replace(".", "-"))
    # etcd's --initial-cluster, a list of the recorded members that begins with bg3.
    text = re.sub(r'etcd-bg3=https[^"]*', joined("etcd-{name}=https://{address}:2380", etcd_nodes), text)
    # The API server's list of etcd members.
    text = re.sub(r'--etcd-servers=[^"]*', "--etcd-servers=" + joined("https://{address}:2379", etcd_nodes), text)
    # nginx-proxy's list of API servers.
    text = re.sub(r'CP_HOSTS=[^"]*', "CP_HOSTS=" + joined("{address}", control_nodes), text)
    # The node's name, of kubelet and kube-proxy.
    text = text.replace("--hostname-override=" + host, "--hostname-override=" + node["name"])
    # etcd's --name. The quote ends the argument.
    text = text.replace('etcd-%s"' % host, 'etcd-%s"' % node["name"])
    # Docker's data root, which is mounted into kubelet.
    text = text.replace(RECORDED_DATA_ROOT, data_root)
    return json.loads(text)


def recorded_host(name, node):
    """The recorded host whose container of that name suits a node's roles."""
    if name == "etcd" or ("controlplane" in node["roles"] and name in RECORDED["bg1"]):
        return "bg1"
    return "bg4"


def joined(template, nodes):
    return ",".join(template.format(**node) for node in nodes)


def kubelet_arguments(recorded_arguments, node, cluster):
    """The recorded command line with the node's taints and the extraArgs of a stored cluster.

    extraArgs replace RKE's own arguments (rancher/rke @v1.3.3: cluster/plan.go BuildKubeletProcess).
    """
    services = cluster["object"]["rancherKubernetesEngineConfig"].get("services", {})
    extra = dict((services.get("kubelet") or {}).get("extraArgs") or {})
    if taints(node):
        extra.setdefault("register-with-taints", ",".join("%(key)s=%(value)s:%(effect)s" % taint for taint in taints(node)))
    replaced = ["--" + name for name in extra] + ["--register-with-taints"]
    kept = [argument for argument in recorded_arguments if argument.partition("=")[0] not in replaced]
    return kept + ["--%s=%s" % item for item in sorted(extra.items())]


def share_mnt_arguments(node, settings):
    """settings: {url, token, checksum} of the server for the node's agent."""
    return ["--no-register", "--only-write-certs", "--node-name", node["name"], "--server", settings["url"],
            "--token", settings["token"], "--ca-checksum " + settings["checksum"]]


def taints(node):
    """The taints of a node, none if it has the role worker (rancher/rke @v1.3.3: cluster/hosts.go)."""
    if "worker" in node["roles"]:
        return []
    effects = {"etcd": "NoExecute", "controlplane": "NoSchedule"}
    return [{"key": "node-role.kubernetes.io/" + role, "value": "true", "effect": effect}
            for role, effect in effects.items() if role in node["roles"]]
