#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
module: rancher_registration_info
short_description: Reads what a host needs to join a custom cluster, and who has joined
version_added: 0.1.0
description:
  - Reads the cluster's registration token, the server's address and CA checksum, the agent's image, and the nodes that
    the server knows. Whether a host has joined is read from here, never from the agent's container.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.reads_only
  - action_common_attributes
  - fay.rancher.rancher
  - fay.rancher.rancher.token
options:
  name:
    description:
      - The cluster's name.
    type: str
    required: true
  timeout:
    description:
      - For how many seconds to wait for the registration command, which is empty for a moment after the cluster was
        made.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Read what the hosts need to join
  fay.rancher.rancher_registration_info:
    url: https://rancher.example.com
    ca_checksum: 59fd865485548532caeca3e1cb5e8d9956829468c1867ba3a34a8c0b812a0e6a
    password: "{{ vault_rancher_admin_password }}"
    name: fay
  register: registration
  no_log: true
"""

RETURN = r"""
exists:
  description: Whether the cluster exists.
  returned: success
  type: bool
  sample: true
server_url:
  description: The address that agents connect to.
  returned: when the cluster exists
  type: str
  sample: https://rancher.example.com
token:
  description: The registration token. A secret.
  returned: when the cluster exists
  type: str
  sample: REGISTRATION-TOKEN
ca_checksum:
  description: What C(--ca-checksum) takes. Empty where the server has a publicly trusted certificate.
  returned: when the cluster exists
  type: str
  sample: 59fd865485548532caeca3e1cb5e8d9956829468c1867ba3a34a8c0b812a0e6a
image:
  description: The agent's image.
  returned: when the cluster exists
  type: str
  sample: rancher/rancher-agent:v2.6.2
eviction_hard:
  description: The C(--eviction-hard) that the cluster gives its kubelets. Empty where it gives none.
  returned: when the cluster exists
  type: str
  sample: imagefs.available<2Gi,nodefs.available<2Gi
nodes:
  description: The nodes that the server lists. Empty where the cluster does not exist.
  returned: success
  type: list
  elements: dict
  sample:
    - name: bg1
      address: 172.31.250.11
      roles: [controlplane, etcd]
      state: active
      registered: true
      ready: true
"""

import re
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._rancher import cluster_wait as _cluster_wait
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import (
    CONNECTION_ARGUMENTS,
    RancherError,
    connect,
)

COMMAND = re.compile(r"(?P<image>\S+) --server (?P<server_url>\S+) --token (?P<token>\S+)"
                     r"(?: --ca-checksum (?P<ca_checksum>\S+))?")


def registration(client, cluster, timeout):
    """{image, server_url, token, ca_checksum} from the cluster's node command; raises RancherError."""
    deadline = client.deadline = time.monotonic() + timeout  # a request that hangs must not stretch the time-out
    while True:
        for item in client.list("/v3/clusterregistrationtokens", clusterId=cluster["id"]):
            match = COMMAND.search(item.get("nodeCommand") or "")
            if match:
                client.deadline = None
                return dict((name, value or "") for name, value in match.groupdict().items())
        left = deadline - time.monotonic()
        if left <= 0:
            raise RancherError(
                "Rancher at %s has no registration command for the cluster %s. Its setting server-url is %r: without "
                "it there is none" % (client.url, cluster["name"], client.setting("server-url")))
        time.sleep(min(1, left))


def describe(node):
    """A node of /v3/nodes in our words."""
    roles = [role for field, role in (("controlPlane", "controlplane"), ("etcd", "etcd"), ("worker", "worker"))
             if node.get(field)]
    return dict(name=_cluster_wait.name_of(node), address=node.get("externalIpAddress") or node.get("ipAddress") or "",
                roles=roles, state=node.get("state"), registered=_cluster_wait.is_registered(node),
                ready=_cluster_wait.is_ready(node))


def eviction_hard(cluster):
    """The kubelet's thresholds in a cluster of /v3/clusters: services.kubelet.extraArgs of its RKE configuration."""
    found = cluster
    for name in ("rancherKubernetesEngineConfig", "services", "kubelet", "extraArgs"):
        found = found.get(name) or {}
    return found.get("eviction-hard") or ""


def main():
    module = AnsibleModule(
        argument_spec=dict(
            CONNECTION_ARGUMENTS,
            name=dict(type="str", required=True),
            timeout=dict(type="int", default=60),
        ),
        required_one_of=[("password", "token")],
        supports_check_mode=True,
    )
    try:
        with connect(module.params) as client:
            cluster = client.cluster(module.params["name"])
            if cluster is None:
                module.exit_json(changed=False, exists=False, nodes=[])
            found = registration(client, cluster, module.params["timeout"])
            nodes = sorted((describe(node) for node in client.nodes(cluster["id"])), key=lambda node: node["name"])
    except RancherError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, exists=True, nodes=nodes, eviction_hard=eviction_hard(cluster), **found)


if __name__ == "__main__":
    main()
