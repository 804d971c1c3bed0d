# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and removes the hosts of a set: containers with systemd."""
import concurrent.futures
import os
import subprocess
import time

from .config import CACHE, LAB, NETWORK, SETS, address_of, container_of
from .console import LabError, docker, run, step
from .machine import lacks_sys_resource

BOOT_SECONDS = 60
# systemd needs the cgroup filesystem of the machine. Data is on volumes, since overlayfs does not work on overlayfs.
OPTIONS = ["--privileged", "--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs", "/run",
           "--tmpfs", "/run/lock", "--volume", "/var/lib/docker", "--volume", "/var/lib/containerd",
           "--volume", "/appdata", "--volume", "/var/lib/kubelet", "--volume", "/var/lib/etcd"]


def start_hosts(set_name, key):
    """Start the hosts of a set. key: the public key with which Ansible logs in."""
    with step("start the hosts of " + set_name), concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda host: start_host(set_name, host, key), SETS[set_name][1]))


def start_host(set_name, host, key):
    """Start a host unless it runs, and install the public key. Raises LabError."""
    container = container_of(set_name, host)
    state = docker("container", "inspect", "--format", "{{.State.Running}}", container, check=False).strip()
    if state == "true":
        return
    if state == "false":
        docker("start", container)
    else:
        options = list(OPTIONS)
        if lacks_sys_resource():
            options += ["--volume", os.path.join(LAB, "runc-sandboxed") + ":/usr/local/bin/fay-lab-runc:ro"]
        docker("run", "--detach", "--name", container, "--hostname", host, "--label", "fay-lab=" + set_name, "--network", NETWORK,
               "--ip", address_of(set_name, host), *options, "fay-lab/node-" + SETS[set_name][1][host][0])
    wait_for_systemd(container)
    docker("exec", "--interactive", container, "sh", "-c", "mkdir -p -m 0700 /root/.ssh && cat >/root/.ssh/authorized_keys", input=key)


def wait_for_systemd(container):
    deadline = time.time() + BOOT_SECONDS
    state = None
    while time.time() < deadline:
        state = subprocess.run(["docker", "exec", container, "systemctl", "is-system-running"],
                               capture_output=True, text=True).stdout.strip()
        if state in ("running", "degraded"):
            return
        time.sleep(0.2)
    raise LabError("systemd in %s is in state %r after %d s. `docker exec %s systemctl --failed` shows what failed." % (
        container, state, BOOT_SECONDS, container))


def public_key():
    """The public key of all hosts; the pair is created once and kept in the cache."""
    path = os.path.join(CACHE, "ssh", "id_ed25519")
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fay-lab", "-f", path)
    with open(path + ".pub") as source:
        return source.read()


def mark_runtime():
    """Record in the cache whether the hosts' engines need the lab's runtime; inventory/group_vars reads it."""
    marker = os.path.join(CACHE, "needs-runtime")
    if lacks_sys_resource():
        open(marker, "w").close()
    elif os.path.exists(marker):
        os.unlink(marker)


def remove_containers(label):
    """Remove all containers with a label (NAME or NAME=VALUE), and their volumes."""
    containers = docker("ps", "--all", "--quiet", "--filter", "label=" + label).split()
    if containers:
        docker("rm", "--force", "--volumes", *containers)
