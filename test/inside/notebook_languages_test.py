"""Parameters in other languages, with their real kernels where these are installed."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from notebook.file import BadRequest
from notebook.languages import Bash, Julia, Language, R, find_language
from notebook_driver import drive, texts, write_notebook

TEXT = 'it\'s "quoted" $HOME `id` \\ {z}\nünd \U0001f600'


def in_r(value: object, ask: str) -> str:
    """What R itself prints about a value."""
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed (Debian: r-base-core)")
    code = f"{R().assignment('x', value)}\ncat({ask})"
    command = ["Rscript", "--vanilla", "--encoding=UTF-8", "-e", code]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


@pytest.mark.parametrize(
    ("value", "ask", "answer"),
    [
        (TEXT, "x", TEXT),
        (3, "class(x), x", "integer 3"),
        (2**40, "class(x), format(x, digits = 20)", "numeric 1099511627776"),
        (1.0, "class(x), x", "numeric 1"),
        (1e-300, "x", "1e-300"),
        (math.nan, "is.nan(x)", "TRUE"),
        (-math.inf, "x", "-Inf"),
        (True, "x", "TRUE"),
        (None, "is.null(x)", "TRUE"),
        ([1, [2.5, "b"]], "x[[1]], x[[2]][[2]]", "1 b"),
        ({"a b": {"c": 1}}, "x[['a b']]$c", "1"),
    ],
)
def test_r_receives_the_value(value: object, ask: str, answer: str) -> None:
    assert in_r(value, ask) == answer


@pytest.mark.parametrize(
    ("value", "ask", "answer"),
    [
        (TEXT, '"$x"', TEXT),
        ("--x", '"$x"', "--x"),
        (2**70, "$x", str(2**70)),
        (True, "$x", "true"),
        (None, '"<$x>"', "<>"),
        (["a b", 2, None], '"${#x[@]} ${x[0]}"', "3 a b"),
        ({"k'1": "v 1", "k2": 2}, '"${x["k\'1"]}"', "v 1"),
    ],
)
def test_bash_receives_the_value(value: object, ask: str, answer: str) -> None:
    code = f"{Bash().assignment('x', value)}\nprintf %s {ask}"
    command = ["bash", "-c", code]
    assert subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout == answer


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (TEXT, '"it\'s \\"quoted\\" \\$HOME `id` \\\\ {z}\\nünd \U0001f600"'),
        (3, "3"),
        (1.0, "1.0"),
        (2**70, f'parse(BigInt, "{2**70}")'),
        (math.nan, "NaN"),
        (-math.inf, "-Inf"),
        (None, "nothing"),
        ([True, {"a": 1}], '[true, Dict("a" => 1)]'),
        ({1: "a"}, 'Dict(1 => "a")'),
    ],
)
def test_julia_literals(value: object, literal: str) -> None:
    assert Julia().literal(value) == literal


@pytest.mark.parametrize(
    ("language", "value"),
    [(R(), 2**53 + 1), (R(), {1: 2}), (R(), "\0"), (Bash(), [[1]]), (Bash(), {1: 2}), (Julia(), "\ud800")],
)
def test_what_a_language_cannot_hold_is_refused(language: Language, value: object) -> None:
    with pytest.raises(BadRequest, match=f"^Cannot give {language.name} the value "):
        language.assignment("x", value)


@pytest.mark.parametrize(
    ("language", "source", "values"),
    [
        (Language(), "a = 1  # one\nb: float = 1e-3\nif a == 1: c = 2", {"a": "1", "b": "1e-3"}),
        (R(), "lr <- 0.1\nn = 3\nf(x = 1)\na.b <- 'x'", {"lr": "0.1", "n": "3", "a.b": "'x'"}),
        (Bash(), "n=3\nexport NAME='a b'\necho n=4", {"n": "3", "NAME": "'a b'"}),
        (Julia(), "n = 3\nn == 4", {"n": "3"}),
    ],
)
def test_defaults_are_found(language: Language, source: str, values: dict[str, str]) -> None:
    assert language.values(source) == values


def test_languages_are_found_by_the_kernel_s_word_for_them() -> None:
    found = [find_language(name) for name in ("python", "R", "julia", "bash", "sas")]
    assert [one and one.name for one in found] == ["Python", "R", "Julia", "bash", None]


def kernel(folder: Path, name: str, language: str, *argv: str) -> dict[str, Any]:
    """An installed kernel of this name: the environment that finds it."""
    place = folder / "jupyter" / "kernels" / name
    place.mkdir(parents=True)
    spec = {"argv": [*argv, "{connection_file}"], "language": language, "display_name": name}
    (place / "kernel.json").write_text(json.dumps(spec))
    return {"env": {"JUPYTER_PATH": str(folder / "jupyter")}}


VALUES = '{"epochs": 3, "rate": 0.5, "name": "it\'s $HOME"}'


def test_a_real_bash_kernel_receives_parameters(tmp_path: Path) -> None:
    pytest.importorskip("bash_kernel", reason="bash_kernel is not installed")
    options = kernel(tmp_path, "bash", "bash", sys.executable, "-m", "bash_kernel", "-f")
    defaults = "epochs=1\nrate=1\nname=x"
    path = write_notebook(
        tmp_path / "n.ipynb", defaults, 'echo "$epochs $rate $name"', tags={0: "parameters"}
    )
    code, text = drive(path, "--out", tmp_path / "out", "--kernel", "bash", "--parameters", VALUES, **options)
    assert code == 0, text
    assert "warning" not in text
    assert texts(tmp_path / "out" / "n.ipynb")[2] == "3 0.5 it's $HOME\n"


def test_a_real_r_kernel_receives_parameters(tmp_path: Path) -> None:
    asked = ["Rscript", "-e", "stopifnot(requireNamespace('IRkernel'))"]
    if shutil.which("Rscript") is None or subprocess.run(asked, capture_output=True).returncode != 0:
        pytest.skip("IRkernel is not installed (Debian: r-cran-irkernel)")
    options = kernel(tmp_path, "ir", "R", "R", "--slave", "-e", "IRkernel::main()", "--args")
    defaults = "epochs <- 1\nrate <- 1\nname <- ''"
    path = write_notebook(
        tmp_path / "n.ipynb", defaults, "cat(class(epochs), epochs, rate, name)", tags={0: "parameters"}
    )
    code, text = drive(path, "--out", tmp_path / "out", "--kernel", "ir", "--parameters", VALUES, **options)
    assert code == 0, text
    assert texts(tmp_path / "out" / "n.ipynb")[2] == "integer 3 0.5 it's $HOME"
