# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes' API as one identity: what kubectl would be answered with a kubeconfig.

Not through ansible.module_utils.urls: that can neither expect another name than the address's in the server's
certificate (tls-server-name), nor show that certificate, and it would send requests for 127.0.0.1 through a proxy.
"""
import http.client
import json
import socket
import ssl
from urllib.parse import urlsplit

from ansible_collections.fay.rancher.plugins.module_utils import _tls
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"  # SelfSubjectAccessReview, kubernetes.io/docs/reference
NO_ANSWER = "The API server at %s does not answer: %s. Check that kube-apiserver runs there and that this host can reach the address"


class ApiError(Exception):
    """Says which server did not do what. status: the HTTP status, or None where it did not answer."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


def address(server):
    """(host, port) of a server's URL; raises ApiError for what is no https URL."""
    try:
        parts = urlsplit(server)
        if parts.scheme == "https" and parts.hostname:
            return parts.hostname, parts.port or 443
    except ValueError:
        pass
    raise ApiError("%r is no address of an API server: it must be https://HOST[:PORT]" % server)


def serving_certificate(server, tls_server_name=None, timeout=10):
    """The decoded certificate with which a server answers, whoever signed it. Raises ApiError."""
    host, port = address(server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), timeout) as plain, context.wrap_socket(
                plain, server_hostname=tls_server_name or host) as secure:
            pem = ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True))
    except (OSError, ValueError) as error:
        raise ApiError(NO_ANSWER % (server, error))
    try:
        return _certificates.decode(pem)
    except _certificates.CertificateError as error:
        raise ApiError("The certificate of the API server at %s cannot be read: %s" % (server, error))


class Api:
    """The API at `server` for one user.

    authority, certificate, key: PEM texts; token: str. Certificate and key, or the token, are the user's. Without an authority the
    host's own CAs are trusted.
    """

    def __init__(self, server, authority, certificate=None, key=None, token=None, tls_server_name=None, timeout=15):
        self.server, self.timeout, self.token = server.rstrip("/"), timeout, token
        self.host, self.port = address(server)
        self.name = tls_server_name or self.host
        self.path = urlsplit(self.server).path
        self.context = _tls.accept_missing_key_identifiers(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        try:
            if authority:
                self.context.load_verify_locations(cadata=authority)
            else:
                self.context.load_default_certs()
        except (ssl.SSLError, ValueError) as error:
            raise ApiError("The certificate of the cluster's CA cannot be read: %s" % error)
        if certificate:
            self.identify(certificate, key)

    def identify(self, certificate, key):
        with _certificates.as_files(certificate, key) as paths:
            try:
                self.context.load_cert_chain(*paths)
            except ssl.SSLError as error:
                raise ApiError("Certificate and key cannot be used: %s" % error)

    def request(self, method, path, body=None):
        """The JSON value that the server answers with. Raises ApiError, with `status` where it is one of HTTP."""
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout)
        try:
            plain = socket.create_connection((self.host, self.port), self.timeout)
            try:
                connection.sock = self.context.wrap_socket(plain, server_hostname=self.name)
            except BaseException:
                plain.close()
                raise
            connection.request(method, self.path + path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = _tls.read_body(answer, self.timeout).decode("utf-8", "replace")
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ApiError(NO_ANSWER % (self.server, error))
        finally:
            connection.close()
        try:
            value = json.loads(text)
        except ValueError:
            value = {}
        if answer.status >= 400:
            said = value.get("message") if isinstance(value, dict) else None
            raise ApiError("The API server at %s answers %d to %s: %s" % (
                self.server, answer.status, path, said or text[:200]), answer.status)
        return value

    def get(self, path):
        """The JSON value at a path; None for 404."""
        try:
            return self.request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def version(self):
        """The cluster's version, such as v1.21.5."""
        return (self.get("/version") or {}).get("gitVersion")

    def allowed(self, right, namespace=""):
        """Whether the user may do that: a SelfSubjectAccessReview, which every user may ask for.

        right: str, VERB RESOURCE[.GROUP][/SUBRESOURCE] as in `kubectl auth can-i`. Without a namespace it means all of them.
        """
        verb, resource = right.split()
        resource, unused, subresource = resource.partition("/")
        resource, unused, group = resource.partition(".")
        attributes = {"verb": verb, "resource": resource, "subresource": subresource, "namespace": namespace, "group": group}
        answer = self.request("POST", REVIEW, {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}}})
        return bool((answer.get("status") or {}).get("allowed"))
