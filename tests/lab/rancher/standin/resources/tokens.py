# SPDX-License-Identifier: GPL-3.0-or-later
"""/v3/tokens: API tokens and sessions."""
import time

from ..messages import Answer, Problem
from ..store import metadata, random_id, random_secret, stamp
from .base import Resource, object_links


def is_expired(token):
    return bool(token["ttl"]) and time.time() * 1000 > token["createdTS"] + token["ttl"]


class Tokens(Resource):
    path, type, collection = "tokens", "token", "tokens"
    recorded_list = ("tokens", "list")

    def __init__(self, store):
        super().__init__(store)
        self.actions = {"logout": self.log_out}

    def add(self, user, description, ttl, session=False, cluster=None, prefix="token-"):
        """Create and store a token of a user. ttl: milliseconds, 0 for no end. cluster: the only one it is valid for."""
        identifier = prefix + random_id(5)
        token = dict(metadata(), id=identifier, secret=random_secret(), userId=user["id"], description=description,
                     ttl=ttl, session=session, clusterId=cluster)
        with self.store.change() as data:
            data["tokens"][identifier] = token
        return token

    def is_visible(self, request, stored):
        """Only the user's own tokens, even for administrators (rancher @v2.6.2 pkg/auth/tokens/manager.go getTokens, getTokenByID)."""
        return stored["userId"] == request.user["id"]

    def filtered(self, objects, values):
        """All objects: the real server does not pass filters to its token store."""
        return objects

    def list(self, request):
        answer = super().list(request)
        del answer["pagination"]["total"]
        return answer

    def show(self, stored, request):
        with self.store.lock:
            user = self.store.data["users"][stored["userId"]]
        labels = {"authn.management.cattle.io/token-userId": user["id"], "cattle.io/creator": "norman"}
        if stored["session"]:
            labels["authn.management.cattle.io/kind"] = "session"
        expiry = (stored["createdTS"] + stored["ttl"]) / 1000
        return {
            "authProvider": "local", "baseType": "token", "clusterId": stored["clusterId"],
            "created": stored["created"], "createdTS": stored["createdTS"], "creatorId": None,
            "current": bool(request.token) and request.token["id"] == stored["id"] and stored["session"],
            "description": stored["description"], "enabled": True, "expired": is_expired(stored),
            "expiresAt": stamp(expiry) if stored["ttl"] else "", "groupPrincipals": None, "id": stored["id"],
            "isDerived": not stored["session"], "labels": labels, "lastUpdateTime": "",
            "links": object_links("%s/v3/tokens/%s" % (request.base, stored["id"])), "name": stored["id"],
            "ttl": stored["ttl"], "type": "token", "userId": user["id"],
            "userPrincipal": "map[displayName:%s loginName:%s me:true metadata:map[creationTimestamp:<nil> "
                             "name:local://%s] principalType:user provider:local]"
                             % (user["name"] or "Default Admin", user["username"], user["id"]),
            "uuid": stored["uuid"]}

    def create(self, request, body):
        ttl = body.get("ttl", 0)
        if isinstance(ttl, str):
            raise Problem(422, "InvalidFormat",
                          "json: cannot unmarshal string into Go struct field Token.ttl of type int64")
        token = self.add(request.user, body.get("description", ""), ttl, cluster=body.get("clusterId"))
        return dict(self.show(token, request), expiresAt="", expired=False, token=token["id"] + ":" + token["secret"])

    def log_out(self, request, stored, body):
        with self.store.change() as data:
            data["tokens"].pop(request.token["id"], None)
        return Answer(200, None, {"Set-Cookie": "CSRF=; Path=/; Expires=Wed, 10 Feb 1982 23:00:00 GMT; Max-Age=0; "
                                                "HttpOnly"})
