#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: rancher_registration_info
short_description: Read the registration data and the nodes of a custom cluster
version_added: 0.1.0
description:
  - Reads what a host needs to join the cluster (registration token, the server's URL and CA checksum, the image of the agent), and the
    nodes of the cluster.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.reads_only
  - fay.rancher.rancher
  - fay.rancher.rancher.token
options:
  name:
    description:
      - Name of the cluster.
    type: str
    required: true
  timeout:
    description:
      - Seconds to wait for the registration command, which a new cluster does not have immediately.
    type: int
    default: 60
seealso:
  - module: fay.rancher.rancher_cluster
  - module: fay.rancher.rancher_cluster_wait
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

- name: Read the same with an API token
  fay.rancher.rancher_registration_info:
    url: https://rancher.example.com
    token: "{{ vault_rancher_token }}"
    name: fay
  register: registration
  no_log: true

- name: Show the nodes that are not ready
  ansible.builtin.debug:
    msg: "{{ registration.nodes | rejectattr('ready') | map(attribute='name') }}"
"""

RETURN = r"""
exists:
  description: Whether the cluster exists.
  returned: success
  type: bool
  sample: true
server_url:
  description: URL to which agents connect.
  returned: if the cluster exists
  type: str
  sample: https://rancher.example.com
token:
  description: Registration token. It is a secret; use C(no_log) for the task.
  returned: if the cluster exists
  type: str
  sample: REGISTRATION-TOKEN
ca_checksum:
  description: Value for the agent's C(--ca-checksum). Empty if the server has a publicly trusted certificate.
  returned: if the cluster exists
  type: str
  sample: 59fd865485548532caeca3e1cb5e8d9956829468c1867ba3a34a8c0b812a0e6a
image:
  description: Image of the agent.
  returned: if the cluster exists
  type: str
  sample: rancher/rancher-agent:v2.6.2
eviction_hard:
  description: The C(--eviction-hard) that the cluster sets for its kubelets. Empty if it sets none.
  returned: if the cluster exists
  type: str
  sample: imagefs.available<2Gi,nodefs.available<2Gi
nodes:
  description: Nodes of the cluster, sorted by name. Empty if the cluster does not exist.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name with which the node registered.
      type: str
      sample: bg1
    address:
      description: External IP address of the node, or its internal one if it has no external one.
      type: str
      sample: 172.31.250.11
    roles:
      description: Roles of the node, some of V(controlplane), V(etcd) and V(worker).
      type: list
      elements: str
      sample: [controlplane, etcd]
    state:
      description: State of the node in Rancher.
      type: str
      sample: active
    registered:
      description: Whether the server is in contact with the node's agent.
      type: bool
      sample: true
    ready:
      description: Whether the node has the conditions Registered and Ready.
      type: bool
      sample: true
"""

from ansible_collections.fay.rancher.plugins.module_utils._rancher.module import RancherModule
from ansible_collections.fay.rancher.plugins.module_utils._rancher.registration import (
    eviction_hard,
    node_summaries,
    wait_for_registration,
)


def main():
    module = RancherModule(argument_spec=dict(
        name=dict(type="str", required=True),
        timeout=dict(type="int", default=60),
    ))
    with module.api() as client:
        cluster = client.cluster(module.params["name"])
        if cluster is None:
            module.exit_json(changed=False, exists=False, nodes=[])
        registration = wait_for_registration(client, cluster, module.params["timeout"])
        nodes = node_summaries(client.nodes(cluster["id"]))
    module.exit_json(changed=False, exists=True, nodes=nodes, eviction_hard=eviction_hard(cluster), **registration)


if __name__ == "__main__":
    main()
