# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host needs to join a custom cluster, and which nodes have joined. Private to the collection."""
import re

from ansible_collections.fay.rancher.plugins.module_utils._rancher.cluster_wait import is_ready, is_registered, node_name
from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import RancherError

NODE_COMMAND = re.compile(r"(?P<image>\S+) --server (?P<server_url>\S+) --token (?P<token>\S+)"
                          r"(?: --ca-checksum (?P<ca_checksum>\S+))?")
POLL_SECONDS = 1
ROLES = (("controlPlane", "controlplane"), ("etcd", "etcd"), ("worker", "worker"))  # (field of a node, role)


def wait_for_registration(client, cluster, timeout):
    """{image, server_url, token, ca_checksum} of the cluster's registration command, which a new cluster has after some seconds.

    timeout: seconds, including requests without an answer. Raises RancherError.
    """
    transport = client.transport
    deadline = transport.deadline = transport.clock() + timeout
    while True:
        values = read_registration(client, cluster)
        if values:
            transport.deadline = None
            return values
        seconds_left = deadline - transport.clock()
        if seconds_left <= 0:
            raise RancherError(
                "Rancher at %s has no registration command for the cluster %s. Its setting server-url, which is required for the command, "
                "is %r. Set it with rancher_bootstrap" % (client.url, cluster["name"], client.setting("server-url")))
        transport.sleep(min(POLL_SECONDS, seconds_left))


def read_registration(client, cluster):
    """{image, server_url, token, ca_checksum} of the cluster's registration command; None if the cluster does not have one yet."""
    for token in client.list("/v3/clusterregistrationtokens", clusterId=cluster["id"]):
        match = NODE_COMMAND.search(token.get("nodeCommand") or "")
        if match:
            return dict((name, value or "") for name, value in match.groupdict().items())
    return None


def node_summaries(nodes):
    """[{name, address, roles, state, registered, ready}] of the objects of /v3/nodes, sorted by name."""
    return sorted((node_summary(node) for node in nodes), key=lambda summary: summary["name"])


def node_summary(node):
    return {
        "name": node_name(node),
        "address": node.get("externalIpAddress") or node.get("ipAddress") or "",
        "roles": [role for field, role in ROLES if node.get(field)],
        "state": node.get("state"),
        "registered": is_registered(node),
        "ready": is_ready(node),
    }


def eviction_hard(cluster):
    """The `--eviction-hard` that an RKE1 cluster sets for its kubelets; empty if it sets none."""
    value = cluster
    for name in ("rancherKubernetesEngineConfig", "services", "kubelet", "extraArgs"):
        value = value.get(name) or {}
    return value.get("eviction-hard") or ""
