# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Rancher client against the stand-in: retries, login and logout, trust, errors."""
import http.server
import io
import os
import ssl
import threading
import urllib.error

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._rancher import bootstrap, rke1_cluster
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import RancherClient, connect
from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import RancherError, Transport
from ansible_collections.fay.rancher.plugins.module_utils._rancher.trust import Trust, check_url, checksum
from conftest import StandIn
from pki import TlsServer, authority, sign
from rancher_clients import FaultyOpener, client_of, other_tokens


class Redirect(http.server.BaseHTTPRequestHandler):
    """Redirects /from to /to, and records the requests."""

    def do_GET(self):
        self.server.requests.append("%s %s" % (self.command, self.path))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(302 if self.path == "/from" else 200)
        self.send_header("Location", "/to")
        self.end_headers()
        self.wfile.write(b"the end")

    do_POST = do_GET

    def log_message(self, *unused):
        pass


@pytest.fixture
def redirecting_server(tmp_path):
    authority(str(tmp_path))
    sign(str(tmp_path), "server.pem", "server-key.pem", "/CN=server", names="IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(tmp_path / "server.pem"), str(tmp_path / "server-key.pem"))
    server = TlsServer(Redirect, context)
    server.requests = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("faulty_request", [
    "GET /v3/settings/cacerts", "GET /ping", "POST /v1-public/login", "POST /v3-public/localProviders",
    "GET /v3/settings/server-version", "GET /v3/clusters", "POST /v3/clusters", "PUT /v3/clusters",
    "POST /v3/tokens?action=logout"])
def test_every_request_is_repeated_after_a_reset_connection(standin, faulty_request, when):
    """The fault is before or after the server gets the request. The change is made once, and no token remains."""
    opener = FaultyOpener(faulty_request, when)
    name = "reset-%d" % (abs(hash((faulty_request, when))) % 10 ** 8)
    with client_of(standin, opener) as client:
        assert client.setting("server-version") == "v2.6.2"
        fields = rke1_cluster.desired_fields({"name": name, "kubernetes_version": "v1.21.5-rancher1-1"})
        cluster = rke1_cluster.create(client, fields)
        rke1_cluster.update(client, cluster, dict(fields, description="changed"))
        assert [cluster["description"] for cluster in client.list("/v3/clusters", name=name)] == ["changed"]
    assert opener.times == 0, "the fault did not happen: %s" % opener.requests
    assert other_tokens(standin) == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_requests_to_a_busy_server_are_repeated(standin, status):
    fault = urllib.error.HTTPError("", status, "", {}, io.BytesIO(b"{}"))
    opener = FaultyOpener("GET /v3/clusters", fault=fault, times=3)
    with client_of(standin, opener) as client:
        client.cluster("missing")
    assert opener.times == 0 and other_tokens(standin) == []


def test_the_last_error_is_reported_after_all_retries():
    clock = iter(range(0, 1000, 20))
    transport = Transport(sleep=lambda seconds: None, clock=lambda: next(clock))
    client = RancherClient("https://127.0.0.1:1", password="x", transport=transport)
    with pytest.raises(RancherError, match="does not answer GET /ping: .*refused.*Check that the server is running"):
        client.request("GET", "/ping")


def test_the_token_of_the_login_is_deleted_after_an_error(standin):
    with pytest.raises(RancherError, match="404"), client_of(standin) as client:
        client.request("GET", "/v3/nosuchtypes")
    assert other_tokens(standin) == []


def test_a_wrong_password_is_reported(standin):
    with pytest.raises(RancherError, match="rejects the password of user admin.*reset-password"):
        client_of(standin, password="wrong").__enter__()


def test_a_token_is_used_instead_of_the_password(standin):
    with client_of(standin) as client:
        token = client.request("POST", "/v3/tokens", {"type": "token", "description": "for a test"})
        with client_of(standin, token=token["token"], password="wrong") as other:
            assert other.setting("server-version") == "v2.6.2"
        client.request("DELETE", "/v3/tokens/" + token["id"])


def test_no_password_is_sent_to_a_server_with_another_checksum(standin):
    opener = FaultyOpener()
    with pytest.raises(RancherError, match="has the checksum [0-9a-f]{64}, but ca_checksum is 0000"):
        client_of(standin, opener, ca_checksum="0" * 64).__enter__()
    assert not [request for request in opener.requests if request.startswith("POST")]


def test_a_certificate_of_an_unknown_ca_is_rejected(standin):
    with pytest.raises(RancherError, match="is not trusted on this host.*ca_cert.*ca_checksum"):
        client_of(standin, ca_from_loopback=False).__enter__()


def test_the_server_is_trusted_by_the_checksum_of_its_ca(standin):
    with client_of(standin) as client:
        pem = client.request("GET", "/v3/settings/cacerts")["value"]
    assert checksum(pem) == checksum(pem + "\n\n") and len(checksum(pem)) == 64
    with client_of(standin, ca_from_loopback=False, ca_checksum=checksum(pem)) as client:
        assert client.setting("server-version") == "v2.6.2"


def test_a_checksum_may_have_capital_letters():
    trust = Trust(ca_checksum=checksum("PEM").upper())
    trust.accept("PEM", "https://rancher.example.com")
    trust.close()


@pytest.mark.parametrize("url, options, source", [
    ("https://rancher.example.com", {"ca_from_loopback": True}, "https://127.0.0.1:443"),
    ("https://rancher.example.com:8443", {"ca_from_loopback": True}, "https://127.0.0.1:8443"),
    ("https://rancher.example.com", {"ca_from_loopback": True, "ca_checksum": "0" * 64}, "https://rancher.example.com"),
    ("https://rancher.example.com", {"ca_checksum": "0" * 64}, "https://rancher.example.com"),
])
def test_the_ca_is_fetched_from_the_loopback_only_without_a_checksum(url, options, source):
    assert Trust(**options).ca_source(url) == source


def test_the_temporary_file_of_the_ca_is_deleted_and_a_file_of_the_user_is_kept(tmp_path):
    (tmp_path / "ca.pem").write_text("PEM")
    temporary, own = Trust(ca_cert="-----BEGIN CERTIFICATE-----"), Trust(ca_cert=str(tmp_path / "ca.pem"))
    path = temporary.ca_file
    assert os.path.exists(path)
    temporary.close()
    own.close()
    assert not os.path.exists(path) and os.path.exists(str(tmp_path / "ca.pem"))


def test_a_ca_file_that_does_not_exist_is_reported(tmp_path):
    with pytest.raises(RancherError, match="ca_cert is .*/missing.pem, which does not exist on this host"):
        connect({"url": "https://rancher.example.com", "ca_cert": str(tmp_path / "missing.pem")})


@pytest.mark.parametrize("url", ["not a url", "http://rancher.example", "https://", "rancher.example", "https://x/y",
                                 "https://u@x", "https://x:port", "https://x?y=1", ""])
def test_an_invalid_url_is_rejected(url):
    with pytest.raises(RancherError, match="server_url is .*; https://HOST or https://HOST:PORT is required"):
        check_url(url, "server_url")
    with pytest.raises(RancherError, match="url is .*is required. Correct url"):
        connect({"url": url})


def test_lists_are_complete_across_pages(standin):
    with client_of(standin) as client:
        names = [setting["name"] for setting in client.list("/v3/settings")]
        assert [setting["name"] for setting in client.list("/v3/settings?limit=3")] == names
        assert "server-url" in names


def test_errors_contain_the_message_of_rancher(standin):
    with client_of(standin) as client:
        with pytest.raises(RancherError) as error:
            client.request("POST", "/v3/clusters", {"type": "cluster", "name": "FAY"})
        assert str(error.value).startswith(
            "Rancher at %s answered POST /v3/clusters with 422 InvalidFormat (name): InvalidFormat 422: invalid value FAY" % standin.url)
        assert client.request("GET", "/v3/settings/missing", missing_ok=True) is None


def test_a_request_that_changes_something_does_not_follow_a_redirect(redirecting_server):
    """Its password or token would be sent to another server."""
    client = RancherClient(redirecting_server.url, trust=Trust(verify=False), transport=Transport(0))
    assert client.request("GET", "/from") == "the end"
    with pytest.raises(RancherError, match="answered POST /from with 302"):
        client.request("POST", "/from", {"password": "x"})
    assert redirecting_server.requests == ["GET /from", "GET /to", "POST /from"]


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'"text"', b"\xff"])
def test_an_error_of_a_proxy_is_reported_with_its_status(body):
    def opener(url, **unused):
        raise urllib.error.HTTPError(url, 403, "Forbidden", {}, io.BytesIO(body))

    client = RancherClient("https://rancher.example.com", transport=Transport(opener=opener))
    with pytest.raises(RancherError) as error:
        client.request("GET", "/v3/clusters?name=fay")
    assert str(error.value) == "Rancher at https://rancher.example.com answered GET /v3/clusters with 403"


