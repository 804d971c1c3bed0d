# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""RKE1 clusters in Rancher's /v3: what is wanted, what is there, what has to be sent."""
import re

from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import RancherError

DNS_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
# Plugins and their options: rancher/rke @v1.3.3 cluster/network.go.
BACKEND_OPTIONS = {
    "flannel": {"backend": "flannel_backend_type", "port": "flannel_backend_port", "vni": "flannel_backend_vni",
                "interface": "flannel_iface"},
    "canal": {"backend": "canal_flannel_backend_type", "port": "canal_flannel_backend_port",
              "vni": "canal_flannel_backend_vni", "interface": "canal_iface"},
    "calico": {}, "weave": {}, "none": {},
}
JSON_TYPES = {"int": (int,), "string": (str,), "boolean": (bool,), "date": (str,), "password": (str,)}


def wanted(parameters):
    """The fields of /v3/clusters that a module's parameters ask for; a parameter that is None asks for nothing.

    Raises RancherError for a name or a network that cannot be.
    """
    name = parameters["name"]
    if not DNS_LABEL.match(name):
        raise RancherError("The cluster name %r is no DNS label: lower-case letters, digits and hyphens, at most 63, "
                           "no hyphen at an end" % name)
    rke = dict(parameters.get("rke_config") or {})
    for field in ("kubernetesVersion", "network"):
        if field in rke:
            raise RancherError("rke_config has %s; give it as kubernetes_version or network instead" % field)
    if parameters.get("kubernetes_version"):
        rke["kubernetesVersion"] = parameters["kubernetes_version"]
    if parameters.get("ignore_docker_version") is not None:
        rke["ignoreDockerVersion"] = parameters["ignore_docker_version"]
    if parameters.get("network"):
        rke["network"] = network(parameters["network"])
    fields = {"name": name}
    for parameter, field in (("description", "description"), ("docker_root_dir", "dockerRootDir"),
                             ("enable_network_policy", "enableNetworkPolicy")):
        if parameters.get(parameter) is not None:
            fields[field] = parameters[parameter]
    if rke:
        fields["rancherKubernetesEngineConfig"] = rke
    return fields


def network(given):
    """Rancher's networkConfig from {plugin, backend, port, vni, interface, mtu}; raises RancherError."""
    plugin = given["plugin"]
    names = BACKEND_OPTIONS[plugin]
    options = {}
    for name in ("backend", "port", "vni", "interface"):
        value = given.get(name)
        if value is None:
            continue
        if name not in names:
            raise RancherError("The network plugin %s has no option %s; it belongs to %s" % (
                plugin, name, " and ".join(sorted(other for other in BACKEND_OPTIONS if name in BACKEND_OPTIONS[other]))))
        options[names[name]] = str(value)
    result = {"plugin": plugin}
    if options:
        result["options"] = options
    if given.get("mtu"):
        if plugin == "flannel":
            raise RancherError("The network plugin flannel takes no mtu in Rancher (the cluster would fail while it is "
                               "built): flannel derives it from its outer interface. Leave mtu out")
        result["mtu"] = given["mtu"]
    return result


def check_version(version, offered):
    """Raise RancherError unless this server offers the Kubernetes version (setting k8s-versions-current).

    The server takes any version and then waits for ever (recorded on 2.6.2).
    """
    if version and offered and version not in offered:
        raise RancherError("This Rancher does not offer Kubernetes %s. It offers: %s" % (version, ", ".join(offered)))


def check_server_version(version):
    """Raise RancherError for a server that has no RKE1 any more (2.12 and later: rancher/rancher @v2.12.0)."""
    match = re.match(r"v?(\d+)\.(\d+)", version or "")
    if match and (int(match.group(1)), int(match.group(2))) >= (2, 12):
        raise RancherError("Rancher %s has no RKE1 clusters; the last that has is 2.11" % version)


def check_fields(value, schema, fetch, where):
    """Raise RancherError where `value` (a dict) has a field or type that Rancher's schema has not.

    schema: the JSON of /v3/schemas/TYPE. fetch(type): the schema of another type, or None. The server would drop such
    a field, or take another value for it, without a word (recorded on 2.6.2).
    """
    fields = schema["resourceFields"]
    for name, item in value.items():
        if name not in fields:
            raise RancherError("%s has no field %s. Its fields are: %s" % (where, name, ", ".join(sorted(fields))))
        _check_type(item, fields[name]["type"], fetch, where + "." + name)


def _check_type(item, kind, fetch, where):
    if item is None:
        return
    inner = re.match(r"^(array|map)\[(.*)\]$", kind)
    if inner:
        container = list if inner.group(1) == "array" else dict
        if not isinstance(item, container):
            raise RancherError("%s is %r, but must be a %s" % (where, item, "list" if container is list else "mapping"))
        pairs = enumerate(item) if container is list else item.items()
        for key, part in pairs:
            _check_type(part, inner.group(2), fetch, "%s[%s]" % (where, key))
    elif kind in JSON_TYPES:
        if not isinstance(item, JSON_TYPES[kind]) or (kind == "int" and isinstance(item, bool)):
            raise RancherError("%s is %r, but must be of type %s" % (where, item, kind))
    else:
        schema = fetch(kind)
        if schema and isinstance(item, dict):
            check_fields(item, schema, fetch, where)
        elif schema:
            raise RancherError("%s is %r, but must be a mapping (%s)" % (where, item, kind))


def difference(current, fields):
    """The part of `fields` that the cluster does not have yet, with its name when there is any; {} when none.

    Nested mappings are compared field by field: what is not asked for is not touched. A changed field of
    rancherKubernetesEngineConfig sends that whole mapping as it is now with the change in it: /v3 merges no deeper.
    """
    changed = {}
    for name, value in fields.items():
        now = current.get(name)
        if isinstance(value, dict):
            if not _contains(now, value):
                changed[name] = _merged(now or {}, value)
        elif now != value and not (now is None and value in ("", False)):
            changed[name] = value
    if changed:
        changed.setdefault("name", current["name"])
    return changed


def _contains(now, value):
    if isinstance(value, dict):
        return isinstance(now, dict) and all(_contains(now.get(name), part) for name, part in value.items())
    return now == value or (now is None and value in ("", False, 0))


def _merged(now, value):
    result = dict(now)
    for name, part in value.items():
        result[name] = _merged(now.get(name) or {}, part) if isinstance(part, dict) else part
    return result


def same_before_change(first, second, fields):
    """Names of the `fields` that somebody else changed between two reads of the object, sorted."""
    return sorted(name for name in fields if name != "name" and first.get(name) != second.get(name))
