#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
module: kubeconfig
short_description: Keeps a cluster in a kubeconfig
version_added: 0.1.0
description:
  - Takes an identity from a node's certificates (RKE1, RKE2, K3s, kubeadm), from RKE1's stored state, which every node of
    such a cluster can read, from Rancher, or from another kubeconfig, asks the API server what that identity may do, and
    merges it into a kubeconfig. Other clusters, users, contexts, preferences and extensions in the file stay.
  - The file is written as kubectl writes it, under kubectl's own lock. In another user's directory root acts as that user.
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
      - V(absent) removes the context, and its user and cluster where no other context has them; with O(rancher) also the
        file's token in Rancher.
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
      - V(node) is the node's own, which every node has, kube-node on RKE1 and the kubelet's elsewhere.
      - V(auto) is the strongest of the node's identities that the API server accepts.
      - V(mint) signs a new certificate with the CA's key of a control plane node, see O(mint).
      - V(rancher) is a token of Rancher's, and so is every other one where O(rancher) is given.
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
  rancher:
    description:
      - Go through Rancher, as one of its users and with that user's rights, instead of with a node's certificates.
      - Each file has one token of its own in Rancher, for this cluster only. It is found again by its description, replaced
        before it ends, and deleted when it is replaced. Tokens that others made stay.
      - The certificate of Rancher's CA is always written into the file, and O(server) is Rancher's address.
    type: dict
    suboptions:
      url:
        description:
          - Where Rancher is reached, as C(https://HOST) or C(https://HOST:PORT).
        type: str
        required: true
      username:
        description:
          - The local user to log in as. The token of the log-in is given back at the end.
        type: str
        default: admin
      password:
        description:
          - The user's password. Without it O(rancher.token) is used.
        type: str
      token:
        description:
          - An API token, C(token-xxxxx:secret), instead of a password.
        type: str
      ca_cert:
        description:
          - The CA that signed the server's certificate, as PEM text or as a path on the host that runs the module.
        type: str
      ca_checksum:
        description:
          - SHA-256 of the server's own CA, as in the C(--ca-checksum) of a registration command.
        type: str
      ca_from_loopback:
        description:
          - Trust the CA that the server presents on C(127.0.0.1) of the host that runs the module.
        type: bool
        default: false
      validate_certs:
        description:
          - Whether the server's certificate is verified.
        type: bool
        default: true
      retry_timeout:
        description:
          - For how many seconds a request is tried again while the connection is refused or cut, or the server answers
            429, 502, 503 or 504. Time spent waiting for an answer counts.
          - With V(0), a request is sent once and fails after 30 seconds without an answer.
        type: int
        default: 120
      cluster:
        description:
          - The cluster's name in Rancher. The default is O(cluster).
        type: str
      purpose:
        description:
          - What the token is for, its description in Rancher. It must be another one for each file. The default is the host's
            name, the file and the context.
        type: str
      days:
        description:
          - For how many days a token is made. The server may give it fewer. It is replaced when fewer than O(warn_days) are left, or
            half of its time where that is less.
        type: int
        default: 90
  server:
    description:
      - Addresses of the API server, of which the first that answers is taken. V(node) stands for the node's own,
        C(https://127.0.0.1:6443), on every node of RKE1, and then what the node's agent uses. It is the default; with O(content)
        that is its own.
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
  rights:
    description:
      - What the identity must be allowed to do, as C(VERB RESOURCE[.GROUP][/SUBRESOURCE]), such as C(create deployments.apps), in
        O(namespace) or, without one, in all. The file is not written where the API server says no.
    type: list
    elements: str
    default: []
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
  - PyYAML on the host that runs the module
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

- name: A user's own rights, through Rancher
  fay.rancher.kubeconfig:
    cluster: fay
    rancher:
      url: https://rancher.example.com
      ca_checksum: 59fd865485548532caeca3e1cb5e8d9956829468c1867ba3a34a8c0b812a0e6a
      username: alice
      password: "{{ vault_alice_password }}"
    rights: [get pods, create deployments.apps]
    namespace: shop

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
  description: Whose certificate was taken; C(token) where it is none.
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
  description: What the API server says that the identity may do, among it O(rights). Empty where it was not asked.
  returned: when O(state=present)
  type: dict
  sample: {"get nodes": true, "get pods": true, "get pods/log": false, "get secrets": true, "get configmaps": true}
expires:
  description: When the certificate or Rancher's token and the CA end, and in how many days.
  returned: when O(state=present)
  type: dict
  sample: {"certificate": {"date": "2031-10-12", "days": 1781}, "authority": {"date": "2031-10-12", "days": 1781}}
backup:
  description: A copy of the file with its comments, which are lost when it is written. Empty where it had none.
  returned: success
  type: str
  sample: ""
uid:
  description: The numeric owner of the file. Ansible adds this key and those below to each result with a path.
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
  sample: "0600"
size:
  description: The size in bytes.
  returned: when the path exists
  type: int
  sample: 4096
state:
  description: What the path is, such as V(file), V(directory) or V(absent).
  returned: success
  type: str
  sample: file
"""

import contextlib
import fcntl
import grp
import os
import pwd
import socket
import time

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.fay.rancher.plugins.module_utils._files import (
    LockError,
    as_owner_of,
    change_with_kubectl,
    existing_parent,
    make_directories,
    owner_on_the_way,
    status,
    write_atomically,
)
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.api import ApiError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.identity import find_access, through_rancher
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig import KubeconfigError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import CONNECTION_ARGUMENTS, RancherError, connect
from ansible_collections.fay.rancher.plugins.module_utils._rancher.tokens import Tokens


def read(path):
    """The file's text, or an empty one; raises KubeconfigError when it is there and cannot be read."""
    try:
        with as_owner_of(path), open(path, encoding="utf-8") as source:
            return source.read()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        if isinstance(error, PermissionError) and os.geteuid() == 0:
            raise KubeconfigError("the user whose directory it is in (uid %d) cannot read it. Give it to that user with chown"
                                  % owner_on_the_way(path))
        raise KubeconfigError("it cannot be read: %s" % error)


def owner_of(parameters, path):
    """(uid, gid) that the file is to have: as asked, else as it has, else those of its directory. Raises OSError."""
    found = os.stat(existing_parent(path))
    try:
        uid = pwd.getpwnam(parameters["owner"]).pw_uid if parameters["owner"] else found.st_uid
        gid = found.st_gid
        if parameters["group"]:
            gid = grp.getgrnam(parameters["group"]).gr_gid
        elif parameters["owner"]:
            gid = pwd.getpwnam(parameters["owner"]).pw_gid
    except KeyError:
        raise OSError("owner is %s and group %s, and this host has no such user or group" % (parameters["owner"], parameters["group"]))
    if os.geteuid() not in (0, uid):
        raise OSError("its owner is to be uid %d, and uid %d, who owns the directory or runs this, cannot give it away. Choose that "
                      "owner or another path" % (uid, os.geteuid()))
    return uid, gid


def make_directory(path, owner):
    """The file's directory and those above it that are not there, 0700, with the file's owner; what is there stays as it is."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        make_directory(folder, owner)
        make_directories(folder, 0o700)
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
    there = status(path)
    backup, changed = "", there is None or before != wanted or (there.st_mode & 0o777, there.st_uid, there.st_gid) != (mode,) + owner
    if changed and write:
        if before != wanted and _kubeconfig.has_comments(text):
            backup = "%s.%s~" % (os.path.realpath(path), time.strftime("%Y-%m-%dT%H-%M-%S"))
            write_atomically(backup, text, mode, owner)
        write_atomically(path, _kubeconfig.render(wanted) if before != wanted or there is None else text, mode, owner)
    return before, wanted, changed, backup


def part_of(access, parameters, names):
    """Our part of the file, as data."""
    embed = parameters["embed"]
    return _kubeconfig.build(names, access.cluster(embed), access.user(embed), parameters["namespace"])


def keep(module, names, ours):
    """Bring the file to what it is to hold; what the module returns of that. ours: our part as data, None where it is to go."""
    parameters = module.params
    path = parameters["path"]
    with as_owner_of(path):
        if ours is None and not status(path):
            return {"changed": False, "backup": ""}
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
    return {"changed": changed, "backup": backup,
            "diff": {"before": shown[0], "after": shown[1], "before_header": path, "after_header": path}}


def from_node(module, names):
    """The file with an identity of this node, or of another kubeconfig."""
    parameters = module.params
    access = find_access(parameters, _kubeconfig.parse(read(parameters["path"])), names, module.check_mode)
    if access is None:
        module.warn("This host is in no cluster yet: it has no certificates")
        return {"changed": True, "backup": "", "identity": parameters["identity"], "reason": "", "server": "", "server_version": None,
                "rights": {}, "expires": {}}
    for text in access.warnings(parameters["warn_days"]):
        module.warn(text)
    return dict(keep(module, names, part_of(access, parameters, names)), **access.report())


@contextlib.contextmanager
def one_run(path):
    """Wait until no other run on this host looks after the file's token: else each would delete the token that the other wrote.

    It is a lock on the file's directory, or on the nearest that is there, which ends with the process. A filesystem without such
    locks (NFS) gives none.
    """
    with as_owner_of(path):
        handle = os.open(existing_parent(os.path.dirname(path)), os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def from_rancher(module, names):
    """The file with a token of its own in Rancher; or neither of them."""
    parameters = module.params
    purpose = parameters["rancher"]["purpose"] or "%s:%s %s" % (socket.gethostname(), parameters["path"], names["context"])
    if parameters["state"] == "present" and not module.check_mode:
        with as_owner_of(parameters["path"]):
            make_directory(parameters["path"], owner_of(parameters, parameters["path"]))  # it is what other runs wait for
    with one_run(parameters["path"]), connect(parameters["rancher"]) as client:
        tokens = Tokens(client, "fay.rancher kubeconfig " + purpose)
        kept, report, ours = None, {}, None
        if parameters["state"] == "present":
            current = _kubeconfig.parse(read(parameters["path"]))
            access, kept = through_rancher(parameters, current, names, tokens, module.check_mode)
            report, ours = access.report(), part_of(access, parameters, names)
        result = keep(module, names, ours)
        # After the file: a run that was cut off before has left a file that works, and this token is found by its description.
        superseded = [token["id"] for token in tokens.all() if token["id"] != kept]
        if superseded and not module.check_mode:
            tokens.delete(superseded)
    return dict(result, changed=result["changed"] or bool(superseded), **report)


def run(module):
    parameters = module.params
    names = {"cluster": parameters["cluster"], "context": parameters["context"] or parameters["cluster"],
             "user": parameters["user"] or parameters["cluster"]}
    if parameters["rancher"]:
        result = from_rancher(module, names)
    elif parameters["state"] == "present":
        result = from_node(module, names)
    else:
        result = keep(module, names, None)
    module.exit_json(path=parameters["path"], **result)


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
        ),
        mutually_exclusive=[("content", "pki_dir", "rancher"), ("content", "mint"), ("rancher", "mint"), ("rancher", "tls_server_name")],
        required_if=[("identity", "mint", ["mint"]), ("identity", "rancher", ["rancher"])],
        supports_check_mode=True,
    )
    if _kubeconfig.YAML_ERROR:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=_kubeconfig.YAML_ERROR)
    module.params["path"] = os.path.abspath(module.params["path"])
    if module.params["rancher"] and module.params["server"]:
        module.fail_json(msg="server is given, but through Rancher the server is Rancher's own address. Leave server out")
    for right in module.params["rights"]:
        if len(right.split()) != 2:
            module.fail_json(msg="%r in rights is no right. It must be VERB RESOURCE[.GROUP][/SUBRESOURCE], such as get pods/log" % right)
    try:
        int(module.params["mode"], 8)
    except ValueError:
        module.fail_json(msg="mode is %r. It must be octal, such as 0600" % module.params["mode"])
    try:
        run(module)
    except KubeconfigError as error:
        module.fail_json(msg="%s is no kubeconfig that can be merged into: %s. It was not touched"
                             % (module.params["path"], error))
    except (PkiError, ApiError, LockError, RancherError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="Cannot write %s: %s. It was not touched" % (module.params["path"], error))


if __name__ == "__main__":
    main()
