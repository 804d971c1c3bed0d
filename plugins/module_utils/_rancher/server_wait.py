# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a Rancher server on its own host, and watching its container. Private to the collection; may change without notice."""
import collections
import json
import re
import time

from ansible.module_utils.urls import open_url
from ansible_collections.fay.rancher.plugins.module_utils._tls import read_body

POLL_SECONDS = 2
REQUEST_SECONDS = 5
DOCKER_SECONDS = 60
LOG_SECONDS = 10
TIMEOUT_EXIT_CODE = 124  # of timeout(1), which is part of coreutils
LOG_LINES = 15
# Environment of the Docker client, so that it does not contact the Docker that the user has chosen: the first one is preferred to
# `docker context use`, and an empty variable counts as unset (docker/cli v20.10.24 and v28.5.2 cli/command/cli.go, cli/flags).
LOCAL_DOCKER = {"DOCKER_HOST": "unix:///var/run/docker.sock", "DOCKER_CONTEXT": "", "DOCKER_API_VERSION": "", "DOCKER_CUSTOM_HEADERS": "",
                "DOCKER_TLS": "", "DOCKER_TLS_VERIFY": ""}
# What a new server prints: recorded on 2.6.2 and 2.15.0, `[INFO] Bootstrap Password: …`.
BOOTSTRAP_PASSWORD = re.compile(r"(Bootstrap Password: )\S+")

# status: str, such as `running`. exit_code: int, of the last exit. restarts: int, how often Docker has restarted the container.
ContainerState = collections.namedtuple("ContainerState", ["status", "exit_code", "restarts"])


class ServerError(Exception):
    """A message for the user: what happened to the server, what is required, and what to do."""


class Container:
    """The server's container, through the Docker command line.

    name: str. run: callable of an argument list and `environ_update` (dict) that returns (exit code, standard output, standard error).
    """

    def __init__(self, name, run):
        self.name, self._run = name, run

    def _docker(self, seconds, *arguments):
        """(exit code, output, errors) of `docker` with these arguments, killed after `seconds`."""
        return self._run(["timeout", "--kill-after=5", "%.1f" % seconds, "docker"] + list(arguments), environ_update=LOCAL_DOCKER)

    def state(self, seconds=DOCKER_SECONDS):
        """The ContainerState. Raises ServerError if there is no such container, or no answer within `seconds`."""
        code, output, errors = self._docker(seconds, "inspect", "--type", "container", self.name)
        if code == TIMEOUT_EXIT_CODE:
            raise ServerError("Docker on this host did not answer `docker inspect %s` within %.0f seconds. A working Docker is required to "
                              "wait for Rancher. See `systemctl status docker`" % (self.name, seconds))
        if code:
            raise ServerError("There is no container %s on this host: %s. Run the role rancher_server, or correct "
                              "rancher_server_container" % (self.name, " ".join(errors.split())))
        details = json.loads(output)[0]
        return ContainerState(details["State"]["Status"], details["State"]["ExitCode"], details["RestartCount"])

    def log(self):
        """The last lines of the container's log, with the bootstrap password masked."""
        unused_code, output, errors = self._docker(LOG_SECONDS, "logs", "--tail", str(LOG_LINES), self.name)
        text = BOOTSTRAP_PASSWORD.sub(r"\1********", output + errors)
        return "\n".join(text.splitlines()[-LOG_LINES:])


def read_setting(url, seconds):
    """(value, problem): the value of a setting of Rancher, or None and a short description of what was received instead.

    url: str, of the setting. seconds: time for the whole request. The certificate is not verified: `url` is on the loopback.
    """
    seconds = max(seconds, 0.1)
    try:
        answer = open_url(url, timeout=seconds, validate_certs=False, use_proxy=False, follow_redirects="no")
        return str(json.loads(read_body(answer, seconds).decode("utf-8"))["value"]), ""
    except (KeyError, TypeError, ValueError):
        return None, "an answer that is not Rancher's"
    except Exception as error:  # open_url passes on every error of the libraries that it uses
        if getattr(error, "code", None):
            return None, "HTTP %d" % error.code
        return None, str(getattr(error, "reason", error)) or type(error).__name__


class ServerWait:
    """Waits until the server answers GET /v3/settings/first-login, which needs no login.

    container: a Container. url: str, the server on the loopback. timeout: seconds of the whole wait, by the clock.
    state: saved_state() of the earlier part of the same wait, or None. clock, sleep: replaced in tests.
    """

    def __init__(self, container, url, timeout, state=None, clock=time.monotonic, sleep=time.sleep):
        self.container, self.url, self.timeout = container, url, timeout
        self._clock, self._sleep = clock, sleep
        state = state or {}
        self.started_at = state.get("started_at") or clock()
        self.restarts = state.get("restarts")  # how often the container had been restarted when the wait began

    def saved_state(self):
        return {"started_at": self.started_at, "restarts": self.restarts}

    @property
    def waited(self):
        """Seconds since the wait began."""
        return self._clock() - self.started_at

    def wait(self, seconds):
        """Poll for at most `seconds`: (value of the setting first-login or None, [line for the operator]).

        Raises ServerError if the container exited or was restarted, or if the wait timed out.
        """
        end, lines = self._clock() + seconds, []
        while True:
            self._check_container()
            value, problem = read_setting(self.url + "/v3/settings/first-login", min(REQUEST_SECONDS, self._seconds_left()))
            if value is not None:
                return value, lines
            line = "the container is running, but the server does not answer yet: %s" % problem
            if line not in lines[-1:]:
                lines.append(line)
            if self._seconds_left() <= 0:
                raise self._timeout_error(problem)
            if self._clock() >= end:
                return None, lines
            self._sleep(max(0, min(POLL_SECONDS, self._seconds_left())))

    def _seconds_left(self):
        return self.timeout - self.waited

    def _timeout_error(self, problem):
        return ServerError(
            "Rancher has not answered at %s within %d seconds (%s). Its container %s is running. Its log ends with:\n%s\n"
            "See `docker logs %s`. On a slow host, increase rancher_server_ready_timeout" % (
                self.url, self.timeout, problem, self.container.name, self.container.log(), self.container.name))

    def _check_container(self):
        """Raise ServerError unless the container is running and has not been restarted since the wait began."""
        state = self.container.state(max(1, min(DOCKER_SECONDS, self._seconds_left())))
        if self.restarts is None:
            self.restarts = state.restarts
        if state.status == "running" and state.restarts == self.restarts:
            return
        if state.status == "restarting" or state.restarts != self.restarts:
            problem = "was restarted by Docker (restarts so far: %d)" % state.restarts
        else:
            problem = "is not running"
        raise ServerError(
            "The container %s %s: its state is %s, its last exit code is %d. It must run without interruption until Rancher answers. "
            "Its log ends with:\n%s\nCorrect the cause that the log shows, then run again" % (
                self.container.name, problem, state.status, state.exit_code, self.container.log()))
