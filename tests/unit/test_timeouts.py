"""Time-outs are seconds by the clock, also against a server that accepts connections and never answers."""
import time

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.api import Api, ApiError
from ansible_collections.fay.rancher.plugins.module_utils._rancher import client as _rancher
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import RancherClient, RancherError
from ansible_collections.fay.rancher.plugins.module_utils._rancher.cluster_wait import Watch
from ansible_collections.fay.rancher.plugins.modules import rancher_cluster_wait, rancher_registration_info
from test_returned_keys import returned

GENEROUS = 12  # seconds a slow machine may take for a time-out of two; what is not cut takes 30 or more


def client_of(url, **options):
    return RancherClient(url, token="token-abcde:secret", validate_certs=False, **options)


def seconds_until_error(function, *arguments):
    begun = time.monotonic()
    with pytest.raises(RancherError, match="does not answer"):
        function(*arguments)
    return time.monotonic() - begun


def test_retry_timeout_counts_a_request_without_an_answer(silent_server):
    assert 1.9 < seconds_until_error(client_of(silent_server, retry_timeout=2).request, "GET", "/v3/settings/x") < GENEROUS


def test_the_wait_for_a_cluster_ends_by_the_clock(silent_server, monkeypatch, capsys):
    """The log-in is part of it."""
    arguments = {"url": silent_server, "password": "PASSWORD", "validate_certs": False, "name": "fay", "nodes": ["bg1"], "timeout": 2}
    begun = time.monotonic()
    _, result = returned("rancher_cluster_wait", arguments, monkeypatch, capsys)
    assert "does not answer" in result["msg"]
    assert 1.9 < time.monotonic() - begun < GENEROUS


def test_an_answer_in_single_bytes_does_not_stretch_retry_timeout(dripping_server):
    assert 1.9 < seconds_until_error(client_of(dripping_server, retry_timeout=2).request, "GET", "/v3/settings/x") < GENEROUS


def test_an_answer_in_single_bytes_does_not_stretch_the_time_of_an_api_server(dripping_server, tmp_path):
    with open(str(tmp_path / "kube-ca.pem")) as source:
        api = Api(dripping_server, source.read(), timeout=2)
    begun = time.monotonic()
    with pytest.raises(ApiError, match="does not answer"):
        api.request("GET", "/version")
    assert 1.9 < time.monotonic() - begun < GENEROUS


def test_the_wait_for_a_registration_command_ends_by_the_clock(silent_server):
    seconds = seconds_until_error(rancher_registration_info.registration, client_of(silent_server), {"id": "c-abcde", "name": "fay"}, 2)
    assert 1.9 < seconds < GENEROUS


def attempts(retry_timeout, deadline=None):
    """The time-out of each attempt where every attempt hangs until its time-out is over, on a clock that begins at 0."""
    now, found = [0.0], []

    def hang(seconds):
        now[0] += seconds

    def opener(url, timeout, **unused):
        found.append(timeout)
        hang(timeout)
        raise TimeoutError("timed out")
    client = client_of("https://rancher.example.com", retry_timeout=retry_timeout, opener=opener, sleep=hang, clock=lambda: now[0])
    client.deadline = deadline
    with pytest.raises(RancherError):
        client.request("GET", "/v3/settings/x")
    return found, now[0]


def test_each_attempt_is_cut_to_the_time_that_is_left():
    found, end = attempts(70)
    assert found == [30, 30, 70 - 60 - 0.5 - 1] and end == 70


def test_the_deadline_of_a_wait_ends_a_request_before_retry_timeout():
    assert attempts(120, deadline=40) == ([30, 9.5], 40)


def test_without_retries_a_request_has_its_usual_time():
    assert attempts(0) == ([_rancher.REQUEST_SECONDS], 30)


def test_a_last_look_after_the_time_still_has_a_moment():
    assert attempts(120, deadline=0) == ([_rancher.LAST_REQUEST_SECONDS], 1)


def test_a_cluster_that_is_not_ready_in_time_is_described(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(rancher_cluster_wait.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(rancher_cluster_wait.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))

    class Client:
        url = "https://rancher.example.com"

        def cluster(self, name):
            return {"id": "c-abcde", "name": name, "state": "provisioning"}

        def nodes(self, identifier):
            return []
    with pytest.raises(RancherError, match="The cluster fay is not active after 5 seconds, these nodes are not: bg1"):
        rancher_cluster_wait.wait(Client(), {"name": "fay", "timeout": 5, "_slice": None}, Watch(["bg1"], "active", 10, 300), 1000.0)
    assert now[0] == 1005
