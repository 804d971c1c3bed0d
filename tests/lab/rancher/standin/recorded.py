# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real server v2.6.2 answered (tests/recordings/README.md): whole answers, and objects to fill in."""
import copy
import json
import os
import re

from .messages import Answer

DIRECTORY = os.environ.get("STANDIN_RECORDINGS") or os.path.join(
    os.path.dirname(__file__), "..", "..", "..", "recordings", "v2.6.2")
VERSION = "v2.6.2"
AGENT_IMAGE = "rancher/rancher-agent:" + VERSION
SERVER_ADDRESS = "172.31.250.10"  # of the recorded server, in wss:// URLs; its https:// URLs have RANCHER instead


def exchange(topic, case):
    """The first recorded response of that case: {status, headers, body}. Raises KeyError if there is none."""
    with open(os.path.join(DIRECTORY, topic + ".json")) as source:
        for item in json.load(source):
            if item.get("case") == case and item.get("response", {}).get("status"):
                return copy.deepcopy(item["response"])
    raise KeyError((topic, case))


def body(topic, case):
    return exchange(topic, case)["body"]


def answer(topic, case, request):
    """The recorded body as the Answer to a Request, with the URL by which the client reaches the server."""
    return Answer(200, replace(body(topic, case), "https://RANCHER", request.base))


def first(topic, case):
    """The first object of a recorded list."""
    return body(topic, case)["data"][0]


def replace(value, old, new):
    """The same JSON value with one text replaced in every string and key."""
    return json.loads(json.dumps(value).replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1]))


def settings():
    """All settings whose names were recorded, as {name: object}, in the state of the first boot.

    A setting of which only the name was recorded is empty.
    """
    with open(os.path.join(DIRECTORY, "errors-and-lists.json")) as source:
        names = set(re.findall(r'"id": "([a-z0-9-]+)"', source.read()))
    names -= {"clusterregistrationtoken", "v3"}  # ids of other types
    names |= {"agent-rollout-wait", "whitelist-domain"}  # from the links to other pages
    by_name = recorded_settings()
    for name in names:
        empty = dict(replace(by_name["ui-issues"], "ui-issues", name), value="", default="")
        by_name.setdefault(name, empty)
    return by_name


def recorded_settings():
    """{name: object} of the settings that were recorded whole."""
    by_name = {}
    for topic in ("public", "settings"):
        with open(os.path.join(DIRECTORY, topic + ".json")) as source:
            bodies = [(item.get("response") or {}).get("body") for item in json.load(source)]
        for value in bodies:
            for candidate in [value] + (value.get("data", []) if isinstance(value, dict) else []):
                if isinstance(candidate, dict) and candidate.get("baseType") == "setting":
                    by_name.setdefault(candidate["id"], candidate)
    return by_name
