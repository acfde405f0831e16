"""Keeps what imports compile out of the project: after a run, a clone is as it was."""

from __future__ import annotations

import os
import sys
from importlib.machinery import SourceFileLoader


def keep_out_of(project):
    # type: (str | None) -> None
    """From now on nothing is written beside the project's own modules.

    Installed packages stay compiled, and what executes the step: to compile it takes longer than all else
    that a notebook's kernel has to wait for.
    """
    if not project:
        return
    root = os.path.realpath(project)
    own = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    write = SourceFileLoader.set_data

    def set_data(self, path, data, **options):
        # type: (SourceFileLoader, str, bytes, object) -> None
        real = os.path.realpath(path)
        kept = (os.path.realpath(sys.prefix), own)
        if not _is_below(real, root) or any(_is_below(real, folder) for folder in kept):
            write(self, path, data, **options)  # type: ignore[arg-type]

    SourceFileLoader.set_data = set_data  # type: ignore[method-assign, assignment]


def _is_below(path, folder):
    # type: (str, str) -> bool
    return path.startswith(folder.rstrip(os.sep) + os.sep)
