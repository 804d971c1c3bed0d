# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates on a node of each distribution: the module cluster_pki_info and the filter certificate_report."""
import json
import os
import shutil

import pki
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.filter.certificate_report import certificate_report
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import openssl, pki_report
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import pki as _pki
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError
from kubernetes_nodes import find_access, kubeadm, rke2_or_k3s


@pytest.mark.parametrize("kind", ["rke2", "k3s"])
def test_certificates_of_rke2_and_k3s_are_reported(tmp_path, kind):
    root = rke2_or_k3s(str(tmp_path), kind)
    layout = _pki.find_layout(root)
    assert (layout.kind, layout.admin) == (kind, "client-admin")
    assert sorted(layout.identities) == ["client-admin", "client-auth-proxy", "client-kube-proxy", "client-kubelet"]
    report = pki_report.report(root)
    certificates = report["certificates"]
    assert sorted(set(certificates) - set(layout.identities)) == [
        "etcd/client", "etcd/server-ca", "request-header-ca", "server-ca", "serving-kube-apiserver"]
    assert all(certificate["signed"] and certificate["key_matches"] for certificate in certificates.values()), certificates
    assert (report["admin"], report["roles"], certificates["client-admin"]["rights"]) == (
        "client-admin", ["controlplane", "etcd"], "everything")
    assert (report["authority"]["subject"], report["authority"]["server"]) == ("CN=client-ca", root + "/server/tls/server-ca.crt")


def test_certificates_of_kubeadm_are_reported(tmp_path):
    directory = kubeadm(str(tmp_path))
    layout = _pki.find_layout(directory)
    assert (layout.kind, list(layout.identities)) == ("kubeadm", ["apiserver-kubelet-client"])
    assert find_access(directory, verify=False).access.identity.name == "apiserver-kubelet-client"
    report = pki_report.report(directory)
    certificates = report["certificates"]
    assert sorted(certificates) == ["apiserver", "apiserver-etcd-client", "apiserver-kubelet-client", "etcd/ca", "etcd/server",
                                    "front-proxy-ca", "front-proxy-client"]
    assert all(certificate["signed"] and certificate["key_matches"] for certificate in certificates.values())
    assert certificates["apiserver-etcd-client"]["rights"] == "" and report["roles"] == ["controlplane", "etcd"]


def test_directory_without_certificates_is_rejected(tmp_path):
    with pytest.raises(PkiError, match="contains no certificates of RKE1, RKE2, K3s or kubeadm"):
        _pki.find_layout(str(tmp_path))


def test_roles_are_detected_from_the_files(node):
    assert pki_report.report(node)["roles"] == ["controlplane"]
    os.unlink(node + "/kube-ca-key.pem")
    assert pki_report.report(node)["roles"] == ["worker"]
    for name, source in (("kube-etcd-10-0-0-1.pem", "kube-node.pem"), ("kube-etcd-10-0-0-1-key.pem", "kube-node-key.pem")):
        shutil.copy(os.path.join(node, source), os.path.join(node, name))
    assert pki_report.report(node)["roles"] == ["etcd"]


def test_certificates_of_rke1_are_reported_without_their_keys(node):
    report = pki_report.report(node)
    assert (report["layout"], report["admin"], report["authority"]["key"]) == ("rke1", "kube-node", True)
    certificate = report["certificates"]["kube-node"]
    assert certificate["key"] == node + "/kube-node-key.pem" and "logs" in certificate["rights"]
    assert (certificate["subject"], certificate["issuer"], certificate["key_matches"], certificate["signed"]) == (
        "O=system:nodes,CN=system:node", "CN=kube-ca", True, True)
    assert report["certificates"]["kube-apiserver"]["rights"] == ""
    assert "PRIVATE" not in json.dumps(report)


def test_certificates_of_the_ca_for_extensions_are_signed(node):
    pki.authority(node, "requestheader", "kube-apiserver-requestheader-ca-key.pem", "kube-apiserver-requestheader-ca.pem")
    pki.sign(node, "kube-apiserver-proxy-client.pem", "kube-apiserver-proxy-client-key.pem", "/CN=proxy-client",
             ("kube-apiserver-requestheader-ca.pem", "kube-apiserver-requestheader-ca-key.pem"))
    certificates = pki_report.report(node)["certificates"]
    assert certificates["kube-apiserver-proxy-client"]["signed"] and certificates["kube-apiserver-requestheader-ca"]["signed"]


def test_signature_is_null_without_openssl(node, monkeypatch):
    def missing(*unused, **names):
        raise FileNotFoundError(2, "No such file or directory", "openssl")

    monkeypatch.setattr(openssl.subprocess, "call", missing)
    certificates = pki_report.report(node)["certificates"]
    assert certificates["kube-node"]["signed"] is None and pki_report.has_unverified_signatures(certificates)


# ---- filter

@pytest.fixture
def damaged_report(node):
    """The report of a node with a damaged certificate, a wrong key, and a certificate that expires soon."""
    pki.sign(node, "kube-node.pem", "kube-node-key.pem", pki.SUBJECTS["kube-node"], days=5)
    shutil.copy(node + "/kube-proxy-key.pem", node + "/kube-scheduler-key.pem")
    with open(node + "/kube-proxy.pem", "w") as target:
        target.write("damaged")
    return pki_report.report(node)


def test_damaged_files_are_part_of_the_report(damaged_report):
    certificates = damaged_report["certificates"]
    assert certificates["kube-scheduler"]["key_matches"] is False and certificates["kube-node"]["days"] == 4
    assert certificates["kube-proxy"]["problem"] == "it contains no PEM certificate"


def test_certificates_are_listed_by_urgency(damaged_report):
    lines = certificate_report({"bg1": damaged_report})
    assert [line.split("  ")[:2] for line in lines[:3]] == [["bg1", "kube-proxy"], ["bg1", "kube-scheduler"], ["bg1", "kube-node"]]
    assert lines[0].endswith("it contains no PEM certificate") and lines[1].endswith("its key does not match")
    assert "4 days left, until 20" in lines[2] and lines[3] == "3 more expire later"
    assert certificate_report({"bg1": damaged_report}, "30") == lines


@pytest.mark.parametrize("results, warn_days, message", [
    ({"bg1": None}, 30, "requires a map {host: result of cluster_pki_info}"), ({}, "soon", "warn_days .* is 'soon'; a whole number")])
def test_invalid_input_of_the_filter_is_rejected(results, warn_days, message):
    with pytest.raises(AnsibleFilterError, match=message):
        certificate_report(results, warn_days)
