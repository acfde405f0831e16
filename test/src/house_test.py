"""The rule of the house in `src/`: an import goes to a room on a lower floor, or stays in its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# As in docs/architecture.md. The two experiments share what lies in modelling/, and nothing of each other's.
FLOORS = {
    "common": 1,
    "images": 2,
    "hardware": 2,
    "modelling": 3,
    "modelling.digits": 4,
    "modelling.eurosat": 4,
    "deployment": 5,
    "reference": 5,
}


def room(module: str) -> str | None:
    """The room of `src.modelling.digits.train`: modelling.digits. None for what is not in `src`."""
    parts = module.split(".")
    if parts[0] != "src" or len(parts) < 2:
        return None
    return max((name for name in FLOORS if parts[1:][: name.count(".") + 1] == name.split(".")), key=len)


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import is written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def faults(module: str, source: str) -> list[str]:
    here = room(module)
    assert here is not None
    return [
        f"{module} (floor {FLOORS[here]}) imports {name} (floor {FLOORS[there]})"
        for name in imported(source)
        if (there := room(name)) is not None and there != here and FLOORS[there] >= FLOORS[here]
    ]


def test_every_import_goes_to_a_lower_floor_and_none_to_the_tasks_or_tests() -> None:
    found = []
    paths = sorted((ROOT / "src").glob("*/**/*.py"))
    assert len(paths) > 60
    for path in paths:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        source = path.read_text(encoding="utf-8")
        found += faults(module, source)
        outside = {"tasks", "test", "bench", "experiments"}
        found += [f"{module} imports {name}" for name in imported(source) if name.split(".")[0] in outside]
    assert found == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("src.modelling.results", "from src.deployment.results import made_here"),
        ("src.modelling.results", "import src.modelling.eurosat.train"),
        ("src.modelling.eurosat.train", "def later():\n    from src.modelling.digits import train"),
        ("src.common.files", "from src import images"),
    ],
)
def test_an_import_that_goes_up_or_across_is_found(module: str, line: str) -> None:
    (fault,) = faults(module, line)
    assert fault.startswith(f"{module} (floor ")


def test_every_room_is_in_the_table_of_the_architecture_page() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.name for path in (ROOT / "src").iterdir() if (path / "__init__.py").is_file()}
    assert rooms == {name.split(".")[0] for name in FLOORS}
    for name, floor in FLOORS.items():
        assert f"| `src/{name.replace('.', '/')}` | {floor} |" in page, name
