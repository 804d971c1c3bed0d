#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: rancher_cluster_wait
short_description: Wait until nodes have registered or a cluster is ready
version_added: 0.1.0
description:
  - Waits for the named nodes. It shows the cluster's state and message whenever they change, and the bad conditions that Kubernetes
    reports for a node, such as C(DiskPressure).
  - A cluster is ready if it is active and not in transition, all the nodes have the conditions Registered and Ready, and this holds
    for O(settle) seconds without interruption.
  - Rancher also reports C(transitioning=error) while it retries by itself. The wait fails only if the same error persists for
    O(error_timeout) seconds.
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
  nodes:
    description:
      - Names of the nodes to wait for.
    type: list
    elements: str
    required: true
  goal:
    description:
      - State to wait for. V(registered) means that the server is in contact with the agents of all O(nodes). V(active) means that the
        cluster is ready.
    type: str
    choices: [registered, active]
    default: active
  timeout:
    description:
      - Seconds after which the wait fails. They include the login and requests without an answer.
    type: int
    default: 1800
  settle:
    description:
      - Seconds for which the goal must hold without interruption.
    type: int
    default: 10
  error_timeout:
    description:
      - Seconds after which the wait fails if the same error persists.
    type: int
    default: 300
  _saved_state:
    description:
      - Internal, set by the action plugin. State of the wait from the previous call.
    type: dict
  _slice:
    description:
      - Internal, set by the action plugin. Seconds after which the module returns its progress.
    type: int
attributes:
  check_mode:
    details: Does not wait in check mode, since nothing was changed to wait for.
seealso:
  - module: fay.rancher.rancher_cluster
  - module: fay.rancher.rancher_registration_info
"""

EXAMPLES = r"""
- name: Wait until all nodes of the cluster are ready
  fay.rancher.rancher_cluster_wait:
    url: https://rancher.example.com
    ca_checksum: 59fd865485548532caeca3e1cb5e8d9956829468c1867ba3a34a8c0b812a0e6a
    password: "{{ vault_rancher_admin_password }}"
    name: fay
    nodes: "{{ groups['fay'] }}"
  delegate_to: "{{ groups['rancher'] | first }}"
  run_once: true

- name: Wait until the control planes have registered, with an API token
  fay.rancher.rancher_cluster_wait:
    url: https://rancher.example.com
    token: "{{ vault_rancher_token }}"
    name: fay
    nodes: "{{ groups['controlplane'] }}"
    goal: registered
    timeout: 600
  delegate_to: "{{ groups['rancher'] | first }}"
  run_once: true
"""

RETURN = r"""
state:
  description: State of the cluster at the end of the wait. Empty in check mode.
  returned: success
  type: str
  sample: active
messages:
  description: Last distinct messages of the server.
  returned: always
  type: list
  elements: str
  sample: ["[etcd] Building up etcd plane.."]
waited:
  description: Duration of the wait in seconds.
  returned: success
  type: int
  sample: 185
"""

import time

from ansible_collections.fay.rancher.plugins.module_utils._rancher.cluster_wait import ClusterWatch, wait_for_cluster
from ansible_collections.fay.rancher.plugins.module_utils._rancher.module import RancherModule


def main():
    module = RancherModule(argument_spec=dict(
        name=dict(type="str", required=True),
        nodes=dict(type="list", elements="str", required=True),
        goal=dict(type="str", choices=["registered", "active"], default="active"),
        timeout=dict(type="int", default=1800),
        settle=dict(type="int", default=10),
        error_timeout=dict(type="int", default=300),
        _saved_state=dict(type="dict"),
        _slice=dict(type="int"),
    ))
    parameters = module.params
    if module.check_mode:
        module.exit_json(changed=False, state="", messages=[], waited=0, lines=[], done=True)
    saved_state = parameters["_saved_state"] or {}
    watch = ClusterWatch(parameters["nodes"], parameters["goal"], parameters["settle"], parameters["error_timeout"])
    watch.restore(saved_state)
    started_at = saved_state.get("started_at") or time.monotonic()
    timeout = parameters["timeout"]
    with module.api(deadline=started_at + timeout, details=lambda: {"messages": watch.messages}) as client:
        cluster, done, lines = wait_for_cluster(
            client, parameters["name"], watch, started_at, timeout, slice_seconds=parameters["_slice"] or timeout)
    module.exit_json(
        changed=False, state=cluster["state"], messages=watch.messages, waited=int(time.monotonic() - started_at),
        done=done, lines=lines, saved_state=dict(watch.saved_state(), started_at=started_at))


if __name__ == "__main__":
    main()
