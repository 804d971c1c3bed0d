"""The client under faults, and the modules' logic, against the server stand-in."""
import io
import json
import urllib.error
from urllib.parse import urlsplit

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._rancher import rke1_cluster as _cluster
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import RancherClient, RancherError, check_url, checksum
from ansible_collections.fay.rancher.plugins.module_utils._tls import open_url
from ansible_collections.fay.rancher.plugins.modules import rancher_bootstrap, rancher_cluster

FAY = {"name": "fay", "kubernetes_version": "v1.21.5-rancher1-1", "docker_root_dir": "/appdata/lib/docker",
       "network": {"plugin": "flannel", "backend": "vxlan"}}


class Faults:
    """Opens as open_url does, but has a fault before or after each request whose path it is told."""

    def __init__(self, wanted="", when="before", fault=None, times=1):
        self.wanted, self.when, self.times, self.asked = wanted, when, times, []
        self.fault = fault or ConnectionResetError(104, "Connection reset by peer")

    def __call__(self, url, method=None, **options):
        parts = urlsplit(url)
        what = "%s %s" % (method, parts.path + ("?" + parts.query if parts.query else ""))
        self.asked.append(what)
        hit = self.times > 0 and self.wanted and what.startswith(self.wanted)
        if hit:
            self.times -= 1
        if hit and self.when == "before":
            raise self.fault
        answer = open_url(url, method=method, **options)
        if hit:
            answer.read()
            raise self.fault
        return answer


def client_of(server, **options):
    options.setdefault("ca_from_loopback", True)
    options.setdefault("password", server.password)
    options.setdefault("sleep", lambda seconds: None)
    options.setdefault("retry_timeout", 30)
    return RancherClient(server.url, **options)


def tokens(server):
    with client_of(server) as client:
        mine = client.token.split(":")[0]
        return [token["description"] for token in client.list("/v3/tokens") if token["id"] != mine]


@pytest.fixture(scope="module", autouse=True)
def known_address(standin):
    """The server knows its address: without it there is no registration command."""
    with client_of(standin) as client:
        client.request("PUT", "/v3/settings/server-url", {"value": standin.url})


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("request_", [
    "GET /v3/settings/cacerts", "GET /ping", "POST /v1-public/login", "POST /v3-public/localProviders",
    "GET /v3/settings/server-version", "GET /v3/clusters", "POST /v3/clusters", "PUT /v3/clusters",
    "POST /v3/tokens?action=logout"])
def test_a_cut_connection_is_retried_after_every_request(standin, request_, when):
    """Whatever is cut, before the server saw it or after it answered: the work is done once, no token stays."""
    faults = Faults(request_, when)
    name = "cut-%d" % (abs(hash((request_, when))) % 10 ** 8)
    with client_of(standin, opener=faults) as client:
        assert client.setting("server-version") == "v2.6.2"
        fields = _cluster.wanted(dict(FAY, name=name))
        created = rancher_cluster.create(client, fields)
        rancher_cluster.update(client, created, dict(fields, description="changed"))
        assert [item["description"] for item in client.list("/v3/clusters", name=name)] == ["changed"]
    assert faults.times == 0, "the fault never came: %s" % faults.asked
    assert tokens(standin) == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_retried(standin, status):
    fault = urllib.error.HTTPError("", status, "", {}, io.BytesIO(b"{}"))
    faults = Faults("GET /v3/clusters", fault=fault, times=3)
    with client_of(standin, opener=faults) as client:
        client.cluster("nosuch")
    assert faults.times == 0 and tokens(standin) == []


def test_it_gives_up_in_the_end_and_says_why():
    clock = iter(range(0, 1000, 20))
    client = RancherClient("https://127.0.0.1:1", password="x", sleep=lambda seconds: None, clock=lambda: next(clock))
    with pytest.raises(RancherError, match="does not answer GET /ping: .*refused.*Is the server running"):
        client.request("GET", "/ping")


def test_no_token_stays_when_the_work_fails(standin):
    with pytest.raises(RancherError, match="404"), client_of(standin) as client:
        client.request("GET", "/v3/nosuchtypes")
    assert tokens(standin) == []


def test_a_wrong_password_is_named(standin):
    with pytest.raises(RancherError, match="refuses the password of user admin.*reset-password"):
        client_of(standin, password="wrong").__enter__()


def test_a_wrong_checksum_stops_before_the_password_is_sent(standin):
    faults = Faults()
    with pytest.raises(RancherError, match="has the checksum [0-9a-f]{64}, but ca_checksum is 0000"):
        client_of(standin, ca_checksum="0" * 64, opener=faults).__enter__()
    assert not [asked for asked in faults.asked if asked.startswith("POST")]


def test_a_certificate_of_nobody_is_refused(standin):
    with pytest.raises(RancherError, match="is not trusted here.*ca_cert.*ca_checksum"):
        client_of(standin, ca_from_loopback=False).__enter__()


def test_the_checksum_is_that_of_the_node_command(standin):
    with client_of(standin) as client:
        pem = client.request("GET", "/v3/settings/cacerts")["value"]
    assert checksum(pem) == checksum(pem + "\n\n") and len(checksum(pem)) == 64
    with client_of(standin, ca_from_loopback=False, ca_checksum=checksum(pem)) as client:
        assert client.setting("server-version") == "v2.6.2"


