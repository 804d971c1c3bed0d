# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""flannel's subnet.env, parsed as flannel's own CNI plugin parses it. Private to the collection; may change without notice.

Sources: flannel-io/flannel pkg/subnet/subnet.go (writes the file), flannel-io/cni-plugin flannel.go (reads it).
"""
import ipaddress


class FlannelError(Exception):
    """A subnet.env is not valid. The message describes the invalid line or the missing keys."""


def parse_networks(value):
    """The distinct CIDRs of a comma-separated list, in the order of the list. Raises ValueError."""
    networks = []
    for part in value.split(","):
        network = str(ipaddress.ip_network(part.strip(), strict=False))
        if network not in networks:
            networks.append(network)
    return networks


def parse_address(value):
    """An address with its prefix length. Raises ValueError."""
    if "/" not in value:
        raise ValueError("the prefix length is missing")
    return str(ipaddress.ip_interface(value.strip()))


def parse_mtu(value):
    """An MTU (int, bytes). Raises ValueError."""
    if not value.strip().isdigit():
        raise ValueError("a number of bytes is required")
    return int(value)


def parse_flag(value):
    """The bool of `true` or `false`. Raises ValueError."""
    if value not in ("true", "false"):
        raise ValueError("true or false is required")
    return value == "true"


# {key of the file: (name in the result, parser of the value)}
KEYS = {
    "FLANNEL_NETWORK": ("networks", parse_networks),
    "FLANNEL_IPV6_NETWORK": ("ipv6_networks", parse_networks),
    "FLANNEL_SUBNET": ("subnet", parse_address),
    "FLANNEL_IPV6_SUBNET": ("ipv6_subnet", parse_address),
    "FLANNEL_MTU": ("mtu", parse_mtu),
    "FLANNEL_IPMASQ": ("ipmasq", parse_flag),
}


def parse(text):
    """{networks, ipv6_networks, subnet, ipv6_subnet, mtu, ipmasq} of the text of a subnet.env.

    networks, ipv6_networks: lists of CIDRs. subnet, ipv6_subnet: address of cni0 with its prefix length, or None. mtu: bytes.
    ipmasq: whether flanneld masquerades. Unknown keys are ignored. Raises FlannelError.
    """
    values = {"networks": [], "ipv6_networks": [], "subnet": None, "ipv6_subnet": None, "mtu": None, "ipmasq": None}
    for number, line in enumerate(text.splitlines(), 1):
        key, equals, value = line.partition("=")
        if key.strip() not in KEYS:
            continue
        name, parse_value = KEYS[key.strip()]
        if not equals:
            raise FlannelError("line %d is %r: the value of %s is missing" % (number, line, key.strip()))
        try:
            values[name] = parse_value(value)
        except ValueError as error:
            raise FlannelError("line %d is %r: %s" % (number, line, error))
    check_complete(values, text)
    return values


def check_complete(values, text):
    """Raise FlannelError if a required key is missing in the text."""
    missing = []
    if not values["networks"] and not values["ipv6_networks"]:
        missing.append("FLANNEL_NETWORK or FLANNEL_IPV6_NETWORK")
    if not values["subnet"] and not values["ipv6_subnet"]:
        missing.append("FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET")
    missing += [key for key in ("FLANNEL_MTU", "FLANNEL_IPMASQ") if values[KEYS[key][0]] is None]
    if missing:
        reason = "" if text.strip() else ": the text is empty"
        raise FlannelError("%s missing%s" % (" and ".join(missing), reason))
