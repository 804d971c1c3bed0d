# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module cluster_pki_info returns about a node's certificates. Private to the collection."""
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import pki as _pki
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.certificates import CertificateError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.openssl import is_signed_by_any
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError


def report(directory=None):
    """The result of the module for a directory, or for the first directory with certificates. Raises PkiError."""
    layout = _pki.find_layout(directory)
    authorities = [_pki.read_pem(path) for path in _pki.authority_paths(layout)]
    certificates = {name: describe_certificate(pair, authorities, is_client=name in layout.identities)
                    for name, pair in layout.certificates.items()}
    state_reader = _pki.STATE_READER if _pki.STATE_READER in layout.identities else None
    return {"path": layout.directory, "layout": layout.kind, "roles": _pki.node_roles(layout), "certificates": certificates,
            "admin": layout.admin or state_reader, "authority": describe_authority(layout)}


def describe_authority(layout):
    """What is returned about the CA that signs the API server's clients. Raises PkiError."""
    try:
        authority = _certificates.decode(_pki.read_pem(layout.signer))
    except CertificateError as error:
        raise PkiError("The CA's certificate %s cannot be used: %s" % (layout.signer, error))
    return {"certificate": layout.signer, "server": layout.authority, "subject": _certificates.format_name(authority["subject"]),
            "not_after": _certificates.format_date(authority["not_after"]), "days": _certificates.days_until(authority["not_after"]),
            "key": _pki.exists(layout.signer_key)}


def describe_certificate(pair, authorities, is_client):
    """What is returned about a certificate. A problem is part of the result, so that one damaged file does not hide the others.

    pair: paths of certificate and key. authorities: PEM texts of the cluster's CAs. is_client: whether the API server accepts it.
    """
    description = {"certificate": pair[0], "key": pair[1], "key_matches": None, "signed": None, "problem": "", "rights": ""}
    try:
        text = _pki.read_pem(pair[0])
        description.update(describe_content(_certificates.decode(text), is_client))
        description["signed"] = is_signed_by_any(text, authorities)
        description["key_matches"] = _certificates.key_matches(text, _pki.read_pem(pair[1]))
    except (PkiError, CertificateError) as error:
        description["problem"] = str(error)
    return description


def describe_content(certificate, is_client):
    """What is returned about a decoded certificate."""
    return {"subject": _certificates.format_name(certificate["subject"]), "issuer": _certificates.format_name(certificate["issuer"]),
            "names": certificate["names"],
            "not_before": _certificates.format_date(certificate["not_before"]),
            "not_after": _certificates.format_date(certificate["not_after"]), "days": _certificates.days_until(certificate["not_after"]),
            "rights": _pki.default_rights(certificate) if is_client else ""}


def has_unverified_signatures(certificates):
    """Whether openssl could not verify one of the described certificates {name: description}."""
    return any(certificate["signed"] is None and not certificate["problem"] for certificate in certificates.values())
