# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificates that a distribution keeps on a node, and RKE1's stored state that they open.

Sources: rancher/rke @v1.3.3 pki/util.go (names), cluster/state.go (full-cluster-state); rancher/rke2 and k3s-io/k3s
pkg/daemons/control/deps (names below server/tls), pkg/agent/config (below agent); kubernetes.io/docs, "PKI certificates and
requirements" (kubeadm).
"""
import base64
import binascii
import json
import os
import re
import stat
import subprocess
import tempfile

from ansible_collections.fay.rancher.plugins.module_utils import _files
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.certificates import CertificateError

STATE_PATH = "/api/v1/namespaces/kube-system/%s/full-cluster-state"
NODE = {"rke1": "kube-node", "rke2": "client-kubelet", "k3s": "client-kubelet", "kubeadm": "kubelet"}  # who each node is to the API
STATE_READER = NODE["rke1"]  # RKE1 binds its group to what reads everything but logs
DIRECTORIES = ("/etc/kubernetes/ssl", "/var/lib/rancher/rke2", "/var/lib/rancher/k3s", "/etc/kubernetes")
KUBELET = "/var/lib/kubelet/pki/kubelet-client-current.pem"  # kubeadm: certificate and key in one file
# The strongest first; `admin` is kube-admin of RKE1's stored state, or the administrator's certificate of the others.
PREFERENCE = ("admin", "kube-node", "kube-controller-manager", "client-kubelet", "kubelet", "client-controller",
              "kube-scheduler", "client-scheduler", "kube-proxy", "client-kube-proxy")
# What signs the API server's client certificate for extensions, and etcd's certificates where RKE1's one CA does not.
AUTHORITIES = ("kube-apiserver-requestheader-ca.pem",
               "server/tls/request-header-ca.crt", "server/tls/etcd/server-ca.crt", "server/tls/etcd/peer-ca.crt",
               "pki/front-proxy-ca.crt", "pki/etcd/ca.crt")
# What RBAC gives each user of a cluster by default, and RKE1 gives the group system:nodes: measured, see docs/kubectl.md.
RIGHTS = {
    "system:masters": "everything",
    "system:nodes": "reads everything but logs on RKE1, which binds the group to ClusterRole system:node; elsewhere what concerns "
                    "the node's own pods",
    "system:kube-controller-manager": "reads everything but logs",
    "system:kube-scheduler": "reads nodes and pods; no secrets, no configmaps, no logs",
    "system:kube-proxy": "reads nodes, services and endpoints only",
}


class PkiError(Exception):
    """Says what is missing on the node, and what to do."""


class RefusedError(PkiError):
    """Names the path that the running user may not read: whether anything is there is unknown."""


def exists(path):
    """Whether something is at a path. Raises RefusedError where the running user may not look."""
    return status(path) is not None


def is_directory(path):
    """Whether a path leads to a directory. Raises RefusedError where the running user may not look."""
    found = status(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def status(path):
    try:
        return _files.status(path)
    except PermissionError as error:
        raise refused(path, error)


def refused(path, error):
    """The RefusedError for a PermissionError."""
    return RefusedError("%s cannot be read: %s. Root is required: run the module as root (become: true)" % (path, error.strerror))


class Layout:
    """Where a distribution keeps what an identity needs.

    kind: rke1, rke2, k3s or kubeadm. authority: path of the certificate of the CA that signs the API server's. signer: the same for
    its clients'; signer_key: path of its key, which control plane nodes have. certificates: {name: (certificate path, key path)},
    without the signer's; identities: those that `clients` names, the API server's clients. admin: the name that `admin` stands for;
    None on RKE1, and where there is none. kubeconfig: path of one that names a server, or None.
    """

    def __init__(self, kind, directory, authority, signer, certificates, clients, admin=None, kubeconfig=None):
        self.kind, self.directory, self.authority, self.signer = kind, directory, authority, signer
        self.certificates = {name: pair for name, pair in certificates.items() if pair[0] != signer}
        self.identities = {name: pair for name, pair in self.certificates.items() if name in clients}
        self.signer_key = re.sub(r"\.(pem|crt)$", lambda match: {"pem": "-key.pem", "crt": ".key"}[match.group(1)], signer)
        self.admin = admin if admin in self.identities else None
        self.kubeconfig = kubeconfig if kubeconfig and exists(kubeconfig) else None

    def authorities(self):
        """Paths of all CAs: the one of the clients, that of the API server, of the aggregation layer and of etcd."""
        paths = [self.signer, self.authority] + [os.path.join(self.directory, name) for name in AUTHORITIES]
        return [path for path in dict.fromkeys(paths) if exists(path)]


def rights(certificate):
    """What a decoded client certificate may do by default; empty where it is not known."""
    names = _certificates.organizations(certificate["subject"]) + [_certificates.common_name(certificate["subject"])]
    return next((RIGHTS[name] for name in names if name in RIGHTS), "")


def roles(found):
    """The roles of a node as the files of a Layout tell them: controlplane, etcd, else worker."""
    seen = []
    if exists(found.signer_key):
        seen.append("controlplane")
    if found.kind == "rke1":
        addresses = [name for name in found.identities if name.startswith("kube-etcd-") and "-client" not in name]
        etcd = bool(addresses)
    else:
        # RKE2 and K3s make etcd's certificates on every server; its data are where it runs (k3s-io/k3s pkg/etcd/etcd.go DBDir).
        folder = "pki/etcd" if found.kind == "kubeadm" else "server/db/etcd"
        etcd = is_directory(os.path.join(found.directory, folder))
    return seen + ["etcd"] * etcd or ["worker"]


def pairs(directory, certificate, key, below=""):
    """{name: (certificate, key)}: files of a directory, or of one `below` it, that end so, with their keys beside them."""
    directory = os.path.join(directory, below)
    try:
        names = os.listdir(directory) if is_directory(directory) else []
    except PermissionError as error:
        raise refused(directory, error)
    found = {}
    for name in sorted(names):
        stem = name[:-len(certificate)]
        if name.endswith(certificate) and not name.endswith(key) and stem + key in names:
            found[below + stem] = (os.path.join(directory, name), os.path.join(directory, stem + key))
    return found


def layout(directory=None):
    """The Layout of a directory, or of the first of DIRECTORIES that is one. Raises PkiError."""
    for path in [directory] if directory else DIRECTORIES:
        found = recognise(path)
        if found:
            return found
    if directory and is_directory(directory):
        raise PkiError("%s holds no certificates of RKE1, RKE2, K3s or kubeadm: neither kube-ca.pem nor server-ca.crt nor pki/ca.crt "
                       "is there" % directory)
    raise PkiError("%s does not exist: this host is in no cluster yet, or keeps its certificates elsewhere (pki_dir)" % (
        directory or " nor ".join(DIRECTORIES)))


def recognise(path):
    authority = os.path.join(path, "kube-ca.pem")
    if exists(authority):
        found = pairs(path, ".pem", "-key.pem")
        return Layout("rke1", path, authority, authority, found, found)
    server, agent = os.path.join(path, "server", "tls"), os.path.join(path, "agent")
    for authority in (os.path.join(server, "server-ca.crt"), os.path.join(agent, "server-ca.crt")):
        if exists(authority):
            found = dict(pairs(agent, ".crt", ".key"), **pairs(server, ".crt", ".key"))
            found.update(pairs(server, ".crt", ".key", "etcd/"))
            clients = [name for name in found if name.startswith("client-") and not name.endswith("-ca")]
            return Layout("k3s" if "k3s" in os.path.basename(path.rstrip("/")) else "rke2", path, authority,
                          os.path.join(os.path.dirname(authority), "client-ca.crt"), found, clients, "client-admin",
                          os.path.join(agent, "kubelet.kubeconfig"))
    authority = os.path.join(path, "pki", "ca.crt")
    if exists(authority):
        folder = os.path.dirname(authority)
        found = dict(pairs(folder, ".crt", ".key"), **pairs(folder, ".crt", ".key", "etcd/"))
        if exists(KUBELET):
            found["kubelet"] = (KUBELET, KUBELET)
        return Layout("kubeadm", path, authority, authority, found, ["apiserver-kubelet-client", "kubelet"],
                      "apiserver-kubelet-client", os.path.join(path, "kubelet.conf"))
    return None


def read(path):
    """A PEM file's text. Raises PkiError."""
    try:
        with open(path, encoding="ascii", errors="replace") as source:
            return source.read()
    except PermissionError as error:
        raise refused(path, error)
    except OSError as error:
        raise PkiError("%s cannot be read: %s" % (path, error.strerror))


