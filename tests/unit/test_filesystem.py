# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mounts and filesystems are recognized on a host."""
import errno
import os
import tempfile
import types

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import filesystem
from hypothesis import given
from hypothesis import strategies as st

# As in proc(5); the last line is a mount on the previous one.
LINE = "36 35 98:0 /mnt1 %s rw,noatime master:1 shared:2 - %s /dev/root rw,errors=continue\n"
paths = st.binary(min_size=1).filter(lambda path: b"\0" not in path).map(lambda path: b"/" + path)


def escape(path):
    """The bytes of a path as the kernel writes them: Linux fs/proc_namespace.c, mangle()."""
    for character in b"\\ \t\n#":
        path = path.replace(bytes([character]), b"\\%03o" % character)
    return path


def mount_lines(*mounts):
    return "".join(LINE % mount for mount in mounts).encode("utf-8")


# ---- /proc/self/mountinfo

@pytest.mark.parametrize("escaped, point", [
    ("/srv/données", "/srv/données"), ("/srv/数据", "/srv/数据"), ("/srv/with\\040space", "/srv/with space"),
    ("/srv/caf\\303\\251", "/srv/café"), ("/srv/tab\\011line\\012hash\\043", "/srv/tab\tline\nhash#"),
    ("/srv/back\\134slash", "/srv/back\\slash"), ("/srv/\\134040", "/srv/\\040"), ("/srv/a\u00a0b", "/srv/a\u00a0b"),
    ("/srv/return\rfeed\x0b", "/srv/return\rfeed\x0b"), ("/srv/\u2028line", "/srv/\u2028line"),
])
def test_mount_points_with_any_letters_are_read(escaped, point):
    content = mount_lines(("/", "ext4"), (escaped, "xfs"), ("/last", "tmpfs"))
    assert filesystem.parse_mountinfo(content) == [("/", "ext4"), (point, "xfs"), ("/last", "tmpfs")]


def test_a_mount_point_that_is_not_utf8_is_the_path_that_python_uses(tmp_path):
    point = b"/srv/caf\xe9"
    assert os.fsencode(filesystem.parse_mountinfo(mount_lines(("/x", "xfs")).replace(b"/x", point))[0][0]) == point


def test_the_filesystem_of_a_path_with_letters_beyond_ascii_is_found(monkeypatch):
    content = mount_lines(("/", "ext4"), ("/srv/données", "nfs4"), ("/srv/a\\040b", "xfs"))
    monkeypatch.setattr(filesystem, "list_mounts", lambda: filesystem.parse_mountinfo(content))
    assert filesystem.filesystem_type("/srv/données/docker") == "nfs4"
    assert filesystem.filesystem_type("/srv/donnée") == "ext4"
    assert filesystem.filesystem_type("/srv/a b") == "xfs"
    assert filesystem.mounts_below("/srv") == ["/srv/données", "/srv/a b"]


@given(st.lists(st.tuples(paths, paths)))
def test_no_mount_is_lost_whatever_its_name_is(mounts):
    line = b"36 35 98:0 %s %s rw shared:2 - ext4 /dev/root rw\n"
    content = b"".join(line % (escape(root), escape(point)) for root, point in mounts)
    assert filesystem.parse_mountinfo(content) == [(os.fsdecode(point), "ext4") for unused, point in mounts]


@given(st.binary())
def test_any_content_of_mountinfo_is_accepted(content):
    filesystem.parse_mountinfo(content)


def test_the_mounts_of_this_host_are_read():
    assert "/" in [point for point, unused in filesystem.list_mounts()]


# ---- filesystems for Docker's data

@pytest.mark.parametrize("kind", [
    "nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "virtiofs", "fuse", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.ceph-fuse",
    "fuseblk", "ntfs3", "ntfs", "vfat", "exfat", "overlay", "ecryptfs", "lustre", "gfs2", "ocfs2", "afs", "squashfs", "vboxsf", "hfsplus"])
