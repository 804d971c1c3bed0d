# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls to the Kubernetes API that building a cluster needs, with a client certificate."""
import http.client
import json
import os
import ssl
import tempfile

import yaml


class KubeError(Exception):
    """No API server answered, or one rejected a request; the message states which."""


class Kube:
    """The API server at one of `addresses`, as the identity of `pair` ({certificate, key}). Only `ca` (PEM) is trusted."""

    def __init__(self, addresses, ca, pair, port=6443):
        self.addresses, self.port = addresses, port
        self.context = ssl.create_default_context(cadata=ca)
        with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as bundle:
            bundle.write(pair["certificate"] + pair["key"])
        self.context.load_cert_chain(bundle.name)
        os.unlink(bundle.name)

    def call(self, method, path, body=None, content_type="application/json"):
        """(status, JSON value or str) of the first address that answers; raises KubeError if none does."""
        last_error = None
        for address in self.addresses:
            connection = http.client.HTTPSConnection(address, self.port, timeout=10, context=self.context)
            try:
                connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": content_type})
                response = connection.getresponse()
                content = response.read()
                try:
                    return response.status, json.loads(content or b"null")
                except ValueError:
                    return response.status, content.decode(errors="replace")
            except OSError as error:
                last_error = error
            finally:
                connection.close()
        raise KubeError("no API server answers at %s: %s" % (", ".join(self.addresses), last_error))

    def get(self, path):
        """The JSON value at that path; raises KubeError if the status is not 200."""
        status, value = self.call("GET", path)
        if status != 200:
            raise KubeError("GET %s: %s %s" % (path, status, value))
        return value

    def apply(self, manifests):
        """Create or merge each object of a YAML stream. Raises KubeError."""
        for manifest in yaml.safe_load_all(manifests):
            group, _, version = manifest["apiVersion"].rpartition("/")
            namespace = manifest["metadata"].get("namespace")
            plural = manifest["kind"].lower() + "s"
            path = "/".join(["/apis/" + group if group else "/api", version]
                            + (["namespaces", namespace] if namespace else []) + [plural])
            status, answer = self.call("POST", path, manifest)
            if status == 409:
                status, answer = self.call("PATCH", path + "/" + manifest["metadata"]["name"], manifest,
                                           "application/merge-patch+json")
            if status not in (200, 201):
                raise KubeError("%s %s: %s %s" % (manifest["kind"], manifest["metadata"]["name"], status, answer))
