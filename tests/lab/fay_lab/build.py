# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds everything that is missing, independent parts at the same time, and starts the registry and the mirror."""
import concurrent.futures
import time

from .config import BASED_ON, IMAGES, PUBLISHED
from .console import finished_steps, say
from .images import build_base, build_image, build_kubernetes, build_packages
from .services import publish, start_mirror, start_network, start_registry


def build_all():
    begin = time.time()
    build_base("bookworm", "12")
    start_network()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        kubernetes = pool.submit(build_kubernetes)
        images = submit_images(pool)
        images["registry"].result()
        start_registry()
        kubernetes.result()
        packages = pool.submit(build_packages)
        images["hyperkube"] = pool.submit(build_image, "hyperkube")
        pushes = [pool.submit(lambda name=name: (images[name].result(), publish(name))) for name in PUBLISHED]
        for task in [packages] + pushes + list(images.values()):
            task.result()
    start_mirror()
    if finished_steps:
        say("Lab built in %.0f s." % (time.time() - begin))


def submit_images(pool):
    """{image: future} of all images that do not contain Kubernetes. An image waits for the one it is based on."""
    images = {name: pool.submit(build_image, name) for name in IMAGES}
    for name, base in BASED_ON.items():
        images[name] = pool.submit(lambda name=name, base=base: (images[base].result(), build_image(name)))
    images["node-debian13"] = pool.submit(lambda: (build_base("trixie", "13"), build_image("node-debian13")))
    return images
