# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client that all rancher_* modules use: login, lists, settings, logout. Private to the collection; may change without notice."""
import random
from urllib.parse import urlencode, urlsplit

from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import RancherError, Request, Transport
from ansible_collections.fay.rancher.plugins.module_utils._rancher.trust import Trust, check_url

SESSION_MILLISECONDS = 3600000  # lifetime of the token of a login, which ends it if the logout fails


# Most of these are not in CONNECTION_ARGUMENTS, so that RancherModule recognizes whether a task sets the option.
DEFAULTS = {"username": "admin", "ca_from_loopback": False, "validate_certs": True, "retry_timeout": 120}
CONNECTION_ARGUMENTS = dict(
    url=dict(type="str", required=True),
    username=dict(type="str"),
    password=dict(type="str", no_log=True),
    token=dict(type="str", no_log=True),
    ca_cert=dict(type="str"),
    ca_checksum=dict(type="str"),
    ca_from_loopback=dict(type="bool"),
    validate_certs=dict(type="bool"),
    retry_timeout=dict(type="int", default=DEFAULTS["retry_timeout"]),
)


class RancherClient:
    """Rancher's API at one URL, as one user.

    Use it as `with RancherClient(…) as client:`. If it has a password and no token, it logs in at the beginning of the block and logs
    out at the end, so that the token of the login does not remain in Rancher. Methods raise RancherError.

    url: str, https://HOST[:PORT]. username, password: str. token: str, `token-xxxxx:SECRET`.
    trust: a Trust. transport: a Transport.
    """

    def __init__(self, url, username="admin", password=None, token=None, trust=None, transport=None):
        self.url = url.rstrip("/")
        self.username, self.password, self.token = username, password, token
        self.trust, self.transport = trust or Trust(), transport or Transport()
        self._is_logged_in = False

    # ---- login and logout

    def __enter__(self):
        try:
            if self.trust.needs_ca_of_server:
                self.fetch_ca()
            if self.password and not self.token:
                self.log_in(self.password)
        except Exception:
            self.close()
            raise
        return self

    def __exit__(self, *unused):
        self.close()

    def fetch_ca(self):
        """Fetch the server's own CA and verify every later request with it. No secret has been sent if this fails."""
        source = self.trust.ca_source(self.url)
        pem = self._send("GET", "/v3/settings/cacerts", url=source, verify=False)["value"]
        # The listener adds a name to its certificate at the first request for that name (rancher/dynamiclistener).
        self._send("GET", "/ping", verify=False)
        if pem:  # empty for a publicly trusted certificate, which the host's CAs verify
            self.trust.accept(pem, self.url)

    def log_in(self, password):
        """Log in as `username`. The RancherError of a wrong password has the status 401."""
        description = "fay.rancher %032x" % random.SystemRandom().getrandbits(128)
        retries_before = self.transport.retries
        try:
            answer = self._request_login(password, description)
        except RancherError as error:
            if error.status != 401:
                raise
            raise RancherError("Rancher at %s rejects the password of user %s. Set the current password. If it is lost, replace it with "
                               "`docker exec CONTAINER reset-password` on the server's host" % (self.url, self.username), 401, error.code)
        self.token, self._is_logged_in = answer["token"], True
        if self.transport.retries != retries_before:
            self._delete_lost_tokens(description)

    def _request_login(self, password, description):
        body = dict(username=self.username, password=password, description=description, responseType="json", ttl=SESSION_MILLISECONDS)
        try:
            return self.request("POST", "/v1-public/login", dict(body, type="localProvider"))
        except RancherError as error:
            if error.status != 404:
                raise
        return self.request("POST", "/v3-public/localProviders/local?action=login", body)  # older servers

    def _delete_lost_tokens(self, description):
        """Delete the tokens of logins whose answer was lost in transit: they have this run's description."""
        own_id = self.token.split(":")[0]
        for token in self.list("/v3/tokens", description=description):
            if token["id"] != own_id:
                self.request("DELETE", "/v3/tokens/" + token["id"], missing_ok=True)

    def log_out(self):
        """Delete the token of the login."""
        if not self._is_logged_in:
            return
        self._is_logged_in = False
        try:
            self.request("POST", "/v3/tokens?action=logout", {})
        except RancherError as error:
            if error.status not in (401, 404):  # already deleted, by a logout whose answer was lost
                raise
        finally:
            self.token = None

    def close(self):
        """Log out and delete the temporary file of the CA."""
        try:
            self.log_out()
        finally:
            self.trust.close()

    # ---- requests

    def request(self, method, path, body=None, missing_ok=False):
        """The JSON value of the answer, or None if it is empty. missing_ok: also None for 404.

        method: str. path: str below the URL, with its query. body: JSON value.
        """
        try:
            return self._send(method, path, body)
        except RancherError as error:
            if missing_ok and error.status == 404:
                return None
            raise

    def _send(self, method, path, body=None, url=None, verify=True):
        verify = verify and self.trust.verify
        return self.transport.send(Request(method, url or self.url, path, body, self.token, verify, self.trust.ca_file))

    def list(self, path, **filters):
        """All objects of a /v3 list, page by page, that match `filters` exactly.

        The server does not filter every list (tokens, recorded on 2.6.2), so the filters are applied here again.
        """
        items = []
        page_path = path + ("?" + urlencode(filters) if filters else "")
        while page_path:
            page = self.request("GET", page_path)
            items += page.get("data") or []
            next_page = urlsplit((page.get("pagination") or {}).get("next") or "")
            page_path = next_page.path and next_page.path + "?" + next_page.query
        return [item for item in items if all(item.get(name, value) == value for name, value in filters.items())]

    def setting(self, name):
        """The value of a setting, or None if this server has no setting of that name."""
        answer = self.request("GET", "/v3/settings/" + name, missing_ok=True)
        return answer and (answer.get("value") or answer.get("default") or "")

    def cluster(self, name):
        """The cluster of that name, or None."""
        clusters = self.list("/v3/clusters", name=name)
        return clusters[0] if clusters else None

    def nodes(self, cluster_id):
        """All nodes of a cluster."""
        return self.list("/v3/nodes", clusterId=cluster_id)


def connect(parameters, transport=None, log_in=True):
    """The RancherClient for a module's parameters, named as in CONNECTION_ARGUMENTS.

    parameters: dict; a parameter that is missing or None has its default.
    log_in: bool, whether entering the client logs in with the password. Raises RancherError.
    """
    def value(name):
        return DEFAULTS.get(name) if parameters.get(name) is None else parameters[name]

    check_url(parameters["url"])
    return RancherClient(
        parameters["url"], value("username"), value("password") if log_in else None, value("token"),
        Trust(value("validate_certs"), value("ca_cert"), value("ca_checksum"), value("ca_from_loopback")),
        transport or Transport(value("retry_timeout")))