def test_filesystems_that_do_not_support_overlay2_are_reported(monkeypatch, kind):
    monkeypatch.setattr(filesystem, "filesystem_type", lambda path: kind)
    assert filesystem.data_root_problem("/data/docker", "/data") == (
        "/data/docker is on a filesystem of type %s, which does not support overlay2. Use ext4 or xfs" % kind)


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs", "rootfs"])
def test_filesystems_in_memory_are_reported(monkeypatch, kind):
    monkeypatch.setattr(filesystem, "filesystem_type", lambda path: kind)
    assert "of type %s, which loses Docker's data when the host restarts" % kind in filesystem.data_root_problem("/data/docker", "/data")


@pytest.mark.parametrize("kind", ["ext4", "ext3", "xfs", "btrfs", "f2fs", "zfs", "bcachefs"])
def test_other_filesystems_are_reported_only_without_entry_types(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(filesystem, "filesystem_type", lambda path: kind)
    assert filesystem.data_root_problem("/data/docker", str(tmp_path)) == ""
    assert os.listdir(str(tmp_path)) == []
    monkeypatch.setattr(filesystem, "reports_entry_types", lambda path: False)
    assert "does not report the types of entries (d_type)" in filesystem.data_root_problem("/data/docker", str(tmp_path))


def test_a_filesystem_that_is_mounted_read_only_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(filesystem, "filesystem_type", lambda path: "ext4")
    monkeypatch.setattr(os, "statvfs", lambda path: types.SimpleNamespace(f_flag=os.ST_RDONLY | os.ST_NOATIME))
    assert filesystem.data_root_problem("/data/docker", str(tmp_path)) == (
        "/data/docker is on a filesystem that is mounted read-only. Mount it for writing, or choose another path")


# ---- tests that need an entry in a directory

@pytest.fixture
def old_directory(tmp_path):
    """An empty directory that was last changed long ago."""
    os.utime(str(tmp_path), ns=(10 ** 18, 10 ** 18))
    return str(tmp_path)


def assert_unchanged(directory, names):
    assert os.stat(directory).st_mtime_ns == 10 ** 18 and set(os.listdir(directory)) == names


@pytest.mark.parametrize("check", [filesystem.reports_entry_types, filesystem.can_exchange])
def test_an_empty_directory_is_unchanged_after_a_test_of_its_filesystem(old_directory, monkeypatch, check):
    make, made = tempfile.mkdtemp, []
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **options: made.append(options["dir"]) or make(**options))
    check(old_directory)
    assert made == [old_directory]
    assert_unchanged(old_directory, set())


def test_entry_types_are_read_from_existing_entries(old_directory, monkeypatch):
    os.mkdir(os.path.join(old_directory, "data"))
    os.symlink("x", os.path.join(old_directory, "link"))
    os.utime(old_directory, ns=(10 ** 18, 10 ** 18))
    monkeypatch.setattr(tempfile, "mkdtemp", None)
    assert filesystem.reports_entry_types(old_directory)
    assert sorted(filesystem.entry_types(old_directory)) == [4, 10]  # DT_DIR, DT_LNK
    assert_unchanged(old_directory, {"data", "link"})


def test_an_entry_without_a_type_means_that_types_are_not_reported(old_directory, monkeypatch):
    monkeypatch.setattr(filesystem, "entry_types", lambda directory: [4, 0])
    assert not filesystem.reports_entry_types(old_directory)


def test_a_directory_in_which_nothing_can_be_created_is_accepted(old_directory, monkeypatch):
    def fail(**options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(tempfile, "mkdtemp", fail)
    assert filesystem.reports_entry_types(old_directory) and not filesystem.can_exchange(old_directory)


def test_a_failed_test_of_the_filesystem_leaves_no_entry(old_directory, monkeypatch):
    def fail(*names):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    monkeypatch.setattr(filesystem, "exchange", fail)
    assert not filesystem.can_exchange(old_directory)
    assert_unchanged(old_directory, set())
