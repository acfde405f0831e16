"""What cells print and show, in the log and in the executed notebook."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from notebook.console import Console, Echo
from notebook.layout import dump_notebook
from notebook.terminal_text import TerminalLine, settled
from notebook_driver import DRIVER, drive, peak_memory, read_json, start, texts, write_notebook


def test_output_appears_before_the_cell_ends(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "slow.ipynb",
        "import time, sys\nfrom tqdm import tqdm\nprint('begun')\nprint('half', end='', flush=True)\n"
        "time.sleep(1)\nprint(' line')\nfor _ in tqdm(range(30)):\n    time.sleep(0.1)\n"
        "print('ended', time.time())",
    )
    process = start(path, "--out", tmp_path / "out")
    assert process.stdout is not None
    seen: dict[str, float] = {}
    text = ""
    while chunk := os.read(process.stdout.fileno(), 4096).decode():
        text += chunk
        for mark in ("begun", "half", " line", "0%|", "6", "ended"):
            if mark in text:
                seen.setdefault(mark, time.time())
    assert process.wait(timeout=20) == 0
    ended = float(re.findall(r"^ended (\S+)", text, re.MULTILINE)[-1])
    assert seen["begun"] < ended - 2 and seen["half"] < ended - 2 and seen["0%|"] < ended - 1
    bars = re.findall(r"^ *(\d+)%\|", text, re.MULTILINE)
    assert 3 <= len(bars) <= 6, text  # a line every two seconds, not one for each of 30 steps
    assert bars[-1] == "100"
    assert "half line\n" in text


def test_a_progress_bar_is_kept_in_its_final_state_only(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "bar.ipynb", "for i in range(5):\n    print(f'\\rstep {i}', end='', flush=True)\nprint()"
    )
    assert drive(path, "--out", tmp_path / "out")[0] == 0
    assert texts(tmp_path / "out" / "bar.ipynb") == ["step 4\n"]


def test_a_hundred_megabytes_are_capped_in_log_and_notebook_and_whole_in_a_file(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "much.ipynb",
        "1",
        "for _ in range(1000):\n    print('x' * 99_999)\nprint('the end')",
        "print('next')",
    )
    with open(tmp_path / "log", "w") as log:
        command = [sys.executable, str(DRIVER), str(path), "--out", str(tmp_path / "out")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        most = 0
        while process.poll() is None:
            most = max(most, peak_memory(process.pid))
            time.sleep(0.02)
    assert process.returncode == 0
    assert most < 200_000_000
    whole = tmp_path / "out" / "much.cell-2.txt"
    assert whole.stat().st_size == 100_000_000 + len("the end\n")
    log_text = (tmp_path / "log").read_text()
    assert len(log_text) < 1.2e6
    assert "MB of output left out of the notebook; the whole is in" in log_text and "\nnext\n" in log_text
    assert (tmp_path / "out" / "much.ipynb").stat().st_size < 1.2e6
    kept = texts(tmp_path / "out" / "much.ipynb")[1]
    assert "left out here; the whole is in much.cell-2.txt" in kept
    assert kept.endswith("the end\n")


def test_no_message_is_dropped_when_a_cell_prints_fast(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "fast.ipynb", "for i in range(6000):\n    print(i, flush=True)")
    assert drive(path, "--out", tmp_path / "out")[0] == 0
    assert texts(tmp_path / "out" / "fast.ipynb") == ["".join(f"{i}\n" for i in range(6000))]


def test_what_a_thread_prints_after_its_cell_is_not_lost(tmp_path: Path) -> None:
    late = "import threading\nthreading.Timer(0.5, lambda: print('late words', flush=True)).start()"
    path = write_notebook(tmp_path / "n.ipynb", late, "import time\ntime.sleep(1)\nprint('end')")
    code, text = drive(path, "--out", tmp_path / "out")
    assert code == 0
    assert "late words\n" in text
    assert texts(tmp_path / "out" / "n.ipynb")[1] == "late words\nend\n"


def test_a_reader_that_goes_away_does_not_stop_the_notebook(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "print('a')", "print('b')", "print('c')")
    process = start(path, "--out", tmp_path / "out")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=20) == 0
    assert texts(tmp_path / "out" / "n.ipynb")[2] == "c\n"


def test_an_earlier_execution_s_long_text_is_removed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("n.cell-3.txt", "n.cell-x.txt", "m.cell-3.txt"):
        (tmp_path / "out" / name).touch()
    assert drive(write_notebook(tmp_path / "n.ipynb", "1"), "--out", tmp_path / "out")[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("*.txt")) == ["m.cell-3.txt", "n.cell-x.txt"]


def test_echo_prefixes_whole_lines_only() -> None:
    stream = io.StringIO()
    echo = Echo(Console(stream), "[n] ")
    echo.feed("one\ntwo\r\nthree\n")
    echo.feed("fo")  # an open line is shown at once, and again when it is whole
    stream.truncate(stream.seek(stream.getvalue().index("three\n") + 6))
    echo.feed("ur\n")
    echo.end_cell()
    assert stream.getvalue() == "[n] one\n[n] two\n[n] three\n[n] four\n"


@pytest.mark.parametrize(
    ("text", "collapsed"),
    [
        ("a\rb", "b"),
        ("a\r\nb", "a\nb"),
        ("1\r2\r3\nx\ry\n", "3\ny\n"),
        ("a\r", "a"),
        ("a\n\rb\r", "a\nb"),
        ("abcdef\rxyz", "xyzdef"),
        ("abc\b\bX", "aXc"),
        ("long line\r\x1b[Kshort", "short"),
        ("\x1b[31mred\x1b[0m\rRE", "\x1b[31mRE"[:0] + "REd\x1b[0m"),
    ],
)
def test_settled_text_is_what_a_terminal_shows_in_the_end(text: str, collapsed: str) -> None:
    assert settled(text) == collapsed


def test_text_that_is_cleared_counts_no_more_than_what_is_there(tmp_path: Path) -> None:
    loop = """
