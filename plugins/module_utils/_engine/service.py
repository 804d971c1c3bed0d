# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reload, restart and start of docker.service after a change of its configuration. Private to the collection."""
import os
import time

from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError

PID_FILE = "/run/docker.pid"  # dockerd writes it when it starts
RELOAD_TRIES = 10
RELOAD_SECONDS = 0.2  # between two tries


class Service:
    """docker.service of a host. host: Host."""

    def __init__(self, host):
        self.host = host

    def is_running(self):
        return self.host.is_running()

    def is_enabled(self):
        return self.host.run("systemctl", "is-enabled", "docker.service")[1].strip() == "enabled"

    def start_time(self):
        """When Docker was started, in seconds since the epoch; None if it is not known."""
        try:
            return os.stat(PID_FILE).st_mtime
        except FileNotFoundError:
            return None

    def read_units(self):
        """Let systemd read the units again."""
        self.host.run("systemctl", "daemon-reload")

    def reload(self):
        """Let Docker read daemon.json again. Returns whether Docker reports it.

        Docker only logs that it rejects a file, so `systemctl reload` succeeds in any case.
        """
        since = "%.9f" % time.time()
        self.host.run("systemctl", "reload", "docker.service")
        for unused in range(RELOAD_TRIES):
            until = "%.9f" % time.time()
            if self.host.run_docker("events", "--since", since, "--until", until, "--filter", "event=reload")[1].strip():
                return True
            time.sleep(RELOAD_SECONDS)
        return False

    def restart(self, with_sockets=False):
        """Restart Docker, or start it. with_sockets: bool, whether docker.socket is restarted too. Raises DataRootError."""
        self.host.run("systemctl", "reset-failed", "docker.service", "docker.socket")
        if with_sockets:
            self.host.run("systemctl", "stop", "docker.service", "docker.socket")
            self._run("start", "docker.socket")
        self._run("restart", "docker.service")

    def enable(self):
        """Start Docker at boot. Raises DataRootError."""
        self._run("enable", "docker.service")

    def _run(self, verb, unit):
        code, unused, err = self.host.run("systemctl", verb, unit)
        if code:
            raise DataRootError("`systemctl %s %s` failed: %s %s" % (verb, unit, err.strip(), self.host.last_messages()))