def test_bootstrap_changes_the_first_password_once(tmp_path):
    server = StandIn(tmp_path, "first-password").start().wait()
    try:
        for check_mode, changed in ((True, True), (False, True), (False, False)):
            with client_of(server, password=None) as client:
                assert bootstrap.ensure_password(client, "new-password", "first-password", check_mode) is changed
        with pytest.raises(RancherError, match="rejects both the requested and the bootstrap password of user admin"), \
                client_of(server, password=None) as client:
            bootstrap.ensure_password(client, "a", "b", False)
    finally:
        server.stop()


def test_bootstrap_sets_the_server_url_once(standin):
    with client_of(standin) as client:
        before = bootstrap.ensure_server_url(client, "https://rancher.example.com", check_mode=True)
        assert bootstrap.ensure_server_url(client, "https://rancher.example.com", check_mode=False) == before
        assert bootstrap.ensure_server_url(client, before or standin.url, check_mode=False) == "https://rancher.example.com"


def test_the_stand_in_keeps_its_state_across_a_restart(tmp_path):
    server = StandIn(tmp_path, "PASSWORD").start().wait()
    try:
        with client_of(server) as client:
            identifier = rke1_cluster.create(client, rke1_cluster.desired_fields({"name": "fay"}))["id"]
        server.stop()
        server.start().wait()
        with client_of(server) as client:
            assert client.cluster("fay")["id"] == identifier
    finally:
        server.stop()
