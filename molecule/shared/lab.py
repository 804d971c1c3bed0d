# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the tests of all scenarios: the hosts of the lab, and playbooks run as an operator runs them."""
import json
import os
import re
import signal
import subprocess
import time

import testinfra
import yaml
from processes import descendants

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SCENARIO = os.environ.get("MOLECULE_SCENARIO_NAME") or os.environ["FAY_LAB_SET"]
PREFIX = os.environ.get("FAY_LAB_PREFIX", "172.31.250")
PASSWORD_FILE = os.path.join(ROOT, "molecule", "shared", "vars", "password.yml")
with open(PASSWORD_FILE) as source:
    PASSWORD = yaml.safe_load(source)["rancher_admin_password"]
INVENTORIES = (["inventory/fay", "tests/lab/inventory"] if SCENARIO == "fay"
               else [os.path.join("molecule", SCENARIO, "inventory")])


def container_of(name):
    """Name of the container that is a host of this scenario."""
    return "fay-lab-%s-%s" % (SCENARIO, name)


def lab_host(name):
    """The testinfra host (testinfra.host.Host) of a host of this scenario."""
    return testinfra.get_host("docker://" + container_of(name))


def restart(*names):
    """Restart hosts as after a power failure: their processes are killed. Returns when they have started."""
    containers = [container_of(name) for name in names]
    subprocess.run(["docker", "kill"] + containers, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["docker", "start"] + containers, check=True, stdout=subprocess.DEVNULL)
    for name in names:
        deadline = time.time() + 60
        while lab_host(name).run("systemctl is-system-running").stdout.strip() not in ("running", "degraded"):
            assert time.time() < deadline, "%s has not started after 60 seconds" % name
            time.sleep(0.5)


def wait_for(host, port):
    """Wait up to 5 seconds until a program listens on a TCP port (int) of a host."""
    host.check_output("for i in $(seq 50); do ss -Hlnt sport = :%d | grep -q . && exit 0; sleep 0.1; done; exit 1" % port)


def playbook_command(playbook, variables=None, inventories=(), arguments=()):
    """The command (list of str) that runs a playbook on the hosts of this scenario.

    playbook: path below the project's root. variables: {name: value} of --extra-vars, which can replace the password of PASSWORD_FILE.
    inventories: further inventories. arguments: further arguments of ansible-playbook.
    """
    line = ["ansible-playbook", playbook] + ["--inventory=" + path for path in list(INVENTORIES) + list(inventories)]
    return line + ["--extra-vars=@" + PASSWORD_FILE, "--extra-vars=" + json.dumps(variables or {})] + list(arguments)


def environment():
    """The environment (dict) with the checkout's configuration of Ansible instead of molecule's, and output without colors."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") and name != "PY_COLORS"}
    return dict(kept, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg"), ANSIBLE_NOCOLOR="1", FAY_LAB_SET=SCENARIO)


class Run:
    """A finished run: its exit `code` (int), `output` (str) and `recap` {host: {"ok": int, "changed": int, "failed": int, …}}."""

    def __init__(self, code, output):
        self.code, self.output = code, output
        self.recap = {}
        for host, counts in re.findall(r"^(\S+) +: (ok=.*)$", output, re.M):
            self.recap[host] = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", counts)}
        assert self.recap, "no recap in:\n" + output

    @property
    def changed(self):
        """Number of changes on all hosts."""
        return sum(counts["changed"] for counts in self.recap.values())

    @property
    def text(self):
        """The output as one line, in which a message is found even if Ansible has folded it."""
        return re.sub(r"\s+", " ", self.output)


def run_playbook(playbook, **options):
    """Run a playbook to its end and return the Run. Options as in playbook_command()."""
    result = subprocess.run(playbook_command(playbook, **options), cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    return Run(result.returncode, result.stdout)


def assert_rejected(message, playbook="site.yml", **options):
    """Run a playbook, check that it fails with `message` and has changed nothing, and return the Run. Options as in playbook_command()."""
    run = run_playbook(playbook, **options)
    assert run.code != 0, "the run did not fail:\n" + run.output
    assert message in run.text, run.output
    assert run.changed == 0, run.output
    assert "Traceback" not in run.output
    return run


def kill_during(playbook, task, after=0.0, restarted=(), **options):
    """Run a playbook, and kill it with all its processes `after` seconds into the task of that name.

    restarted: names of hosts to restart at the same time. Fails if the run ends before the task. Options as in playbook_command().
    """
    process = subprocess.Popen(playbook_command(playbook, **options), cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("TASK [") and task in line:
            time.sleep(after)
            break
    else:
        raise AssertionError("the run ended before the task %s:\n%s" % (task, "".join(lines)))
    for pid in descendants(process.pid) + [process.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
    process.stdout.close()
    if restarted:
        restart(*restarted)
