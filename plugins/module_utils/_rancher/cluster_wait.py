# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When a cluster counts as ready, and when as failed: a pure judgement over what was seen of it."""
MESSAGES_KEPT = 10
# Conditions that are bad when they are True: kubernetes.io/docs/reference/node/node-status.
BAD_WHEN_TRUE = ("DiskPressure", "MemoryPressure", "PIDPressure", "NetworkUnavailable")


def condition(node, name):
    """The status of a node's condition: `True`, `False`, `Unknown`, or None where it has none yet."""
    for item in node.get("conditions") or []:
        if item.get("type") == name:
            return item.get("status")
    return None


def is_registered(node):
    """Whether the server has made contact with the node's agent: its condition Registered exists.

    Right after it appears a node can be `active` before its first conditions (recorded on 2.6.2): that does not count.
    """
    return condition(node, "Registered") is not None and condition(node, "Initialized") == "True"


def is_ready(node):
    """Whether the node is part of the running cluster: Registered and Ready are true."""
    return condition(node, "Registered") == "True" and condition(node, "Ready") == "True"


def complaints(node):
    """The bad conditions that Kubernetes reports of a node, each as `TYPE: MESSAGE`, sorted; empty where it reports nothing yet."""
    found = []
    for item in node.get("conditions") or []:
        kind, status = item.get("type"), item.get("status")
        message = item.get("message") or item.get("reason") or "no message"
        if kind in BAD_WHEN_TRUE and status == "True":
            found.append("%s: %s" % (kind, message))
        if kind == "Ready" and status != "True":
            found.append("not Ready: %s" % message)
    return sorted(found)


def name_of(node):
    return node.get("requestedHostname") or node.get("nodeName") or node.get("id")


class Watch:
    """Looks at a cluster again and again and says when the waiting is over.

    wanted: names (str) of the nodes that are waited for. goal: `registered` or `active`. settle: seconds for which
    the goal must hold without a break. stall: seconds for which the same error may stand still.
    """

    def __init__(self, wanted, goal="active", settle=10, stall=300):
        self.wanted, self.goal, self.settle, self.stall = set(wanted), goal, settle, stall
        self.reached_at = self.error_since = self.error = None
        self.messages, self.shown = [], []

    def dump(self):
        """What was seen so far, as a dict that load() takes."""
        return {"reached_at": self.reached_at, "error_since": self.error_since, "error": self.error,
                "messages": self.messages, "shown": self.shown}

    def load(self, seen):
        for name in ("reached_at", "error_since", "error"):
            setattr(self, name, seen.get(name))
        for name in ("messages", "shown"):
            setattr(self, name, list(seen.get(name) or []))

    def missing(self, nodes):
        """Names that are not as far as the goal wants them, sorted."""
        good = is_registered if self.goal == "registered" else is_ready
        there = set(name_of(node) for node in nodes if good(node) and node.get("state") != "removing")
        return sorted(self.wanted - there)

    def look(self, now, cluster, nodes):
        """One look at time `now` (seconds): `waiting`, `done` or `failed`.

        cluster, nodes: the objects of /v3/clusters and /v3/nodes.
        """
        self._note(cluster)
        reached = not self.missing(nodes)
        if self.goal == "active":
            reached = reached and cluster.get("state") == "active" and cluster.get("transitioning") == "no"
        if not reached:
            self.reached_at = None
        elif self.reached_at is None:
            self.reached_at = now
        if reached and now - self.reached_at >= self.settle:
            return "done"
        return "failed" if self._stands_still(now, cluster) else "waiting"

    def _note(self, cluster):
        message = cluster.get("transitioningMessage")
        if message and message not in self.messages[-1:]:
            self.messages = (self.messages + [message])[-MESSAGES_KEPT:]

    def _stands_still(self, now, cluster):
        """An error is one when it stays: Rancher passes through `error` while it retries by itself."""
        if cluster.get("transitioning") != "error":
            self.error = self.error_since = None
            return False
        message = cluster.get("transitioningMessage")
        if message != self.error or self.error_since is None:
            self.error, self.error_since = message, now
        return now - self.error_since >= self.stall

    def describe(self, cluster, nodes):
        """One line for the operator: state, how many nodes, what the server says."""
        line = "%s: %s, %d of %d nodes %s" % (
            cluster.get("name"), cluster.get("state"), len(self.wanted) - len(self.missing(nodes)), len(self.wanted),
            "registered" if self.goal == "registered" else "ready")
        message = cluster.get("transitioningMessage")
        return line + (": " + message if message else "")

    def node_lines(self, nodes):
        """One line for each node that is waited for and of which Kubernetes reports a bad condition, sorted."""
        return sorted("%s: %s" % (name_of(node), "; ".join(complaints(node)))
                      for node in nodes if name_of(node) in self.wanted and complaints(node))

    def news(self, cluster, nodes):
        """The lines of describe() and node_lines() that were not among those of the look before."""
        lines = [self.describe(cluster, nodes)] + self.node_lines(nodes)
        new = [line for line in lines if line not in self.shown]
        self.shown = lines
        return new
