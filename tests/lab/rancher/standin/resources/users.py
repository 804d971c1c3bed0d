# SPDX-License-Identifier: GPL-3.0-or-later
"""/v3/users."""
import hashlib
import secrets
import time

from ..messages import Answer, Problem
from ..store import metadata, random_id, random_secret, stamp
from .base import Resource, object_links


def password_hash(password, salt):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 1000).hex()


def has_password(user, password):
    return password_hash(password, user["salt"]) == user["hash"]


def add_user(data, identifier, username, password, **fields):
    """Add a user to Store.data; `fields` override those of an ordinary user."""
    salt = secrets.token_hex(8)
    user = dict(metadata(), id=identifier, username=username, salt=salt, hash=password_hash(password, salt), name="",
                mustChangePassword=False, administrator=False, creatorId=None, removed=None)
    data["users"][identifier] = dict(user, **fields)


class Users(Resource):
    path, type, collection = "users", "user", "users"
    recorded_list = ("users-and-passwords", "by name")

    def __init__(self, store):
        super().__init__(store)
        self.actions = {"setpassword": self.set_password, "changepassword": self.change_own_password}

    def is_visible(self, request, stored):
        return request.user["administrator"] or stored["id"] == request.user["id"]

    def list_template(self, request):
        names = ["changepassword"]
        if request.user["administrator"]:
            names.append("refreshauthprovideraccess")
        actions = {name: "https://RANCHER/v3/users?action=" + name for name in names}
        return dict(super().list_template(request), actions=actions)

    def show(self, stored, request):
        identifier, administrator = stored["id"], stored["administrator"]
        conditions = [{"lastUpdateTime": stored["created"], "status": "True", "type": "InitialRolesPopulated"}]
        labels = {"authz.management.cattle.io/bootstrapping": "admin-user"} if administrator else {"cattle.io/creator": "norman"}
        shown = {
            "actions": self.object_actions(stored, request),
            "annotations": {"lifecycle.cattle.io/create.mgmt-auth-users-controller": "true"},
            "baseType": "user", "conditions": None if administrator else conditions,
            "created": stored["created"], "createdTS": stored["createdTS"], "creatorId": stored["creatorId"],
            "description": "", "enabled": True, "id": identifier, "labels": labels,
            "links": self.links(stored, request), "me": identifier == request.user["id"],
            "mustChangePassword": stored["mustChangePassword"],
            "name": stored["name"] or ("Default Admin" if administrator else ""),
            "principalIds": ["local://" + identifier], "state": "active", "transitioning": "no",
            "transitioningMessage": "", "type": "user", "username": stored["username"], "uuid": stored["uuid"]}
        if stored["removed"]:
            shown.update(removed=stored["removed"], removedTS=int(time.time()) * 1000, state="removing",
                         transitioning="yes", transitioningMessage="waiting on mgmt-auth-users-controller")
        return shown

    def object_actions(self, stored, request):
        names = ["setpassword"] + (["refreshauthprovideraccess"] if request.user["administrator"] else [])
        return {name: "%s/v3/users/%s?action=%s" % (request.base, stored["id"], name) for name in names}

    def links(self, stored, request):
        links = object_links("%s/v3/users/%s" % (request.base, stored["id"]))
        for name in ("clusterRoleTemplateBindings", "globalRoleBindings", "projectRoleTemplateBindings", "tokens"):
            links[name] = "%s/v3/%s?userId=%s" % (request.base, name, stored["id"])
        return links

    def create(self, request, body):
        name = body.get("username", "")
        with self.store.change() as data:
            if any(user["username"] == name for user in data["users"].values()):
                raise Problem(422, "NotUnique", "Username is already in use.", "username")
            identifier = "u-" + random_id()
            add_user(data, identifier, name, body.get("password", ""), name=body.get("name", ""),
                     mustChangePassword=body.get("mustChangePassword", False), creatorId=request.user["id"])
        return self.show(data["users"][identifier], request)

    def delete(self, request, stored):
        """The real server removes a user some seconds after this answer; the stand-in keeps it in state `removing`."""
        with self.store.change():
            stored["removed"] = stamp()
        return Answer(200, self.show(stored, request))

    # ---- actions

    def set_password(self, request, stored, body):
        self.store_password(stored, body.get("newPassword"))
        return Answer(200, dict(self.show(stored, request), password="$2a$10$" + random_secret()))

    def change_own_password(self, request, stored, body):
        if not has_password(request.user, body.get("currentPassword", "")):
            raise Problem(422, "InvalidBodyContent", "invalid current password")
        self.store_password(request.user, body.get("newPassword"))
        return Answer(200, None, content_type=None)

    def store_password(self, user, password):
        if not password:
            raise Problem(500, "ServerError", "Invalid password")
        with self.store.change() as data:
            user.update(hash=password_hash(password, user["salt"]), mustChangePassword=False)
            data["settings"]["first-login"].update(value="false", customized=True, source="db")
