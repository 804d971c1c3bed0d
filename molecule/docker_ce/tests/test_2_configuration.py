# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's configuration is validated, applied by a reload or one restart, and rolled back on errors."""
import json
import subprocess

import pytest
from engine import PLAYBOOK, configuration, start_count
from lab import PREFIX, assert_rejected, container_of, kill_during, lab_host, run_playbook


@pytest.mark.parametrize("name", ["el9", "debian13"], ids=["20.10", "26.1, which validates itself"])
def test_configuration_that_docker_rejects_is_rolled_back(name):
    before, started = configuration(name), start_count(name)
    run = run_playbook(PLAYBOOK, variables={"docker_ce_daemon_options": {"log-level": "loud"}}, arguments=["--limit=" + name])
    assert run.code != 0 and "The previous configuration was restored" in run.text, run.output
    assert "logging level: loud" in run.text or name == "el9", run.output
    assert configuration(name) == before
    assert lab_host(name).service("docker").is_running
    assert lab_host(name).check_output("docker ps --filter name=keeper --format '{{.Names}}'") == "keeper"
    assert start_count(name) - started == (1 if name == "el9" else 0)
    assert not lab_host(name).file("/var/lib/fay-rancher/docker-before").exists


@pytest.mark.parametrize("options, message", [
    ({"log-opts": {"max-file": 3}}, "log-opts must be a map of strings"),
    ({"log-optss": {"max-file": "3"}}, "Docker 20.10 does not support the option log-optss"),
    ({"hosts": ["tcp://0.0.0.0:2375"]}, "hosts is set both in daemon.json and as a flag in docker.service"),
])
def test_invalid_options_are_rejected(options, message):
    assert_rejected(message, playbook=PLAYBOOK, variables={"docker_ce_daemon_options": options}, arguments=["--limit=debian12"])


def test_invalid_daemon_json_is_rejected():
    host = lab_host("debian12")
    original = host.check_output("cat /etc/docker/daemon.json")
    host.check_output("sed -i 's/,$//' /etc/docker/daemon.json")
    try:
        assert_rejected("/etc/docker/daemon.json is not valid JSON", playbook=PLAYBOOK, arguments=["--limit=debian12"])
    finally:
        host.check_output("printf '%%s\n' %s >/etc/docker/daemon.json", original)


def test_each_variable_sets_its_option():
    variables = {"docker_ce_log_max_size": "5m", "docker_ce_log_max_file": 3, "docker_ce_insecure_registries": ["r:5000"],
                 "docker_ce_cgroup_driver": "cgroupfs", "docker_ce_address_pools": [{"base": "10.200.0.0/16", "size": 24}]}
    run = run_playbook(PLAYBOOK, variables=variables, arguments=["--limit=el9"])
    assert run.code == 0, run.output
    options = configuration("el9")
    assert options["log-opts"] == {"max-size": "5m", "max-file": "3"}
    assert options["default-address-pools"] == [{"base": "10.200.0.0/16", "size": 24}]
    assert options["exec-opts"] == ["native.cgroupdriver=cgroupfs"]
    assert "r:5000" in lab_host("el9").check_output("docker info --format '{{json .RegistryConfig}}'")
    assert run_playbook(PLAYBOOK, variables=variables, arguments=["--limit=el9"]).changed == 0
    only = dict(variables, docker_ce_daemon_options_only=True, docker_ce_log_max_size="", docker_ce_log_max_file=0)
    assert run_playbook(PLAYBOOK, variables=only, arguments=["--limit=el9"]).code == 0
    assert "log-opts" not in configuration("el9")


def test_reloadable_options_need_no_restart():
    started = start_count("el9")
    variables = {"docker_ce_registry_mirrors": ["http://one.example"]}
    run = run_playbook(PLAYBOOK, variables=dict(variables, docker_ce_daemon_options={}), arguments=["--limit=el9"])
    assert run.code == 0, run.output
    assert "http://one.example/" in lab_host("el9").check_output("docker info --format '{{.RegistryConfig.Mirrors}}'")
    assert start_count("el9") == started
    assert run_playbook(PLAYBOOK, arguments=["--limit=el9"]).code == 0  # restores the lab's mirror


def test_proxies_environment_and_command_need_one_restart_and_can_be_removed():
    host, started = lab_host("el9"), start_count("el9")
    unit = "/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock"
    variables = {"docker_ce_http_proxy": "http://fay:Proxy-Secret-1@proxy.example:3128/", "docker_ce_no_proxy": ["localhost", "10.0.0.0/8"],
                 "docker_ce_environment": {"FAY": 'a "quoted" 100% \\ $word'}, "docker_ce_exec_start": unit + " --label fay=ours",
                 "docker_ce_address_pools": [{"base": "10.201.0.0/16", "size": 24}]}
    run = run_playbook(PLAYBOOK, variables=variables, arguments=["--limit=el9", "-vvv", "--diff"])
    assert run.code == 0, run.output
    assert "Proxy-Secret-1" not in run.output
    shown = json.loads(host.check_output("docker info --format '{{json .}}'"))
    assert shown["NoProxy"] == "localhost,10.0.0.0/8" and "proxy.example" in shown["HttpProxy"]
    assert shown["Labels"] == ["fay=ours"]
    assert 'FAY=a "quoted" 100% \\ $word' in host.check_output("tr '\\0' '\\n' </proc/$(pidof dockerd)/environ").split("\n")
    assert host.file("/etc/systemd/system/docker.service.d/80-fay-environment.conf").mode == 0o600
    assert start_count("el9") - started == 1
    assert run_playbook(PLAYBOOK, variables=variables, arguments=["--limit=el9"]).changed == 0
    assert_rejected("data-root is set both in daemon.json and as a flag", playbook=PLAYBOOK, arguments=["--limit=el9"],
                    variables={"docker_ce_exec_start": unit + " --data-root /elsewhere"})
    assert run_playbook(PLAYBOOK, arguments=["--limit=el9"]).code == 0
    shown = json.loads(host.check_output("docker info --format '{{json .}}'"))
    assert (shown["NoProxy"], shown["HttpProxy"], shown["Labels"]) == ("", "", [])
    assert not host.file("/etc/systemd/system/docker.service.d/80-fay-environment.conf").exists


