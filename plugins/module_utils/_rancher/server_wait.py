# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waiting for a Rancher server on its own host: what it answers so far, and what becomes of its container."""
import json
import re
import time

from ansible.module_utils.urls import open_url
from ansible_collections.fay.rancher.plugins.module_utils._tls import read_body

POLL_SECONDS = 2
REQUEST_SECONDS = 5
DOCKER_SECONDS = 60
LOG_SECONDS = 10
TIMED_OUT = 124
LOG_LINES = 15
# What a new server prints: recorded on 2.6.2 and 2.15.0, `[INFO] Bootstrap Password: …`.
FIRST_PASSWORD = re.compile(r"(Bootstrap Password: )\S+")


class ServerError(Exception):
    """Says what became of the server, what is required, and what to do."""


class Container:
    """The server's container, seen through the Docker command line.

    name: str. run: callable of an argument list that returns (exit code, standard output, standard error).
    """

    def __init__(self, name, run):
        self.name, self._run = name, run

    def _docker(self, seconds, *arguments):
        """What `docker` with these arguments returns, ended after `seconds`. timeout(1) is part of coreutils and exits with 124."""
        return self._run(["timeout", "--kill-after=5", "%.1f" % seconds, "docker"] + list(arguments))

    def state(self, seconds=DOCKER_SECONDS):
        """{status, exit_code, restarts, started} of the container. Raises ServerError if there is none, or no answer in `seconds`."""
        code, out, err = self._docker(seconds, "inspect", "--type", "container", self.name)
        if code == TIMED_OUT:
            raise ServerError("Docker on this host did not answer `docker inspect %s` within %.0f seconds. The engine must answer before "
                              "Rancher can be waited for. See `systemctl status docker`" % (self.name, seconds))
        if code:
            raise ServerError("There is no container %s on this host: %s. Run the role rancher_server, or correct "
                              "rancher_server_container" % (self.name, " ".join(err.split())))
        shown = json.loads(out)[0]
        return {"status": shown["State"]["Status"], "exit_code": shown["State"]["ExitCode"],
                "restarts": shown["RestartCount"], "started": shown["State"]["StartedAt"]}

    def log(self):
        """The last lines of its log, with the first password masked."""
        code, out, err = self._docker(LOG_SECONDS, "logs", "--tail", str(LOG_LINES), self.name)
        text = FIRST_PASSWORD.sub(r"\1********", out + err)
        return "\n".join(text.splitlines()[-LOG_LINES:])


def ask(url, seconds):
    """(value, problem) of GET `url`: the field `value` of its JSON answer, or None and in a few words what came instead.

    The certificate is not verified: `url` is on this host's own loopback.
    """
    try:
        seconds = max(seconds, 0.1)
        answer = open_url(url, timeout=seconds, validate_certs=False, use_proxy=False, follow_redirects="no")
        value = json.loads(read_body(answer, seconds))["value"]
        return str(value), ""
    except (KeyError, TypeError, ValueError):
        return None, "an answer that is not Rancher's"
    except Exception as error:  # open_url raises whatever its layers do
        if getattr(error, "code", None):
            return None, "HTTP %d" % error.code
        return None, str(getattr(error, "reason", error)) or type(error).__name__


class ServerWait:
    """Waits until the server answers GET /v3/settings/first-login, which needs no log-in.

    container: a Container. url: str, the server on the loopback. timeout: seconds by the clock. seen: what an earlier part of the
    same waiting returned as dump().
    """

    def __init__(self, container, url, timeout, seen=None, clock=time.monotonic, sleep=time.sleep):
        self.container, self.url, self.timeout = container, url, timeout
        self._clock, self._sleep = clock, sleep
        seen = seen or {}
        self.begun = seen.get("begun") or clock()
        self.first = seen.get("first")

    def dump(self):
        return {"begun": self.begun, "first": self.first}

    def wait(self, seconds):
        """Look for at most `seconds`: (value of the setting first-login or None, [line for the operator]).

        Raises ServerError when the container has ended or was started anew, or when the time is over.
        """
        end, lines = self._clock() + seconds, []
        while True:
            self._check_container()
            left = self.begun + self.timeout - self._clock()
            value, problem = ask(self.url + "/v3/settings/first-login", min(REQUEST_SECONDS, left))
            if value is not None:
                return value, lines
            line = "the container runs, the server does not answer yet: %s" % problem
            if line not in lines[-1:]:
                lines.append(line)
            now = self._clock()
            if now >= self.begun + self.timeout:
                raise ServerError(
                    "Rancher has not answered at %s within %d seconds (%s). Its container %s is running. Its log ends with:\n%s\n"
                    "See `docker logs %s`; a slow host needs a higher rancher_server_ready_timeout" % (
                        self.url, self.timeout, problem, self.container.name, self.container.log(), self.container.name))
            if now >= end:
                return None, lines
            self._sleep(max(0, min(POLL_SECONDS, self.begun + self.timeout - now)))

    def _check_container(self):
        left = self.begun + self.timeout - self._clock()
        state = self.container.state(max(1, min(DOCKER_SECONDS, left)))
        if self.first is None:
            self.first = state
        if state["status"] == "running" and state["restarts"] == self.first["restarts"]:
            return
        if state["status"] == "restarting" or state["restarts"] != self.first["restarts"]:
            problem = "was restarted by the engine (%d times so far)" % state["restarts"]
        else:
            problem = "does not run"
        raise ServerError(
            "The container %s %s: its state is %s, its last exit code %d. A Rancher server must run without a break until it answers. "
            "Its log ends with:\n%s\nCorrect what the log names, then run again" % (
                self.container.name, problem, state["status"], state["exit_code"], self.container.log()))
