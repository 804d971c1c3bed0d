"""Builds clusters as RKE builds them, through the nodes' tunnels, and keeps watch over them.

What each container is (image, command, mounts, labels) is read from the recorded hosts
(tests/recordings/v2.6.2/provisioning/*-at-rest.txt); names, addresses and paths of the node are put in their place.
"""
import base64
import concurrent.futures
import hashlib
import http.client
import json
import os
import re
import ssl
import time

from . import recorded
from .kube import Kube, KubeError

MANIFESTS = os.path.join(os.path.dirname(__file__), "manifests")
WAITING = "waiting for etcd, controlplane and worker nodes to be registered"
SSL = "/etc/kubernetes/ssl/"
CONTAINER = re.compile(r"/(\S+) image=(\S+) net=(\S*) pid=(\S*) privileged=(\S+) restart=(\S*) volumesFrom=(.*?) "
                       r"binds=(.*?) labels=(\{.*?\}) entrypoint=(.*?) cmd=(.*)$")
AUDIT_POLICY = "apiVersion: audit.k8s.io/v1\nkind: Policy\nmetadata:\n  creationTimestamp: null\nrules:\n- level: Metadata\n"


def recorded_containers(host):
    """The containers that RKE made on a recorded host, as {name: Docker API's create body}."""
    found = {}
    with open(os.path.join(recorded.DIRECTORY, "provisioning", host + "-at-rest.txt")) as source:
        for match in filter(None, map(CONTAINER.match, source)):
            name, image, net, pid, privileged, restart, volumes, binds, labels, entrypoint, cmd = match.groups()
            found[name] = {
                "Image": image, "Labels": json.loads(labels), "Entrypoint": json.loads(entrypoint),
                "Cmd": json.loads(cmd), "HostConfig": {
                    "NetworkMode": net, "PidMode": pid, "Privileged": privileged == "true",
                    "RestartPolicy": {"Name": restart}, "VolumesFrom": json.loads(volumes),
                    "Binds": json.loads(binds)}}
    return found


def kubecfg(name):
    """RKE's kubecfg-NAME.yaml, with its stray api-version (templates/kubeconfig.go)."""
    return ('apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    api-version: v1\n'
            '    certificate-authority: {ssl}kube-ca.pem\n    server: "https://127.0.0.1:6443"\n  name: "local"\n'
            'contexts:\n- context:\n    cluster: "local"\n    user: "{name}-local"\n  name: "local"\n'
            'current-context: "local"\nusers:\n- name: "{name}-local"\n  user:\n'
            '    client-certificate: {ssl}{name}.pem\n    client-key: {ssl}{name}-key.pem').format(ssl=SSL, name=name)


def admin_config(cluster, address, pairs):
    def data(text):
        return base64.b64encode(text.encode()).decode()
    admin = pairs["kube-admin"]
    return ('apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    api-version: v1\n'
            '    certificate-authority-data: %s\n    server: "https://%s:6443"\n  name: "%s"\ncontexts:\n- context:\n'
            '    cluster: "%s"\n    user: "kube-admin-%s"\n  name: "%s"\ncurrent-context: "%s"\nusers:\n'
            '- name: "kube-admin-%s"\n  user:\n    client-certificate-data: %s\n    client-key-data: %s'
            % (data(pairs["kube-ca"]["certificate"]), address, cluster, cluster, cluster, cluster, cluster, cluster,
               data(admin["certificate"]), data(admin["key"])))


