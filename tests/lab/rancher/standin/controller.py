# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server does without a request: completes new clusters, builds them with their nodes, updates states, removes objects."""
import base64
import copy
import threading
import time
import traceback

from . import pki, recorded, rke
from .kube import Kube, KubeError

# Seconds, as recorded.
SETTLE_DELAY = 0.35  # until controllers have completed a new cluster
REGISTERING_DELAY = 0.7  # until a new node is shown as registering
BUILD_DELAY = 5  # from the last node's registration to the build
NODE_REMOVAL = 4
CLUSTER_REMOVAL = 5
WATCH_INTERVAL = 3
REGISTERING = [{"status": "True", "type": "Initialized"}, {"status": "Unknown", "type": "Registered"},
               {"status": "True", "type": "Provisioned"}]
REGISTERED = [{"status": "True", "type": "Initialized"},
              {"message": "registered with kubernetes", "status": "True", "type": "Registered"},
              {"status": "True", "type": "Provisioned"}]


class Controller(threading.Thread):
    """A thread that repeatedly updates all clusters. Each build runs in its own thread."""

    def __init__(self, api, tunnel, log=print):
        super().__init__(daemon=True)
        self.api, self.store, self.tunnel, self.log = api, api.store, tunnel, log
        self.builds = {}  # {id of a cluster: thread of its last build}
        api.kube_of = self.kube_of

    def run(self):
        while True:
            with self.store.lock:
                clusters = [item["id"] for item in self.store.data["clusters"].values() if item["id"] != "local"]
            for identifier in clusters:
                try:
                    self.step(identifier)
                except (OSError, KubeError) as error:
                    self.log("[ERROR] cluster %s: %s" % (identifier, error))
                except Exception:  # a defect of the stand-in must be visible, but must not end this thread
                    traceback.print_exc()
            time.sleep(0.3)

    def step(self, identifier):
        cluster = self.store.data["clusters"].get(identifier)
        if cluster is None:
            return
        if cluster.get("removed"):
            self.remove(cluster)
        elif cluster.get("settled"):
            self.update(cluster)
        elif time.time() - cluster["created"] > SETTLE_DELAY:
            self.settle(cluster)

    def settle(self, cluster):
        """Add the fields and the registration token that the server's controllers add to a new cluster."""
        with self.store.change():
            if "rancherKubernetesEngineConfig" in cluster["object"]:
                complete_rke_cluster(cluster["object"])
            else:
                complete_other_cluster(cluster["object"])
            cluster["settled"] = True
        if not any(token["clusterId"] == cluster["id"] for token in self.store.data["registration_tokens"].values()):
            self.api.resources["clusterregistrationtokens"].add(cluster["id"], "default-token")

    # ---- nodes and builds

    def members(self, cluster):
        """The stored nodes of a cluster."""
        return [node for node in self.store.data["nodes"].values() if node["clusterId"] == cluster["id"]]

    def update(self, cluster):
        members = self.members(cluster)
        self.show_members(cluster, members)
        for node in members:
            if node.get("removed"):
                self.remove_node(cluster, node)
        build = self.builds.get(cluster["id"])
        if build and build.is_alive():
            return
        present = [node for node in members if self.tunnel.is_connected(node["id"]) or node["id"] in cluster["built"]]
        if self.is_build_due(cluster, present):
            nodes = [copy.deepcopy(node) for node in present]
            build = threading.Thread(target=self.build, args=(cluster, nodes), daemon=True)
            self.builds[cluster["id"]] = build
            build.start()
        elif cluster["built"] and time.time() > cluster.get("watched", 0) + WATCH_INTERVAL:
            cluster["watched"] = time.time()
            self.watch(cluster)

    def show_members(self, cluster, members):
        with self.store.lock:
            for node in members:
                if not node["conditions"] and time.time() - node["connected"] > REGISTERING_DELAY:
                    node.update(state="registering", message="waiting to register with Kubernetes",
                                conditions=list(REGISTERING))
            cluster["object"]["nodeCount"] = len(members)
            cluster["object"]["linuxWorkerCount"] = sum("worker" in node["roles"] for node in members)

    def is_build_due(self, cluster, present):
        """Whether to build: a connected node is not part of the cluster yet, all roles are present, and all delays are over."""
        time_now = time.time()
        retry_now = cluster.pop("retry_now", False) and cluster.get("failed")
        return bool({node["id"] for node in present} - set(cluster["built"])
                    and {"etcd", "controlplane", "worker"} <= {role for node in present for role in node["roles"]}
                    and all(time_now - node["connected"] > BUILD_DELAY for node in present)
                    and (retry_now or time_now > cluster.get("retry_at", 0)))

    def build(self, cluster, nodes):
        """Build the cluster with copies of its nodes; a failed build is repeated later."""
        with self.store.change():
            cluster["builds"] += 1
            cluster["object"].update(state="updating" if cluster["built"] else "provisioning", transitioning="yes")
        self.log("[INFO] cluster %s: build %d with %s" % (
            cluster["object"]["name"], cluster["builds"], ", ".join(sorted(node["name"] for node in nodes))))
        pairs = self.update_pairs(cluster, nodes)
        try:
            rke.Builder(self.tunnel, cluster, nodes, pairs, lambda message: self.report(cluster, message),
                        self.agent_settings(cluster)).run()
        except (OSError, KubeError) as error:
            self.record_failure(cluster, error)
            return
        with self.store.change():
            cluster.update(built=[node["id"] for node in nodes], failures=0, failed=False)
            authority = base64.b64encode(pairs["kube-ca"]["certificate"].encode()).decode()
            cluster["object"].update(state="waiting", transitioningMessage="Waiting for API to be available",
                                     caCert=authority, provider="rke", agentImage=recorded.AGENT_IMAGE)
        for condition in cluster["object"]["conditions"]:
            condition.update(status="True")

    def update_pairs(self, cluster, nodes):
        """The cluster's certificates for these nodes, created or extended and stored."""
        etcd = [node["address"] for node in nodes if "etcd" in node["roles"]]
        control = [node["address"] for node in nodes if "controlplane" in node["roles"]]
        pairs = pki.cluster(etcd, control, self.store.data["pki"].get(cluster["id"]))
        with self.store.change() as data:
            data["pki"][cluster["id"]] = pairs
        return pairs

    def agent_settings(self, cluster):
        """What the agents of the nodes need to reach the server: {url, token, checksum}."""
        with self.store.lock:
            token = next(item["token"] for item in self.store.data["registration_tokens"].values()
                         if item["clusterId"] == cluster["id"])
        return {"url": self.api.settings.value("server-url"), "token": token,
                "checksum": pki.checksum(self.api.settings.value("cacerts"))}

    def report(self, cluster, message):
        self.log("[INFO] cluster %s: %s" % (cluster["object"]["name"], message))
        with self.store.lock:
            cluster["object"].update(transitioning="yes", transitioningMessage=message)

    def record_failure(self, cluster, error):
        failures = cluster["failures"] = cluster.get("failures", 0) + 1
        with self.store.change():
            cluster.update(retry_at=time.time() + min(60, 5 * 2 ** failures), failed=True)
            cluster["object"].update(transitioning="error", transitioningMessage=str(error))
        self.log("[ERROR] cluster %s: %s" % (cluster["object"]["name"], error))

    # ---- a cluster that has been built

    def kube_of(self, cluster):
        """The Kube of a cluster's API servers. Raises KeyError if the cluster has no certificates yet."""
        pairs = self.store.data["pki"][cluster["id"]]
        addresses = [node["address"] for node in self.members(cluster)
                     if "controlplane" in node["roles"] and node["id"] in cluster["built"]]
        return Kube(addresses, pairs["kube-ca"]["certificate"], pairs["kube-admin"])

    def watch(self, cluster):
        """Copy the state that Kubernetes reports to the nodes and the cluster."""
        shown = cluster["object"]
        try:
            kube = self.kube_of(cluster)
            version = kube.get("/version")
            items = {item["metadata"]["name"]: item for item in kube.get("/api/v1/nodes")["items"]}
        except KubeError as error:
            with self.store.lock:
                if shown["state"] == "active":
                    shown.update(state="unavailable", transitioning="error", transitioningMessage=
                                 "Cluster health check failed: Failed to communicate with API server: %s" % error)
            return
        with self.store.change():
            for node in self.members(cluster):
                if node["name"] in items and node["id"] in cluster["built"]:
                    node.update(node_state(items[node["name"]]))
            shown["version"] = dict(version, type="/v3/schemas/info")
            shown["apiEndpoint"] = "https://%s:6443" % kube.addresses[0]
            if any(node["state"] == "active" and node.get("nodeName") for node in self.members(cluster)):
                shown.update(state="active", transitioning="no", transitioningMessage="")
        self.release_agents(cluster, kube)

    def release_agents(self, cluster, kube):
        """Release the container that registered a node, so that it removes itself, when the agent of the DaemonSet runs there."""
        waiting = [node for node in self.members(cluster) if node["id"] in cluster["built"] and not node.get("released")]
        running = nodes_with_agent(kube) if waiting else set()
        for node in waiting:
            if node["name"] in running:
                with self.store.change():
                    node["released"] = True

    def remove_node(self, cluster, node):
        if time.time() - node["removed"] < NODE_REMOVAL:
            return
        with self.store.change() as data:
            data["nodes"].pop(node["id"], None)
            if node["id"] in cluster["built"]:
                cluster["built"].remove(node["id"])
            cluster.get("containers", {}).pop(node["id"], None)
        if node.get("nodeName"):
            try:
                self.kube_of(cluster).call("DELETE", "/api/v1/nodes/" + node["nodeName"])
            except KubeError as error:
                self.log("[ERROR] node %s: %s" % (node["name"], error))

    def remove(self, cluster):
        if time.time() - cluster["removed"] < CLUSTER_REMOVAL:
            with self.store.lock:
                cluster["object"]["transitioningMessage"] = rke.WAITING + "; waiting on cluster-provisioner-controller"
            return
        with self.store.change() as data:
            delete_cluster(data, cluster["id"])


