# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that the role docker_ce writes on systems that the lab does not have: its variables, templated with facts of these systems."""
import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT, role_options

SYSTEMS = {
    "ubuntu": {"os_family": "Debian", "distribution": "Ubuntu", "distribution_release": "noble", "distribution_major_version": "24"},
    "fedora": {"os_family": "RedHat", "distribution": "Fedora", "distribution_major_version": "40", "distribution_release": ""},
    "rhel": {"os_family": "RedHat", "distribution": "RedHat", "distribution_major_version": "9", "distribution_release": "Plow"},
    "oracle": {"os_family": "RedHat", "distribution": "OracleLinux", "distribution_major_version": "8", "distribution_release": "NA"},
    "centos7": {"os_family": "RedHat", "distribution": "CentOS", "distribution_major_version": "7", "distribution_release": "Core"},
}
OPTIONS = {"docker_ce_version": "20.10", "docker_ce_cli_version": "20.10.24", "docker_ce_repository_channel": "test",
           "docker_ce_hold": "yes", "docker_ce_repository_url": "https://m", "docker_ce_package_files": ["/srv/packages/", "https://m/a.deb"],
           "docker_ce_environment": {"NAME": 'a "quoted" 100% \\ value'}, "docker_ce_http_proxy": "http://proxy",
           "docker_ce_containerd_root": "",
           "docker_ce_exec_start": "/usr/bin/dockerd -D", "docker_ce_tls_address": "0.0.0.0:2376"}
BASES = {"ubuntu": "ubuntu noble", "fedora": "fedora/40", "rhel": "centos/9", "oracle": "centos/8", "centos7": "centos/7"}
RESULT = ("{{ {'repository': __docker_ce_repository_text, 'packages': __docker_ce_packages[ansible_facts.os_family],"
          " 'key': __docker_ce_key_source, 'sources': __docker_ce_package_sources, 'files': __docker_ce_files} | to_json }}")


@pytest.fixture(scope="module")
def templated(tmp_path_factory):
    """{system: {"repository": text, "packages": list, "key": URL, "sources": list, "files": {path: {"mode", "text"}}}}."""
    folder = tmp_path_factory.mktemp("vars")
    role = os.path.join(ROOT, "roles", "docker_ce")
    os.symlink(os.path.join(role, "templates"), str(folder / "templates"))
    plays = [{"hosts": "localhost", "gather_facts": False, "vars_files": [os.path.join(role, "vars", "main.yml")],
              "vars": {"ansible_facts": facts, "__docker_ce": role_options("docker_ce", OPTIONS)},
              "tasks": [{"ansible.builtin.copy": {"dest": str(folder / name), "content": RESULT}}]} for name, facts in SYSTEMS.items()]
    (folder / "play.yml").write_text(json.dumps(plays))
    program = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    run = subprocess.run(
        [program, "-i", "localhost,", "-c", "local", str(folder / "play.yml"), "-e", "ansible_python_interpreter=/usr/bin/python3"],
        cwd=ROOT, env=dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg")), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    assert run.returncode == 0, run.stdout
    return {name: json.loads((folder / name).read_text()) for name in SYSTEMS}


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_repository_and_packages_match_the_system(templated, name):
    result = templated[name]
    directory = BASES[name].split("/")[0].split()[0]
    assert result["key"] == "https://m/linux/%s/gpg" % directory
    if name == "ubuntu":
        line = "deb [signed-by=/etc/apt/keyrings/docker.asc] https://m/linux/ubuntu noble test"
        assert line + "\n# Its packages are held.\n" in result["repository"]
        assert result["packages"] == ["docker-ce=5:20.10.*", "docker-ce-cli=5:20.10.24*", "containerd.io"]
    else:
        assert "[docker-ce-test]\n" in result["repository"]
        assert "baseurl=https://m/linux/%s/$basearch/test\n" % BASES[name] in result["repository"]
        assert "exclude=docker-ce docker-ce-cli containerd.io\n" in result["repository"]
        assert result["packages"] == ["docker-ce-3:20.10.*", "docker-ce-cli-1:20.10.24*", "containerd.io"]


@pytest.mark.parametrize("name, pattern", [("ubuntu", "/srv/packages/*.deb"), ("rhel", "/srv/packages/*.rpm")])
def test_a_directory_of_packages_becomes_a_pattern(templated, name, pattern):
    assert templated[name]["sources"] == [pattern, "https://m/a.deb"]


def test_environment_is_escaped_for_systemd(templated):
    text = templated["ubuntu"]["files"]["/etc/systemd/system/docker.service.d/80-fay-environment.conf"]["text"]
    assert text == ('# Made by fay.rancher.\n[Service]\nEnvironment="HTTP_PROXY=http://proxy"\n'
                    'Environment="NAME=a \\"quoted\\" 100%% \\\\ value"\n')


def test_the_drop_in_of_an_earlier_version_is_removed(templated):
    """It would override the unit although docker_ce_exec_start is not set."""
    assert templated["ubuntu"]["files"]["/etc/systemd/system/docker.service.d/95-fay-exec-start.conf"]["text"] == ""


def test_the_command_and_the_socket_are_written_as_drop_ins(templated):
    files = templated["ubuntu"]["files"]
    assert files["/etc/systemd/system/docker.service.d/zz-fay-exec-start.conf"]["text"].endswith(
        "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -D\n")
    assert files["/etc/systemd/system/docker.socket.d/90-fay-tls.conf"]["text"] == (
        "# Made by fay.rancher.\n[Socket]\nListenStream=0.0.0.0:2376\n")
