# SPDX-License-Identifier: GPL-3.0-or-later
"""/v3-public: the login providers, and the login with a user's password."""
import json

from . import recorded
from .messages import Answer, Problem
from .resources.users import has_password

SESSION_TTL = 57600000  # ms, 16 hours


class PublicApi:
    """Answers requests below /v3-public. tokens: the Tokens to which logins add a session."""

    def __init__(self, store, tokens):
        self.store, self.tokens = store, tokens

    def answer(self, request):
        """The Answer to a Request; raises Problem."""
        if request.path in ("/v3-public", "/v3-public/authProviders"):
            return recorded.answer("public", "without log-in: " + request.path, request)
        if request.parts[1] != "localProviders":
            raise Problem(404, "NotFound", "failed to find schema " + request.parts[1])
        if request.query.get("action") != "login":
            raise Problem(422, "InvalidAction", "Invalid action: " + request.query.get("action", ""))
        try:
            body = json.loads(request.body)
        except ValueError:
            raise Problem(422, "InvalidBodyContent")
        return self.log_in(request, body)

    def log_in(self, request, body):
        """The Answer with a new session's token, in a cookie if `responseType` asks for one; raises a 401 Problem."""
        with self.store.lock:
            users = [user for user in self.store.data["users"].values() if user["username"] == body.get("username")]
        if not users or not has_password(users[0], body.get("password", "")):
            raise Problem(401, "Unauthorized", "authentication failed")
        token = self.tokens.add(users[0], body.get("description", ""), SESSION_TTL, session=True)
        value = token["id"] + ":" + token["secret"]
        if body.get("responseType") == "cookie":
            cookie = "R_SESS=%s; Path=/; HttpOnly; Secure" % value
            return Answer(200, None, {"Set-Cookie": cookie}, content_type=None)
        links = {"self": "%s/v3-public/tokens/%s" % (request.base, token["id"])}
        return Answer(201, dict(self.tokens.show(token, request), token=value, links=links, expiresAt=""))
