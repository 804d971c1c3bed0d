# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds images, Kubernetes and packages. Each is kept under a key of everything it was built from."""
import hashlib
import os
import shutil
import tempfile

from .config import BASED_ON, CACHE, KUBERNETES, KUBERNETES_VERSION, LAB, PACKAGES, RELEASES
from .console import docker, exists, run, step


def digest(*parts):
    """A key (12 hexadecimal digits) from strings, and from the names, modes and content of files and directories."""
    total = hashlib.sha256()
    for part in parts:
        for path in files_below(part):
            total.update(os.path.relpath(path, LAB).encode() if os.path.exists(path) else path.encode())
            if os.path.isfile(path):
                total.update(b"x" if os.access(path, os.X_OK) else b"-")
                with open(path, "rb") as source:
                    total.update(source.read())
    return total.hexdigest()[:12]


def files_below(path):
    """The files of a directory and those below it, sorted; a list with `path` itself if it is not a directory."""
    if not os.path.isdir(path):
        return [path]
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names
                  if "__pycache__" not in folder)


def base_key():
    mirror = run("bash", "-c", '. "$0"; echo "$DEBIAN_MIRROR $DEBIAN_SECURITY"', os.path.join(LAB, "build/mirror.sh"))
    return digest(os.path.join(LAB, "build/debian.sh"), mirror)


def build_base(suite, release):
    """Build fay-lab/debian:RELEASE, the base of the other images."""
    tag = "fay-lab/debian:%s-%s" % (release, base_key())
    if not exists("image", tag):
        with step("image debian %s (debootstrap)" % release):
            run(os.path.join(LAB, "build/debian.sh"), suite, tag)
    docker("tag", tag, "fay-lab/debian:" + release)


def build_context(name):
    """{path in the build context: directory or file} for an image."""
    if name == "rancher":
        return {"Dockerfile": os.path.join(LAB, "rancher/Dockerfile"), "standin": os.path.join(LAB, "rancher/standin"),
                "recordings": os.path.join(LAB, "..", "recordings", "v2.6.2")}
    if name == "rancher-agent":
        return {"": os.path.join(LAB, "rancher/agent")}
    if name == "hyperkube":
        return {"Dockerfile": os.path.join(LAB, "images/hyperkube/Dockerfile"), "bin": KUBERNETES}
    return {"": os.path.join(LAB, "images", "node-debian" if name in RELEASES else name)}


def image_key(name):
    sources = [source for source in build_context(name).values() if source != KUBERNETES]
    base = image_key(BASED_ON[name]) if name in BASED_ON else base_key()
    recipe = digest(os.path.join(LAB, "build/kubernetes.sh")) if name == "hyperkube" else RELEASES.get(name, "")
    return digest(base, recipe, *sources)


def build_image(name):
    """Build fay-lab/NAME unless an image with its key exists."""
    tag = "fay-lab/%s:%s" % (name, image_key(name))
    if not exists("image", tag):
        with step("image " + name), tempfile.TemporaryDirectory(dir=CACHE) as context:
            for path, source in build_context(name).items():
                target = os.path.join(context, path)
                if os.path.isdir(source):
                    shutil.copytree(source, target, dirs_exist_ok=True, copy_function=link_or_copy,
                                    ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(source, target)
            docker("build", "--quiet", "--tag", tag, "--build-arg", "RELEASE=" + RELEASES.get(name, ""), context,
                   env=dict(os.environ, DOCKER_BUILDKIT="0"))
    docker("tag", tag, "fay-lab/" + name)


def link_or_copy(source, target):
    """Link a file, since the binaries of Kubernetes are large; copy it if the target is on another filesystem."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def build_once(directory, key, name, *command):
    """Run a script whose result is a directory of the cache, unless the directory was built under that key."""
    stamp = directory + ".key"
    if os.path.isdir(directory) and os.path.exists(stamp):
        with open(stamp) as source:
            if source.read() == key:
                return
    with step(name):
        run(*command)
        with open(stamp, "w") as target:
            target.write(key)


def build_kubernetes():
    script = os.path.join(LAB, "build/kubernetes.sh")
    build_once(KUBERNETES, digest(script), "Kubernetes %s from source" % KUBERNETES_VERSION, script, "fay-lab/debian:12", KUBERNETES)


def build_packages():
    script = os.path.join(LAB, "build/packages.sh")
    key = digest(script, os.path.join(LAB, "build/packages"), os.path.join(LAB, "build/kubernetes.sh"))
    build_once(PACKAGES, key, "package mirror", script, "fay-lab/debian:12", KUBERNETES, PACKAGES)
