# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An identity at an API server, tested before it is written into a kubeconfig. Private to the collection.

An Identity and a Server make an Access, and a tested Access is a VerifiedAccess. Functions return new values and change no argument.
"""
import base64
import datetime
from typing import NamedTuple

from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import api as _api
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.api import Api, ApiError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.certificates import CertificateError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.openssl import is_signed_by
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError
from ansible_collections.fay.rancher.plugins.module_utils._secrets import repr_of

# Permissions in which the identities of a node differ; see docs/kubectl.md.
REPORTED_RIGHTS = ("get nodes", "get pods", "get pods/log", "get secrets", "get configmaps")


class Identity(NamedTuple):
    """A user of the API: a client certificate with its key, or a token."""

    name: str
    certificate: str = None  # PEM
    key: str = None  # PEM
    paths: dict = None  # {client-certificate, client-key} if they are files of the node, else None
    token: str = None
    token_expires: datetime.datetime = None  # aware; None for a token that never expires

    __repr__ = repr_of("name", "paths", "token_expires")


class Server(NamedTuple):
    """An API server and how its certificate is verified."""

    url: str
    authority: str = None  # PEM of the CA; None: the host's CAs are trusted
    authority_path: str = None  # path of the CA's certificate if it is a file of the node, else None
    tls_server_name: str = None  # the name in the certificate; None: the URL's host


class ServerRequest(NamedTuple):
    """Which API servers may be used, from the options `server` and `tls_server_name`."""

    urls: tuple = ()
    tls_server_name: str = None


class Requirements(NamedTuple):
    """What an access must fulfill, from the options `verify`, `rights` and `namespace`."""

    verify: bool = True  # whether the API server is queried
    rights: tuple = ()
    namespace: str = None  # None: all namespaces


class Access(NamedTuple):
    """An identity at a server."""

    identity: Identity
    server: Server
    signer: str  # PEM of the CA that signed the identity's certificate; None if it is not known
    reason: str  # why this identity was chosen, for the user


class VerifiedAccess(NamedTuple):
    """An access whose certificates were checked and, if `verify` was set, which the API server accepted."""

    access: Access
    expiry_dates: dict  # of `certificate`, `token` and `authority`, those that exist
    version: str = None  # of the cluster; None without a query
    rights: dict = None  # None without a query


def encode(text):
    """A PEM text (str) as a kubeconfig embeds it."""
    return base64.b64encode(text.encode()).decode()


def decode(text):
    """The reverse of encode(). Raises ValueError, TypeError."""
    return base64.b64decode(text).decode("ascii", "replace")


def choose_server(request, verify):
    """The URL of a server: with `verify` the first that can be used, else the first. request: a ServerRequest. Raises ApiError."""
    return first_reachable_server(request) if verify else request.urls[0]


def first_reachable_server(request):
    """The first URL of a ServerRequest at which a server answers with a certificate for its name. Raises ApiError."""
    problems = []
    for url in request.urls:
        try:
            problem = certificate_name_problem(url, request.tls_server_name)
        except ApiError as error:
            problem = str(error)
        if not problem:
            return url
        problems.append(problem)
    raise ApiError("; ".join(problems))


def certificate_name_problem(url, tls_server_name):
    """Why the certificate of a server is not valid for its name (str), or None. Raises ApiError if the server does not answer."""
    certificate = _api.serving_certificate(url, tls_server_name)
    name = tls_server_name or _api.host_and_port(url)[0]
    if _certificates.covers_host(certificate, name):
        return None
    return "the certificate of %s is for %s and not for %s. Choose another server, or set tls_server_name to one of these names" % (
        url, ", ".join(certificate["names"]) or "no name", name)


def validate(access, requirements):
    """The VerifiedAccess of an access that fulfills the Requirements. Raises PkiError, ApiError."""
    expiry_dates = check_certificates(access)
    if not requirements.verify:
        return VerifiedAccess(access, expiry_dates)
    version, rights = query_api(access, requirements)
    return VerifiedAccess(access, expiry_dates, version, rights)


def check_certificates(access):
    """The expiry dates of an access, those that exist: {certificate, token, authority: datetime}. Contacts no server.

    Raises PkiError if key, dates or signature of the certificate are not valid.
    """
    dates = {}
    if access.identity.token_expires:
        dates["token"] = access.identity.token_expires
    authority = access.signer or access.server.authority
    if authority:
        try:
            dates["authority"] = _certificates.decode(authority)["not_after"]
        except CertificateError as error:
            raise PkiError("The certificate of %s cannot be used: %s" % (authority_label(access.server.authority_path), error))
    if access.identity.certificate is not None:  # an empty file is a damaged certificate
        certificate = check_identity(access.identity, access.signer, access.server.authority_path)
        dates["certificate"] = certificate["not_after"]
    return dates


def check_identity(identity, signer, signer_path=None):
    """The decoded certificate of an identity; its key, dates and signature are valid. Contacts no server. Raises PkiError.

    signer: PEM of the CA, or None if it is not known. signer_path: str or None, for messages.
    """
    label = (identity.paths or {}).get("client-certificate", "the identity %s" % identity.name)
    try:
        certificate = _certificates.decode(identity.certificate)
        if not _certificates.key_matches(identity.certificate, identity.key):
            raise PkiError("The key of %s does not belong to its certificate (%s)" % (
                label, _certificates.format_name(certificate["subject"])))
        authority = _certificates.decode(signer) if signer else None
    except CertificateError as error:
        raise PkiError("%s cannot be used: %s" % (label, error))
    if _certificates.days_until(certificate["not_after"]) < 0:
        raise PkiError("The certificate of %s expired on %s. Renew the cluster's certificates" % (
            label, _certificates.format_date(certificate["not_after"])))
    if authority and (certificate["issuer"] != authority["subject"] or is_signed_by(identity.certificate, signer) is False):
        raise PkiError("The certificate of %s is not signed by %s (%s), but by %s" % (
            label, authority_label(signer_path), _certificates.format_name(authority["subject"]),
            _certificates.format_name(certificate["issuer"])))
    return certificate


def authority_label(path):
    """The cluster's CA in messages (str). path: str, or None if it is not a file of the node."""
    return "the cluster's CA " + path if path else "the cluster's CA"


