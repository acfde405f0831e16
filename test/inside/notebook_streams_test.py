"""What cells print, through the kernel's streams as they are prepared, beside the same kernel as it is."""

from __future__ import annotations

import ast
import importlib.util
import threading
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient
from notebook_driver import drive, read_json, write_notebook

CELLS = [
    "import sys, threading\nprint('a')\nprint('b', file=sys.stderr)\nprint('c', end='')\nprint('d')",
    "def work():\n    for n in range(100): print('thread', n, flush=True)\n"
    "thread = threading.Thread(target=work)\nthread.start()\nthread.join()\nprint('after')",
    "print('before')\ndisplay('shown')\nprint('behind')\n41 + 1",
    "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as kept: print('kept')\n"
    "print(kept.getvalue(), sys.stdout.write('x'), sys.stdout.write(''))",
    "import os\npid = os.fork()\nif pid == 0:\n    print('child', flush=True)\n    os._exit(0)\n"
    "os.waitpid(pid, 0)\nprint('parent')",
    "try:\n    sys.stdout.write(3)\nexcept TypeError as error: print(error)",
    "get_ipython().run_cell('print(1)')\nprint('outer')\nfor n in range(1000): print(n)",
]
NOTED = """noted = {
    count: [(one.output_type, "".join(one.bundle.get("stream", []))) for one in outputs]
    for count, outputs in get_ipython().history_manager.outputs.items()
}
print(repr(noted))"""


def printed(cells: list[dict[str, object]], name: str) -> list[str]:
    """What each cell has printed there, in however many pieces it came."""
    return [
        "".join("".join(one["text"]) for one in cell["outputs"] if one.get("name") == name)  # type: ignore[attr-defined]
        for cell in cells
    ]


def test_cells_print_and_ipython_notes_what_they_do_without(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", *CELLS, NOTED)
    code, text = drive(path, "--out", tmp_path / "out")
    assert code == 0, text
    ours = read_json(tmp_path / "out" / "n.ipynb")["cells"]
    plain = nbformat.read(path, as_version=4)
    NotebookClient(plain).execute()
    assert printed(ours, "stderr") == printed(plain.cells, "stderr")
    *texts, noted = printed(ours, "stdout")
    *expected, expected_noted = printed(plain.cells, "stdout")
    assert texts == expected
    assert ast.literal_eval(noted) == ast.literal_eval(expected_noted)


def test_texts_take_the_short_way(tmp_path: Path) -> None:
    """Another ipykernel or IPython may have none: then this says so."""
    path = write_notebook(tmp_path / "n.ipynb", "import sys\nprint(sys.stdout.write.__qualname__)")
    code, text = drive(path, "--out", tmp_path / "out")
    assert code == 0, text
    assert "writer.<locals>.write\n" in text


@pytest.mark.parametrize("first", ["", []])
def test_what_ipython_notes_as_one_text_goes_through_both(first: str | list[str]) -> None:
    """Those of IPython up to the spring of 2025 do; later ones note a list. Both are fakes here."""
    path = Path(__file__).parents[2] / "tasks/inside/notebook/kernel_streams.py"
    spec = importlib.util.spec_from_file_location("kernel_streams", path)
    assert spec is not None and spec.loader is not None
    kernel_streams = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kernel_streams)
    notes = SimpleNamespace(output_type="out_stream", bundle={"stream": first})
    quiet = SimpleNamespace(is_publishing=False, is_active=False, write=lambda text: len(text))
    through: list[str] = []

    def write(text: str) -> int:
        notes.bundle["stream"] += text if isinstance(first, str) else [text]
        through.append(text)
        return len(text)

    stream = SimpleNamespace(
        write=write,
        _buffer_lock=threading.RLock(),
        parent_header={"id": 1},
        pub_thread=quiet,
        _flush_pending=True,
    )
    stream._buffers = {frozenset(stream.parent_header.items()): quiet}
    shell = SimpleNamespace(display_pub=quiet, displayhook=quiet, execution_count=1, showing_traceback=False)
    shell.history_manager = SimpleNamespace(outputs={1: [notes]})
    fast = kernel_streams.writer(shell, stream, "stdout")
    assert [fast("a"), fast("b"), fast("c")] == [1, 1, 1]
    assert "".join(notes.bundle["stream"]) == "abc"
    assert through == (["a", "b", "c"] if isinstance(first, str) else ["a"])
