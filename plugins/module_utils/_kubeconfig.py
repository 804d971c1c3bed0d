# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""kubeconfig as data: parse, build, merge, render, redact. Pure Python, no file and no network.

The form is kubectl's (k8s.io/client-go tools/clientcmd/api/v1): keys sorted, lists of {name, KIND}.
"""
import copy

try:
    import yaml
    YAML_ERROR = None
except ImportError as error:
    yaml, YAML_ERROR = None, error

KINDS = (("clusters", "cluster"), ("contexts", "context"), ("users", "user"))
SECRET_FIELDS = ("client-key-data", "client-certificate-data", "certificate-authority-data", "token", "password")


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
    if value is None:
        return empty()
    if not isinstance(value, dict):
        raise KubeconfigError("it is no mapping but %s" % type(value).__name__)
    if value.get("kind", "Config") != "Config":
        raise KubeconfigError("its kind is %r, not Config" % (value["kind"],))
    for plural, kind in KINDS:
        entries = value.get(plural)
        if entries is None:
            value[plural] = []
        elif not isinstance(entries, list) or not all(isinstance(entry, dict) and "name" in entry for entry in entries):
            raise KubeconfigError("its %s are no list of {name, %s}" % (plural, kind))
    return value


def build(cluster, user, context, server, authority, identity):
    """A kubeconfig of one cluster, one user and one context, the context being the current one.

    cluster, user, context: str, names. server: str, URL. authority: {certificate-authority: PATH} or
    {certificate-authority-data: BASE64}. identity: the user's fields, by path or as data.
    """
    value = empty()
    value["clusters"] = [{"name": cluster, "cluster": dict(authority, server=server)}]
    value["users"] = [{"name": user, "user": dict(identity)}]
    value["contexts"] = [{"name": context, "context": {"cluster": cluster, "user": user}}]
    value["current-context"] = context
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


def render(value):
    """The text that kubectl would write."""
    style = dict(default_flow_style=False, sort_keys=True, width=10 ** 9)
    text = yaml.safe_dump(value, allow_unicode=True, **style)
    # PyYAML writes some line separators (U+0085) so that they are lost when read again: then all is escaped.
    return text if yaml.safe_load(text) == value else yaml.safe_dump(value, **style)


def redact(value):
    """A copy that may be shown: keys, certificates, tokens and passwords replaced."""
    result = copy.deepcopy(value)
    for plural, kind in KINDS:
        for item in result.get(plural) or []:
            fields = item.get(kind)
            for name in SECRET_FIELDS if isinstance(fields, dict) else ():
                if name in fields:
                    fields[name] = "REDACTED"
    return result
