# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements of this machine: memory, disk space and a Docker engine."""
import os
import shutil
import subprocess

from . import config
from .console import LabError, docker


def check_machine():
    """Raise LabError if this machine has too little memory or free disk. Works without an engine too."""
    with open("/proc/meminfo") as source:
        memory = int(source.readline().split()[1]) / 1024 ** 2
    if memory < config.NEEDED_MEMORY_GIB:
        raise LabError("This machine has %.1f GiB of memory; the lab needs %d. Use a machine with more memory." % (
            memory, config.NEEDED_MEMORY_GIB))
    for path in sorted({nearest_directory(config.CACHE), nearest_directory(engine_info("DockerRootDir") or config.CACHE)}):
        free = shutil.disk_usage(path).free / 1024 ** 3
        if free < config.NEEDED_DISK_GIB:
            raise LabError("%s has %.1f GiB free; the lab needs %d. Free some space, or choose another disk with FAY_LAB_CACHE or "
                           "Docker's data root." % (path, free, config.NEEDED_DISK_GIB))


def nearest_directory(path):
    """The path, or the nearest directory above it that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def engine_info(field):
    """A field of `docker info`; empty if no engine answers."""
    try:
        return docker("info", "--format", "{{.%s}}" % field, check=False, stderr=subprocess.DEVNULL).strip()
    except FileNotFoundError:
        return ""


def check_engine():
    """Raise LabError if no Docker engine for Linux containers answers."""
    if engine_info("OSType") != "linux":
        raise LabError("No Docker engine for Linux containers answers here; the lab needs one. `docker info` shows why.")


def lacks_sys_resource():
    """Whether this machine lacks CAP_SYS_RESOURCE (bit 24): see runc-sandboxed."""
    with open("/proc/self/status") as source:
        bounding = next(line for line in source if line.startswith("CapBnd"))
    return not int(bounding.split()[1], 16) >> 24 & 1
