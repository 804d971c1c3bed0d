# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter daemon_options_merge; documented in daemon_options_merge.yml."""
import re

from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.module_utils._engine.daemon_options import IMAGE_STORE_FEATURE
from ansible_collections.fay.rancher.plugins.module_utils._engine.image_store import CLASSIC, CONTAINERD, FIRST_WITH_CONTAINERD_DEFAULT
from ansible_collections.fay.rancher.plugins.plugin_utils._plain_data import plain_data

# Options of daemon.json and their values: docs.docker.com/reference/cli/dockerd, "Daemon configuration file".
TLS_OPTIONS = {"tlsverify": True, "tlscacert": "/etc/docker/tls/ca.pem", "tlscert": "/etc/docker/tls/cert.pem",
               "tlskey": "/etc/docker/tls/key.pem"}


def without_empty(options):
    """The options (dict) whose value is not empty."""
    return {name: value for name, value in options.items() if value}


def options_of_variables(role):
    """The options of daemon.json that the variables of the role set. An empty variable sets no option."""
    log_options = without_empty({"max-size": role["log_max_size"], "max-file": str(role["log_max_file"] or "")})
    options = without_empty({
        "registry-mirrors": role["registry_mirrors"],
        "insecure-registries": role["insecure_registries"],
        "exec-opts": ["native.cgroupdriver=" + role["cgroup_driver"]] if role["cgroup_driver"] else [],
        "default-address-pools": role["address_pools"],
        "log-opts": log_options,
    })
    return dict(options, **TLS_OPTIONS) if role["tls_address"] else options


def kept_options(existing, role):
    """The options of the existing daemon.json that are kept. `graph`, the old name of data-root, is removed."""
    if role["daemon_options_only"]:  # without the choice of the image store, Docker would no longer see its images
        features = existing.get("features")
        has_choice = isinstance(features, dict) and IMAGE_STORE_FEATURE in features
        return {"features": {IMAGE_STORE_FEATURE: features[IMAGE_STORE_FEATURE]}} if has_choice else {}
    removed = {"graph"}
    if existing.get("tlscert") == TLS_OPTIONS["tlscert"]:  # written by an earlier run
        removed |= set(TLS_OPTIONS)
    return {name: value for name, value in existing.items() if name not in removed}


def merge(base, changes):
    """A copy of `base` (dict) with `changes` (dict) merged into it. Maps are merged; lists are replaced."""
    merged = dict(base)
    for name, value in changes.items():
        both_are_maps = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = merge(merged[name], value) if both_are_maps else value
    return merged


def image_store_options(role, image_store):
    """The option that selects the image store, or keeps the current one if the requested version has another default (dict)."""
    major = re.match(r"[0-9]+", role["version"])
    is_older = bool(major) and int(major.group()) < FIRST_WITH_CONTAINERD_DEFAULT
    if role["image_store"] == "keep" and not (image_store == CONTAINERD and is_older):
        return {}
    wanted = image_store if role["image_store"] == "keep" else role["image_store"]
    return {"features": {IMAGE_STORE_FEATURE: wanted == CONTAINERD}}


def daemon_options_merge(existing, role, image_store=CLASSIC):
    """The new content of daemon.json (dict).

    existing: its current content (dict). role: the options of docker_ce without their prefix. image_store: the store that contains
    images now, `classic` or `containerd`. Raises AnsibleFilterError.
    """
    existing, role = plain_data(existing), plain_data(role)
    try:
        options = kept_options(existing, role)
        for changes in (options_of_variables(role), image_store_options(role, image_store), role["daemon_options"],
                        {"data-root": role["data_root"]}):
            options = merge(options, changes)
    except KeyError as error:
        raise AnsibleFilterError("daemon_options_merge: role has no option %s. Pass what fay.rancher.role_options returns in the role "
                                 "docker_ce" % error)
    return options


class FilterModule:
    def filters(self):
        return {"daemon_options_merge": daemon_options_merge}
