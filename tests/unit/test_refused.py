"""What the running user may not read is an error of the module, never the answer that nothing is there."""
import json
import os
import traceback

import pytest
from ansible_collections.fay.rancher.plugins.module_utils import _files
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig_file
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import pki as _pki
from ansible_collections.fay.rancher.plugins.module_utils._rancher import client as _rancher
from ansible_collections.fay.rancher.plugins.modules import cluster_pki_info, docker_data_root, flannel_info, host_info
from kubernetes_nodes import NAMES, find_access

NOBODY = 65534  # uid and gid of an ordinary user
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Only root can act as another user")


class Ended(Exception):
    """A module's exit_json or fail_json."""


def run_module(module, parameters, check_mode=False):
    """{failed, msg, …}: what a module's main() ends with for `parameters`."""
    class Module:
        params = dict(parameters)

        def __init__(self, **unused):
            self.check_mode = check_mode

        def exit_json(self, **result):
            raise Ended(dict(result, failed=False))

        def fail_json(self, **result):
            raise Ended(dict(result, failed=True))

        def sha256(self, path):
            with open(path, "rb") as source:
                return source.read().hex()

    module.AnsibleModule = Module
    try:
        module.main()
    except Ended as end:
        return end.args[0]


def as_nobody(function, *arguments, **options):
    """What a function returns in a child process of an ordinary user, through JSON."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            with os.fdopen(writer, "w") as target:
                try:
                    json.dump(function(*arguments, **options), target)
                except Exception:
                    json.dump({"failed": None, "msg": traceback.format_exc()}, target)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as source:
        text = source.read()
    os.waitpid(child, 0)
    return json.loads(text)


@pytest.fixture
def private(tmp_path):
    """A directory that only root may enter, below directories that everybody may; with the files that modules look for."""
    for folder in [tmp_path] + list(tmp_path.parents)[:2]:
        folder.chmod(0o755)
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    for name in ("kube-ca.pem", "subnet.env", "config"):
        (folder / name).write_text("")
    return str(folder)


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_data_root_is_not_described_without_root(check_mode):
    result = as_nobody(run_module, docker_data_root, {"path": "/var/lib/docker"}, check_mode)
    assert result["failed"] is True and "has_data" not in result
    assert result["msg"].startswith("Docker's data root and the state of an earlier move cannot be read. The tasks run as nobody on ")
    assert result["msg"].endswith("; root is required. Set become to true for the play or the host")


def test_certificates_in_a_directory_that_is_closed_are_not_absent(private):
    result = as_nobody(run_module, cluster_pki_info, {"path": private})
    assert result["failed"] is True
    assert "private/kube-ca.pem cannot be read: Permission denied. Root is required: run the module as root (become: true)" in result["msg"]


@pytest.mark.parametrize("mode", [0o711, 0o755])
def test_a_directory_whose_names_are_not_shown_is_not_empty(private, mode):
    os.chmod(private, mode)
    open(private + "/kube-node.pem", "w").close()
    open(private + "/kube-node-key.pem", "w").close()

    def names():
        try:
            return sorted(_pki.certificate_pairs(private, ".pem", "-key.pem"))
        except _pki.PkiError as error:
            return str(error)
    result = as_nobody(names)
    assert result == ["kube-node"] if mode == 0o755 else "Root is required" in result


def test_check_mode_does_not_take_a_closed_directory_for_a_host_without_a_cluster(private):
    def find():
        try:
            return find_access(private, check_mode=True)
        except _pki.PkiError as error:
            return str(error)
    assert "Root is required" in as_nobody(find)
    assert find_access(private + "/missing", check_mode=True) is None


def test_a_kubeconfig_in_a_closed_directory_is_not_absent(private):
    def remove():
        try:
            return kubeconfig_file.update(kubeconfig_file.FileRequest(private + "/config"), kubeconfig_file.Entry(NAMES, None))
        except PermissionError as error:
            return str(error)
    assert "Permission denied" in as_nobody(remove)


def test_flannels_file_is_read_by_everybody_unless_it_is_closed(private):
    result = as_nobody(run_module, flannel_info, {"path": private + "/subnet.env"})
    assert result["failed"] is True and result["msg"].endswith(
        "/subnet.env: Permission denied. Run the module as root (become: true)")
    os.chmod(private, 0o755)
    assert as_nobody(run_module, flannel_info, {"path": private + "/missing"}) == {"failed": False, "changed": False, "exists": False}


@pytest.mark.parametrize("option", ["space", "paths", "read", "digests"])
def test_the_preflight_names_what_it_may_not_read(private, option):
    parameters = dict(space=[], paths=[], read=[], digests=[], python_modules=[], ports=[], require_root=False)
    parameters[option] = [private + "/docker/image"]
    result = as_nobody(run_module, host_info, parameters)
    assert result["failed"] is True
    assert "private/docker" in result["msg"] and "Permission denied. Run the module as root (become: true)" in result["msg"]


def test_a_ca_that_may_not_be_read_does_not_count_as_missing(private):
    def connect():
        try:
            return _rancher.RancherClient("https://rancher.example.com", ca_cert=private + "/kube-ca.pem").url
        except _rancher.RancherError as error:
            return str(error)
    assert as_nobody(connect).endswith("cannot be read: Permission denied. Choose a file that the user of the task can read")


def test_a_path_below_a_file_is_absent(tmp_path):
    (tmp_path / "file").write_text("")
    assert _files.status(str(tmp_path / "file" / "below")) is None
    assert _files.status(str(tmp_path / "missing")) is None
