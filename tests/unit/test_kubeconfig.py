# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs as data: rendered as by kubectl, and merged without losing entries."""
import os

import pytest
import yaml
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from conftest import RECORDINGS
from hypothesis import given
from hypothesis import strategies as st

FAY = {"cluster": "fay", "user": "fay", "context": "fay"}


def test_kubeconfig_of_the_original_setup_is_rendered_byte_for_byte():
    ssl = "/etc/kubernetes/ssl/"
    value = _kubeconfig.build(
        FAY, {"server": "https://10.128.2.185:6443", "certificate-authority": ssl + "kube-ca.pem"},
        {"client-certificate": ssl + "kube-scheduler.pem", "client-key": ssl + "kube-scheduler-key.pem"})
    with open(os.path.join(RECORDINGS, "kubeconfig-bg2.yaml")) as source:
        assert _kubeconfig.render(value) == source.read()


NAMES = st.text("abc-", min_size=1, max_size=3)
FIELDS = st.dictionaries(st.sampled_from(["server", "token", "namespace", "odd"]), st.text(max_size=5), max_size=3)


@st.composite
def kubeconfigs(draw):
    value = {"apiVersion": "v1", "kind": "Config", "current-context": draw(NAMES), "extensions": draw(FIELDS)}
    for plural, kind in _kubeconfig.KINDS:
        value[plural] = [{"name": name, kind: draw(FIELDS)} for name in sorted(draw(st.sets(NAMES, max_size=4)))]
    return value


@given(kubeconfigs(), kubeconfigs())
def test_merge_keeps_all_other_entries(current, addition):
    before = yaml.safe_dump(current)
    merged = _kubeconfig.merge(current, addition)
    assert yaml.safe_dump(current) == before
    for plural, kind in _kubeconfig.KINDS:
        added_names = {item["name"] for item in addition[plural]}
        expected = [item for item in current[plural] if item["name"] not in added_names] + addition[plural]
        for item in expected:
            assert _kubeconfig.find_entry(merged, plural, kind, item["name"]) == item[kind]
    assert merged["extensions"] == current["extensions"]
    assert _kubeconfig.merge(merged, addition) == merged
    assert _kubeconfig.parse(_kubeconfig.render(merged)) == merged


NEW_NAMES = {"cluster": "x1", "user": "x2", "context": "x3"}
NEW = _kubeconfig.build(NEW_NAMES, {"server": "https://x"}, {"token": "t"}, namespace="n")


@given(kubeconfigs())
def test_removing_a_new_entry_restores_the_kubeconfig(current):
    merged = _kubeconfig.merge(current, NEW, make_current=False)
    assert _kubeconfig.without(merged, NEW_NAMES) == _kubeconfig.merge(current, _kubeconfig.empty(), make_current=False)


@given(kubeconfigs())
def test_removing_keeps_what_another_context_refers_to(current):
    other = {"clusters": [], "users": [], "contexts": [{"name": "x4", "context": {"cluster": "x1", "user": "x2"}}]}
    shared = _kubeconfig.merge(_kubeconfig.merge(current, NEW, make_current=False), other, make_current=False)
    rest = _kubeconfig.without(shared, NEW_NAMES)
    assert _kubeconfig.find_entry(rest, "clusters", "cluster", "x1") and _kubeconfig.find_entry(rest, "users", "user", "x2")
    assert _kubeconfig.find_entry(rest, "contexts", "context", "x3") is None


@given(kubeconfigs(), st.data())
def test_subset_contains_what_its_contexts_refer_to(value, data):
    names = [item["name"] for item in value["contexts"]]
    chosen = data.draw(st.lists(st.sampled_from(names), unique=True) if names else st.just([]))
    part = _kubeconfig.subset(value, chosen)
    assert sorted(item["name"] for item in part["contexts"]) == sorted(chosen)
    assert part["current-context"] in chosen or (part["current-context"] == "" and not chosen)
    for item in part["clusters"] + part["users"]:
        assert item in value["clusters"] + value["users"]
    with pytest.raises(_kubeconfig.KubeconfigError, match="it has no context nowhere"):
        _kubeconfig.subset(value, ["nowhere"])


@given(kubeconfigs())
def test_renaming_twice_restores_the_kubeconfig(value):
    names = [item["name"] for item in value["contexts"]]
    if not names:
        return
    renamed = _kubeconfig.rename(value, {names[0]: "new"}, {"a": "zz"}, {"b": "yy"})
    assert names[0] not in [item["name"] for item in renamed["contexts"]]
    if value["current-context"] == names[0]:
        assert renamed["current-context"] == "new"
    restored = _kubeconfig.rename(renamed, {"new": names[0]}, {"zz": "a"}, {"yy": "b"})
    assert {key: restored[key] for key in value} == value


def test_renaming_to_a_name_in_use_is_an_error():
    value = dict(_kubeconfig.empty(), contexts=[{"name": "a"}, {"name": "b"}])
    with pytest.raises(_kubeconfig.KubeconfigError, match="two contexts would have the same name"):
        _kubeconfig.rename(value, {"a": "b"})


@pytest.mark.parametrize("text, has_comments", [
    ("a: 1 # why", True), ("# why\na: 1", True), ("a: '# no'", False), ("a: |\n  # no\nb: 1", False), ("a: b#c", False), ("", False)])
def test_comments_are_detected(text, has_comments):
    assert _kubeconfig.has_comments(text) is has_comments


@given(st.text())
def test_any_text_is_parsed_as_a_kubeconfig_or_reported(text):
    try:
        assert isinstance(_kubeconfig.parse(text), dict)
    except _kubeconfig.KubeconfigError as error:
        assert str(error)


@pytest.mark.parametrize("text, message", [
    ("- a", "it must be a map, got list"), ("kind: Pod", "its kind is 'Pod'; Config is required"),
    ("clusters: 5", "its clusters must be a list of {name, cluster}"), ("clusters: [5]", "its clusters must be a list of {name, cluster}"),
    ("a: [", "it is not valid YAML"), ("{", "it is not valid YAML"), ("\tx: 1", "it is not valid YAML")])
def test_invalid_kubeconfig_is_rejected(text, message):
    with pytest.raises(_kubeconfig.KubeconfigError, match=message):
        _kubeconfig.parse(text)


def test_redaction_replaces_every_secret():
    value = _kubeconfig.build(FAY, {"server": "https://x", "certificate-authority-data": "SECRET1"}, {
        "client-key-data": "SECRET2", "client-certificate-data": "SECRET3", "token": "SECRET4", "password": "SECRET5",
        "exec": {"command": "login", "env": [{"name": "A", "value": "SECRET6"}], "args": ["--password=SECRET8"]},
        "auth-provider": {"config": {"a": "SECRET7"}}})
    value["clusters"][0]["cluster"]["proxy-url"] = "http://me:SECRET9@proxy"
    text = _kubeconfig.render(_kubeconfig.redact(value))
    assert "SECRET" not in text and "https://x" in text
    assert "SECRET2" in _kubeconfig.render(value)
