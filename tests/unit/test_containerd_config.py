# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root in containerd's config.toml, found and replaced in any syntax of TOML."""
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine.containerd_config import find_root, set_root
from ansible_collections.fay.rancher.plugins.module_utils._engine.engine_files import containerd_root, move_containerd_root
from docker_host import create_host, write_text
from hypothesis import example, given
from hypothesis import strategies as st

try:
    import tomllib
except ImportError:  # before Python 3.11
    tomllib = None


def value_of(text):
    match = find_root(text)
    return match and match[2]


@pytest.mark.parametrize("text, value", [
    ('root = "/a"', "/a"), ("version = 2\n  root='/a' # x\n", "/a"), ("'root' = \"\"\"\n/a\"\"\"", "/a"), ('"r\\u006fot"="/a"', "/a"),
    ("root = '''/a'b'''", "/a'b"), ('root = "/a\\"\\u0062\\t"', '/a"b\t'), ('root = """/a\\\n   /b"""', "/a/b"), ('root = ""', ""),
    ('root = "/a"\r\nstate = "/b"\r\n', "/a"), ('\ufeffroot = "/a"', "/a"), ('Root = "/a"', "/a"), ('ROOT = "/b"\nroot = "/a"', "/a"),
    ('# root = "/old"\nstate = "/old"\nroot = "/a"', "/a"),
    ('imports = [\n  "x",\n root = "/old"\n]\nroot = "/a"', "/a"),
    ('x = """\nroot = "/old"\n"""\nroot = "/a"', "/a"), ("x = '''\nroot = '/old'\n'''\nroot = '/a'", "/a"),
    ('x = "# \\""\nroot = "/a"', "/a"), ('oom_score = 0\nx.root = "/old"\n', None), ('x = {root = "/old"}', None),
    ('[plugins]\nroot = "/old"', None), ('[[x]]\nroot = "/old"', None), ('rootless = "/old"\nmy-root = "/old"', None),
    ("'''\nroot = '/old'", None), ("root = 5", None), ('root = ["/old"]', None), ('root = "/old', None), ("", None),
])
def test_only_the_root_of_the_top_level_is_found(text, value):
    assert value_of(text) == value


CONFIG = """\
# root = "%(old)s/containerd"\r
version = 2
state = "%(old)s/containerd"
root = "%(old)s/containerd"  # on the large disk

[plugins."io.containerd.grpc.v1.cri"]
  root = "%(old)s/containerd"
[debug]
  address = '%(old)s/containerd'
"""


def test_only_the_root_is_replaced_in_a_file_that_contains_it_several_times(tmp_path, monkeypatch):
    host = create_host(tmp_path, monkeypatch)
    write_text(host.containerd_config, CONFIG % {"old": host.default_root})
    os.chmod(host.containerd_config, 0o600)
    move_containerd_root(host, host.default_root, "/new")
    with open(host.containerd_config, newline="") as source:
        text = source.read()
    expected = (CONFIG % {"old": host.default_root}).replace('\nroot = "%s/' % host.default_root, '\nroot = "/new/')
    assert text == expected
    assert os.stat(host.containerd_config).st_mode & 0o777 == 0o600


def test_a_relative_root_is_not_taken_for_one_below_the_current_directory(tmp_path, monkeypatch):
    host = create_host(tmp_path, monkeypatch)
    monkeypatch.chdir(host.default_root)
    write_text(host.containerd_config, 'root = "containerd"')
    assert containerd_root(host, os.path.realpath(host.default_root)) is None


@pytest.mark.parametrize("value", ["relative", "/other/containerd", "/a\\u0000"])
def test_another_root_is_left_unchanged(tmp_path, monkeypatch, value):
    host = create_host(tmp_path, monkeypatch)
    text = 'root = "%s"\r\n# %s\r\n' % (value, host.default_root)
    write_text(host.containerd_config, text)
    assert containerd_root(host, host.default_root) is None
    move_containerd_root(host, host.default_root, "/new")
    with open(host.containerd_config, newline="") as source:
        assert source.read() == text


@pytest.mark.parametrize("text, root, expected", [
    ("root = '/a' # b\n", "/c", "root = '/c' # b\n"), ("root = '/a'", "/c'd", 'root = "/c\'d"'),
    ('root = """\n/a"""', '/"\\\x7f', 'root = "/\\"\\\\\\u007f"'),
])
def test_the_new_value_is_quoted(text, root, expected):
    assert set_root(text, root) == expected
    assert value_of(expected) == root


# ---- any text

lines = st.lists(st.sampled_from([
    'root = "/a"', "'root' = '/a'", '"root"="""', '"""', "'''", 'state = "root = \'/b\'"', 'x = [ "a", # ]', "]", "[plugins]", "[[a]]",
    "# \"", "\\", 'y = """a\\"""b"""', "z = '''a'''''", 'Root.x = 1', "v = {a = [1], b = \"}\"}", "root", "=", 'd = 2020-01-01',
    'w = """\nroot = "/b"\n"""',
]) | st.text(max_size=8)).map("\n".join)


@given(lines, st.text(min_size=1).map("/".__add__))
@example('x = """"a""""\nroot = """"/a"""""', "/b")
def test_any_text_is_read_as_toml_is(text, root):
    match = find_root(text)
    changed = set_root(text, root)
    if match:
        begin, end, unused = match
        assert changed.startswith(text[:begin]) and changed.endswith(text[end:])
        assert value_of(changed) == root
    if tomllib:
        try:
            expected = tomllib.loads(text)
        except ValueError:
            return
        has_root = isinstance(expected.get("root"), str)
        assert not has_root or match[2] == expected["root"]
        if has_root:
            assert tomllib.loads(changed) == dict(expected, root=root)
