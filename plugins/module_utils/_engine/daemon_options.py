# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of daemon.json that need no running Docker. Private to the collection.

Names and types are those of the JSON tags in moby v20.10.24 (daemon/config/config.go, config_unix.go,
config_common_unix.go), flags those of cmd/dockerd/config*.go and options.go there.
"""
import re

from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import split_words

STRING, BOOL, OBJECT, ANY = "a string", "true or false", "a map", ""
INTEGER, UNSIGNED = "an integer", "an integer from 0 to 4294967295"  # Go's int64 (int on 64 bits) and uint32
SIZE = "a string such as 64m"  # opts/opts.go, MemBytes: the only type that rejects null
LIST, OBJECT_LIST = "a list of strings", "a list of maps"
MAP, BOOL_MAP, OBJECT_MAP = "a map of strings", "a map of true or false", "a map of maps"
ELEMENTS = {LIST: STRING, OBJECT_LIST: OBJECT, MAP: STRING, BOOL_MAP: BOOL, OBJECT_MAP: OBJECT}
TYPES = {STRING: str, BOOL: bool, OBJECT: dict, SIZE: str}
RANGES = {INTEGER: (-2 ** 63, 2 ** 63 - 1), UNSIGNED: (0, 2 ** 32 - 1)}
OPTIONS = {
    "allow-nondistributable-artifacts": LIST, "api-cors-header": STRING, "authorization-plugins": LIST, "bip": STRING,
    "bridge": STRING, "builder": OBJECT, "cgroup-parent": STRING, "cluster-advertise": STRING, "cluster-store": STRING,
    "cluster-store-opts": MAP, "containerd": STRING, "containerd-namespace": STRING, "containerd-plugin-namespace": STRING,
    "cpu-rt-period": INTEGER, "cpu-rt-runtime": INTEGER, "cri-containerd": BOOL, "data-root": STRING, "debug": BOOL,
    "default-address-pools": OBJECT_LIST, "default-cgroupns-mode": STRING, "default-gateway": STRING, "default-gateway-v6": STRING,
    "default-init": STRING, "default-ipc-mode": STRING, "default-runtime": STRING, "default-shm-size": SIZE,
    "default-ulimits": OBJECT_MAP, "deprecated-key-path": STRING, "dns": LIST, "dns-opts": LIST, "dns-search": LIST, "exec-opts": LIST,
    "exec-root": STRING, "experimental": BOOL, "features": BOOL_MAP, "fixed-cidr": STRING, "fixed-cidr-v6": STRING, "graph": STRING,
    "group": STRING, "host-gateway-ip": STRING, "hosts": LIST, "icc": BOOL, "init": BOOL, "init-path": STRING,
    "insecure-registries": LIST, "ip": STRING, "ip-forward": BOOL, "ip-masq": BOOL, "ip6tables": BOOL, "iptables": BOOL,
    "ipv6": BOOL, "labels": LIST, "live-restore": BOOL, "log-driver": STRING, "log-level": STRING, "log-opts": MAP,
    "max-concurrent-downloads": INTEGER, "max-concurrent-uploads": INTEGER, "max-download-attempts": INTEGER,
    "metrics-addr": STRING, "mtu": INTEGER, "network-control-plane-mtu": INTEGER, "network-diagnostic-port": INTEGER,
    "no-new-privileges": BOOL, "node-generic-resources": LIST, "oom-score-adjust": INTEGER, "pidfile": STRING, "raw-logs": BOOL,
    "registry-mirrors": LIST, "resolv-conf": STRING, "rootless": BOOL, "runtimes": OBJECT_MAP, "seccomp-profile": STRING,
    "selinux-enabled": BOOL, "shutdown-timeout": INTEGER, "storage-driver": STRING, "storage-opts": LIST,
    "swarm-default-advertise-addr": STRING, "swarm-raft-election-tick": UNSIGNED, "swarm-raft-heartbeat-tick": UNSIGNED,
    "tls": BOOL, "tlscacert": STRING, "tlscert": STRING, "tlskey": STRING, "tlsverify": BOOL, "userland-proxy": BOOL,
    "userland-proxy-path": STRING, "userns-remap": STRING,
}
# Flags with another name than their option. `add-runtime` is not among them: Docker merges flag and option.
FLAGS = {
    "authorization-plugin": "authorization-plugins", "b": "bridge", "cluster-store-opt": "cluster-store-opts",
    "containerd-plugins-namespace": "containerd-plugin-namespace", "D": "debug",
    "default-address-pool": "default-address-pools", "default-ulimit": "default-ulimits", "dns-opt": "dns-opts",
    "exec-opt": "exec-opts", "g": "graph", "G": "group", "H": "hosts", "host": "hosts",
    "insecure-registry": "insecure-registries", "l": "log-level", "label": "labels", "log-opt": "log-opts",
    "node-generic-resource": "node-generic-resources", "p": "pidfile", "registry-mirror": "registry-mirrors",
    "s": "storage-driver", "storage-opt": "storage-opts",
}
# Options that a reload (SIGHUP) applies, in 20.10 (daemon/reload.go, reload_unix.go) and all later versions
# (docs.docker.com/reference/cli/dockerd, "Configuration reload behavior").
RELOADABLE = {"debug", "default-runtime", "features", "insecure-registries", "labels", "live-restore",
              "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts", "registry-mirrors",
              "runtimes", "shutdown-timeout"}
IMAGE_STORE_FEATURE = "containerd-snapshotter"  # read only at the start: moby v28.5.2 daemon/daemon.go, NewDaemon()
FIRST_WITH_IMAGE_STORE = 24  # moby v24.0.0 daemon/daemon.go
FIRST_WITH_VALIDATE = 23  # first version with `dockerd --validate`; later versions have options that are not listed here


def is_valid(value, kind):
    """Whether a JSON value has the type that dockerd decodes the option into.

    null leaves an option at its default. 15.0 and 1e2 are not integers (encoding/json, Unmarshal()).
    """
    if value is None:
        return kind != SIZE
    if kind in ELEMENTS:
        is_map = kind in (MAP, BOOL_MAP, OBJECT_MAP)
        if not isinstance(value, dict if is_map else list):
            return False
        return all(is_valid(item, ELEMENTS[kind]) for item in (value.values() if is_map else value))
    if kind in RANGES:
        low, high = RANGES[kind]
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return isinstance(value, TYPES.get(kind, object))


def options_set_by_flags(command):
    """Names (set of str) of the options that an ExecStart command sets by flags."""
    try:
        words = [word for unused, unused_end, word in split_words(command)][1:]
    except ValueError:  # unbalanced quotes
        words = command.split()[1:]
    matches = [re.match(r"--([a-z][a-z0-9-]*)|-([A-Za-z])", word) for word in words]
    names = [match.group(1) or match.group(2) for match in matches if match]
    return {FLAGS.get(name, name) for name in names}


def problems(options, command="", version=""):
    """Messages (list of str) about what Docker would reject in a configuration.

    options: daemon.json as a dict. command: the unit's ExecStart. version: Docker's version or its beginning; empty if it is
    not known. Docker rejects an option that is set by a flag and in the file, even with the same value.
    """
    messages = []
    for name, value in sorted(options.items()):
        kind = OPTIONS.get(name, ANY)
        if not is_valid(value, kind):
            messages.append("%s must be %s, got %r" % (name, kind, value))
    major = re.match(r"\d+", version)
    if major and int(major.group()) < FIRST_WITH_VALIDATE:
        messages += ["Docker %s does not support the option %s" % (version, name) for name in sorted(set(options) - set(OPTIONS))]
    messages += ["%s is set both in daemon.json and as a flag in docker.service" % name
                 for name in sorted((set(options) & options_set_by_flags(command)) - {"runtimes"})]
    if feature(options, IMAGE_STORE_FEATURE) is True:
        if options.get("userns-remap"):
            messages.append("userns-remap and the containerd image store exclude each other. Use the classic store")
        if major and int(major.group()) < FIRST_WITH_IMAGE_STORE:
            messages.append("Docker %s has no containerd image store. Docker %d or later is required" % (version, FIRST_WITH_IMAGE_STORE))
    if options.get("graph") and options.get("data-root"):
        messages.append("graph and data-root are both set, but they are the same option. Remove graph")
    return messages


def feature(options, name):
    """The value of one of the `features` in options (dict); None if it is not set."""
    features = options.get("features")
    return features.get(name) if isinstance(features, dict) else None


def needs_restart(options, previous):
    """Whether a running Docker must restart to change from `previous` to `options`, because a reload is not enough.

    A reload does not reset an option that is removed. An option with the value null is not set.
    """
    options, previous = [{name: value for name, value in each.items() if value is not None} for each in (options, previous)]
    changed = {name for name in set(options) | set(previous) if options.get(name) != previous.get(name)}
    changes_store = feature(options, IMAGE_STORE_FEATURE) != feature(previous, IMAGE_STORE_FEATURE)
    return changes_store or bool(changed - RELOADABLE or set(previous) - set(options))
