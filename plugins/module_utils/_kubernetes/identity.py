# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which identity, through which API server, with which rights: what goes into a kubeconfig, tried before it is written."""
import binascii

from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import api as _kube_api
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import pki as _pki
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.api import Api, ApiError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.certificates import CertificateError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig import KubeconfigError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import Identity, PkiError
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import RancherError
from ansible_collections.fay.rancher.plugins.module_utils._rancher.tokens import expiry_date

NODE_SERVER = "https://127.0.0.1:6443"  # or nginx-proxy there: rke @v1.3.3 services/nginxproxy.go
RIGHTS = ("get nodes", "get pods", "get pods/log", "get secrets", "get configmaps")  # what identities differ in


class Access:
    """An identity and the server at which it is somebody.

    identity: a _pki.Identity, or None with a token. token: str or None. authority: PEM, or None where the host's own CAs are
    trusted; authority_path: where that is a file of the node, else None. signer: PEM of the CA that signed the identity, or None
    where it is not known. token_ends: datetime (UTC), or None.
    """

    def __init__(self, identity, authority, server, authority_path=None, signer=None, token=None, tls_server_name=None, reason="",
                 token_ends=None):
        self.identity, self.authority, self.authority_path, self.server = identity, authority, authority_path, server
        self.token, self.tls_server_name, self.reason, self.token_ends = token, tls_server_name, reason, token_ends
        self.signer = signer
        self.version, self.rights, self.certificate, self.ca = None, {}, None, None

    def check(self):
        """What can be seen without asking anybody: key, dates, signature. Raises PkiError."""
        try:
            self.ca = _certificates.decode(self.signer or self.authority) if self.signer or self.authority else None
        except CertificateError as error:
            raise PkiError("The certificate of the cluster's CA %s cannot be used: %s" % (self.authority_path or "", error))
        if self.identity:
            where = (self.identity.paths or {}).get("client-certificate", "the identity %s" % self.identity.name)
            self.certificate = _pki.check(self.identity, self.authority_path, self.signer, where)

    def ask(self, wanted=(), namespace=None):
        """The API server, with this very identity. Raises ApiError where it may not do what is wanted (see Api.allowed)."""
        api = Api(self.server, self.authority, self.identity and self.identity.certificate, self.identity and self.identity.key,
                  self.token, self.tls_server_name)
        self.version = api.version()
        places = dict(dict.fromkeys(RIGHTS, ""), **dict.fromkeys(wanted, namespace or ""))
        self.rights = dict((right, api.allowed(right, place)) for right, place in places.items())
        missing = [right for right in wanted if not self.rights[right]]
        if missing:
            raise ApiError("The API server at %s says that the identity %s may not: %s. Choose another identity, or give it a role "
                           "in the cluster" % (self.server, self.name(), ", ".join(missing)))

    def prove(self, parameters):
        """Itself, checked, and asked where that is wanted; parameters as in find_access(). Raises PkiError, ApiError."""
        self.check()
        if parameters["verify"]:
            self.ask(parameters["rights"], parameters["namespace"])
        return self

    def name(self):
        return self.identity.name if self.identity else "token"

    def cluster(self, embed):
        """The cluster's fields in a kubeconfig."""
        fields = {"server": self.server}
        if self.authority_path and not embed:
            fields["certificate-authority"] = self.authority_path
        elif self.authority:
            fields["certificate-authority-data"] = _pki.encoded(self.authority)
        if self.tls_server_name:
            fields["tls-server-name"] = self.tls_server_name
        return fields

    def user(self, embed):
        """The user's fields in a kubeconfig."""
        return self.identity.user(embed) if self.identity else {"token": self.token}

    def ends(self):
        """{certificate, token, authority}: datetime (UTC) at which each that is there ends."""
        found = {"token": self.token_ends}
        for name, one in (("certificate", self.certificate), ("authority", self.ca)):
            found[name] = one and one["not_after"]
        return dict((name, end) for name, end in found.items() if end)

    def report(self):
        """What the module returns of it."""
        return {"identity": self.name(), "reason": self.reason, "server": self.server,
                "server_version": self.version, "rights": self.rights,
                "expires": dict((name, {"date": end.strftime("%Y-%m-%d"), "days": _certificates.days_until(end)})
                                for name, end in self.ends().items())}

    def warnings(self, days):
        whose = {"authority": "the cluster's CA", "certificate": "the identity " + self.name()}
        return ["The certificate of %s has %d days left, until %s. Renew the cluster's certificates" % (
            whose[name], _certificates.days_until(end), end.strftime("%Y-%m-%d"))
            for name, end in sorted(self.ends().items()) if name in whose and _certificates.days_until(end) < days]


