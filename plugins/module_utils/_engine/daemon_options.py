# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be said of a daemon.json before an engine sees it.

Names and types are those of the JSON tags in moby v20.10.24 (daemon/config/config.go, config_unix.go,
config_common_unix.go), flags those of cmd/dockerd/config*.go and options.go there.
"""
import re
import shlex

TEXT, NUMBER, BOOL, TEXTS, TABLE, ANY = "a text", "a number", "true or false", "a list of texts", "a table of texts", ""
OPTIONS = {
    "allow-nondistributable-artifacts": TEXTS, "api-cors-header": TEXT, "authorization-plugins": TEXTS, "bip": TEXT,
    "bridge": TEXT, "builder": ANY, "cgroup-parent": TEXT, "cluster-advertise": TEXT, "cluster-store": TEXT,
    "cluster-store-opts": TABLE, "containerd": TEXT, "containerd-namespace": TEXT, "containerd-plugin-namespace": TEXT,
    "cpu-rt-period": NUMBER, "cpu-rt-runtime": NUMBER, "cri-containerd": BOOL, "data-root": TEXT, "debug": BOOL,
    "default-address-pools": ANY, "default-cgroupns-mode": TEXT, "default-gateway": TEXT, "default-gateway-v6": TEXT,
    "default-init": TEXT, "default-ipc-mode": TEXT, "default-runtime": TEXT, "default-shm-size": ANY,
    "default-ulimits": ANY, "deprecated-key-path": TEXT, "dns": TEXTS, "dns-opts": TEXTS, "dns-search": TEXTS,
    "exec-opts": TEXTS, "exec-root": TEXT, "experimental": BOOL, "features": ANY, "fixed-cidr": TEXT,
    "fixed-cidr-v6": TEXT, "graph": TEXT, "group": TEXT, "host-gateway-ip": TEXT, "hosts": TEXTS, "icc": BOOL,
    "init": BOOL, "init-path": TEXT, "insecure-registries": TEXTS, "ip": TEXT, "ip-forward": BOOL, "ip-masq": BOOL,
    "ip6tables": BOOL, "iptables": BOOL, "ipv6": BOOL, "labels": TEXTS, "live-restore": BOOL, "log-driver": TEXT,
    "log-level": TEXT, "log-opts": TABLE, "max-concurrent-downloads": NUMBER, "max-concurrent-uploads": NUMBER,
    "max-download-attempts": NUMBER, "metrics-addr": TEXT, "mtu": NUMBER, "network-control-plane-mtu": NUMBER,
    "network-diagnostic-port": NUMBER, "no-new-privileges": BOOL, "node-generic-resources": TEXTS,
    "oom-score-adjust": NUMBER, "pidfile": TEXT, "raw-logs": BOOL, "registry-mirrors": TEXTS, "resolv-conf": TEXT,
    "rootless": BOOL, "runtimes": ANY, "seccomp-profile": TEXT, "selinux-enabled": BOOL, "shutdown-timeout": NUMBER,
    "storage-driver": TEXT, "storage-opts": TEXTS, "swarm-default-advertise-addr": TEXT,
    "swarm-raft-election-tick": NUMBER, "swarm-raft-heartbeat-tick": NUMBER, "tls": BOOL, "tlscacert": TEXT,
    "tlscert": TEXT, "tlskey": TEXT, "tlsverify": BOOL, "userland-proxy": BOOL, "userland-proxy-path": TEXT,
    "userns-remap": TEXT,
}
# Flags whose option has another name; `add-runtime` is left out: the engine merges the two.
FLAGS = {
    "authorization-plugin": "authorization-plugins", "b": "bridge", "cluster-store-opt": "cluster-store-opts",
    "containerd-plugins-namespace": "containerd-plugin-namespace", "D": "debug",
    "default-address-pool": "default-address-pools", "default-ulimit": "default-ulimits", "dns-opt": "dns-opts",
    "exec-opt": "exec-opts", "g": "graph", "G": "group", "H": "hosts", "host": "hosts",
    "insecure-registry": "insecure-registries", "l": "log-level", "label": "labels", "log-opt": "log-opts",
    "node-generic-resource": "node-generic-resources", "p": "pidfile", "registry-mirror": "registry-mirrors",
    "s": "storage-driver", "storage-opt": "storage-opts",
}
# What a SIGHUP is enough for, from 20.10 (daemon/reload.go, reload_unix.go) to the newest
# (docs.docker.com/reference/cli/dockerd, "Configuration reload behavior").
RELOADABLE = {"debug", "default-runtime", "features", "insecure-registries", "labels", "live-restore",
              "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts", "registry-mirrors",
              "runtimes", "shutdown-timeout"}
VALIDATES_ITSELF = 23  # the first engine with --validate; later ones know options that are not listed here


def fits(value, kind):
    """Whether a value of JSON can be what the engine decodes the option into."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return {
        TEXT: isinstance(value, str),
        NUMBER: number,
        BOOL: isinstance(value, bool),
        TEXTS: isinstance(value, list) and all(isinstance(item, str) for item in value),
        TABLE: isinstance(value, dict) and all(isinstance(item, str) for item in value.values()),
        ANY: True,
    }[kind]


def flagged(command):
    """Names of the options that an ExecStart command sets by flags."""
    try:
        words = shlex.split(command)[1:]
    except ValueError:
        words = command.split()[1:]
    names = [match.group(1) or match.group(2) for match in (
        re.match(r"--([a-z][a-z0-9-]*)|-([A-Za-z])", word) for word in words) if match]
    return {FLAGS.get(name, name) for name in names}


def problems(options, command="", version=""):
    """What an engine would refuse in a configuration, one text each.

    options: daemon.json as a dict. command: the unit's ExecStart. version: the engine's, or the beginning of it; empty
    where it is not known. The engine refuses what stands both as a flag and in the file, even with the same value.
    """
    found = []
    for name, value in sorted(options.items()):
        kind = OPTIONS.get(name, ANY)
        if not fits(value, kind):
            found.append("%s must be %s, it is %r" % (name, kind, value))
    major = re.match(r"\d+", version)
    if major and int(major.group()) < VALIDATES_ITSELF:
        found += ["an engine %s knows no option %s" % (version, name) for name in sorted(set(options) - set(OPTIONS))]
    found += ["%s stands in daemon.json and as a flag in docker.service" % name
              for name in sorted((set(options) & flagged(command)) - {"runtimes"})]
    if "graph" in options and "data-root" in options:
        found.append("graph and data-root are the same option")
    return found


def needs_restart(options, before):
    """Whether a running engine has to be restarted to get from one configuration to another; else a reload will do.

    An option that is taken out keeps its value in a reload.
    """
    changed = {name for name in set(options) | set(before) if options.get(name) != before.get(name)}
    return bool(changed - RELOADABLE or set(before) - set(options))
