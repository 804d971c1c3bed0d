# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""flannel's subnet.env, read as flannel's own CNI plugin reads it.

Sources: flannel-io/flannel pkg/subnet/subnet.go (what is written), flannel-io/cni-plugin flannel.go (what is read).
"""
import ipaddress

KEYS = {  # key: (our name, how the value is read)
    "FLANNEL_NETWORK": ("networks", "networks"),
    "FLANNEL_IPV6_NETWORK": ("ipv6_networks", "networks"),
    "FLANNEL_SUBNET": ("subnet", "address"),
    "FLANNEL_IPV6_SUBNET": ("ipv6_subnet", "address"),
    "FLANNEL_MTU": ("mtu", "mtu"),
    "FLANNEL_IPMASQ": ("ipmasq", "flag"),
}


class FlannelError(Exception):
    """Says which line of the text is wrong, or what is missing."""


def _networks(value):
    found = []
    for part in value.split(","):
        network = str(ipaddress.ip_network(part.strip(), strict=False))
        if network not in found:
            found.append(network)
    return found


def _address(value):
    if "/" not in value:
        raise ValueError("no prefix length")
    return str(ipaddress.ip_interface(value.strip()))


def _mtu(value):
    if not value.strip().isdigit():
        raise ValueError("no number of bytes")
    return int(value)


def _flag(value):
    if value not in ("true", "false"):
        raise ValueError("neither true nor false")
    return value == "true"


READERS = {"networks": _networks, "address": _address, "mtu": _mtu, "flag": _flag}


def parse(text):
    """subnet.env as a dict: networks, ipv6_networks (lists of CIDR), subnet, ipv6_subnet (cni0's address with prefix
    length, or None), mtu (bytes), ipmasq (bool: flanneld masquerades).

    text: str. Unknown keys are left out. Raises FlannelError.
    """
    found = {"networks": [], "ipv6_networks": [], "subnet": None, "ipv6_subnet": None, "mtu": None, "ipmasq": None}
    for number, line in enumerate(text.splitlines(), 1):
        key, equals, value = line.partition("=")
        if key.strip() not in KEYS:
            continue
        name, kind = KEYS[key.strip()]
        if not equals:
            raise FlannelError("line %d is %r: a value is missing after %s" % (number, line, key.strip()))
        try:
            found[name] = READERS[kind](value)
        except ValueError as error:
            raise FlannelError("line %d is %r: %s" % (number, line, error))
    missing = []
    if not found["networks"] and not found["ipv6_networks"]:
        missing.append("FLANNEL_NETWORK or FLANNEL_IPV6_NETWORK")
    if not found["subnet"] and not found["ipv6_subnet"]:
        missing.append("FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET")
    missing += [key for key, (name, _kind) in KEYS.items() if key in ("FLANNEL_MTU", "FLANNEL_IPMASQ")
                and found[name] is None]
    if missing:
        raise FlannelError("%s missing" % " and ".join(missing) + (": the text is empty" if not text.strip() else ""))
    return found
