# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timeouts are seconds by the clock, also with a server that accepts connections and never answers."""
import time

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.api import Api, ApiError
from ansible_collections.fay.rancher.plugins.module_utils._rancher import transport as _transport
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import RancherError, connect
from ansible_collections.fay.rancher.plugins.module_utils._rancher.registration import wait_for_registration
from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import Transport
from test_returned_keys import run_module

MAX_SECONDS = 12  # upper limit for a timeout of two seconds on a slow machine; without the timeout it would take 30 or more


def client_of(url, retry_timeout=120, **options):
    parameters = {"url": url, "token": "token-abcde:secret", "validate_certs": False}
    return connect(parameters, Transport(retry_timeout, **options))


def seconds_until_error(function, *arguments):
    started_at = time.monotonic()
    with pytest.raises(RancherError, match="does not answer"):
        function(*arguments)
    return time.monotonic() - started_at


def test_retry_timeout_includes_requests_without_an_answer(silent_server):
    client = client_of(silent_server, retry_timeout=2)
    assert 1.9 < seconds_until_error(client.request, "GET", "/v3/settings/x") < MAX_SECONDS


def test_the_timeout_of_the_wait_for_a_cluster_includes_the_login(silent_server, monkeypatch, capsys):
    arguments = {"url": silent_server, "password": "PASSWORD", "validate_certs": False, "name": "fay", "nodes": ["bg1"], "timeout": 2}
    started_at = time.monotonic()
    _, result = run_module("rancher_cluster_wait", arguments, monkeypatch, capsys)
    assert "does not answer" in result["msg"] and result["messages"] == []
    assert 1.9 < time.monotonic() - started_at < MAX_SECONDS


def test_retry_timeout_includes_an_answer_in_single_bytes(dripping_server):
    client = client_of(dripping_server, retry_timeout=2)
    assert 1.9 < seconds_until_error(client.request, "GET", "/v3/settings/x") < MAX_SECONDS


def test_the_timeout_of_an_api_server_includes_an_answer_in_single_bytes(dripping_server, tmp_path):
    with open(str(tmp_path / "kube-ca.pem")) as source:
        api = Api(dripping_server, source.read(), timeout=2)
    started_at = time.monotonic()
    with pytest.raises(ApiError, match="does not answer"):
        api.request("GET", "/version")
    assert 1.9 < time.monotonic() - started_at < MAX_SECONDS


def test_reading_an_error_in_single_bytes_ends_by_the_clock(dripping_server, monkeypatch):
    monkeypatch.setattr(_transport, "REQUEST_SECONDS", 2)
    started_at = time.monotonic()
    with pytest.raises(RancherError, match="answered GET /error with 403$"):
        client_of(dripping_server, retry_timeout=0).request("GET", "/error")
    assert 1.9 < time.monotonic() - started_at < MAX_SECONDS


def test_the_timeout_of_the_registration_command_ends_a_request(silent_server):
    seconds = seconds_until_error(wait_for_registration, client_of(silent_server), {"id": "c-abcde", "name": "fay"}, 2)
    assert 1.9 < seconds < MAX_SECONDS


def test_the_wait_for_a_registration_command_ends_by_the_clock():
    clock_time = [1000.0]

    class Client:
        url = "https://rancher.example.com"
        transport = Transport(sleep=lambda seconds: clock_time.__setitem__(0, clock_time[0] + seconds), clock=lambda: clock_time[0])

        def list(self, path, **filters):
            return [{"nodeCommand": ""}]

        def setting(self, name):
            return ""
    with pytest.raises(RancherError, match="has no registration command for the cluster fay. Its setting server-url, .* is ''"):
        wait_for_registration(Client(), {"id": "c-abcde", "name": "fay"}, 5)
    assert clock_time[0] == 1005


def attempts(retry_timeout, deadline=None):
    """([timeout of each attempt], end) for a server that never answers, on a clock that starts at 0."""
    clock_time, timeouts = [0.0], []

    def sleep(seconds):
        clock_time[0] += seconds

    def opener(url, timeout, **unused):
        timeouts.append(timeout)
        sleep(timeout)
        raise TimeoutError("timed out")
    client = client_of("https://rancher.example.com", retry_timeout, opener=opener, sleep=sleep, clock=lambda: clock_time[0])
    client.transport.deadline = deadline
    with pytest.raises(RancherError):
        client.request("GET", "/v3/settings/x")
    return timeouts, clock_time[0]


def test_the_last_attempt_is_limited_to_the_remaining_time():
    timeouts, end = attempts(70)
    assert timeouts == [30, 30, 70 - 60 - 0.5 - 1] and end == 70


def test_the_deadline_of_a_wait_ends_a_request_before_retry_timeout():
    assert attempts(120, deadline=40) == ([30, 9.5], 40)


def test_a_request_without_retries_has_the_usual_timeout():
    assert attempts(0) == ([_transport.REQUEST_SECONDS], 30)


def test_a_request_after_the_deadline_has_a_minimum_timeout():
    assert attempts(120, deadline=0) == ([_transport.MIN_REQUEST_SECONDS], 1)
