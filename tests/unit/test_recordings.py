"""The server stand-in answers as the real server did: every recorded request is asked again, in the recorded order.

Compared: status, content type, error code and message, fields and their types, and all values that are no
identifiers, times or secrets. What may differ stands in recorded_differences.yml with its reason; an entry there
that is not needed fails too.
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
# Identifiers, times, secrets: their type is compared, not their value.
PRIVATE = re.compile(r"(.*\.)?(uuid|uid|created|createdTS|lastUpdateTime|expiresAt|token|password|removed|removedTS|"
                     r"config|caCert|revision|creationTimestamp|principalIds|dataTotal|X-Api-Schemas)$")
SECRETS = re.compile(r"SECRET|REGISTRATION-TOKEN-(?:\d+|own)|[0-9a-f]{64}")
IDENTIFIER = re.compile(r"(?<![a-z0-9-])(c-[a-z0-9]{5}|user-[a-z0-9]{5}|u-[a-z0-9]{5,6}|token-[a-z0-9]{5}|grb-[a-z0-9]{5}|"
                        r"crt-[a-z0-9]{5})\b")


def recorded(topic):
    with open(os.path.join(RECORDINGS, "v2.6.2", topic + ".json")) as source:
        return json.load(source)


class Player:
    """Asks the recorded requests and keeps what later ones need: identifiers, tokens, objects as they were read."""

    def __init__(self, server):
        self.server = server
        self.known = {}       # recorded identifier: ours
        self.tokens = {"unknown token": "token-xxxxx:nosuch", "rubbish": "rubbish"}
        self.read = {}        # path: the object as it was last read
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
            except OSError:  # the listener took a new certificate, as recorded
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
        if auth in (None, "none"):
            return None
        if auth in ("admin", "basic"):
            return self.admin()
        if auth == "wrong secret":
            return self.admin().split(":")[0] + ":nosuch"
        if auth == "expired token":
            time.sleep(max(0, self.expires - time.time()))
            return self.tokens["shorter"]
        if auth in ("ordinary user", "deleted user"):
            if "ops" not in self.tokens:
                self.tokens["ops"] = self.call("POST", "/v3-public/localProviders/local?action=login", body=json.dumps(
                    {"username": "ops", "password": "a-long-password-1"}))[2]["token"]
            return self.tokens["ops"]
        if auth == "session token":
            body = json.dumps({"username": "admin", "password": "NEW-PASSWORD"})
            self.tokens["logged-out token"] = self.call(
                "POST", "/v3-public/localProviders/local?action=login", body=body)[2]["token"]
            return self.tokens["logged-out token"]
        if auth == "API token":
            return self.tokens["short" if "deletes itself" in case else "automation"]
        if auth == "deleted token":
            return self.tokens["automation"]
        return self.tokens[auth]

    def ours(self, text):
        """A recorded text with our identifiers and our address in it."""
        text = text.replace("https://RANCHER", "https://127.0.0.1:%d" % self.server.port)
        text = text.replace("wss://172.31.250.10", "wss://127.0.0.1:%d" % self.server.port)
        return IDENTIFIER.sub(lambda match: self.known.get(match.group(0), match.group(0)), text)

    def play(self, topic, exchange):
        request, wanted = exchange["request"], exchange["response"]
        case = exchange.get("case", "%s after %s s" % (request["path"], exchange.get("second")))
        path = self.ours(request["path"])
        body = request.get("raw")
        if request.get("body") == "the object as read, with the change":
            body = json.dumps(dict(self.read[path], **{name: wanted["body"][name] for name in (
                "enableNetworkPolicy", "labels", "description") if name in wanted["body"]}))
        elif "body" in request and request["body"] is not None:
            body = request["body"] if isinstance(request["body"], str) else self.ours(json.dumps(request["body"]))
        if topic == "first-boot" and request["method"] == "POST":
            body = json.dumps({"username": "admin", "password": "PASSWORD"})
        auth = request.get("auth")
        if re.search("some seconds|settled", case) or (request["method"] == "DELETE" and wanted["status"] == 200):
            time.sleep(1.5)  # as the recorder did
        status, headers, answer = self.call(request["method"], path, self.token_for(auth, case), body, auth == "basic")
        expected = wanted["body"]
        if topic == "first-boot" and isinstance(expected, str) and expected[:1] == "{":
            expected = self.whole(expected)
        self.remember(request, path, status, expected, answer)
        where = "%s / %s" % (topic, case)
        self.same(where, "status", wanted["status"], status)
        for name in ("Content-Type", "X-Api-Cattle-Auth", "Set-Cookie"):
            if name in wanted.get("headers", {}) and name != "Set-Cookie":
                self.same(where, name, wanted["headers"][name], headers.get(name))
            elif name in wanted.get("headers", {}):
                self.same(where, name, wanted["headers"][name].split("=")[0], (headers.get(name) or "").split("=")[0])
        if isinstance(expected, dict) and expected.get("type") == "error":
            self.same(where, "fields", sorted(expected), sorted(answer))
        self.compare(where, "", expected, answer)

    @staticmethod
    def whole(text):
        """The JSON of a body of first-boot; the recorder cut long ones off: of those nothing is compared.

        It kept the `sort` links there, which it left out elsewhere.
        """
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
            self.read[path] = answer
        if isinstance(expected, dict):
            pairs = [(expected, answer)] + [
                (old, new) for old, new in zip(expected.get("data") or [], answer.get("data") or [])
                if old.get("name", old.get("username")) == new.get("name", new.get("username")) or len(answer["data"]) == 1]
            for old, new in pairs:
                for field in ("id", "userId", "creatorId"):
                    left, right = str(old.get(field) or ""), str(new.get(field) or "")
                    for before, after in zip(IDENTIFIER.findall(left), IDENTIFIER.findall(right)):
                        self.known[before] = after
        if request["path"] == "/v3/tokens" and status == 201:
            self.tokens[answer["description"] or answer["id"]] = answer["token"]
            if answer["description"] == "shorter":
                self.expires = time.time() + 2.2

    def same(self, where, field, expected, found):
        if expected != found:
            self.differences.append((where, field, expected, found))

    def compare(self, where, field, expected, found):
        if expected is None:  # the recorder writes null for what is not there, too
            if found not in (None, "", [], {}) and field.rsplit(".", 1)[-1] not in ("conditions", "labels"):
                self.same(where, field, expected, found)
        elif type(expected) is not type(found):
            self.same(where, field, expected, found)
        elif isinstance(expected, dict):
            for name, value in expected.items():
                if name == "dataTotal":  # the recorder's own note of how long the list was
                    continue
                self.compare(where, (field + "." + name).lstrip("."), value, found.get(name))
        elif isinstance(expected, list):
            self.compare_list(where, field, expected, found)
        elif isinstance(expected, str) and not PRIVATE.match(field) and "-----BEGIN" not in expected:
            pattern = re.escape(self.ours(expected))
            for secret in SECRETS.findall(expected):
                pattern = pattern.replace(re.escape(secret), r"[\w:.-]+")
            if not re.fullmatch(pattern, found, re.S):
                self.same(where, field, self.ours(expected), found)
        elif not isinstance(expected, str) and not PRIVATE.match(field):
            self.same(where, field, expected, found)

    def compare_list(self, where, field, expected, found):
        if field == "data" and len(found) >= len(expected):
            key = "id" if all("id" in item for item in expected) else "name"
            for index, item in enumerate(expected):
                there = [one for one in found if one.get(key) == self.ours(str(item.get(key)))]
                self.compare(where, "data[]", item, (there or found[index:])[0])
        elif len(found) < len(expected):
            self.same(where, field + " (length)", len(expected), len(found))
        else:
            for old, new in zip(expected, found):
                self.compare(where, field + "[]", old, new)

    def follow(self, series):
        """Wait until the stand-in has come to the end of a recorded series of states."""
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
                        player.watched = "/v3/clusters/" + player.known.get(identifier.group(1), identifier.group(1))
                    elif isinstance(body, dict) and str(body.get("id", "")).startswith("c-"):
                        player.watched = "/v3/clusters/" + player.known.get(body["id"], body["id"])
    return player.differences


def allowed():
    with open(os.path.join(os.path.dirname(__file__), "recorded_differences.yml")) as source:
        return yaml.safe_load(source) or []


def covers(entry, difference):
    return re.fullmatch(entry["where"], difference[0]) and re.fullmatch(entry["field"], difference[1])


def test_every_difference_has_a_reason(differences):
    unexplained = [one for one in differences if not any(covers(entry, one) for entry in allowed())]
    assert not unexplained, "\n" + "\n".join("%s: %s: recorded %.150r, stand-in %.150r" % one for one in unexplained)


def test_every_reason_is_needed(differences):
    idle = [entry for entry in allowed() if not any(covers(entry, one) for one in differences)]
    assert not idle, idle
