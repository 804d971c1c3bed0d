# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the repository as Python modules, for tests of their functions."""
import importlib.machinery
import importlib.util
import os

from conftest import ROOT


def load_program(path):
    """The Python module of a program whose name does not end in .py. `path` is relative to the repository."""
    loader = importlib.machinery.SourceFileLoader(os.path.basename(path) + "_program", os.path.join(ROOT, path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module
