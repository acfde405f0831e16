"""The rule of the house in `tasks/inside/`: the files of a folder import one another in one direction."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

INSIDE = Path(__file__).resolve().parents[2] / "tasks" / "inside"


def neighbours(source: str) -> set[str]:
    """Files of the same folder that a source imports, for types only or not: `from .kernel import Kernel`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
    return found


def in_order(sources: dict[str, str]) -> list[str]:
    """The files, each after those that it imports; raises CycleError, which names the files of a circle."""
    return list(TopologicalSorter({name: neighbours(text) for name, text in sources.items()}).static_order())


def test_no_folder_has_a_circle() -> None:
    folders = {path.parent for path in INSIDE.glob("*/*.py")}
    assert INSIDE / "notebook" in folders
    for folder in folders:
        in_order({path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py")})


def test_a_circle_of_types_is_found_and_its_files_are_named() -> None:
    one = "if TYPE_CHECKING:\n    from .two import Two"
    with pytest.raises(CycleError) as error:
        in_order({"one": one, "two": "from . import one", "three": "from .one import One"})
    assert set(error.value.args[1]) == {"one", "two"}
