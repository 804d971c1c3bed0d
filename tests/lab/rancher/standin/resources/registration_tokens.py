# SPDX-License-Identifier: GPL-3.0-or-later
"""/v3/clusterregistrationtokens: the tokens with which nodes join, and the commands that contain them."""
import time

from .. import pki
from ..messages import Problem
from ..recorded import AGENT_IMAGE
from ..store import metadata, random_id, random_secret
from .base import Resource, object_links

COMMANDS = ("command", "insecureCommand", "insecureNodeCommand", "insecureWindowsNodeCommand", "manifestUrl", "nodeCommand",
            "windowsNodeCommand")
COMMAND_DELAY_MS = 1000  # until a controller of the server has added the commands to a new token


class RegistrationTokens(Resource):
    path, type, collection = "clusterregistrationtokens", "clusterRegistrationToken", "registration_tokens"
    recorded_list = ("cluster-rke1", "registration tokens of a cluster just made")

    def __init__(self, store, settings):
        super().__init__(store)
        self.settings = settings

    def add(self, cluster, name, creator=None):
        """Create and store a token of the cluster with that id. creator: id of a user, None for the server itself."""
        token = dict(metadata(), id="%s:%s" % (cluster, name), name=name, clusterId=cluster, creatorId=creator,
                     token=random_secret())
        with self.store.change() as data:
            data["registration_tokens"][token["id"]] = token
        return token

    def create(self, request, body):
        cluster = body.get("clusterId", "")
        if not self.store.copy_of("clusters", cluster):
            raise Problem(404, "NotFound", 'namespaces "%s" not found' % cluster)
        return self.show(self.add(cluster, "crt-" + random_id(), request.user["id"]), request)

    def show(self, stored, request):
        shown = {"baseType": "clusterRegistrationToken", "clusterId": stored["clusterId"],
                 "created": stored["created"], "createdTS": stored["createdTS"], "creatorId": stored["creatorId"],
                 "id": stored["id"], "links": object_links("%s/v3/clusterRegistrationTokens/%s" % (request.base, stored["id"])),
                 "name": stored["name"], "namespaceId": None, "state": "active", "token": stored["token"],
                 "transitioning": "no", "transitioningMessage": "", "type": "clusterRegistrationToken",
                 "uuid": stored["uuid"]}
        if stored["creatorId"]:
            shown.update(annotations={}, labels={"cattle.io/creator": "norman"})
            if time.time() * 1000 - stored["createdTS"] < COMMAND_DELAY_MS:
                return shown
        return dict(shown, **self.commands(stored))

    def commands(self, stored):
        """The commands by name; all are empty while the setting server-url is empty."""
        url = self.settings.value("server-url")
        commands = dict.fromkeys(COMMANDS, "")
        if not url:
            return commands
        manifest = "%s/v3/import/%s_%s.yaml" % (url, stored["token"], stored["clusterId"])
        options = "--server %s --token %s --ca-checksum %s" % (
            url, stored["token"], pki.checksum(self.settings.value("cacerts")))
        return dict(
            commands, command="kubectl apply -f " + manifest, manifestUrl=manifest,
            insecureCommand="curl --insecure -sfL %s | kubectl apply -f -" % manifest,
            nodeCommand="sudo docker run -d --privileged --restart=unless-stopped --net=host "
                        "-v /etc/kubernetes:/etc/kubernetes -v /var/run:/var/run  %s %s" % (AGENT_IMAGE, options),
            windowsNodeCommand='PowerShell -NoLogo -NonInteractive -Command "& {docker run -v c:\\:c:\\host '
                               '%s bootstrap %s | iex}"' % (AGENT_IMAGE, options))