def test_run_after_a_killed_run_applies_the_configuration():
    """The next run finds the requested daemon.json, but Docker does not use it yet."""
    options = {"variables": {"docker_ce_daemon_options": {"labels": ["fay=cut"], "default-shm-size": "65m"}},
               "arguments": ["--limit=debian13"]}
    kill_during(PLAYBOOK, "docker_ce : Install Docker", **options)
    assert lab_host("debian13").check_output("docker info --format '{{.Labels}}'") == "[]"
    assert configuration("debian13")["labels"] == ["fay=cut"]
    run = run_playbook(PLAYBOOK, **options)
    assert run.code == 0, run.output
    assert lab_host("debian13").check_output("docker info --format '{{.Labels}}'") == "[fay=cut]"
    assert run_playbook(PLAYBOOK, **options).changed == 0
    # A rollback in the next run restores the configuration that Docker used, not the one that was written last.
    kill_during(PLAYBOOK, "docker_ce : Install Docker", variables={
        "docker_ce_daemon_options": {"labels": ["fay=never"]}}, arguments=["--limit=debian13"])
    run = run_playbook(PLAYBOOK, variables={"docker_ce_daemon_options": {"bip": "nonsense"}}, arguments=["--limit=debian13"])
    assert run.code != 0 and "The previous configuration was restored" in run.text, run.output
    assert configuration("debian13")["labels"] == ["fay=cut"]
    assert lab_host("debian13").check_output("docker info --format '{{.Labels}}'") == "[fay=cut]"
    assert run_playbook(PLAYBOOK, arguments=["--limit=debian13"], variables={"docker_ce_daemon_options_only": True}).code == 0


def test_tcp_socket_accepts_only_clients_with_a_certificate(tmp_path):
    def openssl(*words):
        subprocess.run(("openssl",) + words, cwd=tmp_path, check=True, stderr=subprocess.DEVNULL)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2")
    for name, extra in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        (tmp_path / "extra").write_text(extra)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "extra", "-out", name + ".pem")
    host = lab_host("debian13")
    for name in ("ca.pem", "client.pem", "client.key"):
        subprocess.run(["docker", "exec", "-i", container_of("debian13"), "sh", "-c", "cat >/tmp/" + name],
                       input=(tmp_path / name).read_bytes(), check=True)
    variables = {"docker_ce_tls_address": "0.0.0.0:2376"}
    assert_rejected("without TLS, anyone who can reach it would have root access to", playbook=PLAYBOOK, variables=variables,
                    arguments=["--limit=debian13"])
    variables.update(docker_ce_tls_ca=(tmp_path / "ca.pem").read_text(), docker_ce_tls_key=(tmp_path / "server.key").read_text(),
                     docker_ce_tls_certificate=(tmp_path / "server.pem").read_text())
    run = run_playbook(PLAYBOOK, variables=variables, arguments=["--limit=debian13", "--diff"])
    assert run.code == 0 and "PRIVATE KEY" not in run.output, run.output
    client = ("docker --host tcp://127.0.0.1:2376 --tlsverify --tlscacert /tmp/ca.pem --tlscert /tmp/client.pem "
              "--tlskey /tmp/client.key ps --format '{{.Names}}'")
    assert "keeper" in host.check_output(client)
    assert "keeper" in host.check_output("docker ps --format '{{.Names}}'")
    assert host.run("curl --silent --insecure https://127.0.0.1:2376/info").rc != 0
    assert host.file("/etc/docker/tls/key.pem").mode == 0o600
    assert run_playbook(PLAYBOOK, variables=variables, arguments=["--limit=debian13"]).changed == 0
    assert run_playbook(PLAYBOOK, arguments=["--limit=debian13"]).code == 0
    assert host.run(client).rc != 0 and not host.file("/etc/docker/tls/key.pem").exists
    assert "tlsverify" not in configuration("debian13") and "keeper" in host.check_output("docker ps --format '{{.Names}}'")


def test_docker_keeps_its_zone_in_firewalld():
    """Even after firewalld is reloaded, as the README of the role states."""
    host = lab_host("el9")
    host.check_output("systemctl start firewalld && systemctl restart docker")
    try:
        assert run_playbook(PLAYBOOK, arguments=["--limit=el9"]).changed == 0
        for command in ("true", "firewall-cmd --reload"):
            host.check_output(command)
            assert "docker0" in host.check_output("firewall-cmd --zone=docker --list-interfaces").split()
            reached = "docker run --rm rancher/rke-tools:v0.1.78 bash -c 'exec 3<>/dev/tcp/%s.2/80 && echo reached'" % PREFIX
            assert host.check_output(reached) == "reached"
    finally:
        host.check_output("systemctl stop firewalld && systemctl restart docker")
