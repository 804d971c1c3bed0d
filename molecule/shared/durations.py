"""A pytest plugin for `make test`: records each test in the file that FAY_TESTS names, one JSON object per line.

Keys: test (str, pytest's node id), seconds (float, with its fixtures), outcome (passed, failed or skipped), reason (str, of a skip).
Without FAY_TESTS nothing is recorded. A conftest.py takes part by importing the function.
"""
import json
import os

unfinished = {}


def pytest_runtest_logreport(report):
    """pytest reports setup, call and teardown of a test one after the other."""
    path = os.environ.get("FAY_TESTS")
    if not path:
        return
    test = unfinished.setdefault(report.nodeid, {"test": report.nodeid, "seconds": 0.0, "outcome": "passed", "reason": ""})
    test["seconds"] += report.duration
    if report.failed:
        test["outcome"] = "failed"
    elif report.skipped and test["outcome"] == "passed":
        test["outcome"] = "skipped"
        test["reason"] = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if report.when == "teardown":
        with open(path, "a") as target:
            target.write(json.dumps(unfinished.pop(report.nodeid)) + "\n")
