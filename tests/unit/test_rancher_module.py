# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that log in to Rancher have in common: environment variables, the action group, error messages."""
import glob
import os
import re
import subprocess
import sys

import pytest
import yaml
from ansible_collections.fay.rancher.plugins.doc_fragments import rancher
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import CONNECTION_ARGUMENTS, DEFAULTS, connect
from ansible_collections.fay.rancher.plugins.module_utils._rancher.environment import GROUPS, URL_VARIABLE, options_from_environment
from ansible_collections.fay.rancher.plugins.module_utils._rancher.environment import VARIABLES as VARIABLES_OF_GROUPS
from conftest import ROOT, needs_ansible
from test_returned_keys import run_module

pytestmark = needs_ansible
VARIABLES = {"url": "RANCHER_URL", "username": "RANCHER_USERNAME", "password": "RANCHER_PASSWORD", "token": "RANCHER_TOKEN",
             "ca_cert": "RANCHER_CA_CERT", "ca_checksum": "RANCHER_CA_CHECKSUM"}
# The environment of another user and of another server.
OTHER_ENVIRONMENT = {"RANCHER_USERNAME": "somebody", "RANCHER_PASSWORD": "wrong", "RANCHER_TOKEN": "token-xxxxx:SECRET",
                     "RANCHER_CA_CERT": "/missing.pem", "RANCHER_CA_CHECKSUM": "0" * 64}
MODULES_WITH_CREDENTIALS = ("rancher_bootstrap", "rancher_cluster", "rancher_registration_info", "rancher_cluster_wait")
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
        description = " ".join(options[name]["description"])
        assert re.findall(r"E\((\w+)\)", description) == ([VARIABLES[name]] if name in VARIABLES else [])
        if name in DEFAULTS and "default" not in argument:
            assert "The default is V(%s)." % str(DEFAULTS[name]).lower() in description
    assert dict(VARIABLES_OF_GROUPS, url=URL_VARIABLE) == VARIABLES


def test_the_documentation_describes_the_groups_of_environment_variables():
    notes = " ".join(yaml.safe_load(rancher.ModuleDocFragment.DOCUMENTATION)["notes"])
    keywords = {"environment", "run_once", "delegate_to"}
    assert {name for group in GROUPS for name in group} == set(re.findall(r"[CO]\((\w+)\)", notes)) - keywords
    assert set(re.findall(r"E\((\w+)\)", notes)) == set(VARIABLES_OF_GROUPS.values())


def test_the_connection_options_are_read_from_the_environment(standin, tmp_path, monkeypatch, capsys):
    with connect({"url": standin.url, "validate_certs": False}) as client:
        (tmp_path / "ca.pem").write_text(client.setting("cacerts"))
    monkeypatch.setenv("RANCHER_URL", standin.url)
    monkeypatch.setenv("RANCHER_PASSWORD", standin.password)
    monkeypatch.setenv("RANCHER_CA_CERT", str(tmp_path / "ca.pem"))
    _, result = run_module("rancher_registration_info", {"name": "missing"}, monkeypatch, capsys)
    assert result["exists"] is False


def set_environment(monkeypatch, **variables):
    for name in VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_options_of_the_task_are_not_combined_with_those_of_the_environment(standin, monkeypatch, capsys):
    set_environment(monkeypatch, RANCHER_URL="https://127.0.0.1:1", **OTHER_ENVIRONMENT)
    arguments = {"name": "missing", "url": standin.url, "password": standin.password, "ca_from_loopback": True}
    assert run_module("rancher_registration_info", arguments, monkeypatch, capsys)[1]["exists"] is False


def test_the_bootstrap_is_not_for_the_user_of_the_environment_if_the_task_sets_a_password(standin, monkeypatch, capsys):
    set_environment(monkeypatch, **OTHER_ENVIRONMENT)
    arguments = {"url": standin.url, "password": standin.password, "ca_from_loopback": True}
    assert run_module("rancher_bootstrap", arguments, monkeypatch, capsys)[1]["password_changed"] is False


def test_a_wrong_checksum_of_the_task_is_not_ignored_for_a_ca_of_the_environment(standin, tmp_path, monkeypatch, capsys):
    with connect({"url": standin.url, "validate_certs": False}) as client:
        set_environment(monkeypatch, RANCHER_CA_CERT=client.setting("cacerts"))
    arguments = {"name": "missing", "url": standin.url, "password": standin.password, "ca_checksum": "1" * 64}
    result = run_module("rancher_registration_info", arguments, monkeypatch, capsys)[1]
    assert result["failed"] and "but ca_checksum is 1111" in result["msg"]


