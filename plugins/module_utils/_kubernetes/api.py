# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the Kubernetes API with the identity of a kubeconfig. Private to the collection.

It does not use ansible.module_utils.urls, which cannot verify another name than the URL's host (tls-server-name), cannot return
the server's certificate, and would send requests for 127.0.0.1 through a proxy.
"""
import http.client
import json
import socket
import ssl
from urllib.parse import urlsplit

from ansible_collections.fay.rancher.plugins.module_utils import _tls
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates

# SelfSubjectAccessReview, which every user may create: kubernetes.io/docs/reference/kubernetes-api/authorization-resources
ACCESS_REVIEW_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
NO_ANSWER = "The API server at %s does not answer: %s. Check that kube-apiserver runs there and that this host can reach the address"
MESSAGE_LENGTH = 200  # characters shown of an answer that is not JSON


class ApiError(Exception):
    """The API server did not answer, or answered with an error. status: the HTTP status, or None without an answer."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


def host_and_port(url):
    """(host, port) of an API server's URL. Raises ApiError."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            return parts.hostname, parts.port or 443
    except ValueError:
        pass
    raise ApiError("%r is not a valid API server URL: it must be https://HOST[:PORT]" % url)


def serving_certificate(url, tls_server_name=None, timeout=10):
    """The decoded certificate of a server, without verification. timeout: seconds. Raises ApiError."""
    host, port = host_and_port(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), timeout) as plain, context.wrap_socket(
                plain, server_hostname=tls_server_name or host) as secure:
            pem = ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True))
    except (OSError, ValueError) as error:
        raise ApiError(NO_ANSWER % (url, error))
    try:
        return _certificates.decode(pem)
    except _certificates.CertificateError as error:
        raise ApiError("The certificate of the API server at %s cannot be read: %s" % (url, error))


class Api:
    """The API of a cluster, for one user.

    url: str. authority: PEM of the CA, or None to trust the host's CAs. certificate, key: PEM texts, or token: str, of the user.
    tls_server_name: the name in the server's certificate, or None for the URL's host. timeout: seconds. Raises ApiError.
    """

    def __init__(self, url, authority, certificate=None, key=None, token=None, tls_server_name=None, timeout=15):
        self.url, self.timeout, self.token = url.rstrip("/"), timeout, token
        self.host, self.port = host_and_port(url)
        self.tls_server_name = tls_server_name or self.host
        self.context = _tls.accept_missing_key_identifiers(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        try:
            if authority:
                self.context.load_verify_locations(cadata=authority)
            else:
                self.context.load_default_certs()
        except (ssl.SSLError, ValueError) as error:
            raise ApiError("The certificate of the cluster's CA cannot be read: %s" % error)
        if certificate:
            self.load_client_certificate(certificate, key)

    def load_client_certificate(self, certificate, key):
        """Use a client certificate and its key, both PEM texts. Raises ApiError."""
        with _certificates.as_files(certificate, key) as paths:
            try:
                self.context.load_cert_chain(*paths)
            except ssl.SSLError as error:
                raise ApiError("The client certificate and its key cannot be used: %s" % error)

    def request(self, method, path, body=None):
        """The JSON value that the server answers. body: a JSON value or None. Raises ApiError, with `status` for an HTTP error."""
        status, text = self.send(method, path, body)
        try:
            value = json.loads(text)
        except ValueError:
            value = {}
        if status >= 400:
            message = value.get("message") if isinstance(value, dict) else None
            raise ApiError("The API server at %s answers %d to %s: %s" % (
                self.url, status, path, message or text[:MESSAGE_LENGTH]), status)
        return value

    def send(self, method, path, body):
        """(status, text) of an answer. Raises ApiError."""
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.sock = self.open_socket()
            content = json.dumps(body) if body is not None else None
            connection.request(method, urlsplit(self.url).path + path, content, headers)
            answer = connection.getresponse()
            return answer.status, _tls.read_body(answer, self.timeout).decode("utf-8", "replace")
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ApiError(NO_ANSWER % (self.url, error))
        finally:
            connection.close()

    def open_socket(self):
        """A socket with TLS. HTTPSConnection would verify the URL's host instead of tls_server_name. Raises OSError."""
        plain = socket.create_connection((self.host, self.port), self.timeout)
        try:
            return self.context.wrap_socket(plain, server_hostname=self.tls_server_name)
        except BaseException:
            plain.close()
            raise

    def get(self, path):
        """The JSON value at a path; None for 404. Raises ApiError."""
        try:
            return self.request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def version(self):
        """The cluster's version, such as v1.21.5. Raises ApiError."""
        return (self.get("/version") or {}).get("gitVersion")

    def is_allowed(self, right, namespace=""):
        """Whether the user may perform an action.

        right: str, VERB RESOURCE[.GROUP][/SUBRESOURCE] as for `kubectl auth can-i`. namespace: empty for all namespaces.
        Raises ApiError.
        """
        verb, resource = right.split()
        resource, _slash, subresource = resource.partition("/")
        resource, _dot, group = resource.partition(".")
        attributes = {"verb": verb, "resource": resource, "subresource": subresource, "namespace": namespace, "group": group}
        answer = self.request("POST", ACCESS_REVIEW_PATH, {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}}})
        return bool((answer.get("status") or {}).get("allowed"))
