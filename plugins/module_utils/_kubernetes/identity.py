# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the identity for a kubeconfig: on a node, in RKE1's stored state, or in another kubeconfig. Private to the collection."""
import base64
import json
from typing import NamedTuple

from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import openssl as _openssl
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import pki as _pki
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.access import (
    Access,
    Identity,
    Server,
    ServerRequest,
    check_identity,
    choose_server,
    decode,
    first_reachable_server,
    validate,
)
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.api import Api, ApiError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.certificates import CertificateError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig import KubeconfigError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError
from ansible_collections.fay.rancher.plugins.module_utils._secrets import repr_of

LOOPBACK_SERVER = "https://127.0.0.1:6443"  # API server, or RKE1's nginx-proxy: rancher/rke @v1.3.3 services/nginxproxy.go
# RKE1's stored state, a Secret or a ConfigMap: rancher/rke @v1.3.3 cluster/state.go.
STATE_PATH = "/api/v1/namespaces/kube-system/%s/full-cluster-state"
# Names of identities, strongest first. `admin` is kube-admin of RKE1's stored state, or the administrator's certificate elsewhere.
BY_STRENGTH = ("admin", "kube-node", "kube-controller-manager", "client-kubelet", "kubelet", "client-controller",
               "kube-scheduler", "client-scheduler", "kube-proxy", "client-kube-proxy")


class MintRequest(NamedTuple):
    """A certificate to create, from the options `mint` and `warn_days`."""

    subject: str  # as openssl expects it
    days: int  # lifetime
    warn_days: int  # it is replaced if it expires sooner
    current_user: dict  # the fields of the user in the file, which may contain an earlier certificate

    __repr__ = repr_of("subject", "days", "warn_days")


