"""When a token of Rancher's is near its end."""
import datetime

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._rancher.tokens import DAY, Tokens, end_of


@pytest.mark.parametrize("left_days, ttl_days, warn_days, kept", [
    (31, 90, 30, True), (29, 90, 30, False), (19, 40, 30, False), (21, 40, 30, True), (-1, 90, 0, False), (1, 0, 30, True)])
def test_when_a_tokens_end_is_near(left_days, ttl_days, warn_days, kept):
    made = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=left_days - ttl_days)
    token = {"id": "token-a", "clusterId": "c-1", "enabled": True, "expired": False, "ttl": ttl_days * DAY * 1000,
             "createdTS": int(made.timestamp() * 1000)}

    class Server:
        def list(self, path, **filters):
            return [token]
    tokens = Tokens(Server(), "purpose")
    assert bool(tokens.good("token-a:KEY", "c-1", warn_days)) is kept
    assert tokens.good("token-b:KEY", "c-1", warn_days) is tokens.good("token-a:KEY", "c-2", warn_days) is tokens.good(
        None, "c-1", warn_days) is None
    assert (end_of(token) is None) == (ttl_days == 0)
