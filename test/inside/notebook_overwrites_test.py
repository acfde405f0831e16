"""A value that was given and that the notebook replaces before it is used would make the record untrue."""

from __future__ import annotations

import re
from typing import Any

import pytest
from notebook.file import BadRequest
from notebook.languages import Language
from notebook.parameters import inject_parameters


def notebook(*sources: str, tagged: int | None = None) -> dict[str, Any]:
    cells = [{"cell_type": "code", "metadata": {}, "source": source} for source in sources]
    if tagged is not None:
        cells[tagged]["metadata"] = {"tags": ["parameters"]}
    return {
        "nbformat_minor": 4,
        "cells": [{"cell_type": "markdown", "metadata": {}, "source": "# n"}, *cells],
    }


@pytest.mark.parametrize(
    "sources",
    [
        ["import x", "n = 10"],
        ["def train():\n    return n", "n = 10\ntrain()"],
        ["class A:\n    def f(self):\n        return n", "n: int = 10"],
        ["a, (n, b) = 1, (2, 3)"],
        ["%matplotlib inline\n!pip list\nn = 10"],
        ["%%time\nn = 10"],
        ["import m as n"],
        ["for n in range(3):\n    pass"],
        ["with open('x') as n:\n    pass"],
        ["for i in range(3):\n    n = i"],
        ["def n():\n    pass"],
        ["!pip install \\\n    a \\\n    b\nn = 10"],
        ["files = !ls \\\n  -l\nn = 10"],
        ["print?\nn = 10  # why?"],
        ["%time n = 10"],
        ["%%capture\nn = 10"],
        ["def f():\n    global n\n    n = 10", "f()"],
        ["def f():\n    global n\n    n = 10\ndef g():\n    f()", "x = [g(), 1]"],
        ["if debug:\n    n = 10\nelse:\n    n = 20"],
        ["if a:\n    n = 1\nelif b:\n    n = 2\nelse:\n    n = 3"],
        ["if a:\n    if b:\n        n = 1\n    else:\n        n = 2\nelse:\n    n = 3"],
        ["if a:\n    n = 1\nelse:\n    raise ValueError"],
        ["try:\n    n = 1\nexcept ValueError:\n    n = 2"],
        ["try:\n    pass\nfinally:\n    n = 2"],
        ["globals()['n'] = 10"],
        ["(n := 10)"],
    ],
)
def test_a_value_that_is_replaced_before_it_is_used_is_refused(sources: list[str]) -> None:
    cell = next(
        index for index, source in enumerate(sources, 1) if re.search(r"\bn\b(?!\n    return)", source)
    )
    with pytest.raises(BadRequest) as raised:
        inject_parameters(notebook(*sources), {"n": 3}, Language())
    message = str(raised.value)
    assert re.match(rf"Cannot set parameter n: cell [{cell}-{len(sources)}] assigns it in line ", message)
    assert ", before it is used, so the value would have no effect; " in message
    assert message.endswith("so that values are set after it, or remove the assignment")


@pytest.mark.parametrize(
    "sources",
    [
        ["n = int(n)", "print(n)"],
        ["n += 1"],
        ["print(n)"],
        ["def f(n=1):\n    n = 2\n    return n"],
        ["[n for n in range(3)]"],
        ["f(n=3)", "d['n'] = 3", "o.n = 3", "n == 3"],
        ["n: int"],
        ["%%bash\nn=10"],
        ["%%timeit\nn = 10"],
        ["%timeit n = 10"],
        ["def f():\n    global n\n    n = 10"],
        ["def f():\n    n = 10\n    return n", "f()"],
        ["if a:\n    n = int(n)\nelse:\n    n = n + 1"],
        ["class A:\n    n = 10"],
        ["this is not Python at all"],
    ],
)
def test_what_keeps_the_value_is_no_matter(sources: list[str]) -> None:
    (note,) = inject_parameters(notebook(*sources), {"n": 3}, Language())
    assert note.startswith("no cell is tagged parameters")


@pytest.mark.parametrize(
    "sources",
    [
        ["if debug:\n    n = 10"],
        ["if debug:\n    n = 10\nelse:\n    print(n)"],
        ["if a:\n    n = 1\nelif b:\n    n = 2"],
        ["def f():\n    global n\n    n = 10\nif debug:\n    f()"],
        ["def f():\n    global n\n    if debug:\n        n = 10\nf()"],
        ["try:\n    n\nexcept NameError:\n    n = 10"],
    ],
)
def test_an_assignment_that_may_replace_it_is_warned_of(sources: list[str]) -> None:
    _, note, *_ = inject_parameters(notebook(*sources), {"n": 3}, Language())
    assert note.startswith(f"warning: the value of n may not last: cell {len(sources)} assigns it in line ")


@pytest.mark.parametrize(
    "sources",
    [
        ["print(n)", "n = 10"],
        ["print(n)\n!ls \\\n  -l\nn = 10"],
        ["def f():\n    return n", "f()", "n = 10"],
        ["def f():\n    return n", "def g():\n    return f()", "g()", "n = 10"],
        ["print(n)", "if a:\n    n = 1\nelse:\n    n = 2"],
    ],
)
def test_a_value_that_is_replaced_after_it_was_used_is_refused_where_no_cell_is_tagged(
    sources: list[str],
) -> None:
    with pytest.raises(BadRequest, match=f"cell {len(sources)} assigns it in line .*, after it was used, so"):
        inject_parameters(notebook(*sources), {"n": 3}, Language())
    tagged = notebook("n = 0", *sources, tagged=0)
    (note,) = inject_parameters(tagged, {"n": 3}, Language())
    assert note.startswith("warning: the value of n may not last: cell ")


def test_the_line_of_an_assignment_is_the_notebooks_own() -> None:
    with pytest.raises(BadRequest, match="cell 1 assigns it in line 5,"):
        inject_parameters(notebook("!pip install \\\n  a \\\n  b\nx = 1\nn = 10"), {"n": 3}, Language())
    with pytest.raises(BadRequest, match="cell 1 assigns it in line 3,"):
        inject_parameters(notebook("def f():\n    global n\n    n = 10", "f()"), {"n": 3}, Language())


def test_a_cell_after_the_tagged_one_is_looked_at_too() -> None:
    with pytest.raises(BadRequest, match='cell 2 .* move the assignment into the cell tagged "parameters"'):
        inject_parameters(notebook("n = 1", "n = 10", tagged=0), {"n": 3}, Language())
    assert inject_parameters(notebook("n = 0", "n = 1", tagged=1), {"n": 3}, Language()) == []
