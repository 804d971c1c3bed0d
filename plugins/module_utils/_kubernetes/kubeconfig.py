# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""kubeconfig as data: parse, build, merge, render, redact. Pure Python, no file and no network.

The form is kubectl's (k8s.io/client-go tools/clientcmd/api/v1): keys sorted, lists of {name, KIND}.
"""
import copy
import traceback

try:
    import yaml
    YAML_ERROR = None
except ImportError:
    yaml, YAML_ERROR = None, traceback.format_exc()

KINDS = (("clusters", "cluster"), ("contexts", "context"), ("users", "user"))
SECRET_FIELDS = ("client-key-data", "client-certificate-data", "certificate-authority-data", "token", "password", "proxy-url")


class KubeconfigError(Exception):
    """Says what is wrong with a kubeconfig, and where."""


def empty():
    """What kubectl starts a new file with."""
    return {"apiVersion": "v1", "kind": "Config", "clusters": [], "contexts": [], "users": [], "preferences": {},
            "current-context": ""}


def parse(text):
    """The kubeconfig in `text` (str) as a dict; an empty text is an empty kubeconfig. Raises KubeconfigError."""
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise KubeconfigError("it is no YAML: %s" % " ".join(str(error).split()))
    return checked(value)


def checked(value):
    """A kubeconfig as data, with lists where there were none; None is an empty one. Raises KubeconfigError for what is none."""
    if value is None:
        return empty()
    if not isinstance(value, dict):
        raise KubeconfigError("it is no mapping but %s" % type(value).__name__)
    if value.get("kind", "Config") != "Config":
        raise KubeconfigError("its kind is %r, not Config" % (value["kind"],))
    value = dict(value)
    for plural, kind in KINDS:
        entries = value.get(plural)
        if entries is None:
            value[plural] = []
        elif not isinstance(entries, list) or not all(isinstance(entry, dict) and "name" in entry for entry in entries):
            raise KubeconfigError("its %s are no list of {name, %s}" % (plural, kind))
    return value


def build(names, cluster, user, namespace=None):
    """A kubeconfig of one cluster, one user and one context, the context being the current one.

    names: {cluster, user, context}. cluster: the cluster's fields (server, certificate-authority or
    certificate-authority-data, tls-server-name). user: the user's fields, by path or as data.
    """
    value = empty()
    value["clusters"] = [{"name": names["cluster"], "cluster": dict(cluster)}]
    value["users"] = [{"name": names["user"], "user": dict(user)}]
    context = {"cluster": names["cluster"], "user": names["user"]}
    if namespace:
        context["namespace"] = namespace
    value["contexts"] = [{"name": names["context"], "context": context}]
    value["current-context"] = names["context"]
    return value


def entry(value, plural, kind, name):
    """The cluster, context or user of that name, or None."""
    for item in value.get(plural) or []:
        if item["name"] == name:
            return item.get(kind)
    return None


def merge(current, ours, make_current=True):
    """`current` with our entries in the place of those of the same names; everything else stays. Changes neither."""
    result = copy.deepcopy(current)
    for name, value in empty().items():
        result.setdefault(name, value)
    for plural, kind in KINDS:
        for item in copy.deepcopy(ours[plural]):
            places = [index for index, old in enumerate(result[plural]) if old["name"] == item["name"]]
            if places:
                result[plural][places[0]] = dict(result[plural][places[0]], **item)
            else:
                result[plural].append(item)
                result[plural].sort(key=lambda one: str(one["name"]))
    if make_current:
        result["current-context"] = ours["current-context"]
    return result


def without(current, names):
    """`current` without our context, and without our user and cluster where no other context has them. Changes nothing.

    names: {cluster, user, context}.
    """
    result = copy.deepcopy(current)
    result["contexts"] = [item for item in result["contexts"] if item["name"] != names["context"]]
    for plural, kind in (("clusters", "cluster"), ("users", "user")):
        used = [(item.get("context") or {}).get(kind) for item in result["contexts"]]
        if names[kind] not in used:
            result[plural] = [item for item in result[plural] if item["name"] != names[kind]]
    if result.get("current-context") == names["context"]:
        result["current-context"] = ""
    return result


def subset(value, contexts):
    """A kubeconfig of these contexts only, with their clusters and users. Raises KubeconfigError for one that is not there."""
    missing = [name for name in contexts if entry(value, "contexts", "context", name) is None]
    if missing:
        raise KubeconfigError("it has no context %s" % ", ".join(missing))
    result = copy.deepcopy(value)
    result["contexts"] = [item for item in result["contexts"] if item["name"] in contexts]
    for plural, kind in (("clusters", "cluster"), ("users", "user")):
        used = [(item.get("context") or {}).get(kind) for item in result["contexts"]]
        result[plural] = [item for item in result[plural] if item["name"] in used]
    if result.get("current-context") not in contexts:
        result["current-context"] = contexts[0] if contexts else ""
    return result


def rename(value, contexts=None, clusters=None, users=None):
    """A kubeconfig with other names; each argument is {old: new}. Raises KubeconfigError where two would have one name."""
    result = copy.deepcopy(value)
    changes = {"contexts": contexts or {}, "clusters": clusters or {}, "users": users or {}}
    for plural, kind in KINDS:
        for item in result[plural]:
            item["name"] = changes[plural].get(item["name"], item["name"])
        names = [item["name"] for item in result[plural]]
        if len(set(names)) < len(names):
            raise KubeconfigError("two %s would have one name" % plural)
    for item in result["contexts"]:
        fields = item.get("context") or {}
        for plural, kind in (("clusters", "cluster"), ("users", "user")):
            if kind in fields:
                fields[kind] = changes[plural].get(fields[kind], fields[kind])
    result["current-context"] = changes["contexts"].get(result.get("current-context"), result.get("current-context"))
    return result


def has_comments(text):
    """Whether a YAML text has comments, which are lost when it is written anew."""
    marks = [(token.start_mark.index, token.end_mark.index) for token in yaml.scan(text) if isinstance(token, yaml.ScalarToken)]
    position = -1
    while True:
        position = text.find("#", position + 1)
        if position < 0:
            return False
        if not any(begin <= position < end for begin, end in marks):
            return True


def render(value):
    """The text that kubectl would write."""
    style = dict(default_flow_style=False, sort_keys=True, width=10 ** 9)
    text = yaml.safe_dump(value, allow_unicode=True, **style)
    # PyYAML writes some line separators (U+0085) so that they are lost when read again: then all is escaped.
    return text if yaml.safe_load(text) == value else yaml.safe_dump(value, **style)


def redact(value):
    """A copy that may be shown: keys, certificates, tokens, passwords and all that helpers are given replaced."""
    result = copy.deepcopy(value)
    for plural, kind in KINDS:
        for item in result.get(plural) or []:
            fields = item.get(kind)
            for name in SECRET_FIELDS if isinstance(fields, dict) else ():
                if name in fields:
                    fields[name] = "REDACTED"
            for helper, inner in (("exec", "env"), ("exec", "args"), ("auth-provider", "config")):
                if isinstance(fields, dict) and isinstance(fields.get(helper), dict) and inner in fields[helper]:
                    fields[helper][inner] = "REDACTED"
    return result
