# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/lanes: order of the steps, output, and interruption."""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

MAKEFILE = r"""
.PHONY: molecule
lab:
	@echo begin lab >>order; sleep 0.3; echo end lab >>order
molecule:
	@echo begin $(SCENARIO) >>order; sleep 0.3
	@echo '{"test": "test_$(SCENARIO)", "seconds": 12, "outcome": "passed", "reason": ""}' >>$(FAY_TESTS)
	@echo output of $(SCENARIO); echo end $(SCENARIO) >>order
good:
	@echo begin good >>order; echo output of good; tests/timed good sleep 0.6; echo end good >>order
	@echo '{"test": "test_slow", "seconds": 61.2, "outcome": "passed", "reason": ""}' >>$(FAY_TESTS)
	@echo '{"test": "test_old", "seconds": 0, "outcome": "skipped", "reason": "no Python 3.6"}' >>$(FAY_TESTS)
bad:
	@echo output of bad; exit 3
red:
	@echo '{"test": "test_red", "seconds": 1, "outcome": "failed", "reason": "assert 1 == 2\\n +  where 1 = x"}' >>$(FAY_TESTS); exit 1
missing:
	@echo "Skipped: there is no tool"
endless:
	@setsid sh -c 'echo $$$$ >pid; exec sleep 1000'
"""


@pytest.fixture
def project(tmp_path):
    """A project with two scenarios whose Makefile has the targets above."""
    for path in ("tests/lanes", "tests/timed", "molecule/shared/processes.py"):
        os.makedirs(os.path.dirname(tmp_path / path), exist_ok=True)
        shutil.copy(os.path.join(ROOT, path), tmp_path / path)
    for name in ("one", "two"):
        (tmp_path / "molecule" / name).mkdir()
        (tmp_path / "molecule" / name / "molecule.yml").write_text("")
    (tmp_path / "Makefile").write_text(MAKEFILE)
    return tmp_path


def lanes(project, *steps):
    """The command line of tests/lanes and the options of subprocess for it."""
    return [sys.executable, str(project / "tests/lanes")] + list(steps), {
        "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": str(project)}


def run(project, *steps):
    """Run tests/lanes to its end: the CompletedProcess."""
    command, options = lanes(project, *steps)
    return subprocess.run(command, **options)


def is_running(pid):
    """Whether the process runs. A zombie that its new parent has not reaped yet does not count."""
    try:
        with open("/proc/%s/stat" % pid) as source:
            return source.read().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_two_steps_run_at_a_time_and_scenarios_wait_for_the_lab(project):
    process = run(project, "lab", "one", "two", "good")
    assert process.returncode == 0, process.stdout
    order = (project / "order").read_text().splitlines()
    assert set(order[:2]) == {"begin lab", "begin good"}  # good does not need the lab
    assert order.index("end lab") < order.index("begin one") < order.index("begin two")
    counts = [sum(1 if line.startswith("begin") else -1 for line in order[:length]) for length in range(len(order) + 1)]
    assert max(counts) == 2 and counts[-1] == 0, order


def test_successful_step_prints_one_line_and_skipped_tests_are_listed(project):
    process = run(project, "good", "missing")
    assert process.returncode == 0, process.stdout
    assert re.search(r"^✓ good +1 s  1 passed, 1 skipped$", process.stdout, re.M)
    assert "output of good" not in process.stdout
    assert "Skipped: 2\n  good: test_old: no Python 3.6\n  missing: there is no tool\n" in process.stdout
    assert re.search(r"^  good +[01] s$", process.stdout, re.M)  # from tests/timed
    assert re.search(r"The slowest 10 tests:\n +61 s  good +test_slow\n +0 s  good +test_old\n", process.stdout)


def test_log_of_a_failed_step_is_printed_and_the_other_steps_run(project):
    process = run(project, "bad", "good", "one")
    assert process.returncode == 1
    assert "== bad failed; its output:\noutput of bad\n" in process.stdout
    assert all(re.search(line, process.stdout, re.M) for line in ("^✗ bad", "^✓ good", "^✓ one"))


def test_failed_tests_are_listed_at_the_end(project):
    output = run(project, "red", "good", "bad").stdout
    output = re.sub(r"make\[\d+\]:", "make:", output)  # if `make` runs these tests
    assert re.search(r"\nFailed: 2\n  red: test_red: assert 1 == 2\n  bad: make: [^\n]* Error 3\n\nAll steps: +\d+ s\n\Z", output), output


def test_no_failures_are_listed_if_there_are_none(project):
    assert "Failed:" not in run(project, "good").stdout


def test_scenarios_do_not_start_if_the_lab_was_not_built(project):
    (project / "Makefile").write_text(MAKEFILE.replace("echo begin lab >>order", "exit 1"))
    process = run(project, "lab", "one", "good")
    assert process.returncode == 1
    assert "one did not start, because the lab was not built" in process.stdout
    assert "begin one" not in (project / "order").read_text()
    assert re.search("^✓ good", process.stdout, re.M)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_ends_all_processes(project, number):
    command, options = lanes(project, "endless", "good")
    process = subprocess.Popen(command, **options)
    deadline = time.time() + 10
    while not (project / "pid").exists() or not (project / "pid").read_text():
        assert time.time() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    output = process.communicate(timeout=20)[0]
    assert process.returncode == 130 and "Interrupted. The hosts of the lab keep running" in output, output
    assert not is_running((project / "pid").read_text().strip())


def test_makefile_lists_all_scenarios():
    with open(os.path.join(ROOT, "Makefile")) as source:
        listed = re.search(r"^SCENARIOS := (.*)$", source.read(), re.M).group(1).split()
    assert sorted(listed) == sorted(path.split(os.sep)[-2] for path in glob.glob(os.path.join(ROOT, "molecule", "*", "molecule.yml")))


def test_plugin_records_time_outcome_and_reason_of_tests(tmp_path):
    (tmp_path / "conftest.py").write_text("from durations import pytest_runtest_logreport\n")
    (tmp_path / "test_x.py").write_text(
        "import time, pytest\n"
        "@pytest.fixture\ndef slow():\n    time.sleep(0.2)\n"
        "def test_passes(slow):\n    time.sleep(0.1)\n"
        "def test_fails():\n    assert False, 'a reason'\n"
        "def test_has_no_fixture(missing):\n    pass\n"
        "@pytest.mark.skip(reason='no tool')\ndef test_is_skipped():\n    pass\n")
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)], stdout=subprocess.DEVNULL,
                   env=dict(os.environ, PYTHONPATH=os.path.join(ROOT, "molecule", "shared"), FAY_TESTS=str(tmp_path / "records")))
    tests = {test["test"].split("::")[1]: test for test in map(json.loads, (tmp_path / "records").read_text().splitlines())}
    assert {name: test["outcome"] for name, test in tests.items()} == {
        "test_passes": "passed", "test_fails": "failed", "test_has_no_fixture": "failed", "test_is_skipped": "skipped"}
    assert tests["test_passes"]["seconds"] >= 0.3 and tests["test_passes"]["reason"] == ""
    assert tests["test_fails"]["reason"].splitlines()[0] == "AssertionError: a reason" and "def test" not in tests["test_fails"]["reason"]
    assert tests["test_has_no_fixture"]["reason"].splitlines()[0] == "fixture 'missing' not found"
    assert tests["test_is_skipped"]["reason"].endswith("no tool")
