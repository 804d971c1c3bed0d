# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RKE1 clusters in Rancher's /v3: the desired fields, what differs, and how the difference is applied.

Private to the collection; may change without notice.
"""
import re

from ansible_collections.fay.rancher.plugins.module_utils._rancher.schema import check_fields
from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import RancherError

DNS_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
# {network plugin: {option: Rancher's name of it}}: rancher/rke @v1.3.3 cluster/network.go.
PLUGIN_OPTIONS = {
    "flannel": {"backend": "flannel_backend_type", "port": "flannel_backend_port", "vni": "flannel_backend_vni",
                "interface": "flannel_iface"},
    "canal": {"backend": "canal_flannel_backend_type", "port": "canal_flannel_backend_port",
              "vni": "canal_flannel_backend_vni", "interface": "canal_iface"},
    "calico": {}, "weave": {}, "none": {},
}
RKE_CONFIG = "rancherKubernetesEngineConfig"
CLUSTER_FIELDS = {"description": "description", "docker_root_dir": "dockerRootDir", "enable_network_policy": "enableNetworkPolicy"}
NEWEST_WITH_RKE1 = (2, 11)  # rancher/rancher @v2.12.0 removed it


def desired_fields(parameters):
    """The fields of /v3/clusters for the module's parameters. A parameter that is None adds no field.

    Raises RancherError for an invalid name, network or rke_config.
    """
    name = parameters["name"]
    if not DNS_LABEL.match(name):
        raise RancherError("%r is not a valid DNS label, which is required as the name of a cluster: lower-case letters, digits and "
                           "hyphens, at most 63 characters, without a hyphen at either end" % name)
    fields = {"name": name}
    for parameter, field in CLUSTER_FIELDS.items():
        if parameters.get(parameter) is not None:
            fields[field] = parameters[parameter]
    rke_config = desired_rke_config(parameters)
    if rke_config:
        fields[RKE_CONFIG] = rke_config
    return fields


def desired_rke_config(parameters):
    """The rancherKubernetesEngineConfig for the module's parameters. Raises RancherError."""
    config = dict(parameters.get("rke_config") or {})
    for field in ("kubernetesVersion", "network"):
        if field in config:
            raise RancherError("rke_config contains %s. Use the option kubernetes_version or network instead" % field)
    if parameters.get("kubernetes_version"):
        config["kubernetesVersion"] = parameters["kubernetes_version"]
    if parameters.get("ignore_docker_version") is not None:
        config["ignoreDockerVersion"] = parameters["ignore_docker_version"]
    if parameters.get("network"):
        config["network"] = network_config(parameters["network"])
    return config


def network_config(network):
    """Rancher's networkConfig for {plugin, backend, port, vni, interface, mtu}. Raises RancherError."""
    plugin = network["plugin"]
    config, options = {"plugin": plugin}, {}
    for name in ("backend", "port", "vni", "interface"):
        if network.get(name) is not None:
            options[plugin_option(plugin, name)] = str(network[name])
    if options:
        config["options"] = options
    if network.get("mtu"):
        if plugin == "flannel":
            raise RancherError("network.mtu is %s, but Rancher cannot build a cluster that has an MTU for flannel: flannel derives it from "
                               "its outer interface. Remove mtu" % network["mtu"])
        config["mtu"] = network["mtu"]
    return config


def plugin_option(plugin, name):
    """Rancher's name of a network plugin's option. Raises RancherError."""
    if name not in PLUGIN_OPTIONS[plugin]:
        plugins = sorted(other for other in PLUGIN_OPTIONS if name in PLUGIN_OPTIONS[other])
        raise RancherError("The network plugin %s does not support the option %s; only %s does. Remove %s or choose another plugin"
                           % (plugin, name, " or ".join(plugins), name))
    return PLUGIN_OPTIONS[plugin][name]


def check_kubernetes_version(version, offered):
    """Raise RancherError if this server does not offer the version. offered: list of the setting k8s-versions-current.

    The server accepts any version and then waits forever (recorded on 2.6.2).
    """
    if version and offered and version not in offered:
        raise RancherError("This Rancher does not offer Kubernetes %s. Set kubernetes_version to one of: %s" % (
            version, ", ".join(offered)))


