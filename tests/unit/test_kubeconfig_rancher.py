# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs through Rancher: one token per file, reused while it is valid, replaced before it expires, and deleted afterwards."""
import fcntl
import json
import os
import re
import subprocess
import sys

import pytest
import yaml
from ansible_collections.fay.rancher.plugins.doc_fragments.rancher import ModuleDocFragment
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig_run
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig_run import RunError
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import CONNECTION_ARGUMENTS, RancherError, connect
from ansible_collections.fay.rancher.plugins.module_utils._rancher.tokens import DAY, Tokens
from ansible_collections.fay.rancher.plugins.modules import kubeconfig
from conftest import ROOT
from kubernetes_nodes import parameters
from test_returned_keys import run_module


@pytest.fixture(scope="module")
def client(standin):
    with connect({"url": standin.url, "password": standin.password, "ca_from_loopback": True}) as client:
        client.request("POST", "/v3/clusters", {"type": "cluster", "name": "fay", "rancherKubernetesEngineConfig": {}})
        yield client


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "config")


def command(standin, path, check=False, rancher=None, **options):
    """The command line that runs the module. rancher: suboptions; options: further options."""
    arguments = dict({"cluster": "fay", "path": path, "verify": False, "rancher": dict(
        {"url": standin.url, "password": standin.password, "ca_from_loopback": True}, **rancher or {})}, **options)
    program = os.path.join(os.path.dirname(sys.executable), "ansible")
    return ([program, "localhost", "-c", "local", "-m", "fay.rancher.kubeconfig", "-a", json.dumps(arguments), "-vvv", "--diff",
             "-e", "ansible_python_interpreter=" + sys.executable] + (["--check"] if check else []))


ENVIRONMENT = dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg"), ANSIBLE_NOCOLOR="1", ANSIBLE_LOCALHOST_WARNING="0",
                   ANSIBLE_CALLBACK_RESULT_FORMAT="json")


