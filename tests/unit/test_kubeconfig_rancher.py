"""A kubeconfig through Rancher: one token for each file, kept while it is good, replaced before it ends, never left behind."""
import fcntl
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import RancherError, connect
from ansible_collections.fay.rancher.plugins.module_utils._rancher.tokens import DAY, Tokens
from ansible_collections.fay.rancher.plugins.modules import kubeconfig
from conftest import ROOT


@pytest.fixture(scope="module")
def client(standin):
    with connect({"url": standin.url, "password": standin.password, "ca_from_loopback": True}) as client:
        client.request("POST", "/v3/clusters", {"type": "cluster", "name": "fay", "rancherKubernetesEngineConfig": {}})
        yield client


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "config")


def command(standin, path, check=False, rancher=None, **options):
    given = dict({"cluster": "fay", "path": path, "verify": False, "rancher": dict(
        {"url": standin.url, "password": standin.password, "ca_from_loopback": True}, **rancher or {})}, **options)
    program = os.path.join(os.path.dirname(sys.executable), "ansible")
    return ([program, "localhost", "-c", "local", "-m", "fay.rancher.kubeconfig", "-a", json.dumps(given), "-vvv", "--diff",
             "-e", "ansible_python_interpreter=" + sys.executable] + (["--check"] if check else []))


ENVIRONMENT = dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg"), ANSIBLE_NOCOLOR="1", ANSIBLE_LOCALHOST_WARNING="0",
                   ANSIBLE_CALLBACK_RESULT_FORMAT="json")


