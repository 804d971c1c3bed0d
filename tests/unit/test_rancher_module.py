# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that log in to Rancher have in common: environment variables, the action group, error messages."""
import os
import re
import subprocess
import sys

import pytest
import yaml
from ansible_collections.fay.rancher.plugins.doc_fragments import rancher
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import CONNECTION_ARGUMENTS, connect
from conftest import ROOT, needs_ansible
from test_returned_keys import run_module

pytestmark = needs_ansible
VARIABLES = {"url": "RANCHER_URL", "username": "RANCHER_USERNAME", "password": "RANCHER_PASSWORD", "token": "RANCHER_TOKEN",
             "ca_cert": "RANCHER_CA_CERT", "ca_checksum": "RANCHER_CA_CHECKSUM"}
NOT_IN_THE_GROUP = {"rancher_server_wait"}  # does not log in


def documented_options():
    fragment = rancher.ModuleDocFragment
    return dict(yaml.safe_load(fragment.DOCUMENTATION)["options"], **yaml.safe_load(fragment.TOKEN)["options"])


def test_the_documentation_describes_the_connection_arguments():
    options = documented_options()
    assert set(options) == set(CONNECTION_ARGUMENTS)
    for name, argument in CONNECTION_ARGUMENTS.items():
        for key in ("type", "default", "required"):
            assert options[name].get(key) == argument.get(key), (name, key)
        variables = argument.get("fallback", (None, []))[1]
        assert variables == [VARIABLES[name]] if name in VARIABLES else not variables
        assert re.findall(r"E\((\w+)\)", " ".join(options[name]["description"])) == variables


def test_the_connection_options_are_read_from_the_environment(standin, tmp_path, monkeypatch, capsys):
    with connect({"url": standin.url, "validate_certs": False}) as client:
        (tmp_path / "ca.pem").write_text(client.setting("cacerts"))
    monkeypatch.setenv("RANCHER_URL", standin.url)
    monkeypatch.setenv("RANCHER_PASSWORD", standin.password)
    monkeypatch.setenv("RANCHER_CA_CERT", str(tmp_path / "ca.pem"))
    _, result = run_module("rancher_registration_info", {"name": "missing"}, monkeypatch, capsys)
    assert result["exists"] is False


def test_an_option_replaces_the_environment_variable(standin, monkeypatch, capsys):
    monkeypatch.setenv("RANCHER_URL", "https://127.0.0.1:1")
    monkeypatch.setenv("RANCHER_USERNAME", "somebody")
    arguments = {"name": "missing", "url": standin.url, "password": standin.password, "username": "admin", "ca_from_loopback": True}
    assert run_module("rancher_registration_info", arguments, monkeypatch, capsys)[1]["exists"] is False


@pytest.mark.parametrize("name, value, message", [
    ("RANCHER_USERNAME", "somebody", "rejects the password of user somebody"),
    ("RANCHER_TOKEN", "token-xxxxx:SECRET", "answered GET /v3/clusters with 401"),
    ("RANCHER_CA_CHECKSUM", "0" * 64, "but ca_checksum is 0000"),
])
def test_each_environment_variable_is_used(standin, monkeypatch, capsys, name, value, message):
    monkeypatch.setenv(name, value)
    arguments = {"name": "missing", "url": standin.url, "password": standin.password, "ca_from_loopback": True}
    result = run_module("rancher_registration_info", arguments, monkeypatch, capsys)[1]
    assert result["failed"] and message in result["msg"] and "SECRET" not in result["msg"]


def test_the_bootstrap_reads_the_password_but_not_the_token_from_the_environment(standin, monkeypatch, capsys):
    monkeypatch.setenv("RANCHER_PASSWORD", standin.password)
    monkeypatch.setenv("RANCHER_TOKEN", "token-xxxxx:SECRET")
    arguments = {"url": standin.url, "ca_from_loopback": True}
    result = run_module("rancher_bootstrap", arguments, monkeypatch, capsys)[1]
    assert result["server_url"] == standin.url and not result["password_changed"]


def test_a_password_or_a_token_is_required(monkeypatch, capsys):
    for name in VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    result = run_module("rancher_cluster", {"name": "fay", "url": "https://127.0.0.1:1"}, monkeypatch, capsys)[1]
    assert "one of the following is required: password, token" in result["msg"]


@pytest.mark.parametrize("name, arguments, message", [
    ("rancher_bootstrap", {"server_url": "http://rancher.example.com"}, "server_url is 'http://rancher.example.com'; https://HOST or"),
    ("rancher_cluster", {"name": "FAY"}, "'FAY' is not a valid DNS label"),
    ("rancher_registration_info", {"name": "fay", "url": "http://rancher"}, "url is 'http://rancher'; https://HOST or"),
])
def test_invalid_options_are_rejected_without_a_connection(monkeypatch, capsys, name, arguments, message):
    arguments = dict({"url": "https://127.0.0.1:1", "password": "a password"}, **arguments)
    result = run_module(name, arguments, monkeypatch, capsys)[1]
    assert result["failed"] and message in result["msg"]


def test_all_modules_that_log_in_are_in_the_action_group():
    with open(os.path.join(ROOT, "meta", "runtime.yml")) as source:
        group = yaml.safe_load(source)["action_groups"]["rancher"]
    modules = {name[:-len(".py")] for name in os.listdir(os.path.join(ROOT, "plugins", "modules")) if name.startswith("rancher_")}
    assert set(group) == modules - NOT_IN_THE_GROUP


def test_module_defaults_of_the_group_are_used_by_modules_and_action_plugins(standin, tmp_path):
    playbook = [{
        "hosts": "localhost", "gather_facts": False, "module_defaults": {"group/fay.rancher.rancher": {
            "url": standin.url, "password": standin.password, "ca_from_loopback": True}},
        "tasks": [
            {"fay.rancher.rancher_bootstrap": {}},
            {"fay.rancher.rancher_cluster": {"name": "defaults"}},
            {"fay.rancher.rancher_registration_info": {"name": "defaults"}, "register": "registration"},
            {"ansible.builtin.assert": {"that": ["registration.exists"]}},
            {"fay.rancher.rancher_cluster_wait": {"name": "defaults", "nodes": [], "goal": "registered", "settle": 0}},
        ]}]
    (tmp_path / "playbook.yml").write_text(yaml.safe_dump(playbook))
    command = [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-c", "local", "-i", "localhost,",
               "-e", "ansible_python_interpreter=" + sys.executable, str(tmp_path / "playbook.yml")]
    environment = dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg"), ANSIBLE_NOCOLOR="1")
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    assert process.returncode == 0, process.stdout.decode()
    assert "ok=5" in process.stdout.decode()
