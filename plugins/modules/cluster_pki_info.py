#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
module: cluster_pki_info
short_description: Tells what certificates a node of a cluster has
version_added: 0.1.0
description:
  - Reads the certificates of RKE1, RKE2, K3s or kubeadm on a node, without asking an API server. No key leaves the node.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.reads_only
  - action_common_attributes
options:
  path:
    description:
      - Where the certificates are. The default is the first of C(/etc/kubernetes/ssl) (RKE1), C(/var/lib/rancher/rke2),
        C(/var/lib/rancher/k3s) and C(/etc/kubernetes) (kubeadm) that has some.
    type: path
"""

EXAMPLES = r"""
- name: Look at the node's certificates
  fay.rancher.cluster_pki_info:
  register: pki

- name: Tell which end within a month
  ansible.builtin.debug:
    msg: "{{ pki.certificates | dict2items | selectattr('value.days', 'lt', 30) | map(attribute='key') }}"
"""

RETURN = r"""
path:
  description: Where the certificates are.
  returned: success
  type: str
  sample: /etc/kubernetes/ssl
layout:
  description: Whose form that is. C(rke1), C(rke2), C(k3s) or C(kubeadm).
  returned: success
  type: str
  sample: rke1
roles:
  description: The node's roles as its files tell them. C(worker) is every node that is neither of the others.
  returned: success
  type: list
  elements: str
  sample: [controlplane, etcd]
certificates:
  description:
    - By name; those of etcd with C(etcd/) before it where they are in a directory of their own.
    - C(key_matches) and C(signed) are null where the certificate cannot be read, C(signed) also where openssl cannot be started.
    - C(rights) is what the identity can do by the cluster's default roles; empty where it is not known, and for what is no client of
      the API server.
  returned: success
  type: dict
  sample:
    kube-node:
      certificate: /etc/kubernetes/ssl/kube-node.pem
      key: /etc/kubernetes/ssl/kube-node-key.pem
      subject: O=system:nodes,CN=system:node
      issuer: CN=kube-ca
      not_before: "2021-10-14"
      not_after: "2031-10-12"
      days: 1781
      names: []
      key_matches: true
      signed: true
      rights: reads everything but logs
      problem: ""
admin:
  description: Which of the certificates is the cluster's administrator, or opens the stored state with it (RKE1). Null where none does.
  returned: success
  type: str
  sample: kube-node
authority:
  description:
    - The CA that signs clients, with C(certificate), C(subject), C(not_after), C(days), and C(key), whether this node has its key.
      C(server) is the certificate of the CA that signs the API server's, on RKE2 and K3s another one.
  returned: success
  type: dict
  sample:
    certificate: /etc/kubernetes/ssl/kube-ca.pem
    server: /etc/kubernetes/ssl/kube-ca.pem
    subject: CN=kube-ca
    not_after: "2031-10-12"
    days: 1781
    key: true
uid:
  description: The numeric owner of the directory. Ansible adds this key and those below to each result with a path.
  returned: when the path exists
  type: int
  sample: 0
gid:
  description: The numeric group.
  returned: when the path exists
  type: int
  sample: 0
owner:
  description: The name of the owner.
  returned: when the path exists
  type: str
  sample: root
group:
  description: The name of the group.
  returned: when the path exists
  type: str
  sample: root
mode:
  description: The permissions, octal.
  returned: when the path exists
  type: str
  sample: "0755"
size:
  description: The size in bytes.
  returned: when the path exists
  type: int
  sample: 4096
state:
  description: What the path is, such as V(file), V(directory) or V(absent).
  returned: success
  type: str
  sample: directory
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import pki as _pki
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.certificates import CertificateError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError


def described(paths, authorities, client):
    """What is returned of one pair. paths: (certificate, key); authorities: PEM texts of the cluster's CAs; client: of the API."""
    found = {"certificate": paths[0], "key": paths[1], "key_matches": None, "signed": None, "problem": "", "rights": ""}
    try:
        text = _pki.read(paths[0])
        one = _certificates.decode(text)
        found.update(subject=_certificates.written(one["subject"]), issuer=_certificates.written(one["issuer"]), names=one["names"],
                     not_before=one["not_before"].strftime("%Y-%m-%d"), not_after=one["not_after"].strftime("%Y-%m-%d"),
                     days=_certificates.days_until(one["not_after"]), rights=_pki.rights(one) if client else "",
                     signed=signed_by_any(text, authorities))
        found["key_matches"] = _certificates.key_matches(text, _pki.read(paths[1]))
    except (PkiError, CertificateError) as error:
        found["problem"] = str(error)
    return found


def signed_by_any(certificate, authorities):
    """Whether one of the cluster's CAs signed the certificate: bool, or None if that cannot be verified. All are PEM texts."""
    for authority in authorities:
        answer = _pki.signed(certificate, authority)
        if answer is not False:
            return answer
    return False


def look(path):
    """What the module returns. Raises PkiError."""
    found = _pki.layout(path)
    try:
        authority = _certificates.decode(_pki.read(found.signer))
    except CertificateError as error:
        raise PkiError("The CA's certificate %s cannot be used: %s" % (found.signer, error))
    authorities = [_pki.read(path) for path in found.authorities()]
    return {
        "path": found.directory, "layout": found.kind, "roles": _pki.roles(found),
        "certificates": dict((name, described(paths, authorities, name in found.identities)) for name, paths in found.certificates.items()),
        "admin": found.admin or (_pki.STATE_READER if _pki.STATE_READER in found.identities else None),
        "authority": {"certificate": found.signer, "server": found.authority, "subject": _certificates.written(authority["subject"]),
                      "not_after": authority["not_after"].strftime("%Y-%m-%d"), "days": _certificates.days_until(authority["not_after"]),
                      "key": _pki.exists(found.signer_key)}}


def main():
    module = AnsibleModule(argument_spec=dict(path=dict(type="path")), supports_check_mode=True)
    try:
        found = look(module.params["path"])
    except PkiError as error:
        module.fail_json(msg=str(error))
    if any(certificate["signed"] is None and not certificate["problem"] for certificate in found["certificates"].values()):
        module.warn("openssl cannot be started, so signatures were not verified: `signed` is null. Install openssl on this host")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
