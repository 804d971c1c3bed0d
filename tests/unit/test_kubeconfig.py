"""kubeconfigs as data: the notes' own file, merges that lose nothing, and files that a kill leaves whole."""
import os
import signal
import subprocess
import sys
import tempfile

import pytest
import yaml
from ansible_collections.fay.rancher.plugins.module_utils import _files
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from ansible_collections.fay.rancher.plugins.modules import kubeconfig
from conftest import RECORDINGS, ROOT
from hypothesis import given
from hypothesis import strategies as st

FAY = {"cluster": "fay", "user": "fay", "context": "fay"}


def notes(server="https://10.128.2.185:6443"):
    ssl = "/etc/kubernetes/ssl/"
    return _kubeconfig.build(FAY, {"server": server, "certificate-authority": ssl + "kube-ca.pem"}, {
        "client-certificate": ssl + "kube-scheduler.pem", "client-key": ssl + "kube-scheduler-key.pem"})


def test_the_notes_file_byte_for_byte():
    with open(os.path.join(RECORDINGS, "kubeconfig-bg2.yaml")) as source:
        assert _kubeconfig.render(notes()) == source.read()


NAMES = st.text("abc-", min_size=1, max_size=3)
FIELDS = st.dictionaries(st.sampled_from(["server", "token", "namespace", "odd"]), st.text(max_size=5), max_size=3)


@st.composite
def kubeconfigs(draw):
    value = {"apiVersion": "v1", "kind": "Config", "current-context": draw(NAMES), "extensions": draw(FIELDS)}
    for plural, kind in _kubeconfig.KINDS:
        value[plural] = [{"name": name, kind: draw(FIELDS)} for name in sorted(draw(st.sets(NAMES, max_size=4)))]
    return value


@given(kubeconfigs(), kubeconfigs())
def test_a_merge_loses_nothing_of_the_other(current, ours):
    before = yaml.safe_dump(current)
    merged = _kubeconfig.merge(current, ours)
    assert yaml.safe_dump(current) == before
    for plural, kind in _kubeconfig.KINDS:
        mine = {item["name"] for item in ours[plural]}
        for item in current[plural]:
            if item["name"] not in mine:
                assert _kubeconfig.entry(merged, plural, kind, item["name"]) == item[kind]
        for item in ours[plural]:
            assert _kubeconfig.entry(merged, plural, kind, item["name"]) == item[kind]
    assert merged["extensions"] == current["extensions"]
    assert _kubeconfig.merge(merged, ours) == merged
    assert _kubeconfig.parse(_kubeconfig.render(merged)) == merged


@given(kubeconfigs())
def test_taking_ours_out_again_restores(current):
    """Where none of the names was there before; what another context shares with ours stays."""
    names = {"cluster": "x1", "user": "x2", "context": "x3"}
    ours = _kubeconfig.build(names, {"server": "https://x"}, {"token": "t"}, namespace="n")
    merged = _kubeconfig.merge(current, ours, make_current=False)
    assert _kubeconfig.without(merged, names) == _kubeconfig.merge(current, _kubeconfig.empty(), make_current=False)
    shared = _kubeconfig.merge(merged, {"clusters": [], "users": [], "contexts": [
        {"name": "x4", "context": {"cluster": "x1", "user": "x2"}}]}, make_current=False)
    left = _kubeconfig.without(shared, names)
    assert _kubeconfig.entry(left, "clusters", "cluster", "x1") and _kubeconfig.entry(left, "users", "user", "x2")
    assert _kubeconfig.entry(left, "contexts", "context", "x3") is None


@given(kubeconfigs(), st.data())
def test_a_subset_has_what_its_contexts_need(value, data):
    names = [item["name"] for item in value["contexts"]]
    wanted = data.draw(st.lists(st.sampled_from(names), unique=True) if names else st.just([]))
    part = _kubeconfig.subset(value, wanted)
    assert sorted(item["name"] for item in part["contexts"]) == sorted(wanted)
    assert part["current-context"] in wanted or (part["current-context"] == "" and not wanted)
    for item in part["clusters"] + part["users"]:
        assert item in value["clusters"] + value["users"]
    with pytest.raises(_kubeconfig.KubeconfigError, match="it has no context nowhere"):
        _kubeconfig.subset(value, ["nowhere"])


@given(kubeconfigs())
def test_a_rename_there_and_back(value):
    names = [item["name"] for item in value["contexts"]]
    if not names or "new" in names:
        return
    renamed = _kubeconfig.rename(value, {names[0]: "new"}, {"a": "zz"}, {"b": "yy"})
    assert names[0] not in [item["name"] for item in renamed["contexts"]]
    if value["current-context"] == names[0]:
        assert renamed["current-context"] == "new"
    back = _kubeconfig.rename(renamed, {"new": names[0]}, {"zz": "a"}, {"yy": "b"})
    assert {key: back[key] for key in value} == value
    if len(names) > 1:
        with pytest.raises(_kubeconfig.KubeconfigError, match="two contexts would have one name"):
            _kubeconfig.rename(value, {names[0]: names[1]})


