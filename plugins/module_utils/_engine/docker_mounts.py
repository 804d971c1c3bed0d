# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts below the data root that Docker itself makes and that end when it stops. Private to the collection."""
import json
import os
import re

from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import mounts_below

# With userns-remap, Docker keeps its data in ROOT/UID.GID: moby docker-v29.0.0 and v20.10.24 daemon/daemon_unix.go, setupDaemonRoot().
REMAPPED_ROOT = r"/\d+\.\d+"
# Below these, Docker mounts layers, shared memory, secrets and the file systems of its plugins. rootfs/SNAPSHOTTER/ID: containers
# with containerd's image store (moby docker-v29.0.0 daemon/snapshotter/mount.go, the same since v25.0.0).
DIRECTORIES = r"/(?:(?:overlay2?|containers|aufs|plugins|image|buildkit|fuse-overlayfs)/|rootfs/[^/]+/[^/])"
# Mounted during builds and starts of containers. TMPDIR of dockerd is ROOT/tmp (moby docker-v29.0.0 daemon/daemon.go, NewDaemon());
# prefixes: daemon/volume/safepath/join_linux.go and, in vendor, buildkit snapshot/localmounter_linux.go, containerd core/mount/temp.go.
TEMPORARY = r"/tmp/(?:buildkit-mount|containerd-mount|safe-mount)[^/]*$"
DOCKER_MOUNTS = re.compile("(?:%s)?(?:%s|%s)" % (REMAPPED_ROOT, DIRECTORIES, TEMPORARY))
# A volume with driver options: moby docker-v29.0.0 and v20.10.24 volume/local/local.go, DataPath(). It is unmounted with all mounts below.
VOLUME_DATA = re.compile(r"((?:%s)?/volumes/[^/]+)/_data(?:/|$)" % REMAPPED_ROOT)


def foreign_mounts(root):
    """Mount points (list of str) below a data root that do not end when Docker stops. root: str, without links."""
    return [point for point in mounts_below(root) if not is_docker_mount(root, point)]


def is_docker_mount(root, point):
    """Whether Docker has made a mount below its data root. root, point: str, both without links."""
    below = point[len(root.rstrip("/")):]
    volume = VOLUME_DATA.match(below)
    if volume:
        return has_mount_options(root + volume.group(1))
    return bool(DOCKER_MOUNTS.match(below)) or (re.match(REMAPPED_ROOT + "$", below) is not None and is_bind_mount(root, point))


def has_mount_options(volume):
    """Whether Docker mounts something in a volume while a container uses it. volume: str, the directory ROOT/volumes/NAME.

    Docker keeps the options of `docker volume create --opt` in opts.json and mounts if there is a type or a device: moby
    docker-v29.0.0 daemon/volume/local/local_unix.go, optsConfig and needsMount() (v20.10.24: volume/local/local_unix.go).
    """
    try:
        with open(os.path.join(volume, "opts.json"), encoding="utf-8") as source:
            options = json.load(source)
    except (OSError, ValueError):
        return False
    return isinstance(options, dict) and bool(options.get("MountType") or options.get("MountDevice"))


def is_bind_mount(root, point):
    """Whether a mount has the filesystem of the data root.

    On a root that is not mounted as shared, Docker mounts ROOT/UID.GID on itself: moby docker-v29.0.0 daemon/daemon_unix.go,
    setupDaemonRootPropagation(). Another filesystem there is the user's.
    """
    try:
        return os.stat(point).st_dev == os.stat(root).st_dev
    except OSError:
        return False
