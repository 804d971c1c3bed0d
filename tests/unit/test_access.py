"""Whose certificate a kubeconfig gets, through which server, with which rights; and what is refused before it is written."""
import datetime
import json
import os
import shutil
import subprocess
import sys

import pki
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.filter.certificate_table import certificate_table
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import api as _kube_api
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import identity as _access
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import pki as _pki
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.api import ApiError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.certificates import CertificateError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError
from ansible_collections.fay.rancher.plugins.modules import cluster_pki_info
from conftest import ROOT, needs_ansible
from hypothesis import given
from hypothesis import strategies as st

NAMES = {"cluster": "fay", "user": "fay", "context": "fay"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    pki.rke1(str(folder))
    return str(folder)


@pytest.fixture
def node(made, tmp_path):
    """A copy of a control plane node's certificates that a test may damage."""
    return shutil.copytree(made, str(tmp_path / "ssl"))


@pytest.fixture(scope="module")
def server(made):
    with pki.ApiServer(made).running() as running:
        yield running


def asked(directory, server=None, **options):
    servers = [server] if isinstance(server, str) else server or []
    return dict({"identity": "admin", "content": None, "pki_dir": directory, "server": servers, "tls_server_name": None,
                 "verify": True, "warn_days": 30, "mint": None, "rights": [], "namespace": None}, **options)


def find(directory, server=None, current=None, **options):
    return _access.find_access(asked(directory, server, **options), current or _kubeconfig.empty(), NAMES)


def test_the_administrator_comes_from_the_stored_state(node, server):
    access = find(node, server.url)
    report = access.report()
    assert report["identity"] == "admin" and report["server"] == server.url and report["server_version"] == "v1.21.5"
    assert report["rights"] == dict.fromkeys(["get nodes", "get pods", "get pods/log", "get secrets", "get configmaps"], True)
    assert 3600 < report["expires"]["certificate"]["days"] <= 3650 and report["expires"]["authority"]["days"] >= 3600
    assert set(access.user(False)) == {"client-certificate-data", "client-key-data"}
    assert _certificates.decode(_pki.decoded(access.user(False)["client-certificate-data"]))["subject"] == [
        ("O", "system:masters"), ("CN", "kube-admin")]


@pytest.mark.parametrize("stores, expected", [(("secrets", "configmaps"), "secrets"), (("configmaps",), "configmaps")])
def test_the_secret_comes_before_the_configmap(node, stores, expected):
    with pki.ApiServer(node, stores).running() as server:
        find(node, server.url)
        paths = [path.split("/")[5] for who, path in server.asked if "full-cluster-state" in path]
        assert paths[-1] == expected and paths[0] == "secrets" and {who for who, path in server.asked if "state" in path} == {"system:node"}


def test_a_cluster_without_a_stored_state_says_so(node):
    with pki.ApiServer(node, ()).running() as server, pytest.raises(PkiError, match="no full-cluster-state in kube-system"):
        find(node, server.url)


@pytest.mark.parametrize("identity", sorted(pki.SUBJECTS))
def test_each_identity_has_the_rights_that_were_measured(node, server, identity):
    access = find(node, server.url, identity=identity)
    common_name = pki.SUBJECTS[identity].split("CN=")[1]
    assert {right for right, allowed in access.rights.items() if allowed} == pki.RIGHTS[common_name]
    assert access.user(False) == {"client-certificate": "%s/%s.pem" % (node, identity), "client-key": "%s/%s-key.pem" % (node, identity)}
    assert set(access.user(True)) == {"client-certificate-data", "client-key-data"}
    assert access.cluster(False)["certificate-authority"] == node + "/kube-ca.pem"


def test_the_nodes_own_identity(node, server):
    access = find(node, server.url, identity="node")
    assert (access.identity.name, access.reason) == ("kube-node", "the node's own")
    os.unlink(node + "/kube-node-key.pem")
    with pytest.raises(PkiError, match="has no certificate kube-node with a key. It has: "):
        find(node, server.url, identity="node")


def test_rights_that_are_wanted_are_asked_in_the_namespace_and_refused_without(node, server, monkeypatch):
    asked = []
    request = _kube_api.Api.request

    def remember(api, method, path, body=None):
        asked.extend([body["spec"]["resourceAttributes"]] if body else [])
        return request(api, method, path, body)
    monkeypatch.setattr(_kube_api.Api, "request", remember)
    assert find(node, server.url, identity="kube-proxy", rights=["get nodes"], namespace="shop").rights["get nodes"] is True
    assert asked.count({"verb": "get", "resource": "nodes", "namespace": "shop"}) == 1 and len(asked) == 5
    with pytest.raises(ApiError, match="the identity kube-proxy may not: create deployments.apps/scale, get pods. Choose another"):
        find(node, server.url, identity="kube-proxy", rights=["create deployments.apps/scale", "get pods", "get nodes"])
    assert {"verb": "create", "resource": "deployments", "group": "apps", "subresource": "scale"} in asked
    assert find(node, server.url, identity="kube-proxy", rights=["get secrets"], verify=False).rights == {}


def test_auto_is_the_strongest_that_works(node, server):
    access = find(node, server.url, identity="auto")
    assert access.identity.name == "admin" and access.reason == "the strongest that the API server accepts"
    with pki.ApiServer(node, ()).running() as stateless:
        access = find(node, stateless.url, identity="auto")
        assert access.identity.name == "kube-node" and "not admin: The cluster has no full-cluster-state" in access.reason
    with pki.ApiServer(node, accepts={"system:kube-proxy"}).running() as picky:
        assert find(node, picky.url, identity="auto").identity.name == "kube-proxy"
    with pki.ApiServer(node, accepts=set()).running() as closed, pytest.raises(PkiError, match="accepts none .* 401"):
        find(node, closed.url, identity="auto")


def test_the_first_server_that_answers_is_taken(node, server):
    access = find(node, identity="kube-node", server=["https://127.0.0.1:1", server.url])
    assert access.server == server.url
    with pytest.raises(ApiError, match="https://127.0.0.1:1 does not answer.*; .*https://127.0.0.1:2 does not answer"):
        find(node, identity="kube-node", server=["https://127.0.0.1:1", "https://127.0.0.1:2"])
    with pytest.raises(ApiError, match="'127.0.0.1:6443' is no address of an API server: it must be https://"):
        find(node, identity="kube-node", server=["127.0.0.1:6443"])


def test_a_server_of_another_name_is_refused_or_named(node, server):
    other = server.url.replace("127.0.0.1", "localhost")
    with pytest.raises(ApiError, match="is for (127.0.0.1, kubernetes|kubernetes, 127.0.0.1) and not for localhost"):
        find(node, other, identity="kube-node")
    access = find(node, other, identity="kube-node", tls_server_name="kubernetes")
    assert access.cluster(False)["tls-server-name"] == "kubernetes" and access.version == "v1.21.5"


def test_without_verification_nobody_is_asked(node):
    access = find(node, "https://192.0.2.1:6443", identity="kube-node", verify=False)
    assert access.server == "https://192.0.2.1:6443" and access.rights == {} and access.version is None


def test_a_key_of_another_certificate_is_named(node, server):
    shutil.copy(node + "/kube-proxy-key.pem", node + "/kube-node-key.pem")
    with pytest.raises(PkiError, match="The key of .*kube-node.pem does not belong to its certificate \\(O=system:nodes,CN=system:node\\)"):
        find(node, server.url, identity="kube-node")


def test_an_expired_certificate_is_named(node, server):
    pki.sign(node, "kube-node.pem", "kube-node-key.pem", pki.SUBJECTS["kube-node"], days=-1)
    with pytest.raises(PkiError, match="/kube-node.pem has expired on 20"):
        find(node, server.url, identity="kube-node")


def test_a_certificate_of_another_ca_is_named(node, server, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("another CA", "kube-ca"):  # the second has the right name, and signs wrongly
        pki.authority(str(other), name)
        pki.sign(str(other), "kube-node.pem", "kube-node-key.pem", pki.SUBJECTS["kube-node"])
        for file in ("kube-node.pem", "kube-node-key.pem"):
            shutil.copy(str(other / file), node)
        with pytest.raises(PkiError, match="kube-node.pem is not signed by the cluster's CA .*\\(CN=kube-ca\\), but by CN=%s" % name):
            find(node, server.url, identity="kube-node")


@pytest.mark.parametrize("damage", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "nothing"])
def test_a_damaged_certificate_is_named(node, server, damage):
    with open(node + "/kube-node.pem", "w") as target:
        target.write(damage)
    with pytest.raises(PkiError, match="/kube-node.pem cannot be used: "):
        find(node, server.url, identity="kube-node")


def test_an_identity_that_is_not_there_is_named(node, server):
    with pytest.raises(PkiError, match="has no certificate kube-etcd with a key. It has: kube-apiserver, kube-contr.*, kube-node"):
        find(node, server.url, identity="kube-etcd")
    with pytest.raises(PkiError, match="does not exist: this host is in no cluster yet"):
        find(node + "/nowhere", server.url)
    assert _access.find_access(asked(node + "/nowhere"), _kubeconfig.empty(), NAMES, check_mode=True) is None


def test_near_ends_are_warned_of(node, server):
    pki.sign(node, "kube-node.pem", "kube-node-key.pem", pki.SUBJECTS["kube-node"], days=5)
    texts = find(node, server.url, identity="kube-node").warnings(30)
    assert len(texts) == 1 and "the identity kube-node has 4 days left" in texts[0]
    assert len(find(node, server.url, identity="kube-node").warnings(4000)) == 2


def test_a_minted_certificate_is_made_once(node, server):
    options = {"identity": "mint", "mint": {"subject": "/O=viewers/CN=alice", "days": 90}}
    first = find(node, server.url, **options)
    assert first.certificate["subject"] == [("O", "viewers"), ("CN", "alice")]
    assert _certificates.days_until(first.certificate["not_after"]) in (89, 90)
    current = _kubeconfig.build(NAMES, first.cluster(False), first.user(False))
    assert find(node, server.url, current, **options).identity.certificate == first.identity.certificate
    assert find(node, server.url, current, warn_days=91, **options).identity.certificate == first.identity.certificate
    other = dict(options, mint={"subject": "/CN=bob", "days": 90})
    assert find(node, server.url, current, **other).identity.certificate != first.identity.certificate
    os.unlink(node + "/kube-ca-key.pem")
    assert find(node, server.url, current, **options).identity.certificate == first.identity.certificate
    with pytest.raises(PkiError, match="kube-ca-key.pem does not exist: only control plane nodes have the CA's key"):
        find(node, server.url, **options)


def test_another_kubeconfig(node, server):
    content = json.loads(server.state)["currentState"]["certificatesBundle"]["kube-admin"]["config"]
    access = find(None, server.url, content=content)
    assert access.rights["get pods/log"] and access.server == server.url
    for damaged, message in ((content.replace("local", "x", 1), "no current context with a server"),
                             (content.replace("client-key-data", "client-kex-data"), "neither certificate and key nor a token")):
        with pytest.raises(_kubeconfig.KubeconfigError, match=message):
            find(None, server.url, content=damaged)
    trusting = content.replace("certificate-authority-data", "certificate")  # the host's own CAs, which did not sign this server's
    with pytest.raises(ApiError, match="certificate verify failed"):
        find(None, server.url, content=trusting)
    assert find(None, server.url, content=trusting, verify=False).cluster(True) == {"server": server.url}


def test_a_ca_that_is_no_certificate_is_named(node, server):
    content = json.loads(server.state)["currentState"]["certificatesBundle"]["kube-admin"]["config"]
    given = json.loads(content)
    given["clusters"][0]["cluster"]["certificate-authority-data"] = "eA=="
    with pytest.raises(PkiError, match="The certificate of the cluster's CA .*cannot be used: it holds no PEM certificate"):
        find(None, server.url, content=json.dumps(given), verify=False)


@needs_ansible
def test_a_relative_path_is_one_below_the_working_directory(tmp_path, node):
    """It had no end: the nearest directory that exists was looked for above nothing."""
    program = os.path.join(os.path.dirname(sys.executable), "ansible")
    done = subprocess.run(
        [program, "localhost", "-c", "local", "-m", "fay.rancher.kubeconfig", "-a", json.dumps({
            "path": "new/config", "cluster": "a", "identity": "kube-proxy", "pki_dir": node, "verify": False,
            "server": ["https://192.0.2.1"]}), "-e", "ansible_python_interpreter=" + sys.executable],
        cwd=tmp_path, env=dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg")), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "new" / "config").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("given, expected", [
    ([], ["https://127.0.0.1:6443"]), (["node"], ["https://127.0.0.1:6443"]), (["https://a"], ["https://a"]),
    (["https://a", "node", "https://b"], ["https://a", "https://127.0.0.1:6443", "https://b"])])
