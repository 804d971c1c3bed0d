# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the tests of this scenario: its hosts, and the state of their Docker."""
import json
import os

from lab import lab_host

CACHE = os.environ.get("FAY_LAB_CACHE") or os.path.expanduser("~/.cache/fay-rancher-lab")
BY_HAND = ["debian12", "el9"]  # set up by hand, like the original setup
HOSTS = BY_HAND + ["debian13"]  # a fresh one
PLAYBOOK = "molecule/docker_ce/converge.yml"


def start_count(name):
    """How often (int) Docker has started since the host has booted."""
    return int(lab_host(name).check_output("journalctl --boot --unit=docker.service --output=cat | grep -c '^Started '"))


def configuration(name):
    """The options (dict) in daemon.json of a host."""
    return json.loads(lab_host(name).check_output("cat /etc/docker/daemon.json"))


def assert_data_is_complete(name, root):
    """Assert that Docker on a host uses the data root `root`, with everything that prepare.yml has created."""
    host = lab_host(name)
    assert host.check_output("docker info --format '{{.DockerRootDir}}'") == root
    assert host.check_output("docker ps --filter name=keeper --format '{{.Names}}'") == "keeper"
    assert host.check_output("docker exec keeper cat /things/file") == "precious"
    assert host.check_output("docker ps --all --format '{{.Names}}' | sort | xargs") == "keeper once"
    assert "home" in host.check_output("docker network ls --format '{{.Name}}'").split()
    assert host.check_output("cat /srv/bound/file") == host.check_output("docker exec keeper cat /bound/file") == "bound"
    assert not host.file("/var/lib/fay-rancher/docker-data-root.json").exists
