# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The client that every rancher_* module shares: log-in, retries, paging, errors, log-out."""
import contextlib
import hashlib
import json
import os
import random
import ssl
import tempfile
import time
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit

from ansible.module_utils.basic import env_fallback
from ansible_collections.fay.rancher.plugins.module_utils._files import status
from ansible_collections.fay.rancher.plugins.module_utils._tls import open_url, read_body

RETRIED_STATUSES = (429, 502, 503, 504)
REQUEST_SECONDS = 30
LAST_REQUEST_SECONDS = 1  # what a request has at least, also when the time is almost over



def _from_environment(name):
    """The `fallback` of an option that is read from an environment variable if it is not set."""
    return (env_fallback, [name])


CONNECTION_ARGUMENTS = dict(
    url=dict(type="str", required=True, fallback=_from_environment("RANCHER_URL")),
    username=dict(type="str", default="admin", fallback=_from_environment("RANCHER_USERNAME")),
    password=dict(type="str", no_log=True, fallback=_from_environment("RANCHER_PASSWORD")),
    token=dict(type="str", no_log=True, fallback=_from_environment("RANCHER_TOKEN")),
    ca_cert=dict(type="str", fallback=_from_environment("RANCHER_CA_CERT")),
    ca_checksum=dict(type="str", fallback=_from_environment("RANCHER_CA_CHECKSUM")),
    ca_from_loopback=dict(type="bool", default=False),
    validate_certs=dict(type="bool", default=True),
    retry_timeout=dict(type="int", default=120),
)
PASSWORD_ARGUMENTS = dict((name, options) for name, options in CONNECTION_ARGUMENTS.items() if name != "token")


class RancherError(Exception):
    """A message for the user: what Rancher said or did not say, to which request, and what to do.

    Attributes: status (HTTP status or None) and code (Rancher's error code or None).
    """

    def __init__(self, message, status=None, code=None):
        super().__init__(message)
        self.status, self.code = status, code


def check_url(url, what="url"):
    """Raise RancherError unless `url` is https://HOST[:PORT], which is all that Rancher can be reached by.

    The server itself accepts anything as server-url (recorded on 2.6.2), and its agents then fail one by one.
    """
    parts = urlsplit(url or "")
    try:
        fine = parts.scheme == "https" and parts.hostname and (parts.port or 443) and not parts.query
    except ValueError:
        fine = False
    if not fine or parts.path.strip("/") or parts.username or " " in url:
        raise RancherError("%s is %r, but Rancher is reached by https://HOST or https://HOST:PORT: give its address "
                           "in that form" % (what, url))


def checksum(pem):
    """The SHA-256 (hex) of a CA's PEM text as `--ca-checksum` wants it: with exactly one newline at its end.

    Source: rancher/rancher @v2.6.2 pkg/systemtemplate/import.go.
    """
    return hashlib.sha256((pem.strip() + "\n").encode()).hexdigest()


