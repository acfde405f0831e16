"""The notebook of the published experiment: committed without outputs, the same result as the command's."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from committed_notebook import ROOT, execute, give, parameters_cell, read_notebook

from src.common.files import sha256
from src.modelling.eurosat.settings import FinetuneSettings
from src.reference.made_eurosat import COUNTS, make_eurosat
from src.reference.made_weights import make_weights


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return read_notebook("finetune_resnet.ipynb")


def test_the_parameters_cell_holds_the_published_recipe(notebook: nbformat.NotebookNode) -> None:
    names: dict[str, object] = {}
    exec(parameters_cell(notebook).source, names)
    recipe = FinetuneSettings()
    assert [names[name] for name in ("epochs", "seed", "mode")] == [recipe.epochs, recipe.seed, recipe.mode]
    assert not any(Path(str(names[name])).is_absolute() for name in ("data", "weights", "out", "cache"))


@pytest.fixture
def values(tmp_path: Path) -> dict[str, object]:
    """Parameters of a small run: 200 made images, of which 16 train and 4 validate."""
    return {
        "data": str(make_eurosat(tmp_path, dict.fromkeys(COUNTS, 20))),
        "weights": str(make_weights(tmp_path)),
        "epochs": 2,
        "seed": 23,
        "mode": "exact",
        "out": str(tmp_path / "notebook"),
        "cache": str(tmp_path / "cache"),
    }


def test_the_notebook_trains_to_the_same_weights_as_the_command(
    notebook: nbformat.NotebookNode, values: dict[str, object], tmp_path: Path
) -> None:
    give(notebook, values)
    execute(notebook)
    options = [part for name, value in values.items() for part in (f"--{name}", str(value))]
    options[options.index("--out") + 1] = str(tmp_path / "command")
    command = [sys.executable, "-m", "src.modelling.eurosat", *options]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    metrics = json.loads((tmp_path / "notebook" / "metrics.json").read_text())
    assert metrics == json.loads((tmp_path / "command" / "metrics.json").read_text())
    assert sha256(tmp_path / "notebook" / "model.safetensors") == metrics["weights_sha256"]
    assert metrics["weights_sha256"] in _said(notebook)


def test_the_notebook_says_what_is_not_to_be_compared_with_the_public_runs(
    notebook: nbformat.NotebookNode, values: dict[str, object]
) -> None:
    give(notebook, {**values, "mode": "features", "epochs": 1})
    execute(notebook)
    said = _said(notebook)
    assert "Images are not counted against the public runs, because mode is features and not exact" in said
    assert "it has 16 training images and not 2,160" in said
    assert "public run: first" in said
    assert _pictures(notebook) == 3


def _said(notebook: nbformat.NotebookNode) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text") or output["data"]["text/plain"] for output in outputs)


def _pictures(notebook: nbformat.NotebookNode) -> int:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)