def reach(servers, tls_server_name):
    """The first of some servers that answers with a certificate for its name. Raises ApiError."""
    problems = []
    for server in servers:
        try:
            certificate = _kube_api.serving_certificate(server, tls_server_name)
        except ApiError as error:
            problems.append(str(error))
            continue
        name = tls_server_name or _kube_api.address(server)[0]
        if _certificates.covers(certificate, name):
            return server
        problems.append("the certificate of %s is for %s and not for %s. Name another server, or one of these as tls_server_name" % (
            server, ", ".join(certificate["names"]) or "no name", name))
    raise ApiError("; ".join(problems))


def find_access(parameters, current, names, check_mode=False):
    """The Access that is asked for, checked and asked; None in check mode on a host that has no certificates yet.

    parameters: those of the module kubeconfig. current: the file as data; names: {cluster, user, context} in it. Raises PkiError,
    ApiError, KubeconfigError.
    """
    if parameters["content"]:
        access = of_content(parameters)
    else:
        try:
            found = _pki.layout(parameters["pki_dir"])
        except PkiError as error:
            if check_mode and not isinstance(error, _pki.RefusedError):
                return None
            raise
        seek = Seeker(found, parameters, current, names)
        if parameters["identity"] == "auto":
            return seek.strongest()
        access = seek.named(parameters["identity"])
    return access.prove(parameters)


def through_rancher(parameters, current, names, tokens, check_mode=False):
    """(an Access with the file's own token in Rancher, checked and asked; the token's id).

    tokens: the _tokens.Tokens of the file; current and names as in find_access(). A token that is no longer good is replaced by a
    new one; in check mode by none. Raises RancherError, ApiError, PkiError.
    """
    client, wanted = tokens.client, parameters["rancher"]
    name = wanted["cluster"] or names["cluster"]
    cluster = client.cluster(name)
    if cluster is None:
        raise RancherError("Rancher at %s shows this user no cluster %s. Correct the name, or make the user a member of the cluster"
                           % (client.url, name))
    authority = client.setting("cacerts") or None  # none where the certificate is publicly trusted
    server = "%s/k8s/clusters/%s" % (client.url, cluster["id"])

    def tried(token):
        access = Access(None, authority, server, token=token["token"], reason="a token of Rancher's for this cluster only",
                        token_ends=expiry_date(token))
        return access.prove(parameters), token["id"]

    user = _kubeconfig.entry(current, "users", "user", names["user"]) or {}
    token = tokens.find_valid(user.get("token"), cluster["id"], parameters["warn_days"])
    if token:
        try:
            return tried(token)
        except ApiError as error:
            if error.status != 401:  # it is Rancher's, with another key
                raise
    if check_mode:
        return Access(None, authority, server, token="", reason="a new token would be made"), None
    token = tokens.create(cluster["id"], wanted["days"])
    try:
        return tried(token)
    except (ApiError, PkiError):
        tokens.delete([token["id"]])
        raise


