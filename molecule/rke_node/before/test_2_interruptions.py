"""Runs that are killed: each next one has to get past the place where the one before was cut off.

The last of them is the scenario's converge, which has to build the cluster; the one after that changes nothing.
"""
import pytest
from lab import interrupt

PLACES = [
    # (task in which the run is killed, seconds into it, hosts whose power is cut with it)
    ("docker_ce : Install the packages", 3, []),
    ("rancher_server : Run the server in a container", 1, []),
    ("rancher_server : Set the admin password and the server's URL", 1.5, ["rancher1"]),
    ("rke_node : Register the host with Rancher's agent", 0, []),
    ("rke_node : Wait until the control planes have registered", 0, ["bg1"]),
    ("rke_node : Wait until the cluster is ready", 5, ["bg4"]),
    ("kubectl_access : Download kubectl", 1, []),
]


@pytest.mark.parametrize("task, after, power_cut", PLACES, ids=[place[0] for place in PLACES])
def test_a_run_is_cut_off(task, after, power_cut):
    interrupt("site.yml", task, after, power_cut)
