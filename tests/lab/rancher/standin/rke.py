# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds clusters in the order of RKE v1.3.3, through the agents of the nodes (tunnel.py)."""
import base64
import concurrent.futures
import hashlib
import http.client
import json
import os
import ssl
import time

from . import rke_containers, rke_files
from .kube import Kube, KubeError

MANIFESTS = os.path.join(os.path.dirname(__file__), "manifests")
WAITING = "waiting for etcd, controlplane and worker nodes to be registered"
# The excluded hook, which creates the default roles, may still be running when the API server is usable.
READY = "/readyz?exclude=poststarthook/rbac/bootstrap-roles"


class Builder:
    """One build of a stored cluster with the nodes that were connected when it began.

    pairs: the cluster's certificates (pki.cluster). report: function(str) for the cluster's transitioningMessage.
    settings: {url, token, checksum} of the server for the nodes' agents. Methods raise OSError or KubeError.
    """

    def __init__(self, tunnel, cluster, nodes, pairs, report, settings):
        self.tunnel, self.cluster, self.nodes, self.pairs, self.report = tunnel, cluster, nodes, pairs, report
        self.settings = settings
        self.control = [node for node in nodes if "controlplane" in node["roles"]]
        self.etcd = [node for node in nodes if "etcd" in node["roles"]]
        self.kube = self.kube_of(self.control)
        self.pool = concurrent.futures.ThreadPoolExecutor(max(1, len(nodes)))

    def kube_of(self, nodes):
        return Kube([node["address"] for node in nodes], self.pairs["kube-ca"]["certificate"], self.pairs["kube-admin"])

    def for_each(self, nodes, function):
        """Call the function for all nodes at the same time; raises the error of the first that fails."""
        list(self.pool.map(function, nodes))

    def run(self):
        self.report("Initiating Kubernetes cluster")
        self.report("[certificates] Deploying kubernetes certificates to Cluster nodes")
        self.for_each(self.nodes, self.deploy_files)
        self.report("[etcd] Building up etcd plane..")
        self.start_etcd()
        self.report("[controlplane] Building up Controller Plane..")
        self.start_control_plane()
        self.report("[authz] Creating rke-job-deployer ServiceAccount")
        self.apply_manifest("authz")
        self.kube.apply(json.dumps(rke_files.full_cluster_state(self.cluster, self.nodes, self.pairs)))
        self.report("[worker] Building up Worker Plane..")
        self.for_each(self.nodes, self.start_worker)
        self.for_each(self.nodes, self.label)
        self.report("[addons] Executing deploy job rke-network-plugin")
        self.apply_addons()
        self.report("Finished building Kubernetes cluster successfully")

    def deploy_files(self, node):
        self.tunnel.run(node["id"], files=rke_files.node_files(node, self.etcd, self.pairs))

    # ---- etcd

    def start_etcd(self):
        built = [node for node in self.etcd if node["id"] in self.cluster["built"]]
        added = [node for node in self.etcd if built and node not in built]
        for node in added:
            self.add_member(built[0], node)

        def start(node):
            body = self.container_body(node, "etcd")
            if node in added:
                body["Cmd"] = [argument.replace("cluster-state=new", "cluster-state=existing") for argument in body["Cmd"]]
            self.ensure_container(node, "etcd", body)
        self.for_each(self.etcd, start)
        for node in self.etcd:
            self.wait_until_healthy("etcd", node, lambda node=node: self.call_etcd(node, "GET", "/health"))

    def add_member(self, member, node):
        """Add a node to the etcd cluster through one of its members, unless it is already a member."""
        peers = [peer for item in self.call_etcd(member, "POST", "/v3/cluster/member/list", {})["members"]
                 for peer in item["peerURLs"]]
        peer = "https://%s:2380" % node["address"]
        if peer not in peers:
            self.call_etcd(member, "POST", "/v3/cluster/member/add", {"peerURLs": [peer]})

    def call_etcd(self, node, method, path, body=None):
        context = Kube([], self.pairs["kube-ca"]["certificate"], self.pairs["kube-node"]).context
        connection = http.client.HTTPSConnection(node["address"], 2379, timeout=5, context=context)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            content = response.read()
            if response.status != 200:
                raise OSError("%s %s" % (response.status, content))
            return json.loads(content)
        finally:
            connection.close()

    # ---- control plane and workers

    def start_control_plane(self):
        for name in ("service-sidekick", "kube-apiserver"):
            self.for_each(self.control, lambda node, name=name: self.start_container(node, name))
        for node in self.control:
            self.wait_until_healthy("kube-apiserver", node, lambda node=node: self.kube_of([node]).get(READY))
        for name in ("kube-controller-manager", "kube-scheduler"):
            self.for_each(self.control, lambda node, name=name: self.start_container(node, name))

    def start_worker(self, node):
        if "controlplane" not in node["roles"]:
            self.start_container(node, "nginx-proxy")
            self.start_container(node, "service-sidekick")
        kubelet = self.container_body(node, "kubelet")
        kubelet["Entrypoint"] = rke_containers.kubelet_arguments(kubelet["Entrypoint"], node, self.cluster)
        self.ensure_container(node, "kubelet", kubelet)
        self.start_container(node, "kube-proxy")
        share_mnt = self.container_body(node, "share-mnt")
        share_mnt["Cmd"] = rke_containers.share_mnt_arguments(node, self.settings)
        self.ensure_container(node, "share-mnt", share_mnt)

    def label(self, node):
        """Set the labels, annotations and taints of a node as soon as its kubelet has created it."""
        patch = {"metadata": {"labels": {"node-role.kubernetes.io/" + role: "true" for role in node["roles"]},
                              "annotations": {"rke.cattle.io/internal-ip": node["address"],
                                              "rke.cattle.io/external-ip": node["address"]}}}
        taints = rke_containers.taints(node)
        if taints:
            patch["spec"] = {"taints": taints}

        def patch_node():
            status, answer = self.kube.call("PATCH", "/api/v1/nodes/" + node["name"], patch,
                                            "application/strategic-merge-patch+json")
            if status != 200:
                raise KubeError("%s %s" % (status, answer))
        self.wait_until_healthy("kubelet", node, patch_node, 300)

    def apply_manifest(self, name, **values):
        """Apply a file of `manifests` with {{KEY}} replaced by the value of that key."""
        with open(os.path.join(MANIFESTS, name + ".yaml")) as source:
            text = source.read()
        for key, value in values.items():
            text = text.replace("{{%s}}" % key, value)
        self.wait_until_healthy("kube-apiserver", self.control[0], lambda: self.kube.apply(text))

    def apply_addons(self):
        network = self.cluster["object"]["rancherKubernetesEngineConfig"].get("network") or {}
        options = network.get("options") or {}
        self.apply_manifest("flannel", backend=options.get("flannel_backend_type", "vxlan"),
                            vni=str(options.get("flannel_backend_vni", 1)), port=str(options.get("flannel_backend_port", 8472)),
                            interface=options.get("flannel_iface", ""))
        self.apply_manifest("cattle", url=base64.b64encode(self.settings["url"].encode()).decode(),
                            token=base64.b64encode(self.settings["token"].encode()).decode(),
                            checksum=self.settings["checksum"])

    # ---- containers

    def container_body(self, node, name):
        data_root = self.cluster["object"].get("dockerRootDir") or "/var/lib/docker"
        return rke_containers.container_body(name, node, self.etcd, self.control, data_root)

    def start_container(self, node, name):
        self.ensure_container(node, name, self.container_body(node, name))

    def docker(self, node, method, path, body=None):
        """A call to the Docker API of a node: {status, body}."""
        return self.tunnel.run(node["id"], docker={"method": method, "path": path, "body": body})

    def ensure_container(self, node, name, body):
        """Create the container with that body and start it; a container that was created with another body is replaced."""
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        digests = self.cluster.setdefault("containers", {}).setdefault(node["id"], {})
        current = self.docker(node, "GET", "/containers/%s/json" % name)
        is_service = name != "service-sidekick"  # it is never started; only its volumes are used
        if current["status"] == 200 and digests.get(name) == digest:
            if is_service and not current["body"]["State"]["Running"]:
                self.docker(node, "POST", "/containers/%s/start" % name)
            return
        if current["status"] == 200:
            self.docker(node, "DELETE", "/containers/%s?force=true" % name)
        self.pull(node, body["Image"])
        calls = [("/containers/create?name=" + name, body)] + ([("/containers/%s/start" % name, None)] if is_service else [])
        for path, content in calls:
            answer = self.docker(node, "POST", path, content)
            if answer["status"] not in (201, 204):
                raise OSError("[Failed to start [%s] container on host [%s]: %s]" % (name, node["address"], answer["body"]))
        digests[name] = digest
        self.report("Successfully started [%s] container on host [%s]" % (name, node["address"]))

    def pull(self, node, reference):
        image, _, tag = reference.rpartition(":")
        answer = self.docker(node, "POST", "/images/create?fromImage=%s&tag=%s" % (image, tag))
        if answer["status"] != 200:
            raise OSError("[Failed to pull image [%s] on host [%s]: %s]" % (reference, node["address"], answer["body"]))

    def wait_until_healthy(self, service, node, check, seconds=180):
        """Call `check` until it raises no error; raises OSError after that many seconds."""
        self.report("[healthcheck] Start Healthcheck on service [%s] on host [%s]" % (service, node["address"]))
        deadline = time.time() + seconds
        while True:
            try:
                check()
            except (OSError, KubeError, ssl.SSLError, http.client.HTTPException) as error:
                if time.time() > deadline:
                    raise OSError("Failed to verify healthcheck for service [%s] on host [%s]: %s" % (
                        service, node["address"], error))
                time.sleep(1)
            else:
                self.report("[healthcheck] service [%s] on host [%s] is healthy" % (service, node["address"]))
                return
