"""Starts ipykernel as `python -m ipykernel_launcher` does, without the debugger that nobody attaches.

debugpy is a third of what a kernel loads. It is kept out only while ipykernel is loaded, which then goes on
as where debugpy is not installed; a cell may import it. What is loaded by then stays for the kernel's life,
so the garbage collector leaves it alone: it need not be searched again, above all not when the kernel ends.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib.util import find_spec
from types import ModuleType


def main() -> None:
    # As with -m; the working folder, which ipykernel_launcher takes out at once, is put back by IPython.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
        if sys.path and sys.path[0] == os.getcwd():
            del sys.path[0]
    launcher = find_spec("ipykernel_launcher")
    if launcher is not None and launcher.origin is not None:
        sys.argv[0] = launcher.origin
    gc.disable()
    try:
        load_without_debugger()
        from ipykernel import kernelapp
    finally:
        gc.freeze()
        gc.enable()
    kernelapp.launch_new_instance()


def load_without_debugger() -> None:
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    modules["debugpy"] = None  # an import of it fails, as if it weren't installed
    try:
        import ipykernel.debugger  # noqa: F401
    except ImportError:
        pass  # this version has no debugger, or no way to do without: it loads what it wants
    finally:
        del modules["debugpy"]


if __name__ == "__main__":
    main()
