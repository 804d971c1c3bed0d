"""Objects as a real server v2.6.2 answered them, to fill in: see tests/recordings/README.md."""
import copy
import json
import os
import re

DIRECTORY = os.environ.get("STANDIN_RECORDINGS") or os.path.join(
    os.path.dirname(__file__), "..", "..", "..", "recordings", "v2.6.2")


def exchange(topic, case):
    """The first recorded response of that case: {status, headers, body}."""
    with open(os.path.join(DIRECTORY, topic + ".json")) as source:
        for item in json.load(source):
            if item.get("case") == case and item.get("response", {}).get("status"):
                return copy.deepcopy(item["response"])
    raise KeyError((topic, case))


def body(topic, case):
    return exchange(topic, case)["body"]


def first(topic, case):
    """The first object of a recorded list."""
    return body(topic, case)["data"][0]


def replace(value, old, new):
    """The same JSON value with one text replaced in every string and key."""
    return json.loads(json.dumps(value).replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1]))


def settings():
    """Every setting that was recorded, as {name: object}, in the state of the first boot.

    Of some only the name was recorded: they are empty.
    """
    found = {}
    with open(os.path.join(DIRECTORY, "errors-and-lists.json")) as source:
        names = set(re.findall(r'"id": "([a-z0-9-]+)"', source.read()))
    names |= {"agent-rollout-wait", "whitelist-domain"}  # from the links to other pages
    for topic in ("public", "settings"):
        with open(os.path.join(DIRECTORY, topic + ".json")) as source:
            for item in json.load(source):
                answer = (item.get("response") or {}).get("body")
                for candidate in [answer] + (answer.get("data", []) if isinstance(answer, dict) else []):
                    if isinstance(candidate, dict) and candidate.get("baseType") == "setting":
                        found.setdefault(candidate["id"], candidate)
    for name in names - {"clusterregistrationtoken", "v3"}:
        found.setdefault(name, dict(replace(found["ui-issues"], "ui-issues", name), value="", default=""))
    return found