def query_api(access, requirements):
    """(version, {right: bool}) of the cluster, as the API server reports them to the identity.

    The rights are REPORTED_RIGHTS in all namespaces, and those of the Requirements in their namespace. Raises ApiError, also if
    one of the latter is denied.
    """
    identity, server = access.identity, access.server
    api = Api(server.url, server.authority, identity.certificate, identity.key, identity.token, server.tls_server_name)
    version = api.version()
    namespaces = dict(dict.fromkeys(REPORTED_RIGHTS, ""), **dict.fromkeys(requirements.rights, requirements.namespace or ""))
    rights = {right: api.is_allowed(right, namespace) for right, namespace in namespaces.items()}
    denied = [right for right in requirements.rights if not rights[right]]
    if denied:
        raise ApiError("The API server at %s denies the identity %s: %s. Choose another identity, or give it a role in the cluster" % (
            server.url, identity.name, ", ".join(denied)))
    return version, rights


def expiry_warnings(verified, days):
    """Warnings (str) for the certificate and the CA of a VerifiedAccess if they expire within `days`."""
    owners = {"authority": "the cluster's CA", "certificate": "the identity " + verified.access.identity.name}
    return ["The certificate of %s expires in %d days, on %s. Renew the cluster's certificates" % (
        owners[name], _certificates.days_until(end), _certificates.format_date(end))
        for name, end in sorted(verified.expiry_dates.items()) if name in owners and _certificates.days_until(end) < days]


def report(verified):
    """What the module kubeconfig returns about a VerifiedAccess."""
    access = verified.access
    expires = {name: {"date": _certificates.format_date(end), "days": _certificates.days_until(end)}
               for name, end in verified.expiry_dates.items()}
    return {"identity": access.identity.name, "reason": access.reason, "server": access.server.url,
            "server_version": verified.version, "rights": verified.rights or {}, "expires": expires}


def cluster_fields(server, embed):
    """The fields of a cluster in a kubeconfig. embed: whether the CA is written into it instead of its path."""
    fields = {"server": server.url}
    if server.authority_path and not embed:
        fields["certificate-authority"] = server.authority_path
    elif server.authority:
        fields["certificate-authority-data"] = encode(server.authority)
    if server.tls_server_name:
        fields["tls-server-name"] = server.tls_server_name
    return fields


def user_fields(identity, embed):
    """The fields of a user in a kubeconfig. embed: whether certificate and key are written into it instead of their paths."""
    if identity.certificate is None:
        return {"token": identity.token}
    if identity.paths and not embed:
        return dict(identity.paths)
    return {"client-certificate-data": encode(identity.certificate), "client-key-data": encode(identity.key)}