def test_servers_in_the_order_in_which_they_are_tried(node, given, expected):
    assert _access.Seeker(_pki.layout(node), asked(node, given), _kubeconfig.empty(), NAMES).servers() == expected


# ---- layouts of others

def other_layout(folder, kind):
    """A server of RKE2 or K3s: signed by several CAs, keys of elliptic curves (facts.md §2, end).

    Names as in k3s-io/k3s pkg/daemons/control/deps/deps.go.
    """
    root = os.path.join(folder, kind)
    server, agent = os.path.join(root, "server", "tls"), os.path.join(root, "agent")
    os.makedirs(os.path.join(server, "etcd"))
    os.makedirs(os.path.join(root, "server", "db", "etcd"))
    os.makedirs(agent)
    for name in ("server-ca", "client-ca"):
        pki.authority(server, name, name + ".key", name + ".crt", new=pki.CURVE)
        shutil.copy(os.path.join(server, name + ".crt"), agent)
    for name, subject in (("client-admin", "/O=system:masters/CN=system:admin"), ("client-kube-proxy", "/CN=system:kube-proxy")):
        pki.sign(server, name + ".crt", name + ".key", subject, ("client-ca.crt", "client-ca.key"), new=pki.CURVE)
    for name in ("request-header-ca", "etcd/server-ca"):
        pki.authority(server, name.replace("/", "-"), name + ".key", name + ".crt", new=pki.CURVE)
    for name, ca in (("serving-kube-apiserver", "server-ca"), ("client-auth-proxy", "request-header-ca"),
                     ("etcd/client", "etcd/server-ca")):
        pki.sign(server, name + ".crt", name + ".key", "/CN=" + os.path.basename(name), (ca + ".crt", ca + ".key"),
                 names="IP:127.0.0.1", new=pki.CURVE)
    pki.sign(agent, "client-kubelet.crt", "client-kubelet.key", "/O=system:nodes/CN=system:node:x",
             (os.path.join(server, "client-ca.crt"), os.path.join(server, "client-ca.key")), new=pki.CURVE)
    with open(os.path.join(agent, "kubelet.kubeconfig"), "w") as target:
        target.write("clusters: [{name: local, cluster: {server: 'https://127.0.0.1:6444'}}]\n")
    return root