class Identity:
    """Who one is to the API.

    name: str. certificate, key: PEM texts. paths: {client-certificate, client-key} where they are files of the node, else None.
    """

    def __init__(self, name, certificate, key, paths=None):
        self.name, self.certificate, self.key, self.paths = name, certificate, key, paths

    def user(self, embed):
        """The user's fields in a kubeconfig."""
        if self.paths and not embed:
            return dict(self.paths)
        return {"client-certificate-data": encoded(self.certificate), "client-key-data": encoded(self.key)}


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def decoded(text):
    return base64.b64decode(text).decode("ascii", "replace")


def identity(found, name):
    """One of a Layout's identities by its certificate's name. Raises PkiError."""
    if name not in found.identities:
        raise PkiError("%s has no certificate %s with a key. It has: %s" % (
            found.directory, name, ", ".join(sorted(found.identities)) or "none"))
    certificate, key = found.identities[name]
    return Identity(name, read(certificate), read(key), {"client-certificate": certificate, "client-key": key})


def check(one, authority, authority_text, where):
    """Hold an Identity against its own key, today's date and the CA; returns its decoded certificate. Raises PkiError.

    authority: path or None, authority_text: PEM, or None where it is not known who signed. where: what the messages call it.
    """
    try:
        certificate = _certificates.decode(one.certificate)
        if not _certificates.key_matches(one.certificate, one.key):
            raise PkiError("The key of %s does not belong to its certificate (%s)" % (
                where, _certificates.written(certificate["subject"])))
        signer = _certificates.decode(authority_text) if authority_text else None
    except CertificateError as error:
        raise PkiError("%s cannot be used: %s" % (where, error))
    if _certificates.days_until(certificate["not_after"]) < 0:
        raise PkiError("The certificate of %s has expired on %s. Renew the cluster's certificates" % (
            where, certificate["not_after"].strftime("%Y-%m-%d")))
    if signer and (certificate["issuer"] != signer["subject"] or signed(one.certificate, authority_text) is False):
        raise PkiError("The certificate of %s is not signed by the cluster's CA %s (%s), but by %s" % (
            where, authority or "", _certificates.written(signer["subject"]), _certificates.written(certificate["issuer"])))
    return certificate