class NodeIdentityFinder:
    """Finds identities on a node.

    layout: a Layout. server_request: a ServerRequest, in which `node` stands for the servers that the node itself uses; without URLs,
    only these are used. requirements: Requirements. mint: a MintRequest or None.
    """

    def __init__(self, layout, server_request, requirements, mint=None):
        self.layout, self.requirements, self.mint = layout, requirements, mint
        self.server_request = ServerRequest(tuple(self.expand_urls(server_request.urls or ("node",))), server_request.tls_server_name)

    def expand_urls(self, urls):
        """The URLs, with `node` replaced by the URLs that the node itself uses. Raises PkiError."""
        return [expanded for url in urls for expanded in (self.node_servers() if url == "node" else [url])]

    def node_servers(self):
        """URLs at which the node itself reaches an API server: its loopback address, then those in its agent's kubeconfig.

        Raises PkiError.
        """
        path = self.layout.kubeconfig
        agent = parse_kubeconfig(_pki.read_pem(path), path) if path else _kubeconfig.empty()
        urls = [(item.get("cluster") or {}).get("server") for item in agent["clusters"]]
        return list(dict.fromkeys([LOOPBACK_SERVER] + [url for url in urls if url]))

    def find(self, name):
        """The VerifiedAccess for the option `identity`. Raises PkiError, ApiError."""
        if name == "auto":
            return self.find_strongest()
        return validate(self.find_by_name(name), self.requirements)

    def find_by_name(self, name):
        """The Access for any value of the option `identity` except `auto`. Raises PkiError, ApiError."""
        if name == "admin" and self.layout.kind == "rke1":
            return self.load_stored_admin()
        identity, reason = self.choose_identity(name)
        authority, signer = _pki.read_pem(self.layout.authority), _pki.read_pem(self.layout.signer)
        url = choose_server(self.server_request, self.requirements.verify)
        return Access(identity, Server(url, authority, self.layout.authority, self.server_request.tls_server_name), signer, reason)

    def choose_identity(self, name):
        """(Identity, reason for the user) from the files of the node. Raises PkiError."""
        if name == "mint":
            return self.reuse_or_mint(), "signed with the CA's key; it cannot be revoked"
        if name == "admin":
            if not self.layout.admin:
                raise PkiError("%s has no administrator's certificate: only servers (control plane nodes) of %s have it. Run the module "
                               "on one of them, or choose one of this node's identities: %s" % (
                                   self.layout.directory, self.layout.kind, ", ".join(sorted(self.layout.identities)) or "none"))
            return load_identity(self.layout, self.layout.admin), "the administrator's certificate of this server"
        if name == "node":
            return load_identity(self.layout, _pki.NODE_IDENTITIES[self.layout.kind]), "the node's own identity"
        return load_identity(self.layout, name), "chosen by name"

    def load_stored_admin(self):
        """The Access with kube-admin of RKE1's stored state, which the node's own certificate can read.

        Raises PkiError, ApiError.
        """
        node = load_identity(self.layout, _pki.STATE_READER)
        url = first_reachable_server(self.server_request)
        tls_server_name = self.server_request.tls_server_name
        api = Api(url, _pki.read_pem(self.layout.authority), node.certificate, node.key, tls_server_name=tls_server_name)
        identity, server = parse_context(stored_admin_kubeconfig(api), "The kubeconfig in full-cluster-state", "admin")
        return Access(identity, Server(url, server.authority, tls_server_name=tls_server_name), server.authority,
                      "the cluster's administrator, from its stored state")

    def find_strongest(self):
        """The VerifiedAccess with the first of the node's identities, strongest first, that fulfills the requirements.

        The API server is queried even without `verify`. Raises PkiError.
        """
        requirements = self.requirements._replace(verify=True)
        problems = []
        for name in self.names_by_strength():
            try:
                verified = validate(self.find_by_name(name), requirements)
            except (PkiError, ApiError) as error:
                problems.append("%s: %s" % (name, error))
                continue
            reason = "the strongest identity that the API server accepts"
            if problems:
                reason += "; not " + "; not ".join(problems)
            return verified._replace(access=verified.access._replace(reason=reason))
        raise PkiError("The API server accepts none of this node's identities. %s" % "; ".join(problems))

    def names_by_strength(self):
        """The names of the identities that this node may have, strongest first."""
        known = [name for name in BY_STRENGTH if name == "admin" or name in self.layout.identities]
        return known + [name for name in sorted(self.layout.identities) if name not in BY_STRENGTH]

    def reuse_or_mint(self):
        """The identity in the file if it was signed for the same subject and remains valid, else a new one. Raises PkiError."""
        current = self.load_minted()
        if current:
            return current
        certificate, key = _openssl.create_client_certificate(self.layout, self.mint.subject, self.mint.days)
        return Identity("mint", certificate, key)

    def load_minted(self):
        """The identity in the file if it was signed for the same subject and remains valid, else None."""
        user = self.mint.current_user or {}
        try:
            identity = Identity("mint", decode(user["client-certificate-data"]), decode(user["client-key-data"]))
            certificate = check_identity(identity, _pki.read_pem(self.layout.signer))
        except (KeyError, TypeError, ValueError, PkiError):
            return None
        subject = "".join("/%s=%s" % pair for pair in certificate["subject"])
        days_needed = min(self.mint.warn_days, self.mint.days - 1)
        if subject != self.mint.subject or _certificates.days_until(certificate["not_after"]) < days_needed:
            return None
        return identity


def load_identity(layout, name):
    """The Identity with a certificate of a Layout. Raises PkiError."""
    if name not in layout.identities:
        raise PkiError("%s has no certificate %s with a key. It has: %s" % (
            layout.directory, name, ", ".join(sorted(layout.identities)) or "none"))
    certificate, key = layout.identities[name]
    return Identity(name, _pki.read_pem(certificate), _pki.read_pem(key), {"client-certificate": certificate, "client-key": key})


