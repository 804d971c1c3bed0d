#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
module: rancher_cluster
short_description: Creates a custom RKE1 cluster in Rancher, or brings one to what is wanted
version_added: 0.1.0
description:
  - Makes sure that a custom cluster of this name exists with these options. Its nodes join by themselves.
  - Only what is asked for is compared and sent. The object is read again right before a change, and a change that
    somebody else made in between is noticed. Rancher itself checks neither.
  - A Kubernetes version that the server does not offer, an unknown field and a wrong type are refused before anything
    is sent. The server would take them without a word.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.rancher
  - fay.rancher.rancher.token
options:
  name:
    description:
      - The cluster's name, a DNS label.
    type: str
    required: true
  kubernetes_version:
    description:
      - One of the versions that the server offers, such as V(v1.21.5-rancher1-1). The default is the server's own.
    type: str
  network:
    description:
      - The pod network.
    type: dict
    suboptions:
      plugin:
        description:
          - The network plugin.
        type: str
        choices: [canal, flannel, calico, weave, none]
        default: canal
      backend:
        description:
          - How flannel carries packets between nodes. V(host-gw) needs all nodes on one layer-2 network.
        type: str
        choices: [vxlan, host-gw]
      port:
        description:
          - UDP port of VXLAN.
        type: int
      vni:
        description:
          - VXLAN network identifier.
        type: int
      interface:
        description:
          - The nodes' interface that carries the pod network.
        type: str
      mtu:
        description:
          - MTU of the pod network. Not for V(flannel).
        type: int
  docker_root_dir:
    description:
      - The engine's data root on the nodes. It must be the real one.
    type: str
  description:
    description:
      - A text for people.
    type: str
  enable_network_policy:
    description:
      - Whether Rancher isolates projects from each other.
    type: bool
  ignore_docker_version:
    description:
      - Whether nodes may have an engine that this Kubernetes was not tested with.
    type: bool
  rke_config:
    description:
      - Further fields of Rancher's C(rancherKubernetesEngineConfig), such as C(services) or C(upgradeStrategy), in the
        API's own words. They are checked against the server's schemas.
    type: dict
attributes:
  check_mode:
    description: Says what it would change and changes nothing.
    support: full
  diff_mode:
    description: Shows the fields that differ.
    support: full
"""

EXAMPLES = r"""
- name: The cluster fay exists with flannel over VXLAN
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
"""

RETURN = r"""
cluster_id:
  description: Rancher's name for the cluster. Empty in check mode where it does not exist yet.
  returned: success
  type: str
  sample: c-2wplr
state:
  description: The state that the server reports.
  returned: success
  type: str
  sample: provisioning
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._rancher import rke1_cluster as _cluster
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import (
    CONNECTION_ARGUMENTS,
    RancherError,
    connect,
)


def check(client, fields):
    """Refuse what the server would take and not do; raises RancherError."""
    _cluster.check_server_version(client.setting("server-version"))
    rke = fields.get("rancherKubernetesEngineConfig") or {}
    offered = [version for version in (client.setting("k8s-versions-current") or "").split(",") if version]
    _cluster.check_version(rke.get("kubernetesVersion"), offered)

    def fetch(kind):
        return client.request("GET", "/v3/schemas/" + kind, missing_ok=True)
    schema = fetch("rancherKubernetesEngineConfig") if rke else None
    if schema:
        _cluster.check_fields(rke, schema, fetch, "rke_config")


def create(client, fields):
    """Create the cluster and return it; one that a lost answer left behind is taken as created."""
    before = client.retries
    try:
        return client.request("POST", "/v3/clusters", dict(fields, type="cluster"))
    except RancherError as error:
        there = client.cluster(fields["name"]) if error.code == "NotUnique" and client.retries != before else None
        if there is None:
            raise
        return there


def update(client, current, fields):
    """Send the difference; raises RancherError when another hand changed the same fields meanwhile."""
    changes = _cluster.difference(current, fields)
    fresh = client.request("GET", "/v3/clusters/" + current["id"])
    others = _cluster.same_before_change(current, fresh, changes)
    if others:
        raise RancherError("Somebody else is changing the cluster %s: %s changed while this run looked at it. Run "
                           "again when they are done" % (current["name"], ", ".join(others)))
    answer = client.request("PUT", "/v3/clusters/" + current["id"], changes)
    left = _cluster.difference(answer, fields)
    if left:
        raise RancherError("The cluster %s did not take the change of %s: somebody else changed it at the same moment, "
                           "or the server does not allow it" % (current["name"], ", ".join(
                               sorted(name for name in left if name != "name"))))
    return answer


def run(module):
    fields = _cluster.wanted(module.params)
    with connect(module.params) as client:
        current = client.cluster(fields["name"])
        changes = fields if current is None else _cluster.difference(current, fields)
        if changes:
            check(client, fields)
        cluster = current or {}
        if changes and not module.check_mode:
            cluster = create(client, fields) if current is None else update(client, current, fields)
    before = dict((name, (current or {}).get(name)) for name in changes)
    module.exit_json(changed=bool(changes), cluster_id=cluster.get("id", ""), state=cluster.get("state", ""),
                     diff={"before": before, "after": changes})


def main():
    module = AnsibleModule(
        argument_spec=dict(
            CONNECTION_ARGUMENTS,
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
        ),
        required_one_of=[("password", "token")],
        supports_check_mode=True,
    )
    try:
        run(module)
    except RancherError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