@pytest.mark.parametrize("kind", ["rke2", "k3s"])
def test_rke2_and_k3s(tmp_path, kind):
    root = other_layout(str(tmp_path), kind)
    found = _pki.layout(root)
    assert (found.kind, found.admin) == (kind, "client-admin")
    assert sorted(found.identities) == ["client-admin", "client-auth-proxy", "client-kube-proxy", "client-kubelet"]
    shown = cluster_pki_info.look(root)
    assert sorted(set(shown["certificates"]) - set(found.identities)) == [
        "etcd/client", "etcd/server-ca", "request-header-ca", "server-ca", "serving-kube-apiserver"]
    assert all(one["signed"] and one["key_matches"] for one in shown["certificates"].values()), shown
    assert (shown["admin"], shown["roles"], shown["certificates"]["client-admin"]["rights"]) == (
        "client-admin", ["controlplane", "etcd"], "everything")
    assert (shown["authority"]["subject"], shown["authority"]["server"]) == ("CN=client-ca", root + "/server/tls/server-ca.crt")
    access = find(root, verify=False)
    assert access.certificate["subject"] == [("O", "system:masters"), ("CN", "system:admin")]
    assert _access.Seeker(found, asked(root), _kubeconfig.empty(), NAMES).servers() == [
        "https://127.0.0.1:6443", "https://127.0.0.1:6444"]
    shutil.rmtree(os.path.join(root, "server"))  # an agent
    with pytest.raises(PkiError, match="has no administrator's certificate: only servers .* client-kubelet"):
        find(root, verify=False)
    assert find(root, verify=False, identity="client-kubelet").certificate["subject"][1] == ("CN", "system:node:x")
    assert find(root, verify=False, identity="node").certificate["subject"][1] == ("CN", "system:node:x")


