"""The notebook: committed without outputs, and the same result as the command's."""

import json
from pathlib import Path

import nbformat
import pytest
from committed_notebook import ROOT, execute, give, parameters_cell, read_notebook

from src.common.files import sha256


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return read_notebook("train_resnet.ipynb")


def test_the_parameters_cell_holds_the_published_defaults(notebook: nbformat.NotebookNode) -> None:
    names: dict[str, object] = {}
    exec(parameters_cell(notebook).source, names)
    assert (names["epochs"], names["seed"]) == (15, 23)
    assert not Path(str(names["out"])).is_absolute()


def test_the_notebook_trains_to_the_same_weights_as_the_command(
    notebook: nbformat.NotebookNode, trained: Path, tmp_path: Path
) -> None:
    give(notebook, {"epochs": 2, "seed": 23, "out": str(tmp_path)})
    execute(notebook)
    assert sha256(tmp_path / "model.safetensors") == sha256(trained / "model.safetensors")
    assert json.loads((tmp_path / "metrics.json").read_text()) == json.loads(
        (trained / "metrics.json").read_text()
    )


def test_the_notebook_finds_the_project_when_started_in_its_root(notebook: nbformat.NotebookNode) -> None:
    place = next(i for i, cell in enumerate(notebook.cells) if "root =" in cell.source)
    notebook.cells = [notebook.cells[place], nbformat.v4.new_code_cell("print(root)")]
    execute(notebook, ROOT)
    assert notebook.cells[1].outputs[0].text.strip() == str(ROOT)
