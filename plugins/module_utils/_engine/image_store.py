# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image store Docker uses, and where containerd keeps it. Changes nothing. Private to the collection.

The classic store is in the data root. The containerd store is below containerd's own root, wherever the data root is
(docs.docker.com/engine/storage/containerd).
"""
import collections
import os
import re

from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.daemon_options import IMAGE_STORE_FEATURE, feature
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import has_data, is_inside, mounts_below
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import flag_value

CLASSIC, CONTAINERD = "classic", "containerd"
SNAPSHOTTER = "io.containerd.snapshotter.v1"  # driver-type in `docker info`: moby v28.5.2 daemon/containerd/service.go
FIRST_WITH_CONTAINERD_DEFAULT = 29
SYSTEM_ADDRESS = "/run/containerd/containerd.sock"  # of containerd.service: containerd defaults/defaults_unix.go
# Directories of classic storage drivers: moby docker-v29.7.2 daemon/graphdriver/register, and scanPriorDrivers(), which ignores vfs.
CLASSIC_DIRECTORIES = ("overlay2", "fuse-overlayfs", "btrfs", "zfs")
# moby v28.5.2 daemon/config/config.go, and with userns-remap daemon/daemon_linux.go, RemapContainerdNamespaces().
DOCKER_NAMESPACES = re.compile(r"(?:plugins\.)?moby(?:-\d+\.\d+)?$")

# kind: `classic` or `containerd`. root: str, the root of containerd.service; empty if Docker keeps its images elsewhere: in its
# data root (the classic store, or a containerd that Docker has started), or in a containerd that this collection does not know.
ImageStore = collections.namedtuple("ImageStore", "kind root")


def find_image_store(host, location):
    """The ImageStore of a Docker that runs, or that would be started. location: plan.Location. Raises DataRootError."""
    kind = _store_of_running(location.info) if location.info else _store_of_stopped(host, location)
    if kind == CLASSIC or not uses_system_containerd(host, location):
        return ImageStore(kind, "")
    return ImageStore(kind, host.containerd_root())


def _store_of_running(info):
    status = [tuple(pair) for pair in info.get("DriverStatus") or []]
    return CONTAINERD if ("driver-type", SNAPSHOTTER) in status else CLASSIC


def _store_of_stopped(host, location):
    """The store that Docker would choose: moby docker-v29.7.2 daemon/image_store_choice.go and daemon/command/daemon_linux.go."""
    chosen = feature(location.options, IMAGE_STORE_FEATURE)
    if chosen is not None:
        return CONTAINERD if chosen else CLASSIC
    major = re.match(r"\d+", host.installed_version())
    if not major or int(major.group()) < FIRST_WITH_CONTAINERD_DEFAULT:
        return CLASSIC
    has_driver = location.options.get("storage-driver") or flag_value(location.words, "--storage-driver", "-s")
    has_layers = any(has_data(os.path.join(location.root, name)) for name in CLASSIC_DIRECTORIES)
    has_userns = location.options.get("userns-remap") or flag_value(location.words, "--userns-remap")
    return CLASSIC if has_driver or has_layers or has_userns else CONTAINERD


def uses_system_containerd(host, location):
    """Whether Docker uses the containerd of containerd.service.

    Without an address, Docker uses that containerd if it runs, and starts its own one in the data root otherwise: moby v28.5.2
    cmd/dockerd/daemon.go, initializeContainerd(). From 29.7 it can contain one itself, also in the data root.
    """
    if feature(location.options, "embedded-containerd"):
        return False
    known = (location.info.get("Containerd") or {}).get("Address")
    address = known or location.options.get("containerd") or flag_value(location.words, "--containerd")
    if address:
        if not isinstance(address, str) or "\0" in address:  # Docker does not start with it
            return False
        return os.path.realpath(address) == os.path.realpath(SYSTEM_ADDRESS)
    return host.is_containerd_running()


def check_store_users(host, is_shared):
    """Raise DataRootError if something besides Docker keeps data in containerd, unless `is_shared` (bool), or runs containers there."""
    namespaces = [name for name in host.containerd_namespaces() if not DOCKER_NAMESPACES.match(name)]
    if namespaces and not is_shared:
        raise DataRootError("Docker is not the only user of containerd on this host: it contains the namespaces %s, for example of a "
                            "kubelet (k8s.io). A move of containerd's root would stop them and move their data too. Allow it with "
                            "docker_ce_containerd_shared, or leave containerd's root where it is"
                            % ", ".join(namespaces))
    for name in namespaces:
        tasks = host.containerd_tasks(name)
        if tasks:
            raise DataRootError("%d containers in the namespace %s of containerd are running and would write to its root while it is "
                                "moved. Stop what runs them (for a kubelet: drain the node and stop kubelet)" % (len(tasks), name))


def check_store_mounts(root):
    """Raise DataRootError if a filesystem of the user is mounted below containerd's root."""
    temporary = os.path.join(root, "tmpmounts")  # containerd v2.1 cmd/containerd/command/main.go, SetTempMountLocation()
    foreign = [point for point in mounts_below(root) if not is_inside(point, temporary)]
    if foreign:
        raise DataRootError("Another filesystem is mounted below containerd's root, and a move would not include it: %s. Unmount it, or "
                            "set docker_ce_containerd_root to \"\"" % ", ".join(foreign))
