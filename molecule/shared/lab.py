"""What the tests of all scenarios use: the lab's hosts, and playbooks run as an operator runs them."""
import json
import os
import re
import signal
import subprocess
import time

import testinfra
from processes import descendants

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SCENARIO = os.environ.get("MOLECULE_SCENARIO_NAME") or os.environ["FAY_LAB_SET"]
PREFIX = os.environ.get("FAY_LAB_PREFIX", "172.31.250")
PASSWORD = "Molecule-Password-1"
INVENTORIES = (["inventory/fay", "tests/lab/inventory"] if SCENARIO == "fay"
               else [os.path.join("molecule", SCENARIO, "inventory")])


def container_of(name):
    """The container that is a host of this scenario."""
    return "fay-lab-%s-%s" % (SCENARIO, name)


def on(name):
    """testinfra's view of a host of this scenario."""
    return testinfra.get_host("docker://" + container_of(name))


def restart(*names):
    """Restart hosts as a power cut would: no process of them may finish what it does."""
    containers = [container_of(name) for name in names]
    subprocess.run(["docker", "kill"] + containers, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["docker", "start"] + containers, check=True, stdout=subprocess.DEVNULL)
    for name in names:
        deadline = time.time() + 60
        while on(name).run("systemctl is-system-running").stdout.strip() not in ("running", "degraded"):
            assert time.time() < deadline, "%s did not come back" % name
            time.sleep(0.5)


def wait_for(host, port):
    """Until something listens on a port of a host."""
    host.check_output("for i in $(seq 50); do ss -Hlnt sport = :%d | grep -q . && exit 0; sleep 0.1; done; exit 1" % port)


def command(playbook, variables=None, inventories=(), arguments=()):
    """The command line of a playbook (a path below the project's root) on this scenario's hosts."""
    line = ["ansible-playbook", playbook, "--extra-vars=rancher_admin_password=" + PASSWORD]
    line += ["--inventory=" + path for path in list(INVENTORIES) + list(inventories)]
    return line + ["--extra-vars=" + json.dumps(variables or {})] + list(arguments)


def environment():
    """The checkout's own configuration of Ansible, not the one molecule made, and no colours in what is read here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") and name != "PY_COLORS"}
    return dict(kept, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg"), ANSIBLE_NOCOLOR="1", FAY_LAB_SET=SCENARIO)


class Run:
    """A finished run: its `code`, `output` (str) and `recap` {host: {"ok": int, "changed": int, "failed": int, …}}."""

    def __init__(self, code, output):
        self.code, self.output = code, output
        self.recap = {}
        for host, counts in re.findall(r"^(\S+) +: (ok=.*)$", output, re.M):
            self.recap[host] = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", counts)}
        assert self.recap, "no recap in:\n" + output

    @property
    def changed(self):
        return sum(counts["changed"] for counts in self.recap.values())

    @property
    def text(self):
        """The output as one line, so that a message can be found in it however it is folded."""
        return re.sub(r"\s+", " ", self.output)


def play(playbook, **options):
    """Run a playbook to its end; see command() for the options."""
    done = subprocess.run(command(playbook, **options), cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return Run(done.returncode, done.stdout)


def refused(message, playbook="site.yml", **options):
    """Run a playbook that has to end with `message` before anything was changed; returns the Run."""
    run = play(playbook, **options)
    assert run.code != 0, "it was not refused:\n" + run.output
    assert message in run.text, run.output
    assert run.changed == 0, run.output
    assert "Traceback" not in run.output
    return run


def interrupt(playbook, task, after=0.0, power_cut=(), **options):
    """Run a playbook and kill it, with all that it started here, `after` seconds into the task of that name.

    power_cut: names of hosts whose power is cut in that instant too. Fails when the run ended before.
    """
    process = subprocess.Popen(command(playbook, **options), cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith("TASK [") and task in line:
            time.sleep(after)
            break
    else:
        raise AssertionError("the run ended before the task %s:\n%s" % (task, "".join(seen)))
    for pid in descendants(process.pid) + [process.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
    process.stdout.close()
    if power_cut:
        restart(*power_cut)