@pytest.mark.parametrize("text, found", [
    ("a: 1 # why", True), ("# why\na: 1", True), ("a: '# no'", False), ("a: |\n  # no\nb: 1", False), ("a: b#c", False), ("", False)])
def test_comments_are_seen(text, found):
    assert _kubeconfig.has_comments(text) is found


@given(st.text())
def test_no_text_crashes_the_parser(text):
    try:
        assert isinstance(_kubeconfig.parse(text), dict)
    except _kubeconfig.KubeconfigError as error:
        assert str(error)


@pytest.mark.parametrize("text", ["- a", "kind: Pod", "clusters: 5", "clusters: [5]", "a: [", "{", "\tx: 1"])
def test_what_is_no_kubeconfig_is_refused(text):
    with pytest.raises(_kubeconfig.KubeconfigError):
        _kubeconfig.parse(text)


def test_no_secret_survives_redaction():
    value = _kubeconfig.build(FAY, {"server": "https://x", "certificate-authority-data": "SECRET1"}, {
        "client-key-data": "SECRET2", "client-certificate-data": "SECRET3", "token": "SECRET4", "password": "SECRET5",
        "exec": {"command": "login", "env": [{"name": "A", "value": "SECRET6"}], "args": ["--password=SECRET8"]},
        "auth-provider": {"config": {"a": "SECRET7"}}})
    value["clusters"][0]["cluster"]["proxy-url"] = "http://me:SECRET9@proxy"
    shown = _kubeconfig.render(_kubeconfig.redact(value))
    assert "SECRET" not in shown and "https://x" in shown
    assert "SECRET2" in _kubeconfig.render(value)


def test_a_file_is_written_whole_with_its_mode(tmp_path):
    path = tmp_path / "config"
    _files.write_atomically(str(path), "one", 0o600)
    link = tmp_path / "link"
    link.symlink_to(path)
    _files.write_atomically(str(link), "two", 0o640)
    assert path.read_text() == "two" and path.stat().st_mode & 0o777 == 0o640 and link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["config", "link"]


def test_directories_that_are_made_belong_to_the_files_owner(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(os, "chown", lambda path, *owner: given.append((path, owner)))
    kubeconfig.make_directory(str(tmp_path / "a" / "b" / "config"), (7, 8))
    assert given == [(str(tmp_path / "a"), (7, 8)), (str(tmp_path / "a" / "b"), (7, 8))]
    assert all(os.stat(path).st_mode & 0o777 == 0o700 for path, unused in given)
    kubeconfig.make_directory(str(tmp_path / "a" / "b" / "config"), (9, 9))
    assert len(given) == 2


@pytest.mark.parametrize("owner, group", [("nosuch", None), (None, "nosuch")])
def test_an_owner_that_is_not_there_is_named(tmp_path, owner, group):
    with pytest.raises(OSError, match="owner is %s and group %s, and this host has no such" % (owner, group)):
        kubeconfig.owner_of({"owner": owner, "group": group}, str(tmp_path / "config"))


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "config"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        _files.write_atomically(str(path), "\ud800", 0o600)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["config"]


def test_writers_take_turns(tmp_path):
    """Four processes add twenty letters each under kubectl's lock; none is lost."""
    path = str(tmp_path / "config")
    program = (
        "import sys; sys.path.insert(0, %r)\n"
        "from ansible_collections.fay.rancher.plugins.module_utils._files import kubectl_lock, write_atomically\n"
        "import os\n"
        "for turn in range(20):\n"
        "    with kubectl_lock(%r, 60):\n"
        "        old = open(%r).read() if os.path.exists(%r) else ''\n"
        "        write_atomically(%r, old + 'x', 0o600)\n"
    ) % (os.path.join(ROOT, ".ansible", "collections"), path, path, path, path)
    writers = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    assert os.path.getsize(path) == 80 and os.listdir(tmp_path) == ["config"]


def test_what_a_kubectl_takes_away_again_is_written_again(tmp_path):
    """It read the file before our entry was there, and writes what it read after."""
    path = tmp_path / "config"
    taken = []

    def change():
        if path.exists() and not taken:
            path.unlink()
            taken.append(1)
        changed = not path.exists()
        path.write_text("ours")
        return changed
    assert _files.change_with_kubectl(str(path), change) == 2 and taken
    assert _files.change_with_kubectl(str(path), change) == 0


def test_a_kill_between_write_and_rename_leaves_the_old_file_and_the_next_run_goes_on(tmp_path):
    path = tmp_path / "config"
    path.write_text("old")
    program = (
        "import os, signal, sys; sys.path.insert(0, %r)\n"
        "from ansible_collections.fay.rancher.plugins.module_utils._files import kubectl_lock, write_atomically\n"
        "os.rename = lambda *unused: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with kubectl_lock(%r):\n"
        "    write_atomically(%r, 'new', 0o600)\n") % (os.path.join(ROOT, ".ansible", "collections"), str(path), str(path))
    assert subprocess.call([sys.executable, "-c", program]) == -signal.SIGKILL
    assert path.read_text() == "old" and sorted(os.listdir(tmp_path)) == ["config", "config.fay", "config.lock"]
    with _files.kubectl_lock(str(path), 1):
        _files.write_atomically(str(path), "new", 0o600)
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["config"]


def test_what_stands_beside_the_file_is_not_written_through(tmp_path, monkeypatch):
    """Whoever may write into the directory could have put a link there, and put it there again at once."""
    (tmp_path / "other").write_text("other's")
    (tmp_path / "config.fay").symlink_to(tmp_path / "other")
    _files.write_atomically(str(tmp_path / "config"), "new", 0o600)
    assert (tmp_path / "other").read_text() == "other's" and (tmp_path / "config").read_text() == "new"
    (tmp_path / "config.fay").symlink_to(tmp_path / "other")
    monkeypatch.setattr(os, "unlink", lambda path: None)
    with pytest.raises(FileExistsError):
        _files.write_atomically(str(tmp_path / "config"), "newer", 0o600)
    assert (tmp_path / "other").read_text() == "other's" and (tmp_path / "config").read_text() == "new"


@pytest.fixture
def home():
    """A directory below /tmp that belongs to uid 65534."""
    if os.geteuid():
        pytest.skip("only root can act as another user")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "home")
        os.mkdir(path, 0o700)
        os.chown(path, 65534, 65534)
        yield path


