# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a kubeconfig: its directory, its owner, its comments, and links that users create."""
import json
import os
import subprocess
import sys

import pytest
from ansible_collections.fay.rancher.plugins.module_utils import _files
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig_file
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig import KubeconfigError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig_file import Entry, FileRequest
from conftest import ROOT, needs_ansible
from kubernetes_nodes import NAMES

ADDITION = _kubeconfig.build(NAMES, {"server": "https://x"}, {"token": "t"})


def request(path, **options):
    return FileRequest(str(path), **options)


def test_update_creates_file_and_directory_and_then_changes_nothing(tmp_path):
    path = tmp_path / "new" / "config"
    assert kubeconfig_file.update(request(path), Entry(NAMES, ADDITION), check_mode=True).changed and not path.parent.exists()
    change = kubeconfig_file.update(request(path), Entry(NAMES, ADDITION))
    assert change.changed and change.is_new and change.after == ADDITION
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert not kubeconfig_file.update(request(path), Entry(NAMES, ADDITION)).changed


def test_update_changes_the_mode_without_rewriting_the_text(tmp_path):
    path = tmp_path / "config"
    text = "# comment\n" + _kubeconfig.render(ADDITION)
    path.write_text(text)
    change = kubeconfig_file.update(request(path, mode=0o640), Entry(NAMES, ADDITION))
    assert change.changed and not change.data_changed and change.backup == ""
    assert path.read_text() == text and path.stat().st_mode & 0o777 == 0o640


def test_comments_are_saved_in_a_backup(tmp_path):
    path = tmp_path / "config"
    path.write_text("# comment\nkind: Config\n")
    change = kubeconfig_file.update(request(path), Entry(NAMES, ADDITION))
    with open(change.backup) as source:
        assert source.read() == "# comment\nkind: Config\n"
    assert change.backup.startswith(str(path) + ".") and "#" not in path.read_text()


def test_absent_entry_needs_no_file(tmp_path):
    path = tmp_path / "config"
    assert kubeconfig_file.update(request(path), Entry(NAMES, None)) is None and not path.exists()
    kubeconfig_file.update(request(path), Entry(NAMES, ADDITION))
    assert kubeconfig_file.update(request(path), Entry(NAMES, None)).after == _kubeconfig.empty()
    assert not kubeconfig_file.update(request(path), Entry(NAMES, None)).changed


@needs_ansible
def test_relative_path_is_resolved_in_the_working_directory(tmp_path, node):
    """With such a path, the search for the nearest existing directory would not end."""
    program = os.path.join(os.path.dirname(sys.executable), "ansible")
    options = {"path": "new/config", "cluster": "a", "identity": "kube-proxy", "pki_dir": node, "verify": False,
               "server": ["https://192.0.2.1"]}
    process = subprocess.run(
        [program, "localhost", "-c", "local", "-m", "fay.rancher.kubeconfig", "-a", json.dumps(options),
         "-e", "ansible_python_interpreter=" + sys.executable],
        cwd=tmp_path, env=dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg")), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=60)
    assert process.returncode == 0, process.stdout
    assert (tmp_path / "new" / "config").stat().st_mode & 0o777 == 0o600


# ---- owner

def test_new_directories_belong_to_the_owner_of_the_file(tmp_path, monkeypatch):
    owners = []
    monkeypatch.setattr(os, "chown", lambda path, *owner: owners.append((path, owner)))
    path = str(tmp_path / "a" / "b" / "config")
    kubeconfig_file.make_directory(path, (7, 8))
    assert owners == [(str(tmp_path / "a"), (7, 8)), (str(tmp_path / "a" / "b"), (7, 8))]
    assert all(os.stat(directory).st_mode & 0o777 == 0o700 for directory, _owner in owners)
    kubeconfig_file.make_directory(path, (9, 9))
    assert len(owners) == 2


def test_a_directory_is_created_as_the_user_who_controls_its_parent(home, monkeypatch):
    users, mkdir = [], os.mkdir

    def record_user(path, *arguments):
        users.append(os.geteuid())
        mkdir(path, *arguments)

    monkeypatch.setattr(os, "mkdir", record_user)
    path = os.path.join(home, ".kube", "config")
    kubeconfig_file.create_directory(request(path))
    assert users == [65534] and os.geteuid() == 0 and os.stat(os.path.dirname(path)).st_uid == 65534


@pytest.mark.parametrize("owner, group, name", [("nosuch", None, "user nosuch"), (None, "nosuch", "group nosuch")])
def test_unknown_owner_or_group_is_named(tmp_path, owner, group, name):
    with pytest.raises(OSError, match="the %s does not exist on this host. Create it first" % name):
        kubeconfig_file.resolve_owner(request(tmp_path / "config", owner=owner, group=group))


def test_another_owner_in_the_directory_of_a_user_is_rejected(home):
    path = os.path.join(home, "config")
    with _files.as_owner_of(path):
        assert kubeconfig_file.resolve_owner(request(path)) == (65534, 65534)
        with pytest.raises(OSError, match="its owner cannot be changed to uid 0 by uid 65534, which runs the task or owns the directory"):
            kubeconfig_file.resolve_owner(request(path, owner="root"))


# ---- links that users create

def test_root_does_not_read_a_file_that_the_user_may_not_read(home):
    secret, link = os.path.join(os.path.dirname(home), "secret"), os.path.join(home, "config")
    with open(secret, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
        target.write("users: [{name: root, user: {token: secret}}]")
    os.symlink(secret, link)
    os.lchown(link, 65534, 65534)
    with pytest.raises(KubeconfigError, match="the owner of its directory .uid 65534. cannot read it"):
        kubeconfig_file.read_text(link)
    with pytest.raises(KubeconfigError, match="it cannot be read: .*Permission denied"), _files.as_owner_of(link):
        kubeconfig_file.read_text(link)  # the message if the task runs as the user


def test_root_does_not_write_a_file_that_the_user_may_not_write(home):
    target, link = os.path.join(os.path.dirname(home), "target"), os.path.join(home, "config")
    os.symlink(target, link)
    os.lchown(link, 65534, 65534)
    with pytest.raises(PermissionError):
        kubeconfig_file.update(request(link), Entry(NAMES, ADDITION))
    assert not os.path.exists(target)
