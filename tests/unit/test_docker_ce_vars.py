"""What the role docker_ce would write on systems of which the lab has no host: its variables, templated with their facts."""
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
           "docker_ce_hold": "yes", "docker_ce_repository_url": "https://m"}
BASES = {"ubuntu": "ubuntu noble", "fedora": "fedora/40", "rhel": "centos/9", "oracle": "centos/8", "centos7": "centos/7"}


@pytest.fixture(scope="module")
def templated(tmp_path_factory):
    """{system: {"repository": text, "packages": list, "key": address}}, with a channel, a hold and versions."""
    folder = tmp_path_factory.mktemp("vars")
    plays = []
    for name, facts in SYSTEMS.items():
        plays.append({
            "hosts": "localhost", "gather_facts": False,
            "vars_files": [os.path.join(ROOT, "roles/docker_ce/vars/main.yml")],
            "vars": {"ansible_facts": facts, "__docker_ce": role_options("docker_ce", OPTIONS)},
            "tasks": [{"ansible.builtin.copy": {"dest": str(folder / name), "content": (
                "{{ {'repository': __docker_ce_repository_text, 'packages': __docker_ce_packages[ansible_facts.os_family],"
                " 'key': __docker_ce_key} | to_json }}")}}]})
    (folder / "play.yml").write_text(json.dumps(plays))
    program = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    done = subprocess.run(
        [program, "-i", "localhost,", "-c", "local", str(folder / "play.yml"), "-e", "ansible_python_interpreter=/usr/bin/python3"],
        cwd=ROOT, env=dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg")), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return {name: json.loads((folder / name).read_text()) for name in SYSTEMS}


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_repository_and_packages(templated, name):
    found = templated[name]
    directory = BASES[name].split("/")[0].split()[0]
    assert found["key"] == "https://m/linux/%s/gpg" % directory
    if name == "ubuntu":
        line = "deb [signed-by=/etc/apt/keyrings/docker.asc] https://m/linux/ubuntu noble test"
        assert line + "\n# Its packages are held.\n" in found["repository"]
        assert found["packages"] == ["docker-ce=5:20.10.*", "docker-ce-cli=5:20.10.24*", "containerd.io"]
    else:
        assert "[docker-ce-test]\n" in found["repository"]
        assert "baseurl=https://m/linux/%s/$basearch/test\n" % BASES[name] in found["repository"]
        assert "exclude=docker-ce docker-ce-cli containerd.io\n" in found["repository"]
        assert found["packages"] == ["docker-ce-3:20.10.*", "docker-ce-cli-1:20.10.24*", "containerd.io"]
