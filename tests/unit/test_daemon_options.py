# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of daemon.json that need no running Docker."""
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.filter.daemon_options import daemon_options_problems
from ansible_collections.fay.rancher.plugins.module_utils._engine.daemon_options import (
    OPTIONS,
    RELOADABLE,
    needs_restart,
    options_set_by_flags,
    problems,
)
from hypothesis import given
from hypothesis import strategies as st

UNIT = "/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock"


def test_a_valid_configuration_has_no_problems():
    assert problems({"data-root": "/appdata", "log-opts": {"max-size": "10m", "max-file": "3"}, "mtu": 1450, "debug": True,
                     "registry-mirrors": ["https://m"], "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 1}}},
                    UNIT, "20.10") == []


@pytest.mark.parametrize("options, message", [
    ({"log-opts": {"max-file": 3}}, "log-opts must be a map of strings, got {'max-file': 3}"),
    ({"debug": "yes"}, "debug must be true or false, got 'yes'"),
    ({"mtu": True}, "mtu must be an integer, got True"),
    ({"mtu": 15.0}, "mtu must be an integer, got 15.0"),
    ({"shutdown-timeout": 1e2}, "shutdown-timeout must be an integer, got 100.0"),
    ({"max-concurrent-downloads": 2 ** 63}, "max-concurrent-downloads must be an integer, got 9223372036854775808"),
    ({"swarm-raft-election-tick": -1}, "swarm-raft-election-tick must be an integer from 0 to 4294967295, got -1"),
    ({"features": {"buildkit": "true"}}, "features must be a map of true or false, got {'buildkit': 'true'}"),
    ({"default-address-pools": {}}, "default-address-pools must be a list of maps, got {}"),
    ({"runtimes": {"r": "/r"}}, "runtimes must be a map of maps, got {'r': '/r'}"),
    ({"builder": []}, "builder must be a map, got []"),
    ({"default-shm-size": 64}, "default-shm-size must be a string such as 64m, got 64"),
    ({"default-shm-size": None}, "default-shm-size must be a string such as 64m, got None"),
    ({"data-root": 5}, "data-root must be a string, got 5"),
    ({"hosts": None}, "hosts is set both in daemon.json and as a flag in docker.service"),
    ({"bip": 1}, "bip must be a string, got 1"),
    ({"registry-mirrors": "https://m"}, "registry-mirrors must be a list of strings, got 'https://m'"),
    ({"hosts": ["tcp://0.0.0.0:2375"]}, "hosts is set both in daemon.json and as a flag in docker.service"),
    ({"containerd": "/run/x"}, "containerd is set both in daemon.json and as a flag in docker.service"),
    ({"graph": "/a", "data-root": "/a"}, "graph and data-root are both set, but they are the same option. Remove graph"),
    ({"log-optss": {}}, "Docker 20.10 does not support the option log-optss"),
])
def test_options_that_docker_would_reject_are_reported(options, message):
    assert problems(options, UNIT, "20.10") == [message]


def test_null_leaves_an_option_at_its_default():
    assert problems(dict.fromkeys(set(OPTIONS) - {"default-shm-size"}), "", "20.10") == []
    assert problems({"dns": [None], "log-opts": {"max-size": None}, "features": {"buildkit": None}}) == []
    assert not needs_restart({"mtu": None}, {}) and not needs_restart({}, {"mtu": None})
    assert needs_restart({"mtu": None}, {"mtu": 1})


def test_integers_have_the_range_of_the_engine():
    assert problems({"mtu": -2 ** 63, "oom-score-adjust": 2 ** 63 - 1, "swarm-raft-heartbeat-tick": 2 ** 32 - 1}) == []


def test_flags_in_quotes_and_escapes_of_systemd_are_recognized():
    assert options_set_by_flags(r'/usr/bin/dockerd "--label=a\"b" \x2dD') == {"labels", "debug"}


def test_unknown_options_are_accepted_for_newer_and_unknown_versions():
    assert problems({"log-format": "json"}, UNIT, "26.1") == problems({"log-format": "json"}, UNIT) == []


def test_flags_are_recognized_by_all_their_names():
    assert options_set_by_flags(
        "/usr/bin/dockerd -H fd:// --label=a=b --log-opt max-size=1m -D --data-root /x --add-runtime r=/r") == {
        "hosts", "labels", "log-opts", "debug", "data-root", "add-runtime"}
    assert options_set_by_flags("dockerd 'unbalanced -H fd://") == {"hosts"}
    assert options_set_by_flags("") == set()


def test_a_removed_option_needs_a_restart_and_a_reloadable_one_only_a_reload():
    assert not needs_restart({"debug": True, "mtu": 1}, {"mtu": 1})
    assert needs_restart({"mtu": 1}, {"debug": True, "mtu": 1})
    assert needs_restart({"mtu": 2}, {"mtu": 1})
    assert not needs_restart({}, {})
    assert set(OPTIONS) >= RELOADABLE


def test_the_filter_accepts_only_dicts():
    with pytest.raises(AnsibleFilterError, match="must be a dict, not list"):
        daemon_options_problems([])


values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
                      lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
                      max_leaves=4)
configurations = st.dictionaries(st.sampled_from(sorted(OPTIONS)) | st.text(max_size=5), values, max_size=4)


@given(configurations, configurations, st.text(max_size=20), st.text(max_size=5))
def test_any_options_are_checked_without_an_exception(options, previous, command, version):
    assert all(isinstance(text, str) for text in problems(options, command, version))
    assert needs_restart(options, options) is False
    needs_restart(options, previous)