def run(standin, path, **options):
    """(whether it changed something, or None where it failed; the output)."""
    done = subprocess.run(command(standin, path, **options), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert "Traceback" not in done.stdout and standin.password not in done.stdout, done.stdout
    for line in open(path).read().splitlines() if os.path.exists(path) else []:
        if "token: " in line:
            assert line.split("token-")[-1] not in done.stdout, "the token is shown"
    if done.returncode:
        return None, " ".join(done.stdout.split())
    return '"changed": true' in done.stdout, done.stdout


def in_file(path):
    return yaml.safe_load(open(path))["users"][0]["user"]["token"].split(":")[0]


def in_rancher(client, path):
    return [token["id"] for token in client.list("/v3/tokens") if path in token["description"]]


def test_a_file_has_one_token_for_its_cluster(standin, client, path):
    assert run(standin, path)[0] is True
    config = yaml.safe_load(open(path))
    cluster = client.cluster("fay")["id"]
    assert config["clusters"][0]["cluster"]["server"] == "%s/k8s/clusters/%s" % (standin.url, cluster)
    assert config["clusters"][0]["cluster"]["certificate-authority-data"] and config["current-context"] == "fay"
    (token,) = [token for token in client.list("/v3/tokens") if path in token["description"]]
    assert token["id"] == in_file(path) and token["clusterId"] == cluster and token["ttl"] == 90 * DAY * 1000
    assert token["description"].startswith("fay.rancher kubeconfig ")
    assert run(standin, path)[0] is False
    assert in_rancher(client, path) == [token["id"]]


def test_check_mode_makes_none(standin, client, path):
    changed, output = run(standin, path, check=True)
    assert changed and "a new token would be made" in output
    assert in_rancher(client, path) == [] and not os.path.exists(path)


def test_a_token_near_its_end_is_replaced_and_deleted(standin, client, path):
    assert run(standin, path, rancher={"days": 40})[0] is True
    first = in_file(path)
    assert run(standin, path, rancher={"days": 40}, warn_days=10)[0] is False
    assert run(standin, path, rancher={"days": 40}, warn_days=50)[0] is False  # more than half of its time is left
    standin.stop()
    store = os.path.join(standin.directory, "state.json")
    state = json.load(open(store))
    state["tokens"][first]["createdTS"] -= 35 * DAY * 1000
    json.dump(state, open(store, "w"))
    standin.start().wait()
    assert run(standin, path, rancher={"days": 40}, warn_days=10)[0] is True
    assert in_rancher(client, path) == [in_file(path)] != [first]


@pytest.mark.parametrize("what", ["another cluster", "deleted", "gone", "no token"])
def test_what_is_no_longer_good_is_replaced(standin, client, path, what):
    run(standin, path)
    first = in_file(path)
    if what == "another cluster":
        client.request("POST", "/v3/clusters", {"type": "cluster", "name": "other", "rancherKubernetesEngineConfig": {}})
        assert run(standin, path, rancher={"cluster": "other"})[0] is True
    elif what == "deleted":
        client.request("DELETE", "/v3/tokens/" + first)
        assert run(standin, path)[0] is True
    else:
        if what == "gone":
            os.unlink(path)
        else:
            text = open(path).read().replace("token: ", "password: ")
            open(path, "w").write(text)
        assert run(standin, path)[0] is True
    assert in_rancher(client, path) == [in_file(path)] != [first]


def test_what_a_run_left_that_was_cut_off_is_deleted(standin, client, path):
    run(standin, path)
    kept = in_file(path)
    purpose = next(token["description"] for token in client.list("/v3/tokens") if token["id"] == kept)
    left = Tokens(client, purpose).create(client.cluster("fay")["id"], 90)["id"]
    others = client.request("POST", "/v3/tokens", {"type": "token", "description": "mine"})["id"]
    assert run(standin, path, check=True)[0] is True
    assert sorted(in_rancher(client, path)) == sorted([kept, left])
    assert run(standin, path)[0] is True
    assert in_rancher(client, path) == [kept] == [in_file(path)]
    assert run(standin, path)[0] is False
    assert client.request("GET", "/v3/tokens/" + others)["description"] == "mine"
    # A named purpose is another token.
    assert run(standin, path, rancher={"purpose": "backup %s" % path})[0] is True
    assert len(in_rancher(client, path)) == 2 and in_file(path) != kept


def test_absent_takes_the_token_too(standin, client, path):
    run(standin, path)
    assert run(standin, path, state="absent", check=True)[0] is True and in_rancher(client, path)
    assert run(standin, path, state="absent")[0] is True
    assert in_rancher(client, path) == [] and yaml.safe_load(open(path))["users"] == []
    assert run(standin, path, state="absent")[0] is False
    os.unlink(path)
    assert run(standin, path, state="absent")[0] is False and not os.path.exists(path)


def test_a_token_that_cannot_be_tried_is_not_left(standin, client, path):
    """The cluster has no control plane yet, so that Rancher cannot pass a request on."""
    changed, output = run(standin, path, verify=True)
    assert changed is None and "answers 503 to /version: cluster not found" in output
    assert in_rancher(client, path) == [] and not os.path.exists(path)
    # Nor is a new one in the place of one that Rancher does not know.
    run(standin, path)
    text = open(path).read().replace(in_file(path) + ":", in_file(path) + ":x")
    open(path, "w").write(text)
    changed, output = run(standin, path, verify=True)
    assert changed is None and "answers 503" in output and in_rancher(client, path) == [in_file(path)]


def test_two_runs_at_once_leave_a_token_that_works(standin, client, path):
    runs = [subprocess.Popen(command(standin, path), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL) for unused in range(3)]
    assert [one.wait() for one in runs] == [0] * 3
    assert in_rancher(client, path) == [in_file(path)]


def test_a_first_run_locks_the_directory_that_it_makes(tmp_path, monkeypatch):
    path = str(tmp_path / "new" / "config")

    def locked(unused):
        with pytest.raises(BlockingIOError):
            fcntl.flock(os.open(os.path.dirname(path), os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise RancherError("it is")
    monkeypatch.setattr(kubeconfig, "connect", locked)
    module = SimpleNamespace(check_mode=False, params={"path": path, "state": "present", "owner": None, "group": None,
                                                       "rancher": {"purpose": None}})
    with pytest.raises(RancherError, match="it is"):
        kubeconfig.from_rancher(module, {"context": "fay"})


def test_a_run_waits_for_another_one_at_the_same_file(standin, client, path):
    other = os.open(os.path.dirname(path), os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    process = subprocess.Popen(command(standin, path), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(4)
    assert in_rancher(client, path) == [] and not os.path.exists(path)
    os.close(other)
    assert process.wait(30) == 0 and in_rancher(client, path) == [in_file(path)]


@pytest.mark.parametrize("options, message", [
    ({"rancher": {"cluster": "nowhere"}}, "shows this user no cluster nowhere. Correct the name, or make the user a member"),
    ({"rancher": {"password": "wrong"}}, "rejects the password of user admin"),
    ({"server": ["https://192.0.2.1"]}, "through Rancher the server is Rancher's own address. Leave server out"),
    ({"rights": ["get"]}, "'get' in rights is no right. It must be VERB RESOURCE[.GROUP][/SUBRESOURCE]"),
    ({"pki_dir": "/etc/kubernetes/ssl"}, "mutually exclusive: content|pki_dir|rancher"),
])
def test_what_cannot_be_is_refused(standin, client, path, options, message):
    changed, output = run(standin, path, **options)
    assert changed is None and message in output, output
    assert not os.path.exists(path) and in_rancher(client, path) == []