def complete_rke_cluster(cluster):
    """Add to a new cluster of the API what a real one had when it was settled."""
    full = recorded.body("cluster-rke1", "get when it has settled")
    full = recorded.replace(full, full["id"], cluster["id"])
    config, full_config = cluster["rancherKubernetesEngineConfig"], full["rancherKubernetesEngineConfig"]
    add_missing(cluster, full)
    add_missing(config, full_config)
    add_missing(config["services"], full_config["services"])
    cluster.update(annotations=full["annotations"], conditions=full["conditions"], transitioningMessage=rke.WAITING)


def complete_other_cluster(cluster):
    """Add to a new cluster that RKE does not build what the local cluster has."""
    full = recorded.first("cluster-rke1", "list, only the local one")
    full = recorded.replace(full, full["id"], cluster["id"])
    add_missing(cluster, full)
    cluster["actions"].update(full["actions"])
    cluster.update(annotations=full["annotations"], conditions=full["conditions"], state=full["state"])


def add_missing(target, source):
    for field, value in source.items():
        target.setdefault(field, value)


def delete_cluster(data, identifier):
    """Delete a cluster, its nodes and its registration tokens from Store.data."""
    del data["clusters"][identifier]
    for collection in ("nodes", "registration_tokens"):
        for key in [key for key, item in data[collection].items() if item["clusterId"] == identifier]:
            del data[collection][key]


