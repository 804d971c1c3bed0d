#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: rancher_cluster
short_description: Create or update a custom RKE1 cluster in Rancher
version_added: 0.1.0
description:
  - Ensures that a custom cluster of this name exists with these options. Its nodes register themselves.
  - Only options that are set are compared and sent. The cluster is read again right before a change; if somebody else changed the
    same fields in the meantime, the module fails.
  - A Kubernetes version that the server does not offer, an unknown field and a value of the wrong type are rejected before anything
    is sent. The server would ignore them silently.
  - Deleting clusters is not supported. Delete a cluster in Rancher itself.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.attributes
  - fay.rancher.rancher
  - fay.rancher.rancher.token
options:
  name:
    description:
      - Name of the cluster, a DNS label.
    type: str
    required: true
  kubernetes_version:
    description:
      - One of the versions that the server offers, such as V(v1.21.5-rancher1-1). The default is chosen by the server.
    type: str
  network:
    description:
      - Pod network.
    type: dict
    suboptions:
      plugin:
        description:
          - Network plugin.
        type: str
        choices: [canal, flannel, calico, weave, none]
        default: canal
      backend:
        description:
          - Backend of flannel, for V(flannel) and V(canal) only. V(host-gw) needs all nodes on one layer-2 network.
        type: str
        choices: [vxlan, host-gw]
      port:
        description:
          - UDP port of VXLAN, for V(flannel) and V(canal) only.
        type: int
      vni:
        description:
          - VXLAN network identifier, for V(flannel) and V(canal) only.
        type: int
      interface:
        description:
          - Network interface of the nodes that carries the pod network, for V(flannel) and V(canal) only.
        type: str
      mtu:
        description:
          - MTU of the pod network in bytes. Not supported with V(flannel).
        type: int
  docker_root_dir:
    description:
      - Data root of Docker on the nodes. It must match the data root that is configured there.
    type: str
  description:
    description:
      - Description of the cluster in Rancher.
    type: str
  enable_network_policy:
    description:
      - If V(true), Rancher isolates the cluster's projects from each other.
    type: bool
  ignore_docker_version:
    description:
      - If V(true), nodes may have a Docker version that is not supported with this Kubernetes version.
    type: bool
  rke_config:
    description:
      - Further fields of Rancher's C(rancherKubernetesEngineConfig), such as C(services) or C(upgradeStrategy), named as in the API.
        They are compared with the server's schemas.
    type: dict
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Contains the fields that differ.
  idempotent:
    support: full
seealso:
  - module: fay.rancher.rancher_registration_info
  - module: fay.rancher.rancher_cluster_wait
  - name: RKE cluster configuration
    description: The fields of O(rke_config).
    link: https://ranchermanager.docs.rancher.com/v2.8/reference-guides/cluster-configuration/rancher-server-configuration/rke1-cluster-configuration
"""

EXAMPLES = r"""
- name: Create a cluster with flannel over VXLAN
  fay.rancher.rancher_cluster:
    url: https://rancher.example.com
    ca_checksum: 59fd865485548532caeca3e1cb5e8d9956829468c1867ba3a34a8c0b812a0e6a
    password: "{{ vault_rancher_admin_password }}"
    name: fay
    kubernetes_version: v1.21.5-rancher1-1
    docker_root_dir: /appdata/lib/docker
    network:
      plugin: flannel
      backend: vxlan

- name: Create a cluster with canal, with an API token
  fay.rancher.rancher_cluster:
    url: https://rancher.example.com
    token: "{{ vault_rancher_token }}"
    name: fay
    network:
      plugin: canal
      mtu: 1400
    rke_config:
      services:
        kubelet:
          extraArgs:
            max-pods: "200"

# rancher_bootstrap is in the group too, but it has no option token and would fail in such a block.
- name: Set the connection options once for several modules
  module_defaults:
    group/fay.rancher.rancher:
      url: https://rancher.example.com
      token: "{{ vault_rancher_token }}"
  block:
    - name: Create the clusters
      fay.rancher.rancher_cluster:
        name: "{{ item }}"
      loop: [fay, test]

    - name: Read what hosts need to join
      fay.rancher.rancher_registration_info:
        name: fay
      register: registration
      no_log: true
"""

RETURN = r"""
cluster_id:
  description: Identifier of the cluster in Rancher. Empty in check mode if it does not exist yet.
  returned: success
  type: str
  sample: c-2wplr
state:
  description: State of the cluster in Rancher. Empty in check mode if it does not exist yet.
  returned: success
  type: str
  sample: provisioning
"""

from ansible_collections.fay.rancher.plugins.module_utils._rancher.module import RancherModule
from ansible_collections.fay.rancher.plugins.module_utils._rancher.rke1_cluster import apply_fields, desired_fields


def main():
    module = RancherModule(argument_spec=dict(
        name=dict(type="str", required=True),
        kubernetes_version=dict(type="str"),
        network=dict(type="dict", options=dict(
            plugin=dict(type="str", default="canal", choices=["canal", "flannel", "calico", "weave", "none"]),
            backend=dict(type="str", choices=["vxlan", "host-gw"]),
            port=dict(type="int"),
            vni=dict(type="int"),
            interface=dict(type="str"),
            mtu=dict(type="int"),
        )),
        docker_root_dir=dict(type="str"),
        description=dict(type="str"),
        enable_network_policy=dict(type="bool"),
        ignore_docker_version=dict(type="bool"),
        rke_config=dict(type="dict"),
    ))
    with module.errors_as_failures():
        fields = desired_fields(module.params)
    with module.api() as client:
        cluster, before, after = apply_fields(client, fields, module.check_mode)
    module.exit_json(changed=bool(after), cluster_id=cluster.get("id", ""), state=cluster.get("state", ""),
                     diff={"before": before, "after": after})


if __name__ == "__main__":
    main()
