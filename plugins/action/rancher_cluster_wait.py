# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name and shows what Rancher reports about the cluster."""
from ansible_collections.fay.rancher.plugins.plugin_utils._sliced import SlicedAction


class ActionModule(SlicedAction):
    module = "fay.rancher.rancher_cluster_wait"
    seconds = 15