def _is_transient(error):
    """Whether this connection error may pass: refused, cut, timed out, or a listener about to renew its certificate."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(reason):
        return "mismatch" in str(reason) or "not valid for" in str(reason)
    return True


class RancherClient:
    """Rancher's API at one URL, as one user.

    Use it as `with RancherClient(...) as client:`; entering logs in (when a password is given), leaving logs out, so
    that no token of a log-in stays behind. Every request is retried while the connection is refused or cut and on
    429, 502, 503 and 504, with growing pauses, for `retry_timeout` seconds by the clock. With 0 it is sent once.

    `deadline`, a time of the client's clock or None, ends every request earlier than that.

    url: str, https://HOST[:PORT]. username, password: str; or token: str, `token-xxxxx:secret`.
    ca_cert: str, a PEM text or a path of the machine that runs the module. ca_checksum: str, hex, see checksum().
    ca_from_loopback: bool, trust the CA that this host itself serves on 127.0.0.1, since the server runs on it.
    Raises RancherError.
    """

    def __init__(self, url, username="admin", password=None, token=None, ca_cert=None, ca_checksum=None,
                 ca_from_loopback=False, validate_certs=True, retry_timeout=120, opener=open_url, sleep=time.sleep,
                 clock=time.monotonic):
        check_url(url)
        self.url = url.rstrip("/")
        self.username, self.password, self.token = username, password, token
        self.validate_certs, self.retry_timeout = validate_certs, retry_timeout
        self.ca_checksum, self.ca_from_loopback = ca_checksum, ca_from_loopback
        self._open, self._sleep, self._clock = opener, sleep, clock
        self._ca_file = self._own_file = None
        self._logged_in = False
        self.retries, self.deadline = 0, None
        if ca_cert and "-----BEGIN" in ca_cert:
            self._write_ca(ca_cert)
        elif ca_cert:
            try:
                there = status(ca_cert)
            except OSError as error:
                raise RancherError("ca_cert names %s, which cannot be read: %s. Choose a file that the user of the task can read"
                                   % (ca_cert, error.strerror))
            if not there:
                raise RancherError("ca_cert names %s, which does not exist on this host" % ca_cert)
            self._ca_file = ca_cert

    # ---- trust

    def _write_ca(self, pem):
        handle, self._own_file = tempfile.mkstemp(suffix=".pem")
        with os.fdopen(handle, "w") as target:
            target.write(pem.strip() + "\n")
        self._ca_file = self._own_file

    def pin(self):
        """Fetch the server's own CA and verify every later request by it.

        It is held against ca_checksum, or comes from this host's loopback, where only this host can be the server.
        Nothing secret has been sent when this fails. Raises RancherError.
        """
        if self.ca_from_loopback and not self.ca_checksum:
            where = "https://127.0.0.1:%d" % (urlsplit(self.url).port or 443)
        else:
            where = self.url
        pem = self.request("GET", "/v3/settings/cacerts", verify=False, base=where)["value"]
        # The listener puts a name into its certificate after it was first asked by it (rancher/dynamiclistener).
        self.request("GET", "/ping", verify=False)
        if not pem:  # a publicly trusted certificate: the system's CAs verify it
            return
        found = checksum(pem)
        if self.ca_checksum and found != self.ca_checksum.lower():
            raise RancherError(
                "The CA of %s has the checksum %s, but ca_checksum is %s. Either it is another server, or its CA was "
                "renewed: compare on the server's host, then correct ca_checksum" % (self.url, found, self.ca_checksum))
        self._write_ca(pem)

    # ---- log-in and log-out

    def __enter__(self):
        try:
            if (self.ca_checksum or self.ca_from_loopback) and not self._ca_file and self.validate_certs:
                self.pin()
            if self.password and not self.token:
                self.log_in(self.password)
        except Exception:
            self.close()
            raise
        return self

    def __exit__(self, *unused):
        self.close()

    def log_in(self, password):
        """Log in as `username`; raises RancherError, with status 401 for a wrong password."""
        description = "fay.rancher %032x" % random.SystemRandom().getrandbits(128)
        before = self.retries
        body = dict(username=self.username, password=password, description=description, responseType="json",
                    ttl=3600000)
        try:
            answer = self.request("POST", "/v1-public/login", dict(body, type="localProvider"))
        except RancherError as error:
            if error.status != 404:
                raise self._log_in_error(error)
            try:
                answer = self.request("POST", "/v3-public/localProviders/local?action=login", body)
            except RancherError as second:
                raise self._log_in_error(second)
        self.token, self._logged_in = answer["token"], True
        if self.retries != before:
            self._drop_lost_tokens(description)

    def _log_in_error(self, error):
        if error.status == 401:
            return RancherError("Rancher at %s refuses the password of user %s. Give the one that is valid now; a "
                                "lost one is replaced with `docker exec CONTAINER reset-password` on the server's host"
                                % (self.url, self.username), 401, error.code)
        return error

    def _drop_lost_tokens(self, description):
        """Delete the tokens of log-ins whose answer was lost on its way: they carry our description."""
        mine = self.token.split(":")[0]
        for token in self.list("/v3/tokens"):
            if token.get("description") == description and token["id"] != mine:
                self.request("DELETE", "/v3/tokens/" + token["id"], missing_ok=True)

    def log_out(self):
        """Give the log-in's token back."""
        if self._logged_in:
            self._logged_in = False
            try:
                self.request("POST", "/v3/tokens?action=logout", {})
            except RancherError as error:
                if error.status not in (401, 404):  # the token is gone already: a log-out whose answer was cut
                    raise
            finally:
                self.token = None

    def close(self):
        """Log out and remove what was kept for the connection."""
        try:
            self.log_out()
        finally:
            if self._own_file:
                with contextlib.suppress(OSError):
                    os.unlink(self._own_file)
                self._own_file = None

    # ---- requests

    def request(self, method, path, body=None, verify=None, missing_ok=False, base=None):
        """The JSON value of the answer (None where it is empty); missing_ok: None also for 404.

        method: str; path: str below the URL (or below `base`), with its query; body: JSON value. Raises RancherError.
        """
        deadline = self._clock() + self.retry_timeout
        if self.deadline is not None:
            deadline = min(deadline, self.deadline)
        pause = 0.5
        while True:
            try:
                left = deadline - self._clock() if self.retry_timeout else REQUEST_SECONDS
                seconds = max(LAST_REQUEST_SECONDS, min(REQUEST_SECONDS, left))
                return self._once(method, (base or self.url) + path, body, verify, seconds)
            except HTTPError as error:
                if missing_ok and error.code == 404:
                    return None
                problem = self._error(method, path, error)
                if error.code not in RETRIED_STATUSES:
                    raise problem
            except (OSError, URLError, HTTPException, ValueError) as error:
                problem = RancherError("Rancher at %s does not answer %s %s: %s. Is the server running, and is this "
                                       "host allowed to reach it?" % (base or self.url, method, path.split("?")[0],
                                                                      getattr(error, "reason", error)))
                if not _is_transient(error):
                    raise RancherError(
                        "The certificate of %s is not trusted here: %s. Give the server's CA as ca_cert or its "
                        "checksum as ca_checksum" % (self.url, getattr(error, "reason", error)))
            if self._clock() + pause > deadline:
                raise problem
            self.retries += 1
            self._sleep(pause)
            pause = min(pause * 2, 5)

    def _once(self, method, address, body, verify, seconds):
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body)
        verify = self.validate_certs if verify is None else verify
        answer = self._open(address, method=method, data=data, headers=headers, timeout=seconds,
                            validate_certs=verify, ca_path=self._ca_file if verify else None,
                            http_agent="fay.rancher", follow_redirects="safe", force=True)
        content = read_body(answer, seconds)
        kind = answer.headers.get("Content-Type") or ""
        if not content:
            return None
        if "json" not in kind:
            return content.decode("utf-8", "replace")
        return json.loads(content)

    def _error(self, method, path, error):
        try:
            answer = json.loads(error.read())
        except (OSError, ValueError, HTTPException):
            answer = {}
        code, field, message = answer.get("code"), answer.get("fieldName"), answer.get("message")
        said = " ".join(part for part in (code, field and "(%s)" % field, message and ": " + message) if part)
        return RancherError("Rancher at %s answered %d %s to %s %s" % (
            self.url, error.code, said.replace(" : ", ": "), method, path.split("?")[0]), error.code, code)

    def list(self, path, **filters):
        """All objects of a /v3 list, page by page. Only the exact matches of `filters` are returned.

        The server leaves some lists unfiltered (tokens, recorded on 2.6.2): so the filter is applied here again.
        """
        found = []
        where = path + ("?" + urlencode(filters) if filters else "")
        while where:
            page = self.request("GET", where)
            found += page.get("data") or []
            after = (page.get("pagination") or {}).get("next")
            parts = urlsplit(after or "")
            where = parts.path + "?" + parts.query if after else None
        return [item for item in found if all(item.get(name, value) == value for name, value in filters.items())]

    def setting(self, name):
        """The value of a setting, or None where this server has none of that name."""
        answer = self.request("GET", "/v3/settings/" + name, missing_ok=True)
        return answer and (answer.get("value") or answer.get("default") or "")

    def cluster(self, name):
        """The cluster of that name, or None."""
        found = self.list("/v3/clusters", name=name)
        return found[0] if found else None

    def nodes(self, cluster_id):
        """All nodes of a cluster."""
        return self.list("/v3/nodes", clusterId=cluster_id)


def connect(parameters, **changes):
    """A RancherClient from a module's parameters."""
    options = dict((name, parameters.get(name)) for name in CONNECTION_ARGUMENTS)
    options.update(changes)
    return RancherClient(**options)
