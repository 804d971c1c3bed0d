# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rancher's tokens, one per purpose: found again by its description, renewed before it ends, superseded ones deleted.

generateKubeconfig leaves one more token at every call, and none of them ever ends (recorded on 2.6.2).
"""
import datetime

DAY = 24 * 3600
MILLISECONDS = 1000


def end_of(token):
    """The datetime (UTC) at which a token of /v3/tokens ends, or None for one that never does."""
    if not token["ttl"]:
        return None
    return datetime.datetime.fromtimestamp((token["createdTS"] + token["ttl"]) / MILLISECONDS, datetime.timezone.utc)


class Tokens:
    """The tokens of one purpose, those of the user that the client is logged in as.

    client: a RancherClient that is logged in. purpose: str, the description that they have in Rancher. Methods raise RancherError.
    """

    def __init__(self, client, purpose):
        self.client, self.purpose = client, purpose

    def all(self):
        return self.client.list("/v3/tokens", description=self.purpose)

    def good(self, secret, cluster_id, warn_days):
        """The token whose secret (`ID:KEY`, or None) is given, while it is one of these and not near its end; else None.

        Its end is near when fewer than `warn_days` are left, or half of its time where that is less.
        """
        identifier = (secret or "").partition(":")[0]
        for token in self.all():
            if token["id"] == identifier and token["clusterId"] == cluster_id and token["enabled"] and not token["expired"]:
                end = end_of(token)
                spare = min(warn_days * DAY, token["ttl"] / MILLISECONDS / 2)
                if end is None or (end - datetime.datetime.now(datetime.timezone.utc)).total_seconds() > spare:
                    return dict(token, token=secret)
        return None

    def make(self, cluster_id, days):
        """A new token (as in /v3/tokens, with its secret as `token`), for requests to that cluster only.

        The server may give it less time than `days`: its setting auth-token-max-ttl-minutes.
        """
        return self.client.request("POST", "/v3/tokens", {"type": "token", "description": self.purpose, "clusterId": cluster_id,
                                                          "ttl": days * DAY * MILLISECONDS})

    def delete(self, identifiers):
        for identifier in identifiers:
            self.client.request("DELETE", "/v3/tokens/" + identifier, missing_ok=True)
