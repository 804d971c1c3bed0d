# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which token of Rancher is still valid, and for how long."""
import datetime

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._rancher.tokens import DAY, Tokens, expiry_date


def token_with(days_left, ttl_days, **fields):
    """A token of /v3/tokens. ttl_days: 0 for one that never expires."""
    created = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days_left - ttl_days)
    return dict({"id": "token-a", "clusterId": "c-1", "enabled": True, "expired": False, "ttl": ttl_days * DAY * 1000,
                 "createdTS": int(created.timestamp() * 1000)}, **fields)


def find_valid(token, secret="token-a:KEY", cluster_id="c-1", warn_days=30):
    class Client:
        def list(self, path, **filters):
            return [token]
    return Tokens(Client(), "purpose").find_valid(secret, cluster_id, warn_days)


@pytest.mark.parametrize("days_left, ttl_days, warn_days, is_kept", [
    (31, 90, 30, True), (29, 90, 30, False), (19, 40, 30, False), (21, 40, 30, True), (-1, 90, 0, False), (1, 0, 30, True)])
def test_a_token_is_kept_until_it_expires_soon(days_left, ttl_days, warn_days, is_kept):
    token = token_with(days_left, ttl_days)
    assert find_valid(token, warn_days=warn_days) == (dict(token, token="token-a:KEY") if is_kept else None)
    assert (expiry_date(token) is None) == (ttl_days == 0)


@pytest.mark.parametrize("options", [{"secret": "token-b:KEY"}, {"secret": None}, {"cluster_id": "c-2"}])
def test_a_token_of_another_file_or_cluster_is_not_used(options):
    assert find_valid(token_with(80, 90), **options) is None


@pytest.mark.parametrize("fields", [{"enabled": False}, {"expired": True}])
def test_a_disabled_or_expired_token_is_not_used(fields):
    assert find_valid(token_with(80, 90, **fields)) is None
