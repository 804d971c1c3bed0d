# SPDX-License-Identifier: GPL-3.0-or-later
"""Files get the SELinux context that Ansible's modules would give. The machine has no SELinux, so the Python binding is replaced."""
import errno
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils import _files
from ansible_collections.fay.rancher.plugins.module_utils._files import make_directories, write_atomically


class Binding:
    """Replaces ansible.module_utils.compat.selinux. A new file has the context new_t; the default of a path is default:PATH."""

    def __init__(self, enabled=1):
        self.enabled, self.contexts, self.events, self.failure = enabled, {}, [], None

    def is_selinux_enabled(self):
        return self.enabled

    def lgetfilecon_raw(self, path):
        return [0, self.contexts.get(path, "new_t")]

    def matchpathcon(self, path, mode):
        return [0, "default:" + path]

    def lsetfilecon(self, path, context):
        assert os.path.lexists(path)
        if self.failure:
            raise OSError(self.failure, os.strerror(self.failure))
        self.events.append(("set", path, context))
        self.contexts[path] = context


@pytest.fixture
def binding(monkeypatch):
    fake = Binding()
    monkeypatch.setattr(_files, "selinux", fake)
    rename = os.rename

    def record_rename(source, target):
        fake.events.append(("rename", source, target))
        rename(source, target)
        if source in fake.contexts:
            fake.contexts[target] = fake.contexts.pop(source)
        else:
            fake.contexts.pop(target, None)
    monkeypatch.setattr(os, "rename", record_rename)
    return fake


def test_new_file_gets_the_default_of_its_path_before_the_rename(binding, tmp_path):
    path = str(tmp_path / "daemon.json")
    write_atomically(path, "{}", 0o644)
    assert binding.events == [("set", path + ".fay", "default:" + path), ("rename", path + ".fay", path)]


def test_replaced_file_keeps_its_context(binding, tmp_path):
    path = str(tmp_path / "daemon.json")
    (tmp_path / "daemon.json").write_text("{}")
    binding.contexts[path] = "chosen_by_the_operator_t"
    write_atomically(path, "[]", 0o644)
    assert binding.contexts[path] == "chosen_by_the_operator_t"
    assert binding.events[0] == ("set", path + ".fay", "chosen_by_the_operator_t")


def test_replaced_target_of_a_link_keeps_its_context(binding, tmp_path):
    (tmp_path / "real").write_text("")
    (tmp_path / "link").symlink_to("real")
    binding.contexts[str(tmp_path / "real")] = "real_t"
    write_atomically(str(tmp_path / "link"), "text", 0o644)
    assert binding.contexts[str(tmp_path / "real")] == "real_t"


def test_new_directories_get_the_defaults_of_their_paths(binding, tmp_path):
    make_directories(str(tmp_path / "a" / "b"), 0o700)
    assert binding.events == [("set", str(tmp_path / name), "default:" + str(tmp_path / name)) for name in ("a", "a/b")]
    make_directories(str(tmp_path / "a" / "b"))
    assert len(binding.events) == 2
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_correct_context_is_not_set_again(binding, tmp_path):
    path = str(tmp_path / "file")
    (tmp_path / "file").write_text("")
    write_atomically(path, "text", 0o644)
    assert [event[0] for event in binding.events] == ["rename"]


@pytest.mark.parametrize("enabled", [0, -1])
def test_no_context_is_set_if_selinux_is_off(binding, tmp_path, enabled):
    binding.enabled = enabled
    write_atomically(str(tmp_path / "file"), "text", 0o644)
    assert [event[0] for event in binding.events] == ["rename"]


def test_filesystem_without_contexts_is_accepted(binding, tmp_path):
    binding.failure = errno.ENOTSUP
    write_atomically(str(tmp_path / "file"), "text", 0o644)
    assert (tmp_path / "file").read_text() == "text"


def test_denied_context_leaves_the_old_file(binding, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    binding.contexts[str(path)] = "old_t"
    binding.failure = errno.EACCES
    with pytest.raises(OSError, match="its SELinux context cannot be set .Permission denied"):
        write_atomically(str(path), "new", 0o644)
    assert path.read_text() == "old" and os.listdir(str(tmp_path)) == ["file"]


def test_files_are_written_without_libselinux(monkeypatch, tmp_path):
    monkeypatch.setattr(_files, "selinux", None)
    write_atomically(str(tmp_path / "file"), "text", 0o644)
    assert (tmp_path / "file").read_text() == "text"
