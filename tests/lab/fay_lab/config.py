# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's directories, addresses, sets of hosts and images."""
import os

LAB = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
CACHE = os.environ.get("FAY_LAB_CACHE") or os.path.expanduser("~/.cache/fay-rancher-lab")
KUBERNETES_VERSION = "1.20.2"  # the version that build/kubernetes.sh builds
KUBERNETES = os.path.join(CACHE, "kubernetes-" + KUBERNETES_VERSION)
PACKAGES = os.path.join(CACHE, "packages")
NEEDED_MEMORY_GIB, NEEDED_DISK_GIB = 6, 20

NETWORK = "fay-lab"
PREFIX = os.environ.get("FAY_LAB_PREFIX", "172.31.250")  # the lab's network is PREFIX.0/24
MIRROR, REGISTRY = PREFIX + ".2", PREFIX + ".3"
REGISTRY_PORT = int(os.environ.get("FAY_LAB_REGISTRY_PORT", "5050"))  # on this machine's loopback
# Variables for the inventory; `lab inventory` prints them.
INVENTORY_VARIABLES = {"__lab_mirror_url": "http://" + MIRROR, "__lab_registry_url": "http://%s:5000" % REGISTRY}

FAY = dict({"rancher1": ("debian12", 0)}, **{
    "bg%d" % number: ("el9" if number in (3, 7) else "debian12", number) for number in range(1, 8)})
# Sets of hosts: (last number of the first address, {host: (image, offset from the first address)}).
SETS = {
    "demo": (10, FAY),
    "fay": (30, FAY),
    "docker_ce": (50, {"debian12": ("debian12", 0), "el9": ("el9", 1), "debian13": ("debian13", 2)}),
    "rancher_server": (60, {"rancher1": ("debian12", 0)}),
    "rke_node": (70, {"rancher1": ("debian12", 0), "bg1": ("debian12", 1), "bg4": ("el9", 2)}),
    "kubectl_access": (80, {"rancher1": ("debian12", 0), "bg1": ("debian12", 1), "bg2": ("debian12", 2), "bg4": ("debian12", 3)}),
    "bench": (90, {"debian12": ("debian12", 0), "debian13": ("debian13", 1), "el9": ("el9", 2)}),
    # One host for each ansible-core of tests/matrix.
    "matrix": (100, {"core216": ("debian12", 0), "core219": ("debian12", 1), "core221": ("debian12", 2)}),
}

# Images that are built from the Debian 12 base only. node-debian13 is built from that of Debian 13.
IMAGES = ["registry", "mirror", "node-debian12", "rancher", "rancher-agent", "etcd", "rke-tools", "pause", "flannel"]
BASED_ON = {"node-el9": "node-debian12", "flannel-cni": "flannel"}
RELEASES = {"node-debian12": "12", "node-debian13": "13"}  # both from images/node-debian
# Images of the lab's registry, with the names that Rancher and RKE use.
PUBLISHED = {
    "rancher": "rancher/rancher:v2.6.2",
    "rancher-agent": "rancher/rancher-agent:v2.6.2",
    "hyperkube": "rancher/hyperkube:v1.21.5-rancher1",
    "etcd": "rancher/mirrored-coreos-etcd:v3.4.16-rancher1",
    "rke-tools": "rancher/rke-tools:v0.1.78",
    "pause": "rancher/mirrored-pause:3.4.1",
    "flannel": "rancher/mirrored-coreos-flannel:v0.14.0",
    "flannel-cni": "rancher/flannel-cni:v0.3.0-rancher6",
}


def container_of(set_name, host):
    return "fay-lab-%s-%s" % (set_name, host)


def address_of(set_name, host):
    first, hosts = SETS[set_name]
    return "%s.%d" % (PREFIX, first + hosts[host][1])
