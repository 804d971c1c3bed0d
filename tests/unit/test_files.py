# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are written as a whole and under kubectl's lock, also when processes are killed."""
import os
import signal
import subprocess
import sys

import pytest
from ansible_collections.fay.rancher.plugins.module_utils import _files
from conftest import ROOT

COLLECTIONS = os.path.join(ROOT, ".ansible", "collections")


def test_file_is_written_with_its_mode_and_a_link_is_kept(tmp_path):
    path, link = tmp_path / "config", tmp_path / "link"
    _files.write_atomically(str(path), "one", 0o600)
    link.symlink_to(path)
    _files.write_atomically(str(link), "two", 0o640)
    assert path.read_text() == "two" and path.stat().st_mode & 0o777 == 0o640 and link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["config", "link"]


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "config"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        _files.write_atomically(str(path), "\ud800", 0o600)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["config"]


def test_kill_between_write_and_rename_leaves_the_old_file_and_the_next_run_continues(tmp_path):
    path = tmp_path / "config"
    path.write_text("old")
    program = (
        "import os, signal, sys; sys.path.insert(0, %r)\n"
        "from ansible_collections.fay.rancher.plugins.module_utils._files import kubectl_lock, write_atomically\n"
        "os.rename = lambda *unused: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with kubectl_lock(%r):\n"
        "    write_atomically(%r, 'new', 0o600)\n") % (COLLECTIONS, str(path), str(path))
    assert subprocess.call([sys.executable, "-c", program]) == -signal.SIGKILL
    assert path.read_text() == "old" and sorted(os.listdir(tmp_path)) == ["config", "config.fay", "config.lock"]
    with _files.kubectl_lock(str(path), 1):
        _files.write_atomically(str(path), "new", 0o600)
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["config"]


def test_link_beside_the_file_is_not_followed(tmp_path, monkeypatch):
    """Another user of the directory could create it, and create it again after it was removed."""
    (tmp_path / "other").write_text("unchanged")
    (tmp_path / "config.fay").symlink_to(tmp_path / "other")
    _files.write_atomically(str(tmp_path / "config"), "new", 0o600)
    assert (tmp_path / "other").read_text() == "unchanged" and (tmp_path / "config").read_text() == "new"
    (tmp_path / "config.fay").symlink_to(tmp_path / "other")
    monkeypatch.setattr(os, "unlink", lambda path: None)
    with pytest.raises(FileExistsError):
        _files.write_atomically(str(tmp_path / "config"), "newer", 0o600)
    assert (tmp_path / "other").read_text() == "unchanged" and (tmp_path / "config").read_text() == "new"


# ---- kubectl's lock

def test_lock_serializes_writers(tmp_path):
    """Four processes append twenty letters each. None is lost."""
    path = str(tmp_path / "config")
    program = (
        "import sys; sys.path.insert(0, %r)\n"
        "from ansible_collections.fay.rancher.plugins.module_utils._files import kubectl_lock, write_atomically\n"
        "import os\n"
        "for turn in range(20):\n"
        "    with kubectl_lock(%r, 60):\n"
        "        old = open(%r).read() if os.path.exists(%r) else ''\n"
        "        write_atomically(%r, old + 'x', 0o600)\n"
    ) % (COLLECTIONS, path, path, path, path)
    writers = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    assert os.path.getsize(path) == 80 and os.listdir(tmp_path) == ["config"]


def test_entry_that_kubectl_removes_is_written_again(tmp_path):
    """kubectl reads the file before the entry is added, and then writes the file without it."""
    path = tmp_path / "config"
    removals = []

    def change():
        if path.exists() and not removals:
            path.unlink()
            removals.append(1)
        changed = not path.exists()
        path.write_text("entry")
        return changed
    assert _files.change_under_kubectl_lock(str(path), change) == 2 and removals
    assert _files.change_under_kubectl_lock(str(path), change) == 0


@pytest.mark.parametrize("content", [b"", b"fay.rancher\nmore", b"fay.ranche"])
def test_lock_of_another_program_is_not_removed(tmp_path, content):
    lock = tmp_path / "config.lock"
    lock.write_bytes(content)
    assert not _files.remove_stale_lock(str(lock)) and lock.exists()


def test_lock_that_is_held_is_not_removed(tmp_path):
    with _files.kubectl_lock(str(tmp_path / "config")):
        assert not _files.remove_stale_lock(str(tmp_path / "config.lock"))
        with pytest.raises(_files.LockError), _files.kubectl_lock(str(tmp_path / "config"), 0.2):
            pass
    assert os.listdir(tmp_path) == []


def test_lock_that_is_not_released_is_reported(tmp_path):
    path = str(tmp_path / "config")
    open(path + ".lock", "w").close()
    with pytest.raises(_files.LockError, match="config.lock has existed for more than"), _files.kubectl_lock(path, 0.2):
        pass
    assert os.path.exists(path + ".lock")


# ---- acting as another user

def test_root_acts_as_the_user_who_owns_the_directory(home):
    with _files.as_owner_of(os.path.join(home, ".kube", "config")):
        assert (os.geteuid(), os.getegid(), 0 in os.getgroups()) == (65534, 65534, False)
    assert os.geteuid() == os.getegid() == 0


@pytest.mark.parametrize("is_below_home, mode", [(False, 0o755), (True, 0o700)])
def test_root_remains_root_where_no_user_can_change_the_path(home, is_below_home, mode):
    """In a directory of root's, and below one that only root can enter."""
    os.chmod(os.path.dirname(home), mode)
    with _files.as_owner_of(os.path.join(home, "config") if is_below_home else "/etc/kubernetes/config"):
        assert os.geteuid() == 0
