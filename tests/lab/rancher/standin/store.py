"""What the stand-in remembers: one JSON file in its data directory, written beside and renamed."""
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

    `data` is a dict of collections, each a dict of objects by id. Change it inside `with store.change():`,
    which holds the lock and saves at the end; read it inside `with store.lock:` or through `copy_of`.
    """

    def __init__(self, directory):
        self.path = os.path.join(directory, "state.json")
        self.lock = threading.RLock()
        self.data = {"settings": {}, "users": {}, "tokens": {}, "clusters": {}, "registration_tokens": {},
                     "nodes": {}, "role_bindings": {}, "etcdbackups": {}, "pki": {}}
        os.makedirs(directory, exist_ok=True)
        self.fresh = not os.path.exists(self.path)
        if not self.fresh:
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
        with self.lock:
            return copy.deepcopy(self.data[collection].get(identifier))


def random_id(length=5):
    """Five characters as Kubernetes' generateName makes them: no vowels, no 0, 1 and 3."""
    return "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=length))


def random_secret(length=54):
    return "".join(random.choices("bcdfghjklmnpqrstvwxz" + string.digits, k=length))


def stamp(moment=None):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def metadata(moment=None):
    """The fields that every stored object of /v3 has."""
    moment = int(moment or time.time())
    return {"created": stamp(moment), "createdTS": moment * 1000, "uuid": str(uuid.uuid4())}
