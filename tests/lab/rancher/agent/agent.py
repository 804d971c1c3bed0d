#!/usr/bin/env python3
"""Stands in for rancher/rancher-agent:v2.6.2: the real one's arguments, mounts, checks and exits.

As the registration command starts it, it checks the server and its CA, registers the host, then does what the
server asks of it (Docker API calls, files below /etc/kubernetes) until the node's own agent is up; then it removes
its container. With --only-write-certs (share-mnt) it writes the CA and stops its container; with --node-agent and
--cluster-agent it is what runs in the pods of cattle-system.
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
RETRY_SECONDS = 10  # as recorded: a refused agent tries again only after ten seconds


def say(level, message):
    print("%s: %s" % (level, message), flush=True)


def fatal(message):
    say("ERROR", message)
    sys.exit(1)


class UnixConnection(http.client.HTTPConnection):
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
    if path.startswith("/images/create"):  # a stream of progress; an error comes at its end, behind a 200
        last = json.loads(content.strip().splitlines()[-1]) if content.strip() else {}
        return {"status": 500 if "error" in last else response.status, "body": last.get("error", "")}
    try:
        return {"status": response.status, "body": json.loads(content or "null")}
    except ValueError:
        return {"status": response.status, "body": content}


class ServerConnection:
    def __init__(self, url, checksum):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port or 443
        self.context = ssl._create_unverified_context()
        self.headers = {}
        self.checksum = checksum

    def call(self, method, path, body=None, timeout=30, headers=None):
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               dict(self.headers, **headers or {}))
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        finally:
            connection.close()

    def trust(self):
        """The server's CA, held against the checksum; what is sent from here on is sent to that CA's server."""
        status, answer = self.call("GET", "/v3/settings/cacerts")
        pem = json.loads(answer)["value"] if status == 200 else ""
        if self.checksum:
            found = hashlib.sha256((pem.strip() + "\n").encode()).hexdigest()
            if found != self.checksum:
                fatal("Configured cacerts checksum (%s) does not match given --ca-checksum (%s)" % (
                    found, self.checksum))
            self.context = ssl.create_default_context(cadata=pem)
            self.context.check_hostname = False
        return pem


def arguments():
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


def own_address(wanted):
    """--address as the real one takes it: an address, or an interface's name; else the default route's source."""
    if wanted and not re.fullmatch(r"[0-9.]+", wanted):
        shown = subprocess.run(["ip", "-j", "-4", "addr", "show", "dev", wanted], capture_output=True, text=True)
        return json.loads(shown.stdout)[0]["addr_info"][0]["local"]
    if wanted:
        return wanted
    shown = subprocess.run(["ip", "-j", "route", "get", "192.0.2.1"], capture_output=True, text=True)
    return json.loads(shown.stdout)[0]["prefsrc"]


def write_authority(pem):
    os.makedirs("/etc/kubernetes/ssl/certs", mode=0o755, exist_ok=True)
    os.chmod("/etc/kubernetes/ssl/certs", 0o700)
    write("/etc/kubernetes/ssl/certs/serverca", pem)


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
        target.write(content)
    os.rename(path + ".part", path)


doing = set()  # numbers of the work in hand, which the server hears at every question


def do(server, work):
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
    doing.discard(work["number"])


def own_container():
    with open("/proc/self/mountinfo") as source:
        return re.search(r"/containers/([0-9a-f]{64})/", source.read()).group(1)


def serve(server):
    """Connect, do what is asked; returns when the server says that this container may go."""
    while True:
        try:
            status, answer = server.call("POST", "/v3/connect/register")
            if status == 200:
                say("INFO", "Connecting to proxy url=wss://%s/v3/connect" % server.host)
                while status in (200, 204):
                    status, answer = server.call("GET", "/v3/connect", timeout=60, headers={
                        "X-Standin-Doing": " ".join(map(str, list(doing)))})
                    if status == 200:
                        work = json.loads(answer)
                        if work.get("leave"):
                            return
                        doing.add(work["number"])
                        threading.Thread(target=do, args=(server, work), daemon=True).start()
            say("ERROR", "Failed to connect to proxy: %s %s" % (status, answer))
        except OSError as error:
            say("ERROR", "Failed to connect to proxy: %s" % error)
        time.sleep(RETRY_SECONDS)


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    options = arguments()
    say("INFO", "Arguments: " + " ".join(sys.argv[1:]).replace(options.token or "-", "REDACTED"))
    for name in ("server", "token"):
        if not getattr(options, name):
            fatal("--%s is a required option" % name)
    server = ServerConnection(options.server.rstrip("/"), options.ca_checksum)
    try:
        status, answer = server.call("GET", "/ping")
    except OSError as error:
        fatal("%s/ping is not accessible (%s)" % (options.server, error))
    if answer != "pong":
        fatal("%s/ping is not accessible (%s)" % (options.server, status))
    say("INFO", "%s/ping is accessible" % options.server)
    pem = server.trust()
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
    roles = ["etcd", "controlplane", "worker"] if options.all_roles else options.roles or []
    name = options.node_name or socket.gethostname().split(".")[0]
    parameters = {"node": {"requestedHostname": name, "customConfig": {
        "address": own_address(options.address), "internalAddress": options.internal_address or "", "roles": roles,
        "label": dict(item.split("=", 1) for item in options.label), "taints": options.taints}}}
    server.headers = {"X-API-Tunnel-Token": options.token,
                      "X-API-Tunnel-Params": base64.b64encode(json.dumps(parameters).encode()).decode(),
                      "X-Standin-Agent": "node" if options.node_agent else "register"}
    serve(server)
    say("INFO", "the node's own agent is up: this container goes")
    docker("DELETE", "/containers/%s?force=true" % own_container())


if __name__ == "__main__":
    main()
