"""Tells `new --record` which files each Python process opens, and which packages it has loaded at its end.

PYTHONPATH names this folder first. As in `children/`, it takes itself off `sys.path`, hands over to the
user's own sitecustomize, and never disturbs the process that it is in.
"""

from __future__ import annotations

import os
import sys


def _begin():
    # type: () -> None
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [entry for entry in sys.path if not entry or os.path.realpath(entry) != here]
    folder = os.environ.get("NEW_RECORD")
    if folder and os.path.isdir(folder) and hasattr(sys, "addaudithook"):
        import atexit

        opened = {}  # type: dict[str, bool]
        sys.addaudithook(lambda event, args: _opened(event, args, opened))
        atexit.register(_report, folder, opened)


_AT_START = set()  # type: set[str]  # modules that Python loads by itself, whatever it runs


def _opened(event, args, opened):
    # type: (str, tuple, dict) -> None
    """A path, and whether it was opened to be written."""
    if event != "open" or len(opened) > 100000:
        return
    try:
        path, mode, flags = args
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if isinstance(path, str):
            writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & 3)
            path = os.path.abspath(path)
            opened[path] = opened.get(path, False) or writes
    except Exception:
        pass  # what it opens is its own business


def _report(folder, opened):
    # type: (str, dict) -> None
    try:
        import json

        files = {path: writes for path, writes in opened.items() if not path.startswith(("/dev/", "/proc/"))}
        modules = {}
        for name, module in list(sys.modules.items()):
            place = getattr(module, "__file__", None)
            if isinstance(place, str) and name not in _AT_START:
                modules[name] = os.path.abspath(place)
        found = {
            "python": sys.version.split()[0],
            "prefix": sys.prefix,
            "opened": files,
            "modules": modules,
            "packages": _packages(modules),
        }
        temporary = os.path.join(folder, "." + str(os.getpid()))
        with open(temporary, "w") as stream:
            json.dump(found, stream)
        os.rename(temporary, os.path.join(folder, str(os.getpid()) + ".json"))
    except Exception:
        pass


def _packages(modules):
    # type: (dict) -> dict
    """Versions of what is installed and was loaded; a package is known by the files that it brought."""
    from importlib import metadata

    loaded = {os.path.realpath(place) for place in modules.values()}
    found = {}
    for one in metadata.distributions():
        name = one.metadata["Name"]
        for file in one.files or ():
            if file.suffix in (".py", ".so") and os.path.realpath(str(file.locate())) in loaded:
                found[name] = one.version
                break
    return found


def _chain():
    # type: () -> None
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
_AT_START.update(sys.modules)
