# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a cluster: when it is ready, and when the wait has failed. Private to the collection; may change without notice."""
from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import RancherError

POLL_SECONDS = 2
MAX_MESSAGES = 10
# Conditions that are bad if True: kubernetes.io/docs/reference/node/node-status.
BAD_IF_TRUE = ("DiskPressure", "MemoryPressure", "PIDPressure", "NetworkUnavailable")
WAITING, DONE, FAILED = "waiting", "done", "failed"


def node_name(node):
    """The name of an object of /v3/nodes, as its agent registered it."""
    return node.get("requestedHostname") or node.get("nodeName") or node.get("id")


def condition_status(node, name):
    """The status of a node's condition: `True`, `False`, `Unknown`, or None if it does not have that condition yet."""
    for condition in node.get("conditions") or []:
        if condition.get("type") == name:
            return condition.get("status")
    return None


def is_registered(node):
    """Whether the server is in contact with the node's agent: its condition Registered exists.

    The state does not show it: a node can be `active` before it has conditions (recorded on 2.6.2).
    """
    return condition_status(node, "Registered") is not None and condition_status(node, "Initialized") == "True"


def is_ready(node):
    """Whether the node is part of the running cluster: its conditions Registered and Ready are true."""
    return condition_status(node, "Registered") == "True" and condition_status(node, "Ready") == "True"


def bad_conditions(node):
    """The bad conditions that Kubernetes reports for a node, each as `TYPE: MESSAGE`, sorted."""
    texts = []
    for condition in node.get("conditions") or []:
        name, status = condition.get("type"), condition.get("status")
        message = condition.get("message") or condition.get("reason") or "no message"
        if name in BAD_IF_TRUE and status == "True":
            texts.append("%s: %s" % (name, message))
        if name == "Ready" and status != "True":
            texts.append("not Ready: %s" % message)
    return sorted(texts)


class ClusterWatch:
    """Evaluates the state of a cluster at each poll, and decides when the wait ends.

    node_names: names (str) of the nodes to wait for. goal: `registered` or `active`. settle: seconds for which the goal must hold
    without interruption. error_timeout: seconds for which the same error may persist.
    Attribute messages: the last distinct messages of the server.
    """

    def __init__(self, node_names, goal="active", settle=10, error_timeout=300):
        self.node_names, self.goal, self.settle, self.error_timeout = set(node_names), goal, settle, error_timeout
        self.reached_at = self.error_since = self.error = None
        self.messages, self.shown_lines = [], []

    def saved_state(self):
        """What was observed so far, as a dict for restore()."""
        return {"reached_at": self.reached_at, "error_since": self.error_since, "error": self.error,
                "messages": self.messages, "shown_lines": self.shown_lines}

    def restore(self, state):
        """Continue from saved_state() of an earlier part of the same wait; {} for the first part."""
        self.reached_at, self.error_since, self.error = (state.get(name) for name in ("reached_at", "error_since", "error"))
        self.messages, self.shown_lines = list(state.get("messages") or []), list(state.get("shown_lines") or [])

    def missing_nodes(self, nodes):
        """Sorted names of the nodes that have not reached the goal."""
        has_reached = is_registered if self.goal == "registered" else is_ready
        return sorted(self.node_names - set(
            node_name(node) for node in nodes if has_reached(node) and node.get("state") != "removing"))

    def evaluate(self, time, cluster, nodes):
        """WAITING, DONE or FAILED.

        time: seconds of a monotonic clock. cluster, nodes: the objects of /v3/clusters and /v3/nodes at that time.
        """
        self._add_message(cluster.get("transitioningMessage"))
        if not self._is_goal_reached(cluster, nodes):
            self.reached_at = None
        elif self.reached_at is None:
            self.reached_at = time
        if self.reached_at is not None and time - self.reached_at >= self.settle:
            return DONE
        return FAILED if self._error_persists(time, cluster) else WAITING

    def _add_message(self, message):
        if message and message not in self.messages[-1:]:
            self.messages = (self.messages + [message])[-MAX_MESSAGES:]

    def _is_goal_reached(self, cluster, nodes):
        if self.missing_nodes(nodes):
            return False
        return self.goal == "registered" or (cluster.get("state") == "active" and cluster.get("transitioning") == "no")

    def _error_persists(self, time, cluster):
        """Whether the same error has persisted for `error_timeout` seconds. Rancher also reports `error` while it retries by itself."""
        if cluster.get("transitioning") != "error":
            self.error = self.error_since = None
            return False
        message = cluster.get("transitioningMessage")
        if message != self.error or self.error_since is None:
            self.error, self.error_since = message, time
        return time - self.error_since >= self.error_timeout

    def summary(self, cluster, nodes):
        """One line for the operator: the cluster's state, the number of nodes that reached the goal, the server's message."""
        line = "%s: %s, %d of %d nodes %s" % (
            cluster.get("name"), cluster.get("state"), len(self.node_names) - len(self.missing_nodes(nodes)), len(self.node_names),
            "registered" if self.goal == "registered" else "ready")
        message = cluster.get("transitioningMessage")
        return line + (": " + message if message else "")

    def node_problems(self, nodes):
        """One line for each of the nodes that has a bad condition, sorted."""
        return sorted("%s: %s" % (node_name(node), "; ".join(bad_conditions(node)))
                      for node in nodes if node_name(node) in self.node_names and bad_conditions(node))

    def new_lines(self, cluster, nodes):
        """The lines of summary() and node_problems() that were not among those lines at the previous call."""
        lines = [self.summary(cluster, nodes)] + self.node_problems(nodes)
        new = [line for line in lines if line not in self.shown_lines]
        self.shown_lines = lines
        return new

    def failure(self, problem, cluster, nodes):
        """The RancherError of a wait that failed: the problem, the last state, and the server's last messages."""
        text = "%s. Last state: %s." % (problem, "; ".join([self.summary(cluster, nodes)] + self.node_problems(nodes)))
        if self.messages:
            text += " The server's last messages were: %s" % " | ".join(self.messages)
        return RancherError(text)


def wait_for_cluster(client, name, watch, started_at, timeout, slice_seconds):
    """Poll the cluster until the wait is done, or until this slice of the wait ends: (cluster, whether it is done, new lines).

    watch: a ClusterWatch. started_at: time of the clock at which the wait began. timeout: seconds of the whole wait. slice_seconds:
    seconds of this slice. Raises RancherError if the wait failed or timed out, or if the cluster does not exist.
    """
    clock, lines = client.transport.clock, []
    end, end_of_slice = started_at + timeout, clock() + slice_seconds
    while True:
        cluster = client.cluster(name)
        if cluster is None:
            raise RancherError("Rancher at %s has no cluster %s. Create it, or correct the name" % (client.url, name))
        nodes = client.nodes(cluster["id"])
        verdict = watch.evaluate(clock(), cluster, nodes)
        lines += watch.new_lines(cluster, nodes)
        if verdict == FAILED:
            raise watch.failure("The cluster %s has reported the same error for %d seconds" % (name, watch.error_timeout), cluster, nodes)
        if verdict == DONE:
            return cluster, True, lines
        time_now = clock()
        if time_now >= end:
            missing = watch.missing_nodes(nodes)
            problem = "The cluster %s is not %s after %d seconds" % (name, watch.goal, timeout)
            raise watch.failure(problem + ("; nodes not %s: %s" % (watch.goal, ", ".join(missing)) if missing else ""), cluster, nodes)
        if time_now > end_of_slice:
            return cluster, False, lines
        client.transport.sleep(min(POLL_SECONDS, end - time_now))