def test_two_cas_at_an_api_server(tmp_path):
    """What RKE2's own kubeconfig tells is the server's CA, which did not sign the administrator's certificate in it."""
    root, folder = other_layout(str(tmp_path), "rke2"), str(tmp_path / "api")
    tls = os.path.join(root, "server", "tls")
    os.mkdir(folder)
    for name, copy in (("client-ca.crt", "kube-ca.pem"), ("client-ca.key", "kube-ca-key.pem"),
                       ("serving-kube-apiserver.crt", "kube-apiserver.pem"), ("serving-kube-apiserver.key", "kube-apiserver-key.pem")):
        shutil.copy(os.path.join(tls, name), os.path.join(folder, copy))
    with pki.ApiServer(folder).running() as server:
        access = find(root, server.url)
        assert access.rights["get pods/log"] and access.cluster(False)["certificate-authority"] == tls + "/server-ca.crt"
        content = _kubeconfig.render(_kubeconfig.build(NAMES, access.cluster(True), access.user(True)))
        assert find(None, content=content).rights["get pods/log"]
        other = other_layout(str(tmp_path / "other"), "rke2")
        stranger = _kubeconfig.build(NAMES, access.cluster(True), find(other, verify=False).user(True))
        with pytest.raises(ApiError, match="does not answer"):  # it cuts the connection: an unknown CA
            find(None, content=_kubeconfig.render(stranger))


