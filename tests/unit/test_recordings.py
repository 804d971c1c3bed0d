# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Rancher stand-in answers like the real server: every recorded request is sent again, in the recorded order.

Compared are the status, the content type, error code and message, the fields and their types, and all values except identifiers,
times and secrets. recorded_differences.yml lists the permitted differences with their reasons; an unused entry fails.
"""
import base64
import http.client
import json
import os
import re
import ssl
import time

import pytest
import yaml
from conftest import RECORDINGS

TOPICS = ["public", "first-boot", "login", "users-and-passwords", "tokens", "settings", "cluster-rke1",
          "errors-and-lists"]
# Fields with identifiers, times or secrets: only their type is compared.
PRIVATE = re.compile(r"(.*\.)?(uuid|uid|created|createdTS|lastUpdateTime|expiresAt|token|password|removed|removedTS|"
                     r"config|caCert|revision|creationTimestamp|principalIds|dataTotal|X-Api-Schemas)$")
SECRETS = re.compile(r"SECRET|REGISTRATION-TOKEN-(?:\d+|own)|[0-9a-f]{64}")
IDENTIFIER = re.compile(r"(?<![a-z0-9-])(c-[a-z0-9]{5}|user-[a-z0-9]{5}|u-[a-z0-9]{5,6}|token-[a-z0-9]{5}|grb-[a-z0-9]{5}|"
                        r"crt-[a-z0-9]{5})\b")


def recorded(topic):
    """The recorded exchanges of a topic."""
    with open(os.path.join(RECORDINGS, "v2.6.2", topic + ".json")) as source:
        return json.load(source)


class Player:
    """Sends the recorded requests, and keeps the identifiers, tokens and objects that later ones need."""

    def __init__(self, server):
        self.server = server
        self.identifiers = {}  # {recorded identifier: that of the stand-in}
        self.tokens = {"unknown token": "token-xxxxx:nosuch", "rubbish": "rubbish"}
        self.objects = {}  # {path: object as last read}
        self.differences = []

    def call(self, method, path, token=None, body=None, basic=False):
        connection = http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=20,
                                                 context=ssl._create_unverified_context())
        headers = {}
        if token:
            headers["Authorization"] = "Bearer " + token if not basic else \
                "Basic " + base64.b64encode(token.encode()).decode()
        for attempt in range(20):
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                break
            except OSError:  # the listener has changed its certificate, as recorded
                connection.close()
                time.sleep(0.1)
        content = answer.read().decode()
        connection.close()
        try:
            return answer.status, dict(answer.headers), json.loads(content)
        except ValueError:
            return answer.status, dict(answer.headers), content

    def admin(self):
        if "admin" not in self.tokens:
            for password in ("PASSWORD", "NEW-PASSWORD"):
                status, _, body = self.call("POST", "/v3-public/localProviders/local?action=login", body=json.dumps(
                    {"username": "admin", "password": password}))
                if status == 201:
                    self.tokens["admin"] = body["token"]
                    break
        return self.tokens["admin"]

    def token_for(self, auth, case):
        """The token of the stand-in for the word that the recorder wrote in its place; None for requests without a token."""
        methods = {"admin": self.admin, "basic": self.admin, "wrong secret": self.wrong_secret, "expired token": self.expired_token,
                   "ordinary user": self.ordinary_user, "deleted user": self.ordinary_user, "session token": self.session_token}
        if auth in methods:
            return methods[auth]()
        if auth in (None, "none"):
            return None
        if auth == "API token":
            return self.tokens["short" if "deletes itself" in case else "automation"]
        return self.tokens["automation" if auth == "deleted token" else auth]

    def wrong_secret(self):
        return self.admin().split(":")[0] + ":nosuch"

    def expired_token(self):
        time.sleep(max(0, self.expires - time.time()))
        return self.tokens["shorter"]

    def ordinary_user(self):
        if "ops" not in self.tokens:
            self.tokens["ops"] = self.log_in("ops", "a-long-password-1")
        return self.tokens["ops"]

    def session_token(self):
        self.tokens["logged-out token"] = self.log_in("admin", "NEW-PASSWORD")
        return self.tokens["logged-out token"]

    def log_in(self, username, password):
        body = json.dumps({"username": username, "password": password})
        return self.call("POST", "/v3-public/localProviders/local?action=login", body=body)[2]["token"]

    def translated(self, text):
        """A recorded text with the identifiers and the address of the stand-in."""
        text = text.replace("https://RANCHER", "https://127.0.0.1:%d" % self.server.port)
        text = text.replace("wss://172.31.250.10", "wss://127.0.0.1:%d" % self.server.port)
        return IDENTIFIER.sub(lambda match: self.identifiers.get(match.group(0), match.group(0)), text)

    def play(self, topic, exchange):
        request, response = exchange["request"], exchange["response"]
        case = exchange.get("case", "%s after %s s" % (request["path"], exchange.get("second")))
        path = self.translated(request["path"])
        body = request.get("raw")
        if request.get("body") == "the object as read, with the change":
            body = json.dumps(dict(self.objects[path], **{name: response["body"][name] for name in (
                "enableNetworkPolicy", "labels", "description") if name in response["body"]}))
        elif "body" in request and request["body"] is not None:
            body = request["body"] if isinstance(request["body"], str) else self.translated(json.dumps(request["body"]))
        if topic == "first-boot" and request["method"] == "POST":
            body = json.dumps({"username": "admin", "password": "PASSWORD"})
        auth = request.get("auth")
        if re.search("some seconds|settled", case) or (request["method"] == "DELETE" and response["status"] == 200):
            time.sleep(1.5)  # like the recorder
        status, headers, answer = self.call(request["method"], path, self.token_for(auth, case), body, auth == "basic")
        expected = response["body"]
        if topic == "first-boot" and isinstance(expected, str) and expected[:1] == "{":
            expected = self.complete_body(expected)
        self.remember(request, path, status, expected, answer)
        where = "%s / %s" % (topic, case)
        self.compare_values(where, "status", response["status"], status)
        for name in ("Content-Type", "X-Api-Cattle-Auth", "Set-Cookie"):
            if name in response.get("headers", {}) and name != "Set-Cookie":
                self.compare_values(where, name, response["headers"][name], headers.get(name))
            elif name in response.get("headers", {}):
                self.compare_values(where, name, response["headers"][name].split("=")[0], (headers.get(name) or "").split("=")[0])
        if isinstance(expected, dict) and expected.get("type") == "error":
            self.compare_values(where, "fields", sorted(expected), sorted(answer))
        self.compare(where, "", expected, answer)

    @staticmethod
    def complete_body(text):
        """The JSON of a body of first-boot, or {} if the recorder truncated it. Other topics were recorded without `sort` links."""
        try:
            value = json.loads(text)
        except ValueError:
            return {}
        value.pop("sort", None)
        return value

    def remember(self, request, path, status, expected, answer):
        if not isinstance(answer, dict) or status >= 400:
            return
        if request["method"] == "GET":
            self.objects[path] = answer
        if isinstance(expected, dict):
            pairs = [(expected, answer)] + [
                (old, new) for old, new in zip(expected.get("data") or [], answer.get("data") or [])
                if old.get("name", old.get("username")) == new.get("name", new.get("username")) or len(answer["data"]) == 1]
            for old, new in pairs:
                for field in ("id", "userId", "creatorId"):
                    left, right = str(old.get(field) or ""), str(new.get(field) or "")
                    for before, after in zip(IDENTIFIER.findall(left), IDENTIFIER.findall(right)):
                        self.identifiers[before] = after
        if request["path"] == "/v3/tokens" and status == 201:
            self.tokens[answer["description"] or answer["id"]] = answer["token"]
            if answer["description"] == "shorter":
                self.expires = time.time() + 2.2

    def compare_values(self, where, field, expected, actual):
        if expected != actual:
            self.differences.append((where, field, expected, actual))

    def compare(self, where, field, expected, actual):
        if expected is None:  # the recorder also writes null for a missing field
            if actual not in (None, "", [], {}) and field.rsplit(".", 1)[-1] not in ("conditions", "labels"):
                self.compare_values(where, field, expected, actual)
        elif type(expected) is not type(actual):
            self.compare_values(where, field, expected, actual)
        elif isinstance(expected, dict):
            for name in set(expected) - {"dataTotal"}:  # added by the recorder: length of the list
                self.compare(where, (field + "." + name).lstrip("."), expected[name], actual.get(name))
        elif isinstance(expected, list):
            self.compare_list(where, field, expected, actual)
        elif not PRIVATE.match(field):
            compare = self.compare_texts if isinstance(expected, str) else self.compare_values
            compare(where, field, expected, actual)

    def compare_texts(self, where, field, expected, actual):
        if "-----BEGIN" in expected:
            return
        pattern = re.escape(self.translated(expected))
        for secret in SECRETS.findall(expected):
            pattern = pattern.replace(re.escape(secret), r"[\w:.-]+")
        if not re.fullmatch(pattern, actual, re.S):
            self.compare_values(where, field, self.translated(expected), actual)

    def compare_list(self, where, field, expected, actual):
        if field == "data" and len(actual) >= len(expected):
            key = "id" if all("id" in item for item in expected) else "name"
            for index, item in enumerate(expected):
                matching = [other for other in actual if other.get(key) == self.translated(str(item.get(key)))]
                self.compare(where, "data[]", item, (matching or actual[index:])[0])
        elif len(actual) < len(expected):
            self.compare_values(where, field + " (length)", len(expected), len(actual))
        else:
            for old, new in zip(expected, actual):
                self.compare(where, field + "[]", old, new)

    def follow(self, series):
        """Wait until the stand-in reaches the end of a recorded series of states."""
        last = series["seen"][-1]
        deadline = time.time() + last["second"] + 15
        while time.time() < deadline:
            status, _, body = self.call("GET", self.watched, self.admin())
            if status == last["status"] and (status == 404 or body["state"] == last["state"] and
                                             body["transitioningMessage"] == last["transitioningMessage"]):
                return
            time.sleep(0.2)
        self.differences.append((series["case"], "seen", last, (status, body)))


@pytest.fixture(scope="module")
def differences(standin):
    player = Player(standin)
    for topic in TOPICS:
        for exchange in recorded(topic):
            if "seen" in exchange:
                player.follow(exchange)
            elif exchange.get("response", {}) and exchange["response"].get("status"):
                player.play(topic, exchange)
                if exchange["request"]["method"] in ("POST", "DELETE", "GET") and topic == "cluster-rke1":
                    identifier = re.search(r"clusters/(c-\w+)", exchange["request"]["path"])
                    body = exchange["response"]["body"]
                    if identifier:
                        player.watched = "/v3/clusters/" + player.identifiers.get(identifier.group(1), identifier.group(1))
                    elif isinstance(body, dict) and str(body.get("id", "")).startswith("c-"):
                        player.watched = "/v3/clusters/" + player.identifiers.get(body["id"], body["id"])
    return player.differences


def permitted_differences():
    with open(os.path.join(os.path.dirname(__file__), "recorded_differences.yml")) as source:
        return yaml.safe_load(source) or []


def permits(entry, difference):
    return re.fullmatch(entry["where"], difference[0]) and re.fullmatch(entry["field"], difference[1])


def test_every_difference_has_a_reason(differences):
    unexplained = [difference for difference in differences if not any(permits(entry, difference) for entry in permitted_differences())]
    assert not unexplained, "\n" + "\n".join("%s: %s: recorded %.150r, stand-in %.150r" % difference for difference in unexplained)


def test_every_permitted_difference_occurs(differences):
    unused = [entry for entry in permitted_differences() if not any(permits(entry, difference) for difference in differences)]
    assert not unused, unused
