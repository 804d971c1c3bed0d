# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of daemon.json that need no running Docker. Private to the collection.

Names and types are those of the JSON tags in moby v20.10.24 (daemon/config/config.go, config_unix.go,
config_common_unix.go), flags those of cmd/dockerd/config*.go and options.go there.
"""
import re
import shlex

STRING, NUMBER, BOOL, LIST, MAP, ANY = "a string", "a number", "true or false", "a list of strings", "a map of strings", ""
OPTIONS = {
    "allow-nondistributable-artifacts": LIST, "api-cors-header": STRING, "authorization-plugins": LIST, "bip": STRING,
    "bridge": STRING, "builder": ANY, "cgroup-parent": STRING, "cluster-advertise": STRING, "cluster-store": STRING,
    "cluster-store-opts": MAP, "containerd": STRING, "containerd-namespace": STRING, "containerd-plugin-namespace": STRING,
    "cpu-rt-period": NUMBER, "cpu-rt-runtime": NUMBER, "cri-containerd": BOOL, "data-root": STRING, "debug": BOOL,
    "default-address-pools": ANY, "default-cgroupns-mode": STRING, "default-gateway": STRING, "default-gateway-v6": STRING,
    "default-init": STRING, "default-ipc-mode": STRING, "default-runtime": STRING, "default-shm-size": ANY,
    "default-ulimits": ANY, "deprecated-key-path": STRING, "dns": LIST, "dns-opts": LIST, "dns-search": LIST, "exec-opts": LIST,
    "exec-root": STRING, "experimental": BOOL, "features": ANY, "fixed-cidr": STRING, "fixed-cidr-v6": STRING, "graph": STRING,
    "group": STRING, "host-gateway-ip": STRING, "hosts": LIST, "icc": BOOL, "init": BOOL, "init-path": STRING,
    "insecure-registries": LIST, "ip": STRING, "ip-forward": BOOL, "ip-masq": BOOL, "ip6tables": BOOL, "iptables": BOOL,
    "ipv6": BOOL, "labels": LIST, "live-restore": BOOL, "log-driver": STRING, "log-level": STRING, "log-opts": MAP,
    "max-concurrent-downloads": NUMBER, "max-concurrent-uploads": NUMBER, "max-download-attempts": NUMBER,
    "metrics-addr": STRING, "mtu": NUMBER, "network-control-plane-mtu": NUMBER, "network-diagnostic-port": NUMBER,
    "no-new-privileges": BOOL, "node-generic-resources": LIST, "oom-score-adjust": NUMBER, "pidfile": STRING, "raw-logs": BOOL,
    "registry-mirrors": LIST, "resolv-conf": STRING, "rootless": BOOL, "runtimes": ANY, "seccomp-profile": STRING,
    "selinux-enabled": BOOL, "shutdown-timeout": NUMBER, "storage-driver": STRING, "storage-opts": LIST,
    "swarm-default-advertise-addr": STRING, "swarm-raft-election-tick": NUMBER, "swarm-raft-heartbeat-tick": NUMBER,
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
FIRST_WITH_VALIDATE = 23  # first version with `dockerd --validate`; later versions have options that are not listed here


def is_valid(value, kind):
    """Whether a JSON value has the type that dockerd decodes the option into."""
    if kind == STRING:
        return isinstance(value, str)
    if kind == NUMBER:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == BOOL:
        return isinstance(value, bool)
    if kind == LIST:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if kind == MAP:
        return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    return True


def options_set_by_flags(command):
    """Names (set of str) of the options that an ExecStart command sets by flags."""
    try:
        words = shlex.split(command)[1:]
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
    if "graph" in options and "data-root" in options:
        messages.append("graph and data-root are both set, but they are the same option. Remove graph")
    return messages


def needs_restart(options, previous):
    """Whether a running Docker must restart to change from `previous` to `options`, because a reload is not enough.

    A reload does not reset an option that is removed.
    """
    changed = {name for name in set(options) | set(previous) if options.get(name) != previous.get(name)}
    return bool(changed - RELOADABLE or set(previous) - set(options))
