"""Notebook files: read and checked, given parameters, and saved so that a half-written one is never seen."""

from __future__ import annotations

import ast
import contextlib
import json
import keyword
import math
import os
import re
import secrets
from pathlib import Path
from typing import Any

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"


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
    notebook.setdefault("nbformat_minor", 5 if any("id" in c for c in cells if isinstance(c, dict)) else 4)
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
            cell["outputs"], cell["execution_count"] = [], None


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


def parse_parameters(text: str) -> dict[str, Any]:
    """Parameters from a JSON object, or from a file as `@FILE`; raises BadRequest."""
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadRequest(f'Cannot read parameters from "{text[1:]}": {error}') from None
    try:
        values = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadRequest(f"Cannot read --parameters: must be a JSON object: {error}") from None
    if not isinstance(values, dict):
        raise BadRequest(f"Cannot read --parameters: must be a JSON object, not {_json_type(values)}")
    for name in values:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise BadRequest(f"Cannot set parameter {json.dumps(name)}: must be a name Python can assign to")
    return values


def python_literal(value: Any) -> str:
    """A JSON value as Python source that evaluates to the same value."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, list):
        return "[" + ", ".join(map(python_literal, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {python_literal(item)}" for key, item in value.items()) + "}"
    return repr(value)


def declared_parameters(notebook: dict[str, Any]) -> set[str]:
    """The names that the cell tagged `parameters` assigns."""
    tagged = (cell for cell in notebook["cells"] if PARAMETERS_TAG in tags(cell))
    return {name for cell in tagged for name in assigned_names(cell["source"])}


def inject_parameters(notebook: dict[str, Any], parameters: dict[str, Any]) -> list[str]:
    """Set parameters by papermill's convention; returns lines worth telling."""
    cells = notebook["cells"]
    tagged = next((i for i, cell in enumerate(cells) if PARAMETERS_TAG in tags(cell)), None)
    earlier = next((i for i, cell in enumerate(cells) if INJECTED_TAG in tags(cell)), None)
    if earlier is not None:
        del cells[earlier]
        if tagged is not None and earlier < tagged:
            tagged -= 1
    cells.insert(0 if tagged is None else tagged + 1, _injected_cell(notebook, parameters))
    if tagged is None:
        return [f"no cell is tagged {PARAMETERS_TAG}: the parameters are set in a new cell at the top"]
    known = assigned_names(cells[tagged]["source"])
    return [
        f"warning: parameter {name} is not assigned in the cell tagged {PARAMETERS_TAG}, maybe a misspelling "
        f"(it assigns {', '.join(sorted(known)) or 'nothing'})"
        for name in parameters
        if name not in known
    ]


def _injected_cell(notebook: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    lines = [f"{name} = {python_literal(value)}" for name, value in parameters.items()]
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": [INJECTED_TAG]},
        "outputs": [],
        "source": "\n".join(["# Parameters", *lines]),
    }
    if notebook["nbformat_minor"] >= 5:
        cell["id"] = secrets.token_hex(4)
    return cell


def assigned_names(source: str) -> set[str]:
    """The names that a cell assigns at its top level."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):  # a magic, for instance
        return set(re.findall(r"^(\w+)\s*(?::[^=\n]+)?=(?!=)", source, re.MULTILINE))
    targets: list[ast.expr] = []
    for node in body:
        if isinstance(node, ast.Assign):
            targets += node.targets
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets.append(node.target)
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def plan_outputs(sources: list[Path], folder: Path) -> list[Path]:
    """Where each executed notebook goes: `folder/<name>.ipynb`, or below a sub-path where names collide.

    Raises BadRequest when an output would be, or lead to, one of the sources.
    """
    by_name: dict[str, list[Path]] = {}
    for source in sources:
        by_name.setdefault(source.stem.lower(), []).append(source)
    outputs = []
    for source in sources:
        same = by_name[source.stem.lower()]
        sub = Path()
        if len(same) > 1:
            parents = [os.path.abspath(other.parent) for other in same]
            sub = Path(os.path.relpath(os.path.abspath(source.parent), os.path.commonpath(parents)))
        outputs.append(folder / sub / f"{source.stem}.ipynb")
    # Same folder and same stem (`a.ipynb` and `a.json`, or `A.ipynb` where case counts): number them.
    seen: dict[str, int] = {}
    for index, output in enumerate(outputs):
        count = seen[str(output).lower()] = seen.get(str(output).lower(), 0) + 1
        if count > 1:
            outputs[index] = output.with_name(f"{output.stem}-{count}.ipynb")
    for output in outputs:
        for source in sources:
            if _same_file(output, source):
                raise BadRequest(
                    f'Cannot save the executed copy as "{output}": that is the source "{source}", '
                    "which is never changed; give another folder with --out"
                )
    return outputs


def _same_file(output: Path, source: Path) -> bool:
    with contextlib.suppress(OSError):
        if os.path.samefile(output, source):
            return True
    return os.path.realpath(output) == os.path.realpath(source)


def write_atomically(path: Path, text: str) -> None:
    """Replace the file as a whole: whoever reads it sees the old or the new text, also after a crash."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        # Not tempfile's mode 0600: the result is to be as readable as any other file.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
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
    from nbformat.v4 import writes_json

    # A lone surrogate, which a cell can print, has no UTF-8 form.
    text = writes_json(notebook).encode("utf-8", "backslashreplace").decode("utf-8")
    write_atomically(path, text + "\n")
