"""The notebook that looks at the GPU: runs through with whatever is here, and says what that is."""

from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from committed_notebook import execute, parameters_cell, read_notebook


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return read_notebook("check_gpu.ipynb")


def test_the_notebook_ends_with_a_verdict_for_each_framework(
    notebook: nbformat.NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set_seconds(notebook)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # the same on a machine that has a GPU
    monkeypatch.setenv("PATH", str(tmp_path))
    execute(notebook)
    said = notebook.cells[-1].outputs[0].text
    assert "No GPU for PyTorch: there is no nvidia-smi" in said
    if find_spec("tensorflow") is None:
        assert "TensorFlow is not installed in this Python" in said
    else:
        assert "No GPU for TensorFlow" in said
    assert "What to do: Use a machine with an NVIDIA GPU" in said
    assert said.count("What to do: Use a machine") == 1


def test_the_notebook_runs_through_without_either_framework(
    notebook: nbformat.NotebookNode, tmp_path: Path
) -> None:
    _set_seconds(notebook)
    place = next(i for i, cell in enumerate(notebook.cells) if cell.id == "frameworks")
    # A stand-in for a Python without them: uninstalling would change the environment of all tests.
    hidden = "import src.hardware.frameworks as asked\n\nasked.find_spec = lambda package: None"
    notebook.cells.insert(place, nbformat.v4.new_code_cell(hidden))
    execute(notebook)
    said = notebook.cells[-1].outputs[0].text
    assert "PyTorch is not installed" in said and "TensorFlow is not installed" in said


def _set_seconds(notebook: nbformat.NotebookNode) -> None:
    parameters_cell(notebook).source = "seconds = 0.05"
