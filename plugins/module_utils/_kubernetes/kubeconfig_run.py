# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run of the module kubeconfig. Private to the collection.

    parameters → Request → Access → VerifiedAccess → Entry → FileChange → result

Only parse_request() reads the parameters. Each following step gets immutable values and returns a new one.
"""
import os
import socket
from typing import NamedTuple

from ansible_collections.fay.rancher.plugins.module_utils._files import LockError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import access as _access
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig_file as _file
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import pki as _pki
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.access import Requirements, ServerRequest
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.api import ApiError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.identity import MintRequest, NodeIdentityFinder, access_of_content
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig import KubeconfigError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig_file import Entry, FileRequest
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError, UnreadableError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.rancher_access import TokenRequest, find_token_access
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import CONNECTION_ARGUMENTS, RancherError, connect
from ansible_collections.fay.rancher.plugins.module_utils._rancher.tokens import Tokens
from ansible_collections.fay.rancher.plugins.module_utils._secrets import repr_of

DEFAULT_IDENTITY = "admin"


class RunError(Exception):
    """An option is not valid, or the run failed. The message is for the user."""


class NodeRequest(NamedTuple):
    """An identity of a node, from the options `identity`, `pki_dir` and `mint`."""

    identity: str
    pki_dir: str = None  # None: the first directory with certificates
    mint: dict = None  # {subject, days} or None


class RancherRequest(NamedTuple):
    """A token of Rancher, from the option `rancher`."""

    connection: dict  # as for connect()
    cluster: str  # its name in Rancher
    purpose: str
    days: int

    __repr__ = repr_of("cluster", "purpose", "days")


class Request(NamedTuple):
    """What a run must achieve: an Entry of `names` in a file, with an identity of one of three sources."""

    file: FileRequest
    names: dict  # {cluster, user, context}
    is_present: bool
    make_current: bool
    embed: bool
    warn_days: int
    check_mode: bool
    requirements: Requirements
    server: ServerRequest
    node: NodeRequest  # used without `content` and `rancher`
    content: str  # another kubeconfig, or None
    rancher: RancherRequest  # or None

    __repr__ = repr_of("file", "names", "is_present", "node", "rancher", "check_mode")


def run(request, warn):
    """What the module returns for a Request. warn: function that shows a warning (str) to the user. Raises RunError."""
    try:
        result = run_with_rancher(request, warn) if request.rancher else run_without_rancher(request, warn)
    except KubeconfigError as error:
        raise RunError("%s is not a valid kubeconfig: %s. The file was not changed" % (request.file.path, error))
    except (PkiError, ApiError, LockError, RancherError) as error:
        raise RunError(str(error))
    except OSError as error:
        raise RunError("Cannot write %s: %s. The file was not changed" % (request.file.path, error))
    return dict(result, path=request.file.path)


# ---- parameters → Request

def parse_request(parameters, check_mode):
    """The Request of the module's parameters. Raises RunError."""
    check_parameters(parameters)
    path = os.path.abspath(parameters["path"])
    names = {"cluster": parameters["cluster"], "context": parameters["context"] or parameters["cluster"],
             "user": parameters["user"] or parameters["cluster"]}
    return Request(
        file=FileRequest(path, parameters["owner"], parameters["group"], int(parameters["mode"], 8)),
        names=names, is_present=parameters["state"] == "present", make_current=parameters["current"], embed=parameters["embed"],
        warn_days=parameters["warn_days"], check_mode=check_mode,
        requirements=Requirements(parameters["verify"], tuple(parameters["rights"]), parameters["namespace"]),
        server=ServerRequest(tuple(parameters["server"]), parameters["tls_server_name"]),
        node=NodeRequest(DEFAULT_IDENTITY if parameters["identity"] is None else parameters["identity"], parameters["pki_dir"],
                         parameters["mint"]),
        content=parameters["content"],
        rancher=parse_rancher(parameters["rancher"], path, names) if parameters["rancher"] else None)


def parse_rancher(options, path, names):
    """The RancherRequest of the option `rancher`."""
    purpose = options["purpose"] or "%s:%s %s" % (socket.gethostname(), path, names["context"])
    connection = {name: options.get(name) for name in CONNECTION_ARGUMENTS}
    return RancherRequest(connection, options["cluster"] or names["cluster"], "fay.rancher kubeconfig " + purpose, options["days"])


def check_parameters(parameters):
    """Raise RunError for parameters that are not valid together, or not valid at all."""
    if parameters["rancher"] and parameters["server"]:
        raise RunError("server and rancher are both set, but a kubeconfig through Rancher uses Rancher's address. Leave out server")
    if parameters["rancher"] and parameters["identity"] not in (None, "rancher"):
        raise RunError("identity is %s and rancher is set, but a kubeconfig through Rancher uses a token of Rancher. Leave out one of them"
                       % parameters["identity"])
    for right in parameters["rights"]:
        if len(right.split()) != 2:
            raise RunError("%r in rights is not a valid permission: it must be VERB RESOURCE[.GROUP][/SUBRESOURCE], such as get pods/log"
                           % right)
    try:
        int(parameters["mode"], 8)
    except ValueError:
        raise RunError("mode is %r; an octal number is required, such as 0600" % parameters["mode"])


