# SPDX-License-Identifier: GPL-3.0-or-later
"""/v3/settings."""
import re

from .. import recorded
from ..messages import Problem
from ..store import metadata
from .base import Resource, object_links

PUBLIC = re.compile(r"cacerts|first-login|ui-.*")  # settings that everyone may read


class Settings(Resource):
    """Settings. `on_server_url` is called with the new value whenever server-url is changed."""

    path, type, collection = "settings", "setting", "settings"
    recorded_list = ("settings", "list by name")

    def __init__(self, store):
        super().__init__(store)
        self.on_server_url = lambda url: None

    def value(self, name):
        with self.store.lock:
            setting = self.store.data["settings"][name]
            return setting.get("value") or setting.get("default") or ""

    def is_visible(self, request, stored):
        return True

    def show(self, stored, request):
        shown = recorded.replace(stored, "https://RANCHER", request.base)
        if not request.user:
            shown["links"].pop("update", None)
        return shown

    def create(self, request, body):
        name = body.get("name", "")
        if not name:
            raise Problem(422, "MissingRequired", "", "name")
        with self.store.change() as data:
            if name in data["settings"]:
                raise Problem(409, "AlreadyExists", 'settings.management.cattle.io "%s" already exists' % name)
            data["settings"][name] = dict(
                metadata(), annotations={}, baseType="setting", creatorId=request.user["id"], customized=True, id=name,
                labels={"cattle.io/creator": "norman"}, links=object_links("https://RANCHER/v3/settings/" + name),
                name=name, source="db", type="setting", value=body.get("value", ""))
        return self.show(data["settings"][name], request)

    def update(self, request, stored, body):
        name = stored["id"]
        if not request.user["administrator"]:
            raise Problem(403, "Forbidden", 'settings.management.cattle.io "%s" is forbidden: User "%s" cannot update '
                          'resource "settings" in API group "management.cattle.io" at the cluster scope'
                          % (name, request.user["id"]))
        if stored["source"] == "env":
            raise Problem(405, "MethodNotAllow",
                          name + " is readOnly because its value is from environment variable")
        if "value" not in body:
            raise Problem(500, "ServerError", "value not found")
        with self.store.change():
            value = "" if body["value"] is None else str(body["value"])
            stored.update(value=value or stored.get("default", ""), customized=bool(value),
                          source="db" if value else "default")
        if name == "server-url":
            self.on_server_url(stored["value"])
        return self.show(stored, request)

    def steve_list(self, request):
        """The body of /v1/management.cattle.io.settings: the public settings in the format of Steve, the API below /v1."""
        with self.store.lock:
            data = [dict(setting, type="management.cattle.io.setting")
                    for name, setting in self.store.data["settings"].items() if PUBLIC.fullmatch(name)]
        return {"type": "collection", "links": {"self": request.base + request.path}, "actions": {},
                "resourceType": "management.cattle.io.setting", "revision": "951", "data": data}
