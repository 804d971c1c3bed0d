"""Rancher's HTTP API as v2.6.2 answers it (tests/recordings/): log-in, settings, users, tokens, clusters, nodes.

`Api.answer(request)` takes and gives plain values, so that it can be tried without a socket.
"""
import base64
import copy
import hashlib
import json
import os
import re
import secrets
import time
import urllib.parse

from . import pki, recorded
from .kube import KubeError
from .store import metadata, random_id, random_secret, stamp

VERSION = "v2.6.2"
AGENT_IMAGE = "rancher/rancher-agent:" + VERSION
SESSION_TTL = 57600000
PUBLIC_SETTINGS = re.compile(r"cacerts|first-login|ui-.*")
TYPES = {  # path: (resource type, where its filters and actions were recorded)
    "clusters": ("cluster", "cluster-rke1", "list, only the local one"),
    "clusterregistrationtokens": ("clusterRegistrationToken", "cluster-rke1",
                                  "registration tokens of a cluster just made"),
    "etcdbackups": ("etcdBackup", "cluster-rke1", "etcd backups of it"),
    "globalrolebindings": ("globalRoleBinding", None, None),
    "nodes": ("node", "cluster-rke1", "nodes, none yet"),
    "settings": ("setting", "settings", "list by name"),
    "tokens": ("token", "tokens", "list"),
    "users": ("user", "users-and-passwords", "by name"),
}
STORED = {"clusterregistrationtokens": "registration_tokens", "globalrolebindings": "role_bindings"}
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


class Problem(Exception):
    """An error answer of the API: {type: error, status, code, message, fieldName?}."""

    def __init__(self, status, code, message="", field=None):
        super().__init__(message)
        self.status, self.body = status, {"baseType": "error", "code": code, "message": message, "status": status,
                                          "type": "error"}
        if field:
            self.body["fieldName"] = field


class Answer:
    """What goes back: a status, a body (JSON value, text or None) and headers."""

    def __init__(self, status, body=None, headers=None, kind="application/json"):
        self.status, self.body, self.kind, self.headers = status, body, kind, dict(headers or {})


def text(status, body):
    return Answer(status, body, kind="text/plain; charset=utf-8")


UNAUTHORIZED = {"type": "error", "status": "401", "message": "Unauthorized 401: must authenticate"}


def not_found(path, identifier):
    return Problem(404, "NotFound", '%s.management.cattle.io "%s" not found' % (path, identifier))


def hashed(password, salt):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 1000).hex()


class Request:
    def __init__(self, method, path, query, headers, body, host):
        self.method, self.path, self.query, self.headers, self.body = method, path, query, headers, body
        self.base = "https://" + host
        self.user = self.token = None

    def json(self):
        """The body as an object, or the refusal that Go's decoder causes."""
        try:
            value = json.loads(self.body)
        except ValueError:
            message = "EOF" if not self.body.strip() else "unexpected EOF"
            raise Problem(422, "InvalidBodyContent", "Failed to parse body: " + message)
        if not isinstance(value, dict):
            raise Problem(422, "InvalidBodyContent", "Failed to parse body: json: cannot unmarshal array into Go "
                                                     "value of type map[string]interface {}")
        return value