# ---- Request → result

def run_without_rancher(request, warn):
    """What the module returns for a Request without `rancher`. Raises PkiError, ApiError, KubeconfigError, LockError, OSError."""
    if not request.is_present:
        return update_file(request, None, warn)
    verified = find_access(request, _file.read_data(request.file.path))
    if verified is None:
        warn("No cluster certificates were found; assuming that this host has not joined a cluster yet")
        return {"changed": True, "backup": "", "identity": request.node.identity, "reason": "", "server": "", "server_version": None,
                "rights": {}, "expires": {}}
    for warning in _access.expiry_warnings(verified, request.warn_days):
        warn(warning)
    return dict(update_file(request, verified, warn), **_access.report(verified))


def run_with_rancher(request, warn):
    """What the module returns for a Request with `rancher`. Afterwards the file contains its own token, or entry and token are deleted.

    Raises RancherError, PkiError, ApiError, KubeconfigError, LockError, OSError.
    """
    if request.is_present and not request.check_mode:
        _file.create_directory(request.file)  # other runs wait for the lock on it
    with _file.directory_lock(request.file.path), connect(request.rancher.connection) as client:
        tokens = Tokens(client, request.rancher.purpose)
        verified, token_id = None, None
        if request.is_present:
            verified, token_id = find_token(request, _file.read_data(request.file.path), tokens)
        result = update_file(request, verified, warn)
        # Not earlier: if the run is interrupted before it writes the file, the token in the file must be valid. The next run then finds
        # both tokens.
        superseded = [token["id"] for token in tokens.all() if token["id"] != token_id]
        if superseded and not request.check_mode:
            tokens.delete(superseded)
    if superseded:
        result = dict(result, changed=True)
    return dict(result, **_access.report(verified)) if verified else result


# ---- Request → VerifiedAccess

def find_access(request, current):
    """The VerifiedAccess from `content` or a node; None in check mode on a host without certificates.

    current: the data of the file. Raises PkiError, ApiError.
    """
    if request.content:
        access = access_of_content(request.content, request.server, request.requirements.verify)
        return _access.validate(access, request.requirements)
    try:
        layout = _pki.find_layout(request.node.pki_dir)
    except PkiError as error:
        if request.check_mode and not isinstance(error, UnreadableError):
            return None
        raise
    mint = request.node.mint and MintRequest(
        request.node.mint["subject"], request.node.mint["days"], request.warn_days, current_user(current, request.names))
    return NodeIdentityFinder(layout, request.server, request.requirements, mint).find(request.node.identity)


def find_token(request, current, tokens):
    """The TokenAccess for a Request. current: the data of the file. tokens: Tokens. Raises RancherError, PkiError, ApiError."""
    user = current_user(current, request.names)
    token_request = TokenRequest(request.rancher.cluster, request.rancher.days, request.warn_days, user.get("token"))
    return find_token_access(tokens, token_request, request.requirements, request.check_mode)


def current_user(current, names):
    """The fields of the user in a kubeconfig as data; empty without one."""
    return _kubeconfig.find_entry(current, "users", "user", names["user"]) or {}


# ---- VerifiedAccess → Entry → FileChange → result

def update_file(request, verified, warn):
    """Write a VerifiedAccess into the file, or remove its entry for None. Returns {changed, backup, diff}.

    Raises KubeconfigError, LockError, OSError.
    """
    entry = build_entry(request, verified) if verified else Entry(request.names, None)
    change = _file.update(request.file, entry, request.check_mode)
    if change is None:
        return {"changed": False, "backup": ""}
    if change.backup:
        warn("Comments in %s cannot be preserved; the original was saved as %s" % (request.file.path, change.backup))
    return describe_change(request.file.path, change)


def build_entry(request, verified):
    """The Entry with a VerifiedAccess."""
    cluster = _access.cluster_fields(verified.access.server, request.embed)
    user = _access.user_fields(verified.access.identity, request.embed)
    kubeconfig = _kubeconfig.build(request.names, cluster, user, request.requirements.namespace)
    return Entry(request.names, kubeconfig, request.make_current)


def describe_change(path, change):
    """{changed, backup, diff} of a FileChange, without secrets."""
    before, after = (_kubeconfig.render(_kubeconfig.redact(value)) for value in (change.before, change.after))
    return {"changed": change.changed, "backup": change.backup,
            "diff": {"before": before, "after": after, "before_header": path, "after_header": path}}
