"""Lets each Python process that a step starts report what it ran with, and runs the user's sitecustomize.

`run_step.py` puts this folder first on PYTHONPATH. It takes itself off `sys.path` again, so that the process
finds the modules that it would have found without it; PYTHONPATH stays, for the processes that it starts.
It says nothing and does nothing where anything is amiss, also in a Python older than 3.8.
"""

from __future__ import annotations

import os
import sys


def _begin():
    # type: () -> None
    here = os.path.dirname(os.path.realpath(__file__))
    if sys.version_info >= (3, 8) and os.environ.get("EXPERIMENT_PROJECT"):
        import experiment_bytecode

        experiment_bytecode.keep_out_of(os.environ["EXPERIMENT_PROJECT"])
    sys.path[:] = [entry for entry in sys.path if not entry or os.path.realpath(entry) != here]
    folder = os.environ.get("EXPERIMENT_CHILDREN")
    if folder and os.path.isdir(folder) and sys.version_info >= (3, 8):
        import atexit

        atexit.register(_report, folder, os.path.dirname(here))
        _watch(folder, os.path.dirname(here))


def _watch(folder, inside):
    # type: (str, str) -> None
    try:
        from importlib.machinery import SourceFileLoader
        from types import ModuleType

        module = ModuleType("opened")
        SourceFileLoader("opened", os.path.join(inside, "opened.py")).exec_module(module)
        module.watch(os.path.join(folder, "opened"))
    except Exception:
        pass  # what it opens stays unknown


def _report(folder, inside):
    # type: (str, str) -> None
    try:
        import importlib.util
        import json

        if len(os.listdir(folder)) >= 100:
            return
        numerical = [name for name in ("torch", "tensorflow", "jax", "numpy") if name in sys.modules]
        found = {"python": sys.version.split()[0], "executable": sys.executable}  # type: dict
        if numerical:  # a helper that computes nothing is not kept waiting
            spec = importlib.util.spec_from_file_location("frameworks", os.path.join(inside, "frameworks.py"))
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            found = module.record()
        found["argv"] = list(getattr(sys, "orig_argv", sys.argv))[:100]
        name = str(os.getpid())
        if os.environ.get("SLURMD_NODENAME"):  # on two nodes, two processes may have the same number
            found["node"] = os.environ["SLURMD_NODENAME"]
            name += "-" + found["node"]
        temporary = os.path.join(folder, "." + name)
        with open(temporary, "w") as stream:
            json.dump(found, stream)
        os.rename(temporary, os.path.join(folder, name + ".json"))
    except Exception:
        pass  # the process has done its work; what it ran with stays unknown


def _chain():
    # type: () -> None
    """The import system wants a module of this name afterwards: the user's own, else this one."""
    own = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        if getattr(error, "name", "sitecustomize") != "sitecustomize":
            raise
    finally:
        if "sitecustomize" not in sys.modules and own is not None:
            sys.modules["sitecustomize"] = own


_begin()
_chain()
