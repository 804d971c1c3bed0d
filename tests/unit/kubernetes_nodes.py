# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures and helpers of the tests that read a node's certificates. conftest.py imports the fixtures."""
import os
import shutil
import tempfile

import pki
import pytest

NAMES = {"cluster": "fay", "user": "fay", "context": "fay"}


@pytest.fixture(scope="session")
def rke1_certificates(tmp_path_factory):
    """/etc/kubernetes/ssl of a control plane node of RKE1; tests must not change it."""
    directory = str(tmp_path_factory.mktemp("rke1"))
    pki.rke1(directory)
    return directory


@pytest.fixture
def node(rke1_certificates, tmp_path):
    """A copy of the certificates that a test may damage."""
    return shutil.copytree(rke1_certificates, str(tmp_path / "ssl"))


@pytest.fixture(scope="session")
def api_server(rke1_certificates):
    """An API server that accepts these certificates."""
    with pki.ApiServer(rke1_certificates).running() as running:
        yield running


@pytest.fixture
def home():
    """The home directory of another user (uid 65534)."""
    if os.geteuid():
        pytest.skip("only root can act as another user")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "home")
        os.mkdir(path, 0o700)
        os.chown(path, 65534, 65534)
        yield path


def parameters(directory=None, server=None, **options):
    """The parameters of the module kubeconfig. server: URL or list of URLs."""
    servers = [server] if isinstance(server, str) else server or []
    defaults = {
        "path": "/nonexistent/config", "state": "present", "cluster": "fay", "context": None, "user": None, "namespace": None,
        "current": True,
        "identity": None, "mint": None, "pki_dir": directory, "content": None, "rancher": None, "server": servers, "tls_server_name": None,
        "embed": False, "verify": True, "rights": [], "warn_days": 30, "owner": None, "group": None, "mode": "0600"}
    return dict(defaults, **options)


def find_access(directory=None, server=None, current=None, check_mode=False, **options):
    """The VerifiedAccess that the module kubeconfig finds; None in check mode on a host without certificates.

    current: the data of the file. options: those of the module.
    """
    from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig_run
    request = kubeconfig_run.parse_request(parameters(directory, server, **options), check_mode)
    return kubeconfig_run.find_access(request, current or {})


def rke2_or_k3s(folder, kind):
    """Create the certificates of an RKE2 or K3s server: several CAs, keys of elliptic curves. Returns its directory.

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


def kubeadm(folder):
    """Create the certificates of a kubeadm control plane node. Returns its directory."""
    certificates = os.path.join(folder, "kubernetes", "pki")
    os.makedirs(os.path.join(certificates, "etcd"))
    for ca in ("ca", "front-proxy-ca", "etcd/ca"):
        pki.authority(certificates, ca.replace("/", "-"), ca + ".key", ca + ".crt", new=pki.CURVE)
    for name, subject, ca in (("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client", "ca"),
                              ("apiserver", "/CN=kube-apiserver", "ca"), ("front-proxy-client", "/CN=front-proxy-client", "front-proxy-ca"),
                              ("apiserver-etcd-client", "/O=system:masters/CN=kube-apiserver-etcd-client", "etcd/ca"),
                              ("etcd/server", "/CN=x", "etcd/ca")):
        pki.sign(certificates, name + ".crt", name + ".key", subject, (ca + ".crt", ca + ".key"), new=pki.CURVE)
    return os.path.dirname(certificates)
