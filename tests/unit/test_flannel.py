"""subnet.env is read as flannel's own reader reads it, and what is wrong is named."""
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._network.flannel import FlannelError, parse
from conftest import RECORDINGS
from hypothesis import given
from hypothesis import strategies as st

GOOD = "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"


@pytest.mark.parametrize("name, subnet", [("master1", "10.244.0.1/24"), ("master3", "10.244.2.1/24")])
def test_the_notes_files(name, subnet):
    with open(os.path.join(RECORDINGS, "subnet-%s.env" % name)) as source:
        assert parse(source.read()) == {
            "networks": ["10.244.0.0/16"], "ipv6_networks": [], "subnet": subnet, "ipv6_subnet": None, "mtu": 1450,
            "ipmasq": True}


def test_two_families_and_unknown_keys():
    text = GOOD + ("FLANNEL_IPV6_NETWORK=fd00::/48,fd00::/48,fd01::/48\nFLANNEL_IPV6_SUBNET=fd00:0:0:1::1/64\n"
                   "FLANNEL_NEW=a=b\n# a comment\n")
    found = parse(text)
    assert found["ipv6_networks"] == ["fd00::/48", "fd01::/48"]
    assert found["ipv6_subnet"] == "fd00:0:0:1::1/64"


@pytest.mark.parametrize("text, message", [
    ("", "the text is empty"),
    (GOOD.replace("FLANNEL_MTU=1450\n", ""), "FLANNEL_MTU missing"),
    (GOOD.replace("FLANNEL_SUBNET=10.42.3.1/24\n", ""), "FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET missing"),
    (GOOD.replace("FLANNEL_MTU=1450", "FLANNEL_MTU"), "line 3 is 'FLANNEL_MTU': a value is missing"),
    (GOOD.replace("1450", "lots"), "line 3"),
    (GOOD.replace("true", "yes"), "line 4"),
    (GOOD.replace("10.42.3.1/24", "10.42.3.1"), "line 2"),
    (GOOD.replace("10.42.0.0/16", "10.42.0.0/99"), "line 1"),
])
def test_what_is_wrong_is_named(text, message):
    with pytest.raises(FlannelError, match="."):
        parse(text)
    try:
        parse(text)
    except FlannelError as error:
        assert message in str(error)


@given(st.text())
def test_no_text_crashes_it(text):
    try:
        assert parse(text)["mtu"] is not None
    except FlannelError as error:
        assert str(error)


@given(st.lists(st.sampled_from(GOOD.splitlines()), min_size=0, max_size=8), st.integers(0, 9000))
def test_lines_in_any_order(lines, mtu):
    text = "\n".join(lines + GOOD.replace("1450", str(mtu)).splitlines())
    assert parse(text)["mtu"] == mtu
