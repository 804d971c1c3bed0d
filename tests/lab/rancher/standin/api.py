# SPDX-License-Identifier: GPL-3.0-or-later
"""Rancher's HTTP API as v2.6.2 answers it (tests/recordings/): passes each request to the function that answers it.

`Api.answer(request)` accepts and returns plain values, so that it can be tested without a socket.
"""
import base64
import json
import os
import re
import secrets
import urllib.parse

from . import pki, recorded
from .kube import KubeError
from .login import PublicApi
from .messages import UNAUTHORIZED, Answer, Problem, plain_text
from .resources import create_resources
from .resources.settings import PUBLIC as PUBLIC_SETTINGS
from .resources.tokens import is_expired
from .resources.users import add_user
from .store import random_id, random_secret


class Api:
    """The API of a server whose state is in `store`. `resources` are its collections by their paths below /v3."""

    def __init__(self, store, bootstrap_password=None, log=print):
        self.store, self.log = store, log
        self.kube_of = None  # function(stored cluster) -> Kube of its API servers; set by the Controller
        self.resources = create_resources(store)
        self.settings = self.resources["settings"]
        self.public = PublicApi(store, self.resources["tokens"])
        self.without_login = {  # path: function(request) -> Answer
            "/": self.root,
            "/ping": lambda request: plain_text(200, "pong"),
            "/healthz": lambda request: plain_text(200, "ok"),
            "/cacerts": lambda request: Answer(200, self.settings.value("cacerts") + "\n", content_type="text/plain"),
            "/system-agent-install.sh": self.system_agent,
            "/v1": self.recorded_without_login,
            "/v1-rke2-release/releases": self.recorded_without_login,
            "/v1/management.cattle.io.settings": lambda request: Answer(200, self.settings.steve_list(request)),
        }
        if store.is_new:
            self.initialize(bootstrap_password)

    def initialize(self, bootstrap_password):
        """Fill an empty store as the first start of a server does. Without a password one is generated and logged."""
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
            add_user(data, "user-" + random_id(), "admin", password, administrator=True,
                     mustChangePassword=bootstrap_password in (None, "admin"))
            local = recorded.body("cluster-rke1", "the local cluster")
            data["clusters"]["local"] = {"id": "local", "object": local, "created": local["createdTS"] // 1000}

    def answer(self, request):
        """The Answer to a Request; an error of the API is an Answer too."""
        try:
            answer = self.route(request)
        except Problem as problem:
            answer = Answer(problem.status, problem.body)
            answer.headers["X-Api-Schemas"] = request.base + schemas_path(request)
        answer.headers["X-Api-Cattle-Auth"] = "true" if request.user else "false"
        if answer.content_type == "application/json" and request.path.startswith("/v") and answer.body is not UNAUTHORIZED:
            answer.headers.setdefault("X-Api-Schemas", request.base + schemas_path(request))
        return answer

    def route(self, request):
        path = request.path
        if path in self.without_login:
            return self.without_login[path](request)
        if path.startswith("/v3-public"):
            return self.public.answer(request)
        if not re.match(r"/(v3|v1|k8s)(/|$)", path):
            return plain_text(404, "404 page not found\n")
        self.authenticate(request)
        if not request.user and not is_public_setting(request):
            return Answer(401, UNAUTHORIZED)
        if request.parts[0] == "k8s":
            return self.proxy(request)
        return self.route_resource(request)

    def authenticate(self, request):
        """Set the user and the token of a request with a valid token, as Bearer or as user and password of Basic."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            value = base64.b64decode(value.encode() + b"==").decode(errors="replace")
        identifier, _, secret = value.partition(":")
        with self.store.lock:
            token = self.store.data["tokens"].get(identifier)
            if token and secrets.compare_digest(token["secret"], secret) and not is_expired(token) \
                    and token["clusterId"] in (None, "", cluster_of(request)):
                request.token, request.user = token, self.store.data["users"].get(token["userId"])

    # ---- answers without a login

    def root(self, request):
        return Answer(200, {"type": "collection", "resourceType": "apiRoot", "data": [],
                            "links": {"self": request.base + "/"}, "actions": {},
                            "pagination": {"limit": 1000, "total": 4}},
                      {"X-Api-Schemas": request.base + "/meta/schemas"})

    def system_agent(self, request):
        return plain_text(500, 'Get "https://raw.githubusercontent.com/rancher/system-agent/main/install.sh": '
                               'dial tcp: lookup raw.githubusercontent.com: no such host\n')

    def recorded_without_login(self, request):
        return recorded.answer("public", "without log-in: " + request.path, request)

    # ---- answers after a login

    def route_resource(self, request):
        parts = request.parts
        if len(parts) == 1:
            return recorded.answer("errors-and-lists", "root", request)
        path = parts[1].lower()
        if path == "schemas":
            return schema(request)
        if path not in self.resources:
            raise Problem(404, "NotFound", "failed to find schema " + parts[1])
        return self.resources[path].answer(request, parts[2] if len(parts) > 2 else None)

    def proxy(self, request):
        """The answer of a cluster's own API, /k8s/clusters/ID/…, to its administrator. Other users are rejected here."""
        parts = request.parts
        stored = self.store.data["clusters"].get(parts[2] if len(parts) > 2 else None)
        if not stored or not request.user["administrator"]:
            raise Problem(403, "Forbidden", "clusters.management.cattle.io is forbidden")
        path = "/" + "/".join(parts[3:]) + ("?" + urllib.parse.urlencode(request.query) if request.query else "")
        try:
            body = json.loads(request.body) if request.body else None
            status, value = self.kube_of(stored).call(request.method, path, body,
                                                      request.headers.get("Content-Type", "application/json"))
        except (KubeError, KeyError, ValueError):  # there is no control plane yet, or none answers
            raise Problem(503, "ClusterUnavailable", "cluster not found")
        return plain_text(status, value) if isinstance(value, str) else Answer(status, value)


def is_public_setting(request):
    return request.method == "GET" and request.path.startswith("/v3/settings/") \
        and PUBLIC_SETTINGS.fullmatch(request.path.rsplit("/", 1)[1])


def cluster_of(request):
    """The id of the cluster to which a request belongs, or None (rancher @v2.6.2 pkg/clusterrouter/lookup.go).

    A token may be valid for one cluster only.
    """
    parts = request.path.split("/")
    return parts[3] if len(parts) > 3 and parts[1] in ("k8s", "v3") and parts[2] in ("clusters", "cluster") else None


def schemas_path(request):
    """The path of the schemas that the header X-Api-Schemas names."""
    parts = request.parts
    if parts[:2] == ["v3", "clusters"]:
        return "/v3/cluster/" + (parts[2] + "/" if len(parts) > 2 else "") + "schemas"
    return "/" + parts[0] + "/schemas"


def schema(request):
    """/v3/schemas/NAME, of the schemas that were recorded."""
    name = request.parts[2].lower() if len(request.parts) == 3 else None
    if name == "clusterregistrationtoken":
        return recorded.answer("errors-and-lists", "schema clusterregistrationtoken", request)
    with open(os.path.join(recorded.DIRECTORY, "schemas.json")) as source:
        schemas = {key.lower(): value for key, value in json.load(source).items()}
    if name in schemas:
        return Answer(200, schemas[name])
    return Answer(404, {"code": "NotFound", "message": "no such schema", "status": 404, "type": "error"})
