# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks before a kubeconfig is written: of the API server, and of the identity's certificate."""
import shutil

import pki
import pytest
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import access as _access
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.api import Api, ApiError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError
from kubernetes_nodes import find_access

# ---- server

def test_first_server_that_answers_is_used(node, api_server):
    access = find_access(node, identity="kube-node", server=["https://127.0.0.1:1", api_server.url]).access
    assert access.server.url == api_server.url
    with pytest.raises(ApiError, match="https://127.0.0.1:1 does not answer.*; .*https://127.0.0.1:2 does not answer"):
        find_access(node, identity="kube-node", server=["https://127.0.0.1:1", "https://127.0.0.1:2"])
    with pytest.raises(ApiError, match="'127.0.0.1:6443' is not a valid API server URL: it must be https://"):
        find_access(node, identity="kube-node", server=["127.0.0.1:6443"])


def test_server_with_another_name_is_rejected_unless_the_name_is_set(node, api_server):
    other = api_server.url.replace("127.0.0.1", "localhost")
    with pytest.raises(ApiError, match="is for (127.0.0.1, kubernetes|kubernetes, 127.0.0.1) and not for localhost"):
        find_access(node, other, identity="kube-node")
    verified = find_access(node, other, identity="kube-node", tls_server_name="kubernetes")
    assert _access.cluster_fields(verified.access.server, False)["tls-server-name"] == "kubernetes" and verified.version == "v1.21.5"


def test_no_server_is_contacted_without_verification(node):
    verified = find_access(node, "https://192.0.2.1:6443", identity="kube-node", verify=False)
    assert verified.access.server.url == "https://192.0.2.1:6443" and verified.rights is None and verified.version is None


def test_api_errors_name_server_status_and_path(node, api_server):
    authority = pki.text(node, "kube-ca.pem")
    api = Api(api_server.url, authority, pki.text(node, "kube-node.pem"), pki.text(node, "kube-node-key.pem"))
    assert api.get("/nowhere") is None
    with pytest.raises(ApiError, match="answers 404 to /nowhere: not found"):
        api.request("GET", "/nowhere")
    with pytest.raises(ApiError, match="does not answer: .*certificate verify failed"):
        Api(api_server.url, pki.text(node, "kube-proxy.pem")).version()


# ---- certificate

def test_key_of_another_certificate_is_reported(node, api_server):
    shutil.copy(node + "/kube-proxy-key.pem", node + "/kube-node-key.pem")
    with pytest.raises(PkiError, match="The key of .*kube-node.pem does not belong to its certificate \\(O=system:nodes,CN=system:node\\)"):
        find_access(node, api_server.url, identity="kube-node")


def test_expired_certificate_is_reported_with_its_date(node, api_server):
    pki.sign(node, "kube-node.pem", "kube-node-key.pem", pki.SUBJECTS["kube-node"], days=-1)
    with pytest.raises(PkiError, match="/kube-node.pem expired on 20"):
        find_access(node, api_server.url, identity="kube-node")


@pytest.mark.parametrize("name", ["another CA", "kube-ca"])  # the second has the right name, but another key
def test_certificate_of_another_ca_is_reported(node, api_server, tmp_path, name):
    other = tmp_path / "other"
    other.mkdir()
    pki.authority(str(other), name)
    pki.sign(str(other), "kube-node.pem", "kube-node-key.pem", pki.SUBJECTS["kube-node"])
    for file in ("kube-node.pem", "kube-node-key.pem"):
        shutil.copy(str(other / file), node)
    with pytest.raises(PkiError, match="kube-node.pem is not signed by the cluster's CA .*\\(CN=kube-ca\\), but by CN=%s" % name):
        find_access(node, api_server.url, identity="kube-node")


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "nothing"])
def test_damaged_certificate_is_reported(node, api_server, content):
    with open(node + "/kube-node.pem", "w") as target:
        target.write(content)
    with pytest.raises(PkiError, match="/kube-node.pem cannot be used: "):
        find_access(node, api_server.url, identity="kube-node")


def test_certificate_that_expires_soon_causes_a_warning(node, api_server):
    pki.sign(node, "kube-node.pem", "kube-node-key.pem", pki.SUBJECTS["kube-node"], days=5)
    verified = find_access(node, api_server.url, identity="kube-node")
    (warning,) = _access.expiry_warnings(verified, 30)
    assert "the identity kube-node expires in 4 days" in warning
    assert len(_access.expiry_warnings(verified, 4000)) == 2
