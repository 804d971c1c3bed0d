# SPDX-License-Identifier: GPL-3.0-or-later
"""All scenarios: `make test` lists the slowest tests."""
from durations import pytest_runtest_logreport  # noqa: F401
