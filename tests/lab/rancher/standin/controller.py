"""What goes on in the server when nobody asks: new clusters settle, nodes are built in, states are watched."""
import copy
import threading
import time
import traceback

from . import pki, recorded, rke
from .kube import Kube, KubeError

UNSETTLED = 0.7  # seconds for which a new cluster is still bare, as recorded
TUNNEL_SETTLES = 5  # seconds from the last node's coming to the build's beginning


class Controller(threading.Thread):
    def __init__(self, api, tunnel, log=print):
        super().__init__(daemon=True)
        self.api, self.store, self.tunnel, self.log = api, api.store, tunnel, log
        self.building = {}
        api.kube_of = self.kube

    def run(self):
        while True:
            with self.store.lock:
                clusters = [item["id"] for item in self.store.data["clusters"].values() if item["id"] != "local"]
            for identifier in clusters:
                try:
                    self.step(identifier)
                except (OSError, KubeError) as error:
                    self.log("[ERROR] cluster %s: %s" % (identifier, error))
                except Exception:  # a defect of the stand-in must be seen, not end its watch
                    traceback.print_exc()
            time.sleep(0.3)

    def step(self, identifier):
        cluster = self.store.data["clusters"].get(identifier)
        if cluster is None:
            return
        age = time.time() - cluster["created"]
        if cluster.get("removed"):
            self.remove(cluster)
        elif age > UNSETTLED / 2 and not cluster.get("settled"):
            self.settle(cluster)
        elif cluster.get("settled"):
            self.nodes(cluster)

    def settle(self, cluster):
        """Give a new cluster the fields and the registration token that its controllers add."""
        bare = cluster["object"]
        if "rancherKubernetesEngineConfig" in bare:
            full = recorded.body("cluster-rke1", "get when it has settled")
            full = recorded.replace(full, full["id"], cluster["id"])
            with self.store.change():
                for field, value in full.items():
                    bare.setdefault(field, value)
                for field, value in full["rancherKubernetesEngineConfig"].items():
                    bare["rancherKubernetesEngineConfig"].setdefault(field, value)
                services = full["rancherKubernetesEngineConfig"]["services"]
                for field, value in services.items():
                    bare["rancherKubernetesEngineConfig"]["services"].setdefault(field, value)
                bare.update(annotations=full["annotations"], conditions=full["conditions"],
                            transitioningMessage=rke.WAITING)
        else:
            full = recorded.first("cluster-rke1", "list, only the local one")
            full = recorded.replace(full, full["id"], cluster["id"])
            with self.store.change():
                for field, value in full.items():
                    bare.setdefault(field, value)
                bare["actions"].update(full["actions"])
                bare.update(annotations=full["annotations"], conditions=full["conditions"], state=full["state"])
        with self.store.change():
            cluster["settled"] = True
        if not any(token["clusterId"] == cluster["id"] for token in self.store.data["registration_tokens"].values()):
            self.api.resources["clusterregistrationtokens"].add(cluster["id"], "default-token")

    # ---- nodes

    def members(self, cluster):
        return [node for node in self.store.data["nodes"].values() if node["clusterId"] == cluster["id"]]

    def nodes(self, cluster):
        members = self.members(cluster)
        now = time.time()
        with self.store.lock:
            for node in members:
                if not node["conditions"] and now - node["connected"] > 0.7:
                    node.update(state="registering", message="waiting to register with Kubernetes", conditions=[
                        {"status": "True", "type": "Initialized"}, {"status": "Unknown", "type": "Registered"},
                        {"status": "True", "type": "Provisioned"}])
            cluster["object"]["nodeCount"] = len(members)
            cluster["object"]["linuxWorkerCount"] = sum("worker" in node["roles"] for node in members)
        for node in [node for node in members if node.get("removed")]:
            self.remove_node(cluster, node)
        thread = self.building.get(cluster["id"])
        if thread and thread.is_alive():
            return
        present = [node for node in members if self.tunnel.connected(node["id"]) or node["id"] in cluster["built"]]
        roles = {role for node in present for role in node["roles"]}
        missing = {node["id"] for node in present} - set(cluster["built"])
        settled = all(now - node["connected"] > TUNNEL_SETTLES for node in present)
        due = cluster.pop("retry_now", False) and cluster.get("failed") or now > cluster.get("retry_at", 0)
        if {"etcd", "controlplane", "worker"} <= roles and missing and settled and due:
            chosen = [copy.deepcopy(node) for node in present]
            thread = self.building[cluster["id"]] = threading.Thread(
                target=self.build, args=(cluster, chosen), daemon=True)
            thread.start()
        elif cluster["built"] and now > cluster.get("watched", 0) + 3:
            cluster["watched"] = now
            self.watch(cluster)

    def say(self, cluster, message):
        self.log("[INFO] cluster %s: %s" % (cluster["object"]["name"], message))
        with self.store.lock:
            cluster["object"].update(transitioning="yes", transitioningMessage=message)

    def build(self, cluster, nodes):
        first = not cluster["built"]
        with self.store.change() as data:
            cluster["builds"] += 1
            cluster["object"].update(state="provisioning" if first else "updating", transitioning="yes")
            known = data["pki"].get(cluster["id"])
        self.log("[INFO] cluster %s: build %d with %s" % (
            cluster["object"]["name"], cluster["builds"], ", ".join(sorted(node["name"] for node in nodes))))
        pairs = pki.cluster([node["address"] for node in nodes if "etcd" in node["roles"]],
                            [node["address"] for node in nodes if "controlplane" in node["roles"]], known)
        with self.store.change() as data:
            data["pki"][cluster["id"]] = pairs
            token = next(item["token"] for item in data["registration_tokens"].values()
                         if item["clusterId"] == cluster["id"])
        settings = {"url": self.api.settings.value("server-url"), "token": token,
                    "checksum": pki.checksum(self.api.settings.value("cacerts"))}
        try:
            rke.Builder(self.tunnel, cluster, nodes, pairs, lambda text: self.say(cluster, text), settings).run()
        except (OSError, KubeError) as error:
            failures = cluster["failures"] = cluster.get("failures", 0) + 1
            with self.store.change():
                cluster.update(retry_at=time.time() + min(60, 5 * 2 ** failures), failed=True)
                cluster["object"].update(transitioning="error", transitioningMessage=str(error))
            self.log("[ERROR] cluster %s: %s" % (cluster["object"]["name"], error))
            return
        with self.store.change():
            cluster.update(built=[node["id"] for node in nodes], failures=0, failed=False)
            cluster["object"].update(state="waiting", transitioningMessage="Waiting for API to be available",
                                     caCert=rke.base64.b64encode(pairs["kube-ca"]["certificate"].encode()).decode(),
                                     provider="rke", agentImage="rancher/rancher-agent:v2.6.2")
        for condition in cluster["object"]["conditions"]:
            condition.update(status="True")

    def kube(self, cluster):
        pairs = self.store.data["pki"][cluster["id"]]
        addresses = [node["address"] for node in self.members(cluster)
                     if "controlplane" in node["roles"] and node["id"] in cluster["built"]]
        return Kube(addresses, pairs["kube-ca"]["certificate"], pairs["kube-admin"])

    def watch(self, cluster):
        """Bring the nodes' and the cluster's state to what Kubernetes says."""
        shown = cluster["object"]
        try:
            kube = self.kube(cluster)
            version = kube.get("/version")
            there = {item["metadata"]["name"]: item for item in kube.get("/api/v1/nodes")["items"]}
        except KubeError as error:
            with self.store.lock:
                if shown["state"] == "active":
                    shown.update(state="unavailable", transitioning="error", transitioningMessage=
                                 "Cluster health check failed: Failed to communicate with API server: %s" % error)
            return
        with self.store.change():
            for node in self.members(cluster):
                item = there.get(node["name"])
                if item and node["id"] in cluster["built"]:
                    self.show_node(node, item)
            ready = [node for node in self.members(cluster) if node["state"] == "active" and node.get("nodeName")]
            shown["version"] = dict(version, type="/v3/schemas/info")
            shown["apiEndpoint"] = "https://%s:6443" % kube.addresses[0]
            if ready:
                shown.update(state="active", transitioning="no", transitioningMessage="")
        self.release_agents(cluster, kube)

    def show_node(self, node, item):
        conditions = [{"status": "True", "type": "Initialized"},
                      {"message": "registered with kubernetes", "status": "True", "type": "Registered"},
                      {"status": "True", "type": "Provisioned"}] + item["status"].get("conditions", [])
        ready = next((one for one in item["status"].get("conditions", []) if one["type"] == "Ready"), {})
        information = item["status"]["nodeInfo"]
        cordoned = item["spec"].get("unschedulable", False)
        node.update(
            conditions=conditions, nodeName=item["metadata"]["name"], podCidr=item["spec"].get("podCIDR", ""),
            labels=item["metadata"].get("labels", {}), state="active", message="", info={
                "kubernetes": {"kubeletVersion": information["kubeletVersion"],
                               "kubeProxyVersion": information["kubeProxyVersion"]},
                "os": {"dockerVersion": information["containerRuntimeVersion"].split("//")[-1],
                       "kernelVersion": information["kernelVersion"], "operatingSystem": information["osImage"]}})
        if ready.get("status") != "True":
            node.update(state="unavailable", message=ready.get("message", "Kubelet stopped posting node status."))
        elif cordoned:
            node["state"] = "cordoned"

    def release_agents(self, cluster, kube):
        """Once a node's DaemonSet agent is up, the container that registered the node removes itself."""
        waiting = [node for node in self.members(cluster) if node["id"] in cluster["built"] and not node.get("released")]
        if not waiting:
            return
        pods = kube.get("/api/v1/namespaces/cattle-system/pods?labelSelector=app%3Dcattle-agent")["items"]
        running = {pod["spec"].get("nodeName") for pod in pods if pod["status"].get("phase") == "Running"}
        for node in waiting:
            if node["name"] in running:
                with self.store.change():
                    node["released"] = True

    # ---- going

    def remove_node(self, cluster, node):
        if time.time() - node["removed"] < 4:
            return
        with self.store.change() as data:
            data["nodes"].pop(node["id"], None)
            if node["id"] in cluster["built"]:
                cluster["built"].remove(node["id"])
            cluster.get("containers", {}).pop(node["id"], None)
        if node.get("nodeName"):
            try:
                self.kube(cluster).call("DELETE", "/api/v1/nodes/" + node["nodeName"])
            except KubeError as error:
                self.log("[ERROR] node %s: %s" % (node["name"], error))

    def remove(self, cluster):
        if time.time() - cluster["removed"] < 5:
            with self.store.lock:
                cluster["object"]["transitioningMessage"] = rke.WAITING + "; waiting on cluster-provisioner-controller"
            return
        with self.store.change() as data:
            del data["clusters"][cluster["id"]]
            for collection in ("nodes", "registration_tokens"):
                for key in [key for key, item in data[collection].items() if item["clusterId"] == cluster["id"]]:
                    del data[collection][key]