def check_server_version(version):
    """Raise RancherError if a server of this version (str, such as `v2.12.0`) does not support RKE1."""
    match = re.match(r"v?(\d+)\.(\d+)", version or "")
    if match and (int(match.group(1)), int(match.group(2))) > NEWEST_WITH_RKE1:
        raise RancherError("Rancher %s does not support RKE1 clusters. Rancher 2.11 or earlier is required" % version)


def check_support(client, fields):
    """Raise RancherError if the server would accept these fields and then ignore or never apply them."""
    check_server_version(client.setting("server-version"))
    config = fields.get(RKE_CONFIG) or {}
    offered = [version for version in (client.setting("k8s-versions-current") or "").split(",") if version]
    check_kubernetes_version(config.get("kubernetesVersion"), offered)

    def fetch_schema(type_name):
        return client.request("GET", "/v3/schemas/" + type_name, missing_ok=True)

    schema = fetch_schema(RKE_CONFIG) if config else None
    if schema:
        check_fields(config, schema, fetch_schema, "rke_config")


def difference(current, fields):
    """The part of `fields` that the cluster does not have yet, plus its name; {} if there is none.

    Maps are compared field by field, so that only requested fields are changed. /v3 merges no deeper than the top level: if a field
    of rancherKubernetesEngineConfig differs, the result contains the whole current map with that field changed.
    """
    changes = {}
    for name, value in fields.items():
        current_value = current.get(name)
        if contains(current_value, value):
            continue
        changes[name] = merge(current_value or {}, value) if isinstance(value, dict) else value
    if changes:
        changes.setdefault("name", current["name"])
    return changes


def contains(current, value):
    """Whether `current` has all fields of `value`. The server leaves out empty values."""
    if isinstance(value, dict):
        return isinstance(current, dict) and all(contains(current.get(name), part) for name, part in value.items())
    return current == value or (current is None and value in ("", False, 0))


def merge(current, value):
    """A copy of the map `current` with the fields of the map `value` merged into it."""
    result = dict(current)
    for name, part in value.items():
        result[name] = merge(current.get(name) or {}, part) if isinstance(part, dict) else part
    return result


def changed_by_others(first, second, fields):
    """Sorted names of those `fields` that somebody else changed between two reads of the cluster.

    The server itself adds empty values soon after the creation of a cluster. These are not changes by somebody else.
    """
    return sorted(name for name in fields if name != "name" and (first.get(name) or None) != (second.get(name) or None))


def create(client, fields):
    """Create the cluster and return it.

    If the answer to the first request is lost, the repeated request fails with NotUnique. The cluster then exists and is returned.
    """
    retries_before = client.transport.retries
    try:
        return client.request("POST", "/v3/clusters", dict(fields, type="cluster"))
    except RancherError as error:
        if error.code != "NotUnique" or client.transport.retries == retries_before:
            raise
        cluster = client.cluster(fields["name"])
        if cluster is None:
            raise
        return cluster


def update(client, current, fields):
    """Apply the difference and return the cluster. Raises RancherError if somebody else changes the same fields."""
    changes = difference(current, fields)
    path = "/v3/clusters/" + current["id"]
    others = changed_by_others(current, client.request("GET", path), changes)
    if others:
        raise RancherError("Somebody else is changing the cluster %s: %s changed during this run. Run again when that change is complete"
                           % (current["name"], ", ".join(others)))
    cluster = client.request("PUT", path, changes)
    missing = sorted(name for name in difference(cluster, fields) if name != "name")
    if missing:
        raise RancherError("The cluster %s still has other values of %s: somebody else changed them at the same time, or the server does "
                           "not allow the change. Check the cluster, then run again" % (current["name"], ", ".join(missing)))
    return cluster


def apply_fields(client, fields, check_mode):
    """Create or update the cluster of these fields, unless in check mode.

    Returns (cluster or {}, {field: value before}, {field: value after}) with the fields that differ. Raises RancherError.
    """
    current = client.cluster(fields["name"])
    changes = fields if current is None else difference(current, fields)
    before = dict((name, (current or {}).get(name)) for name in changes)
    cluster = current or {}
    if changes:
        check_support(client, fields)
    if changes and not check_mode:
        cluster = create(client, fields) if current is None else update(client, current, fields)
    return cluster, before, changes
