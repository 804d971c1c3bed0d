"""What is said of a daemon.json before an engine sees it."""
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.filter.daemon_options import daemon_options_problems
from ansible_collections.fay.rancher.plugins.module_utils._engine.daemon_options import (
    OPTIONS,
    RELOADABLE,
    flagged,
    needs_restart,
    problems,
)
from hypothesis import given
from hypothesis import strategies as st

UNIT = "/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock"


def test_a_good_configuration_has_no_problems():
    assert problems({"data-root": "/appdata", "log-opts": {"max-size": "10m", "max-file": "3"}, "mtu": 1450, "debug": True,
                     "registry-mirrors": ["https://m"], "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 1}}},
                    UNIT, "20.10") == []


@pytest.mark.parametrize("options, found", [
    ({"log-opts": {"max-file": 3}}, "log-opts must be a table of texts, it is {'max-file': 3}"),
    ({"debug": "yes"}, "debug must be true or false, it is 'yes'"),
    ({"mtu": True}, "mtu must be a number, it is True"),
    ({"registry-mirrors": "https://m"}, "registry-mirrors must be a list of texts, it is 'https://m'"),
    ({"hosts": ["tcp://0.0.0.0:2375"]}, "hosts stands in daemon.json and as a flag in docker.service"),
    ({"containerd": "/run/x"}, "containerd stands in daemon.json and as a flag in docker.service"),
    ({"graph": "/a", "data-root": "/a"}, "graph and data-root are the same option"),
    ({"log-optss": {}}, "an engine 20.10 knows no option log-optss"),
])
def test_what_the_engine_would_refuse_is_told(options, found):
    assert problems(options, UNIT, "20.10") == [found]


def test_a_newer_engine_knows_more_options():
    assert problems({"log-format": "json"}, UNIT, "26.1") == problems({"log-format": "json"}, UNIT) == []


def test_flags_by_all_their_names():
    assert flagged("/usr/bin/dockerd -H fd:// --label=a=b --log-opt max-size=1m -D --data-root /x --add-runtime r=/r") == {
        "hosts", "labels", "log-opts", "debug", "data-root", "add-runtime"}
    assert flagged("dockerd 'unbalanced -H fd://") == {"hosts"}
    assert flagged("") == set()


def test_a_reload_is_enough_for_what_is_added_or_changed_only():
    assert not needs_restart({"debug": True, "mtu": 1}, {"mtu": 1})
    assert needs_restart({"mtu": 1}, {"debug": True, "mtu": 1})
    assert needs_restart({"mtu": 2}, {"mtu": 1})
    assert not needs_restart({}, {})
    assert set(OPTIONS) >= RELOADABLE


def test_the_filter_takes_dicts_only():
    with pytest.raises(AnsibleFilterError, match="must be a dict, not list"):
        daemon_options_problems([])


values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3),
                      lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
                      max_leaves=4)
configurations = st.dictionaries(st.sampled_from(sorted(OPTIONS)) | st.text(max_size=5), values, max_size=4)


@given(configurations, configurations, st.text(max_size=20), st.text(max_size=5))
def test_nothing_crashes_it(options, before, command, version):
    assert all(isinstance(text, str) for text in problems(options, command, version))
    assert needs_restart(options, options) is False
    needs_restart(options, before)
