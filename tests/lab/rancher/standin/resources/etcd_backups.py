# SPDX-License-Identifier: GPL-3.0-or-later
"""/v3/etcdbackups: always empty, since the stand-in makes no backups."""
from .base import Resource


class EtcdBackups(Resource):
    path, type, collection = "etcdbackups", "etcdBackup", "etcdbackups"
    recorded_list = ("cluster-rke1", "etcd backups of it")