def test_a_given_certificate_that_its_ca_did_not_sign_is_named(node, server):
    """The name of the CA is the right one, the signature is not."""
    content = json.loads(json.loads(server.state)["currentState"]["certificatesBundle"]["kube-admin"]["config"])
    pki.authority(node)
    content["clusters"][0]["cluster"]["certificate-authority-data"] = _pki.encoded(pki.text(node, "kube-ca.pem"))
    with pytest.raises(PkiError, match="The certificate of the identity content is not signed by the cluster's CA"):
        find(None, server.url, content=json.dumps(content), verify=False)


def test_kubeadm(tmp_path):
    folder = tmp_path / "kubernetes" / "pki"
    (folder / "etcd").mkdir(parents=True)
    for ca in ("ca", "front-proxy-ca", "etcd/ca"):
        pki.authority(str(folder), ca.replace("/", "-"), ca + ".key", ca + ".crt", new=pki.CURVE)
    for name, subject, ca in (("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client", "ca"),
                              ("apiserver", "/CN=kube-apiserver", "ca"), ("front-proxy-client", "/CN=front-proxy-client", "front-proxy-ca"),
                              ("apiserver-etcd-client", "/O=system:masters/CN=kube-apiserver-etcd-client", "etcd/ca"),
                              ("etcd/server", "/CN=x", "etcd/ca")):
        pki.sign(str(folder), name + ".crt", name + ".key", subject, (ca + ".crt", ca + ".key"), new=pki.CURVE)
    found = _pki.layout(str(folder.parent))
    assert (found.kind, list(found.identities)) == ("kubeadm", ["apiserver-kubelet-client"])
    assert find(str(folder.parent), verify=False).identity.name == "apiserver-kubelet-client"
    shown = cluster_pki_info.look(str(folder.parent))
    assert sorted(shown["certificates"]) == ["apiserver", "apiserver-etcd-client", "apiserver-kubelet-client", "etcd/ca", "etcd/server",
                                             "front-proxy-ca", "front-proxy-client"]
    assert all(one["signed"] and one["key_matches"] for one in shown["certificates"].values())
    assert shown["certificates"]["apiserver-etcd-client"]["rights"] == "" and shown["roles"] == ["controlplane", "etcd"]


