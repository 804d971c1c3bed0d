"""The engine as the role docker_ce leaves it, and what the role refuses."""
import json
import re

import pytest
from lab import interrupt, on, play, refused

HOSTS = ["debian12", "el9"]
PLAYBOOK = "molecule/docker_ce/converge.yml"


@pytest.mark.parametrize("name", HOSTS)
def test_the_engine_runs_at_the_series_under_its_data_root(name):
    shown = json.loads(on(name).check_output("docker info --format '{{json .}}'"))
    assert shown["ServerVersion"].startswith("20.10.")
    assert shown["DockerRootDir"] == "/appdata/lib/docker"
    assert shown["Driver"] == "overlay2"
    assert on(name).check_output("docker version --format '{{.Client.Version}}'").startswith("20.10.")


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


def test_a_run_with_nothing_to_do_is_cheap():
    run = play(PLAYBOOK, arguments=["--limit=el9", "-vvv"])
    modules = re.findall(r"^Using module file \S+/(\w+)\.py", run.output, re.M)
    assert run.changed == 0 and modules[0] == "setup", modules
    assert len(modules[1:]) <= 6, modules


def test_the_distributions_packages_are_gone():
    assert not on("debian12").package("docker.io").is_installed
    assert on("el9").run("rpm -q docker-common").rc != 0


@pytest.mark.parametrize("name", HOSTS)
def test_the_packages_come_from_the_signed_repository(name):
    host = on(name)
    if name == "el9":
        assert "gpgcheck=1" in host.file("/etc/yum.repos.d/docker-ce-stable.repo").content_string
        assert host.run("rpm -q docker-ce").stdout.startswith("docker-ce-20.10.")
    else:
        assert "[signed-by=/etc/apt/keyrings/docker.asc]" in host.file(
            "/etc/apt/sources.list.d/docker.list").content_string
        assert host.package("docker-ce").version.startswith("5:20.10.")


def test_a_key_with_another_fingerprint_is_refused():
    refused("has another fingerprint than 0000", playbook=PLAYBOOK,
            variables={"docker_ce_repository_fingerprint": "0" * 40})


@pytest.mark.parametrize("root", ["/", "appdata/docker", "/var/lib"])
def test_a_data_root_that_cannot_be_is_refused(root):
    refused("it must be an absolute path", playbook=PLAYBOOK, variables={"docker_ce_data_root": root})


def test_a_configuration_that_the_engine_does_not_take_never_stays():
    host = on("el9")
    before = host.file("/etc/docker/daemon.json").content_string
    run = play(PLAYBOOK, variables={"docker_ce_daemon_options": {"log-level": "loud"}}, arguments=["--limit=el9"])
    assert run.code != 0 and "does not take the new /etc/docker/daemon.json" in run.text, run.output
    assert host.file("/etc/docker/daemon.json").content_string == before
    assert host.service("docker").is_running
    assert host.check_output("docker ps --filter name=keeper --format '{{.Names}}'") == "keeper"


def test_the_plain_options(tmp_path):
    variables = {"docker_ce_log_max_size": "5m", "docker_ce_log_max_file": 3, "docker_ce_insecure_registries": ["r:5000"],
                 "docker_ce_address_pools": [{"base": "10.200.0.0/16", "size": 24}]}
    run = play(PLAYBOOK, variables=variables, arguments=["--limit=el9"])
    assert run.code == 0, run.output
    options = json.loads(on("el9").file("/etc/docker/daemon.json").content_string)
    assert options["log-opts"] == {"max-size": "5m", "max-file": "3"}
    assert options["default-address-pools"] == [{"base": "10.200.0.0/16", "size": 24}]
    assert "r:5000" in on("el9").check_output("docker info --format '{{json .RegistryConfig}}'")
    assert play(PLAYBOOK, variables=variables, arguments=["--limit=el9"]).changed == 0
    only = dict(variables, docker_ce_daemon_options_only=True, docker_ce_log_max_size="", docker_ce_log_max_file=0)
    assert play(PLAYBOOK, variables=only, arguments=["--limit=el9"]).code == 0
    assert "log-opts" not in json.loads(on("el9").file("/etc/docker/daemon.json").content_string)


# ---- the data root's move

DATA = {"debian12": "/appdata/docker", "el9": "/var/lib/docker"}  # where prepare.yml had it


def holds_everything(name, root):
    """The engine of a host is on that root with what prepare.yml put into it."""
    host = on(name)
    assert host.check_output("docker info --format '{{.DockerRootDir}}'") == root
    assert host.check_output("docker ps --filter name=keeper --format '{{.Names}}'") == "keeper"
    assert host.check_output("docker exec keeper cat /things/file") == "precious"
    assert host.check_output("docker ps --all --format '{{.Names}}' | sort | xargs") == "keeper once"
    assert "home" in host.check_output("docker network ls --format '{{.Name}}'").split()
    assert not host.file("/var/lib/fay-rancher/docker-data-root.json").exists


@pytest.mark.parametrize("name", HOSTS)
def test_the_data_came_along(name):
    holds_everything(name, "/appdata/lib/docker")


def test_the_flag_of_the_notes_gave_way_and_the_packages_unit_is_untouched():
    host = on("debian12")
    running = host.check_output("tr '\\0' ' ' </proc/$(pidof dockerd)/cmdline")
    assert "--graph" not in running and "fd://" in running
    assert "--graph=/appdata/docker" in host.file("/lib/systemd/system/docker.service").content_string
    assert not host.file("/appdata/docker").exists  # renamed, not copied


