# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An access to a cluster through Rancher, with a token that only one kubeconfig uses. Private to the collection."""
from typing import NamedTuple

from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.access import (
    Access,
    Identity,
    Server,
    VerifiedAccess,
    validate,
)
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.api import ApiError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import RancherError
from ansible_collections.fay.rancher.plugins.module_utils._rancher.tokens import expiry_date
from ansible_collections.fay.rancher.plugins.module_utils._secrets import repr_of

UNAUTHORIZED = 401


class TokenRequest(NamedTuple):
    """The token of a kubeconfig, from the options `rancher` and `warn_days`."""

    cluster: str  # its name in Rancher
    days: int  # lifetime
    warn_days: int  # the token is replaced if it expires sooner, see Tokens.find_valid()
    current: str  # the token in the file, ID:SECRET, or None

    __repr__ = repr_of("cluster", "days", "warn_days")


class TokenAccess(NamedTuple):
    """A VerifiedAccess with a token."""

    verified: VerifiedAccess
    token_id: str  # None in check mode if a token would be created


def find_token_access(tokens, request, requirements, check_mode=False):
    """The TokenAccess with the token in the file while it is valid, else with a new one.

    tokens: the Tokens of this file. request: a TokenRequest. requirements: Requirements. In check mode no token is created.
    Raises RancherError, ApiError, PkiError.
    """
    cluster_id = find_cluster_id(tokens.client, request.cluster)
    authority = tokens.client.setting("cacerts") or None  # empty if a public CA signed Rancher's certificate
    server = Server("%s/k8s/clusters/%s" % (tokens.client.url, cluster_id), authority)
    current = reuse_token(tokens, request, requirements, cluster_id, server)
    if current:
        return current
    if check_mode:
        access = Access(Identity("token", token=""), server, None, "a new token would be created")
        return TokenAccess(VerifiedAccess(access, {}), None)
    return create_token(tokens, request, requirements, cluster_id, server)


def find_cluster_id(client, name):
    """The ID of a cluster in Rancher. Raises RancherError."""
    cluster = client.cluster(name)
    if cluster is None:
        raise RancherError("In Rancher at %s, no cluster %s is visible to this user. Correct the name, or make the user a member of the "
                           "cluster" % (client.url, name))
    return cluster["id"]


def reuse_token(tokens, request, requirements, cluster_id, server):
    """The TokenAccess with the token in the file; None if it is not valid. Raises RancherError, ApiError, PkiError."""
    token = tokens.find_valid(request.current, cluster_id, request.warn_days)
    if not token:
        return None
    try:
        return validate_token(token, server, requirements)
    except ApiError as error:
        if error.status == UNAUTHORIZED:  # the ID is that of a valid token, but the secret is wrong
            return None
        raise


def create_token(tokens, request, requirements, cluster_id, server):
    """The TokenAccess with a new token, which is deleted if it does not work. Raises RancherError, ApiError, PkiError."""
    token = tokens.create(cluster_id, request.days)
    try:
        return validate_token(token, server, requirements)
    except (ApiError, PkiError):
        tokens.delete([token["id"]])
        raise


def validate_token(token, server, requirements):
    """The TokenAccess with a token (dict as in /v3/tokens, with its secret). Raises ApiError, PkiError."""
    identity = Identity("token", token=token["token"], token_expires=expiry_date(token))
    access = Access(identity, server, None, "a token of Rancher for this cluster only")
    return TokenAccess(validate(access, requirements), token["id"])
