# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon.json that the role docker_ce writes for its options."""
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.filter.daemon_options_merge import TLS_OPTIONS, daemon_options_merge
from conftest import role_options

CONTAINERD = {"features": {"containerd-snapshotter": True}}


def merged(existing, current_store="classic", **options):
    """daemon.json (dict) for options of docker_ce, written without their prefix."""
    role = role_options("docker_ce", {"docker_ce_" + name: value for name, value in options.items()})
    return daemon_options_merge(existing, role, current_store)


def test_without_options_only_the_data_root_is_set():
    assert merged({}) == {"data-root": "/var/lib/docker"}


def test_each_variable_sets_its_option():
    assert merged({}, registry_mirrors=["https://m"], insecure_registries=["h:5000"], cgroup_driver="systemd", log_max_size="10m",
                  log_max_file=3, address_pools=[{"base": "10.0.0.0/8", "size": 24}]) == {
        "data-root": "/var/lib/docker", "registry-mirrors": ["https://m"], "insecure-registries": ["h:5000"],
        "exec-opts": ["native.cgroupdriver=systemd"], "log-opts": {"max-size": "10m", "max-file": "3"},
        "default-address-pools": [{"base": "10.0.0.0/8", "size": 24}]}


def test_existing_options_are_kept_and_maps_are_merged():
    existing = {"debug": True, "log-opts": {"max-size": "10m"}, "labels": ["a"]}
    assert merged(existing, log_max_file=3, daemon_options={"labels": ["b"]}) == {
        "data-root": "/var/lib/docker", "debug": True, "log-opts": {"max-size": "10m", "max-file": "3"}, "labels": ["b"]}


def test_daemon_options_have_precedence_over_variables_but_not_over_the_data_root():
    assert merged({}, log_max_size="10m", daemon_options={"log-opts": {"max-size": "5m"}, "data-root": "/x"}) == {
        "data-root": "/var/lib/docker", "log-opts": {"max-size": "5m"}}


def test_existing_options_are_dropped_on_request():
    assert merged({"debug": True}, daemon_options_only=True) == {"data-root": "/var/lib/docker"}


@pytest.mark.parametrize("store, chosen", [("containerd", True), ("classic", False)])
@pytest.mark.parametrize("current", ["containerd", "classic"])
def test_the_image_store_is_chosen(store, chosen, current):
    existing = {"features": {"buildkit": True}}
    assert merged(existing, current, image_store=store)["features"] == {"buildkit": True, "containerd-snapshotter": chosen}


@pytest.mark.parametrize("existing, current, version, features", [
    ({}, "classic", "26.1", None), ({}, "containerd", "29.1", None), ({}, "containerd", "", None),
    ({}, "containerd", "28.5", CONTAINERD["features"]),  # a downgrade from 29, whose default this was
    (CONTAINERD, "containerd", "26.1", CONTAINERD["features"]), (CONTAINERD, "containerd", "29.1", CONTAINERD["features"]),
])
def test_the_current_image_store_is_kept(existing, current, version, features):
    assert merged(existing, current, version=version).get("features") == features


def test_the_image_store_is_kept_if_other_options_are_dropped():
    assert merged(dict(CONTAINERD, debug=True), "containerd", version="29.1", daemon_options_only=True) == dict(
        CONTAINERD, **{"data-root": "/var/lib/docker"})


def test_the_old_name_of_the_data_root_is_removed():
    assert merged({"graph": "/old"}) == {"data-root": "/var/lib/docker"}


@pytest.mark.parametrize("existing, kept", [
    (TLS_OPTIONS, {}),
    (dict(TLS_OPTIONS, tlscert="/theirs.pem"), dict(TLS_OPTIONS, tlscert="/theirs.pem")),
])
def test_only_tls_options_of_the_role_are_removed(existing, kept):
    assert merged(existing) == dict(kept, **{"data-root": "/var/lib/docker"})


def test_a_tls_address_sets_the_tls_options():
    assert merged({}, tls_address="0.0.0.0:2376") == dict(TLS_OPTIONS, **{"data-root": "/var/lib/docker"})


@pytest.mark.parametrize("name", ["daemon_options_only", "log_max_size", "daemon_options", "data_root"])
def test_a_missing_option_is_named(name):
    role = role_options("docker_ce", {})
    del role[name]
    with pytest.raises(AnsibleFilterError, match="daemon_options_merge: role has no option '%s'. Pass what fay.rancher.role_opt" % name):
        daemon_options_merge({}, role)


def test_the_input_is_not_changed():
    existing = {"log-opts": {"max-size": "10m"}}
    merged(existing, log_max_file=3)
    assert existing == {"log-opts": {"max-size": "10m"}}
