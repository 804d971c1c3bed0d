# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of the Rancher stand-in, and faults on their connections."""
from urllib.parse import urlsplit

from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import connect
from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import Transport
from ansible_collections.fay.rancher.plugins.module_utils._tls import open_url


class FaultyOpener:
    """An open_url that fails before or after the requests that start with `request`, such as `GET /ping`.

    when: `before` or `after` the server gets the request. fault: exception. times: how often it fails.
    Attribute requests: all requests, as `METHOD /path?query`.
    """

    def __init__(self, request="", when="before", fault=None, times=1):
        self.request, self.when, self.times, self.requests = request, when, times, []
        self.fault = fault or ConnectionResetError(104, "Connection reset by peer")

    def __call__(self, url, method=None, **options):
        parts = urlsplit(url)
        request = "%s %s" % (method, parts.path + ("?" + parts.query if parts.query else ""))
        self.requests.append(request)
        is_faulty = self.times > 0 and self.request and request.startswith(self.request)
        if is_faulty:
            self.times -= 1
            if self.when == "before":
                raise self.fault
        answer = open_url(url, method=method, **options)
        if is_faulty:
            answer.read()
            raise self.fault
        return answer


def client_of(server, opener=open_url, **parameters):
    """A RancherClient of the stand-in that does not sleep between attempts. parameters: as for modules."""
    defaults = dict(url=server.url, password=server.password, ca_from_loopback=True)
    return connect(dict(defaults, **parameters), Transport(30, opener=opener, sleep=lambda seconds: None))


def other_tokens(server):
    """Descriptions of all tokens in the stand-in, except the token of this function's own login."""
    with client_of(server) as client:
        own_id = client.token.split(":")[0]
        return [token["description"] for token in client.list("/v3/tokens") if token["id"] != own_id]