@pytest.mark.parametrize("options", [
    {"username": "alice"}, {"password": "a password"}, {"token": "token-1:s"}, {"username": ""},
    {"ca_cert": "a"}, {"ca_checksum": "0"}, {"ca_from_loopback": False}, {"validate_certs": True}])
def test_one_option_of_the_task_excludes_the_environment_for_its_group_only(options):
    parameters = dict(dict.fromkeys(CONNECTION_ARGUMENTS), **options)
    other_group = next(group for group in GROUPS if not set(group) & set(options))
    assert options_from_environment(parameters, OTHER_ENVIRONMENT) == {
        name: OTHER_ENVIRONMENT[VARIABLES[name]] for name in other_group if name in VARIABLES}


def test_an_empty_environment_variable_is_not_set():
    assert options_from_environment(dict.fromkeys(CONNECTION_ARGUMENTS), dict.fromkeys(VARIABLES.values(), "")) == {}


@pytest.mark.parametrize("variables, options, message", [
    ({"RANCHER_USERNAME": "somebody", "RANCHER_PASSWORD": "wrong"}, {}, "rejects the password of user somebody"),
    ({"RANCHER_TOKEN": "token-xxxxx:SECRET"}, {}, "answered GET /v3/clusters with 401"),
    ({"RANCHER_CA_CHECKSUM": "0" * 64}, {"password": "a password", "ca_from_loopback": None}, "but ca_checksum is 0000"),
])
def test_each_environment_variable_is_used(standin, monkeypatch, capsys, variables, options, message):
    set_environment(monkeypatch, **variables)
    arguments = dict({"name": "missing", "url": standin.url, "ca_from_loopback": True}, **options)
    result = run_module("rancher_registration_info", arguments, monkeypatch, capsys)[1]
    assert result["failed"] and message in result["msg"]


@pytest.mark.parametrize("name", ["RANCHER_PASSWORD", "RANCHER_TOKEN"])
def test_a_secret_of_the_environment_is_masked_in_the_output(monkeypatch, capsys, name):
    set_environment(monkeypatch, **{name: "SECRET"})
    arguments = {"name": "fay", "url": "https://SECRET"}
    result = run_module("rancher_cluster", dict(arguments, ca_cert="/SECRET.pem"), monkeypatch, capsys)[1]
    assert result["failed"] and "ca_cert is" in result["msg"] and "SECRET" not in str(result)


def tasks_of_roles(modules):
    """(path, module, arguments) of all tasks of roles that call one of the modules."""
    def tasks(node):
        for item in node if isinstance(node, list) else []:
            yield item
            for section in ("block", "rescue", "always"):
                yield from tasks(item.get(section))

    for path in sorted(glob.glob(os.path.join(ROOT, "roles", "*", "tasks", "*.yml"))):
        with open(path) as source:
            for task in tasks(yaml.safe_load(source)):
                yield from ((path, name, task["fay.rancher." + name]) for name in modules if "fay.rancher." + name in task)


def test_roles_set_credentials_and_ca_so_that_the_environment_has_no_effect():
    calls = list(tasks_of_roles(MODULES_WITH_CREDENTIALS))
    assert {name for _path, name, _arguments in calls} == set(MODULES_WITH_CREDENTIALS)
    for path, name, arguments in calls:
        for option in ("url", "password", "ca_from_loopback"):
            assert "omit" not in arguments.get(option, "omit"), (path, name, option)


def test_the_bootstrap_reads_the_password_but_not_the_token_from_the_environment(standin, monkeypatch, capsys):
    set_environment(monkeypatch, RANCHER_PASSWORD=standin.password, RANCHER_TOKEN="token-xxxxx:SECRET")
    arguments = {"url": standin.url, "ca_from_loopback": True}
    result = run_module("rancher_bootstrap", arguments, monkeypatch, capsys)[1]
    assert result["server_url"] == standin.url and not result["password_changed"]


@pytest.mark.parametrize("name, arguments, variables, message", [
    ("rancher_cluster", {"name": "fay"}, {},
     "password or token is required. Set it in the task, or set RANCHER_PASSWORD or RANCHER_TOKEN in its environment and no username"),
    ("rancher_cluster", {"name": "fay", "username": "alice"}, {"RANCHER_PASSWORD": "SECRET"}, "password or token is required"),
    ("rancher_bootstrap", {}, {"RANCHER_TOKEN": "token-1:s"},
     "password is required. Set it in the task, or set RANCHER_PASSWORD in its environment and no username in the task"),
])
def test_credentials_are_required(monkeypatch, capsys, name, arguments, variables, message):
    set_environment(monkeypatch, **variables)
    result = run_module(name, dict(arguments, url="https://127.0.0.1:1"), monkeypatch, capsys)[1]
    assert result["failed"] and result["msg"].startswith(message)


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