def test_an_old_root_on_its_own_filesystem_keeps_its_name():
    assert on("el9").file("/var/lib/docker/image").exists


def test_an_old_root_goes_when_it_is_not_wanted():
    run = play(PLAYBOOK, variables={"docker_ce_data_root_keep_old": False}, arguments=["--limit=el9"])
    assert run.code == 0 and run.changed == 1, run.output
    assert on("el9").check_output("ls -A /var/lib/docker") == ""
    holds_everything("el9", "/appdata/lib/docker")


def test_check_mode_tells_what_would_be_moved():
    run = play(PLAYBOOK, variables={"docker_ce_data_root": "/appdata/elsewhere"}, arguments=["--check", "--limit=el9"])
    assert run.code == 0, run.output
    assert "would move from /appdata/lib/docker to /appdata/elsewhere by a rename" in run.text
    assert "1 running containers would stop meanwhile" in run.text
    holds_everything("el9", "/appdata/lib/docker")


@pytest.mark.parametrize("after, target", [
    (0, "/var/lib/docker"), (1, "/appdata/lib/docker"), (2, "/var/lib/docker"), (4, "/appdata/lib/docker")])
def test_a_power_cut_while_it_moves(after, target):
    """From one filesystem to the other and back; whatever instant it was, the next run ends it."""
    options = {"variables": {"docker_ce_data_root": target, "docker_ce_data_root_keep_old": False},
               "arguments": ["--limit=el9"]}
    interrupt(PLAYBOOK, "Keep the engine's data under its data root, moved from where it is", after, power_cut=["el9"],
              **options)
    run = play(PLAYBOOK, **options)
    assert run.code == 0, run.output
    holds_everything("el9", target)


def test_a_refused_configuration_after_a_move_leaves_the_engine_where_its_data_is_now():
    run = play(PLAYBOOK, arguments=["--limit=el9"], variables={
        "docker_ce_data_root": "/appdata/second", "docker_ce_daemon_options": {"log-level": "loud"}})
    assert run.code != 0 and "does not take the new /etc/docker/daemon.json" in run.text, run.output
    holds_everything("el9", "/appdata/second")
    assert play(PLAYBOOK, arguments=["--limit=el9"]).code == 0
    holds_everything("el9", "/appdata/lib/docker")


def test_an_engine_that_does_not_start_there_is_brought_back():
    """A full disk, seen by the engine only: it starts on no root that it cannot write to."""
    host = on("debian12")
    drop_in = '[Service]\nExecStartPre=/bin/sh -c "! grep -q elsewhere /etc/docker/daemon.json"\n'
    host.check_output("mkdir -p /etc/systemd/system/docker.service.d && printf '%%s' %s "
                      ">/etc/systemd/system/docker.service.d/10-test.conf && systemctl daemon-reload", drop_in)
    try:
        run = play(PLAYBOOK, variables={"docker_ce_data_root": "/appdata/elsewhere"}, arguments=["--limit=debian12"])
        assert run.code != 0 and "The engine is on /appdata/lib/docker again" in run.text, run.output
        holds_everything("debian12", "/appdata/lib/docker")
        assert not host.file("/appdata/elsewhere").exists
    finally:
        host.check_output("rm /etc/systemd/system/docker.service.d/10-test.conf && systemctl daemon-reload")


# ---- last, since a package brings its own unit again

@pytest.mark.parametrize("version, prefix", [("26.1", "26.1."), ("20.10.24", "20.10.24"), ("", "26.1.")])
def test_the_engine_goes_up_and_down(version, prefix):
    run = play(PLAYBOOK, variables={"docker_ce_version": version})
    assert run.code == 0, run.output
    for name in HOSTS:
        for side in ("Server", "Client"):
            assert on(name).check_output("docker version --format '{{.%s.Version}}'" % side).startswith(prefix)
        assert on(name).check_output("docker exec keeper cat /things/file") == "precious"


def test_users_may_use_the_engine():
    on("debian12").check_output("useradd --create-home alice")
    assert play(PLAYBOOK, variables={"docker_ce_version": "", "docker_ce_users": ["alice"]},
                arguments=["--limit=debian12"]).code == 0
    assert on("debian12").check_output("su alice -c 'docker ps --quiet --filter name=keeper'")


def test_the_engine_is_taken_away_and_its_data_only_when_asked():
    gone = {"docker_ce_state": "absent"}
    assert play(PLAYBOOK, variables=gone, arguments=["--check"]).code == 0
    assert on("el9").service("docker").is_running
    run = play(PLAYBOOK, variables=gone)
    assert run.code == 0 and "The engine's data stays under /appdata/lib/docker" in run.text, run.output
    for name in HOSTS:
        assert not on(name).exists("dockerd") and not on(name).file("/etc/docker/daemon.json").exists
        assert on(name).file("/appdata/lib/docker/image").exists
    assert play(PLAYBOOK, variables=gone).changed == 0
    back = play(PLAYBOOK, arguments=["--limit=el9"])
    assert back.code == 0, back.output
    holds_everything("el9", "/appdata/lib/docker")
    assert play(PLAYBOOK, variables=dict(gone, docker_ce_purge_data=True)).code == 0
    for name in HOSTS:
        assert not on(name).file("/appdata/lib/docker").exists
