# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection from the server to the nodes: agents poll for work and return results.

The real agent keeps a websocket through which the server reaches the node's Docker socket. Here the agent polls. The
work is the same: a call to the Docker API, or files for /etc/kubernetes.
"""
import base64
import hashlib
import json
import queue
import threading
import time

from .store import metadata

POLL_SECONDS = 20
CONFLICT_SECONDS = 0.2  # two first registrations within this time conflict
LOST = "failed to connect to the host: tunnel disconnect"
CONFLICT = ('Operation cannot be fulfilled on nodes.management.cattle.io "%s": the object has been modified; please apply '
            'your changes to the latest version and try again')


class RegistrationError(Exception):
    """The reason why an agent may not connect; `status` is that of the HTTP answer."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Tunnel:
    """The work of all nodes' agents. Nodes are named by the ids of the stored nodes."""

    def __init__(self, store, log=print):
        self.store, self.log = store, log
        self.lock = threading.Lock()
        self.queues = {}  # {node: Queue of work}
        self.results = {}  # {number of work that is waited for: Queue for its result}
        self.polled = {}  # {node: time of its agent's last request}
        self.in_hand = {}  # {(node, whether the agent is its registering container): numbers of work handed to that agent}
        self.number = 0  # of the last piece of work
        self.last_registration, self.tried = 0.0, set()

    # ---- requests of agents

    def register(self, headers):
        """Store the node of an agent that connects for the first time; returns the node's id. Raises RegistrationError."""
        name, config = node_of(headers)
        token = headers.get("X-API-Tunnel-Token", "")
        with self.store.lock:
            clusters = [item["clusterId"] for item in self.store.data["registration_tokens"].values()
                        if item["token"] == token]
        if not clusters:
            raise RegistrationError(401, "cluster not found")
        identifier = "%s:m-%s" % (clusters[0], hashlib.sha256((clusters[0] + name).encode()).hexdigest()[:12])
        if not self.store.copy_of("nodes", identifier):
            self.check_conflict(identifier)
            if not config.get("roles"):
                raise RegistrationError(400, "at least one role is needed")
            node = dict(metadata(), id=identifier, clusterId=clusters[0], name=name, roles=sorted(config["roles"]),
                        address=config["address"], state="active", message="", conditions=[], connected=time.time())
            with self.store.change() as data:
                data["nodes"][identifier] = node
            self.log("[INFO] node %s registered as %s at %s" % (name, ",".join(node["roles"]), config["address"]))
        with self.lock:
            self.polled[identifier] = time.time()
        return identifier

    def check_conflict(self, identifier):
        """Reject one attempt of a node that registers together with another, as the real server does."""
        with self.lock:
            has_conflict = time.time() - self.last_registration < CONFLICT_SECONDS and identifier not in self.tried
            self.last_registration = time.time()
            self.tried.add(identifier)
        if has_conflict:
            raise RegistrationError(400, CONFLICT % identifier.split(":")[1])

    def next_work(self, node, registering, doing):
        """A piece of work for a node's agent, or None after POLL_SECONDS.

        registering: whether the agent is the container that registered the node; it gets {"leave": True} when the
        node's own agent runs. doing: numbers of the work that the agent has in hand. Other work that was handed to it
        was lost with an agent or a connection, and fails.
        """
        in_hand = self.in_hand.setdefault((node, registering), set())
        for number in sorted(in_hand - doing):
            self.finish(number, {"error": LOST})
        in_hand.intersection_update(doing)
        if registering and self.store.data["nodes"][node].get("released"):
            return {"leave": True}
        with self.lock:
            self.polled[node] = time.time()
            pending = self.queues.setdefault(node, queue.Queue())
        deadline = time.time() + POLL_SECONDS
        while True:
            try:
                work = pending.get(timeout=max(0, deadline - time.time()))
            except queue.Empty:
                return None
            if work["number"] in self.results:  # otherwise nothing waits for it any longer
                in_hand.add(work["number"])
                return work

    def finish(self, number, result):
        """Pass the result of work, {value} or {error}, to run()."""
        waiting = self.results.get(number)
        if waiting:
            waiting.put(result)

    # ---- requests of the server

    def is_connected(self, node):
        return time.time() - self.polled.get(node, 0) < POLL_SECONDS + 5

    def run(self, node, timeout=600, **work):
        """Pass `work` to the node's agent and return its result. Raises OSError if it fails or the agent is lost.

        work: files={path: content}, or docker={method, path, body} with the result {status, body}. timeout: seconds.
        """
        with self.lock:
            self.number += 1
            number = self.number
            pending = self.queues.setdefault(node, queue.Queue())
            waiting = self.results[number] = queue.Queue()
        pending.put(dict(work, number=number))
        deadline = time.time() + timeout
        try:
            result = None
            while result is None:
                try:
                    result = waiting.get(timeout=1)
                except queue.Empty:
                    if time.time() > deadline or not self.is_connected(node):
                        raise OSError(LOST)
        finally:
            self.results.pop(number, None)
        if result.get("error"):
            raise OSError(result["error"])
        return result.get("value")


def node_of(headers):
    """(name, customConfig) of the node that an agent's headers describe; raises RegistrationError."""
    try:
        node = json.loads(base64.b64decode(headers.get("X-API-Tunnel-Params", "")))["node"]
        return node["requestedHostname"], node["customConfig"]
    except (ValueError, KeyError, TypeError):
        raise RegistrationError(400, "bad X-API-Tunnel-Params")
