# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API receives and returns: Request, Answer, and Problem for error answers."""
import json

UNAUTHORIZED = {"type": "error", "status": "401", "message": "Unauthorized 401: must authenticate"}


class Problem(Exception):
    """An error answer of the API: {type: error, status, code, message, fieldName if there is a field}."""

    def __init__(self, status, code, message="", field=None):
        super().__init__(message)
        self.status = status
        self.body = {"baseType": "error", "code": code, "message": message, "status": status, "type": "error"}
        if field:
            self.body["fieldName"] = field


class Answer:
    """A status, a body (JSON value, str or None), a content type (None: no such header) and further headers."""

    def __init__(self, status, body=None, headers=None, content_type="application/json"):
        self.status, self.body, self.content_type = status, body, content_type
        self.headers = dict(headers or {})


class Request:
    """A request to the API; `base` is the URL by which the client reaches the server.

    `user` and `token` are stored objects, set when the request has been authenticated.
    """

    def __init__(self, method, path, query, headers, body, host):
        self.method, self.path, self.query, self.headers, self.body = method, path, query, headers, body
        self.base = "https://" + host
        self.user = self.token = None

    @property
    def parts(self):
        """The parts of the path between its slashes (list of str)."""
        return self.path.strip("/").split("/")

    def json(self):
        """The body as a dict; raises the Problem with which Go's decoder rejects other bodies."""
        try:
            value = json.loads(self.body)
        except ValueError:
            message = "EOF" if not self.body.strip() else "unexpected EOF"
            raise Problem(422, "InvalidBodyContent", "Failed to parse body: " + message)
        if not isinstance(value, dict):
            raise Problem(422, "InvalidBodyContent", "Failed to parse body: json: cannot unmarshal array into Go "
                                                     "value of type map[string]interface {}")
        return value


def plain_text(status, body):
    return Answer(status, body, content_type="text/plain; charset=utf-8")