def signed(certificate, authority):
    """Whether openssl verifies the signature: bool, or None if openssl cannot be started."""
    with _certificates.as_files(authority, certificate) as paths:
        try:
            return subprocess.call(["openssl", "verify", "-partial_chain", "-CAfile"] + paths, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
        except OSError:
            return None


def mint(found, subject, days):
    """A new Identity, signed with the key of the cluster's CA on a control plane node. Raises PkiError.

    subject: as openssl takes it. It never touches the CA's own files: the serial number is random.
    """
    if not exists(found.signer_key):
        raise PkiError("%s does not exist: only control plane nodes have the CA's key. Mint on one of them" % found.signer_key)
    with tempfile.TemporaryDirectory() as folder:
        key, request = os.path.join(folder, "key"), os.path.join(folder, "request")
        extensions = os.path.join(folder, "extensions")
        with open(extensions, "w") as target:
            target.write("keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=clientAuth\n")
        openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", subject)
        certificate = openssl("x509", "-req", "-in", request, "-CA", found.signer, "-CAkey", found.signer_key, "-days", str(days),
                              "-sha256", "-extfile", extensions, "-set_serial", "0x" + binascii.hexlify(os.urandom(16)).decode())
        return Identity("mint", certificate, read(key))


def openssl(*arguments):
    """Its standard output. Raises PkiError."""
    try:
        process = subprocess.Popen(("openssl",) + arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise PkiError("A certificate is made with openssl, and it cannot be started (%s). Install it" % error.strerror)
    out, err = process.communicate()
    if process.returncode:
        raise PkiError("`openssl %s` failed: %s" % (arguments[0], " ".join(err.decode("utf-8", "replace").split())))
    return out.decode("ascii", "replace")


def state(api):
    """kube-admin's kubeconfig from RKE1's stored state, as text: the Secret first, else the ConfigMap.

    api: a _kube_api.Api of an identity that may read them (kube-node may). Raises PkiError where there is no such state, and ApiError.
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
            raise PkiError("full-cluster-state in kube-system holds no kubeconfig of kube-admin")
    raise PkiError("The cluster has no full-cluster-state in kube-system: it was not made by RKE1, or its state was "
                   "deleted. Choose one of the node's own identities instead")
