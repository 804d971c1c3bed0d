# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to a Rancher server: sent, repeated while the server is unreachable or busy, and bounded by the clock.

Private to the collection; may change without notice.
"""
import json
import ssl
import time
from http.client import HTTPException
from typing import NamedTuple
from urllib.error import HTTPError

from ansible_collections.fay.rancher.plugins.module_utils._secrets import repr_of
from ansible_collections.fay.rancher.plugins.module_utils._tls import open_url, read_body

RETRIED_STATUSES = (429, 502, 503, 504)
REQUEST_SECONDS = 30
MIN_REQUEST_SECONDS = 1  # timeout of the last attempt, even if no time is left
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 5


class Request(NamedTuple):
    """An HTTP request to a server."""

    method: str
    url: str  # https://HOST[:PORT]
    path: str  # below the URL, with its query
    body: object  # JSON value or None
    token: str  # or None
    verify: bool  # whether the certificate is verified
    ca_file: str  # path of the CA's PEM file, or None for the host's CAs

    __repr__ = repr_of("method", "url", "path", "verify", "ca_file")


class RancherError(Exception):
    """A message for the user: what Rancher answered to which request, what is required, and what to do.

    status: HTTP status (int), or None without an answer. code: Rancher's error code (str) or None. is_transient: whether the same
    request may succeed later.
    """

    def __init__(self, message, status=None, code=None, is_transient=False):
        super().__init__(message)
        self.status, self.code, self.is_transient = status, code, is_transient


class Transport:
    """Sends requests and repeats each while it fails with a transient error.

    retry_timeout: seconds for which a request is repeated; with 0 it is sent once.
    opener, sleep, clock: replaced in tests.
    Attributes: deadline (time of the clock at which every request ends, or None), retries (number of repeated requests so far).
    """

    def __init__(self, retry_timeout=120, opener=open_url, sleep=time.sleep, clock=time.monotonic):
        self.retry_timeout, self.opener, self.sleep, self.clock = retry_timeout, opener, sleep, clock
        self.retries, self.deadline = 0, None

    def send(self, request):
        """The value of the answer to a Request: JSON, text, or None if it is empty. Raises RancherError."""
        end = self.clock() + self.retry_timeout
        if self.deadline is not None:
            end = min(end, self.deadline)
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return self._send_once(request, self._attempt_seconds(end))
            except RancherError as error:
                if not error.is_transient or self.clock() + pause > end:
                    raise
            self.retries += 1
            self.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)

    def _attempt_seconds(self, end):
        """The timeout of one attempt, in seconds."""
        if not self.retry_timeout:
            return REQUEST_SECONDS
        return max(MIN_REQUEST_SECONDS, min(REQUEST_SECONDS, end - self.clock()))

    def _send_once(self, request, seconds):
        headers = {"Accept": "application/json"}
        if request.token:
            headers["Authorization"] = "Bearer " + request.token
        data = None
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(request.body)
        try:
            answer = self.opener(
                request.url + request.path, method=request.method, data=data, headers=headers, timeout=seconds,
                validate_certs=request.verify, ca_path=request.ca_file if request.verify else None,
                http_agent="fay.rancher", follow_redirects="safe", force=True)
            return answer_value(answer, seconds)
        except HTTPError as error:
            raise status_error(request, error, seconds)
        except (OSError, HTTPException, ValueError) as error:
            raise connection_error(request, error)


def answer_value(answer, seconds):
    """The value of an HTTP answer, read within `seconds`: JSON, text of another content type, or None if it is empty."""
    content = read_body(answer, seconds)
    if not content:
        return None
    if "json" not in (answer.headers.get("Content-Type") or ""):
        return content.decode("utf-8", "replace")
    return json.loads(content.decode("utf-8"))


def status_error(request, error, seconds):
    """The RancherError of an HTTPError: Rancher's own code, field and message, if its body contains them."""
    try:
        answer = json.loads(read_body(error, seconds).decode("utf-8"))
    except (AttributeError, OSError, HTTPException, ValueError):
        answer = None
    if not isinstance(answer, dict):
        answer = {}
    code, field, message = answer.get("code"), answer.get("fieldName"), answer.get("message")
    words = [str(error.code), code, "(%s)" % field if field else None]
    text = "Rancher at %s answered %s with %s" % (
        request.url, request_label(request), " ".join(word for word in words if word))
    if message:
        text += ": %s" % message
    return RancherError(text, error.code, code, is_transient=error.code in RETRIED_STATUSES)


def connection_error(request, error):
    """The RancherError of a request without an answer."""
    reason = getattr(error, "reason", error)
    if not is_temporary(reason):
        return RancherError("The certificate of %s is not trusted on this host: %s. Set ca_cert to the CA of the server, or ca_checksum "
                            "to the checksum of that CA" % (request.url, reason))
    return RancherError("Rancher at %s does not answer %s: %s. Check that the server is running and that this host can reach it"
                        % (request.url, request_label(request), reason), is_transient=True)


def request_label(request):
    """Method and path, without the query, which may be long."""
    return "%s %s" % (request.method, request.path.split("?")[0])


def is_temporary(reason):
    """Whether a connection error may be temporary: refused, reset, timed out, or a certificate without the server's name.

    A server presents its old certificate until it has created one with a new name (rancher/dynamiclistener). Not every version of
    Python has error codes for names that do not match, so the text of the error is compared.
    """
    if isinstance(reason, ssl.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(reason):
        return "mismatch" in str(reason) or "not valid for" in str(reason)
    return True
