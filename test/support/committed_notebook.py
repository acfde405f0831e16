"""A notebook of this repository in a test: reading it, giving it parameters, running it as Jupyter does."""

from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"


def read_notebook(name: str) -> nbformat.NotebookNode:
    """Read anew for each test, since running it changes it."""
    return nbformat.read(NOTEBOOKS / name, as_version=4)


def parameters_cell(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))


def give(notebook: nbformat.NotebookNode, values: Mapping[str, object]) -> None:
    """Adds a cell with these parameters after the notebook's own, as the tasks do."""
    source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    place = notebook.cells.index(parameters_cell(notebook)) + 1
    notebook.cells.insert(place, nbformat.v4.new_code_cell(source))


def execute(notebook: nbformat.NotebookNode, folder: Path = NOTEBOOKS) -> None:
    """Runs all cells in a kernel whose working folder is `folder`."""
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, kernel_name="python3", timeout=120, resources=resources).execute()
