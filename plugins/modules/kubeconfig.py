#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: kubeconfig
short_description: Add a cluster to a kubeconfig, or remove it
version_added: 0.1.0
description:
  - Writes a cluster, a user and a context into a kubeconfig. Other clusters, users, contexts, preferences and extensions in the file
    are kept.
  - The identity comes from the certificates of a node (RKE1, RKE2, K3s, kubeadm), from RKE1's stored state, which every node of the
    cluster can read, from Rancher, or from another kubeconfig. It is tested against the API server before the file is written.
  - The file is written as kubectl writes it, under kubectl's own lock. If the module runs as root and the path is in a directory of
    another user, it reads and writes the file as that user.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.attributes
options:
  path:
    description:
      - Path of the kubeconfig.
    type: path
    default: ~/.kube/config
  state:
    description:
      - If V(present), the file contains the context, its cluster and its user.
      - If V(absent), the context is removed, and its user and cluster unless another context refers to them. With O(rancher), the
        file's token is deleted in Rancher too.
    type: str
    choices: [present, absent]
    default: present
  cluster:
    description:
      - Name of the cluster in the file.
    type: str
    required: true
  context:
    description:
      - Name of the context. The default is the value of O(cluster).
    type: str
  user:
    description:
      - Name of the user in the file. The default is the value of O(cluster).
    type: str
  namespace:
    description:
      - Default namespace of the context, and the namespace of O(rights).
    type: str
  current:
    description:
      - If V(true), the context becomes the current one.
    type: bool
    default: true
  identity:
    description:
      - Identity on a node whose certificate is used. The default is V(admin). Not allowed together with O(rancher), except for
        V(rancher).
      - V(admin) has full permissions. On RKE1 it is kube-admin from the stored state (C(full-cluster-state) in C(kube-system)),
        elsewhere the administrator's certificate, which exists on servers only.
      - V(node) is the node's own identity, which exists on every node. It is C(kube-node) on RKE1 and the kubelet elsewhere.
      - V(auto) is the strongest identity of the node that the API server accepts.
      - V(mint) is a new certificate, signed with the CA's key of a control plane node. O(mint) describes it.
      - V(rancher) is a token of Rancher and requires O(rancher).
      - Any other value is the name of a certificate in O(pki_dir), such as V(kube-node) or V(kube-scheduler), with the permissions of
        that identity.
    type: str
  mint:
    description:
      - Certificate that O(identity=mint) creates.
      - Such a certificate cannot be revoked, not even by removing a user. Only a new CA makes it invalid. Choose a short lifetime,
        and bind its group or user to no more permissions than it needs.
    type: dict
    suboptions:
      subject:
        description:
          - Subject as openssl expects it, such as V(/O=viewers/CN=alice). For Kubernetes, O is a group and CN is the user.
        type: str
        required: true
      days:
        description:
          - Lifetime in days. The certificate is replaced when fewer than O(warn_days) are left.
        type: int
        required: true
  pki_dir:
    description:
      - Directory with the node's certificates. The default is the first of C(/etc/kubernetes/ssl) (RKE1), C(/var/lib/rancher/rke2),
        C(/var/lib/rancher/k3s) and C(/etc/kubernetes) (kubeadm) that contains certificates.
    type: path
  content:
    description:
      - Text of another kubeconfig, whose current context is used instead of a node's certificates.
    type: str
  rancher:
    description:
      - Connection to a Rancher server. The kubeconfig connects through Rancher, as one of its users and with the permissions of that
        user, instead of with a node's certificates.
      - Unlike the modules for Rancher, this option is never read from environment variables.
      - Each file has its own token in Rancher, for this cluster only. The module recognizes the token by its description, replaces it
        before it expires, and deletes the old one. Tokens that were created elsewhere are kept.
      - The certificate of Rancher's CA is always embedded, and the server is Rancher's address.
    type: dict
    suboptions:
      url:
        description:
          - URL of the Rancher server, V(https://HOST) or V(https://HOST:PORT).
        type: str
        required: true
      username:
        description:
          - Name of the local user to log in as. The default is V(admin). The module deletes the token of the login when it ends.
        type: str
      password:
        description:
          - Password of the user.
        type: str
      token:
        description:
          - API token, V(token-xxxxx:SECRET). If set, O(rancher.username) and O(rancher.password) are not used.
          - Either O(rancher.token) or O(rancher.password) is required.
        type: str
      ca_cert:
        description:
          - CA certificate that signed the server's certificate, as PEM text or as a path on the host that runs the module.
          - Required for a self-signed certificate, unless O(rancher.ca_checksum) or O(rancher.ca_from_loopback) is set.
        type: str
      ca_checksum:
        description:
          - SHA-256 checksum of the server's own CA certificate, as in the C(--ca-checksum) of a registration command. The module
            fetches the CA certificate from the server, compares its checksum and then verifies every connection with it.
        type: str
      ca_from_loopback:
        description:
          - If V(true), trust the CA certificate that the server presents on V(127.0.0.1) of the host that runs the module. Use it only
            if that host is the Rancher host itself. The default is V(false).
        type: bool
      validate_certs:
        description:
          - If V(false), the server's certificate is not verified. The default is V(true).
        type: bool
      retry_timeout:
        description:
          - Seconds for which a request is repeated while the connection is refused or reset, or the server answers 429, 502, 503 or
            504. They include the time spent waiting for an answer.
          - With V(0), a request is sent once and fails after 30 seconds without an answer.
        type: int
        default: 120
      cluster:
        description:
          - Name of the cluster in Rancher. The default is the value of O(cluster).
        type: str
      purpose:
        description:
          - Description of the token in Rancher. Must be unique per file. The default consists of the host name, the path and the
            context.
        type: str
      days:
        description:
          - Lifetime of a new token in days. The server may shorten it. The token is replaced when fewer than O(warn_days) are left, or
            less than half of its lifetime if that is shorter.
        type: int
        default: 90
  server:
    description:
      - URLs of the API server, V(https://HOST[:PORT]). The first one that answers is used.
      - V(node) means C(https://127.0.0.1:6443), where every node of RKE1 reaches an API server, followed by the server that the
        node's agent uses.
      - The default is V(node), or with O(content) the server of that kubeconfig. Not allowed together with O(rancher).
    type: list
    elements: str
    default: []
  tls_server_name:
    description:
      - Name expected in the API server's certificate if it differs from the address.
    type: str
  embed:
    description:
      - If V(true), certificates and key are embedded in the file. Otherwise the file contains their paths on the node. Certificates,
        keys and tokens that are not files on the node are always embedded.
    type: bool
    default: false
  verify:
    description:
      - Whether to test the identity against the API server before writing the file.
    type: bool
    default: true
  rights:
    description:
      - Actions that the identity must be allowed to perform, as V(VERB RESOURCE[.GROUP][/SUBRESOURCE]), such as
        V(create deployments.apps). They are tested in O(namespace), or in all namespaces if it is not set. If the API server denies
        one of them, the module fails and the file is not changed.
    type: list
    elements: str
    default: []
  warn_days:
    description:
      - Warn if the certificate or the CA has fewer days left.
    type: int
    default: 30
  owner:
    description:
      - Owner of the file and of directories that are created for it. The default is the current owner, or for a new file that of its
        directory.
    type: str
  group:
    description:
      - Group of the file and of directories that are created for it. The default is the group of O(owner).
    type: str
  mode:
    description:
      - Permissions of the file, octal.
    type: str
    default: "0600"
attributes:
  check_mode:
    support: full
    details:
      - The identity is tested in check mode too, but no token is created or deleted, and nothing is written.
      - With O(identity=mint), a certificate that is needed is created for the test and discarded.
      - On a host without certificates the module reports a change and warns, since the host may join a cluster later in the play.
  diff_mode:
    support: full
    details: Keys, certificates and tokens are replaced by C(REDACTED).
  idempotent:
    support: full
    details: A certificate or token that expires soon is replaced, which is a change.
requirements:
  - PyYAML on the host that runs the module
  - openssl for V(mint). If it is installed, signatures are verified before the file is written.
seealso:
  - module: fay.rancher.cluster_pki_info
    description: Reports the certificates of a node and when they expire.
  - plugin: fay.rancher.kubeconfig_merge
    plugin_type: filter
    description: Merges kubeconfigs on the control machine.
  - plugin: fay.rancher.kubeconfig_subset
    plugin_type: filter
    description: Extracts some contexts of a kubeconfig.
  - plugin: fay.rancher.kubeconfig_rename
    plugin_type: filter
    description: Renames the entries of a kubeconfig.
  - plugin: fay.rancher.kubeconfig_redact
    plugin_type: filter
    description: Replaces the secrets of a kubeconfig for display.
  - module: kubernetes.core.k8s_info
    description: Uses the file in its option O(ignore:kubeconfig).
  - name: Organizing cluster access using kubeconfig files
    description: Kubernetes' description of the format.
    link: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

EXAMPLES = r"""
- name: Give root full permissions, on any node of RKE1
  fay.rancher.kubeconfig:
    cluster: fay

- name: Use the scheduler's certificate, which can read nodes and pods only
  fay.rancher.kubeconfig:
    cluster: fay
    identity: kube-scheduler
    path: /root/.kube/scheduler

- name: Use the strongest identity of this node, and fail unless it can read logs
  fay.rancher.kubeconfig:
    cluster: fay
    identity: auto
    rights: [get pods/log]

- name: Create a certificate for a group, on a control plane node
  fay.rancher.kubeconfig:
    cluster: fay
    identity: mint
    mint:
      subject: /O=viewers/CN=alice
      days: 90
    path: /home/alice/.kube/config
    owner: alice

- name: Connect through Rancher with the permissions of a Rancher user
  fay.rancher.kubeconfig:
    cluster: fay
    rancher:
      url: https://rancher.example.com
      ca_checksum: 59fd865485548532caeca3e1cb5e8d9956829468c1867ba3a34a8c0b812a0e6a
      username: alice
      password: "{{ vault_alice_password }}"
    rights: [get pods, create deployments.apps]
    namespace: shop

- name: Give several users a kubeconfig through Rancher
  fay.rancher.kubeconfig:
    cluster: fay
    path: /home/{{ item }}/.kube/config
    owner: "{{ item }}"
    rancher:
      url: https://rancher.example.com
      ca_cert: /etc/ssl/certs/rancher-ca.pem
      username: "{{ item }}"
      password: "{{ vault_rancher_passwords[item] }}"
  loop: [alice, bob]

- name: Add another cluster to the operator's kubeconfig, with everything embedded
  fay.rancher.kubeconfig:
    cluster: fay
    content: "{{ lookup('ansible.builtin.file', 'fay.kubeconfig') }}"
    server: [https://10.128.2.11:6443, https://10.128.2.12:6443]
    embed: true
  delegate_to: localhost

- name: Remove a cluster from the file
  fay.rancher.kubeconfig:
    cluster: fay
    state: absent
"""

RETURN = r"""
path:
  description: Absolute path of the file.
  returned: success
  type: str
  sample: /root/.kube/config
identity:
  description: Name of the identity; V(token) for a token.
  returned: when O(state=present)
  type: str
  sample: admin
reason:
  description: Why this identity was chosen.
  returned: when O(state=present)
  type: str
  sample: the cluster's administrator, from its stored state
server:
  description: URL of the API server in the file.
  returned: when O(state=present)
  type: str
  sample: https://127.0.0.1:6443
server_version:
  description: Version of the cluster. Null if the API server was not queried.
  returned: when O(state=present)
  type: str
  sample: v1.21.5
rights:
  description:
    - Map from actions to whether the API server allows them. It contains some common actions and those of O(rights). Empty if the API
      server was not queried.
  returned: when O(state=present)
  type: dict
  sample: {"get nodes": true, "get pods": true, "get pods/log": false, "get secrets": true, "get configmaps": true}
expires:
  description: Expiry dates of the identity and of the CA.
  returned: when O(state=present)
  type: dict
  sample: {"certificate": {"date": "2031-10-12", "days": 1781}, "authority": {"date": "2031-10-12", "days": 1781}}
  contains:
    certificate:
      description: Expiry of the client certificate.
      returned: if the identity has a certificate
      type: dict
      contains: &expiry
        date:
          description: Date as V(YYYY-MM-DD), UTC.
          returned: always
          type: str
          sample: "2031-10-12"
        days:
          description: Whole days until then.
          returned: always
          type: int
          sample: 1781
    token:
      description: Expiry of the token in Rancher.
      returned: with O(rancher), unless the token never expires
      type: dict
      contains: *expiry
    authority:
      description: Expiry of the certificate of the CA that signed the client certificate or, if unknown, the server's.
      returned: unless the host's own CAs are trusted
      type: dict
      contains: *expiry
backup:
  description: Path of a copy of the original file, which is saved if it has comments that cannot be preserved. Empty otherwise.
  returned: success
  type: str
  sample: ""
uid:
  description: Numeric ID of the file's owner. Ansible adds this key and the following ones to each result with a path.
  returned: when the path exists
  type: int
  sample: 0
gid:
  description: Numeric ID of the file's group.
  returned: when the path exists
  type: int
  sample: 0
owner:
  description: Name of the file's owner.
  returned: when the path exists
  type: str
  sample: root
group:
  description: Name of the file's group.
  returned: when the path exists
  type: str
  sample: root
mode:
  description: Permissions of the file, octal.
  returned: when the path exists
  type: str
  sample: "0600"
size:
  description: Size of the file in bytes.
  returned: when the path exists
  type: int
  sample: 4096
state:
  description: Type of the path, such as V(file) or V(absent).
  returned: success
  type: str
  sample: file
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig_run
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig import YAML_ERROR
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import CONNECTION_ARGUMENTS

ARGUMENTS = dict(
    path=dict(type="path", default="~/.kube/config"),
    state=dict(type="str", choices=["present", "absent"], default="present"),
    cluster=dict(type="str", required=True),
    context=dict(type="str"),
    user=dict(type="str"),
    namespace=dict(type="str"),
    current=dict(type="bool", default=True),
    identity=dict(type="str"),
    mint=dict(type="dict", options=dict(subject=dict(type="str", required=True), days=dict(type="int", required=True))),
    pki_dir=dict(type="path"),
    content=dict(type="str", no_log=True),
    rancher=dict(type="dict", required_one_of=[("password", "token")], options=dict(
        CONNECTION_ARGUMENTS,
        cluster=dict(type="str"),
        purpose=dict(type="str"),
        days=dict(type="int", default=90),
    )),
    server=dict(type="list", elements="str", default=[]),
    tls_server_name=dict(type="str"),
    embed=dict(type="bool", default=False),
    verify=dict(type="bool", default=True),
    rights=dict(type="list", elements="str", default=[]),
    warn_days=dict(type="int", default=30),
    owner=dict(type="str"),
    group=dict(type="str"),
    mode=dict(type="str", default="0600"),
)


def main():
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        mutually_exclusive=[("content", "pki_dir", "rancher"), ("content", "mint"), ("rancher", "mint"), ("rancher", "tls_server_name")],
        required_if=[("identity", "mint", ["mint"]), ("identity", "rancher", ["rancher"])],
        supports_check_mode=True,
    )
    if YAML_ERROR:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=YAML_ERROR)
    try:
        request = kubeconfig_run.parse_request(module.params, module.check_mode)
        result = kubeconfig_run.run(request, module.warn)
    except kubeconfig_run.RunError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
