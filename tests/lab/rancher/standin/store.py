# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's state: one JSON file in its data directory, replaced atomically at each change."""
import contextlib
import copy
import json
import os
import random
import string
import threading
import time
import uuid


class Store:
    """The server's state, shared by all request threads.

    `data` is a dict of collections, each a dict of objects by id. Change it inside `with store.change():`, which
    holds the lock and saves at the end; read it inside `with store.lock:` or through `copy_of`.
    """

    def __init__(self, directory):
        self.path = os.path.join(directory, "state.json")
        self.lock = threading.RLock()
        self.data = {"settings": {}, "users": {}, "tokens": {}, "clusters": {}, "registration_tokens": {},
                     "nodes": {}, "role_bindings": {}, "etcdbackups": {}, "pki": {}}
        os.makedirs(directory, exist_ok=True)
        self.is_new = not os.path.exists(self.path)
        if not self.is_new:
            with open(self.path) as source:
                self.data.update(json.load(source))

    @contextlib.contextmanager
    def change(self):
        with self.lock:
            yield self.data
            with open(self.path + ".part", "w") as target:
                json.dump(self.data, target)
            os.rename(self.path + ".part", self.path)

    def copy_of(self, collection, identifier):
        """A copy of the object with that id, or None."""
        with self.lock:
            return copy.deepcopy(self.data[collection].get(identifier))


def random_id(length=5):
    """Characters as Kubernetes' generateName chooses them: no vowels, no 0, 1 and 3."""
    return "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=length))


def random_secret(length=54):
    return "".join(random.choices("bcdfghjklmnpqrstvwxz" + string.digits, k=length))


def stamp(seconds=None):
    """A time (seconds since the epoch, by default the current one) as the API writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def metadata():
    """The fields of a new object that every object of /v3 has."""
    seconds = int(time.time())
    return {"created": stamp(seconds), "createdTS": seconds * 1000, "uuid": str(uuid.uuid4())}
