# SPDX-License-Identifier: GPL-3.0-or-later
"""/v3/globalrolebindings. They are stored and shown, but grant nothing: only the first user is an administrator."""
from ..store import metadata, random_id
from .base import Resource, object_links


class GlobalRoleBindings(Resource):
    path, type, collection = "globalrolebindings", "globalRoleBinding", "role_bindings"

    def create(self, request, body):
        identifier, role = "grb-" + random_id(), body["globalRoleId"]
        owner = {"apiVersion": "management.cattle.io/v3", "kind": "GlobalRole", "name": role,
                 "type": "/v3/schemas/ownerReference", "uid": metadata()["uuid"]}
        binding = dict(
            metadata(), annotations={"cleanup.cattle.io/grbUpgradeCluster": "true"}, baseType="globalRoleBinding",
            creatorId=request.user["id"], globalRoleId=role, groupPrincipalId=None, id=identifier,
            labels={"cattle.io/creator": "norman"}, links=object_links(request.base + "/v3/globalRoleBindings/" + identifier),
            name=identifier, ownerReferences=[owner], type="globalRoleBinding", userId=body["userId"])
        with self.store.change() as data:
            data["role_bindings"][identifier] = binding
        return binding