class Api:
    def __init__(self, store, on_server_url=lambda url: None, bootstrap_password=None, log=print):
        self.store, self.on_server_url, self.log = store, on_server_url, log
        self.kube = None  # of a cluster, the Kube of its API servers: the Controller's
        if store.fresh:
            self._first_boot(bootstrap_password)

    # ---- first boot

    def _first_boot(self, bootstrap_password):
        password = bootstrap_password or random_secret()
        if not bootstrap_password:
            self.log("[INFO] Bootstrap Password: " + password)
        with self.store.change() as data:
            data["settings"] = recorded.settings()
            for name, value in (("first-login", "true"), ("server-url", ""), ("telemetry-opt", ""), ("ui-issues", "")):
                data["settings"][name].update(value=value, customized=False, source="default")
            data["settings"].pop("eula-agreed", None)
            authority = pki.listener_ca()
            data["listener_ca"] = authority
            data["settings"]["cacerts"]["value"] = authority["certificate"].strip()
            self._add_user(data, "user-" + random_id(), "admin", password,
                           must_change=bootstrap_password in (None, "admin"), administrator=True)
            local = recorded.body("cluster-rke1", "the local cluster")
            data["clusters"]["local"] = {"id": "local", "object": local, "created": local["createdTS"] // 1000}

    def _add_user(self, data, identifier, name, password, must_change=False, administrator=False, display="",
                  creator=None):
        salt = secrets.token_hex(8)
        data["users"][identifier] = dict(
            metadata(), id=identifier, username=name, salt=salt, hash=hashed(password, salt), name=display,
            mustChangePassword=must_change, administrator=administrator, creatorId=creator, removed=None)

    # ---- the way in

    def answer(self, request):
        """The Answer to a Request; never raises."""
        try:
            answer = self._route(request)
        except Problem as problem:
            answer = Answer(problem.status, problem.body)
            answer.headers["X-Api-Schemas"] = request.base + self._schemas(request)
        answer.headers["X-Api-Cattle-Auth"] = "true" if request.user else "false"
        if answer.kind == "application/json" and request.path.startswith("/v") and answer.body is not UNAUTHORIZED:
            answer.headers.setdefault("X-Api-Schemas", request.base + self._schemas(request))
        return answer

    def _schemas(self, request):
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["v3", "clusters"]:
            return "/v3/cluster/" + (parts[2] + "/" if len(parts) > 2 else "") + "schemas"
        return "/" + parts[0] + "/schemas"

    def _route(self, request):
        path = request.path
        if path == "/ping":
            return text(200, "pong")
        if path == "/healthz":
            return text(200, "ok")
        if path == "/cacerts":
            return Answer(200, self._setting("cacerts")["value"] + "\n", kind="text/plain")
        if path == "/":
            return Answer(200, {"type": "collection", "resourceType": "apiRoot", "data": [],
                                "links": {"self": request.base + "/"}, "actions": {},
                                "pagination": {"limit": 1000, "total": 4}},
                          {"X-Api-Schemas": request.base + "/meta/schemas"})
        if path.startswith("/v3-public"):
            return self._public(request)
        if path in ("/v1", "/v1-rke2-release/releases"):
            case = "without log-in: " + path
            return Answer(200, recorded.replace(recorded.body("public", case), "https://RANCHER", request.base))
        if path == "/v1/management.cattle.io.settings":
            return Answer(200, self._steve_settings(request))
        if path == "/system-agent-install.sh":
            return text(500, 'Get "https://raw.githubusercontent.com/rancher/system-agent/main/install.sh": '
                             'dial tcp: lookup raw.githubusercontent.com: no such host\n')
        if not re.match(r"/(v3|v1|k8s)(/|$)", path):
            return text(404, "404 page not found\n")
        self._authenticate(request)
        if not request.user and not (request.method == "GET" and path.startswith("/v3/settings/")
                                     and PUBLIC_SETTINGS.fullmatch(path.rsplit("/", 1)[1])):
            return Answer(401, UNAUTHORIZED)
        return self._v3(request)

    def _authenticate(self, request):
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            value = base64.b64decode(value.encode() + b"==").decode(errors="replace")
        identifier, _, secret = value.partition(":")
        with self.store.lock:
            token = self.store.data["tokens"].get(identifier)
            if token and secrets.compare_digest(token["secret"], secret) and not self._expired(token) \
                    and token["clusterId"] in (None, "", self._cluster_of(request.path)):
                request.token, request.user = token, self.store.data["users"].get(token["userId"])

    @staticmethod
    def _cluster_of(path):
        """The cluster to which a request belongs, to which a token may be bound (rancher @v2.6.2 pkg/clusterrouter/lookup.go)."""
        parts = path.split("/")
        return parts[3] if len(parts) > 3 and parts[1] in ("k8s", "v3") and parts[2] in ("clusters", "cluster") else None

    @staticmethod
    def _expired(token):
        return bool(token["ttl"]) and time.time() * 1000 > token["createdTS"] + token["ttl"]

    def _setting(self, name):
        with self.store.lock:
            return self.store.data["settings"][name]

    # ---- /v3-public

    def _public(self, request):
        parts = request.path.strip("/").split("/")
        recorded_answers = {"/v3-public": "/v3-public", "/v3-public/authProviders": "/v3-public/authProviders"}
        if request.path in recorded_answers:
            answer = recorded.body("public", "without log-in: " + recorded_answers[request.path])
            return Answer(200, recorded.replace(answer, "https://RANCHER", request.base))
        if parts[1] != "localProviders":
            raise Problem(404, "NotFound", "failed to find schema " + parts[1])
        if request.query.get("action") != "login":
            raise Problem(422, "InvalidAction", "Invalid action: " + request.query.get("action", ""))
        try:
            given = json.loads(request.body)
        except ValueError:
            raise Problem(422, "InvalidBodyContent")
        with self.store.lock:
            users = [user for user in self.store.data["users"].values() if user["username"] == given.get("username")]
        if not users or hashed(given.get("password", ""), users[0]["salt"]) != users[0]["hash"]:
            raise Problem(401, "Unauthorized", "authentication failed")
        token = self._make_token(users[0], given.get("description", ""), SESSION_TTL, session=True)
        if given.get("responseType") == "cookie":
            return Answer(200, None, {"Set-Cookie": "R_SESS=%s:%s; Path=/; HttpOnly; Secure"
                                                    % (token["id"], token["secret"])}, kind=None)
        shown = dict(self._show_token(token, request, token), token=token["id"] + ":" + token["secret"])
        shown["links"] = {"self": "%s/v3-public/tokens/%s" % (request.base, token["id"])}
        shown["expiresAt"] = ""
        return Answer(201, shown)

    def _make_token(self, user, description, ttl, session=False, cluster=None, prefix="token-"):
        identifier = prefix + random_id(5)
        token = dict(metadata(), id=identifier, secret=random_secret(), userId=user["id"], description=description,
                     ttl=ttl, session=session, clusterId=cluster)
        with self.store.change() as data:
            data["tokens"][identifier] = token
        return token

    # ---- /v3

    def _v3(self, request):
        parts = request.path.strip("/").split("/")
        if parts[0] == "k8s":
            return self._proxy(request, parts)
        if len(parts) == 1:
            root = recorded.body("errors-and-lists", "root")
            return Answer(200, recorded.replace(root, "https://RANCHER", request.base))
        kind = parts[1].lower()
        if kind == "schemas":
            if len(parts) == 3 and parts[2] == "clusterregistrationtoken":
                answer = recorded.body("errors-and-lists", "schema clusterregistrationtoken")
                return Answer(200, recorded.replace(answer, "https://RANCHER", request.base))
            with open(os.path.join(recorded.DIRECTORY, "schemas.json")) as source:
                known = {name.lower(): schema for name, schema in json.load(source).items()}
            if len(parts) == 3 and parts[2].lower() in known:
                return Answer(200, known[parts[2].lower()])
            return Answer(404, {"code": "NotFound", "message": "no such schema", "status": 404, "type": "error"})
        if kind == "connect":
            return self._connect(request)
        if kind not in TYPES:
            raise Problem(404, "NotFound", "failed to find schema " + parts[1])
        identifier = parts[2] if len(parts) > 2 else None
        allowed = ("GET", "PUT", "DELETE", "POST") if identifier else ("GET", "POST")
        if request.method not in allowed or (identifier and request.method == "POST" and not request.query.get("action")):
            raise Problem(405, "MethodNotAllow", "Method %s not supported" % request.method)
        if request.method == "POST" and request.query.get("action"):
            return self._action(request, kind, identifier, request.query["action"])
        if identifier is None:
            if request.method == "POST":
                return Answer(201, getattr(self, "_create_" + kind)(request, request.json()))
            return Answer(200, self._list(request, kind))
        stored = self._find(request, kind, identifier)
        if request.method == "GET":
            return Answer(200, self._show(request, kind, stored))
        if request.method == "PUT":
            return Answer(200, getattr(self, "_update_" + kind)(request, stored, request.json()))
        return self._delete(request, kind, stored)

    def _find(self, request, kind, identifier):
        with self.store.lock:
            stored = self.store.data[STORED.get(kind, kind)].get(identifier)
        if stored is None or not self._visible(request, kind, stored):
            raise not_found(kind, identifier)
        return stored

    @staticmethod
    def _visible(request, kind, stored):
        user = request.user
        if kind == "tokens":  # everybody sees his own only: rancher @v2.6.2 pkg/auth/tokens/manager.go getTokens, getTokenByID
            return stored["userId"] == user["id"]
        if user is None or user["administrator"] or kind == "settings":
            return True
        return (stored.get("id") if kind == "users" else stored.get("creatorId")) == user["id"]

    def _show(self, request, kind, stored):
        return getattr(self, "_show_" + kind[:-1])(stored, request)

    def _list(self, request, kind):
        resource, topic, case = TYPES[kind]
        template = recorded.body(topic, case) if topic else {"filters": {}, "actions": {}, "createTypes": {}}
        filters = dict.fromkeys(template["filters"])
        wanted = {name: value for name, value in request.query.items() if name in filters}
        for name, value in wanted.items():
            filters[name] = [{"modifier": "eq", "value": value}]
        with self.store.lock:
            stored = [item for item in self.store.data[STORED.get(kind, kind)].values()
                      if self._visible(request, kind, item)]
            shown = [self._show(request, kind, item) for item in stored]
        if kind == "tokens":  # the real server gives no filters to its token store
            wanted = {}
        shown = [item for item in shown
                 if all(str(item.get(name)).lower() == value.lower() for name, value in wanted.items())]
        order = request.query.get("order") == "desc"
        shown.sort(key=lambda item: item.get("name") or item["id"], reverse=order)
        if kind == "users":
            template["actions"] = {"changepassword": "https://RANCHER/v3/users?action=changepassword"}
            if request.user["administrator"]:
                template["actions"]["refreshauthprovideraccess"] = \
                    "https://RANCHER/v3/users?action=refreshauthprovideraccess"
        answer = recorded.replace({
            "type": "collection", "links": {"self": "https://RANCHER/v3/" + kind},
            "createTypes": template["createTypes"], "actions": template["actions"]}, "https://RANCHER", request.base)
        answer["pagination"], page = self._page(request, kind, shown)
        if kind == "tokens":
            del answer["pagination"]["total"]
        answer.update(filters=filters, resourceType=resource, data=page)
        return answer

    def _page(self, request, kind, shown):
        """Norman's paging: a limit, a marker (the id of the page's first object), links to the other pages."""
        try:
            limit = int(request.query.get("limit", "1000"))
        except ValueError:
            limit = 1000
        limit = limit if 0 <= limit <= 10000 else 10000
        pagination = {"limit": limit, "total": len(shown)}
        if len(shown) <= limit:
            return pagination, shown
        marker = request.query.get("marker")
        start = next((index for index, item in enumerate(shown) if item["id"] == marker), 0)
        extra = "".join("&%s=%s" % (name, request.query[name]) for name in ("order", "sort") if name in request.query)

        def link(index):
            return "%s/v3/%s?limit=%d&marker=%s%s" % (request.base, kind, limit, shown[index]["id"], extra)
        pagination.update(first=link(0), partial=True)
        if marker:
            pagination["marker"] = marker
        if limit:
            if start:
                pagination["previous"] = link(max(0, start - limit))
            if start + limit < len(shown):
                pagination["next"] = link(start + limit)
            pagination["last"] = link((len(shown) - 1) // limit * limit)
        return pagination, shown[start:start + limit]

    def _action(self, request, kind, identifier, action):
        method = getattr(self, "_action_%s_%s" % (kind, action.lower()), None)
        stored = self._find(request, kind, identifier) if identifier else None
        if method is None:
            raise Problem(422, "InvalidAction", "Invalid action: " + action)
        return method(request, stored, request.json() if request.body.strip() else {})

    def _delete(self, request, kind, stored):
        if kind == "clusters":
            return self._delete_cluster(request, stored)
        if kind == "nodes":
            with self.store.change() as data:
                data["nodes"][stored["id"]]["removed"] = time.time()
            return Answer(200, self._show_node(stored, request))
        if kind == "users":
            with self.store.change():
                stored["removed"] = stamp()
            return Answer(200, self._show_user(stored, request))
        with self.store.change() as data:
            del data[STORED.get(kind, kind)][stored.get("id") or stored["name"]]
        return Answer(204)

    # ---- settings

    def _setting_value(self, name):
        setting = self._setting(name)
        return setting.get("value") or setting.get("default") or ""

    def _show_setting(self, stored, request):
        shown = recorded.replace(stored, "https://RANCHER", request.base)
        if not request.user:
            shown["links"].pop("update", None)
        return shown

    def _create_settings(self, request, given):
        name = given.get("name", "")
        if not name:
            raise Problem(422, "MissingRequired", "", "name")
        with self.store.change() as data:
            if name in data["settings"]:
                raise Problem(409, "AlreadyExists", 'settings.management.cattle.io "%s" already exists' % name)
            links = {action: "https://RANCHER/v3/settings/" + name for action in ("remove", "self", "update")}
            data["settings"][name] = dict(
                metadata(), annotations={}, baseType="setting", creatorId=request.user["id"], customized=True, id=name,
                labels={"cattle.io/creator": "norman"}, links=links, name=name, source="db", type="setting",
                value=given.get("value", ""))
        return self._show_setting(data["settings"][name], request)

    def _update_settings(self, request, stored, given):
        name = stored["id"]
        if not request.user["administrator"]:
            raise Problem(403, "Forbidden", 'settings.management.cattle.io "%s" is forbidden: User "%s" cannot update '
                          'resource "settings" in API group "management.cattle.io" at the cluster scope'
                          % (name, request.user["id"]))
        if stored["source"] == "env":
            raise Problem(405, "MethodNotAllow",
                          name + " is readOnly because its value is from environment variable")
        if "value" not in given:
            raise Problem(500, "ServerError", "value not found")
        with self.store.change():
            value = "" if given["value"] is None else str(given["value"])
            stored.update(value=value or stored.get("default", ""), customized=bool(value),
                          source="db" if value else "default")
        if name == "server-url":
            self.on_server_url(stored["value"])
        return self._show_setting(stored, request)

    def _steve_settings(self, request):
        with self.store.lock:
            names = [name for name in self.store.data["settings"] if PUBLIC_SETTINGS.fullmatch(name)]
            data = [dict(self.store.data["settings"][name], type="management.cattle.io.setting") for name in names]
        return {"type": "collection", "links": {"self": request.base + request.path}, "actions": {},
                "resourceType": "management.cattle.io.setting", "revision": "951", "data": data}

    # ---- users

    def _show_user(self, stored, request):
        base, identifier = request.base + "/v3/", stored["id"]
        actions = {"setpassword": base + "users/%s?action=setpassword" % identifier}
        if request.user["administrator"]:
            actions["refreshauthprovideraccess"] = base + "users/%s?action=refreshauthprovideraccess" % identifier
        administrator = stored["administrator"]
        removing = {"removed": stored["removed"], "removedTS": int(time.time()) * 1000, "state": "removing",
                    "transitioning": "yes", "transitioningMessage": "waiting on mgmt-auth-users-controller"
                    } if stored["removed"] else {}
        return dict({
            "actions": actions, "annotations": {"lifecycle.cattle.io/create.mgmt-auth-users-controller": "true"},
            "baseType": "user", "conditions": None if administrator else [
                {"lastUpdateTime": stored["created"], "status": "True", "type": "InitialRolesPopulated"}],
            "created": stored["created"], "createdTS": stored["createdTS"], "creatorId": stored["creatorId"],
            "description": "", "enabled": True, "id": identifier,
            "labels": {"authz.management.cattle.io/bootstrapping": "admin-user"} if administrator
            else {"cattle.io/creator": "norman"},
            "links": dict({name: "%s%s?userId=%s" % (base, name, identifier) for name in (
                "clusterRoleTemplateBindings", "globalRoleBindings", "projectRoleTemplateBindings", "tokens")},
                **{name: base + "users/" + identifier for name in ("remove", "self", "update")}),
            "me": identifier == request.user["id"], "mustChangePassword": stored["mustChangePassword"],
            "name": stored["name"] or ("Default Admin" if administrator else ""),
            "principalIds": ["local://" + identifier], "state": "active", "transitioning": "no",
            "transitioningMessage": "", "type": "user", "username": stored["username"], "uuid": stored["uuid"]}, **removing)

    def _create_users(self, request, given):
        name = given.get("username", "")
        with self.store.change() as data:
            if any(user["username"] == name for user in data["users"].values()):
                raise Problem(422, "NotUnique", "Username is already in use.", "username")
            identifier = "u-" + random_id()
            self._add_user(data, identifier, name, given.get("password", ""), given.get("mustChangePassword", False),
                           display=given.get("name", ""), creator=request.user["id"])
        return self._show_user(data["users"][identifier], request)

    def _set_password(self, user, password):
        if not password:
            raise Problem(500, "ServerError", "Invalid password")
        with self.store.change() as data:
            user.update(hash=hashed(password, user["salt"]), mustChangePassword=False)
            data["settings"]["first-login"].update(value="false", customized=True, source="db")

    def _action_users_setpassword(self, request, stored, given):
        self._set_password(stored, given.get("newPassword"))
        return Answer(200, dict(self._show_user(stored, request), password="$2a$10$" + random_secret()))

    def _action_users_changepassword(self, request, stored, given):
        user = request.user
        if hashed(given.get("currentPassword", ""), user["salt"]) != user["hash"]:
            raise Problem(422, "InvalidBodyContent", "invalid current password")
        self._set_password(user, given.get("newPassword"))
        return Answer(200, None, kind=None)

    def _create_globalrolebindings(self, request, given):
        identifier = "grb-" + random_id()
        base = request.base + "/v3/globalRoleBindings/" + identifier
        binding = dict(
            metadata(), annotations={"cleanup.cattle.io/grbUpgradeCluster": "true"}, baseType="globalRoleBinding",
            creatorId=request.user["id"], globalRoleId=given["globalRoleId"], groupPrincipalId=None, id=identifier,
            labels={"cattle.io/creator": "norman"}, links={name: base for name in ("remove", "self", "update")},
            name=identifier, ownerReferences=[{
                "apiVersion": "management.cattle.io/v3", "kind": "GlobalRole", "name": given["globalRoleId"],
                "type": "/v3/schemas/ownerReference", "uid": metadata()["uuid"]}],
            type="globalRoleBinding", userId=given["userId"])
        with self.store.change() as data:
            data["role_bindings"][identifier] = binding
        return binding

    def _show_globalrolebinding(self, stored, request):
        return stored

    # ---- tokens

    def _show_token(self, stored, request, current=None):
        base = "%s/v3/tokens/%s" % (request.base, stored["id"])
        with self.store.lock:
            user = self.store.data["users"][stored["userId"]]
        labels = {"authn.management.cattle.io/token-userId": user["id"], "cattle.io/creator": "norman"}
        if stored["session"]:
            labels["authn.management.cattle.io/kind"] = "session"
        ends = stored["createdTS"] + stored["ttl"]
        return {
            "authProvider": "local", "baseType": "token", "clusterId": stored["clusterId"],
            "created": stored["created"], "createdTS": stored["createdTS"], "creatorId": None,
            "current": bool(request.token) and request.token["id"] == stored["id"] and stored["session"],
            "description": stored["description"], "enabled": True, "expired": self._expired(stored),
            "expiresAt": stamp(ends / 1000) if stored["ttl"] else "", "groupPrincipals": None, "id": stored["id"],
            "isDerived": not stored["session"], "labels": labels, "lastUpdateTime": "",
            "links": {name: base for name in ("remove", "self", "update")}, "name": stored["id"],
            "ttl": stored["ttl"], "type": "token", "userId": user["id"],
            "userPrincipal": "map[displayName:%s loginName:%s me:true metadata:map[creationTimestamp:<nil> "
                             "name:local://%s] principalType:user provider:local]"
                             % (user["name"] or "Default Admin", user["username"], user["id"]),
            "uuid": stored["uuid"]}

    def _create_tokens(self, request, given):
        ttl = given.get("ttl", 0)
        if isinstance(ttl, str):
            raise Problem(422, "InvalidFormat",
                          "json: cannot unmarshal string into Go struct field Token.ttl of type int64")
        token = self._make_token(request.user, given.get("description", ""), ttl, cluster=given.get("clusterId"))
        shown = self._show_token(token, request)
        return dict(shown, expiresAt="", expired=False, token=token["id"] + ":" + token["secret"])

    def _action_tokens_logout(self, request, stored, given):
        with self.store.change() as data:
            data["tokens"].pop(request.token["id"], None)
        return Answer(200, None, {"Set-Cookie": "CSRF=; Path=/; Expires=Wed, 10 Feb 1982 23:00:00 GMT; Max-Age=0; "
                                                "HttpOnly"})

    # ---- clusters

    def _show_cluster(self, stored, request):
        shown = recorded.replace(stored["object"], "https://RANCHER", request.base)
        return recorded.replace(shown, "wss://172.31.250.10", request.base.replace("https", "wss"))

    def _create_clusters(self, request, given):
        self._check_cluster(given)
        identifier = "c-" + random_id()
        topic, case = ("cluster-rke1", "create fay") if "rancherKubernetesEngineConfig" in given else \
            ("users-and-passwords", "ordinary user: create a cluster")
        full = recorded.body(topic, case)
        full = recorded.replace(full, full["id"], identifier)
        full.update(metadata(), creatorId=request.user["id"])
        self._merge_cluster(full, given)
        cluster = {"id": identifier, "object": full, "created": time.time(), "creatorId": request.user["id"],
                   "builds": 0, "built": []}
        with self.store.change() as data:
            data["clusters"][identifier] = cluster
        return self._show_cluster(cluster, request)

    def _check_cluster(self, given, but=None):
        name = given.get("name")
        if not name:
            raise Problem(422, "MissingRequired", "", "Cluster name")
        if not DNS_LABEL.fullmatch(name):
            raise Problem(422, "InvalidFormat",
                          "InvalidFormat 422: invalid value %s: a lowercase RFC 1123 label must consist of lower case "
                          "alphanumeric characters or '-', and must start and end with an alphanumeric character "
                          "(e.g. 'my-name',  or '123-abc', regex used for validation is "
                          "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')" % name, "name")
        with self.store.lock:
            if any(cluster["object"]["name"] == name for cluster in self.store.data["clusters"].values()
                   if cluster["id"] != but):
                raise Problem(422, "NotUnique", "", "Cluster name")
        version = (given.get("rancherKubernetesEngineConfig") or {}).get("kubernetesVersion", "")
        if version.endswith(".x"):
            raise Problem(422, "InvalidFormat", "Requested kubernetesVersion %s is not of valid semver "
                                                "[major.minor.patch] format" % version)

    # Fields of a cluster that a client may set; what is not among them is dropped without a word.
    SETTABLE = ("name", "description", "dockerRootDir", "enableNetworkPolicy", "labels", "annotations",
                "rancherKubernetesEngineConfig", "localClusterAuthEndpoint", "agentImageOverride")

    def _merge_cluster(self, full, given):
        given = copy.deepcopy(given)
        rke = given.pop("rancherKubernetesEngineConfig", None)
        for field in self.SETTABLE:
            if field in given:
                value = given[field]
                if field == "labels":
                    value = dict({"cattle.io/creator": "norman"}, **(value or {}))
                full[field] = value
        if rke is not None:
            config = full["rancherKubernetesEngineConfig"]
            for field in ("ignoreDockerVersion", "enableCriDockerd"):
                if field in rke:
                    rke[field] = rke[field] is True
            network = rke.pop("network", None)
            config.update(rke)
            if network is not None:
                config["network"] = dict({"mtu": 0, "type": "/v3/schemas/networkConfig"}, **network)

    def _update_clusters(self, request, stored, given):
        if not given.get("name"):
            raise Problem(422, "MissingRequired", "", "Cluster name")
        self._check_cluster(given, but=stored["id"])
        with self.store.change():
            self._merge_cluster(stored["object"], given)
            strategy = stored["object"].get("rancherKubernetesEngineConfig", {}).get("upgradeStrategy")
            if strategy:
                whole = recorded.body("cluster-rke1", "what became of the rest")
                strategy.setdefault("nodeDrainInput",
                                    whole["rancherKubernetesEngineConfig"]["upgradeStrategy"]["nodeDrainInput"])
            stored["retry_now"] = True
        return self._show_cluster(stored, request)

    def _delete_cluster(self, request, stored):
        if not stored.get("settled"):  # its controllers have not seen it yet
            with self.store.change() as data:
                del data["clusters"][stored["id"]]
            return Answer(204)
        with self.store.change():
            shown = stored["object"]
            shown.update(state="removing", transitioning="yes", removed=stamp())
            shown["transitioningMessage"] += "; waiting on cluster-agent-controller-cleanup"
            stored["removed"] = time.time()
        return Answer(200, self._show_cluster(stored, request))

    def _action_clusters_generatekubeconfig(self, request, stored, given):
        token = self._make_token(request.user, "Kubeconfig token", 0, cluster=None,
                                 prefix="kubeconfig-" + request.user["id"])
        data = base64.b64encode(self._setting("cacerts")["value"].encode()).decode()
        wrapped = "\\\n      ".join(data[start:start + 77] for start in range(0, len(data), 77))
        name = stored["object"]["name"]
        config = ('apiVersion: v1\nkind: Config\nclusters:\n- name: "%s"\n  cluster:\n    server: "%s/k8s/clusters/%s"\n'
                  '    certificate-authority-data: "%s"\n\nusers:\n- name: "%s"\n  user:\n    token: "%s:%s"\n\n\n'
                  'contexts:\n- name: "%s"\n  context:\n    user: "%s"\n    cluster: "%s"\n\ncurrent-context: "%s"\n'
                  % (name, request.base, stored["id"], wrapped, name, token["id"], token["secret"], name, name, name,
                     name))
        return Answer(200, {"baseType": "generateKubeConfigOutput", "config": config,
                            "type": "generateKubeConfigOutput"})

    # ---- registration tokens

    def _create_clusterregistrationtokens(self, request, given):
        cluster = given.get("clusterId", "")
        if not self.store.copy_of("clusters", cluster):
            raise Problem(404, "NotFound", 'namespaces "%s" not found' % cluster)
        token = self.add_registration_token(cluster, "crt-" + random_id(), request.user["id"])
        return self._show_clusterregistrationtoken(token, request)

    def add_registration_token(self, cluster, name, creator=None):
        token = dict(metadata(), id="%s:%s" % (cluster, name), name=name, clusterId=cluster, creatorId=creator,
                     token=random_secret())
        with self.store.change() as data:
            data["registration_tokens"][token["id"]] = token
        return token

    def _show_clusterregistrationtoken(self, stored, request):
        base = "%s/v3/clusterRegistrationTokens/%s" % (request.base, stored["id"])
        shown = {"baseType": "clusterRegistrationToken", "clusterId": stored["clusterId"],
                 "created": stored["created"], "createdTS": stored["createdTS"], "creatorId": stored["creatorId"],
                 "id": stored["id"], "links": {name: base for name in ("remove", "self", "update")},
                 "name": stored["name"], "namespaceId": None, "state": "active", "token": stored["token"],
                 "transitioning": "no", "transitioningMessage": "", "type": "clusterRegistrationToken",
                 "uuid": stored["uuid"]}
        if stored["creatorId"]:
            shown.update(annotations={}, labels={"cattle.io/creator": "norman"})
        if stored["creatorId"] and time.time() * 1000 - stored["createdTS"] < 1000:
            return shown
        url = self._setting_value("server-url")
        commands = dict.fromkeys(("command", "insecureCommand", "insecureNodeCommand", "insecureWindowsNodeCommand",
                                  "manifestUrl", "nodeCommand", "windowsNodeCommand"), "")
        if url:
            manifest = "%s/v3/import/%s_%s.yaml" % (url, stored["token"], stored["clusterId"])
            options = "--server %s --token %s --ca-checksum %s" % (
                url, stored["token"], pki.checksum(self._setting("cacerts")["value"]))
            commands.update(
                command="kubectl apply -f " + manifest, manifestUrl=manifest,
                insecureCommand="curl --insecure -sfL %s | kubectl apply -f -" % manifest,
                nodeCommand="sudo docker run -d --privileged --restart=unless-stopped --net=host "
                            "-v /etc/kubernetes:/etc/kubernetes -v /var/run:/var/run  %s %s" % (AGENT_IMAGE, options),
                windowsNodeCommand='PowerShell -NoLogo -NonInteractive -Command "& {docker run -v c:\\:c:\\host '
                                   '%s bootstrap %s | iex}"' % (AGENT_IMAGE, options))
        return dict(shown, **commands)

    # ---- nodes

    def _show_node(self, stored, request):
        shown = recorded.first("cluster-active", "its nodes")
        shown = recorded.replace(shown, shown["id"], stored["id"])
        shown = recorded.replace(shown, "https://RANCHER", request.base)
        kept = {name: shown[name] for name in (
            "actions", "appliedNodeVersion", "baseType", "imported", "links", "name", "namespaceId", "nodePoolId",
            "nodeTemplateId", "sshUser", "type") if name in shown}
        roles = stored["roles"]
        kept.update(
            id=stored["id"], clusterId=stored["clusterId"], created=stored["created"], createdTS=stored["createdTS"],
            uuid=stored["uuid"], creatorId=None, requestedHostname=stored["name"], etcd="etcd" in roles,
            controlPlane="controlplane" in roles, worker="worker" in roles, state=stored["state"],
            transitioning="no" if stored["state"] == "active" else "yes",
            transitioningMessage=stored["message"], conditions=stored["conditions"],
            customConfig={"address": stored["address"], "type": "/v3/schemas/customConfig"},
            labels=stored.get("labels", {}), annotations={}, unschedulable=False)
        if stored.get("nodeName"):
            kept.update(nodeName=stored["nodeName"], hostname=stored["nodeName"], podCidr=stored.get("podCidr"),
                        ipAddress=stored["address"], externalIpAddress=stored["address"], info=stored.get("info"))
        elif stored["conditions"]:
            kept["ipAddress"] = stored["address"]
        if stored.get("removed"):
            kept.update(state="removing", transitioning="yes")
        return kept

    def _show_etcdbackup(self, stored, request):
        return stored

    def _proxy(self, request, parts):
        """A request to a cluster's own API, /k8s/clusters/ID/…, with full rights: only administrators get that far here."""
        stored = self.store.data["clusters"].get(parts[2] if len(parts) > 2 else None)
        if not stored or not request.user["administrator"]:
            raise Problem(403, "Forbidden", "clusters.management.cattle.io is forbidden")
        path = "/" + "/".join(parts[3:]) + ("?" + urllib.parse.urlencode(request.query) if request.query else "")
        try:
            status, value = self.kube(stored).call(request.method, path, json.loads(request.body) if request.body else None,
                                                   request.headers.get("Content-Type", "application/json"))
        except (KubeError, KeyError, ValueError):  # no control plane yet, or none that answers
            raise Problem(503, "ClusterUnavailable", "cluster not found")
        return text(status, value) if isinstance(value, str) else Answer(status, value)

    def _connect(self, request):
        raise Problem(404, "NotFound", "failed to find schema connect")
