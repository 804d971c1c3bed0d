# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of the data root: data that is moved, moves that are rejected, and rollbacks."""
import subprocess

import pytest
from engine import BY_HAND, PLAYBOOK, assert_data_is_complete, start_count
from lab import assert_rejected, container_of, lab_host, run_playbook


@pytest.mark.parametrize("name", BY_HAND)
def test_all_data_is_moved(name):
    assert_data_is_complete(name, "/appdata/lib/docker")


def test_graph_flag_is_replaced_and_the_unit_of_the_package_is_unchanged():
    host = lab_host("debian12")
    running = host.check_output("tr '\\0' ' ' </proc/$(pidof dockerd)/cmdline")
    assert "--graph" not in running and "fd://" in running
    assert "--graph=/appdata/docker" in host.file("/lib/systemd/system/docker.service").content_string
    assert not host.file("/appdata/docker").exists  # renamed, not copied


def test_check_mode_reports_the_move():
    run = run_playbook(PLAYBOOK, variables={"docker_ce_data_root": "/appdata/elsewhere"}, arguments=["--check", "--limit=el9"])
    assert run.code == 0, run.output
    assert "would be moved from /appdata/lib/docker (detected from: docker) to /appdata/elsewhere by rename" in run.text
    assert "Running containers that would stop during the move: 1" in run.text
    assert_data_is_complete("el9", "/appdata/lib/docker")


def test_rollback_of_the_configuration_keeps_the_moved_data_root():
    run = run_playbook(PLAYBOOK, arguments=["--limit=el9"], variables={
        "docker_ce_data_root": "/appdata/second", "docker_ce_daemon_options": {"log-level": "loud"}})
    assert run.code != 0 and "The previous configuration was restored" in run.text, run.output
    assert_data_is_complete("el9", "/appdata/second")
    assert run_playbook(PLAYBOOK, arguments=["--limit=el9"]).code == 0
    assert_data_is_complete("el9", "/appdata/lib/docker")


def test_move_is_rolled_back_if_docker_does_not_start():
    """As on a full disk that only Docker notices: it does not start on a data root that it cannot write."""
    host = lab_host("debian12")
    drop_in = '[Service]\nExecStartPre=/bin/sh -c "! grep -q elsewhere /etc/docker/daemon.json"\n'
    host.check_output("mkdir -p /etc/systemd/system/docker.service.d && printf '%%s' %s "
                      ">/etc/systemd/system/docker.service.d/10-test.conf && systemctl daemon-reload", drop_in)
    try:
        run = run_playbook(PLAYBOOK, variables={"docker_ce_data_root": "/appdata/elsewhere"}, arguments=["--limit=debian12"])
        assert run.code != 0 and "Docker uses /appdata/lib/docker again" in run.text, run.output
        assert_data_is_complete("debian12", "/appdata/lib/docker")
        assert not host.file("/appdata/elsewhere").exists
    finally:
        host.check_output("rm /etc/systemd/system/docker.service.d/10-test.conf && systemctl daemon-reload")


def move(name, target, **variables):
    """Run the role on a host with another data root, and return the Run."""
    return run_playbook(PLAYBOOK, variables=dict(variables, docker_ce_data_root=target), arguments=["--limit=" + name])


def test_directory_with_other_files_is_rejected():
    lab_host("el9").check_output("mkdir -p /appdata/foreign && echo mine >/appdata/foreign/file")
    assert_rejected("/appdata/foreign is not empty, and Docker's data is at /appdata/lib/docker", playbook=PLAYBOOK,
                    variables={"docker_ce_data_root": "/appdata/foreign"}, arguments=["--limit=el9"])
    assert lab_host("el9").check_output("ls -A /appdata/foreign") == "file"


