"""The notebook: committed without outputs, and the same result as the command's."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from src.files import sha256

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "train_resnet.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def _parameters(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))


def test_the_notebook_is_committed_without_outputs(notebook: nbformat.NotebookNode) -> None:
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_the_parameters_cell_holds_the_published_defaults(notebook: nbformat.NotebookNode) -> None:
    names: dict[str, object] = {}
    exec(_parameters(notebook).source, names)
    assert (names["epochs"], names["seed"]) == (15, 23)
    assert not Path(str(names["out"])).is_absolute()


def test_the_notebook_trains_to_the_same_weights_as_the_command(
    notebook: nbformat.NotebookNode, trained: Path, tmp_path: Path
) -> None:
    place = notebook.cells.index(_parameters(notebook)) + 1
    values = f"epochs = 2\nseed = 23\nout = {str(tmp_path)!r}"
    notebook.cells.insert(place, nbformat.v4.new_code_cell(values))
    _execute(notebook, ROOT / "notebooks")
    assert sha256(tmp_path / "model.safetensors") == sha256(trained / "model.safetensors")
    assert json.loads((tmp_path / "metrics.json").read_text()) == json.loads(
        (trained / "metrics.json").read_text()
    )


def test_the_notebook_finds_the_project_when_started_in_its_root(notebook: nbformat.NotebookNode) -> None:
    place = next(i for i, cell in enumerate(notebook.cells) if "root =" in cell.source)
    notebook.cells = [notebook.cells[place], nbformat.v4.new_code_cell("print(root)")]
    _execute(notebook, ROOT)
    assert notebook.cells[1].outputs[0].text.strip() == str(ROOT)


def _execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, kernel_name="python3", timeout=120, resources=resources).execute()
