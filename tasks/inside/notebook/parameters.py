"""Parameters by papermill's convention: a tagged cell has the defaults, a new one after it the values."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .file import BadRequest, new_cell_id, tags
from .languages import Language
from .python_source import find_overwrites

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"
PAIRS = "!pairs"
"""JSON has mappings with texts as keys only: one with others comes as `{"!pairs": [[key, value], ...]}`."""


def parse_parameters(text: str) -> dict[str, Any]:
    """Parameters from a JSON object, or from a file as `@FILE`; raises BadRequest.

    Numbers keep their type: `1.0` and `1e3` are float, `NaN` and `Infinity` are known, no integer is too big.
    """
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadRequest(f'Cannot read parameters from "{text[1:]}": {error}') from None
    try:
        values = json.loads(text, object_hook=_mapping)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadRequest(f"Cannot read --parameters: must be a JSON object: {error}") from None
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise BadRequest("Cannot read --parameters: must be a JSON object")
    return values


def _mapping(value: dict[str, Any]) -> dict[Any, Any]:
    return dict(value[PAIRS]) if list(value) == [PAIRS] else value


def declared_parameters(notebook: dict[str, Any], language: Language) -> set[str]:
    """The names that the cell tagged `parameters` assigns."""
    tagged = (cell for cell in notebook["cells"] if PARAMETERS_TAG in tags(cell))
    return {name for cell in tagged for name in language.assigned(cell["source"])}


def list_parameters(notebook: dict[str, Any], language: Language) -> dict[str, str]:
    """Names that can be set, with the source text of their defaults."""
    found: dict[str, str] = {}
    for cell in notebook["cells"]:
        if PARAMETERS_TAG in tags(cell):
            names = language.assigned(cell["source"])
            values = language.values(cell["source"])
            found.update({name: values.get(name, "") for name in sorted(names, key=_position(cell))})
    return found


def _position(cell: dict[str, Any]) -> Any:
    def position(name: str) -> int:
        found = re.search(rf"\b{re.escape(name)}\b", cell["source"])
        return found.start() if found else 0

    return position


def inject_parameters(notebook: dict[str, Any], parameters: dict[str, Any], language: Language) -> list[str]:
    """Set parameters; returns lines worth telling.

    Raises BadRequest for a value that the language can't hold, and for one that the notebook would replace.
    """
    for name in parameters:
        language.check_name(name)
    lines = [language.assignment(name, value) for name, value in parameters.items()]
    cells = notebook["cells"]
    source = "\n".join([f"{language.comment} Parameters", *lines])
    index, tagged = _place(cells)
    cells.insert(index, _injected_cell(notebook, source))
    notes = _notes(cells, tagged, parameters, language)
    if type(language) is Language:  # only Python's source is parsed
        notes += _check_overwrites(cells, index, tagged, set(parameters))
    return notes


def _place(cells: list[dict[str, Any]]) -> tuple[int, dict[str, Any] | None]:
    """Where the new cell goes (in an earlier one's place, unless the defaults come later), and the tagged."""
    injected = [index for index, cell in enumerate(cells) if INJECTED_TAG in tags(cell)]
    place = injected[-1] - len(injected) + 1 if injected else 0
    cells[:] = [cell for cell in cells if INJECTED_TAG not in tags(cell)]
    tagged = next((index for index, cell in enumerate(cells) if PARAMETERS_TAG in tags(cell)), None)
    if tagged is None:
        return place, None
    return max(place, tagged + 1), cells[tagged]


def _injected_cell(notebook: dict[str, Any], source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": [INJECTED_TAG]},
        "outputs": [],
        "source": source,
    }
    if notebook["nbformat_minor"] >= 5:
        cell["id"] = new_cell_id()
    return cell


def _notes(
    cells: list[dict[str, Any]],
    tagged: dict[str, Any] | None,
    parameters: dict[str, Any],
    language: Language,
) -> list[str]:
    if tagged is None:
        top = " at the top" if INJECTED_TAG in tags(cells[0]) else ""
        return [f"no cell is tagged {PARAMETERS_TAG}: the parameters are set in a new cell{top}"]
    known = language.assigned(tagged["source"])
    return [
        f"warning: parameter {name} is not assigned in the cell tagged {PARAMETERS_TAG}, maybe a misspelling "
        f"(it assigns {', '.join(sorted(known)) or 'nothing'})"
        for name in parameters
        if name not in known
    ]


def _effect(used_before: bool) -> str:
    if used_before:
        return "after it was used, so the value would hold for a part of the notebook only"
    return "before it is used, so the value would have no effect"


def _check_overwrites(
    cells: list[dict[str, Any]], injected: int, tagged: dict[str, Any] | None, names: set[str]
) -> list[str]:
    """Refuse values that would have no effect, while the record says that they were used."""
    code = [
        (index, cell["source"])
        for index, cell in enumerate(cells)
        if index > injected and cell["cell_type"] == "code" and "skip-execution" not in tags(cell)
    ]
    notes = []
    for found in find_overwrites(code, names):
        # Counted as in the source: without the new cell, and with the cells that have code only.
        number = sum(
            cell["cell_type"] == "code" and bool(cell["source"].strip()) and INJECTED_TAG not in tags(cell)
            for cell in cells[: found.cell + 1]
        )
        where = f"cell {number} assigns it in line {found.line}"
        # Behind defaults that are tagged, a name that was used may get another meaning.
        if not found.certain or (found.used_before and tagged is not None):
            notes.append(f"warning: the value of {found.name} may not last: {where}")
            continue
        remedy = (
            f'tag that cell "{PARAMETERS_TAG}", so that values are set after it, or remove the assignment'
        )
        if tagged is not None:
            remedy = f'move the assignment into the cell tagged "{PARAMETERS_TAG}", or remove it'
        raise BadRequest(
            f"Cannot set parameter {found.name}: {where}, {_effect(found.used_before)}; {remedy}"
        )
    return notes
