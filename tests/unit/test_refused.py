# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that the user may not read are reported as errors, never as missing."""
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
    """The end of a module, by exit_json or fail_json."""


def run_module(module, parameters, check_mode=False):
    """The result {failed, msg, …} of a module's main() for these parameters."""
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
    """The result of a function that runs as an ordinary user, in a child process. It passes through JSON."""
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
    """A directory that only root may enter, with files that modules read; everybody may enter the directories above it."""
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


def test_certificates_in_an_unreadable_directory_are_not_reported_as_missing(private):
    result = as_nobody(run_module, cluster_pki_info, {"path": private})
    assert result["failed"] is True
    assert "private/kube-ca.pem cannot be read: Permission denied. Run the module as root (become: true)" in result["msg"]


@pytest.mark.parametrize("mode", [0o711, 0o755])
def test_a_directory_that_cannot_be_listed_is_not_reported_as_empty(private, mode):
    os.chmod(private, mode)
    open(private + "/kube-node.pem", "w").close()
    open(private + "/kube-node-key.pem", "w").close()

    def names():
        try:
            return sorted(_pki.certificate_pairs(private, ".pem", "-key.pem"))
        except _pki.PkiError as error:
            return str(error)
    result = as_nobody(names)
    assert result == ["kube-node"] if mode == 0o755 else "Run the module as root" in result


def test_check_mode_does_not_report_an_unreadable_directory_as_a_host_without_a_cluster(private):
    def find():
        try:
            return find_access(private, check_mode=True)
        except _pki.PkiError as error:
            return str(error)
    assert "Run the module as root" in as_nobody(find)
    assert find_access(private + "/missing", check_mode=True) is None


def test_a_kubeconfig_in_an_unreadable_directory_is_not_reported_as_missing(private):
    def remove():
        try:
            return kubeconfig_file.update(kubeconfig_file.FileRequest(private + "/config"), kubeconfig_file.Entry(NAMES, None))
        except PermissionError as error:
            return str(error)
    assert "Permission denied" in as_nobody(remove)


def test_subnet_env_is_readable_without_root_unless_its_directory_is_private(private):
    result = as_nobody(run_module, flannel_info, {"path": private + "/subnet.env"})
    assert result["failed"] is True and result["msg"].endswith(
        "/subnet.env: Permission denied. Run the module as root (become: true)")
    os.chmod(private, 0o755)
    assert as_nobody(run_module, flannel_info, {"path": private + "/missing"}) == {"failed": False, "changed": False, "exists": False}


@pytest.mark.parametrize("option", ["space", "paths", "read", "digests"])
def test_host_info_names_the_path_that_it_may_not_read(private, option):
    parameters = dict(space=[], paths=[], read=[], digests=[], python_modules=[], ports=[], require_root=False)
    parameters[option] = [private + "/docker/image"]
    result = as_nobody(run_module, host_info, parameters)
    assert result["failed"] is True
    assert "private/docker" in result["msg"] and "Permission denied. Run the module as root (become: true)" in result["msg"]


def test_an_unreadable_ca_is_not_reported_as_missing(private):
    def connect():
        try:
            return _rancher.connect({"url": "https://rancher.example.com", "ca_cert": private + "/kube-ca.pem"}).url
        except _rancher.RancherError as error:
            return str(error)
    assert as_nobody(connect).endswith("cannot be read: Permission denied. Choose a file that the user of the task can read")


def test_a_path_below_a_file_is_missing(tmp_path):
    (tmp_path / "file").write_text("")
    assert _files.status(str(tmp_path / "file" / "below")) is None
    assert _files.status(str(tmp_path / "missing")) is None
