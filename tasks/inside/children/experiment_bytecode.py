"""Keeps what imports compile out of the project: after a run, a clone is as it was."""

from __future__ import annotations

import os
import sys
from importlib.machinery import SourceFileLoader


def keep_out_of(project):
    # type: (str | None) -> None
    """From now on nothing is written beside the project's own modules; installed packages stay compiled."""
    if not project:
        return
    root = os.path.realpath(project)
    write = SourceFileLoader.set_data

    def set_data(self, path, data, **options):
        # type: (SourceFileLoader, str, bytes, object) -> None
        real = os.path.realpath(path)
        if not _is_below(real, root) or _is_below(real, os.path.realpath(sys.prefix)):
            write(self, path, data, **options)  # type: ignore[arg-type]

    SourceFileLoader.set_data = set_data  # type: ignore[method-assign, assignment]


def _is_below(path, folder):
    # type: (str, str) -> bool
    return path.startswith(folder.rstrip(os.sep) + os.sep)
