# SPDX-License-Identifier: GPL-3.0-or-later
"""/v3/nodes."""
import time

from .. import recorded
from ..messages import Answer
from .base import Resource

# Fields whose recorded values suit every node.
RECORDED = ("actions", "appliedNodeVersion", "baseType", "imported", "links", "name", "namespaceId", "nodePoolId",
            "nodeTemplateId", "sshUser", "type")


class Nodes(Resource):
    """Nodes. They are stored by tunnel.py when an agent registers, and updated by the Controller."""

    path, type, collection = "nodes", "node", "nodes"
    recorded_list = ("cluster-rke1", "nodes, none yet")

    def show(self, stored, request):
        roles = stored["roles"]
        shown = dict(
            self.recorded_fields(stored, request), id=stored["id"], clusterId=stored["clusterId"], created=stored["created"],
            createdTS=stored["createdTS"], uuid=stored["uuid"], creatorId=None, requestedHostname=stored["name"],
            etcd="etcd" in roles, controlPlane="controlplane" in roles, worker="worker" in roles, state=stored["state"],
            transitioning="no" if stored["state"] == "active" else "yes",
            transitioningMessage=stored["message"], conditions=stored["conditions"],
            customConfig={"address": stored["address"], "type": "/v3/schemas/customConfig"},
            labels=stored.get("labels", {}), annotations={}, unschedulable=False)
        if stored.get("nodeName"):
            shown.update(nodeName=stored["nodeName"], hostname=stored["nodeName"], podCidr=stored.get("podCidr"),
                         ipAddress=stored["address"], externalIpAddress=stored["address"], info=stored.get("info"))
        elif stored["conditions"]:
            shown["ipAddress"] = stored["address"]
        if stored.get("removed"):
            shown.update(state="removing", transitioning="yes")
        return shown

    def recorded_fields(self, stored, request):
        node = recorded.first("cluster-active", "its nodes")
        node = recorded.replace(node, node["id"], stored["id"])
        node = recorded.replace(node, "https://RANCHER", request.base)
        return {name: node[name] for name in RECORDED if name in node}

    def delete(self, request, stored):
        with self.store.change():
            stored["removed"] = time.time()
        return Answer(200, self.show(stored, request))