def test_root_acts_as_the_user_whose_directory_it_is(home):
    with _files.as_owner_of(os.path.join(home, ".kube", "config")):
        assert (os.geteuid(), os.getegid(), 0 in os.getgroups()) == (65534, 65534, False)
    assert os.geteuid() == os.getegid() == 0
    # Not where it is root's, nor where root alone gets to.
    for path, mode in (("/etc/kubernetes/config", 0o755), (os.path.join(home, "config"), 0o700)):
        os.chmod(os.path.dirname(home), mode)
        with _files.as_owner_of(path):
            assert os.geteuid() == 0


def test_a_file_of_another_owner_in_a_users_directory_is_refused(home):
    path = os.path.join(home, "config")
    with _files.as_owner_of(path):
        assert kubeconfig.owner_of({"owner": None, "group": None}, path) == (65534, 65534)
        with pytest.raises(OSError, match="its owner is to be uid 0, and uid 65534, who owns the directory or runs this, cannot"):
            kubeconfig.owner_of({"owner": "root", "group": None}, path)


def test_root_does_not_follow_a_users_link_to_what_is_not_his(home):
    secret, link = os.path.join(os.path.dirname(home), "secret"), os.path.join(home, "config")
    for fault in ("read", "write"):
        os.symlink(secret, link)
        os.lchown(link, 65534, 65534)
        if fault == "read":
            with open(secret, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
                target.write("users: [{name: root, user: {token: secret}}]")
            with pytest.raises(_kubeconfig.KubeconfigError, match="the user whose directory it is in .uid 65534. cannot read it"):
                kubeconfig.read(link)
            with pytest.raises(_kubeconfig.KubeconfigError, match="it cannot be read: .*Permission denied"), _files.as_owner_of(link):
                kubeconfig.read(link)  # as the user himself would
            os.unlink(secret)
        else:
            with pytest.raises(PermissionError), _files.as_owner_of(link):
                _files.write_atomically(link, "mine", 0o600, (65534, 65534))
            assert not os.path.exists(secret)
        os.unlink(link)


@pytest.mark.parametrize("text", [b"", b"fay.rancher\nmore", b"fay.ranche"])
def test_a_lock_that_is_not_ours_stays(tmp_path, text):
    lock = tmp_path / "config.lock"
    lock.write_bytes(text)
    assert not _files.remove_left(str(lock)) and lock.exists()


def test_a_lock_of_ours_that_is_held_stays(tmp_path):
    with _files.kubectl_lock(str(tmp_path / "config")):
        assert not _files.remove_left(str(tmp_path / "config.lock"))
        with pytest.raises(_files.LockError), _files.kubectl_lock(str(tmp_path / "config"), 0.2):
            pass
    assert os.listdir(tmp_path) == []


def test_a_lock_that_stays_is_named(tmp_path):
    path = str(tmp_path / "config")
    open(path + ".lock", "w").close()
    with pytest.raises(_files.LockError, match="config.lock has been there"), _files.kubectl_lock(path, 0.2):
        pass
    assert os.path.exists(path + ".lock")
