#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: cluster_pki_info
short_description: Read the certificates of a cluster node
version_added: 0.1.0
description:
  - Reports the certificates of RKE1, RKE2, K3s or kubeadm on a node, with their expiry dates and permissions. The module contacts no
    API server, and no key leaves the node.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.reads_only
options:
  path:
    description:
      - Directory with the certificates. The default is the first of C(/etc/kubernetes/ssl) (RKE1), C(/var/lib/rancher/rke2),
        C(/var/lib/rancher/k3s) and C(/etc/kubernetes) (kubeadm) that contains certificates.
    type: path
requirements:
  - openssl, to verify signatures
seealso:
  - plugin: fay.rancher.certificate_report
    plugin_type: filter
    description: Lists the certificates that expire soon, one line each, most urgent first.
  - module: fay.rancher.kubeconfig
    description: Writes a kubeconfig with one of these certificates.
  - module: community.crypto.x509_certificate_info
    description: Reads any certificate. It requires the Python library cryptography on the host.
"""

EXAMPLES = r"""
- name: Read the node's certificates
  fay.rancher.cluster_pki_info:
  register: pki

- name: Show which certificates expire within a month
  ansible.builtin.debug:
    msg: "{{ readable | selectattr('value.days', 'lt', 30) | map(attribute='key') }}"
  vars:
    readable: "{{ pki.certificates | dict2items | selectattr('value.days', 'defined') }}"

- name: Fail if a certificate does not match its key
  ansible.builtin.assert:
    that: pki.certificates | dict2items | rejectattr('value.key_matches') | length == 0
"""

RETURN = r"""
path:
  description: Directory with the certificates.
  returned: success
  type: str
  sample: /etc/kubernetes/ssl
layout:
  description: Detected distribution, V(rke1), V(rke2), V(k3s) or V(kubeadm).
  returned: success
  type: str
  sample: rke1
roles:
  description: Roles of the node according to its files, V(controlplane) and V(etcd). A node without them is a V(worker).
  returned: success
  type: list
  elements: str
  sample: [controlplane, etcd]
certificates:
  description:
    - The certificates by name. The names of etcd's certificates begin with V(etcd/) if they are in a separate directory.
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
  contains:
    certificate:
      description: Path of the certificate.
      returned: always
      type: str
      sample: /etc/kubernetes/ssl/kube-node.pem
    key:
      description: Path of the certificate's key.
      returned: always
      type: str
      sample: /etc/kubernetes/ssl/kube-node-key.pem
    subject:
      description: Subject of the certificate. For Kubernetes, O is a group and CN is the user.
      returned: if the certificate can be read
      type: str
      sample: O=system:nodes,CN=system:node
    issuer:
      description: Issuer of the certificate.
      returned: if the certificate can be read
      type: str
      sample: CN=kube-ca
    not_before:
      description: First day of its validity as V(YYYY-MM-DD), UTC.
      returned: if the certificate can be read
      type: str
      sample: "2021-10-14"
    not_after:
      description: Last day of its validity as V(YYYY-MM-DD), UTC.
      returned: if the certificate can be read
      type: str
      sample: "2031-10-12"
    days:
      description: Whole days until it expires; negative if it has expired.
      returned: if the certificate can be read
      type: int
      sample: 1781
    names:
      description: DNS names and IP addresses for which the certificate is valid.
      returned: if the certificate can be read
      type: list
      elements: str
      sample: [127.0.0.1, kubernetes]
    key_matches:
      description: Whether the key belongs to the certificate. Null if one of them cannot be read.
      returned: always
      type: bool
      sample: true
    signed:
      description: Whether a CA of the cluster signed the certificate. Null if it cannot be read, or if openssl cannot be started.
      returned: always
      type: bool
      sample: true
    rights:
      description: Permissions of the identity according to the cluster's default roles. Empty if they are not known or the API server
        does not accept the certificate.
      returned: always
      type: str
      sample: reads everything but logs
    problem:
      description: Why the certificate or its key cannot be read. Empty without a problem.
      returned: always
      type: str
      sample: ""
admin:
  description: Name of the administrator's certificate or, on RKE1, of the certificate that can read the administrator's kubeconfig in
    the stored state. Null if the node has neither.
  returned: success
  type: str
  sample: kube-node
authority:
  description: The CA that signs the API server's clients.
  returned: success
  type: dict
  sample:
    certificate: /etc/kubernetes/ssl/kube-ca.pem
    server: /etc/kubernetes/ssl/kube-ca.pem
    subject: CN=kube-ca
    not_after: "2031-10-12"
    days: 1781
    key: true
  contains:
    certificate:
      description: Path of the CA's certificate.
      returned: always
      type: str
      sample: /etc/kubernetes/ssl/kube-ca.pem
    server:
      description: Path of the certificate of the CA that signed the API server's certificate. On RKE2 and K3s it is a separate CA.
      returned: always
      type: str
      sample: /etc/kubernetes/ssl/kube-ca.pem
    subject:
      description: Subject of the CA's certificate.
      returned: always
      type: str
      sample: CN=kube-ca
    not_after:
      description: Last day of its validity as V(YYYY-MM-DD), UTC.
      returned: always
      type: str
      sample: "2031-10-12"
    days:
      description: Whole days until it expires; negative if it has expired.
      returned: always
      type: int
      sample: 1781
    key:
      description: Whether the CA's key is on this node.
      returned: always
      type: bool
      sample: true
uid:
  description: Numeric ID of the directory's owner. Ansible adds this key and the following ones to each result with a path.
  returned: when the path exists
  type: int
  sample: 0
gid:
  description: Numeric ID of the directory's group.
  returned: when the path exists
  type: int
  sample: 0
owner:
  description: Name of the directory's owner.
  returned: when the path exists
  type: str
  sample: root
group:
  description: Name of the directory's group.
  returned: when the path exists
  type: str
  sample: root
mode:
  description: Permissions of the directory, octal.
  returned: when the path exists
  type: str
  sample: "0755"
size:
  description: Size in bytes.
  returned: when the path exists
  type: int
  sample: 4096
state:
  description: Type of the path, such as V(directory).
  returned: success
  type: str
  sample: directory
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import pki_report
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError


def main():
    module = AnsibleModule(argument_spec=dict(path=dict(type="path")), supports_check_mode=True)
    try:
        result = pki_report.report(module.params["path"])
    except PkiError as error:
        module.fail_json(msg=str(error))
    if pki_report.has_unverified_signatures(result["certificates"]):
        module.warn("openssl cannot be started, so signatures were not verified and `signed` is null. Install openssl on this host")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
