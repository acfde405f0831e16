"""An executed notebook as a page to read."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .file import write_atomically


def write_page(notebook: Any, path: Path) -> None:
    """Write the notebook as HTML; raises whatever nbconvert raises for what it can't show."""
    from nbconvert import HTMLExporter
    from nbformat.v4 import to_notebook

    notebook = to_notebook(notebook)
    notebook.cells = [_with_quoted_attachments(cell) for cell in notebook.cells]
    body, _ = HTMLExporter().from_notebook_node(notebook)
    write_atomically(path, body)


def _with_quoted_attachments(cell: Any) -> Any:
    """nbconvert looks an attachment up by what stands in the link, where a blank is %20 (nbconvert#2143)."""
    attachments = cell.get("attachments")
    if not isinstance(attachments, dict):
        return cell
    cell = copy.copy(cell)
    cell.attachments = {**{quote(name): data for name, data in attachments.items()}, **attachments}
    return cell
