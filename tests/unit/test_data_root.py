"""The data root's move, with a host whose engine is a few files: every instant of it can be the last one."""
import json
import os
import subprocess
import time

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import data_root as _data_root
from ansible_collections.fay.rancher.plugins.module_utils._engine.data_root import (
    DataRootError,
    Host,
    Move,
    exec_start,
    find,
    parse_options,
    without_root,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def look_often(monkeypatch):
    monkeypatch.setattr(_data_root, "POLL_SECONDS", 0.01)


class PowerCut(BaseException):
    """The end of a run at a chosen instant: nothing may catch it."""


class FakeHost(Host):
    """A host in a directory. Its engine reads daemon.json as the real one does, and writes to its root when it runs."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.daemon_json = os.path.join(self.folder, "daemon.json")
        self.drop_in = os.path.join(self.folder, "drop-in.conf")
        self.containerd_config = os.path.join(self.folder, "containerd.toml")
        self.live_restore = False  # as the running engine has it
        self.default_root = os.path.join(self.folder, "old", "docker")
        self.flag = None
        self.on = False
        self.runs_on = None  # the root that the engine had when it started
        self.breaks_on = ()  # roots on which the engine does not start
        self.steps, self.cut_at = 0, None

    def step(self):
        """One change of the host has been made: the power may be cut here."""
        self.steps += 1
        if self.steps == self.cut_at:
            raise PowerCut()

    def unit(self):
        dropped = self.read(self.drop_in)
        return "[Service]\nExecStart=/usr/bin/dockerd -H fd://%s\n%s" % (
            " --data-root " + self.flag if self.flag else "", dropped)

    def root(self):
        named = parse_options(self.read(self.daemon_json)).get("data-root")
        flag = without_root(exec_start(self.unit()))[1]
        if named and flag:
            raise DataRootError("the following directives are specified both as a flag and in the configuration file")
        return named or flag or self.default_root

    def is_running(self):
        return self.on

    def info(self):
        return {"DockerRootDir": os.path.realpath(self.runs_on or self.root()), "ContainersRunning": 1,
                "LiveRestoreEnabled": self.live_restore} if self.on else None

    def objects(self):
        return {"images": sorted(os.listdir(os.path.join(self.root(), "image"))), "volumes": [], "networks": ["bridge"],
                "containers": {"c1": ["running" if self.on and self.finds_its_volume() else "exited", "always"]}}

    def finds_its_volume(self):
        with open(os.path.join(self.root(), "containers", "c1", "config.v2.json")) as source:
            return os.path.isfile(json.load(source)["MountPoints"]["/data"]["Source"] + "/file")

    def reload(self):
        self.live_restore = parse_options(self.read(self.daemon_json)).get("live-restore", False)
        self.step()

    def stop(self, *services):
        assert not self.live_restore, "its containers go on writing"
        assert bool(services) == os.path.exists(self.containerd_config)
        self.on, self.runs_on = False, None
        self.step()

    def start(self):
        root = self.root()
        if self.on and self.runs_on:
            return  # as systemctl does
        if root in self.breaks_on:
            raise DataRootError("the engine does not start")
        self.on, self.runs_on = True, root
        self.live_restore = parse_options(self.read(self.daemon_json)).get("live-restore", False)
        os.makedirs(os.path.join(root, "image"), exist_ok=True)  # what a real one does in an empty root
        self.step()

    def boot(self):
        """The host is switched on again: its engine starts where its configuration says, if it can."""
        self.steps, self.cut_at = 0, None
        try:
            self.start()
        except DataRootError:
            self.on = False

    def run(self, *command):
        return (0, "", "") if command[0] == "rsync" else (127, "", "")

    def copy_command(self, source, target):
        return ["sh", "-c", 'rm -rf "$1" && cp -a "$0" "$1"', source, target]

    def copy(self, *arguments):
        super().copy(*arguments)
        self.step()

    def differences(self, source, target):
        return subprocess.run(["diff", "-rq", source, target], stdout=subprocess.PIPE).stdout.decode().splitlines()

    def label(self, target):
        self.step()


def fill(root):
    os.makedirs(os.path.join(root, "image"))
    os.makedirs(os.path.join(root, "volumes", "data"))
    for name in ("image/sha256-1", "image/sha256-2", "volumes/data/file"):
        with open(os.path.join(root, name), "w") as target:
            target.write("content of " + name)
    os.makedirs(os.path.join(root, "containers", "c1"))
    config = {"LogPath": root + "/containers/c1/log", "Name": "/c1", "MountPoints": {
        "/data": {"Type": "volume", "Name": "data", "Source": root + "/volumes/data"},
        "/host": {"Type": "bind", "Source": root + "/volumes"}}}
    with open(os.path.join(root, "containers", "c1", "config.v2.json"), "w") as target:
        json.dump(config, target)


def write(path, text):
    with open(path, "w") as target:
        target.write(text)


def content(root, in_use=True):
    """{path: text} of a root; where it is in use its containers have to find their volume in it."""
    found = {}
    for folder, unused, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            with open(path) as source:
                text = source.read()
            if name == "config.v2.json":
                points = json.loads(text)["MountPoints"]
                assert not in_use or os.path.samefile(points["/data"]["Source"], root + "/volumes/data")
                text = points["/host"]["Source"]  # this one stays
            found[os.path.relpath(path, root)] = text
    return found


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setattr(_data_root, "filesystem", lambda path: "ext4")
    host = FakeHost(tmp_path)
    fill(host.default_root)
    host.on = True
    return host


def target_of(host):
    return os.path.join(host.folder, "new", "docker")


def move_of(host, target=None, **options):
    return Move(host, target or target_of(host), state=os.path.join(host.folder, "state"), **options)


def finish(move):
    """Advance to the end, as the action plugin does; returns the result."""
    for _ in range(20):
        done, result, unused = move.advance(60)
        if done:
            return result
    raise AssertionError("it does not end")


def copy_only(monkeypatch):
    monkeypatch.setattr(_data_root, "can_exchange", lambda directory: False)


@pytest.fixture(params=["copy", "rename"])
def method(request, monkeypatch):
    if request.param == "copy":
        copy_only(monkeypatch)
    return request.param


def test_a_move_takes_everything_and_a_second_run_does_nothing(host, method):
    before = content(host.default_root)
    result = finish(move_of(host))
    assert result["method"] == method
    assert content(target_of(host)) == before
    assert host.on and host.root() == target_of(host)
    assert move_of(host).plan() is None
    assert finish(move_of(host)) is None


def test_an_old_root_is_kept_until_it_is_not_wanted(host, monkeypatch):
    copy_only(monkeypatch)
    before = content(host.default_root)
    old = finish(move_of(host))["old"]
    assert old.startswith(host.default_root + ".old-2") and content(old, False) == before
    assert move_of(host, keep_old=False).removable() == [old]
    finish(move_of(host, keep_old=False))
    assert not os.path.exists(old) and content(target_of(host)) == before


def test_the_only_data_is_never_removed_as_an_old_root(host, monkeypatch):
    copy_only(monkeypatch)
    first = host.default_root
    finish(move_of(host))
    finish(move_of(host, first, keep_old=False))
    assert host.root() == first and content(first)
    finish(move_of(host, first, keep_old=False))
    assert content(first)


def test_an_old_root_is_not_removed_without_an_engine_on_another_one(host, monkeypatch):
    copy_only(monkeypatch)
    old = finish(move_of(host))["old"]
    host.on = False
    finish(move_of(host, keep_old=False))
    assert content(old, False)
    with open(host.daemon_json, "w") as target:  # somebody went back by hand
        json.dump({"data-root": old}, target)
    host.on, host.runs_on = True, None
    finish(move_of(host, old, keep_old=False))
    assert content(old, False)


@pytest.mark.parametrize("variant", ["default", "flag", "live-restore and containerd"])
def test_a_power_cut_at_any_instant_loses_nothing(tmp_path, monkeypatch, method, variant):
    """The host is switched on again after each possible instant, its engine runs, and the next run ends the move."""
    monkeypatch.setattr(_data_root, "filesystem", lambda path: "ext4")
    steps = 0
    while True:
        steps += 1
        host = FakeHost(tmp_path / str(steps))
        if variant == "flag":
            host.default_root, host.flag = os.path.join(host.folder, "elsewhere"), host.default_root
        source = host.flag or host.default_root
        fill(source)
        before = content(source)
        if variant == "live-restore and containerd":
            write(host.daemon_json, '{"live-restore": true}')
            write(host.containerd_config, 'version = 2\nroot = "%s/containerd"\n' % source)
        host.start()
        instrument(monkeypatch, host)
        host.steps, host.cut_at = 0, steps
        try:
            finish(move_of(host))
            break  # there are no more instants
        except PowerCut:
            pass
        # A killed run leaves its copy running, a power cut ends it: both have to do.
        host.boot()
        if host.on:
            assert content(host.root()) == before, "after instant %d the engine is on other data" % steps
            with open(os.path.join(host.root(), "image", "new"), "w") as target:
                target.write("an image that came meanwhile")
            before["image/new"] = "an image that came meanwhile"
            os.unlink(os.path.join(host.root(), "image", "sha256-1"))
            del before["image/sha256-1"]
        else:
            assert variant == "flag", "after instant %d the engine does not start" % steps
        finish(move_of(host))
        assert host.on and host.root() == target_of(host)
        assert content(target_of(host)) == before
        assert not os.path.exists(os.path.join(host.folder, "state", "docker-data-root.json"))
        if variant == "live-restore and containerd":
            assert host.live_restore and host.read(host.containerd_config) == (
                'version = 2\nroot = "%s/containerd"\n' % target_of(host))
    assert steps > 8


@pytest.mark.parametrize("by", ["power cut", "kill"])
def test_a_rollback_that_is_cut_off_is_finished(tmp_path, monkeypatch, method, by):
    """The engine does not start on the new root at first, and the run ends at each instant of the way there and back."""
    monkeypatch.setattr(_data_root, "filesystem", lambda path: "ext4")
    steps = 0
    while True:
        steps += 1
        host = FakeHost(tmp_path / str(steps))
        fill(host.default_root)
        before = content(host.default_root)
        host.start()
        host.breaks_on = (target_of(host),)
        instrument(monkeypatch, host)
        host.steps, host.cut_at = 0, steps
        try:
            finish(move_of(host))
        except DataRootError:
            break  # there are no more instants
        except PowerCut:
            host.steps, host.cut_at = 0, None
        if by == "power cut":
            host.on, host.runs_on = False, None
            host.boot()
        host.breaks_on = ()
        finish(move_of(host))
        assert host.on and host.root() == host.runs_on == target_of(host) and content(target_of(host)) == before
        assert not os.path.exists(os.path.join(host.folder, "state", "docker-data-root.json"))
    assert steps > 12


def test_a_failed_move_brings_live_restore_and_containerd_back(host, method):
    write(host.daemon_json, '{"live-restore": true}')
    write(host.containerd_config, "root = '%s/containerd'\n" % host.default_root)
    host.start()
    host.breaks_on = (target_of(host),)
    with pytest.raises(DataRootError, match="The engine is on .* again"):
        finish(move_of(host))
    assert host.on and host.live_restore and host.root() == host.default_root
    assert host.read(host.containerd_config) == "root = '%s/containerd'\n" % host.default_root


def test_an_engine_that_was_taken_away_after_a_move_is_found_by_its_data(host, monkeypatch):
    """`absent` removes daemon.json, which named the new root; the old one is kept in the default place, on its own mount."""
    copy_only(monkeypatch)
    monkeypatch.setattr(_data_root.os.path, "ismount", lambda path: path == host.default_root)
    finish(move_of(host))
    monkeypatch.undo()
    monkeypatch.setattr(_data_root, "filesystem", lambda path: "ext4")
    os.unlink(host.daemon_json)
    host.on = False
    assert move_of(host).plan() is None
    with pytest.raises(DataRootError, match="is an old data root, kept when its data moved on"):
        move_of(host, host.default_root).plan()


def test_the_engine_is_not_asked_while_it_must_not_run(host, method):
    """`docker info` starts a stopped engine by its socket, on the old root, and what it writes there would be lost."""
    answer = host.info

    def info():
        if not host.on:
            host.start()
        return answer()
    host.info = info
    before = content(host.default_root)
    finish(move_of(host))
    assert host.root() == target_of(host) and content(target_of(host)) == before


def test_an_engine_that_was_started_meanwhile_is_not_left_behind(host, method):
    host.label = lambda target: host.start()
    with pytest.raises(DataRootError, match="something has started the engine again.* The engine is on .* again"):
        finish(move_of(host))
    assert host.on and host.root() == host.default_root


def test_an_unfinished_copy_is_no_data(host):
    """The engine and its data were removed; a copy that was never finished stands in the default place."""
    write(os.path.join(host.default_root, _data_root.MARKER), "")
    host.on = False
    found = find(host)
    assert move_of(host).plan(found) is None
    host.on = True  # and yet, if an engine runs on it, it is the data
    assert move_of(host).plan()["from"] == os.path.realpath(host.default_root)


def test_what_was_kept_of_an_older_configuration_is_forgotten_with_a_move(host, method):
    """It names the old root, and the role would put it back after a failure."""
    kept = os.path.join(host.folder, "state", "docker-before")
    os.makedirs(kept)
    finish(move_of(host))
    assert not os.path.exists(kept)


def instrument(monkeypatch, host):
    """Let every change of a file or a name be an instant at which the power can be cut."""
    for owner, name in ((os, "rename"), (os, "symlink"), (os, "unlink"), (_data_root, "write_atomically"),
                        (_data_root, "exchange")):
        original = getattr(owner, "_fay_original_" + name, None) or getattr(owner, name)
        monkeypatch.setattr(owner, "_fay_original_" + name, original, raising=False)

        def change(*arguments, original=original, **options):
            result = original(*arguments, **options)
            if host.folder in str(arguments[0]):
                host.step()
            return result
        monkeypatch.setattr(owner, name, change)


def test_what_the_engine_changed_after_the_copy_comes_along(host, monkeypatch):
    """The copy of a killed run has ended well, and then the host was started again and its engine wrote to the old root."""
    copy_only(monkeypatch)
    begin = host.copy

    def copy_and_be_cut_off(*arguments):
        begin(*arguments)
        while not os.path.exists(os.path.join(host.folder, "state", "copy.code")):
            time.sleep(0.01)
        host.copy = begin
        raise PowerCut()
    host.copy = copy_and_be_cut_off
    with pytest.raises(PowerCut):
        finish(move_of(host))
    host.boot()
    with open(os.path.join(host.default_root, "volumes", "data", "file"), "w") as target:
        target.write("a later content")
    finish(move_of(host))
    assert content(target_of(host))["volumes/data/file"] == "a later content"


def test_a_failing_engine_is_brought_back(host, method):
    before = content(host.default_root)
    host.breaks_on = (target_of(host),)
    with pytest.raises(DataRootError, match="was not moved .* the engine does not start. The engine is on .* again"):
        finish(move_of(host))
    assert host.on and host.root() == host.default_root
    assert content(host.default_root) == before
    assert not os.path.exists(host.daemon_json)
    host.breaks_on = ()
    finish(move_of(host))
    assert content(target_of(host)) == before


def test_lost_objects_bring_the_engine_back(host, method):
    whole = host.objects

    def objects():
        found = whole()
        if host.root() == target_of(host):
            found["images"] = found["images"][1:]
        return found
    host.objects = objects
    with pytest.raises(DataRootError, match="has lost images: sha256-1"):
        finish(move_of(host))
    assert host.on and host.root() == host.default_root and len(content(host.default_root)) == 4


def test_a_copy_that_was_killed_with_its_run_is_begun_again(host, monkeypatch):
    copy_only(monkeypatch)
    copy, killed = host.copy_command, []

    def first_killed(source, target):
        killed.append(1)
        return ["sh", "-c", "kill -9 $$"] if len(killed) == 1 else copy(source, target)
    host.copy_command = first_killed
    finish(move_of(host))
    assert len(killed) == 2 and host.root() == target_of(host)


def test_a_copy_that_is_killed_each_time_ends(host, monkeypatch):
    copy_only(monkeypatch)
    host.copy_command = lambda source, target: ["sh", "-c", "kill -9 $$"]
    with pytest.raises(DataRootError, match="the copy to .* failed: (Killed|rsync was killed)"):
        finish(move_of(host))
    assert host.on and host.root() == host.default_root


def test_a_failing_copy_leaves_the_engine_as_it_was(host, monkeypatch):
    copy_only(monkeypatch)
    monkeypatch.setattr(host, "copy_command", lambda source, target: ["cp", source + "-is-not-there", target])
    with pytest.raises(DataRootError, match="the copy to .* failed: cp: .* The engine is on"):
        finish(move_of(host))
    assert host.on and host.root() == host.default_root and len(content(host.default_root)) == 4


def test_two_runs_at_once(host):
    first, second = move_of(host), move_of(host)
    with first.lock(), pytest.raises(DataRootError, match="Another run is at the data root of this host"):
        second.advance(1)


def test_another_root_while_a_move_is_unfinished(host, monkeypatch):
    copy_only(monkeypatch)
    instrument(monkeypatch, host)
    host.cut_at = 4
    with pytest.raises(PowerCut):
        finish(move_of(host))
    host.boot()
    other = os.path.join(host.folder, "other")
    before = content(host.root())
    finish(move_of(host, other))
    assert host.root() == other and content(other) == before


@pytest.mark.parametrize("target, message", [
    ("relative", "must be an absolute path"), ("/", "no directory of the system"), ("/var", "no directory of the system"),
    ("/a/../b", "without `.` and `..`"),
])
def test_paths_that_cannot_be(host, target, message):
    with pytest.raises(DataRootError, match=message):
        move_of(host, target).plan()
    assert host.on


def test_refusals_before_anything_stops(host, monkeypatch):
    copy_only(monkeypatch)
    stops = []
    host.stop = lambda *services: stops.append(1)
    with pytest.raises(DataRootError, match="one lies in the other"):
        move_of(host, host.default_root + "/inner").advance(1)
    os.makedirs(target_of(host))
    open(os.path.join(target_of(host), "something"), "w").close()
    with pytest.raises(DataRootError, match="is not empty"):
        move_of(host).advance(1)
    os.unlink(os.path.join(target_of(host), "something"))
    with monkeypatch.context() as patch, pytest.raises(DataRootError, match="Free some space"):
        patch.setattr(_data_root, "measure", lambda root: (10 ** 18, 5))
        move_of(host).advance(1)
    with monkeypatch.context() as patch, pytest.raises(DataRootError, match="inodes free and .* has 1000000000000 entries"):
        patch.setattr(_data_root, "measure", lambda root: (5, 10 ** 12))
        move_of(host).advance(1)
    with monkeypatch.context() as patch, pytest.raises(DataRootError, match="of type nfs4"):
        patch.setattr(_data_root, "filesystem", lambda path: "nfs4")
        move_of(host).advance(1)
    with monkeypatch.context() as patch, pytest.raises(DataRootError, match="ftype=1"):
        patch.setattr(_data_root, "gives_types", lambda path: False)
        move_of(host).advance(1)
    with monkeypatch.context() as patch, pytest.raises(DataRootError, match="Another filesystem is mounted below"):
        patch.setattr(_data_root, "mounts", lambda: [("/", "ext4"), (host.default_root + "/volumes", "xfs")])
        move_of(host).advance(1)
    info = dict(host.info(), LiveRestoreEnabled=True)
    host.info = lambda: info
    with pytest.raises(DataRootError, match="live-restore is on by a flag"):
        move_of(host).advance(1)
    with open(host.daemon_json, "wb") as source:
        source.write(b"{\"debug\": \"caf\xe9\"}")
    with pytest.raises(DataRootError, match="is no text in UTF-8"):
        move_of(host).advance(1)
    with open(host.daemon_json, "w") as source:
        source.write("{")
    with pytest.raises(DataRootError, match="is not valid JSON"):
        move_of(host).advance(1)
    assert stops == []


def test_what_goes_with_the_engine_is_not_missed_afterwards(monkeypatch):
    nameless, named, of_task = "a" * 64, "b" * 63, "d" * 64
    answers = {
        ("image",): "sha256:1\nsha256:1\n", ("volume",): "%s\n%s\n%s\n%s\nthings\n" % (nameless, named, "c" * 64, of_task),
        ("network",): "bridge\nhost\n", ("ps",): "id1\nid2\nid3\n",
        ("inspect",): "id1|running|always|false||things \nid2|running||true||%s %s \nid3|running||false|task1|%s served \n" % (
            nameless, named, of_task)}
    host = Host()
    monkeypatch.setattr(host, "run", lambda *command: (0, answers[command[1:2]], ""))
    assert host.objects() == {
        "images": ["sha256:1"], "networks": ["bridge", "host"], "containers": {"id1": ["running", "always"]},
        "volumes": [named, "c" * 64, "things"]}


@pytest.mark.parametrize("enabled, semanage, enforcing, message", [
    (1, (0, "", ""), "", None), (0, (0, "", ""), "Enforcing", None), (0, (1, "", "already defined"), "Enforcing", None),
    (0, (127, "", "not found"), "Enforcing", "SELinux is enforcing and /new cannot get the rules of /var/lib/docker: not found. Install"),
    (0, (127, "", "not found"), "Permissive", None)])
def test_the_rules_of_selinux_go_along(monkeypatch, enabled, semanage, enforcing, message):
    ran = []

    def run(*command):
        ran.append(command)
        return {"selinuxenabled": (enabled, "", ""), "semanage": semanage, "getenforce": (0, enforcing, "")}.get(command[0], (0, "", ""))
    host = Host()
    monkeypatch.setattr(host, "run", run)
    if message:
        with pytest.raises(DataRootError, match=message):
            host.label("/new")
    else:
        host.label("/new")
    labelled = ("restorecon", "-R", "/new") in ran
    assert labelled == (enabled == 0 and (semanage[0] == 0 or "already" in semanage[2]))
    assert enabled or ("semanage", "fcontext", "-a", "-e", "/var/lib/docker", "/new") in ran


def test_the_default_root_has_its_rules_from_the_policy(monkeypatch):
    ran = []
    host = Host()
    monkeypatch.setattr(host, "run", lambda *command: ran.append(command) or (0, "", ""))
    host.label("/var/lib/docker")
    assert ran == [("selinuxenabled",), ("restorecon", "-R", "/var/lib/docker")]


def test_a_flag_gives_way_where_the_root_stays(host):
    host.flag = host.default_root
    assert finish(move_of(host, host.default_root))["method"] == "none"
    assert without_root(exec_start(host.unit()))[1] is None
    assert json.loads(host.read(host.daemon_json))["data-root"] == host.default_root
    assert host.on and finish(move_of(host, host.default_root)) is None


@pytest.mark.parametrize("unit, root, rest", [
    ("ExecStart=/usr/bin/dockerd -H fd:// --data-root /a", "/a", "/usr/bin/dockerd -H fd://"),
    ("ExecStart=/usr/bin/dockerd --graph=/a -H fd://", "/a", "/usr/bin/dockerd -H fd://"),
    ("ExecStart=/usr/bin/dockerd -g /a \\\n  --debug", "/a", "/usr/bin/dockerd --debug"),
    ('ExecStart=/usr/bin/dockerd --data-root "/with space" -D', "/with space", "/usr/bin/dockerd -D"),
    ("ExecStart=/usr/bin/dockerd\nExecStart=\nExecStart=/usr/bin/dockerd -g /b", "/b", "/usr/bin/dockerd"),
    ("ExecStart=/usr/bin/dockerd --log-opt tag=-g", None, "/usr/bin/dockerd --log-opt tag=-g"),
])
def test_flags_in_units(unit, root, rest):
    assert without_root(exec_start("[Service]\n" + unit)) == (rest, root)


def test_data_is_found_where_it_is_and_not_only_where_the_configuration_points(host):
    host.on = False
    with open(host.daemon_json, "w") as target:
        json.dump({"data-root": target_of(host)}, target)
    assert find(host)["root"] == host.default_root
    finish(move_of(host))
    assert len(content(target_of(host))) == 4


def test_a_flag_in_an_environment_file(host):
    path = os.path.join(host.folder, "default-docker")
    with open(path, "w") as target:
        target.write('# the notes\nDOCKER_OPTS="--graph=/data/docker --debug"\n')
    host.on, host.default_root = False, "/is/not/there"
    host.unit = lambda: "[Service]\nEnvironmentFile=-%s\nExecStart=/usr/bin/dockerd $DOCKER_OPTS -H fd://\n" % path
    found = find(host)
    assert (found["root"], found["by"]) == ("/data/docker", "unit")
    assert found["command"] == "/usr/bin/dockerd --debug -H fd://"


def test_progress_is_read_from_rsync():
    shown = "\r    1,234,567   1%  100.00MB/s    0:00:10\r  123,456,789  45%   98.31MB/s    0:00:02 (xfr#3)"
    assert _data_root.progress(shown) == (123456789, 45, "98.31MB/s")
    assert _data_root.progress("") is None


@given(st.text())
def test_no_text_breaks_the_readers(text):
    without_root(text)
    exec_start(text)
    _data_root.parse_environment(text)
    _data_root.progress(text)
    try:
        parse_options(text)
    except DataRootError:
        pass
