# SPDX-License-Identifier: GPL-3.0-or-later
"""The check with galaxy-importer: its warnings and errors fail."""
import os
import subprocess
import tarfile

import pytest
from conftest import ROOT

pytest.importorskip("galaxy_importer")  # tests/matrix runs the unit tests without it
GALAXY = """
namespace: a
name: b
version: 1.0.0
readme: README.md
authors: [A]
description: A test
license: [GPL-3.0-or-later]
tags: [tools]
repository: https://example.com
"""


def run_importer(directory, files):
    """(exit code, standard error) of tests/importer for a collection with a README and these {path: text}."""
    source = directory / "source"
    for path, text in {"galaxy.yml": GALAXY, "README.md": "# B\n", "meta/runtime.yml": "requires_ansible: '>=2.16'\n", **files}.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    subprocess.run(["ansible-galaxy", "collection", "build", "--output-path", str(directory)], cwd=str(source), check=True)
    return run_on(directory / "a-b-1.0.0.tar.gz")


def run_on(tarball):
    # Without ansible-lint and ansible-doc, which take ten seconds.
    env = dict(os.environ, GALAXY_IMPORTER_RUN_ANSIBLE_LINT="no", GALAXY_IMPORTER_RUN_ANSIBLE_DOC="no")
    run = subprocess.run([os.path.join(ROOT, "tests", "importer"), str(tarball)], env=env, stderr=subprocess.PIPE, text=True)
    return run.returncode, run.stderr


def test_a_collection_without_a_changelog_is_reported(tmp_path):
    code, errors = run_importer(tmp_path, {})
    assert code == 1 and errors.startswith("WARNING: No changelog found") and "a-b-1.0.0.tar.gz" in errors


def test_a_complete_collection_is_accepted(tmp_path):
    assert run_importer(tmp_path, {"CHANGELOG.md": "# Changes\n"}) == (0, "")


def test_a_tarball_that_is_not_a_collection_is_reported(tmp_path):
    with tarfile.open(str(tmp_path / "a-b-1.0.0.tar.gz"), "w:gz"):
        pass
    code, errors = run_on(tmp_path / "a-b-1.0.0.tar.gz")
    assert code == 1 and "No manifest found in collection" in errors
