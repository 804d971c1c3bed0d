# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates: those of the listener, and those that RKE creates for a cluster."""
import datetime
import hashlib
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TEN_YEARS = datetime.timedelta(days=3650)


def _name(common_name, organization=None):
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name(parts + [x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                             serialization.NoEncryption()).decode()


def _certificate_pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _san(names):
    entries = []
    for name in names:
        try:
            entries.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            entries.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(entries)


def make(common_name, organization=None, issuer=None, names=(), authority=False, curve=False):
    """A new pair {certificate, key}, both PEM (str).

    issuer: pair that signs; None for self-signed. names: DNS names and addresses. authority: for a CA. curve: an EC key
    instead of RSA.
    """
    key = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, 2048)
    subject = _name(common_name, organization)
    start = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    issuer_key, issuer_name = key, subject
    if issuer:
        issuer_key = serialization.load_pem_private_key(issuer["key"].encode(), None)
        issuer_name = x509.load_pem_x509_certificate(issuer["certificate"].encode()).subject
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer_name).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(start - datetime.timedelta(seconds=5))
               .not_valid_after(start + TEN_YEARS))
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(True, None), True).add_extension(
            x509.KeyUsage(True, False, True, False, False, True, False, False, False), True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    else:
        builder = builder.add_extension(
            x509.KeyUsage(True, False, True, False, False, False, False, False, False), True).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), False)
    if names:
        builder = builder.add_extension(_san(names), False)
    certificate = builder.sign(issuer_key, hashes.SHA256())
    return {"certificate": _certificate_pem(certificate), "key": _key_pem(key)}


def listener_ca():
    """The CA of the server's own listener, with the names that Rancher's dynamiclistener uses."""
    return make("dynamiclistener-ca", "dynamiclistener-org", authority=True, curve=True)


def checksum(pem):
    """The SHA-256 for --ca-checksum: of the PEM with exactly one newline at its end."""
    return hashlib.sha256((pem.strip() + "\n").encode()).hexdigest()


def cluster(etcd_addresses, control_addresses, existing=None):
    """RKE's certificates of a cluster: {name: {certificate, key}} (rancher/rke @v1.3.3: pki/).

    Existing pairs are kept, except for that of kube-apiserver, which contains the addresses of all control plane nodes.
    """
    pairs = dict(existing or {})
    if "kube-ca" not in pairs:
        pairs["kube-ca"] = make("kube-ca", authority=True)
        pairs["kube-apiserver-requestheader-ca"] = make("kube-apiserver-requestheader-ca", authority=True)
        ca = pairs["kube-ca"]
        for name in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
            pairs[name] = make("system:" + name, issuer=ca)
        pairs["kube-node"] = make("system:node", "system:nodes", issuer=ca)
        pairs["kube-admin"] = make("kube-admin", "system:masters", issuer=ca)
        pairs["kube-service-account-token"] = make("kube-apiserver", issuer=ca)
        pairs["kube-apiserver-proxy-client"] = make("kube-apiserver-proxy-client",
                                                    issuer=pairs["kube-apiserver-requestheader-ca"])
    ca = pairs["kube-ca"]
    pairs["kube-apiserver"] = make("kube-apiserver", issuer=ca, names=[
        "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local", "127.0.0.1", "10.43.0.1"] + sorted(control_addresses))
    for address in etcd_addresses:
        name = "kube-etcd-" + address.replace(".", "-")
        if name not in pairs:
            pairs[name] = make("kube-etcd", issuer=ca, names=["localhost", "127.0.0.1", address])
    return pairs