@pytest.mark.parametrize("url", ["not a url", "http://rancher.example", "https://", "rancher.example", "https://x/y",
                                 "https://u@x", "https://x:port", "https://x?y=1", ""])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(RancherError, match="https://HOST"):
        check_url(url, "server_url")


@pytest.mark.parametrize("change, message", [
    ({"kubernetes_version": "v1.99.0-rancher1-1"}, "does not offer Kubernetes v1.99.0-rancher1-1. It offers: .*v1.21.5"),
    ({"kubernetes_version": "v1.21.x"}, "It offers"),
    ({"name": "FAY"}, "no DNS label"), ({"name": "fay_1"}, "no DNS label"), ({"name": ""}, "no DNS label"),
    ({"network": {"plugin": "flannel", "mtu": 1400}}, "flannel takes no mtu"),
    ({"network": {"plugin": "calico", "backend": "vxlan"}}, "calico has no option backend; it belongs to canal and flannel"),
    ({"rke_config": {"nosuchField": 1}}, "rke_config has no field nosuchField. Its fields are: .*upgradeStrategy"),
    ({"rke_config": {"ignoreDockerVersion": "maybe"}}, "ignoreDockerVersion is 'maybe', but must be of type boolean"),
    ({"rke_config": {"privateRegistries": {}}}, "must be a list"),
    ({"rke_config": {"addonJobTimeout": True}}, "must be of type int"),
    ({"rke_config": {"kubernetesVersion": "x"}}, "give it as kubernetes_version"),
])
def test_what_the_server_would_take_in_silence_is_refused_before_it_is_sent(standin, change, message):
    faults = Faults()
    with pytest.raises(RancherError, match=message), client_of(standin, opener=faults) as client:
        rancher_cluster.check(client, _cluster.wanted(dict(FAY, **change)))
    assert not [asked for asked in faults.asked if asked.startswith(("POST /v3/clusters", "PUT"))]


def test_a_server_without_rke1_is_refused():
    with pytest.raises(RancherError, match="2.12.0 has no RKE1"):
        _cluster.check_server_version("v2.12.0")
    _cluster.check_server_version("v2.11.9")


def test_only_the_change_is_sent_and_others_work_is_kept(standin):
    with client_of(standin) as client:
        fields = _cluster.wanted(dict(FAY, name="kept"))
        current = rancher_cluster.create(client, fields)
        assert _cluster.difference(current, fields) == {}
        path = "/v3/clusters/" + current["id"]
        client.request("PUT", path, {"name": "kept", "labels": {"team": "ops"}})
        wanted = _cluster.wanted(dict(FAY, name="kept", description="ours"))
        assert _cluster.difference(current, wanted) == {"description": "ours", "name": "kept"}
        answer = rancher_cluster.update(client, current, wanted)
        assert answer["labels"]["team"] == "ops" and answer["description"] == "ours"


def test_a_change_in_between_is_noticed(standin):
    with client_of(standin) as client:
        current = rancher_cluster.create(client, _cluster.wanted(dict(FAY, name="contested")))
        client.request("PUT", "/v3/clusters/" + current["id"], {"name": "contested", "description": "theirs"})
        with pytest.raises(RancherError, match="Somebody else is changing the cluster contested: description changed"):
            rancher_cluster.update(client, current, _cluster.wanted(dict(FAY, name="contested", description="ours")))
        assert client.cluster("contested")["description"] == "theirs"


def test_lists_come_whole_page_by_page(standin):
    with client_of(standin) as client:
        names = [item["name"] for item in client.list("/v3/settings")]
        assert [item["name"] for item in client.list("/v3/settings?limit=3")] == names
        assert "server-url" in names


def test_bootstrap_changes_the_first_password_once(tmp_path_factory, standin):
    from conftest import StandIn
    server = StandIn(tmp_path_factory.mktemp("first"), "first-password").start().wait()
    try:
        wanted = {"password": "wanted-password", "bootstrap_password": "first-password"}
        for check_mode, changed in ((True, True), (False, True), (False, False)):
            with client_of(server, password=None) as client:
                assert rancher_bootstrap.ensure_password(client, wanted, check_mode) is changed
        with pytest.raises(RancherError, match="neither the wanted password of admin nor the first one"), \
                client_of(server, password=None) as client:
            rancher_bootstrap.ensure_password(client, {"password": "a", "bootstrap_password": "b"}, False)
    finally:
        server.stop()


def test_state_survives_a_restart(tmp_path_factory, standin):
    from conftest import StandIn
    server = StandIn(tmp_path_factory.mktemp("again"), "PASSWORD").start().wait()
    try:
        with client_of(server) as client:
            identifier = rancher_cluster.create(client, _cluster.wanted(FAY))["id"]
        server.stop()
        server.start().wait()
        with client_of(server) as client:
            assert client.cluster("fay")["id"] == identifier
    finally:
        server.stop()


def test_errors_carry_what_rancher_said(standin):
    with client_of(standin) as client:
        with pytest.raises(RancherError, match="422 InvalidFormat \\(name\\): InvalidFormat 422: invalid value FAY"):
            client.request("POST", "/v3/clusters", {"type": "cluster", "name": "FAY"})
        assert json.dumps(client.request("GET", "/v3/settings/nosuch", missing_ok=True)) == "null"
