"""Parameters of notebooks: how they arrive, and which are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from notebook.file import BadRequest
from notebook.languages import Language
from notebook.parameters import inject_parameters, parse_parameters
from notebook_driver import drive, read_json, texts, write_notebook

VALUES = {
    "text": 'it\'s "quoted"\n$(touch /tmp/x) `y` \\ {z}',
    "dashes": "--epochs",
    "nothing": None,
    "yes": True,
    "number": 3,
    "rate": 0.001,
    "nan": float("nan"),
    "least": float("-inf"),
    "nested": {"a b": [1, None, {"c": False}], "ü": "\u2603\ud800"},
}


def test_parameters_arrive_unchanged_after_the_tagged_cell(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "p.ipynb",
        "early = 1",
        "\n".join(f"{name} = 0" for name in VALUES),
        f"import json\nprint(json.dumps({{name: globals()[name] for name in {list(VALUES)}}}))",
        tags={1: "parameters"},
    )
    code, text = drive(path, "--out", tmp_path / "out", "--parameters", json.dumps(VALUES))
    assert code == 0, text
    assert "warning" not in text
    cells = read_json(tmp_path / "out" / "p.ipynb")["cells"]
    assert cells[2]["metadata"]["tags"] == ["injected-parameters"]
    arrived = json.loads(texts(tmp_path / "out" / "p.ipynb")[3])
    assert json.dumps(arrived) == json.dumps(VALUES)


@pytest.mark.parametrize("value", [*VALUES.values(), [], {}, -0.0, 1e300, 10**40, "'''", "\x00\r"])
def test_python_literal_evaluates_to_the_same_value(value: Any) -> None:
    assert repr(eval(Language().literal(value))) == repr(value)


def notebook_of(*cells: tuple[str, str]) -> dict[str, Any]:
    """A notebook as JSON, from pairs of tag and source."""
    return {
        "nbformat_minor": 5,
        "cells": [
            {"cell_type": "code", "metadata": {"tags": [tag]}, "source": source} for tag, source in cells
        ],
    }


def test_an_injected_cell_is_replaced() -> None:
    notebook = notebook_of(("parameters", "a = 1"), ("injected-parameters", "a = 2"), ("", "a"))
    assert inject_parameters(notebook, {"a": 3}, Language()) == []
    assert [cell["source"] for cell in notebook["cells"]] == ["a = 1", "# Parameters\na = 3", "a"]


def test_an_injected_cell_is_replaced_where_it_stands() -> None:
    notebook = notebook_of(("", "a = 1"), ("injected-parameters", "a = 2"), ("", "a"))
    inject_parameters(notebook, {"a": 3}, Language())
    assert [cell["source"] for cell in notebook["cells"]] == ["a = 1", "# Parameters\na = 3", "a"]


def test_defaults_that_stand_below_an_injected_cell_do_not_undo_the_new_one() -> None:
    notebook = notebook_of(("injected-parameters", "a = 2"), ("parameters", "a = 1"), ("", "a"))
    inject_parameters(notebook, {"a": 3}, Language())
    assert [cell["source"] for cell in notebook["cells"]] == ["a = 1", "# Parameters\na = 3", "a"]


def test_of_several_injected_cells_one_is_left() -> None:
    cells = [("injected-parameters", "a = 2"), ("", "b"), ("injected-parameters", "a = 4"), ("", "a")]
    notebook = notebook_of(*cells)
    inject_parameters(notebook, {"a": 3}, Language())
    assert [cell["source"] for cell in notebook["cells"]] == ["b", "# Parameters\na = 3", "a"]


def test_types_and_keys_arrive(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "x = 0", "print(repr(x))", tags={0: "parameters"})
    given = '{"x": [NaN, -Infinity, 9007199254740993, 1.0, 1e3, -0.0, {"!pairs": [[1, "a"], [null, 2.0]]}]}'
    code, text = drive(path, "--out", tmp_path / "out", "--parameters", given)
    assert code == 0, text
    arrived = "[nan, -inf, 9007199254740993, 1.0, 1000.0, -0.0, {1: 'a', None: 2.0}]\n"
    assert texts(tmp_path / "out" / "n.ipynb")[2] == arrived


def test_a_folder_for_results_is_given_where_it_is_declared_and_asked_for(tmp_path: Path) -> None:
    mine = write_notebook(tmp_path / "mine.ipynb", "out = 'x'", "print(out)", tags={0: "parameters"})
    other = write_notebook(tmp_path / "other.ipynb", "out = 'x'", "print(out)", tags={0: "parameters"})
    asked = ["--results", "out", "--results-for", mine]
    code, text = drive(mine, other, "--out", tmp_path / "out", *asked)
    assert code == 0, text
    assert texts(tmp_path / "out" / "mine.ipynb")[-1] == f"{(tmp_path / 'out' / 'mine').resolve()}\n"
    assert texts(tmp_path / "out" / "other.ipynb")[-1] == "x\n"


def test_without_a_tagged_cell_parameters_go_to_the_top_and_that_is_said() -> None:
    notebook = notebook_of(("", "a"))
    (note,) = inject_parameters(notebook, {"a": 3}, Language())
    assert "no cell is tagged parameters" in note and "at the top" in note
    assert notebook["cells"][0]["source"] == "# Parameters\na = 3"


def test_an_unknown_parameter_is_warned_of() -> None:
    notebook = notebook_of(("parameters", "%matplotlib inline\nepochs: int = 1\nx = y = 2"))
    (note,) = inject_parameters(notebook, {"epocs": 3, "x": 1}, Language())
    assert note.startswith("warning: parameter epocs is not assigned") and "epochs" in note


@pytest.mark.parametrize("text", ["", "[1]", "{", "@/nowhere/at/all.json", '{"!pairs": [[1, 2]]}'])
def test_bad_parameters_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=r"^Cannot "):
        parse_parameters(text)


@pytest.mark.parametrize("name", ["not a name", "class", ""])
def test_a_name_that_python_cannot_assign_to_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match=r"^Cannot set parameter .*: must be a name Python can assign to$"):
        inject_parameters(notebook_of(("parameters", "a = 1")), {name: 1}, Language())


def test_parameters_for_a_language_that_is_not_known_are_refused(tmp_path: Path) -> None:
    kernel = tmp_path / "jupyter" / "kernels" / "ir"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"argv": ["sas"], "language": "SAS", "display_name": "x"}))
    path = write_notebook(tmp_path / "r.ipynb", "1")
    options = {"env": {"JUPYTER_PATH": str(tmp_path / "jupyter")}}
    code, text = drive(
        path, "--out", tmp_path / "out", "--kernel", "ir", "--parameters", '{"a": 1}', **options
    )
    assert code == 2
    assert text.startswith(
        f'Cannot set parameters in "{path}": its kernel must be one of Python, R, Julia or bash'
    )