class Builder:
    """One build of one cluster with the nodes that were connected when it began."""

    def __init__(self, tunnel, cluster, nodes, pairs, say, settings):
        self.tunnel, self.cluster, self.nodes, self.pairs, self.say = tunnel, cluster, nodes, pairs, say
        self.settings = settings
        self.control = [node for node in nodes if "controlplane" in node["roles"]]
        self.etcd = [node for node in nodes if "etcd" in node["roles"]]
        self.kube = Kube([node["address"] for node in self.control], pairs["kube-ca"]["certificate"],
                         pairs["kube-admin"])
        self.pool = concurrent.futures.ThreadPoolExecutor(max(1, len(nodes)))

    def everywhere(self, nodes, function):
        list(self.pool.map(function, nodes))

    def run(self):
        self.say("Initiating Kubernetes cluster")
        self.say("[certificates] Deploying kubernetes certificates to Cluster nodes")
        self.everywhere(self.nodes, self.deploy_files)
        self.say("[etcd] Building up etcd plane..")
        self.start_etcd()
        self.say("[controlplane] Building up Controller Plane..")
        for name in ("service-sidekick", "kube-apiserver"):
            self.everywhere(self.control, lambda node, name=name: self.container(node, name))
        for node in self.control:
            self.healthy("kube-apiserver", node, lambda node=node: Kube(
                [node["address"]], self.kube_ca, self.pairs["kube-admin"]).get("/readyz?exclude=poststarthook"
                                                                              "/rbac/bootstrap-roles"))
        for name in ("kube-controller-manager", "kube-scheduler"):
            self.everywhere(self.control, lambda node, name=name: self.container(node, name))
        self.say("[authz] Creating rke-job-deployer ServiceAccount")
        self.manifest("authz")
        self.save_state()
        self.say("[worker] Building up Worker Plane..")
        self.everywhere(self.nodes, self.start_worker)
        self.everywhere(self.nodes, self.label)
        self.say("[addons] Executing deploy job rke-network-plugin")
        self.network()
        self.say("Finished building Kubernetes cluster successfully")

    @property
    def kube_ca(self):
        return self.pairs["kube-ca"]["certificate"]

    # ---- files

    def names_for(self, node):
        """Which pairs a node gets, by its roles (rancher/rke @v1.3.3: pki/util.go getCertKeys)."""
        names = ["kube-proxy", "kube-node"]
        if "controlplane" in node["roles"]:
            names += ["kube-apiserver", "kube-service-account-token", "kube-controller-manager", "kube-scheduler",
                      "kube-apiserver-requestheader-ca", "kube-apiserver-proxy-client"]
        if "etcd" in node["roles"]:
            names += ["kube-etcd-" + other["address"].replace(".", "-") for other in self.etcd]
        return names

    def deploy_files(self, node):
        files = {SSL + "kube-ca.pem": self.kube_ca}
        for name in self.names_for(node):
            files[SSL + name + ".pem"] = self.pairs[name]["certificate"]
            files[SSL + name + "-key.pem"] = self.pairs[name]["key"]
            if not name.startswith("kube-etcd") and name not in ("kube-apiserver", "kube-service-account-token"):
                files[SSL + "kubecfg-" + name + ".yaml"] = kubecfg(name)
        if "controlplane" in node["roles"]:
            files[SSL + "kube-ca-key.pem"] = self.pairs["kube-ca"]["key"]
            files["/etc/kubernetes/audit-policy.yaml"] = AUDIT_POLICY
        else:
            files["/etc/kubernetes/cloud-config"] = ""
        self.tunnel.ask(node["id"], files=files)

    # ---- containers

    def container(self, node, name, change=lambda body: None):
        """Have this container run on the node as recorded there; make it anew where it differs."""
        source, address = ("bg1", "172.31.250.11") if name in RECORDED["bg1"] and "controlplane" in node["roles"] \
            or name == "etcd" else ("bg4", "172.31.250.14")
        body = json.loads(json.dumps(RECORDED[source][name]))
        text = json.dumps(body)
        text = text.replace(address, node["address"])
        text = text.replace(address.replace(".", "-"), node["address"].replace(".", "-"))
        text = re.sub(r'etcd-bg3=https[^"]*', ",".join(
            "etcd-%s=https://%s:2380" % (other["name"], other["address"]) for other in self.etcd), text)
        text = re.sub(r'--etcd-servers=[^"]*', "--etcd-servers=" + ",".join(
            "https://%s:2379" % other["address"] for other in self.etcd), text)
        text = re.sub(r'CP_HOSTS=[^"]*', "CP_HOSTS=" + ",".join(
            other["address"] for other in self.control), text)
        text = text.replace("--hostname-override=" + source, "--hostname-override=" + node["name"])
        text = text.replace("etcd-" + source + '"', "etcd-" + node["name"] + '"')
        text = text.replace("/appdata/lib/docker", self.cluster["object"].get("dockerRootDir") or "/var/lib/docker")
        body = json.loads(text)
        change(body)
        self.ensure(node, name, body)

    def docker(self, node, method, path, body=None):
        return self.tunnel.ask(node["id"], docker={"method": method, "path": path, "body": body})

    def ensure(self, node, name, body):
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        there = self.docker(node, "GET", "/containers/%s/json" % name)
        known = self.cluster.setdefault("containers", {}).setdefault(node["id"], {})
        if there["status"] == 200 and known.get(name) == digest:
            if not there["body"]["State"]["Running"] and name != "service-sidekick":
                self.docker(node, "POST", "/containers/%s/start" % name)
            return
        if there["status"] == 200:
            self.docker(node, "DELETE", "/containers/%s?force=true" % name)
        image, _, tag = body["Image"].rpartition(":")
        answer = self.docker(node, "POST", "/images/create?fromImage=%s&tag=%s" % (image, tag))
        if answer["status"] != 200:
            raise OSError("[Failed to pull image [%s] on host [%s]: %s]" % (body["Image"], node["address"],
                                                                           answer["body"]))
        for method, path, what in [("POST", "/containers/create?name=" + name, body)] + (
                [] if name == "service-sidekick" else [("POST", "/containers/%s/start" % name, None)]):
            answer = self.docker(node, method, path, what)
            if answer["status"] not in (201, 204):
                raise OSError("[Failed to start [%s] container on host [%s]: %s]" % (
                    name, node["address"], answer["body"]))
        known[name] = digest
        self.say("Successfully started [%s] container on host [%s]" % (name, node["address"]))

    def start_etcd(self):
        old = [node for node in self.etcd if node["id"] in self.cluster["built"]]
        for node in self.etcd if old else ():
            if node["id"] not in self.cluster["built"]:
                self.add_member(old[0], node)
        self.everywhere(self.etcd, lambda node: self.container(node, "etcd", lambda body: self.existing(body, old, node)))
        for node in self.etcd:
            self.healthy("etcd", node, lambda node=node: self.etcd_call(node, "GET", "/health"))

    def existing(self, body, old, node):
        if old and node["id"] not in self.cluster["built"]:
            body["Cmd"] = [part.replace("cluster-state=new", "cluster-state=existing") for part in body["Cmd"]]

    def etcd_call(self, node, method, path, body=None):
        context = Kube([], self.kube_ca, self.pairs["kube-node"]).context
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

    def add_member(self, through, node):
        members = self.etcd_call(through, "POST", "/v3/cluster/member/list", {})["members"]
        peer = "https://%s:2380" % node["address"]
        if all(peer not in member["peerURLs"] for member in members):
            self.etcd_call(through, "POST", "/v3/cluster/member/add", {"peerURLs": [peer]})

    def healthy(self, service, node, check, seconds=180):
        self.say("[healthcheck] Start Healthcheck on service [%s] on host [%s]" % (service, node["address"]))
        end = time.time() + seconds
        while True:
            try:
                check()
            except (OSError, KubeError, ssl.SSLError, http.client.HTTPException) as error:
                if time.time() > end:
                    raise OSError("Failed to verify healthcheck for service [%s] on host [%s]: %s" % (
                        service, node["address"], error))
                time.sleep(1)
            else:
                self.say("[healthcheck] service [%s] on host [%s] is healthy" % (service, node["address"]))
                return

    def start_worker(self, node):
        if "controlplane" not in node["roles"]:
            self.container(node, "nginx-proxy")
            self.container(node, "service-sidekick")

        def arguments(body):
            body["Entrypoint"] = self.kubelet_arguments(body["Entrypoint"], node)
        self.container(node, "kubelet", arguments)
        self.container(node, "kube-proxy")

        def options(body):
            body["Cmd"] = ["--no-register", "--only-write-certs", "--node-name", node["name"],
                           "--server", self.settings["url"], "--token", self.settings["token"],
                           "--ca-checksum " + self.settings["checksum"]]
        self.container(node, "share-mnt", options)

    def kubelet_arguments(self, recorded_arguments, node):
        """The recorded command line with this node's taints and the cluster's extraArgs, which replace RKE's own
        arguments (rancher/rke @v1.3.3: cluster/plan.go BuildKubeletProcess)."""
        kubelet = self.cluster["object"]["rancherKubernetesEngineConfig"].get("services", {}).get("kubelet") or {}
        given = dict(kubelet.get("extraArgs") or {})
        taints = self.taints(node)
        if taints:
            given.setdefault("register-with-taints", ",".join("%(key)s=%(value)s:%(effect)s" % taint for taint in taints))
        replaced = ["--" + name for name in given] + ["--register-with-taints"]
        kept = [part for part in recorded_arguments if part.partition("=")[0] not in replaced]
        return kept + ["--%s=%s" % argument for argument in sorted(given.items())]

    @staticmethod
    def taints(node):
        """RKE's taints of a node that is no worker (rancher/rke @v1.3.3: cluster/hosts.go)."""
        if "worker" in node["roles"]:
            return []
        effects = {"etcd": "NoExecute", "controlplane": "NoSchedule"}
        return [{"key": "node-role.kubernetes.io/" + role, "value": "true", "effect": effect}
                for role, effect in effects.items() if role in node["roles"]]

    def label(self, node):
        patch = {"metadata": {"labels": {"node-role.kubernetes.io/" + role: "true" for role in node["roles"]},
                              "annotations": {"rke.cattle.io/internal-ip": node["address"],
                                              "rke.cattle.io/external-ip": node["address"]}}}
        if self.taints(node):
            patch["spec"] = {"taints": self.taints(node)}

        def patched():
            status, answer = self.kube.call("PATCH", "/api/v1/nodes/" + node["name"], patch,
                                            "application/strategic-merge-patch+json")
            if status != 200:
                raise KubeError("%s %s" % (status, answer))
        self.healthy("kubelet", node, patched, 300)

    # ---- what goes into the cluster

    def manifest(self, name, **values):
        with open(os.path.join(MANIFESTS, name + ".yaml")) as source:
            text = source.read()
        for key, value in values.items():
            text = text.replace("{{%s}}" % key, value)
        self.healthy("kube-apiserver", self.control[0], lambda: self.kube.apply(text))

    def save_state(self):
        name, address = self.cluster["id"], self.control[0]["address"]
        bundle = {}
        for pair, values in self.pairs.items():
            config = "" if pair in ("kube-ca", "kube-apiserver", "kube-service-account-token") else kubecfg(pair)
            env = pair.upper().replace("-", "_")
            bundle[pair] = {
                "certificatePEM": values["certificate"], "keyPEM": values["key"], "commonName": pair, "ouName": "",
                "config": admin_config(name, address, self.pairs) if pair == "kube-admin" else config,
                "name": pair, "envName": env, "keyEnvName": env + "_KEY", "configEnvName": "KUBECFG_" + env,
                "path": SSL + pair + ".pem", "keyPath": SSL + pair + "-key.pem",
                "configPath": SSL + "kubecfg-" + pair + ".yaml"}
        state = {"rkeConfig": {"nodes": [
            {"nodeName": node["name"], "address": node["address"], "role": node["roles"]} for node in self.nodes],
            "kubernetesVersion": self.cluster["object"]["rancherKubernetesEngineConfig"]["kubernetesVersion"]},
            "certificatesBundle": bundle}
        self.kube.apply(json.dumps({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "full-cluster-state", "namespace": "kube-system"},
            "data": {"full-cluster-state": json.dumps({"desiredState": state, "currentState": state})}}))

    def network(self):
        network = self.cluster["object"]["rancherKubernetesEngineConfig"].get("network") or {}
        options = network.get("options") or {}
        backend = options.get("flannel_backend_type", "vxlan")
        self.manifest("flannel", backend=backend, vni=str(options.get("flannel_backend_vni", 1)),
                      port=str(options.get("flannel_backend_port", 8472)), interface=options.get("flannel_iface", ""))
        self.manifest("cattle", url=base64.b64encode(self.settings["url"].encode()).decode(),
                      token=base64.b64encode(self.settings["token"].encode()).decode(),
                      checksum=self.settings["checksum"])


RECORDED = {host: recorded_containers(host) for host in ("bg1", "bg4")}
