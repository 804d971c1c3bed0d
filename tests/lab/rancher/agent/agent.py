#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for rancher/rancher-agent:v2.6.2, with the arguments, mounts, checks and exits of the real one.

The registration command starts it to check the server and its CA, register the host, and do the server's work (Docker
API calls, files below /etc/kubernetes) until the node's own agent runs. Then it removes its container. With
--only-write-certs (share-mnt) it writes the CA and stops its container. With --node-agent and --cluster-agent it runs
in the pods of cattle-system.
"""
import argparse
import base64
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

DOCKER = "/var/run/docker.sock"
RETRY_SECONDS = 10  # as recorded


def say(level, message):
    print("%s: %s" % (level, message), flush=True)


def fatal(message):
    say("ERROR", message)
    sys.exit(1)


class UnixConnection(http.client.HTTPConnection):
    """A connection to Docker's socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(DOCKER)


def docker(method, path, body=None):
    """One call to the Docker API: {status, body}."""
    connection = UnixConnection("localhost", timeout=600)
    try:
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read().decode(errors="replace")
    finally:
        connection.close()
    if path.startswith("/images/create"):  # a stream of progress with status 200, in which an error is the last object
        last = json.loads(content.strip().splitlines()[-1]) if content.strip() else {}
        return {"status": 500 if "error" in last else response.status, "body": last.get("error", "")}
    try:
        return {"status": response.status, "body": json.loads(content or "null")}
    except ValueError:
        return {"status": response.status, "body": content}


class ServerConnection:
    """Calls to the Rancher server. Its certificate is verified as soon as verify() has checked its CA."""

    def __init__(self, url, checksum):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port or 443
        self.context = ssl._create_unverified_context()
        self.headers = {}
        self.checksum = checksum

    def call(self, method, path, body=None, timeout=30, headers=None):
        """(status, body as str). timeout: seconds. Raises OSError."""
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               dict(self.headers, **headers or {}))
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        finally:
            connection.close()

    def verify(self):
        """Compare the server's CA with the checksum and return it (PEM); later calls accept only that CA."""
        status, answer = self.call("GET", "/v3/settings/cacerts")
        pem = json.loads(answer)["value"] if status == 200 else ""
        if self.checksum:
            checksum = hashlib.sha256((pem.strip() + "\n").encode()).hexdigest()
            if checksum != self.checksum:
                fatal("Configured cacerts checksum (%s) does not match given --ca-checksum (%s)" % (
                    checksum, self.checksum))
            self.context = ssl.create_default_context(cadata=pem)
            self.context.check_hostname = False
        return pem


def parse_arguments():
    parser = argparse.ArgumentParser(prog="run.sh", allow_abbrev=False)
    parser.add_argument("--server", "-s", default=os.environ.get("CATTLE_SERVER"))
    parser.add_argument("--token", "-t", default=os.environ.get("CATTLE_TOKEN"))
    parser.add_argument("--ca-checksum", "-c", default=os.environ.get("CATTLE_CA_CHECKSUM"))
    parser.add_argument("--etcd", "-e", action="append_const", dest="roles", const="etcd")
    parser.add_argument("--controlplane", "-p", action="append_const", dest="roles", const="controlplane")
    parser.add_argument("--worker", "-w", action="append_const", dest="roles", const="worker")
    parser.add_argument("--all-roles", "-a", action="store_true")
    parser.add_argument("--node-name", "-n", default=os.environ.get("CATTLE_NODE_NAME"))
    parser.add_argument("--address")
    parser.add_argument("--internal-address", "-i")
    parser.add_argument("--label", "-l", action="append", default=[])
    parser.add_argument("--taints", action="append", default=[])
    parser.add_argument("--no-register", "-r", action="store_true")
    parser.add_argument("--only-write-certs", "-o", action="store_true")
    parser.add_argument("--debug", "-d", action="store_true")
    parser.add_argument("--node-agent", action="store_true")
    parser.add_argument("--cluster-agent", action="store_true")
    # RKE gives share-mnt its checksum as one argument, "--ca-checksum SUM": the real run.sh splits it.
    words = [word for argument in sys.argv[1:] for word in (
        argument.split(" ", 1) if argument.startswith("--ca-checksum ") else [argument])]
    return parser.parse_args(words)


def host_address(option):
    """The address for --address, which is an address or the name of an interface; by default the source of the default route."""
    if option and re.fullmatch(r"[0-9.]+", option):
        return option
    if option:
        return ip("-4", "addr", "show", "dev", option)[0]["addr_info"][0]["local"]
    return ip("route", "get", "192.0.2.1")[0]["prefsrc"]


