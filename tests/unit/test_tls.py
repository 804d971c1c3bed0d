# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates without key identifiers, as the stand-ins have, are accepted even if Python verifies strictly, as 3.13 does."""
import ssl
import types

import pytest
from ansible.module_utils import urls
from ansible_collections.fay.rancher.plugins.module_utils import _tls
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import api as _api
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import RancherError, connect


def with_strict_flag(make):
    """A function that creates the same context, but with strict verification on each version of Python."""
    def make_strict(*values, **names):
        context = make(*values, **names)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context
    return make_strict


@pytest.fixture
def strict(monkeypatch):
    monkeypatch.setattr(ssl, "create_default_context", with_strict_flag(ssl.create_default_context))
    strict_ssl = types.SimpleNamespace(**dict(vars(ssl), SSLContext=with_strict_flag(ssl.SSLContext)))
    monkeypatch.setattr(_api, "ssl", strict_ssl)


def test_rancher_is_verified_without_key_identifiers(standin, strict):
    pem = connect({"url": standin.url, "validate_certs": False, "retry_timeout": 0}).setting("cacerts")
    client = connect({"url": standin.url, "ca_cert": pem, "retry_timeout": 0})
    try:
        assert client.request("GET", "/ping") == "pong"
    finally:
        client.close()


def test_another_signer_is_still_rejected(standin, strict):
    client = connect({"url": standin.url, "retry_timeout": 0})
    with pytest.raises(RancherError, match="not trusted"):
        client.request("GET", "/ping")


def test_ansibles_function_is_restored_after_a_request(strict):
    before = urls.make_context
    with pytest.raises(OSError):
        _tls.open_url("https://127.0.0.1:1/", timeout=1)
    assert urls.make_context is before


def test_api_server_without_key_identifiers_is_accepted(strict):
    api = _api.Api("https://127.0.0.1:1", None)
    assert not api.context.verify_flags & ssl.VERIFY_X509_STRICT
    assert api.context.verify_mode == ssl.CERT_REQUIRED and api.context.check_hostname