from IPython.display import clear_output, display, HTML
for step in range(1000):
    clear_output(wait=True)
    print("x" * 1500, step)
    display(HTML("<b>bold</b>"))"""
    code, text = drive(write_notebook(tmp_path / "n.ipynb", loop), "--out", tmp_path / "out")
    assert code == 0, text[-2000:]
    assert "left out" not in text
    outputs = read_json(tmp_path / "out" / "n.ipynb")["cells"][0]["outputs"]
    assert "".join(outputs[0]["text"]) == "x" * 1500 + " 999\n"
    assert outputs[1]["data"]["text/html"] == ["<b>bold</b>"]
    assert len(outputs) == 2
    assert not list((tmp_path / "out").glob("*.txt"))


def test_a_long_text_that_is_cleared_leaves_no_file(tmp_path: Path) -> None:
    source = "from IPython.display import clear_output\nprint('x' * 2_000_000)\nclear_output()\nprint('end')"
    code, text = drive(write_notebook(tmp_path / "n.ipynb", source), "--out", tmp_path / "out")
    assert code == 0, text[-2000:]
    assert texts(tmp_path / "out" / "n.ipynb") == ["end\n"]
    assert not list((tmp_path / "out").glob("*.txt"))


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_settling_does_not_depend_on_how_the_text_is_cut(size: int) -> None:
    text = "abcd\rX\n12\rno\b\by\n\r\nend\r"
    line = TerminalLine()
    done = "".join(line.feed(text[begin : begin + size]) for begin in range(0, len(text), size))
    assert done + line.text == "Xbcd\nyo\n\nend"


def test_a_stored_output_of_a_skipped_cell_is_kept(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "1/0", "2", tags={0: "skip-execution"})
    content = read_json(path)
    stored = [{"output_type": "stream", "name": "stdout", "text": "an hour's work\n"}]
    content["cells"][0].update(outputs=stored, execution_count=7)
    path.write_text(json.dumps(content))
    assert drive(path, "--out", tmp_path / "out")[0] == 0
    cell = read_json(tmp_path / "out" / "n.ipynb")["cells"][0]
    assert (texts(tmp_path / "out" / "n.ipynb")[0], cell["execution_count"]) == ("an hour's work\n", 7)


def test_a_notebook_is_laid_out_as_nbformat_does() -> None:
    node = nbformat.v4.new_notebook(metadata={"b": [], "a": {"ü": 1.5, "n": None}, "signature": "x"})
    data = {"text/html": "a\nb", "image/png": "AA==\nBB==", "application/json": {"k": [1, True]}}
    data["image/svg+xml"] = "<svg>\n</svg>"
    outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="one\r\ntwo\x0bthree \U0001f600\n"),
        nbformat.v4.new_output("display_data", data=data, metadata={}),
        nbformat.v4.new_output("error", ename="E", evalue="v", traceback=["a\nb"]),
    ]
    picture = {"p.png": {"image/png": "AA=="}}
    node.cells = [
        nbformat.v4.new_code_cell("x = 1\n\ny", outputs=outputs, metadata={"trusted": True, "tags": ["a"]}),
        nbformat.v4.new_markdown_cell("# t", attachments=picture),
        nbformat.v4.new_raw_cell(""),
        *(
            nbformat.v4.new_raw_cell(text)
            for text in ("\n", "a\n\n", 'é "a"\n\tb', "a\\nb\nc", "a\u2028b\n", "\x0b")
        ),
    ]
    assert dump_notebook(node) == nbformat.v4.writes_json(node)


def test_ids_are_repaired_and_reply_times_kept(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "1", "2", "3", "4")
    content = read_json(path)
    content["nbformat_minor"] = 5
    for cell, name in zip(content["cells"], ["a", "a", None, "not valid!"], strict=True):
        if name is not None:
            cell["id"] = name
    path.write_text(json.dumps(content))
    code, text = drive(path, "--out", tmp_path / "out")
    assert code == 0, text
    executed = read_json(tmp_path / "out" / "n.ipynb")
    nbformat.validate(executed)
    ids = [cell["id"] for cell in executed["cells"]]
    assert ids[0] == "a" and len(set(ids)) == 4
    for cell in executed["cells"]:
        times = cell["metadata"]["execution"]
        assert times["iopub.status.busy"] < times["shell.execute_reply"]
