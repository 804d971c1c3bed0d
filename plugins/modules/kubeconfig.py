#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
module: kubeconfig
short_description: Keeps a cluster in a kubeconfig
version_added: 0.1.0
description:
  - Takes an identity from a node's certificates (RKE1, RKE2, K3s, kubeadm), from RKE1's stored state, which every node of
    such a cluster can read, or from another kubeconfig, asks the API server what that identity may do, and merges it into
    a kubeconfig. Other clusters, users, contexts, preferences and extensions in the file stay.
  - The file is written as kubectl writes it, under kubectl's own lock.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - action_common_attributes
options:
  path:
    description:
      - The kubeconfig.
    type: path
    default: ~/.kube/config
  state:
    description:
      - V(absent) removes the context, and its user and cluster where no other context has them.
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
      - Name of the context. The default is O(cluster).
    type: str
  user:
    description:
      - Name of the user. The default is O(cluster).
    type: str
  namespace:
    description:
      - The context's namespace.
    type: str
  current:
    description:
      - Whether the context becomes the current one.
    type: bool
    default: true
  identity:
    description:
      - V(admin) has full rights. On RKE1 it is kube-admin from the stored state (C(full-cluster-state) in C(kube-system)),
        elsewhere the administrator's certificate, which servers have.
      - V(auto) is the strongest of the node's identities that the API server accepts.
      - V(mint) signs a new certificate with the CA's key of a control plane node, see O(mint).
      - Every other value names a certificate in O(pki_dir), such as V(kube-node) or V(kube-scheduler), with the rights
        that it has.
    type: str
    default: admin
  mint:
    description:
      - What V(mint) makes. Such a certificate cannot be revoked, not even by removing a user; only a new CA ends it. Keep it
        short-lived, and bind its group or name to no more than it needs.
    type: dict
    suboptions:
      subject:
        description:
          - The subject as openssl takes it, such as C(/O=viewers/CN=alice). Kubernetes takes O for a group and CN for the user.
        type: str
        required: true
      days:
        description:
          - For how many days it is valid. It is made anew when fewer than O(warn_days) are left.
        type: int
        required: true
  pki_dir:
    description:
      - Where the node's certificates are. The default is the first of C(/etc/kubernetes/ssl) (RKE1), C(/var/lib/rancher/rke2),
        C(/var/lib/rancher/k3s) and C(/etc/kubernetes) (kubeadm) that has some.
    type: path
  content:
    description:
      - Another kubeconfig whose current context is taken instead of a node's certificates.
    type: str
  server:
    description:
      - Addresses of the API server, of which the first that answers is taken. The default is the node's own,
        C(https://127.0.0.1:6443), on every node of RKE1, then what the node's agent uses; with O(content) its own.
    type: list
    elements: str
    default: []
  tls_server_name:
    description:
      - The name that the API server's certificate must have, where it has not that of the address.
    type: str
  embed:
    description:
      - Whether certificates and key are written into the file, instead of paths of the node. What is no file there is always written
        into it.
    type: bool
    default: false
  verify:
    description:
      - Whether the API server is asked with the very identity before the file is written.
    type: bool
    default: true
  warn_days:
    description:
      - Warn when the certificate or the CA has fewer days left.
    type: int
    default: 30
  owner:
    description:
      - Owner of the file and of a directory that is made for it.
    type: str
  group:
    description:
      - Group of the file and of a directory that is made for it. The default is that of O(owner).
    type: str
  mode:
    description:
      - Mode of the file, octal.
    type: str
    default: "0600"
attributes:
  check_mode:
    description: Says whether it would change the file and does not. On a host that is in no cluster yet it warns.
    support: full
  diff_mode:
    description: Keys, certificates and tokens are left out.
    support: full
  platform:
    platforms: posix
requirements:
  - PyYAML
  - openssl, for V(mint); where it is there, signatures are checked before the file is written
"""

EXAMPLES = r"""
- name: Full rights for root, on any node of RKE1
  fay.rancher.kubeconfig:
    cluster: fay

- name: What the notes did, the scheduler's certificate
  fay.rancher.kubeconfig:
    cluster: fay
    identity: kube-scheduler
    path: /root/.kube/scheduler

- name: Another cluster in the operator's file, with everything in it
  fay.rancher.kubeconfig:
    cluster: fay
    content: "{{ lookup('ansible.builtin.file', 'fay.kubeconfig') }}"
    server: [https://10.128.2.11:6443, https://10.128.2.12:6443]
    embed: true
  delegate_to: localhost

- name: The cluster is gone
  fay.rancher.kubeconfig:
    cluster: fay
    state: absent
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
  sample: /root/.kube/config
identity:
  description: Whose certificate was taken.
  returned: when O(state=present)
  type: str
  sample: admin
reason:
  description: Why that one, where it was looked for.
  returned: when O(state=present)
  type: str
  sample: the cluster's administrator, from its stored state
server:
  description: The API server in the file.
  returned: when O(state=present)
  type: str
  sample: https://127.0.0.1:6443
server_version:
  description: The cluster's version. Null where it was not asked.
  returned: when O(state=present)
  type: str
  sample: v1.21.5
rights:
  description: What the API server says that the identity may do. Empty where it was not asked.
  returned: when O(state=present)
  type: dict
  sample: {"get nodes": true, "get pods": true, "get pods/log": false, "get secrets": true, "get configmaps": true}
expires:
  description: When the certificate and the CA end, and in how many days. Empty for an identity without a certificate.
  returned: when O(state=present)
  type: dict
  sample: {"certificate": {"date": "2031-10-12", "days": 1781}, "authority": {"date": "2031-10-12", "days": 1781}}
backup:
  description: A copy of the file with its comments, which are lost when it is written. Empty where it had none.
  returned: success
  type: str
  sample: ""
"""

import grp
import os
import pwd
import time
import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.fay.rancher.plugins.module_utils import _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._access import find_access
from ansible_collections.fay.rancher.plugins.module_utils._files import (
    LockError,
    change_with_kubectl,
    existing_parent,
    write_atomically,
)
from ansible_collections.fay.rancher.plugins.module_utils._kube_api import ApiError
from ansible_collections.fay.rancher.plugins.module_utils._kubeconfig import KubeconfigError
from ansible_collections.fay.rancher.plugins.module_utils._pki import PkiError


def read(path):
    """The file's text, or an empty one; raises KubeconfigError when it is there and cannot be read."""
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise KubeconfigError("it cannot be read: %s" % error)


def owner_of(parameters, path):
    """(uid, gid) that the file is to have: as asked, else as it has, else those of its directory. Raises KubeconfigError."""
    found = os.stat(existing_parent(path))
    try:
        uid = pwd.getpwnam(parameters["owner"]).pw_uid if parameters["owner"] else found.st_uid
        gid = found.st_gid
        if parameters["group"]:
            gid = grp.getgrnam(parameters["group"]).gr_gid
        elif parameters["owner"]:
            gid = pwd.getpwnam(parameters["owner"]).pw_gid
    except KeyError as error:
        raise KubeconfigError("its owner cannot be: %s" % error)
    return uid, gid


def make_directory(path, owner):
    """The file's directory, 0700, with the file's owner; one that is there stays as it is."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        os.makedirs(folder, mode=0o700)
        os.chown(folder, *owner)


def after(before, parameters, names, ours):
    """What the file is to hold. ours: our part of it as data; None where it is to go."""
    if ours is None:
        return _kubeconfig.without(before, names)
    return _kubeconfig.merge(before, ours, parameters["current"])


def change(parameters, names, ours, write):
    """(data before, data after, whether content, mode or owner differ, backup's path); writes the file where asked."""
    path, mode = parameters["path"], int(parameters["mode"], 8)
    owner = owner_of(parameters, path)
    text = read(path)
    before = _kubeconfig.parse(text)
    wanted = after(before, parameters, names, ours)
    there = os.stat(path) if os.path.exists(path) else None
    backup, changed = "", there is None or before != wanted or (there.st_mode & 0o777, there.st_uid, there.st_gid) != (mode,) + owner
    if changed and write:
        if before != wanted and _kubeconfig.has_comments(text):
            backup = "%s.%s~" % (os.path.realpath(path), time.strftime("%Y-%m-%dT%H-%M-%S"))
            write_atomically(backup, text, mode, owner)
        write_atomically(path, _kubeconfig.render(wanted) if before != wanted or there is None else text, mode, owner)
    return before, wanted, changed, backup


def find_ours(module, names):
    """(our part of the file as data, what is returned of it)."""
    parameters = module.params
    access = find_access(parameters, _kubeconfig.parse(read(parameters["path"])), names, module.check_mode)
    if access is None:
        module.warn("This host is in no cluster yet: it has no certificates")
        module.exit_json(changed=True, backup="", identity=parameters["identity"], reason="", server="", server_version=None,
                         rights={}, expires={}, path=parameters["path"])
    for text in access.warnings(parameters["warn_days"]):
        module.warn(text)
    embed = parameters["embed"]
    return _kubeconfig.build(names, access.cluster(embed), access.user(embed), parameters["namespace"]), access.report()


def run(module):
    parameters = module.params
    path = parameters["path"]
    names = {"cluster": parameters["cluster"], "context": parameters["context"] or parameters["cluster"],
             "user": parameters["user"] or parameters["cluster"]}
    if parameters["state"] == "absent" and not os.path.exists(path):
        module.exit_json(changed=False, backup="", path=path)
    ours, report = find_ours(module, names) if parameters["state"] == "present" else (None, {})
    if module.check_mode:
        before, wanted, changed, backup = change(parameters, names, ours, write=False)
    else:
        make_directory(path, owner_of(parameters, path))
        done = []

        def write():
            done.append(change(parameters, names, ours, write=True))
            return done[-1][2]

        change_with_kubectl(path, write)
        before, wanted, changed, backup = done[0]
    if backup:
        module.warn("%s had comments, which kubectl and this module do not keep. It is as it was in %s" % (path, backup))
    shown = [_kubeconfig.render(_kubeconfig.redact(value)) for value in (before, wanted)]
    module.exit_json(changed=changed, backup=backup, path=path, diff={
        "before": shown[0], "after": shown[1], "before_header": path, "after_header": path}, **report)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", default="~/.kube/config"),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            cluster=dict(type="str", required=True),
            context=dict(type="str"),
            user=dict(type="str"),
            namespace=dict(type="str"),
            current=dict(type="bool", default=True),
            identity=dict(type="str", default="admin"),
            mint=dict(type="dict", options=dict(subject=dict(type="str", required=True), days=dict(type="int", required=True))),
            pki_dir=dict(type="path"),
            content=dict(type="str", no_log=True),
            server=dict(type="list", elements="str", default=[]),
            tls_server_name=dict(type="str"),
            embed=dict(type="bool", default=False),
            verify=dict(type="bool", default=True),
            warn_days=dict(type="int", default=30),
            owner=dict(type="str"),
            group=dict(type="str"),
            mode=dict(type="str", default="0600"),
        ),
        mutually_exclusive=[("content", "pki_dir"), ("content", "mint")],
        required_if=[("identity", "mint", ["mint"])],
        supports_check_mode=True,
    )
    if _kubeconfig.YAML_ERROR:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=traceback.format_exc())
    module.params["path"] = os.path.abspath(module.params["path"])
    try:
        int(module.params["mode"], 8)
    except ValueError:
        module.fail_json(msg="mode is %r. It must be octal, such as 0600" % module.params["mode"])
    try:
        run(module)
    except KubeconfigError as error:
        module.fail_json(msg="%s is no kubeconfig that can be merged into: %s. It was not touched"
                             % (module.params["path"], error))
    except (PkiError, ApiError, LockError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="Cannot write %s: %s. It was not touched" % (module.params["path"], error))


if __name__ == "__main__":
    main()