def ip(*arguments):
    """The JSON output of the command ip."""
    return json.loads(subprocess.run(("ip", "-j") + arguments, capture_output=True, text=True).stdout)


def write_authority(pem):
    os.makedirs("/etc/kubernetes/ssl/certs", mode=0o755, exist_ok=True)
    os.chmod("/etc/kubernetes/ssl/certs", 0o700)
    write("/etc/kubernetes/ssl/certs/serverca", pem)


def write(path, content):
    """Replace a file atomically, with mode 0600."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
        target.write(content)
    os.rename(path + ".part", path)


in_hand = set()  # numbers of the work in hand; each request for work contains them


def do_work(server, work):
    """Do a piece of work and send its result: {number, value} or {number, error}."""
    answer = {"number": work["number"]}
    try:
        if "files" in work:
            for path, content in work["files"].items():
                write(path, content)
        else:
            answer["value"] = docker(work["docker"]["method"], work["docker"]["path"], work["docker"]["body"])
    except (OSError, http.client.HTTPException) as error:
        answer["error"] = str(error)
    for _ in range(60):
        try:
            server.call("POST", "/v3/connect/result", answer)
            break
        except OSError:
            time.sleep(1)
    in_hand.discard(work["number"])


def own_container():
    with open("/proc/self/mountinfo") as source:
        return re.search(r"/containers/([0-9a-f]{64})/", source.read()).group(1)


def serve(server):
    """Register the host and work for the server until it releases this container."""
    while True:
        try:
            status, answer = server.call("POST", "/v3/connect/register")
            if status == 200:
                say("INFO", "Connecting to proxy url=wss://%s/v3/connect" % server.host)
                status, answer = poll(server)
                if status == 200:
                    return
            say("ERROR", "Failed to connect to proxy: %s %s" % (status, answer))
        except OSError as error:
            say("ERROR", "Failed to connect to proxy: %s" % error)
        time.sleep(RETRY_SECONDS)


def poll(server):
    """Do the server's work, and return (status, body) of its last answer: 200 if it releases this container, else an error."""
    while True:
        status, answer = server.call("GET", "/v3/connect", timeout=60, headers={
            "X-Standin-Doing": " ".join(map(str, list(in_hand)))})
        if status == 200:
            work = json.loads(answer)
            if work.get("leave"):
                return status, answer
            in_hand.add(work["number"])
            threading.Thread(target=do_work, args=(server, work), daemon=True).start()
        elif status != 204:
            return status, answer


def check_server(server, url):
    """Exit if the server does not answer."""
    try:
        status, answer = server.call("GET", "/ping")
    except OSError as error:
        fatal("%s/ping is not accessible (%s)" % (url, error))
    if answer != "pong":
        fatal("%s/ping is not accessible (%s)" % (url, status))
    say("INFO", "%s/ping is accessible" % url)


def registration_headers(options):
    """The headers of an agent's requests, which describe its node as those of the real agent do."""
    roles = ["etcd", "controlplane", "worker"] if options.all_roles else options.roles or []
    parameters = {"node": {
        "requestedHostname": options.node_name or socket.gethostname().split(".")[0], "customConfig": {
            "address": host_address(options.address), "internalAddress": options.internal_address or "", "roles": roles,
            "label": dict(item.split("=", 1) for item in options.label), "taints": options.taints}}}
    return {"X-API-Tunnel-Token": options.token,
            "X-API-Tunnel-Params": base64.b64encode(json.dumps(parameters).encode()).decode(),
            "X-Standin-Agent": "node" if options.node_agent else "register"}


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    options = parse_arguments()
    say("INFO", "Arguments: " + " ".join(sys.argv[1:]).replace(options.token or "-", "REDACTED"))
    for name in ("server", "token"):
        if not getattr(options, name):
            fatal("--%s is a required option" % name)
    server = ServerConnection(options.server.rstrip("/"), options.ca_checksum)
    check_server(server, options.server)
    pem = server.verify()
    if options.cluster_agent:
        say("INFO", "Listening on /tmp/log.sock")
        while True:
            time.sleep(3600)
    write_authority(pem)
    if options.only_write_certs:
        say("INFO", "attempting to stop the share-mnt container so it can reboot on startup")
        docker("POST", "/containers/share-mnt/stop")
        time.sleep(60)
        return
    server.headers = registration_headers(options)
    serve(server)
    say("INFO", "the node's own agent runs: removing this container")
    docker("DELETE", "/containers/%s?force=true" % own_container())


if __name__ == "__main__":
    main()
