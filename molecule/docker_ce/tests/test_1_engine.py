# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker after the role has run, and input that the role rejects."""
import json
import os
import re

import pytest
from engine import BY_HAND, CACHE, HOSTS, PLAYBOOK
from lab import assert_rejected, lab_host, run_playbook

SERIES = {"debian12": "20.10.", "el9": "20.10.", "debian13": "26.1."}


@pytest.mark.parametrize("name", HOSTS)
def test_docker_runs_in_the_requested_series_with_the_data_root(name):
    shown = json.loads(lab_host(name).check_output("docker info --format '{{json .}}'"))
    assert shown["ServerVersion"].startswith(SERIES[name])
    assert shown["DockerRootDir"] == "/appdata/lib/docker"
    assert shown["Driver"] == "overlay2"
    assert lab_host(name).check_output("docker version --format '{{.Client.Version}}'").startswith(SERIES[name])


@pytest.mark.parametrize("name", HOSTS)
def test_docker_starts_with_the_host(name):
    service = lab_host(name).service("docker")  # side_effect.yml has restarted the host
    assert service.is_enabled and service.is_running


@pytest.mark.parametrize("name", HOSTS)
def test_a_container_runs(name):
    shown = lab_host(name).check_output("docker run --rm rancher/rke-tools:v0.1.78 echo it runs")
    assert shown.splitlines()[-1] == "it runs"


@pytest.mark.parametrize("name", BY_HAND)
def test_existing_options_are_kept_and_merged(name):
    options = json.loads(lab_host(name).file("/etc/docker/daemon.json").content_string)
    assert options["log-opts"] == {"max-size": "10m"}
    assert options["data-root"] == "/appdata/lib/docker"
    assert len(options["registry-mirrors"]) == 1


def test_a_run_with_nothing_to_do_is_cheap():
    run = run_playbook(PLAYBOOK, arguments=["--limit=el9", "-vvv"])
    modules = re.findall(r"^Using module file \S+/(\w+)\.py", run.output, re.M)
    assert run.changed == 0 and modules[0] == "setup", modules
    assert modules[1:] == ["docker_engine_info"], modules


@pytest.mark.parametrize("tag", ["docker_ce_preflight", "docker_ce_data_root", "docker_ce_install", "docker_ce_configure"])
def test_each_tag_alone_changes_nothing_in_a_second_run(tag):
    run = run_playbook("molecule/docker_ce/parts.yml", arguments=["--limit=debian12", "--tags", tag])
    assert run.code == 0 and run.changed == 0, run.output


def test_packages_of_the_distribution_are_removed():
    assert not lab_host("debian12").package("docker.io").is_installed
    assert lab_host("el9").run("rpm -q docker-common").rc != 0


@pytest.mark.parametrize("name", HOSTS)
def test_packages_come_from_the_signed_repository(name):
    host = lab_host(name)
    if name == "el9":
        assert "gpgcheck=1" in host.file("/etc/yum.repos.d/docker-ce.repo").content_string
        assert host.run("rpm -q docker-ce").stdout.startswith("docker-ce-" + SERIES[name])
    else:
        assert "[signed-by=/etc/apt/keyrings/docker.asc]" in host.file(
            "/etc/apt/sources.list.d/docker.list").content_string
        assert host.package("docker-ce").version.startswith("5:" + SERIES[name])


def test_key_with_another_fingerprint_is_rejected():
    assert_rejected("does not have the fingerprint 0000", playbook=PLAYBOOK,
                    variables={"docker_ce_repository_fingerprint": "0" * 40})


@pytest.mark.parametrize("root", ["/", "appdata/docker", "/var/lib"])
def test_invalid_data_root_is_rejected(root):
    assert_rejected("it must be an absolute path", playbook=PLAYBOOK, variables={"docker_ce_data_root": root})


def test_repository_in_another_file_is_rejected():
    """With both files apt would read no source at all."""
    host = lab_host("debian13")
    host.check_output("cd /etc/apt/sources.list.d && mv docker.list theirs.list")
    try:
        assert_rejected("/etc/apt/sources.list.d/theirs.list on debian13 already contains the repository", playbook=PLAYBOOK,
                        arguments=["--limit=debian13"])
    finally:
        host.check_output("cd /etc/apt/sources.list.d && mv theirs.list docker.list")


@pytest.mark.parametrize("key", ["inline", "file"])
def test_key_can_be_inline_or_a_file(key):
    path = os.path.join(CACHE, "packages/linux/debian/gpg")
    with open(path) as source:
        variables = {"docker_ce_repository_key": source.read() if key == "inline" else path}
    lab_host("debian12").check_output("rm /etc/apt/keyrings/docker.asc")
    run = run_playbook(PLAYBOOK, variables=variables, arguments=["--limit=debian12"])
    assert run.code == 0 and run.changed == 1, run.output
    assert lab_host("debian12").check_output("cat /etc/apt/keyrings/docker.asc") == open(path).read().strip()
    assert lab_host("debian12").check_output("ls /etc/apt/keyrings") == "docker.asc"
