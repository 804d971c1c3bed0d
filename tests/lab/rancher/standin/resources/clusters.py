# SPDX-License-Identifier: GPL-3.0-or-later
"""/v3/clusters."""
import base64
import copy
import re
import time

from .. import recorded
from ..messages import Answer, Problem
from ..store import metadata, random_id, stamp
from .base import Resource

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
# Fields that a client may set; others are dropped silently, as the real server does.
SETTABLE = ("name", "description", "dockerRootDir", "enableNetworkPolicy", "labels", "annotations",
            "rancherKubernetesEngineConfig", "localClusterAuthEndpoint", "agentImageOverride")
KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters:
- name: "{name}"
  cluster:
    server: "{base}/k8s/clusters/{cluster}"
    certificate-authority-data: "{authority}"

users:
- name: "{name}"
  user:
    token: "{token}"


contexts:
- name: "{name}"
  context:
    user: "{name}"
    cluster: "{name}"

current-context: "{name}"
"""


class Clusters(Resource):
    """Clusters. A stored one: {id, object, created (s), creatorId, builds (int), built (ids of its nodes), …}.

    `object` is the cluster of the API. The Controller changes it and the rest.
    """

    path, type, collection = "clusters", "cluster", "clusters"
    recorded_list = ("cluster-rke1", "list, only the local one")

    def __init__(self, store, settings, tokens):
        super().__init__(store)
        self.settings, self.tokens = settings, tokens
        self.actions = {"generatekubeconfig": self.generate_kubeconfig}

    def show(self, stored, request):
        shown = recorded.replace(stored["object"], "https://RANCHER", request.base)
        return recorded.replace(shown, "wss://" + recorded.SERVER_ADDRESS, request.base.replace("https", "wss"))

    def create(self, request, body):
        self.check(body)
        identifier = "c-" + random_id()
        case = ("cluster-rke1", "create fay") if "rancherKubernetesEngineConfig" in body else \
            ("users-and-passwords", "ordinary user: create a cluster")
        cluster = recorded.body(*case)
        cluster = recorded.replace(cluster, cluster["id"], identifier)
        cluster.update(metadata(), creatorId=request.user["id"])
        merge(cluster, body)
        stored = {"id": identifier, "object": cluster, "created": time.time(), "creatorId": request.user["id"],
                  "builds": 0, "built": []}
        with self.store.change() as data:
            data["clusters"][identifier] = stored
        return self.show(stored, request)

    def check(self, body, identifier=None):
        """Raise the Problem for an invalid cluster. identifier: of the cluster that is changed, None for a new one."""
        name = body.get("name")
        if not name:
            raise Problem(422, "MissingRequired", "", "Cluster name")
        if not DNS_LABEL.fullmatch(name):
            raise Problem(422, "InvalidFormat",
                          "InvalidFormat 422: invalid value %s: a lowercase RFC 1123 label must consist of lower case "
                          "alphanumeric characters or '-', and must start and end with an alphanumeric character "
                          "(e.g. 'my-name',  or '123-abc', regex used for validation is "
                          "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')" % name, "name")
        with self.store.lock:
            others = [item["object"]["name"] for item in self.store.data["clusters"].values() if item["id"] != identifier]
        if name in others:
            raise Problem(422, "NotUnique", "", "Cluster name")
        version = (body.get("rancherKubernetesEngineConfig") or {}).get("kubernetesVersion", "")
        if version.endswith(".x"):
            raise Problem(422, "InvalidFormat", "Requested kubernetesVersion %s is not of valid semver "
                                                "[major.minor.patch] format" % version)

    def update(self, request, stored, body):
        self.check(body, stored["id"])
        with self.store.change():
            merge(stored["object"], body)
            strategy = stored["object"].get("rancherKubernetesEngineConfig", {}).get("upgradeStrategy")
            if strategy:
                complete = recorded.body("cluster-rke1", "what became of the rest")
                complete = complete["rancherKubernetesEngineConfig"]["upgradeStrategy"]
                strategy.setdefault("nodeDrainInput", complete["nodeDrainInput"])
            stored["retry_now"] = True
        return self.show(stored, request)

    def delete(self, request, stored):
        if not stored.get("settled"):  # no controller has added its finalizer yet: the server removes it at once
            with self.store.change() as data:
                del data["clusters"][stored["id"]]
            return Answer(204)
        with self.store.change():
            cluster = stored["object"]
            cluster.update(state="removing", transitioning="yes", removed=stamp())
            cluster["transitioningMessage"] += "; waiting on cluster-agent-controller-cleanup"
            stored["removed"] = time.time()
        return Answer(200, self.show(stored, request))

    def generate_kubeconfig(self, request, stored, body):
        token = self.tokens.add(request.user, "Kubeconfig token", 0, prefix="kubeconfig-" + request.user["id"])
        authority = base64.b64encode(self.settings.value("cacerts").encode()).decode()
        # The real server folds the text in lines of 77 characters, within the quotes.
        folded = "\\\n      ".join(authority[start:start + 77] for start in range(0, len(authority), 77))
        config = KUBECONFIG.format(name=stored["object"]["name"], base=request.base, cluster=stored["id"], authority=folded,
                                   token=token["id"] + ":" + token["secret"])
        return Answer(200, {"baseType": "generateKubeConfigOutput", "config": config,
                            "type": "generateKubeConfigOutput"})


def merge(cluster, body):
    """Apply the body of a request to a cluster of the API."""
    body = copy.deepcopy(body)
    rke = body.pop("rancherKubernetesEngineConfig", None)
    for field in SETTABLE:
        if field in body:
            cluster[field] = body[field]
    if "labels" in body:
        cluster["labels"] = dict({"cattle.io/creator": "norman"}, **(body["labels"] or {}))
    if rke is not None:
        merge_rke(cluster["rancherKubernetesEngineConfig"], rke)


def merge_rke(config, rke):
    for field in ("ignoreDockerVersion", "enableCriDockerd"):  # any value other than true becomes false
        if field in rke:
            rke[field] = rke[field] is True
    network = rke.pop("network", None)
    config.update(rke)
    if network is not None:
        config["network"] = dict({"mtu": 0, "type": "/v3/schemas/networkConfig"}, **network)
