# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs as data: parse, build, merge, render, redact. Uses no files and no network. Private to the collection.

The format is kubectl's (k8s.io/client-go tools/clientcmd/api/v1): sorted keys, and lists of {name, KIND}.
No function changes its arguments.
"""
import copy
import traceback

try:
    import yaml
    YAML_ERROR = None
except ImportError:
    yaml, YAML_ERROR = None, traceback.format_exc()

KINDS = (("clusters", "cluster"), ("contexts", "context"), ("users", "user"))
REFERENCES = (("clusters", "cluster"), ("users", "user"))  # what a context refers to
SECRET_FIELDS = ("client-key-data", "client-certificate-data", "certificate-authority-data", "token", "password", "proxy-url")
SECRETS_OF_HELPERS = (("exec", "env"), ("exec", "args"), ("auth-provider", "config"))


class KubeconfigError(Exception):
    """A kubeconfig is not valid, or lacks an entry. The message continues a sentence that names the file."""


def empty():
    """The kubeconfig with which kubectl begins a new file."""
    return {"apiVersion": "v1", "kind": "Config", "clusters": [], "contexts": [], "users": [], "preferences": {},
            "current-context": ""}


def parse(text):
    """The kubeconfig in a text (str) as a dict. An empty text is an empty kubeconfig. Raises KubeconfigError."""
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise KubeconfigError("it is not valid YAML: %s" % " ".join(str(error).split()))
    return validated(value)


def validated(value):
    """A kubeconfig as data, with an empty list for each list that is missing. None is an empty kubeconfig. Raises KubeconfigError."""
    if value is None:
        return empty()
    if not isinstance(value, dict):
        raise KubeconfigError("it must be a map, got %s" % type(value).__name__)
    if value.get("kind", "Config") != "Config":
        raise KubeconfigError("its kind is %r; Config is required" % (value["kind"],))
    value = dict(value)
    for plural, kind in KINDS:
        entries = value.get(plural)
        if entries is None:
            value[plural] = []
        elif not isinstance(entries, list) or not all(isinstance(entry, dict) and "name" in entry for entry in entries):
            raise KubeconfigError("its %s must be a list of {name, %s}" % (plural, kind))
    return value


def build(names, cluster, user, namespace=None):
    """A kubeconfig with one cluster, one user and one context, which is the current one.

    names: {cluster, user, context}. cluster, user: dicts with the fields of the entries, as kubectl names them. namespace: str or None.
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


def find_entry(value, plural, kind, name):
    """The fields of the cluster, context or user with that name, or None. plural, kind: one of KINDS."""
    for item in value.get(plural) or []:
        if item["name"] == name:
            return item.get(kind)
    return None


def merge(current, addition, make_current=True):
    """A copy of `current` with the entries of `addition`, which replace entries of the same names. Everything else is kept.

    make_current: whether the current context of `addition` becomes the current one.
    """
    result = copy.deepcopy(current)
    for name, value in empty().items():
        result.setdefault(name, value)
    for plural, _kind in KINDS:
        for item in copy.deepcopy(addition[plural]):
            set_entry(result[plural], item)
    if make_current:
        result["current-context"] = addition["current-context"]
    return result


def set_entry(entries, item):
    """Replace the entry with the item's name in a list, or insert the item in the order of names."""
    for index, old in enumerate(entries):
        if old["name"] == item["name"]:
            entries[index] = dict(old, **item)
            return
    entries.append(item)
    entries.sort(key=lambda entry: str(entry["name"]))


def referenced_names(value, kind):
    """The names of the clusters (`cluster`) or users (`user`) to which contexts refer."""
    return [(item.get("context") or {}).get(kind) for item in value["contexts"]]


def without(current, names):
    """A copy of `current` without a context, and without its user and cluster unless another context refers to them.

    names: {cluster, user, context}.
    """
    result = copy.deepcopy(current)
    result["contexts"] = [item for item in result["contexts"] if item["name"] != names["context"]]
    for plural, kind in REFERENCES:
        if names[kind] not in referenced_names(result, kind):
            result[plural] = [item for item in result[plural] if item["name"] != names[kind]]
    if result.get("current-context") == names["context"]:
        result["current-context"] = ""
    return result


def subset(value, contexts):
    """A kubeconfig with some contexts only, and their clusters and users. Raises KubeconfigError for a context that is missing."""
    missing = [name for name in contexts if find_entry(value, "contexts", "context", name) is None]
    if missing:
        raise KubeconfigError("it has no context %s" % ", ".join(missing))
    result = copy.deepcopy(value)
    result["contexts"] = [item for item in result["contexts"] if item["name"] in contexts]
    for plural, kind in REFERENCES:
        names = referenced_names(result, kind)
        result[plural] = [item for item in result[plural] if item["name"] in names]
    if result.get("current-context") not in contexts:
        result["current-context"] = contexts[0] if contexts else ""
    return result


def rename(value, contexts=None, clusters=None, users=None):
    """A kubeconfig with other names. Each argument is {old: new}. Raises KubeconfigError if two entries would have the same name."""
    result = copy.deepcopy(value)
    new_names = {"contexts": contexts or {}, "clusters": clusters or {}, "users": users or {}}
    for plural, _kind in KINDS:
        for item in result[plural]:
            item["name"] = new_names[plural].get(item["name"], item["name"])
        if len({item["name"] for item in result[plural]}) < len(result[plural]):
            raise KubeconfigError("two %s would have the same name" % plural)
    for item in result["contexts"]:
        fields = item.get("context") or {}
        for plural, kind in REFERENCES:
            if kind in fields:
                fields[kind] = new_names[plural].get(fields[kind], fields[kind])
    current = result.get("current-context")
    result["current-context"] = new_names["contexts"].get(current, current)
    return result


def has_comments(text):
    """Whether a YAML text has comments, which are lost when its data is written."""
    scalars = [(token.start_mark.index, token.end_mark.index) for token in yaml.scan(text) if isinstance(token, yaml.ScalarToken)]
    position = text.find("#")
    while position >= 0:
        if not any(begin <= position < end for begin, end in scalars):
            return True
        position = text.find("#", position + 1)
    return False


def render(value):
    """The text that kubectl would write."""
    style = dict(default_flow_style=False, sort_keys=True, width=10 ** 9)
    text = yaml.safe_dump(value, allow_unicode=True, **style)
    # PyYAML cannot read back some line separators that it writes (U+0085). A text with one is written with escaped characters instead.
    return text if yaml.safe_load(text) == value else yaml.safe_dump(value, **style)


def redact(value):
    """A copy for display: keys, certificates, tokens, passwords and the input of credential helpers are replaced."""
    result = copy.deepcopy(value)
    for plural, kind in KINDS:
        for item in result.get(plural) or []:
            if isinstance(item.get(kind), dict):
                redact_entry(item[kind])
    return result


def redact_entry(fields):
    """Replace the secrets in the fields of a cluster or user."""
    for name in SECRET_FIELDS:
        if name in fields:
            fields[name] = "REDACTED"
    for helper, secret in SECRETS_OF_HELPERS:
        if isinstance(fields.get(helper), dict) and secret in fields[helper]:
            fields[helper][secret] = "REDACTED"