def test_a_directory_that_is_no_pki_is_refused(tmp_path):
    with pytest.raises(PkiError, match="holds no certificates of RKE1, RKE2, K3s or kubeadm"):
        _pki.layout(str(tmp_path))


# ---- what is on a node

def test_what_is_on_a_node_and_when_it_ends(node):
    pki.sign(node, "kube-node.pem", "kube-node-key.pem", pki.SUBJECTS["kube-node"], days=5)
    shutil.copy(node + "/kube-proxy-key.pem", node + "/kube-scheduler-key.pem")
    with open(node + "/kube-proxy.pem", "w") as target:
        target.write("damaged")
    pki.authority(node, "requestheader", "kube-apiserver-requestheader-ca-key.pem", "kube-apiserver-requestheader-ca.pem")
    pki.sign(node, "kube-apiserver-proxy-client.pem", "kube-apiserver-proxy-client-key.pem", "/CN=proxy-client",
             ("kube-apiserver-requestheader-ca.pem", "kube-apiserver-requestheader-ca-key.pem"))
    found = cluster_pki_info.look(node)
    assert found["certificates"]["kube-apiserver-proxy-client"]["signed"]
    assert found["certificates"]["kube-apiserver-requestheader-ca"]["signed"]
    assert (found["layout"], found["roles"], found["admin"], found["authority"]["key"]) == ("rke1", ["controlplane"], "kube-node", True)
    assert found["certificates"]["kube-node"]["key"] == node + "/kube-node-key.pem"
    one = found["certificates"]["kube-node"]
    assert (one["subject"], one["issuer"], one["days"], one["key_matches"], one["signed"]) == (
        "O=system:nodes,CN=system:node", "CN=kube-ca", 4, True, True)
    assert "logs" in one["rights"] and found["certificates"]["kube-apiserver"]["rights"] == ""
    assert found["certificates"]["kube-scheduler"]["key_matches"] is False
    assert "PRIVATE" not in json.dumps(found)
    lines = certificate_table({"bg1": found})
    assert [line.split("  ")[:2] for line in lines[:3]] == [["bg1", "kube-proxy"], ["bg1", "kube-scheduler"], ["bg1", "kube-node"]]
    assert "cannot be used" in lines[0] or "no PEM certificate" in lines[0]
    assert lines[1].endswith("its key does not match") and "4 days left, until 20" in lines[2] and lines[3] == "5 more end later"
    assert certificate_table({"bg1": found}, "30") == lines
    for wrong in ({"bg1": None}, 30), ({"bg1": found}, "soon"):
        with pytest.raises(AnsibleFilterError):
            certificate_table(*wrong)


