# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on a host with Docker but no server: invalid input, each tag alone, and servers that do not start."""
import json
import time

import pytest
from lab import assert_rejected, lab_host, run_playbook

PLAYBOOK = "molecule/rancher_server/server.yml"
HOST = "rancher1"
# Runs each module in its own mount namespace, in which cgroup v2 is mounted.
PYTHON_UNDER_CGROUP_2 = """#!/bin/sh
exec unshare --mount sh -c 'mount -t cgroup2 none /sys/fs/cgroup && exec python3 "$@"' sh "$@"
"""


def containers():
    return lab_host(HOST).check_output("docker ps --all --format '{{.Names}}'")


@pytest.fixture
def remove_the_container():
    yield
    lab_host(HOST).check_output("docker rm --force --volumes rancher; rm -rf /var/lib/rancher")


def test_old_server_with_cgroup_2_is_rejected():
    path = "/usr/local/bin/python-cgroup2"
    lab_host(HOST).check_output("printf '%%s' %s >%s && chmod 0755 %s", PYTHON_UNDER_CGROUP_2, path, path)
    checked = {"rancher_server_check_cgroup": "yes"}  # the lab's inventory turns this check off
    under = dict(checked, ansible_python_interpreter=path)
    assert_rejected("rancher1 uses cgroup v2, and rancher_server_version is v2.6.2. With cgroup v2 Rancher 2.6.9 or later is required",
                    playbook=PLAYBOOK, variables=under)
    for good in ({"rancher_server_version": "v2.6.9"}, {"rancher_server_check_cgroup": "no"}):
        run = run_playbook(PLAYBOOK, variables=dict(under, **good), arguments=["--tags=rancher_server_preflight"])
        assert run.code == 0 and run.changed == 0, run.output
    if not lab_host(HOST).file("/sys/fs/cgroup/cgroup.controllers").exists:  # the machine itself has cgroup v1
        run = run_playbook(PLAYBOOK, variables=checked, arguments=["--tags=rancher_server_preflight"])
        assert run.code == 0 and run.changed == 0, run.output


def test_user_other_than_root_is_rejected():
    assert_rejected("The tasks run as nobody on rancher1; root is required. Set become to true", playbook=PLAYBOOK,
                    variables={"ansible_become": True, "ansible_become_user": "nobody"})


def test_configuring_without_a_container_is_rejected():
    assert_rejected("There is no container rancher on this host", playbook=PLAYBOOK, arguments=["--tags=rancher_server_configure"])


def test_wait_ends_if_the_container_restarts(remove_the_container):
    begin = time.time()
    run = run_playbook(PLAYBOOK, variables={"rancher_server_image": "rancher/rancher-agent"})
    assert run.code != 0 and "The container rancher was restarted by Docker" in run.text, run.output
    assert "Its log ends with:" in run.text
    assert "RETRYING" not in run.output
    assert time.time() - begin < 120  # not rancher_server_ready_timeout, which is 600


def test_wait_for_a_silent_server_ends_after_the_timeout(remove_the_container):
    run = run_playbook(PLAYBOOK, arguments=["--tags=rancher_server_container"])
    assert run.code == 0 and containers() == "rancher", run.output
    lab_host(HOST).check_output("docker pause rancher")
    run = run_playbook(PLAYBOOK, arguments=["--tags=rancher_server_configure"])
    assert run.code != 0 and "is not running: its state is paused" in run.text, run.output
    lab_host(HOST).check_output("docker unpause rancher && kill -STOP $(docker inspect --format '{{.State.Pid}}' rancher)")
    begin = time.time()
    run = run_playbook(PLAYBOOK, arguments=["--tags=rancher_server_configure"], variables={"rancher_server_ready_timeout": "15"})
    assert run.code != 0 and "within 15 seconds" in run.text, run.output
    assert "the container is running, but the server does not answer yet" in run.output
    assert "RETRYING" not in run.output
    assert 15 <= time.time() - begin < 45


def test_each_tag_runs_alone(remove_the_container):
    run = run_playbook(PLAYBOOK, arguments=["--tags=rancher_server_container"])
    assert run.code == 0 and run.changed > 0, run.output
    clusters = {"rancher_server_clusters": [{"name": "strict", "ignore_docker_version": "no"}]}
    run = run_playbook(PLAYBOOK, arguments=["--tags=rancher_server_configure"], variables=clusters)
    assert run.code == 0 and run.changed > 0, run.output
    state = json.loads(lab_host(HOST).file("/var/lib/rancher/state.json").content_string)
    assert '"ignoreDockerVersion": false' in json.dumps(state["clusters"])
    for tag in ("preflight", "container", "configure"):
        run = run_playbook(PLAYBOOK, arguments=["--tags=rancher_server_" + tag], variables=clusters)
        assert run.code == 0 and run.changed == 0, run.output
