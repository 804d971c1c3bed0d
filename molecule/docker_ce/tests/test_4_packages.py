# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions, holds, other sources of packages, and the removal. Last, since packages replace the unit that prepare.yml has changed."""
import glob
import os
import re
import shutil

import pytest
from engine import BY_HAND, CACHE, HOSTS, PLAYBOOK, assert_data_is_complete, start_count
from lab import PREFIX, assert_rejected, lab_host, run_playbook


@pytest.mark.parametrize("version, prefix", [("26.1", "26.1."), ("28.5", "28.5."), ("20.10.24", "20.10.24"), ("", "28.5.")])
def test_docker_is_upgraded_and_downgraded(version, prefix):
    started = {name: start_count(name) for name in BY_HAND}
    options = {"variables": {"docker_ce_version": version, "docker_ce_daemon_options": {"default-shm-size": "6%dm" % len(version)}},
               "arguments": ["--limit=debian12:el9"]}
    run = run_playbook(PLAYBOOK, **options)
    assert run.code == 0, run.output
    for name in BY_HAND:
        for side in ("Server", "Client"):
            assert lab_host(name).check_output("docker version --format '{{.%s.Version}}'" % side).startswith(prefix)
        assert lab_host(name).check_output("docker exec keeper cat /things/file") == "precious"
        assert start_count(name) - started[name] == 1, "packages and options together need one restart"


def test_held_packages_are_not_upgraded_with_the_system():
    down = {"docker_ce_version": "20.10", "docker_ce_hold": True}
    run = run_playbook(PLAYBOOK, variables=down, arguments=["--limit=debian12:el9"])
    assert run.code == 0, run.output
    assert lab_host("debian12").check_output("apt-mark showhold | xargs") == "containerd.io docker-ce docker-ce-cli"
    lab_host("debian12").check_output("apt-get -qq -y upgrade")
    lab_host("el9").check_output("dnf -q -y upgrade")
    for name in BY_HAND:
        assert lab_host(name).check_output("docker version --format '{{.Server.Version}}'").startswith("20.10.")
    assert run_playbook(PLAYBOOK, variables=down, arguments=["--limit=debian12:el9"]).changed == 0
    up = {"docker_ce_version": "26.1", "docker_ce_hold": True}
    assert run_playbook(PLAYBOOK, variables=up, arguments=["--limit=debian12:el9"]).code == 0
    assert lab_host("debian12").check_output("apt-mark showhold | xargs") == "containerd.io docker-ce docker-ce-cli"
    assert run_playbook(PLAYBOOK, variables={"docker_ce_version": "20.10"}, arguments=["--limit=debian12:el9"]).code == 0
    assert lab_host("debian12").check_output("apt-mark showhold") == ""
    assert "28.5." in lab_host("el9").check_output("dnf -q list --upgrades docker-ce")


@pytest.mark.parametrize("name, pattern", [("debian12", "debian/dists/bookworm/pool/stable/amd64/*"),
                                           ("el9", "centos/9/x86_64/stable/Packages/*")])
def test_packages_can_be_installed_from_files(name, pattern, tmp_path):
    files = [path for path in glob.glob(os.path.join(CACHE, "packages/linux", pattern)) if re.search(r"[-_](28\.5|2\.1)\.", path)]
    for path in files[1:]:
        shutil.copy(path, tmp_path)
    first = "http://%s.2/%s" % (PREFIX, os.path.relpath(files[0], os.path.join(CACHE, "packages")))
    assert_rejected("contains no package of docker-ce", playbook=PLAYBOOK, variables={"docker_ce_package_files": ["/nowhere"]},
                    arguments=["--limit=" + name])
    options = {"variables": {"docker_ce_package_files": [str(tmp_path), first]}, "arguments": ["--limit=" + name]}
    run = run_playbook(PLAYBOOK, **options)
    assert run.code == 0, run.output
    assert lab_host(name).check_output("docker version --format '{{.Server.Version}}'").startswith("28.5.")
    assert not lab_host(name).file("/etc/apt/sources.list.d/docker.list").exists
    assert not lab_host(name).file("/etc/yum.repos.d/docker-ce.repo").exists
    assert lab_host(name).check_output("docker exec keeper cat /things/file") == "precious"
    assert run_playbook(PLAYBOOK, **options).changed == 0


def test_existing_repository_can_be_used():
    lab_host("debian12").check_output("echo 'deb [signed-by=/etc/apt/keyrings/docker.asc] http://%s.2/linux/debian bookworm stable' "
                                      ">/etc/apt/sources.list.d/theirs.list && apt-get -qq update" % PREFIX)
    run = run_playbook(PLAYBOOK, variables={"docker_ce_repository_url": "", "docker_ce_version": "20.10"}, arguments=["--limit=debian12"])
    assert run.code == 0, run.output
    assert lab_host("debian12").check_output("docker version --format '{{.Server.Version}}'").startswith("20.10.")
    assert not lab_host("debian12").file("/etc/apt/sources.list.d/docker.list").exists
    lab_host("debian12").check_output("rm /etc/apt/sources.list.d/theirs.list")


def test_users_can_use_docker():
    lab_host("debian12").check_output("useradd --create-home alice")
    assert run_playbook(PLAYBOOK, variables={"docker_ce_version": "", "docker_ce_users": ["alice"]},
                        arguments=["--limit=debian12"]).code == 0
    assert lab_host("debian12").check_output("su alice -c 'docker ps --quiet --filter name=keeper'")


def test_removal_keeps_the_data_unless_it_is_purged():
    absent = {"docker_ce_state": "absent"}
    assert run_playbook(PLAYBOOK, variables=absent, arguments=["--check"]).code == 0
    assert lab_host("el9").service("docker").is_running
    run = run_playbook(PLAYBOOK, variables=absent)
    assert run.code == 0 and "Docker's data is kept in /appdata/lib/docker" in run.text, run.output
    for name in HOSTS:
        assert not lab_host(name).exists("dockerd") and not lab_host(name).file("/etc/docker/daemon.json").exists
        assert lab_host(name).file("/appdata/lib/docker/image").exists
    assert run_playbook(PLAYBOOK, variables=absent).changed == 0
    back = run_playbook(PLAYBOOK, arguments=["--limit=el9"])
    assert back.code == 0, back.output
    assert_data_is_complete("el9", "/appdata/lib/docker")
    # A mount point that a move has kept is emptied, not removed.
    kept = "/var/lib/fay-rancher/docker-data-root-old.json"
    lab_host("el9").check_output("mkdir -p /var/lib/docker/image && printf '[\"/var/lib/docker\"]' >%s" % kept)
    assert run_playbook(PLAYBOOK, variables=dict(absent, docker_ce_purge_data=True)).code == 0
    assert lab_host("el9").check_output("ls -A /var/lib/docker") == ""
    for name in HOSTS:
        assert not lab_host(name).file("/appdata/lib/docker").exists
