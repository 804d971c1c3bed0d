# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rancher's tokens, one per purpose. A token is recognized by its description and replaced before it expires. Replaced ones are deleted.

generateKubeconfig is not used: it creates a new token on every call, and these tokens never expire (recorded on 2.6.2).
Private to the collection; may change without notice.
"""
import datetime

DAY = 24 * 3600
MILLISECONDS = 1000


def expiry_date(token):
    """The datetime (UTC) at which a token of /v3/tokens expires, or None if it never does."""
    if not token["ttl"]:
        return None
    return datetime.datetime.fromtimestamp((token["createdTS"] + token["ttl"]) / MILLISECONDS, datetime.timezone.utc)


def expires_soon(token, warn_days):
    """Whether a token has fewer than `warn_days` left, or less than half of its lifetime if that is shorter."""
    expiry = expiry_date(token)
    if expiry is None:
        return False
    required_seconds = min(warn_days * DAY, token["ttl"] / MILLISECONDS / 2)
    return (expiry - datetime.datetime.now(datetime.timezone.utc)).total_seconds() <= required_seconds


class Tokens:
    """The tokens of one purpose, of the user that the client is logged in as.

    client: a RancherClient that is logged in. purpose: str, the description of the tokens in Rancher. Methods raise RancherError.
    """

    def __init__(self, client, purpose):
        self.client, self.purpose = client, purpose

    def all(self):
        """The objects of /v3/tokens with this purpose."""
        return self.client.list("/v3/tokens", description=self.purpose)

    def find_valid(self, secret, cluster_id, warn_days):
        """The token of this secret (`ID:KEY`, or None), with the secret as `token`; None unless it is valid and does not expire soon."""
        identifier = (secret or "").partition(":")[0]
        for token in self.all():
            is_valid = token["clusterId"] == cluster_id and token["enabled"] and not token["expired"]
            if token["id"] == identifier and is_valid and not expires_soon(token, warn_days):
                return dict(token, token=secret)
        return None

    def create(self, cluster_id, days):
        """A new token (as in /v3/tokens, with its secret as `token`) for requests to that cluster only.

        days: lifetime, which the server may shorten (setting auth-token-max-ttl-minutes).
        """
        return self.client.request("POST", "/v3/tokens", {
            "type": "token", "description": self.purpose, "clusterId": cluster_id, "ttl": days * DAY * MILLISECONDS})

    def delete(self, identifiers):
        """Delete the tokens with these identifiers. Missing ones are not an error."""
        for identifier in identifiers:
            self.client.request("DELETE", "/v3/tokens/" + identifier, missing_ok=True)
