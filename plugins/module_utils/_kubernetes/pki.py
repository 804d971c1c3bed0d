# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that RKE1, RKE2, K3s and kubeadm keep on a node. Private to the collection.

Sources of the paths: rancher/rke @v1.3.3 pki/util.go; rancher/rke2 and k3s-io/k3s pkg/daemons/control/deps (below server/tls) and
pkg/agent/config (below agent); kubernetes.io/docs, "PKI certificates and requirements" (kubeadm).
"""
import os
import re
import stat
from typing import NamedTuple

from ansible_collections.fay.rancher.plugins.module_utils import _files
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates

DIRECTORIES = ("/etc/kubernetes/ssl", "/var/lib/rancher/rke2", "/var/lib/rancher/k3s", "/etc/kubernetes")
KUBELET_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"  # kubeadm: certificate and key in one file
# The identity of each node: distribution → name of its certificate.
NODE_IDENTITIES = {"rke1": "kube-node", "rke2": "client-kubelet", "k3s": "client-kubelet", "kubeadm": "kubelet"}
STATE_READER = NODE_IDENTITIES["rke1"]  # RKE1 binds its group to ClusterRole system:node, which reads everything but logs
# CAs that signed other certificates: the API server's client certificate for extensions, and etcd's.
OTHER_AUTHORITIES = ("kube-apiserver-requestheader-ca.pem",
                     "server/tls/request-header-ca.crt", "server/tls/etcd/server-ca.crt", "server/tls/etcd/peer-ca.crt",
                     "pki/front-proxy-ca.crt", "pki/etcd/ca.crt")
# Permissions by user or group: the default roles of Kubernetes and the bindings of RKE1, measured; see docs/kubectl.md.
DEFAULT_RIGHTS = {
    "system:masters": "everything",
    "system:nodes": "reads everything but logs on RKE1, which binds the group to ClusterRole system:node; elsewhere what concerns "
                    "the node's own pods",
    "system:kube-controller-manager": "reads everything but logs",
    "system:kube-scheduler": "reads nodes and pods; no secrets, no configmaps, no logs",
    "system:kube-proxy": "reads nodes, services and endpoints only",
}


class PkiError(Exception):
    """A certificate, a key or the stored state of a cluster is missing or not valid."""


class UnreadableError(PkiError):
    """The running user may not read a path, so it is unknown whether it exists."""


class Layout(NamedTuple):
    """Where a distribution keeps the certificates of a node. Paths are str."""

    kind: str  # rke1, rke2, k3s or kubeadm
    directory: str
    authority: str  # certificate of the CA that signed the API server's certificate
    signer: str  # certificate of the CA that signs the API server's clients
    certificates: dict  # {name: (certificate, key)}, without the signer's
    identities: dict  # those of `certificates` that are clients of the API server
    admin: str  # name of the administrator's certificate; None on RKE1 and on nodes without one
    kubeconfig: str  # path of the agent's kubeconfig, which contains a server; None without one

    @property
    def signer_key(self):
        """Path of the signer's key, which exists on control plane nodes only."""
        return re.sub(r"\.(pem|crt)$", lambda match: {"pem": "-key.pem", "crt": ".key"}[match.group(1)], self.signer)


def build_layout(kind, directory, authority, signer, certificates, identity_names, admin=None, kubeconfig=None):
    """The Layout for the pairs {name: (certificate, key)} of a node; `identity_names` are those of the API server's clients.

    admin, kubeconfig: used only if they exist on this node. Raises UnreadableError.
    """
    certificates = {name: pair for name, pair in certificates.items() if pair[0] != signer}
    identities = {name: pair for name, pair in certificates.items() if name in identity_names}
    return Layout(kind, directory, authority, signer, certificates, identities,
                  admin=admin if admin in identities else None,
                  kubeconfig=kubeconfig if kubeconfig and exists(kubeconfig) else None)


def find_layout(directory=None):
    """The Layout of a directory, or of the first of DIRECTORIES that contains certificates. Raises PkiError."""
    for path in [directory] if directory else DIRECTORIES:
        layout = detect_rke1(path) or detect_rke2_or_k3s(path) or detect_kubeadm(path)
        if layout:
            return layout
    if directory and is_directory(directory):
        raise PkiError("%s contains no certificates of RKE1, RKE2, K3s or kubeadm: one of kube-ca.pem, server-ca.crt and pki/ca.crt is "
                       "required" % directory)
    problem = "%s does not exist" % directory if directory else "There are no certificates in %s" % ", ".join(DIRECTORIES)
    raise PkiError("%s: this host has not joined a cluster yet, or keeps its certificates in another directory. Join a cluster, or set "
                   "that directory (pki_dir; path of cluster_pki_info)" % problem)


def detect_rke1(directory):
    """The Layout of RKE1, or None. Raises UnreadableError."""
    authority = os.path.join(directory, "kube-ca.pem")
    if not exists(authority):
        return None
    pairs = certificate_pairs(directory, ".pem", "-key.pem")
    return build_layout("rke1", directory, authority, authority, pairs, list(pairs))


