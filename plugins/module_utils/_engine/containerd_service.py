# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""containerd.service of this host, through its commands. Private to the collection."""
import os

from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.containerd_config import find_root
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import command_words, environment, exec_start, flag_value

DEFAULT_CONTAINERD_ROOT = "/var/lib/containerd"  # containerd defaults/defaults_unix.go
DEFAULT_CONFIG = "/etc/containerd/config.toml"


class ContainerdService:
    """The part of Host that is about containerd. `run` is Host.run()."""

    containerd_config = DEFAULT_CONFIG

    def run(self, *command):
        raise NotImplementedError

    def is_containerd_running(self):
        return self.run("systemctl", "is-active", "containerd.service")[1].strip() == "active"

    def check_containerd_unit(self):
        """Raise DataRootError if flags in containerd.service override the root in the configuration, or name another file."""
        unit = self.run("systemctl", "cat", "containerd.service")[1]
        words = command_words(exec_start(unit) or "", environment(unit, []))
        for names, accepted in ((("--root",), None), (("--config", "-c"), self.containerd_config)):
            value = flag_value(words, *names)
            if value not in (None, accepted):
                raise DataRootError("containerd.service starts containerd with %s %s. The root can only be changed in %s. Remove the flag, "
                                    "or leave the root where it is" % (names[0], value, self.containerd_config))

    def containerd_root(self):
        """containerd's root (str) after all imports. Raises DataRootError."""
        if not os.path.exists(self.containerd_config):  # `containerd config dump` of 1.6 and 1.7 fails without the file
            return DEFAULT_CONTAINERD_ROOT
        code, out, err = self.run("containerd", "--config", self.containerd_config, "config", "dump")
        if code:
            raise DataRootError("`containerd config dump` failed: %s. Correct %s" % (err.strip(), self.containerd_config))
        match = find_root(out)
        return match[2].rstrip("/") if match and match[2] else DEFAULT_CONTAINERD_ROOT

    def containerd_namespaces(self):
        """Names (list of str) of containerd's namespaces. Each user of containerd has one. Raises DataRootError."""
        return self._ctr("namespaces", "list", "--quiet")

    def containerd_tasks(self, namespace):
        """IDs (list of str) of the containers that run in a namespace. Raises DataRootError."""
        return self._ctr("--namespace", namespace, "tasks", "list", "--quiet")

    def _ctr(self, *arguments):
        code, out, err = self.run("ctr", "--connect-timeout", "10s", *arguments)
        if code:
            raise DataRootError("Who else uses containerd is not known, because `ctr %s` failed: %s. Start containerd (`systemctl start "
                                "containerd`) and run again" % (" ".join(arguments), err.strip()))
        return out.split()

    def start_containerd(self):
        """Start containerd.service. A failure shows when Docker starts."""
        self.run("systemctl", "start", "containerd.service")
