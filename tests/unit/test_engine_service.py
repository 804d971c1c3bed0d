# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How docker.service is reloaded and restarted."""
import time

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import Host
from ansible_collections.fay.rancher.plugins.module_utils._engine.service import Service


class CommandHost(Host):
    """A host whose commands are recorded."""

    def __init__(self, failing=(), events=""):
        self.commands, self.failing, self.events = [], failing, events

    def run(self, *command):
        self.commands.append(" ".join(command[1:]) if command[0] == "systemctl" else command[0])
        return (1 if self.commands[-1] in self.failing else 0), "a line of the log\n" if command[0] == "journalctl" else "", "failed"

    def run_docker(self, *arguments):
        return 0, self.events, ""


def test_sockets_are_stopped_with_docker_and_started_before_it():
    host = CommandHost()
    Service(host).restart(with_sockets=True)
    assert host.commands == ["reset-failed docker.service docker.socket", "stop docker.service docker.socket", "start docker.socket",
                             "restart docker.service"]


def test_a_failed_restart_is_reported_with_the_log_of_docker():
    host = CommandHost(failing=["restart docker.service"])
    with pytest.raises(DataRootError, match="`systemctl restart docker.service` failed: failed a line of the log"):
        Service(host).restart()
    assert host.commands[1] == "restart docker.service"


@pytest.mark.parametrize("events, is_reloaded", [("daemon reload abc\n", True), ("", False)])
def test_a_reload_counts_only_if_docker_reports_it(monkeypatch, events, is_reloaded):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    assert Service(CommandHost(events=events)).reload() == is_reloaded
