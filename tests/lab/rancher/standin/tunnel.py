"""The way from the server to the nodes: an agent asks for work and brings back what came of it.

The real agent keeps a websocket through which the server reaches the node's Docker socket. Here the agent polls,
and the work is the same: a call to the Docker API, or files for /etc/kubernetes.
"""
import base64
import hashlib
import json
import queue
import threading
import time

from .store import metadata

POLL_SECONDS = 20
LOST = "failed to connect to the host: tunnel disconnect"


class Refused(Exception):
    """The answer to an agent that may not connect: (status, message)."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Tunnel:
    def __init__(self, store, log=print):
        self.store, self.log = store, log
        self.lock = threading.Lock()
        self.work, self.results, self.seen, self.handed = {}, {}, {}, {}
        self.number = 0
        self.last_registration, self.refused = 0.0, set()

    # ---- what agents ask

    def register(self, headers):
        """An agent's first connection: the id of its node. Raises Refused."""
        try:
            wanted = json.loads(base64.b64decode(headers.get("X-API-Tunnel-Params", "")))["node"]
            name, config = wanted["requestedHostname"], wanted["customConfig"]
        except (ValueError, KeyError, TypeError):
            raise Refused(400, "bad X-API-Tunnel-Params")
        token = headers.get("X-API-Tunnel-Token", "")
        with self.store.lock:
            clusters = [item["clusterId"] for item in self.store.data["registration_tokens"].values()
                        if item["token"] == token]
        if not clusters:
            raise Refused(401, "cluster not found")
        identifier = "%s:m-%s" % (clusters[0], hashlib.sha256((clusters[0] + name).encode()).hexdigest()[:12])
        known = self.store.copy_of("nodes", identifier)
        if not known:
            with self.lock:
                together = time.time() - self.last_registration < 0.2 and identifier not in self.refused
                self.last_registration = time.time()
                self.refused.add(identifier)
            if together:  # as the real one does when several hosts join at the same moment
                raise Refused(400, 'Operation cannot be fulfilled on nodes.management.cattle.io "%s": the object has '
                                   'been modified; please apply your changes to the latest version and try again'
                              % identifier.split(":")[1])
            if not config.get("roles"):
                raise Refused(400, "at least one role is needed")
            node = dict(metadata(), id=identifier, clusterId=clusters[0], name=name, roles=sorted(config["roles"]),
                        address=config["address"], state="active", message="", conditions=[], connected=time.time())
            with self.store.change() as data:
                data["nodes"][identifier] = node
            self.log("[INFO] node %s registered as %s at %s" % (name, ",".join(node["roles"]), config["address"]))
        with self.lock:
            self.seen[identifier] = time.time()
        return identifier

    def next_work(self, identifier, registering, doing):
        """One piece of work for a node's agent, or None after POLL_SECONDS.

        doing: numbers of the work that the agent has in hand; what else it was handed is lost, with an agent or a
        connection that died. The container that registered the node is told to leave once the node's own agent has come.
        """
        handed = self.handed.setdefault((identifier, registering), set())
        for number in sorted(handed - doing):
            self.finish(number, {"error": LOST})
        handed.intersection_update(doing)
        if registering and self.store.data["nodes"][identifier].get("released"):
            return {"leave": True}
        with self.lock:
            self.seen[identifier] = time.time()
            line = self.work.setdefault(identifier, queue.Queue())
        deadline = time.time() + POLL_SECONDS
        while True:
            try:
                work = line.get(timeout=max(0, deadline - time.time()))
            except queue.Empty:
                return None
            if work["number"] in self.results:  # else nobody waits for it any more
                handed.add(work["number"])
                return work

    def finish(self, number, result):
        waiting = self.results.get(number)
        if waiting:
            waiting.put(result)

    # ---- what the server asks

    def connected(self, identifier):
        return time.time() - self.seen.get(identifier, 0) < POLL_SECONDS + 5

    def ask(self, identifier, timeout=600, **work):
        """Have the node's agent do `work` and return its result; raises OSError when it cannot or does not."""
        with self.lock:
            self.number += 1
            number = self.number
            line = self.work.setdefault(identifier, queue.Queue())
            waiting = self.results[number] = queue.Queue()
        line.put(dict(work, number=number))
        deadline = time.time() + timeout
        try:
            while True:
                try:
                    result = waiting.get(timeout=1)
                    break
                except queue.Empty:
                    if time.time() > deadline or not self.connected(identifier):
                        raise OSError(LOST)
        finally:
            self.results.pop(number, None)
        if result.get("error"):
            raise OSError(result["error"])
        return result.get("value")
