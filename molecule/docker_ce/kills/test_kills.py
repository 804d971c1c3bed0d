# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of the data root that are killed at random instants: the next run completes the move, and nothing is lost.

FAY_KILLS is the number of kills (default 30), FAY_KILLS_SEED the seed of their instants.
"""
import json
import os
import random
import subprocess
import threading
import time

from lab import ROOT, container_of, environment, lab_host, playbook_command, restart, run_playbook

KILLS = int(os.environ.get("FAY_KILLS", "30"))
SEED = int(os.environ.get("FAY_KILLS_SEED", str(random.randrange(10 ** 6))))
PLAYBOOK = "molecule/docker_ce/move.yml"
# The first two are on different filesystems, the third is on that of the first, so there are copies and renames.
ROOTS = ["/appdata/lib/docker", "/var/lib/docker", "/appdata/second"]
HOSTS = ["debian12", "el9", "debian13"]
SECONDS = 8  # roughly the duration of a move
MODULE = "--exact --full '/usr/bin/python3[.0-9]*'"  # Ansible's module, read from standard input; --exact excludes the lab's runtime

# One digest of everything in a data root that Docker does not rewrite when it starts, and what Docker lists.
CONTENT_SCRIPT = r"""
import hashlib, json, os, re, stat, subprocess, sys
def docker(*words):
    return subprocess.check_output(("docker",) + words).decode().split("\n")
root = docker("info", "--format", "{{.DockerRootDir}}")[0]
total = hashlib.sha256()
# Docker leaves a directory of its checks if the power fails while it starts: moby v28.5.2 daemon/graphdriver/overlay2/check.go.
ignored = re.compile("merged$|check-overlayfs-support|opaque-bug-check|metacopy-check")
for part in ("image", "overlay2", "volumes"):
    for folder, folders, files in os.walk(os.path.join(root, part)):
        folders[:] = sorted(name for name in folders if not ignored.match(name))
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            if name in ("metadata.db", "backingFsBlockDev"):
                continue
            status = os.lstat(path)
            total.update(repr((os.path.relpath(path, root), stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), status.st_uid,
                               status.st_gid, status.st_rdev, status.st_nlink if stat.S_ISREG(status.st_mode) else 0)).encode())
            for attribute in sorted(os.listxattr(path, follow_symlinks=False)):
                total.update(attribute.encode() + os.getxattr(path, attribute, follow_symlinks=False))
            if stat.S_ISLNK(status.st_mode):
                total.update(os.readlink(path).encode())
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as source:
                    total.update(hashlib.sha256(source.read()).digest())
print(json.dumps({
    "root": root, "content": total.hexdigest(), "images": sorted(docker("image", "ls", "--all", "--quiet", "--no-trunc")),
    "volumes": sorted(docker("volume", "ls", "--quiet")), "networks": sorted(docker("network", "ls", "--format", "{{.Name}}")),
    "containers": sorted(docker("ps", "--all", "--format", "{{.Names}} {{.Image}}")),
    "running": sorted(docker("ps", "--format", "{{.Names}}"))}))
"""


def content_of(name):
    """The data root of a host and its content (dict)."""
    run = subprocess.run(["docker", "exec", "-i", container_of(name), "python3", "-"], input=CONTENT_SCRIPT,
                          stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def kill(name, chance):
    """Kill the module on a host, or also its rsync, or restart the host. Returns whether the module was running."""
    host = lab_host(name)
    if host.run("pgrep " + MODULE).rc:
        return False
    kind = chance.choice(["module", "module and copy", "power"])
    if kind == "power":
        restart(name)
    else:
        host.run("pkill -9 " + MODULE + ("; pkill -9 rsync" if kind == "module and copy" else ""))
    return True


def test_old_root_that_is_a_mount_point_is_emptied_on_request():
    host = lab_host("el9")
    assert host.file("/var/lib/docker/image").exists
    run = run_playbook("molecule/docker_ce/converge.yml", variables={"docker_ce_data_root_keep_old": False}, arguments=["--limit=el9"])
    assert run.code == 0 and run.changed == 1, run.output
    assert host.check_output("ls -A /var/lib/docker") == ""
    assert host.check_output("docker exec keeper cat /things/file") == "precious"


def prepare_container(name):
    """Start a container that uses a volume on a fresh host."""
    host = lab_host(name)
    host.run("docker start once")  # earlier restarts have stopped it
    if host.run("docker container inspect keeper").rc:
        host.check_output("docker run --detach --stop-signal KILL --name keeper --restart always --volume things:/things "
                          "rancher/rke-tools:v0.1.78 sh -c 'echo precious >/things/file; sleep infinity'")
        time.sleep(1)


def run_with_kills(options, chance):
    """Run the playbook and kill its module on each host at a random time. Returns the number of kills that hit it."""
    process = subprocess.Popen(playbook_command(PLAYBOOK, **options), cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    hits = []

    def kill_later(name, delay, own_chance):
        time.sleep(delay)
        hits.append(kill(name, own_chance))

    threads = [threading.Thread(target=kill_later, args=(name, chance.uniform(1, SECONDS), random.Random(chance.random())))
               for name in HOSTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    process.wait()
    return sum(hits)


def check_host(name, before, root, label):
    """Assert that a host has all of its data at `root`, and nothing else. before: content_of() without the root."""
    after = content_of(name)
    assert after.pop("root") == root
    # The container `once` has no restart policy.
    after["running"] = sorted(set(after["running"]) | ({"once"} & set(before["running"])))
    assert after == before, "%s: %s" % (label, name)
    assert not lab_host(name).file("/var/lib/fay-rancher/docker-data-root.json").exists
    assert not [other for other in ROOTS if other != root and lab_host(name).file(other + "/image").exists]


def test_nothing_is_lost():
    chance = random.Random(SEED)
    for name in HOSTS:
        prepare_container(name)
    before = {name: content_of(name) for name in HOSTS}
    assert all("keeper" in state["running"] for state in before.values())
    kills = rounds = 0
    roots = {name: before[name].pop("root") for name in HOSTS}
    while kills < KILLS:
        rounds += 1
        assert rounds <= KILLS, "most moves end before they are killed: lower SECONDS"
        roots = {name: chance.choice([root for root in ROOTS if root != roots[name]]) for name in HOSTS}
        options = {"variables": {"to": roots}}
        kills += run_with_kills(options, chance)
        label = "seed %d, round %d" % (SEED, rounds)
        run = run_playbook(PLAYBOOK, **options)
        assert run.code == 0, "%s, to %s:\n%s" % (label, roots, run.output)
        for name in HOSTS:
            check_host(name, before[name], roots[name], label)
        print("round %d, %d kills" % (rounds, kills), flush=True)
    last = run_playbook(PLAYBOOK, variables={"to": dict.fromkeys(HOSTS, ROOTS[0])})
    assert last.code == 0, last.output
    print("killed %d moves in %d rounds on %d hosts, seed %d" % (kills, rounds, len(HOSTS), SEED))
