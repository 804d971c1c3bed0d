# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which identity a kubeconfig gets: from a node, from RKE1's stored state, created, or from another kubeconfig."""
import json
import os
import shutil

import pki
import pytest
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import access as _access
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import api as _api
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig_run
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import pki as _pki
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.api import ApiError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.identity import NodeIdentityFinder
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig_run import RunError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError
from kubernetes_nodes import NAMES, find_access, parameters, rke2_or_k3s


def subject(verified):
    return _certificates.decode(verified.access.identity.certificate)["subject"]


def admin_kubeconfig(server):
    """The text of kube-admin's kubeconfig in the stored state of an ApiServer."""
    return json.loads(server.state)["currentState"]["certificatesBundle"]["kube-admin"]["config"]


def as_kubeconfig(verified):
    """The data that the module would write, with everything embedded."""
    cluster, user = _access.cluster_fields(verified.access.server, True), _access.user_fields(verified.access.identity, True)
    return _kubeconfig.build(NAMES, cluster, user)


def test_administrator_is_loaded_from_the_stored_state(node, api_server):
    verified = find_access(node, api_server.url)
    report = _access.report(verified)
    assert report["identity"] == "admin" and report["server"] == api_server.url and report["server_version"] == "v1.21.5"
    assert report["rights"] == dict.fromkeys(["get nodes", "get pods", "get pods/log", "get secrets", "get configmaps"], True)
    assert 3600 < report["expires"]["certificate"]["days"] <= 3650 and report["expires"]["authority"]["days"] >= 3600
    assert set(_access.user_fields(verified.access.identity, False)) == {"client-certificate-data", "client-key-data"}
    assert subject(verified) == [("O", "system:masters"), ("CN", "kube-admin")]


@pytest.mark.parametrize("stores, expected", [(("secrets", "configmaps"), "secrets"), (("configmaps",), "configmaps")])
def test_stored_state_is_read_from_the_secret_before_the_configmap(node, stores, expected):
    with pki.ApiServer(node, stores).running() as server:
        find_access(node, server.url)
        requests = [(user, path.split("/")[5]) for user, path in server.requests if "full-cluster-state" in path]
        assert requests[0][1] == "secrets" and requests[-1][1] == expected and {user for user, kind in requests} == {"system:node"}


def test_missing_stored_state_is_reported(node):
    with pki.ApiServer(node, ()).running() as server, pytest.raises(PkiError, match="no full-cluster-state in kube-system"):
        find_access(node, server.url)


@pytest.mark.parametrize("identity", sorted(pki.SUBJECTS))
def test_each_identity_has_the_measured_rights(node, api_server, identity):
    verified = find_access(node, api_server.url, identity=identity)
    common_name = pki.SUBJECTS[identity].split("CN=")[1]
    assert {right for right, is_allowed in verified.rights.items() if is_allowed} == pki.RIGHTS[common_name]
    chosen = verified.access.identity
    assert _access.user_fields(chosen, False) == {"client-certificate": "%s/%s.pem" % (node, identity),
                                                  "client-key": "%s/%s-key.pem" % (node, identity)}
    assert set(_access.user_fields(chosen, True)) == {"client-certificate-data", "client-key-data"}
    assert _access.cluster_fields(verified.access.server, False)["certificate-authority"] == node + "/kube-ca.pem"


def test_identity_node_is_the_nodes_own_certificate(node, api_server):
    access = find_access(node, api_server.url, identity="node").access
    assert (access.identity.name, access.reason) == ("kube-node", "the node's own identity")
    os.unlink(node + "/kube-node-key.pem")
    with pytest.raises(PkiError, match="has no certificate kube-node with a key. It has: "):
        find_access(node, api_server.url, identity="node")


def test_required_rights_are_tested_in_the_namespace(node, api_server, monkeypatch):
    attributes = []
    request = _api.Api.request

    def record(api, method, path, body=None):
        attributes.extend([body["spec"]["resourceAttributes"]] if body else [])
        return request(api, method, path, body)
    monkeypatch.setattr(_api.Api, "request", record)
    verified = find_access(node, api_server.url, identity="kube-proxy", rights=["get nodes"], namespace="shop")
    assert verified.rights["get nodes"] is True
    assert attributes.count({"verb": "get", "resource": "nodes", "namespace": "shop"}) == 1 and len(attributes) == 5
    with pytest.raises(ApiError, match="denies the identity kube-proxy: create deployments.apps/scale, get pods. Choose another"):
        find_access(node, api_server.url, identity="kube-proxy", rights=["create deployments.apps/scale", "get pods", "get nodes"])
    assert {"verb": "create", "resource": "deployments", "group": "apps", "subresource": "scale"} in attributes


