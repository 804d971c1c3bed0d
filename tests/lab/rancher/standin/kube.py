"""A few calls to Kubernetes' API with client certificates; no more than building a cluster needs."""
import http.client
import json
import os
import ssl
import tempfile

import yaml


class KubeError(Exception):
    pass


class Kube:
    """The API server at one of `addresses`, as the identity of `pair` ({certificate, key}), trusting `ca` (PEM)."""

    def __init__(self, addresses, ca, pair, port=6443):
        self.addresses, self.port = addresses, port
        self.context = ssl.create_default_context(cadata=ca)
        with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as bundle:
            bundle.write(pair["certificate"] + pair["key"])
        self.context.load_cert_chain(bundle.name)
        os.unlink(bundle.name)

    def call(self, method, path, body=None, kind="application/json"):
        """(status, JSON value) of the first address that answers; raises KubeError where none does."""
        problem = None
        for address in self.addresses:
            connection = http.client.HTTPSConnection(address, self.port, timeout=10, context=self.context)
            try:
                connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": kind})
                response = connection.getresponse()
                content = response.read()
                try:
                    return response.status, json.loads(content or b"null")
                except ValueError:
                    return response.status, content.decode(errors="replace")
            except OSError as error:
                problem = error
            finally:
                connection.close()
        raise KubeError("no API server answers at %s: %s" % (", ".join(self.addresses), problem))

    def get(self, path):
        status, value = self.call("GET", path)
        if status != 200:
            raise KubeError("GET %s: %s %s" % (path, status, value))
        return value

    def apply(self, manifests):
        """Create each object of a YAML stream, or put it over the one that is there."""
        for thing in yaml.safe_load_all(manifests):
            group, _, version = thing["apiVersion"].rpartition("/")
            namespace = thing["metadata"].get("namespace")
            plural = thing["kind"].lower() + "s"
            path = "/".join(["/apis/" + group if group else "/api", version]
                            + (["namespaces", namespace] if namespace else []) + [plural])
            status, answer = self.call("POST", path, thing)
            if status == 409:
                status, answer = self.call("PATCH", path + "/" + thing["metadata"]["name"], thing,
                                           "application/merge-patch+json")
            if status not in (200, 201):
                raise KubeError("%s %s: %s %s" % (thing["kind"], thing["metadata"]["name"], status, answer))
