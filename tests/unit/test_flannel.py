# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""subnet.env is parsed as flannel's own CNI plugin parses it, and errors name the line."""
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._network.flannel import FlannelError, parse
from conftest import RECORDINGS
from hypothesis import given
from hypothesis import strategies as st

VALID = "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"


@pytest.mark.parametrize("name, subnet", [("master1", "10.244.0.1/24"), ("master3", "10.244.2.1/24")])
def test_recorded_files_are_parsed(name, subnet):
    with open(os.path.join(RECORDINGS, "subnet-%s.env" % name)) as source:
        assert parse(source.read()) == {
            "networks": ["10.244.0.0/16"], "ipv6_networks": [], "subnet": subnet, "ipv6_subnet": None, "mtu": 1450, "ipmasq": True}


def test_ipv6_is_parsed_and_unknown_keys_are_ignored():
    values = parse(VALID + ("FLANNEL_IPV6_NETWORK=fd00::/48,fd00::/48,fd01::/48\nFLANNEL_IPV6_SUBNET=fd00:0:0:1::1/64\n"
                            "FLANNEL_NEW=a=b\n# a comment\n"))
    assert values["ipv6_networks"] == ["fd00::/48", "fd01::/48"]
    assert values["ipv6_subnet"] == "fd00:0:0:1::1/64"


@pytest.mark.parametrize("text, message", [
    ("", "FLANNEL_MTU and FLANNEL_IPMASQ missing: the text is empty"),
    (VALID.replace("FLANNEL_MTU=1450\n", ""), "FLANNEL_MTU missing"),
    (VALID.replace("FLANNEL_SUBNET=10.42.3.1/24\n", ""), "FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET missing"),
    (VALID.replace("FLANNEL_MTU=1450", "FLANNEL_MTU"), "line 3 is 'FLANNEL_MTU': the value of FLANNEL_MTU is missing"),
    (VALID.replace("1450", "lots"), "line 3 is 'FLANNEL_MTU=lots': a number of bytes is required"),
    (VALID.replace("true", "yes"), "line 4 is 'FLANNEL_IPMASQ=yes': true or false is required"),
    (VALID.replace("10.42.3.1/24", "10.42.3.1"), "line 2 is 'FLANNEL_SUBNET=10.42.3.1': the prefix length is missing"),
    (VALID.replace("10.42.0.0/16", "10.42.0.0/99"), "line 1 is 'FLANNEL_NETWORK=10.42.0.0/99': "),
])
def test_an_invalid_text_is_reported(text, message):
    with pytest.raises(FlannelError) as error:
        parse(text)
    assert message in str(error.value)


@given(st.text())
def test_any_text_is_parsed_or_reported(text):
    try:
        assert parse(text)["mtu"] is not None
    except FlannelError as error:
        assert str(error)


@given(st.lists(st.sampled_from(VALID.splitlines()), min_size=0, max_size=8), st.integers(0, 9000))
def test_the_last_line_of_a_key_is_used(lines, mtu):
    text = "\n".join(lines + VALID.replace("1450", str(mtu)).splitlines())
    assert parse(text)["mtu"] == mtu