def test_rights_are_not_tested_without_verification(node, api_server):
    verified = find_access(node, api_server.url, identity="kube-proxy", rights=["get secrets"], verify=False)
    assert verified.rights is None and _access.report(verified)["rights"] == {}


def test_identity_auto_is_the_strongest_one_that_the_api_server_accepts(node, api_server):
    access = find_access(node, api_server.url, identity="auto").access
    assert (access.identity.name, access.reason) == ("admin", "the strongest identity that the API server accepts")
    with pki.ApiServer(node, ()).running() as stateless:
        access = find_access(node, stateless.url, identity="auto").access
        assert access.identity.name == "kube-node" and "not admin: The cluster has no full-cluster-state" in access.reason
    with pki.ApiServer(node, accepts={"system:kube-proxy"}).running() as accepting_one:
        assert find_access(node, accepting_one.url, identity="auto").access.identity.name == "kube-proxy"
    with pki.ApiServer(node, accepts=set()).running() as accepting_none, pytest.raises(PkiError, match="accepts none .* 401"):
        find_access(node, accepting_none.url, identity="auto")


def test_missing_identity_is_named(node, api_server):
    with pytest.raises(PkiError, match="has no certificate kube-etcd with a key. It has: kube-apiserver, kube-contr.*, kube-node"):
        find_access(node, api_server.url, identity="kube-etcd")


def test_host_without_certificates_has_no_access_in_check_mode(node, api_server):
    with pytest.raises(PkiError, match="does not exist: this host has not joined a cluster yet"):
        find_access(node + "/nowhere", api_server.url)
    assert find_access(node + "/nowhere", check_mode=True) is None


@pytest.mark.parametrize("option, urls", [
    ([], ["https://127.0.0.1:6443"]), (["node"], ["https://127.0.0.1:6443"]), (["https://a"], ["https://a"]),
    (["https://a", "node", "https://b"], ["https://a", "https://127.0.0.1:6443", "https://b"])])
def test_servers_are_tried_in_the_order_of_the_option(node, option, urls):
    request = kubeconfig_run.parse_request(parameters(node, option), False)
    finder = NodeIdentityFinder(_pki.find_layout(node), request.server, request.requirements)
    assert list(finder.server_request.urls) == urls


def test_rke2_and_k3s_have_an_administrators_certificate_on_servers(tmp_path):
    root = rke2_or_k3s(str(tmp_path), "rke2")
    assert subject(find_access(root, verify=False)) == [("O", "system:masters"), ("CN", "system:admin")]
    request = kubeconfig_run.parse_request(parameters(root), False)
    assert NodeIdentityFinder(_pki.find_layout(root), request.server, request.requirements).server_request.urls == (
        "https://127.0.0.1:6443", "https://127.0.0.1:6444")
    shutil.rmtree(os.path.join(root, "server"))  # an agent
    with pytest.raises(PkiError, match="has no administrator's certificate: only servers .* client-kubelet"):
        find_access(root, verify=False)
    for identity in ("client-kubelet", "node"):
        assert subject(find_access(root, verify=False, identity=identity))[1] == ("CN", "system:node:x")


# ---- created certificates

MINT = {"identity": "mint", "mint": {"subject": "/O=viewers/CN=alice", "days": 90}}


def test_minted_certificate_has_the_subject_and_lifetime(node, api_server):
    verified = find_access(node, api_server.url, **MINT)
    assert subject(verified) == [("O", "viewers"), ("CN", "alice")]
    assert _certificates.days_until(verified.expiry_dates["certificate"]) in (89, 90)


def test_minted_certificate_in_the_file_is_reused(node, api_server):
    first = find_access(node, api_server.url, **MINT)
    current = as_kubeconfig(first)
    for options in (MINT, dict(MINT, warn_days=91)):
        assert find_access(node, api_server.url, current, **options).access.identity.certificate == first.access.identity.certificate
    other = dict(MINT, mint={"subject": "/CN=bob", "days": 90})
    assert find_access(node, api_server.url, current, **other).access.identity.certificate != first.access.identity.certificate
    os.unlink(node + "/kube-ca-key.pem")
    assert find_access(node, api_server.url, current, **MINT).access.identity.certificate == first.access.identity.certificate


def test_minting_requires_the_key_of_the_ca(node, api_server):
    os.unlink(node + "/kube-ca-key.pem")
    with pytest.raises(PkiError, match="kube-ca-key.pem does not exist: only control plane nodes have the CA's key"):
        find_access(node, api_server.url, **MINT)


