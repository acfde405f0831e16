"""Notebook files: read and checked, given parameters, and saved so that a half-written one is never seen."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

from .layout import dump_notebook

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BadRequest(Exception):
    """What was asked for can't be done as it stands; the message is one line for a person."""


def read_notebook(path: Path) -> dict[str, Any]:
    """The notebook as plain JSON of format 4; raises BadRequest with the file (and the line)."""
    refuse = f'Cannot execute "{path}": '
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise BadRequest(f"{refuse}there is no such file") from None
    except OSError as error:
        raise BadRequest(f"{refuse}it can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadRequest(f"{refuse}a notebook must be UTF-8 text, byte {error.start} is not") from None
    if not text.strip():
        raise BadRequest(f"{refuse}the file is empty")
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}:{error.colno}"
        raise BadRequest(f"{refuse}a notebook must be JSON: {error.msg} ({where})") from None
    except RecursionError:
        raise BadRequest(f"{refuse}a notebook must be JSON nested less deeply") from None
    notebook = _upgrade(notebook, text, refuse)
    _check_cells(notebook, refuse)
    return notebook


def _upgrade(notebook: Any, text: str, refuse: str) -> Any:
    if not isinstance(notebook, dict):
        raise BadRequest(f"{refuse}a notebook must be a JSON object, current value is {_json_type(notebook)}")
    major = notebook.get("nbformat", 4)
    if not isinstance(major, int) or major > 4:
        raise BadRequest(f"{refuse}nbformat must be at most 4, current value is {json.dumps(major)}")
    if major == 4:
        return notebook
    if not isinstance(notebook.get("worksheets"), list):
        raise BadRequest(f"{refuse}a notebook of nbformat {major} must have worksheets")
    import nbformat

    try:
        return nbformat.reads(text, as_version=4)
    except Exception as error:
        raise BadRequest(f"{refuse}nbformat {major} can't be upgraded: {error}") from None


def _check_cells(notebook: dict[str, Any], refuse: str) -> None:
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise BadRequest(f'{refuse}a notebook must have a list "cells", current value is {_json_type(cells)}')
    if not isinstance(notebook.setdefault("metadata", {}), dict):
        raise BadRequest(f"{refuse}metadata must be an object")
    notebook.setdefault("nbformat", 4)
    if not isinstance(notebook.get("nbformat_minor"), int) or notebook["nbformat_minor"] < 5:
        has_ids = any("id" in cell for cell in cells if isinstance(cell, dict))
        notebook["nbformat_minor"] = 5 if has_ids else notebook.get("nbformat_minor") or 4
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
            raise BadRequest(f"{refuse}cell {number} must be an object with cell_type code, markdown or raw")
        source = cell.get("source")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            cell["source"] = source = "".join(source)
        if not isinstance(source, str):
            raise BadRequest(f"{refuse}source of cell {number} must be text, not {_json_type(source)}")
        if not isinstance(cell.setdefault("metadata", {}), dict):
            raise BadRequest(f"{refuse}metadata of cell {number} must be an object")
        if cell["cell_type"] == "code":
            _check_outputs(cell)
    if notebook["nbformat_minor"] >= 5:
        _repair_ids(cells)


def _check_outputs(cell: dict[str, Any]) -> None:
    """What is to be executed has no outputs yet; of a cell that is skipped, they are what is wanted."""
    if "skip-execution" not in tags(cell):
        cell["outputs"], cell["execution_count"] = [], None
        return
    outputs = cell.get("outputs")
    is_list = isinstance(outputs, list) and all(isinstance(output, dict) for output in outputs)
    cell["outputs"] = outputs if is_list else []
    cell.setdefault("execution_count", None)


def _repair_ids(cells: list[dict[str, Any]]) -> None:
    """Give a cell an id that has none, or one that isn't its own, as nbformat does."""
    seen = set()
    for cell in cells:
        if not isinstance(cell.get("id"), str) or not _CELL_ID.fullmatch(cell["id"]) or cell["id"] in seen:
            cell["id"] = new_cell_id()
        seen.add(cell["id"])


def new_cell_id() -> str:
    return secrets.token_hex(4)


def _json_type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "missing"}
    return names.get(type(value), "a number")


def kernel_name(notebook: dict[str, Any]) -> str:
    """The kernel the notebook asks for; python3 if it doesn't say."""
    spec = notebook["metadata"].get("kernelspec")
    name = spec.get("name") if isinstance(spec, dict) else None
    return name if isinstance(name, str) and name else "python3"


def tags(cell: dict[str, Any]) -> list[str]:
    value = cell["metadata"].get("tags")
    return value if isinstance(value, list) else []


def write_atomically(path: Path, text: str) -> None:
    """Replace the file as a whole: whoever reads it sees the old or the new text, also after a crash."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        # Not tempfile's mode 0600: the result is to be as readable as any other file.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(descriptor, "wb") as stream:
            # A lone surrogate, which a cell can print, has no UTF-8 form.
            stream.write(text.encode("utf-8", "backslashreplace"))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = str(path)  # a full disk doesn't say which file it was
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def save_notebook(notebook: Any, path: Path) -> None:
    """Save atomically, in nbformat's usual layout."""
    write_atomically(path, dump_notebook(notebook) + "\n")