def detect_rke2_or_k3s(directory):
    """The Layout of a server or an agent of RKE2 or K3s, or None. Raises UnreadableError."""
    server, agent = os.path.join(directory, "server", "tls"), os.path.join(directory, "agent")
    folder = next((path for path in (server, agent) if exists(os.path.join(path, "server-ca.crt"))), None)
    if folder is None:
        return None
    pairs = certificate_pairs(agent, ".crt", ".key")
    pairs.update(certificate_pairs(server, ".crt", ".key"))
    pairs.update(certificate_pairs(server, ".crt", ".key", "etcd/"))
    clients = [name for name in pairs if name.startswith("client-") and not name.endswith("-ca")]
    kind = "k3s" if "k3s" in os.path.basename(directory.rstrip("/")) else "rke2"
    return build_layout(kind, directory, os.path.join(folder, "server-ca.crt"), os.path.join(folder, "client-ca.crt"), pairs, clients,
                        admin="client-admin", kubeconfig=os.path.join(agent, "kubelet.kubeconfig"))


def detect_kubeadm(directory):
    """The Layout of kubeadm, or None. Raises UnreadableError."""
    folder = os.path.join(directory, "pki")
    authority = os.path.join(folder, "ca.crt")
    if not exists(authority):
        return None
    pairs = certificate_pairs(folder, ".crt", ".key")
    pairs.update(certificate_pairs(folder, ".crt", ".key", "etcd/"))
    if exists(KUBELET_CERTIFICATE):
        pairs["kubelet"] = (KUBELET_CERTIFICATE, KUBELET_CERTIFICATE)
    return build_layout("kubeadm", directory, authority, authority, pairs, ["apiserver-kubelet-client", "kubelet"],
                        admin="apiserver-kubelet-client", kubeconfig=os.path.join(directory, "kubelet.conf"))


def certificate_pairs(directory, certificate_suffix, key_suffix, prefix=""):
    """{name: (certificate, key)} of the certificates in a directory whose key is in the same directory.

    prefix: str, a subdirectory (`etcd/`), which is also the beginning of the names. Raises UnreadableError.
    """
    directory = os.path.join(directory, prefix)
    try:
        files = os.listdir(directory) if is_directory(directory) else []
    except PermissionError as error:
        raise unreadable_error(directory, error)
    pairs = {}
    for file in sorted(files):
        stem = file[:-len(certificate_suffix)]
        if file.endswith(certificate_suffix) and not file.endswith(key_suffix) and stem + key_suffix in files:
            pairs[prefix + stem] = (os.path.join(directory, file), os.path.join(directory, stem + key_suffix))
    return pairs


def authority_paths(layout):
    """Paths of a node's CA certificates: for clients, the API server, API extensions and etcd. Raises UnreadableError."""
    paths = [layout.signer, layout.authority] + [os.path.join(layout.directory, name) for name in OTHER_AUTHORITIES]
    return [path for path in dict.fromkeys(paths) if exists(path)]


def node_roles(layout):
    """The roles of a node according to its files: `controlplane` and `etcd` if it has them, else `worker`. Raises UnreadableError."""
    roles = []
    if exists(layout.signer_key):
        roles.append("controlplane")
    if has_etcd(layout):
        roles.append("etcd")
    return roles or ["worker"]


def has_etcd(layout):
    """Whether etcd runs on the node according to its files. Raises UnreadableError."""
    if layout.kind == "rke1":  # kube-etcd-ADDRESS, on etcd hosts only: rancher/rke @v1.3.3 pki/deploy.go
        return any(name.startswith("kube-etcd-") and "-client" not in name for name in layout.identities)
    # RKE2 and K3s create etcd's certificates on every server, but its data only where it runs (k3s-io/k3s pkg/etcd/etcd.go DBDir).
    folder = "pki/etcd" if layout.kind == "kubeadm" else "server/db/etcd"
    return is_directory(os.path.join(layout.directory, folder))


def default_rights(certificate):
    """What a decoded client certificate may do by default (str); empty if it is not known."""
    names = _certificates.organizations(certificate["subject"]) + [_certificates.common_name(certificate["subject"])]
    return next((DEFAULT_RIGHTS[name] for name in names if name in DEFAULT_RIGHTS), "")


def exists(path):
    """Whether a path exists. Raises UnreadableError."""
    return status(path) is not None


def is_directory(path):
    """Whether a path is a directory. Raises UnreadableError."""
    info = status(path)
    return info is not None and stat.S_ISDIR(info.st_mode)


def status(path):
    """The os.stat_result of a path, or None. Raises UnreadableError."""
    try:
        return _files.status(path)
    except PermissionError as error:
        raise unreadable_error(path, error)


def unreadable_error(path, error):
    """The UnreadableError for a PermissionError."""
    return UnreadableError("%s cannot be read: %s. Run the module as root (become: true)" % (path, error.strerror))


def read_pem(path):
    """The text of a PEM file. Raises PkiError."""
    try:
        with open(path, encoding="ascii", errors="replace") as source:
            return source.read()
    except PermissionError as error:
        raise unreadable_error(path, error)
    except OSError as error:
        raise PkiError("%s cannot be read: %s" % (path, error.strerror))
