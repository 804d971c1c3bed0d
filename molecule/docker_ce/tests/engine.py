"""What the tests of this scenario have in common: its hosts, and looks at their engines."""
import json
import os

from lab import on

CACHE = os.environ.get("FAY_LAB_CACHE") or os.path.expanduser("~/.cache/fay-rancher-lab")
BY_HAND = ["debian12", "el9"]  # set up by hand after the notes
HOSTS = BY_HAND + ["debian13"]  # a fresh one
PLAYBOOK = "molecule/docker_ce/converge.yml"


def starts(name):
    """How often the engine of a host has been started since the host was."""
    return int(on(name).check_output("journalctl --boot --unit=docker.service --output=cat | grep -c '^Started '"))


def configuration(name):
    return json.loads(on(name).check_output("cat /etc/docker/daemon.json"))


def holds_everything(name, root):
    """The engine of a host is on that root with what prepare.yml put into it."""
    host = on(name)
    assert host.check_output("docker info --format '{{.DockerRootDir}}'") == root
    assert host.check_output("docker ps --filter name=keeper --format '{{.Names}}'") == "keeper"
    assert host.check_output("docker exec keeper cat /things/file") == "precious"
    assert host.check_output("docker ps --all --format '{{.Names}}' | sort | xargs") == "keeper once"
    assert "home" in host.check_output("docker network ls --format '{{.Name}}'").split()
    assert host.check_output("cat /srv/bound/file") == host.check_output("docker exec keeper cat /bound/file") == "bound"
    assert not host.file("/var/lib/fay-rancher/docker-data-root.json").exists
