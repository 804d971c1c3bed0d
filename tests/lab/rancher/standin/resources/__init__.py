# SPDX-License-Identifier: GPL-3.0-or-later
"""The collections of /v3, one module for each. `create_resources` lists them."""
from .clusters import Clusters
from .etcd_backups import EtcdBackups
from .nodes import Nodes
from .registration_tokens import RegistrationTokens
from .role_bindings import GlobalRoleBindings
from .settings import Settings
from .tokens import Tokens
from .users import Users


def create_resources(store):
    """{path of the collection below /v3, in lower case: its Resource}."""
    settings, tokens = Settings(store), Tokens(store)
    resources = [settings, tokens, Clusters(store, settings, tokens), EtcdBackups(store), GlobalRoleBindings(store),
                 Nodes(store), RegistrationTokens(store, settings), Users(store)]
    return {resource.path: resource for resource in resources}