def stored_admin_kubeconfig(api):
    """kube-admin's kubeconfig (str) from RKE1's stored state: from the Secret if it exists, else from the ConfigMap.

    api: an Api with an identity that may read them, such as kube-node. Raises PkiError, ApiError.
    """
    for kind in ("secrets", "configmaps"):
        stored = api.get(STATE_PATH % kind)
        if stored is None:
            continue
        text = (stored.get("data") or {}).get("full-cluster-state", "")
        try:
            if kind == "secrets":
                text = base64.b64decode(text).decode()
            return json.loads(text)["currentState"]["certificatesBundle"]["kube-admin"]["config"]
        except (ValueError, KeyError, TypeError):
            raise PkiError("full-cluster-state in kube-system contains no kubeconfig of kube-admin. Choose one of the node's own "
                           "identities instead")
    raise PkiError("The cluster has no full-cluster-state in kube-system: RKE1 did not create it, or its state was deleted. Choose one "
                   "of the node's own identities instead")


def access_of_content(content, server_request, verify):
    """The Access in the current context of a kubeconfig (str). Raises PkiError, ApiError.

    server_request: a ServerRequest, which overrides the server and the TLS server name of the kubeconfig. verify: whether servers are
    tried.
    """
    identity, server = parse_context(content, "The kubeconfig in content", "content")
    request = ServerRequest(server_request.urls or (server.url,), server_request.tls_server_name or server.tls_server_name)
    server = server._replace(url=choose_server(request, verify), tls_server_name=request.tls_server_name)
    return Access(identity, server, signer_of(identity, server.authority), "the current context of the kubeconfig in content")


def signer_of(identity, authority):
    """The CA (PEM) of a kubeconfig if it is the issuer of the identity's certificate, else None.

    The clients of RKE2 and K3s have a separate CA, which no kubeconfig contains. Only the API server can verify them.
    """
    if not identity.certificate or not authority:
        return None
    try:
        issuer, subject = _certificates.decode(identity.certificate)["issuer"], _certificates.decode(authority)["subject"]
    except CertificateError:
        return authority  # validate() reports the damaged certificate
    return authority if issuer == subject else None


def parse_kubeconfig(text, label):
    """The data of a kubeconfig (str). label: its name in messages. Raises PkiError."""
    try:
        return _kubeconfig.parse(text)
    except KubeconfigError as error:
        raise PkiError("%s is not valid: %s" % (label, error))


def parse_context(text, label, name):
    """(Identity, Server) of the current context of a kubeconfig (str), or of its only one.

    label: str, the name of the kubeconfig in messages. name: str, of the Identity. Raises PkiError.
    """
    value = parse_kubeconfig(text, label)
    contexts = [item["name"] for item in value["contexts"]]
    current = value.get("current-context") or (contexts[0] if len(contexts) == 1 else None)
    context = _kubeconfig.find_entry(value, "contexts", "context", current) or {}
    cluster = _kubeconfig.find_entry(value, "clusters", "cluster", context.get("cluster")) or {}
    user = _kubeconfig.find_entry(value, "users", "user", context.get("user")) or {}
    if not cluster.get("server"):
        raise PkiError("%s has no current context with a server" % label)
    identity = parse_user(user, label, name)
    authority = read_field(cluster, "certificate-authority", label)  # none if a public CA signed the server's certificate
    return identity, Server(cluster["server"], authority, tls_server_name=cluster.get("tls-server-name"))


def parse_user(user, label, name):
    """The Identity in the fields of a user. label, name: as for parse_context(). Raises PkiError."""
    certificate, key = read_field(user, "client-certificate", label), read_field(user, "client-key", label)
    if certificate and key:
        return Identity(name, certificate, key, token=user.get("token"))
    if user.get("token"):
        return Identity("token", token=user["token"])
    raise PkiError("%s is not usable: its user has neither certificate and key nor a token" % label)


def read_field(fields, name, label):
    """The PEM text of a field that a kubeconfig contains as data or as a path; None without both. Raises PkiError."""
    if fields.get(name + "-data"):
        try:
            return decode(fields[name + "-data"])
        except (ValueError, TypeError):
            raise PkiError("%s is not valid: its %s-data is not base64" % (label, name))
    return _pki.read_pem(fields[name]) if fields.get(name) else None
