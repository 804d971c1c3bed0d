# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed: each run gets past the task in which the previous one was killed.

After the last one, converge.yml must build the cluster, and its second run must change nothing.
"""
import pytest
from lab import kill_during

INTERRUPTIONS = [
    # (task in which the run is killed, seconds after the task began, hosts that are restarted at the same time)
    ("docker_ce : Install the packages", 3, []),
    ("rancher_server : Run the server in a container", 1, []),
    ("rancher_server : Set the admin password and the server's URL", 1.5, ["rancher1"]),
    ("rke_node : Register the host with Rancher's agent", 0, []),
    ("rke_node : Wait until the control planes have registered", 0, ["bg1"]),
    ("rke_node : Wait until the cluster is ready", 5, ["bg4"]),
    ("kubectl_access : Download kubectl", 1, []),
]


@pytest.mark.parametrize("task, after, restarted", INTERRUPTIONS, ids=[interruption[0] for interruption in INTERRUPTIONS])
def test_run_is_killed_during_a_task(task, after, restarted):
    kill_during("site.yml", task, after, restarted)