# ---- another kubeconfig

def test_access_is_loaded_from_the_kubeconfig_in_content(api_server):
    verified = find_access(server=api_server.url, content=admin_kubeconfig(api_server))
    assert verified.rights["get pods/log"] and verified.access.server.url == api_server.url


@pytest.mark.parametrize("old, new, message", [
    ("local", "x", "The kubeconfig in content has no current context with a server"),
    ("client-key-data", "client-kex-data", "its user has neither certificate and key nor a token"),
    ("users", "kind", "The kubeconfig in content is not valid: its kind is"),
])
def test_damaged_content_is_reported(api_server, old, new, message):
    with pytest.raises(PkiError, match=message):
        find_access(server=api_server.url, content=admin_kubeconfig(api_server).replace(old, new, 1))


def test_content_without_a_ca_trusts_the_cas_of_the_host(api_server):
    content = admin_kubeconfig(api_server).replace("certificate-authority-data", "certificate")  # the host's CAs did not sign this server's
    with pytest.raises(ApiError, match="certificate verify failed"):
        find_access(server=api_server.url, content=content)
    verified = find_access(server=api_server.url, content=content, verify=False)
    assert _access.cluster_fields(verified.access.server, True) == {"server": api_server.url}


def with_authority(content, data):
    """A kubeconfig (str) with another CA (base64)."""
    value = json.loads(content)
    value["clusters"][0]["cluster"]["certificate-authority-data"] = data
    return json.dumps(value)


def test_damaged_ca_is_reported(api_server):
    with pytest.raises(PkiError, match="The certificate of the cluster's CA .*cannot be used: it contains no PEM certificate"):
        find_access(server=api_server.url, content=with_authority(admin_kubeconfig(api_server), "eA=="), verify=False)


def test_certificate_in_content_that_its_ca_did_not_sign_is_reported(node, api_server):
    """The CA has the right name, but another key."""
    pki.authority(node)
    content = with_authority(admin_kubeconfig(api_server), _access.encode(pki.text(node, "kube-ca.pem")))
    with pytest.raises(PkiError, match="The certificate of the identity content is not signed by the cluster's CA"):
        find_access(server=api_server.url, content=content, verify=False)


def test_separate_cas_of_server_and_clients_are_accepted(tmp_path):
    """The kubeconfig of RKE2 contains the server's CA, which did not sign the administrator's certificate in it."""
    root, folder = rke2_or_k3s(str(tmp_path), "rke2"), str(tmp_path / "api")
    tls = os.path.join(root, "server", "tls")
    os.mkdir(folder)
    for name, copy in (("client-ca.crt", "kube-ca.pem"), ("client-ca.key", "kube-ca-key.pem"),
                       ("serving-kube-apiserver.crt", "kube-apiserver.pem"), ("serving-kube-apiserver.key", "kube-apiserver-key.pem")):
        shutil.copy(os.path.join(tls, name), os.path.join(folder, copy))
    with pki.ApiServer(folder).running() as server:
        verified = find_access(root, server.url)
        assert verified.rights["get pods/log"]
        assert _access.cluster_fields(verified.access.server, False)["certificate-authority"] == tls + "/server-ca.crt"
        assert find_access(content=_kubeconfig.render(as_kubeconfig(verified))).rights["get pods/log"]
        other = find_access(rke2_or_k3s(str(tmp_path / "other"), "rke2"), verify=False)
        stranger = verified._replace(access=verified.access._replace(identity=other.access.identity))
        with pytest.raises(ApiError, match="does not answer"):  # the server closes the connection because of the unknown CA
            find_access(content=_kubeconfig.render(as_kubeconfig(stranger)))


# ---- options

@pytest.mark.parametrize("options, message", [
    ({"rancher": {"url": "x"}, "server": ["https://192.0.2.1"]}, "a kubeconfig through Rancher uses Rancher's address. Leave out server"),
    ({"rancher": {"url": "x"}, "identity": "admin"}, "identity is admin and rancher is set, but .* uses a token of Rancher. Leave out one"),
    ({"rights": ["get"]}, r"'get' in rights is not a valid permission: it must be VERB RESOURCE\[.GROUP\]"),
    ({"mode": "rw"}, "mode is 'rw'; an octal number is required, such as 0600"),
])
def test_invalid_options_are_rejected(options, message):
    with pytest.raises(RunError, match=message):
        kubeconfig_run.parse_request(parameters(**options), False)


def test_default_identity_is_admin():
    assert kubeconfig_run.parse_request(parameters(), False).node.identity == "admin"
