# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""RKE1's certificates on a node, and the cluster's stored state that they open.

Sources: rancher/rke @v1.3.3 pki/util.go (names), cluster/state.go (full-cluster-state).
"""
import base64
import json
import os
from urllib.error import HTTPError, URLError

from ansible.module_utils.urls import open_url

AUTHORITY = "kube-ca.pem"
NODE_IDENTITY = "kube-node"
STATE_PATH = "/api/v1/namespaces/kube-system/%s/full-cluster-state"


class PkiError(Exception):
    """Says what is missing on the node, and what to do."""


def paths(directory, identity):
    """{certificate, key, authority}: absolute paths of an identity's files. Raises PkiError when one is missing."""
    found = {"authority": os.path.join(directory, AUTHORITY), "certificate": os.path.join(directory, identity + ".pem"),
             "key": os.path.join(directory, identity + "-key.pem")}
    for path in found.values():
        if not os.path.exists(path):
            raise PkiError("%s does not exist. Identities in %s: %s" % (
                path, directory, ", ".join(identities(directory)) or "none"))
    return found


def identities(directory):
    """Names of the pairs of certificate and key in a directory, sorted."""
    if not os.path.isdir(directory):
        return []
    names = os.listdir(directory)
    return sorted(name[:-len("-key.pem")] for name in names
                  if name.endswith("-key.pem") and name.replace("-key.pem", ".pem") in names)


class NodeApi:
    """Kubernetes' API as the node itself, by its kube-node certificate."""

    def __init__(self, server, directory, opener=open_url, timeout=30):
        self.server, self._open, self.timeout = server.rstrip("/"), opener, timeout
        self.files = paths(directory, NODE_IDENTITY)

    def get(self, path):
        """The JSON value at a path; None for 404. Raises PkiError."""
        try:
            answer = self._open(self.server + path, timeout=self.timeout, client_cert=self.files["certificate"],
                                client_key=self.files["key"], ca_path=self.files["authority"], validate_certs=True)
            return json.loads(answer.read())
        except HTTPError as error:
            if error.code == 404:
                return None
            raise PkiError("The API server at %s answers %d to %s for the identity %s" % (
                self.server, error.code, path, NODE_IDENTITY))
        except (URLError, OSError, ValueError) as error:
            raise PkiError("The API server at %s does not answer: %s" % (self.server, getattr(error, "reason", error)))

    def server_version(self):
        """The cluster's version, such as v1.21.5."""
        return (self.get("/version") or {}).get("gitVersion")

    def admin(self):
        """kube-admin's kubeconfig from the stored state, as text: the Secret first, else the ConfigMap.

        Raises PkiError where the cluster has no such state.
        """
        for kind in ("secrets", "configmaps"):
            stored = self.get(STATE_PATH % kind)
            if stored is None:
                continue
            text = (stored.get("data") or {}).get("full-cluster-state", "")
            if kind == "secrets":
                text = base64.b64decode(text).decode()
            try:
                return json.loads(text)["currentState"]["certificatesBundle"]["kube-admin"]["config"]
            except (ValueError, KeyError, TypeError):
                raise PkiError("full-cluster-state in kube-system holds no kubeconfig of kube-admin")
        raise PkiError("The cluster has no full-cluster-state in kube-system: it was not made by RKE1, or its state was "
                       "deleted. Choose one of the node's own identities instead")