def test_copy_resumes_after_the_disk_was_full():
    """The space is free when it is checked, then another file uses it. With free space again, the copy resumes."""
    host = lab_host("el9")
    host.check_output("truncate -s 1G /appdata/disk && mkfs.ext4 -q /appdata/disk && mkdir /small && mount -o loop /appdata/disk /small")
    try:
        subprocess.Popen(["docker", "exec", container_of("el9"), "sh", "-c", "until [ -d /small/docker.fay-moving ]; do sleep 0.01; done; "
                          "fallocate -l $(df --output=avail -B1 /small | tail -1) /small/filler"])
        run = move("el9", "/small/docker")
        assert run.code != 0 and "No space left on device" in run.text, run.output
        assert "Docker uses /appdata/lib/docker again" in run.text
        assert_data_is_complete("el9", "/appdata/lib/docker")
        host.check_output("rm /small/filler")
        copied = host.check_output("cd /small/docker.fay-moving && find overlay2 -type f -printf '%p %i\n' | sort | head -50")
        assert move("el9", "/small/docker").code == 0
        assert_data_is_complete("el9", "/small/docker")
        files = host.check_output("cd /small/docker && find overlay2 -type f -printf '%p %i\n'").splitlines()
        assert copied and len(set(copied.splitlines()) - set(files)) <= 1, "what was copied is not copied again"
    finally:
        back = move("el9", "/appdata/lib/docker", docker_ce_data_root_keep_old=False)
        assert back.code == 0, back.output
        host.check_output("umount /small && rm /appdata/disk && rmdir /small")
    assert_data_is_complete("el9", "/appdata/lib/docker")


def test_copy_fails_if_the_source_keeps_changing():
    """A program writes into the directory of a volume without Docker, so no copy is ever complete."""
    host = lab_host("el9")
    host.check_output("mkdir -p /appdata/lib/docker/volumes/things/_data")
    writer = subprocess.Popen(["docker", "exec", container_of("el9"), "sh", "-c",
                               "while sleep 0.05; do date +%N >>/appdata/lib/docker/volumes/things/_data/busy || exit; done"])
    try:
        run = move("el9", "/var/lib/docker")
        assert run.code != 0 and "still differs from /appdata/lib/docker after 3 passes" in run.text, run.output
        assert "volumes/things/_data/busy" in run.text
    finally:
        host.check_output("pkill -f [t]hings/_data/busy")
        writer.wait()
    assert_data_is_complete("el9", "/appdata/lib/docker")


def test_swarm_node_is_moved():
    host = lab_host("debian13")
    host.check_output("docker swarm init --advertise-addr 127.0.0.1")
    try:
        host.check_output("docker service create --detach --stop-signal KILL --name served rancher/rke-tools:v0.1.78 sleep infinity")
        run = run_playbook(PLAYBOOK, arguments=["--limit=debian13", "--check"], variables={"docker_ce_data_root": "/var/lib/docker"})
        assert run.code == 0 and "This swarm node would be unavailable during the move" in run.text, run.output
        run = move("debian13", "/var/lib/docker")
        assert run.code == 0, run.output
        assert host.check_output("docker info --format '{{.DockerRootDir}} {{.Swarm.LocalNodeState}}'") == "/var/lib/docker active"
        host.check_output("for try in $(seq 100); do docker ps --format '{{.Names}}' | grep -q served && exit 0; sleep 0.2; done; exit 1")
    finally:
        host.check_output("docker swarm leave --force")


def test_move_with_live_restore_and_containerd_in_the_data_root():
    host = lab_host("debian13")
    host.check_output("mkdir -p /etc/containerd && printf 'version = 2\\nroot = \"/var/lib/docker/of-containerd\"\\n' "
                      ">/etc/containerd/config.toml && systemctl stop docker docker.socket && systemctl restart containerd docker")
    live = {"docker_ce_daemon_options": {"live-restore": True}}
    started = start_count("debian13")
    assert move("debian13", "/var/lib/docker", **live).code == 0
    assert start_count("debian13") == started  # a reload was enough
    assert host.check_output("docker info --format '{{.LiveRestoreEnabled}}'") == "true"
    keeper = host.check_output("docker inspect --format '{{.State.Pid}}' keeper")
    host.check_output("systemctl restart docker")
    assert host.check_output("docker inspect --format '{{.State.Pid}}' keeper") == keeper
    run = move("debian13", "/appdata/lib/docker", **live)
    assert run.code == 0, run.output
    assert host.check_output("docker info --format '{{.DockerRootDir}} {{.LiveRestoreEnabled}}'") == "/appdata/lib/docker true"
    assert host.check_output("docker exec keeper cat /things/file") == "precious"
    assert 'root = "/appdata/lib/docker/of-containerd"' in host.check_output("cat /etc/containerd/config.toml")
    assert host.file("/appdata/lib/docker/of-containerd/io.containerd.metadata.v1.bolt").exists
    # Without live-restore, so that no container is left running without containerd's knowledge.
    assert run_playbook(PLAYBOOK, arguments=["--limit=debian13"], variables={"docker_ce_daemon_options_only": True}).code == 0
    host.check_output("docker stop keeper && systemctl stop docker docker.socket && rm /etc/containerd/config.toml && "
                      "systemctl restart containerd docker && docker start keeper")