def test_without_openssl_a_signature_is_unknown(node, monkeypatch, capsys):
    """Neither true nor false is returned for what was not verified, and the module warns."""
    def missing(*unused, **names):
        raise FileNotFoundError(2, "No such file or directory", "openssl")

    monkeypatch.setattr(_pki.subprocess, "call", missing)
    assert cluster_pki_info.look(node)["certificates"]["kube-node"]["signed"] is None


def test_an_etcd_host_and_a_worker_by_their_files(node):
    os.unlink(node + "/kube-ca-key.pem")
    assert cluster_pki_info.look(node)["roles"] == ["worker"]
    for name in ("kube-etcd-10-0-0-1.pem", "kube-etcd-10-0-0-1-key.pem"):
        shutil.copy(node + "/kube-node" + ("-key" if "key" in name else "") + ".pem", os.path.join(node, name))
    assert cluster_pki_info.look(node)["roles"] == ["etcd"]


# ---- certificates

def test_a_certificate_says_what_openssl_says(made):
    certificate = _certificates.decode(pki.text(made, "kube-apiserver.pem"))
    shown = subprocess.run(["openssl", "x509", "-in", made + "/kube-apiserver.pem", "-noout", "-enddate", "-dateopt", "iso_8601"],
                           stdout=subprocess.PIPE, check=True).stdout.decode()
    assert certificate["not_after"].strftime("notAfter=%Y-%m-%d %H:%M:%SZ") == shown.strip()
    assert certificate["names"] == ["127.0.0.1", "kubernetes"]
    assert _certificates.written(certificate["issuer"]) == "CN=kube-ca"
    assert _certificates.covers(certificate, "127.0.0.1") and _certificates.covers(certificate, "KUBERNETES")
    assert not _certificates.covers(certificate, "127.0.0.2") and not _certificates.covers(certificate, "x.kubernetes")


def test_dates_of_both_forms():
    for tag, text, year in ((0x17, b"491231235959Z", 2049), (0x17, b"500101000000Z", 1950), (0x18, b"20510101000000Z", 2051)):
        assert _certificates.time_of(_certificates.Value(bytes([tag, len(text)]) + text)).year == year
    with pytest.raises(CertificateError):
        _certificates.time_of(_certificates.Value(b"\x17\x02ab"))
    now = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
    assert _certificates.days_until(datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc), now) == -1


@given(st.binary(max_size=60) | st.binary(max_size=20).map(lambda body: bytes([0x30, len(body)]) + body))
def test_no_bytes_crash_the_reader(body):
    import ssl
    with pytest.raises(CertificateError):
        _certificates.decode(ssl.DER_cert_to_PEM_cert(body))


@given(st.integers(0, 700), st.integers(0, 255))
def test_no_damage_crashes_it(made, place, byte):
    import ssl
    der = bytearray(ssl.PEM_cert_to_DER_cert(pki.text(made, "kube-apiserver.pem")))
    der[place % len(der)] = byte
    try:
        found = _certificates.decode(ssl.DER_cert_to_PEM_cert(bytes(der)))
        assert isinstance(_certificates.written(found["subject"]), str)
    except CertificateError as error:
        assert str(error)


def test_the_api_speaks_of_what_it_was_asked(node, server):
    api = _kube_api.Api(server.url, pki.text(node, "kube-ca.pem"), pki.text(node, "kube-node.pem"), pki.text(node, "kube-node-key.pem"))
    assert api.get("/nowhere") is None
    with pytest.raises(ApiError, match="answers 404 to /nowhere: not found"):
        api.request("GET", "/nowhere")
    stranger = _kube_api.Api(server.url, pki.text(node, "kube-proxy.pem"))
    with pytest.raises(ApiError, match="does not answer: .*certificate verify failed"):
        stranger.version()
