# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network, registry and package mirror, and the images in the registry."""
import http.client
import time

from .config import MIRROR, NETWORK, PACKAGES, PREFIX, PUBLISHED, REGISTRY, REGISTRY_PORT
from .console import LabError, docker, exists, step
from .images import image_key


def start_network():
    if not exists("network", NETWORK):
        docker("network", "create", "--subnet", PREFIX + ".0/24", "--label", "fay-lab", NETWORK)


def start_service(name, address, *options):
    """Start fay-lab-NAME from the image of that name. A container that runs another build of the image is replaced."""
    container = "fay-lab-" + name
    image = docker("image", "inspect", "--format", "{{.Id}}", "fay-lab/" + name).strip()
    state = docker("container", "inspect", "--format", "{{.Image}} {{.State.Running}}", container, check=False).split()
    if state == [image, "true"]:
        return
    docker("rm", "--force", container, check=False)
    docker("run", "--detach", "--name", container, "--label", "fay-lab=service", "--network", NETWORK, "--ip", address,
           *options, "fay-lab/" + name)


def start_registry():
    start_service("registry", REGISTRY, "--publish", "127.0.0.1:%d:5000" % REGISTRY_PORT,
                  "--volume", "fay-lab-registry:/var/lib/registry")
    for _ in range(100):
        try:
            registry_digest("none", "none")
            return
        except OSError:
            time.sleep(0.1)
    raise LabError("The lab's registry does not answer on 127.0.0.1:%d. Another process may use that port. Set "
                   "FAY_LAB_REGISTRY_PORT to a free port." % REGISTRY_PORT)


def start_mirror():
    """Start the mirror. One with packages of an earlier build is replaced."""
    with open(PACKAGES + ".key") as source:
        key = source.read()
    running_key = docker("container", "inspect", "--format", '{{index .Config.Labels "packages"}}', "fay-lab-mirror",
                         check=False).strip()
    if running_key != key:
        docker("rm", "--force", "fay-lab-mirror", check=False)
    start_service("mirror", MIRROR, "--volume", PACKAGES + ":/srv/www:ro", "--label", "packages=" + key)


def registry_digest(repository, tag):
    """The digest of an image in the registry, or None; raises OSError if the registry does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", REGISTRY_PORT, timeout=10)
    try:
        connection.request("HEAD", "/v2/%s/manifests/%s" % (repository, tag), headers={
            "Accept": "application/vnd.docker.distribution.manifest.v2+json"})
        response = connection.getresponse()
        response.read()
        return response.getheader("Docker-Content-Digest") if response.status == 200 else None
    finally:
        connection.close()


def publish(name):
    """Push an image under its published name, and under its key so that the next run recognizes it."""
    key = image_key(name)
    repository, tag = PUBLISHED[name].split(":")
    pushed = registry_digest(repository, key)
    if pushed and pushed == registry_digest(repository, tag):
        return
    with step("push " + PUBLISHED[name]):
        for target in (tag, key):
            reference = "127.0.0.1:%d/%s:%s" % (REGISTRY_PORT, repository, target)
            docker("tag", "fay-lab/" + name, reference)
            docker("push", "--quiet", reference)
            docker("rmi", reference)
