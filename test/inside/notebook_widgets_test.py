"""Widgets: 200 `@interact` and 200 printing Output widgets, none of which may keep a notebook waiting."""

from __future__ import annotations

from pathlib import Path

import pytest
from notebook_driver import drive, read_json, texts, write_notebook

pytest.importorskip("ipywidgets", reason="ipywidgets is not installed")

INTERACT = "import ipywidgets as w\n@w.interact(x={0})\ndef f(x): print('x is', x)"
OUTPUT = "import ipywidgets as w\nout = w.Output()\ndisplay(out)\nwith out:\n    print('inside {0}')"
LIMIT = "4"
"""Seconds for a cell: less than the driver waits before it looks again whether a reply is there."""


def widget_states(path: Path) -> list[dict[str, object]]:
    states = read_json(path)["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    return [state["state"] for state in states.values()]


@pytest.mark.parametrize("source", [INTERACT, OUTPUT], ids=["interact", "output"])
def test_200_widgets_that_print_keep_no_cell_waiting(tmp_path: Path, source: str) -> None:
    # Four kernels, because it is a kernel's first widget that was likeliest to be lost.
    paths = [
        write_notebook(tmp_path / f"n{kernel}.ipynb", *(source.format(number) for number in range(50)))
        for kernel in range(4)
    ]
    code, text = drive(*paths, "--out", tmp_path / "out", "--timeout", LIMIT, seconds=240)
    assert code == 0, text[-3000:]
    outputs = [
        output["text"]
        for path in paths
        for state in widget_states(tmp_path / "out" / path.name)
        for output in state.get("outputs") or []  # type: ignore[attr-defined]
    ]
    assert len(outputs) == 200


def test_the_next_cell_finds_what_a_widget_has_received(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "n.ipynb", OUTPUT.format(1), "print([one['text'] for one in out.outputs])"
    )
    code, text = drive(path, "--out", tmp_path / "out", "--timeout", LIMIT)
    assert code == 0, text
    assert texts(tmp_path / "out" / "n.ipynb")[1] == "['inside 1\\n']\n"


def test_an_error_in_a_callback_fails_the_notebook(tmp_path: Path) -> None:
    source = "import ipywidgets as w\n@w.interact(x=3)\ndef f(x): 1 / 0"
    code, text = drive(write_notebook(tmp_path / "n.ipynb", source), "--out", tmp_path / "out")
    assert code == 1
    assert "cell 1 of 1 failed with ZeroDivisionError: division by zero\n" in text
