# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the Docker of docker.service listens, so that the client does not contact another one. Private to the collection.

The client's choice, first to last (docker/cli v20.10.24 and v28.5.2 cli/command/cli.go, resolveContextName()): --context or --host,
DOCKER_HOST, DOCKER_CONTEXT, the current context in DOCKER_CONFIG/config.json (`docker context use`), unix:///var/run/docker.sock.
"""
import re

DEFAULT_SOCKET = "/var/run/docker.sock"
# Environment variables of the client that are for the Docker which the user chose (docker/cli v28.5.2 cli/flags/options.go,
# cli/command/defaultcontextstore.go; moby docker-v29.0.0 client/envvars.go). DOCKER_TLS* would require TLS on a Unix socket too.
CLIENT_VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_API_VERSION", "DOCKER_CUSTOM_HEADERS", "DOCKER_TLS", "DOCKER_TLS_VERIFY")
# -H and --host of dockerd; -H can follow another short flag without a value and its value can follow directly, as for all short flags.
HOST_FLAG = re.compile(r"--host(?:=|$)|-D*H=?")
ANY_ADDRESSES = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}


def client_environment(environment):
    """The environment (dict) without the variables that choose another Docker or that Docker's API."""
    return {name: value for name, value in environment.items() if name not in CLIENT_VARIABLES}


def client_command(address, environment):
    """The beginning of each `docker` command (list of str).

    address: str, see local_address(). environment: dict, of root: it decides whether TLS is used over TCP, and with which certificates
    (DOCKER_CERT_PATH).
    """
    command = ["docker", "--host", address]
    if address.startswith("tcp:"):
        command += [flag for name, flag in (("DOCKER_TLS", "--tls"), ("DOCKER_TLS_VERIFY", "--tlsverify")) if environment.get(name)]
    return command


def configured_hosts(words, options):
    """What dockerd listens on (list of str), from -H and --host in its command (list of str) and `hosts` in its options (dict)."""
    hosts = []
    for word, following in zip(words, words[1:] + [""]):
        match = HOST_FLAG.match(word)
        if match:
            hosts.append(following if word == match.group() and not word.endswith("=") else word[match.end():])
    listed = options.get("hosts")
    return hosts + ([host for host in listed if isinstance(host, str)] if isinstance(listed, list) else [])


def socket_paths(listen):
    """Paths (list of str) in the output of `systemctl show docker.socket --property=Listen`.

    One line for each socket: `Listen=/run/docker.sock (Stream)` (systemd 0086ef19cb9f src/systemctl/systemctl-show.c, print_property()).
    The form `ListenStream=PATH` is accepted too.
    """
    return re.findall(r"^Listen(?:Stream)?=(/.*?)(?: \(Stream\))?$", listen, re.M)


def local_address(hosts, sockets):
    """Address (str) for --host of the client.

    hosts: see configured_hosts(). sockets: paths that docker.socket passes to dockerd for `fd://`. A Unix socket is preferred to TCP.
    Forms of a host: moby v20.10.24 opts/hosts.go, parseDaemonHost().
    """
    paths = [host[len("unix://"):] or DEFAULT_SOCKET for host in hosts if host.startswith("unix://")]
    if any(host.startswith("fd://") for host in hosts):
        paths += sockets or [DEFAULT_SOCKET]
    if DEFAULT_SOCKET in paths or not any(hosts):
        return "unix://" + DEFAULT_SOCKET
    if paths:
        return "unix://" + paths[0]
    return tcp_address(hosts) or "unix://" + DEFAULT_SOCKET


def tcp_address(hosts):
    """Address (str) of the first host that is TCP, on this host if it is any address; None if there is none."""
    for host in hosts:
        match = re.match(r"(?:tcp://)?(\[[^\]/]*\]|[^:/\[\]]*)((?::\d+)?)/?$", host.strip())
        if match and host.strip():
            return "tcp://" + ANY_ADDRESSES.get(match.group(1), match.group(1)) + match.group(2)
    return None