class Seeker:
    """Finds identities on a node. Arguments as in find_access(); found: a _pki.Layout."""

    def __init__(self, found, parameters, current, names):
        self.found, self.parameters, self.current, self.names = found, parameters, current, names

    def servers(self):
        """Addresses of the API server, in the order in which they are tried."""
        wanted = self.parameters["server"] or ["node"]
        return [address for server in wanted for address in (self.own_servers() if server == "node" else [server])]

    def own_servers(self):
        """Where the node itself reaches the API server: what listens on its loopback, then what its agent uses."""
        agent = _kubeconfig.parse(_pki.read(self.found.kubeconfig)) if self.found.kubeconfig else {"clusters": []}
        found = [(item.get("cluster") or {}).get("server") for item in agent["clusters"]]
        return list(dict.fromkeys([NODE_SERVER] + [server for server in found if server]))

    def server(self):
        servers = self.servers()
        return reach(servers, self.parameters["tls_server_name"]) if self.parameters["verify"] else servers[0]

    def of(self, identity, reason):
        return Access(identity, _pki.read(self.found.authority), self.server(), self.found.authority, _pki.read(self.found.signer),
                      tls_server_name=self.parameters["tls_server_name"], reason=reason)

    def named(self, name):
        if name == "mint":
            return self.of(self.minted(), "made with the CA's key; it cannot be revoked")
        if name == "admin" and self.found.kind == "rke1":
            return self.stored()
        if name == "admin" and not self.found.admin:
            raise PkiError("%s has no administrator's certificate: only servers (control plane nodes) of %s have it. Run on one of "
                           "them, or choose one of this node's identities: %s" % (
                               self.found.directory, self.found.kind, ", ".join(sorted(self.found.identities)) or "none"))
        if name == "admin":
            return self.of(_pki.identity(self.found, self.found.admin), "the administrator's certificate of this server")
        if name == "node":
            return self.of(_pki.identity(self.found, _pki.NODE[self.found.kind]), "the node's own")
        return self.of(_pki.identity(self.found, name), "asked for by name")

    def stored(self):
        """kube-admin of RKE1's stored state, read with the node's own certificate."""
        node = _pki.identity(self.found, _pki.STATE_READER)
        server = reach(self.servers(), self.parameters["tls_server_name"])
        authority = _pki.read(self.found.authority)
        api = Api(server, authority, node.certificate, node.key, tls_server_name=self.parameters["tls_server_name"])
        access = of_data(_kubeconfig.parse(_pki.state(api)), "admin")
        access.server, access.tls_server_name, access.signer = server, self.parameters["tls_server_name"], access.authority
        access.reason = "the cluster's administrator, from its stored state"
        return access

    def strongest(self):
        """The first of the node's identities, strongest first, that the API server accepts. Raises PkiError."""
        problems = []
        others = [name for name in sorted(self.found.identities) if name not in _pki.PREFERENCE]
        for name in list(_pki.PREFERENCE) + others:
            if name != "admin" and name not in self.found.identities:
                continue
            try:
                access = self.named(name)
                access.check()
                access.ask(self.parameters["rights"], self.parameters["namespace"])
            except (PkiError, ApiError) as error:
                problems.append("%s: %s" % (name, error))
                continue
            access.reason = "the strongest that the API server accepts%s" % (
                "; not " + "; not ".join(problems) if problems else "")
            return access
        raise PkiError("The API server accepts none of this node's identities. %s" % "; ".join(problems))

    def minted(self):
        """The one that is in the file already, while it is good; else a new one."""
        wanted = self.parameters["mint"]
        user = _kubeconfig.entry(self.current, "users", "user", self.names["user"]) or {}
        try:
            old = Identity("mint", _pki.decoded(user["client-certificate-data"]), _pki.decoded(user["client-key-data"]))
            certificate = _pki.check(old, self.found.signer, _pki.read(self.found.signer), "the identity in the file")
            subject = "".join("/%s=%s" % pair for pair in certificate["subject"])
            if subject == wanted["subject"] and _certificates.days_until(certificate["not_after"]) >= min(
                    self.parameters["warn_days"], wanted["days"] - 1):
                return old
        except (KeyError, TypeError, ValueError, PkiError, CertificateError):
            pass
        return _pki.mint(self.found, wanted["subject"], wanted["days"])


def of_content(parameters):
    """The current context of another kubeconfig."""
    given = _kubeconfig.parse(parameters["content"])
    access = of_data(given, "content")
    access.signer = signer_of(access.identity, access.authority)
    servers = parameters["server"] or [access.server]
    access.tls_server_name = parameters["tls_server_name"] or access.tls_server_name
    access.server = reach(servers, access.tls_server_name) if parameters["verify"] else servers[0]
    access.reason = "the current context of the kubeconfig that was given"
    return access


def signer_of(identity, authority):
    """The CA (PEM) of a kubeconfig where its client certificate says that it signed it; else None.

    The clients of RKE2 and K3s have a CA of their own, which no kubeconfig tells: only the API server knows whether it is theirs.
    """
    try:
        if not identity or not authority or (
                _certificates.decode(identity.certificate)["issuer"] != _certificates.decode(authority)["subject"]):
            return None
    except CertificateError:
        pass  # Access.check() tells of it
    return authority


def of_data(given, name):
    """The Access in a kubeconfig as data: its current context, or its only one. Raises KubeconfigError."""
    contexts = [item["name"] for item in given["contexts"]]
    current = given.get("current-context") or (contexts[0] if len(contexts) == 1 else None)
    context = _kubeconfig.entry(given, "contexts", "context", current) or {}
    cluster = _kubeconfig.entry(given, "clusters", "cluster", context.get("cluster")) or {}
    user = _kubeconfig.entry(given, "users", "user", context.get("user")) or {}
    if not cluster.get("server"):
        raise KubeconfigError("the kubeconfig that was given has no current context with a server")
    identity = None
    certificate, key = field(user, "client-certificate"), field(user, "client-key")
    if certificate and key:
        identity = Identity(name, certificate, key)
    elif not user.get("token"):
        raise KubeconfigError("the user of the kubeconfig that was given has neither certificate and key nor a token")
    authority = field(cluster, "certificate-authority")  # none where the server's certificate is publicly trusted
    return Access(identity, authority, cluster["server"], token=user.get("token"), tls_server_name=cluster.get("tls-server-name"))


def field(fields, name):
    """A PEM text that stands in a kubeconfig as data or as a path; None where neither is there. Raises PkiError."""
    if fields.get(name + "-data"):
        try:
            return _pki.decoded(fields[name + "-data"])
        except (binascii.Error, ValueError, TypeError):
            raise KubeconfigError("its %s-data is no base64" % name)
    return _pki.read(fields[name]) if fields.get(name) else None