def nodes_with_agent(kube):
    """The names (set of str) of the nodes on which the agent's DaemonSet runs."""
    pods = kube.get("/api/v1/namespaces/cattle-system/pods?labelSelector=app%3Dcattle-agent")["items"]
    return {pod["spec"].get("nodeName") for pod in pods if pod["status"].get("phase") == "Running"}


def node_state(item):
    """The fields of a stored node that a Node of Kubernetes determines."""
    conditions = item["status"].get("conditions", [])
    ready = next((condition for condition in conditions if condition["type"] == "Ready"), {})
    information = item["status"]["nodeInfo"]
    state, message = "active", ""
    if ready.get("status") != "True":
        state, message = "unavailable", ready.get("message", "Kubelet stopped posting node status.")
    elif item["spec"].get("unschedulable", False):
        state = "cordoned"
    return {
        "conditions": REGISTERED + conditions, "nodeName": item["metadata"]["name"],
        "podCidr": item["spec"].get("podCIDR", ""), "labels": item["metadata"].get("labels", {}),
        "state": state, "message": message, "info": {
            "kubernetes": {"kubeletVersion": information["kubeletVersion"],
                           "kubeProxyVersion": information["kubeProxyVersion"]},
            "os": {"dockerVersion": information["containerRuntimeVersion"].split("//")[-1],
                   "kernelVersion": information["kernelVersion"], "operatingSystem": information["osImage"]}}}
