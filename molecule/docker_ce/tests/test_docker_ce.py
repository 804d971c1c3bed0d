"""The engine as the role docker_ce leaves it, and what the role refuses."""
import json

import pytest
from lab import on, refused

HOSTS = ["debian12", "el9"]
PLAYBOOK = "molecule/docker_ce/converge.yml"


@pytest.mark.parametrize("name", HOSTS)
def test_the_engine_runs_at_the_series_under_its_data_root(name):
    shown = json.loads(on(name).check_output("docker info --format '{{json .}}'"))
    assert shown["ServerVersion"].startswith("20.10.")
    assert shown["DockerRootDir"] == "/appdata/lib/docker"
    assert shown["Driver"] == "overlay2"
    assert on(name).check_output("docker version --format '{{.Client.Version}}'").startswith("20.10.")
    assert not on(name).file("/var/lib/docker/image").exists


@pytest.mark.parametrize("name", HOSTS)
def test_the_engine_starts_with_the_host(name):
    service = on(name).service("docker")  # the host was restarted before this
    assert service.is_enabled and service.is_running


@pytest.mark.parametrize("name", HOSTS)
def test_a_container_runs(name):
    shown = on(name).check_output("docker run --rm rancher/rke-tools:v0.1.78 echo it runs")
    assert shown.splitlines()[-1] == "it runs"


@pytest.mark.parametrize("name", HOSTS)
def test_the_operators_options_stay_and_ours_are_merged_over_them(name):
    options = json.loads(on(name).file("/etc/docker/daemon.json").content_string)
    assert options["log-opts"] == {"max-size": "10m"}
    assert options["data-root"] == "/appdata/lib/docker"
    assert len(options["registry-mirrors"]) == 1


def test_the_distributions_packages_are_gone():
    assert not on("debian12").package("docker.io").is_installed
    assert on("el9").run("rpm -q docker-common").rc != 0


@pytest.mark.parametrize("name", HOSTS)
def test_the_packages_come_from_the_signed_repository(name):
    host = on(name)
    if name == "el9":
        assert "gpgcheck = 1" in host.file("/etc/yum.repos.d/docker-ce-stable.repo").content_string
        assert host.run("rpm -q docker-ce").stdout.startswith("docker-ce-20.10.")
    else:
        assert "[signed-by=/etc/apt/keyrings/docker.asc]" in host.file(
            "/etc/apt/sources.list.d/docker.list").content_string
        assert host.package("docker-ce").version.startswith("5:20.10.")


def test_a_key_with_another_fingerprint_is_refused():
    refused("has another fingerprint than 0000", playbook=PLAYBOOK,
            variables={"docker_ce_repository_fingerprint": "0" * 40})


def test_a_host_with_too_little_space_is_refused():
    refused("GiB free, it needs 100000", playbook=PLAYBOOK, variables={"docker_ce_min_free_gib": "100000"})


@pytest.mark.parametrize("root", ["/", "appdata/docker", "//"])
def test_a_data_root_that_cannot_be_is_refused(root):
    refused("must be an absolute path other than /", playbook=PLAYBOOK, variables={"docker_ce_data_root": root})


def test_data_elsewhere_is_not_left_behind():
    on("el9").check_output("mkdir -p /var/lib/docker/image")
    try:
        refused("el9 has an engine's data under /var/lib/docker, and docker_ce_data_root is /appdata/elsewhere",
                playbook=PLAYBOOK, variables={"docker_ce_data_root": "/appdata/elsewhere"},
                arguments=["--limit=el9"])
    finally:
        on("el9").check_output("rmdir /var/lib/docker/image")
