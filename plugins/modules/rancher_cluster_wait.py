#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
module: rancher_cluster_wait
short_description: Waits until a cluster's nodes have registered, or until the cluster is ready
version_added: 0.1.0
description:
  - Waits for the named nodes, and shows the cluster's state and message whenever they change, and for each node the bad
    conditions that Kubernetes reports, such as C(DiskPressure).
  - Ready means that all the nodes have the conditions Registered and Ready, that the cluster is active and not in
    transition, and that all this still holds O(settle) seconds later.
  - Rancher reports C(transitioning=error) while it retries by itself. So that is a failure only when the same message
    stands still for O(stall) seconds.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.rancher
  - fay.rancher.rancher.token
  - action_common_attributes
options:
  name:
    description:
      - The cluster's name.
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
      - What to wait for.
    type: str
    choices: [registered, active]
    default: active
  timeout:
    description:
      - For how many seconds to wait at most.
    type: int
    default: 1800
  settle:
    description:
      - For how many seconds the goal must hold without a break.
    type: int
    default: 10
  stall:
    description:
      - For how many seconds the same error may stand still.
    type: int
    default: 300
  _seen:
    description:
      - Internal, set by the action plugin. State of the wait from the previous call.
    type: dict
  _slice:
    description:
      - Internal, set by the action plugin. Seconds after which the module returns its progress.
    type: int
attributes:
  check_mode:
    description: Does not wait, since nothing was changed that it could wait for.
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
"""

EXAMPLES = r"""
- name: Wait until the cluster fay is ready
  fay.rancher.rancher_cluster_wait:
    url: https://rancher.example.com
    ca_checksum: 59fd865485548532caeca3e1cb5e8d9956829468c1867ba3a34a8c0b812a0e6a
    password: "{{ vault_rancher_admin_password }}"
    name: fay
    nodes: [bg1, bg2, bg3, bg4, bg5, bg6, bg7]
"""

RETURN = r"""
state:
  description: The cluster's state at the end.
  returned: success
  type: str
  sample: active
messages:
  description: The last distinct messages of the server.
  returned: always
  type: list
  elements: str
  sample: ["[etcd] Building up etcd plane.."]
waited:
  description: Seconds that were waited.
  returned: success
  type: int
  sample: 185
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import (
    CONNECTION_ARGUMENTS,
    RancherError,
    connect,
)
from ansible_collections.fay.rancher.plugins.module_utils._rancher.cluster_wait import Watch

POLL_SECONDS = 2


def give_up(watch, why, cluster, nodes):
    """Raise RancherError with why the wait ended, what Kubernetes reports of the nodes, and the server's last distinct messages."""
    text = "%s. At the end: %s." % (why, "; ".join([watch.describe(cluster, nodes)] + watch.node_lines(nodes)))
    if watch.messages:
        text += " The server's last messages were: %s" % " | ".join(watch.messages)
    raise RancherError(text)


def wait(client, parameters, watch, begun):
    """Look until the goal, the time-out, a standing error, or the end of this slice: (verdict, cluster, lines).

    lines: what is new for the operator, one text for each change. Raises RancherError when the waiting has failed.
    """
    name, lines = parameters["name"], []
    end = begun + parameters["timeout"]
    end_of_slice = time.monotonic() + (parameters["_slice"] or parameters["timeout"])
    while True:
        cluster = client.cluster(name)
        if cluster is None:
            raise RancherError("Rancher at %s has no cluster %s" % (client.url, name))
        nodes = client.nodes(cluster["id"])
        verdict = watch.look(time.monotonic(), cluster, nodes)
        lines += watch.news(cluster, nodes)
        if verdict == "failed":
            give_up(watch, "The cluster %s has reported the same error for %d seconds" % (name, watch.stall), cluster, nodes)
        if verdict == "done":
            return verdict, cluster, lines
        now = time.monotonic()
        if now >= end:
            missing = watch.missing(nodes)
            give_up(watch, "The cluster %s is not %s after %d seconds%s" % (
                name, watch.goal, parameters["timeout"],
                ", these nodes are not: %s" % ", ".join(missing) if missing else ""), cluster, nodes)
        if now > end_of_slice:
            return verdict, cluster, lines
        time.sleep(min(POLL_SECONDS, end - now))


def main():
    module = AnsibleModule(
        argument_spec=dict(
            CONNECTION_ARGUMENTS,
            name=dict(type="str", required=True),
            nodes=dict(type="list", elements="str", required=True),
            goal=dict(type="str", choices=["registered", "active"], default="active"),
            timeout=dict(type="int", default=1800),
            settle=dict(type="int", default=10),
            stall=dict(type="int", default=300),
            _seen=dict(type="dict"),
            _slice=dict(type="int"),
        ),
        required_one_of=[("password", "token")],
        supports_check_mode=True,
    )
    parameters = module.params
    if module.check_mode:
        module.exit_json(changed=False, state="", messages=[], waited=0, lines=[], done=True)
    seen = parameters["_seen"] or {}
    watch = Watch(parameters["nodes"], parameters["goal"], parameters["settle"], parameters["stall"])
    watch.load(seen)
    begun = seen.get("begun") or time.monotonic()
    try:
        client = connect(parameters)
        client.deadline = begun + parameters["timeout"]  # the log-in is part of the time-out, and a request that hangs too
        with client:
            verdict, cluster, lines = wait(client, parameters, watch, begun)
    except RancherError as error:
        module.fail_json(msg=str(error), messages=watch.messages)
    module.exit_json(changed=False, state=cluster["state"], messages=watch.messages, waited=int(time.monotonic() - begun),
                     done=verdict == "done", lines=lines, seen=dict(watch.dump(), begun=begun))


if __name__ == "__main__":
    main()