def run(standin, path, **options):
    """(changed, or None if the module failed; the output). The output contains no secret."""
    process = subprocess.run(command(standin, path, **options), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    assert "Traceback" not in process.stdout and standin.password not in process.stdout, process.stdout
    for line in open(path).read().splitlines() if os.path.exists(path) else []:
        if "token: " in line:
            assert line.split("token-")[-1] not in process.stdout, "the output contains the token"
    if process.returncode:
        return None, " ".join(process.stdout.split())
    return '"changed": true' in process.stdout, process.stdout


def token_in_file(path):
    """The ID of the token in a kubeconfig."""
    return yaml.safe_load(open(path))["users"][0]["user"]["token"].split(":")[0]


def tokens_in_rancher(client, path):
    """The IDs of the tokens in Rancher whose purpose names a path."""
    return [token["id"] for token in client.list("/v3/tokens") if path in token["description"]]


def test_file_has_one_token_for_its_cluster(standin, client, path):
    assert run(standin, path)[0] is True
    config = yaml.safe_load(open(path))
    cluster = client.cluster("fay")["id"]
    assert config["clusters"][0]["cluster"]["server"] == "%s/k8s/clusters/%s" % (standin.url, cluster)
    assert config["clusters"][0]["cluster"]["certificate-authority-data"] and config["current-context"] == "fay"
    (token,) = [token for token in client.list("/v3/tokens") if path in token["description"]]
    assert token["id"] == token_in_file(path) and token["clusterId"] == cluster and token["ttl"] == 90 * DAY * 1000
    assert token["description"].startswith("fay.rancher kubeconfig ")
    assert run(standin, path)[0] is False
    assert tokens_in_rancher(client, path) == [token["id"]]


def test_check_mode_creates_no_token(standin, client, path):
    changed, output = run(standin, path, check=True)
    assert changed and "a new token would be created" in output
    assert tokens_in_rancher(client, path) == [] and not os.path.exists(path)


def test_token_that_expires_soon_is_replaced_and_deleted(standin, client, path):
    assert run(standin, path, rancher={"days": 40})[0] is True
    first = token_in_file(path)
    assert run(standin, path, rancher={"days": 40}, warn_days=10)[0] is False
    assert run(standin, path, rancher={"days": 40}, warn_days=50)[0] is False  # more than half of its lifetime is left
    standin.stop()
    store = os.path.join(standin.directory, "state.json")
    state = json.load(open(store))
    state["tokens"][first]["createdTS"] -= 35 * DAY * 1000
    json.dump(state, open(store, "w"))
    standin.start().wait()
    assert run(standin, path, rancher={"days": 40}, warn_days=10)[0] is True
    assert tokens_in_rancher(client, path) == [token_in_file(path)] != [first]


@pytest.mark.parametrize("reason", ["another cluster", "deleted token", "missing file", "missing token"])
def test_invalid_token_is_replaced(standin, client, path, reason):
    run(standin, path)
    first = token_in_file(path)
    if reason == "another cluster":
        client.request("POST", "/v3/clusters", {"type": "cluster", "name": "other", "rancherKubernetesEngineConfig": {}})
        assert run(standin, path, rancher={"cluster": "other"})[0] is True
    elif reason == "deleted token":
        client.request("DELETE", "/v3/tokens/" + first)
        assert run(standin, path)[0] is True
    else:
        if reason == "missing file":
            os.unlink(path)
        else:
            text = open(path).read().replace("token: ", "password: ")
            open(path, "w").write(text)
        assert run(standin, path)[0] is True
    assert tokens_in_rancher(client, path) == [token_in_file(path)] != [first]


def test_token_of_an_interrupted_run_is_deleted(standin, client, path):
    run(standin, path)
    kept = token_in_file(path)
    purpose = next(token["description"] for token in client.list("/v3/tokens") if token["id"] == kept)
    superseded = Tokens(client, purpose).create(client.cluster("fay")["id"], 90)["id"]
    other = client.request("POST", "/v3/tokens", {"type": "token", "description": "mine"})["id"]
    assert run(standin, path, check=True)[0] is True
    assert sorted(tokens_in_rancher(client, path)) == sorted([kept, superseded])
    assert run(standin, path)[0] is True
    assert tokens_in_rancher(client, path) == [kept] == [token_in_file(path)]
    assert run(standin, path)[0] is False
    assert client.request("GET", "/v3/tokens/" + other)["description"] == "mine"
    # A new purpose requires a new token, and tokens of the previous purpose are kept.
    assert run(standin, path, rancher={"purpose": "backup %s" % path})[0] is True
    assert len(tokens_in_rancher(client, path)) == 2 and token_in_file(path) != kept


def test_absent_deletes_the_token(standin, client, path):
    run(standin, path)
    assert run(standin, path, state="absent", check=True)[0] is True and tokens_in_rancher(client, path)
    assert run(standin, path, state="absent")[0] is True
    assert tokens_in_rancher(client, path) == [] and yaml.safe_load(open(path))["users"] == []
    assert run(standin, path, state="absent")[0] is False
    os.unlink(path)
    assert run(standin, path, state="absent")[0] is False and not os.path.exists(path)


def test_new_token_is_deleted_if_it_cannot_be_verified(standin, client, path):
    """The cluster has no control plane yet, so Rancher cannot forward requests."""
    changed, output = run(standin, path, verify=True)
    assert changed is None and "answers 503 to /version: cluster not found" in output
    assert tokens_in_rancher(client, path) == [] and not os.path.exists(path)
    # The same if the new token replaces one with a wrong secret.
    run(standin, path)
    text = open(path).read().replace(token_in_file(path) + ":", token_in_file(path) + ":x")
    open(path, "w").write(text)
    changed, output = run(standin, path, verify=True)
    assert changed is None and "answers 503" in output and tokens_in_rancher(client, path) == [token_in_file(path)]


def test_concurrent_runs_leave_one_valid_token(standin, client, path):
    runs = [subprocess.Popen(command(standin, path), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL) for unused in range(3)]
    assert [process.wait() for process in runs] == [0] * 3
    assert tokens_in_rancher(client, path) == [token_in_file(path)]


def test_first_run_locks_the_directory_that_it_creates(tmp_path, monkeypatch):
    path = str(tmp_path / "new" / "config")

    def check_lock(unused):
        with pytest.raises(BlockingIOError):
            fcntl.flock(os.open(os.path.dirname(path), os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise RancherError("the directory is locked")
    monkeypatch.setattr(kubeconfig_run, "connect", check_lock)
    options = parameters(path=path, rancher={"purpose": None, "cluster": None, "days": 90})
    with pytest.raises(RunError, match="the directory is locked"):
        kubeconfig_run.run(kubeconfig_run.parse_request(options, False), warn=None)


def test_run_waits_for_another_run_for_the_same_file(standin, client, path):
    other = os.open(os.path.dirname(path), os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    process = subprocess.Popen(command(standin, path), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(4)
    assert tokens_in_rancher(client, path) == [] and not os.path.exists(path)
    os.close(other)
    assert process.wait(30) == 0 and tokens_in_rancher(client, path) == [token_in_file(path)]


@pytest.mark.parametrize("options, message", [
    ({"rancher": {"cluster": "nowhere"}}, "no cluster nowhere is visible to this user. Correct the name, or make the user a member"),
    ({"rancher": {"password": "wrong"}}, "rejects the password of user admin"),
    ({"server": ["https://192.0.2.1"]}, "a kubeconfig through Rancher uses Rancher's address. Leave out server"),
    ({"identity": "kube-node"}, "identity is kube-node and rancher is set"),
    ({"rights": ["get"]}, "'get' in rights is not a valid permission: it must be VERB RESOURCE[.GROUP][/SUBRESOURCE]"),
    ({"pki_dir": "/etc/kubernetes/ssl"}, "mutually exclusive: content|pki_dir|rancher"),
])
def test_invalid_input_is_rejected(standin, client, path, options, message):
    changed, output = run(standin, path, **options)
    assert changed is None and message in output, output
    assert not os.path.exists(path) and tokens_in_rancher(client, path) == []


def test_connection_options_are_not_read_from_the_environment(standin, client, path, monkeypatch, capsys):
    for name, value in [("USERNAME", "somebody"), ("TOKEN", "token-xxxxx:SECRET"), ("CA_CERT", "/missing.pem"), ("CA_CHECKSUM", "0" * 64)]:
        monkeypatch.setenv("RANCHER_" + name, value)
    access = {"url": standin.url, "password": standin.password, "ca_from_loopback": True}
    arguments = {"cluster": "fay", "path": path, "verify": False, "rancher": access}
    unused, result = run_module("kubeconfig", arguments, monkeypatch, capsys)
    assert result["changed"] and tokens_in_rancher(client, path) == [token_in_file(path)]


@pytest.mark.parametrize("name, message", [
    ("url", "missing required arguments: url found in rancher"),
    ("password", "one of the following is required: password, token found in rancher")])
def test_the_environment_does_not_replace_a_required_connection_option(path, monkeypatch, capsys, name, message):
    access = {"url": "https://127.0.0.1:1", "password": "a password"}
    monkeypatch.setenv("RANCHER_" + name.upper(), access.pop(name))
    result = run_module("kubeconfig", {"cluster": "fay", "path": path, "rancher": access}, monkeypatch, capsys)[1]
    assert result["failed"] and message in result["msg"]


# ---- documentation

def test_connection_options_are_documented_as_in_the_fragment():
    """Suboptions cannot use a documentation fragment, so the module repeats it, without the environment variables."""
    fragment = dict(yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"], **yaml.safe_load(ModuleDocFragment.TOKEN)["options"])
    for option in fragment.values():
        option["description"] = [sentence for sentence in option["description"] if "environment variable" not in sentence]
    text = re.sub(r"O\(rancher\.(\w+)\)", r"O(\1)", kubeconfig.DOCUMENTATION)
    suboptions = yaml.safe_load(text)["options"]["rancher"]["suboptions"]
    own = {"cluster", "purpose", "days"}
    assert {name: option for name, option in suboptions.items() if name not in own} == fragment


def test_connection_options_are_those_of_the_client():
    suboptions = kubeconfig.ARGUMENTS["rancher"]["options"]
    assert {name: option for name, option in suboptions.items() if name in CONNECTION_ARGUMENTS} == CONNECTION_ARGUMENTS
    assert set(suboptions) - set(CONNECTION_ARGUMENTS) == {"cluster", "purpose", "days"}
