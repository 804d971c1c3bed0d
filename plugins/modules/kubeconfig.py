#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
module: kubeconfig
short_description: Writes a kubeconfig on a node of an RKE1 cluster
version_added: 0.1.0
description:
  - Takes an identity from the node's certificates, or the cluster administrator's from RKE's stored state, which every
    node can read, and merges it into a kubeconfig. Other clusters, users and contexts in the file stay.
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
  cluster:
    description:
      - Name of the cluster, of its user and of the context in the file.
    type: str
    required: true
  identity:
    description:
      - V(admin) is kube-admin with full rights, from RKE's stored state (C(full-cluster-state) in C(kube-system)).
      - Every other value names a certificate in O(pki_dir), such as V(kube-node) or V(kube-scheduler), with the rights
        that it has.
    type: str
    default: admin
  pki_dir:
    description:
      - Where the node's certificates are.
    type: path
    default: /etc/kubernetes/ssl
  server:
    description:
      - The API server. On every node of RKE1 127.0.0.1:6443 is one, or leads to one.
    type: str
    default: https://127.0.0.1:6443
  current:
    description:
      - Whether the context becomes the current one.
    type: bool
    default: true
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
"""

EXAMPLES = r"""
- name: Full rights for root, on any node
  fay.rancher.kubeconfig:
    cluster: fay

- name: What the notes did, the scheduler's certificate
  fay.rancher.kubeconfig:
    cluster: fay
    identity: kube-scheduler
    path: /root/.kube/scheduler
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
  sample: /root/.kube/config
server_version:
  description: The cluster's version. Null where no API server answered, which is only so with a certificate's identity.
  returned: success
  type: str
  sample: v1.21.5
"""

import os
import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.fay.rancher.plugins.module_utils import _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._files import LockError, kubectl_lock, write_atomically
from ansible_collections.fay.rancher.plugins.module_utils._kubeconfig import KubeconfigError
from ansible_collections.fay.rancher.plugins.module_utils._pki import NodeApi, PkiError, paths


def wanted(parameters):
    """(our kubeconfig as data, the cluster's version or None); raises PkiError, KubeconfigError."""
    name, directory = parameters["cluster"], parameters["pki_dir"]
    api = NodeApi(parameters["server"], directory)
    if parameters["identity"] == "admin":
        admin = _kubeconfig.parse(api.admin())
        user = dict(admin["users"][0]["user"])
        authority = {"certificate-authority-data": admin["clusters"][0]["cluster"]["certificate-authority-data"]}
        version = api.server_version()
    else:
        files = paths(directory, parameters["identity"])
        user = {"client-certificate": files["certificate"], "client-key": files["key"]}
        authority = {"certificate-authority": files["authority"]}
        try:
            version = api.server_version()
        except PkiError:
            version = None
    return _kubeconfig.build(name, name, name, parameters["server"], authority, user), version


def read(path):
    """The file's text, or an empty one; raises KubeconfigError when it is there and cannot be read."""
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise KubeconfigError("it cannot be read: %s" % error)


def run(module):
    parameters = module.params
    path = parameters["path"]
    if module.check_mode and not os.path.isdir(parameters["pki_dir"]):
        module.warn("This host is in no cluster yet: %s does not exist" % parameters["pki_dir"])
        module.exit_json(changed=True, path=path, server_version=None)
    ours, version = wanted(parameters)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder) and not module.check_mode:
        os.makedirs(folder, mode=0o700)
    if module.check_mode:
        before, after, changed = change(path, ours, parameters["current"], write=False)
    else:
        with kubectl_lock(path):
            before, after, changed = change(path, ours, parameters["current"], write=True)
    shown = [_kubeconfig.render(_kubeconfig.redact(value)) for value in (before, after)]
    module.exit_json(changed=changed, path=path, server_version=version,
                     diff={"before": shown[0], "after": shown[1], "before_header": path, "after_header": path})


def change(path, ours, current, write):
    """(data before, data after, whether they or the file's mode differ); writes the file where asked."""
    before = _kubeconfig.parse(read(path))
    after = _kubeconfig.merge(before, ours, current)
    there = os.stat(path) if os.path.exists(path) else None
    mode = 0o600
    changed = before != after or there is None or there.st_mode & 0o777 != mode
    if changed and write:
        write_atomically(path, _kubeconfig.render(after), mode, (there.st_uid, there.st_gid) if there else None)
    return before, after, changed


def main():
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", default="~/.kube/config"),
            cluster=dict(type="str", required=True),
            identity=dict(type="str", default="admin"),
            pki_dir=dict(type="path", default="/etc/kubernetes/ssl"),
            server=dict(type="str", default="https://127.0.0.1:6443"),
            current=dict(type="bool", default=True),
        ),
        supports_check_mode=True,
    )
    if _kubeconfig.YAML_ERROR:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=traceback.format_exc())
    try:
        run(module)
    except KubeconfigError as error:
        module.fail_json(msg="%s is no kubeconfig that can be merged into: %s. It was not touched"
                             % (module.params["path"], error))
    except (PkiError, LockError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="Cannot write %s: %s. It was not touched" % (module.params["path"], error))


if __name__ == "__main__":
    main()
