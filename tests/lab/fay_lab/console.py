# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages, commands, and the lock that keeps lab commands from disturbing each other."""
import contextlib
import fcntl
import os
import subprocess
import threading
import time

from . import config

finished_steps, print_lock = [], threading.Lock()


class LabError(Exception):
    """A message for the user of the lab: what is wrong and what to do."""


def say(message):
    with print_lock:
        print(message, flush=True)


@contextlib.contextmanager
def step(name):
    """Prints the start of a long step, and its duration at the end."""
    begin = time.time()
    say("  … %s" % name)
    yield
    finished_steps.append(name)
    say("  ✓ %-44s %5.0f s" % (name, time.time() - begin))


def run(*command, quiet=True, check=True, **options):
    """Run a command and return its output (str), or show it unless `quiet`. Raises LabError if it fails and `check` is set."""
    options.setdefault("stderr", subprocess.STDOUT if quiet else None)
    result = subprocess.run(command, stdout=subprocess.PIPE if quiet else None, text=True, **options)
    if check and result.returncode:
        raise LabError("`%s` ended with %d:\n%s" % (" ".join(command), result.returncode,
                                                    "\n".join((result.stdout or "").splitlines()[-25:])))
    return result.stdout if quiet else None


def docker(*command, **options):
    return run("docker", *command, **options)


def exists(kind, name):
    """Whether Docker has an object (kind: image, container, network) of that name."""
    return subprocess.run(["docker", kind, "inspect", name], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


@contextlib.contextmanager
def exclusive():
    """Keeps other lab commands of this user from building, or starting or removing services, at the same time."""
    os.makedirs(config.CACHE, exist_ok=True)
    with open(os.path.join(config.CACHE, "lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("  … wait for another lab command")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
