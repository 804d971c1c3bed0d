# SPDX-License-Identifier: GPL-3.0-or-later
"""A pytest plugin for `make test`: appends a record of each test to the file FAY_TESTS, one JSON object per line.

Keys: test (str, pytest's node id), seconds (float, including fixtures), outcome (passed, failed or skipped), reason (str: of a skip, or the
message of a failure).
Without FAY_TESTS nothing is recorded. A conftest.py activates the plugin by importing the function.
"""
import json
import os

unfinished = {}  # {node id: record}


def failure_message(details):
    """The message of a failure (str), without the traceback. details: the attribute longrepr of pytest's report."""
    crash = getattr(details, "reprcrash", None)
    return crash.message if crash else getattr(details, "errorstring", str(details))  # errorstring: of a missing fixture


def pytest_runtest_logreport(report):
    """Called by pytest after setup, call and teardown of each test."""
    path = os.environ.get("FAY_TESTS")
    if not path:
        return
    test = unfinished.setdefault(report.nodeid, {"test": report.nodeid, "seconds": 0.0, "outcome": "passed", "reason": ""})
    test["seconds"] += report.duration
    if report.failed:
        test["outcome"] = "failed"
        test["reason"] = failure_message(report.longrepr)
    elif report.skipped and test["outcome"] == "passed":
        test["outcome"] = "skipped"
        test["reason"] = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if report.when == "teardown":
        with open(path, "a") as target:
            target.write(json.dumps(unfinished.pop(report.nodeid)) + "\n")
