"""Files and command lines that are wrong."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from notebook import file as notebook_file
from notebook import process as notebook_process
from notebook.outputs import plan_outputs
from notebook_driver import FIXTURES, drive, read_json, texts, write_notebook

BAD_NOTEBOOKS = {
    "missing.ipynb": "there is no such file",
    "empty.ipynb": "the file is empty",
    "not_json.ipynb": "a notebook must be JSON: Expecting ',' delimiter ({path}:3:24)",
    "a_script.ipynb": "a notebook must be JSON: Expecting value ({path}:1:1)",
    "a_list.ipynb": "a notebook must be a JSON object, current value is a list",
    "no_cells.ipynb": 'a notebook must have a list "cells", current value is missing',
    "source_is_a_number.ipynb": "source of cell 1 must be text, not a number",
    "from_the_future.ipynb": "nbformat must be at most 4, current value is 5",
    "binary.ipynb": "a notebook must be UTF-8 text, byte 0 is not",
}


@pytest.mark.parametrize("name", BAD_NOTEBOOKS)
def test_a_bad_notebook_is_refused_in_one_line_with_its_file(name: str) -> None:
    path = FIXTURES / name
    with pytest.raises(notebook_file.BadRequest) as raised:
        notebook_file.read_notebook(path)
    assert str(raised.value) == f'Cannot execute "{path}": ' + BAD_NOTEBOOKS[name].format(path=path)


def test_all_notebooks_are_checked_before_any_is_executed(tmp_path: Path) -> None:
    good = write_notebook(tmp_path / "good.ipynb", "open('executed', 'w')")
    bad = [FIXTURES / name for name in ("empty.ipynb", "not_json.ipynb", "unknown_kernel.ipynb")]
    code, text = drive(good, *bad, "--out", tmp_path / "out")
    assert code == 2
    lines = text.rstrip("\n").split("\n")
    assert [line.split(":")[0] for line in lines] == [f'Cannot execute "{path}"' for path in bad]
    assert not (tmp_path / "executed").exists()
    assert os.listdir(tmp_path / "out") == []


def test_an_unknown_kernel_is_refused_with_those_that_are_installed(tmp_path: Path) -> None:
    code, text = drive(FIXTURES / "unknown_kernel.ipynb", "--out", tmp_path)
    assert code == 2
    assert re.search(
        r'installed ones \(.*python3.*\), current value is "conda-env-theirs-r"; choose with --kernel NAME',
        text,
    )


def test_a_python_notebook_of_another_environment_runs_on_python3_and_says_so(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "theirs.ipynb", "print(6 * 7)")
    notebook = read_json(source)
    notebook["metadata"]["kernelspec"] = {"display_name": "x", "language": "python", "name": "conda-env-x-py"}
    source.write_text(json.dumps(notebook))
    code, text = drive(source, "--out", tmp_path / "out")
    assert code == 0, text
    assert texts(tmp_path / "out" / "theirs.ipynb") == ["42\n"]
    assert 'kernel "conda-env-x-py" is not installed: python3 is used' in text
    code, text = drive(source, "--out", tmp_path / "out", "--kernel", "conda-env-x-py")
    assert code == 2  # who names one by hand means it


def test_a_notebook_that_names_no_kernel_runs_on_python3_and_an_old_one_is_upgraded(tmp_path: Path) -> None:
    code, text = drive(FIXTURES / "no_kernelspec.ipynb", FIXTURES / "nbformat_3.ipynb", "--out", tmp_path)
    assert code == 0, text
    assert texts(tmp_path / "no_kernelspec.ipynb") == ["42"]
    assert texts(tmp_path / "nbformat_3.ipynb") == ["from 3\n"]
    assert read_json(tmp_path / "nbformat_3.ipynb")["nbformat"] == 4


def test_find_kernel_reads_the_first_on_the_search_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        folder = tmp_path / name / "kernels" / "Mine"
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"argv": [name], "language": "x", "env": {"A": "1"}}))
    monkeypatch.setenv("JUPYTER_PATH", f"{tmp_path / 'first'}:{tmp_path / 'second'}")
    spec = notebook_process.find_kernel("mine")
    assert (spec.argv, spec.env, spec.is_python) == (["first"], {"A": "1"}, False)


@pytest.mark.parametrize("link", [False, True])
def test_an_output_that_is_or_leads_to_the_source_is_refused(tmp_path: Path, link: bool) -> None:
    source = write_notebook(tmp_path / "n.ipynb", "1")
    out = tmp_path
    if link:
        out = tmp_path / "out"
        out.mkdir()
        (out / "n.ipynb").symlink_to(source)
    before = source.read_bytes()
    code, text = drive(source, "--out", out)
    assert code == 2
    assert text.startswith(
        f'Cannot save the executed copy as "{out / "n.ipynb"}": that is the source "{source}"'
    )
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("sources", "outputs"),
    [
        (["a.ipynb", "x/b.ipynb"], ["o/a.ipynb", "o/b.ipynb"]),
        (["x/a.ipynb", "x/y/a.ipynb", "b.ipynb"], ["o/a.ipynb", "o/y/a.ipynb", "o/b.ipynb"]),
        (["x/a.ipynb", "y/A.ipynb"], ["o/x/a.ipynb", "o/y/A.ipynb"]),
        (["a.ipynb", "a.json"], ["o/a.ipynb", "o/a-2.ipynb"]),
    ],
)
def test_plan_outputs_keeps_names_apart(sources: list[str], outputs: list[str]) -> None:
    assert plan_outputs([Path(source) for source in sources], Path("o")) == list(map(Path, outputs))


@pytest.mark.parametrize(
    "arguments", [[], ["--timeout", "-1"], ["--jobs", "0"], ["--tiemout", "3"], ["--cwd", "nowhere"]]
)
def test_a_wrong_command_line_exits_with_2(tmp_path: Path, arguments: list[str]) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "1")
    out = ["--out", tmp_path / "out"] if arguments else []
    code, text = drive(path, *out, *arguments)
    assert code == 2
    assert "Traceback" not in text
