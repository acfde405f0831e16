"""The notebook driver, mostly end to end: its command line on real kernels."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

INSIDE = Path(__file__).resolve().parents[2] / "tasks" / "inside"
DRIVER = INSIDE / "execute_notebook.py"
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "notebooks"
sys.path.insert(0, str(INSIDE))

import frameworks  # noqa: E402
from notebook import file as notebook_file  # noqa: E402
from notebook import output as notebook_output  # noqa: E402
from notebook import process as notebook_process  # noqa: E402
from notebook import traceback as notebook_traceback  # noqa: E402

PRINT_PID = "import os\nprint('pid', os.getpid(), flush=True)"
SLEEP_FOR_EVER = f"{PRINT_PID}\nimport time\nwhile True:\n    time.sleep(1)"


def write_notebook(path: Path, *sources: str, tags: dict[int, str] | None = None) -> Path:
    """A notebook of these code cells; `tags` by cell index."""
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {"tags": [tags[index]]} if tags and index in tags else {},
            "outputs": [],
            "source": source,
        }
        for index, source in enumerate(sources)
    ]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": cells, "metadata": {"kernelspec": kernelspec}, "nbformat": 4, "nbformat_minor": 4}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, str(DRIVER), *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **options.pop("env", {})},
        **options,
    )


def drive(*arguments: object, **options: Any) -> tuple[int, str]:
    """Exit code, and standard output and error together."""
    process = start(*arguments, **options)
    text, _ = process.communicate(timeout=60)
    return process.returncode, text


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def record(out: Path) -> dict[str, Any]:
    (entry,) = read_json(out / "notebooks.json")
    return entry


def texts(path: Path) -> list[str]:
    """Per code cell, all text of its outputs."""
    found = []
    for cell in read_json(path)["cells"]:
        if cell["cell_type"] == "code":
            parts = [
                output.get("text") or output.get("data", {}).get("text/plain") or []
                for output in cell["outputs"]
            ]
            found.append("".join("".join(part) for part in parts))
    return found


def wait_for(found: Any, seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def read_until(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """Read the driver's output line by line until one matches."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        match = re.search(pattern, line)
        if match:
            return match
    raise AssertionError(f"{pattern} did not appear in {seen}")


def peak_memory(pid: int) -> int:
    """Bytes the process has used at most; 0 where the system doesn't tell."""
    try:
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1000 if found else 0


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state != "Z"
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- executing


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int, str]]:
    """Two notebooks of the same file name, executed in one call."""
    folder = tmp_path_factory.mktemp("two")
    sources = (
        "import os\nprint(os.getcwd())",
        "print('out')\nimport sys\nprint('err', file=sys.stderr)",
        "6 * 7",
    )
    write_notebook(folder / "a" / "same.ipynb", *sources)
    write_notebook(
        folder / "b" / "same.ipynb", *sources, "from IPython.display import HTML\nHTML('<b>bold</b>')"
    )
    before = [path.read_bytes() for path in sorted(folder.rglob("*.ipynb"))]
    code, text = drive("a/same.ipynb", "b/same.ipynb", "--out", "out", "--html", cwd=folder)
    assert [(folder / name / "same.ipynb").read_bytes() for name in "ab"] == before
    yield folder, code, text


def test_notebooks_of_one_name_get_outputs_of_their_own(two: tuple[Path, int, str]) -> None:
    folder, code, text = two
    assert code == 0, text
    assert [entry["output"] for entry in read_json(folder / "out" / "notebooks.json")] == [
        "out/a/same.ipynb",
        "out/b/same.ipynb",
    ]
    assert texts(folder / "out/a/same.ipynb")[1:] == ["out\nerr\n", "42"]


def test_a_kernel_works_in_its_notebook_s_folder(two: tuple[Path, int, str]) -> None:
    folder = two[0]
    for name in "ab":
        assert texts(folder / "out" / name / "same.ipynb")[0] == f"{os.path.realpath(folder / name)}\n"


def test_progress_has_cell_number_elapsed_time_and_source(two: tuple[Path, int, str]) -> None:
    assert "[a/same.ipynb] cell 2 of 3  0:00:00  print('out')\nout\nerr\n" in two[2]
    assert "[b/same.ipynb] done: 4 of 4 cells in 0:00:0" in two[2]


def test_html_is_written_beside_the_executed_notebook(two: tuple[Path, int, str]) -> None:
    assert "<b>bold</b>" in (two[0] / "out/b/same.html").read_text(encoding="utf-8")


def test_the_record_says_what_became_of_each_notebook_and_what_its_kernel_ran_with(
    two: tuple[Path, int, str],
) -> None:
    entry = read_json(two[0] / "out" / "notebooks.json")[1]
    assert (entry["source"], entry["status"], entry["error"]) == ("b/same.ipynb", "done", None)
    assert (entry["cells"], entry["executed"]) == (4, 4)
    assert 0 < entry["seconds"] < 60
    assert entry["kernel"]["python"].startswith("3.")
    assert entry["kernel"]["packages"]["nbclient"]
    assert "torch" not in entry["kernel"]


def test_no_temporary_file_is_left(two: tuple[Path, int, str]) -> None:
    assert not list(two[0].rglob("*.tmp"))
    assert not list(two[0].rglob(".*"))


def test_cwd_sets_the_kernel_s_folder_and_sockets_are_private_and_removed(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "where.ipynb",
        "import json, os\nfrom ipykernel.connect import get_connection_file\nfile = get_connection_file()",
        "print(os.getcwd())",
        "print(json.load(open(file))['transport'], oct(os.stat(os.path.dirname(file)).st_mode & 0o777))",
        "print(os.path.dirname(file))",
    )
    (tmp_path / "elsewhere").mkdir()
    code, text = drive(path, "--out", tmp_path / "out", "--cwd", tmp_path / "elsewhere")
    assert code == 0, text
    _, cwd, transport, folder = texts(tmp_path / "out" / "where.ipynb")
    assert cwd.strip() == os.path.realpath(tmp_path / "elsewhere")
    assert transport.split() == ["ipc", "0o700"]
    assert not Path(folder.strip()).exists()


def test_jobs_run_side_by_side_with_prefixed_lines(tmp_path: Path) -> None:
    meet = """
import pathlib, time
pathlib.Path("{mine}").touch()
while not pathlib.Path("{other}").exists():
    time.sleep(0.05)
print("met")"""
    write_notebook(tmp_path / "one.ipynb", meet.format(mine="1", other="2"))
    write_notebook(tmp_path / "two.ipynb", meet.format(mine="2", other="1"))
    code, text = drive(
        "one.ipynb", "two.ipynb", "--out", "out", "--jobs", "2", "--timeout", "20", cwd=tmp_path
    )
    assert code == 0, text
    assert "[one.ipynb] met\n" in text and "[two.ipynb] met\n" in text


def test_tags_skip_a_cell_and_expect_an_error(tmp_path: Path) -> None:
    tags = {0: "skip-execution", 1: "raises-exception"}
    path = write_notebook(tmp_path / "tagged.ipynb", "1/0", "int('x')", "print('reached')", tags=tags)
    code, text = drive(path, "--out", tmp_path / "out")
    assert code == 0, text
    assert "reached\n" in text and "ZeroDivisionError" not in text
    assert record(tmp_path / "out")["executed"] == 2


def test_input_raises_clearly(tmp_path: Path) -> None:
    code, text = drive(write_notebook(tmp_path / "ask.ipynb", "input('name?')"), "--out", tmp_path / "out")
    assert code == 1
    assert "StdinNotImplementedError" in text and "does not support input requests" in text


# --- parameters

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
    assert repr(eval(notebook_file.python_literal(value))) == repr(value)


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
    assert notebook_file.inject_parameters(notebook, {"a": 3}) == []
    assert [cell["source"] for cell in notebook["cells"]] == ["a = 1", "# Parameters\na = 3", "a"]


def test_without_a_tagged_cell_parameters_go_to_the_top_and_that_is_said() -> None:
    notebook = notebook_of(("", "a"))
    (note,) = notebook_file.inject_parameters(notebook, {"a": 3})
    assert "no cell is tagged parameters" in note and "at the top" in note
    assert notebook["cells"][0]["source"] == "# Parameters\na = 3"


def test_an_unknown_parameter_is_warned_of() -> None:
    notebook = notebook_of(("parameters", "%matplotlib inline\nepochs: int = 1\nx = y = 2"))
    (note,) = notebook_file.inject_parameters(notebook, {"epocs": 3, "x": 1})
    assert note.startswith("warning: parameter epocs is not assigned") and "epochs" in note


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", '{"not a name": 1}', '{"class": 1}', "@/nowhere/at/all.json"]
)
def test_bad_parameters_are_refused(text: str) -> None:
    with pytest.raises(notebook_file.BadRequest, match=r"^Cannot "):
        notebook_file.parse_parameters(text)


def test_parameters_for_another_language_are_refused(tmp_path: Path) -> None:
    kernel = tmp_path / "jupyter" / "kernels" / "ir"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"argv": ["R"], "language": "R", "display_name": "R"}))
    path = write_notebook(tmp_path / "r.ipynb", "1")
    options = {"env": {"JUPYTER_PATH": str(tmp_path / "jupyter")}}
    code, text = drive(
        path, "--out", tmp_path / "out", "--kernel", "ir", "--parameters", '{"a": 1}', **options
    )
    assert code == 2
    assert text.startswith(f'Cannot set parameters in "{path}": its kernel must be a Python one')


# --- output


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
    assert "MB of output not shown; the whole is in" in log_text and "\nnext\n" in log_text
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
    echo = notebook_output.Echo(notebook_output.Console(stream), "[n] ")
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
        ("a\r\nb", "a\r\nb"),
        ("1\r2\r3\nx\ry\n", "3\ny\n"),
        ("a\r", "a\r"),
        ("a\n\rb\r", "a\nb\r"),
    ],
)
def test_collapse_bars_keeps_what_a_terminal_shows_in_the_end(text: str, collapsed: str) -> None:
    assert notebook_output.collapse_bars(text) == collapsed


# --- failures


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    folder = tmp_path_factory.mktemp("failed")
    write_notebook(
        folder / "fails.ipynb",
        "def divide(x):\n    return x / 0",
        "a = 1\nb = 2\nc = 3\nd = 4\ndivide(a)\ne = 5",
        "print('never')",
    )
    write_notebook(folder / "next.ipynb", "print('the next one')")
    code, text = drive("fails.ipynb", "next.ipynb", "--out", "out", cwd=folder)
    return folder, code, text


def test_a_failing_cell_is_shown_with_number_source_and_clean_traceback(
    failed: tuple[Path, int, str],
) -> None:
    _, code, text = failed
    assert code == 1
    assert "[fails.ipynb] cell 2 of 3 failed with ZeroDivisionError: division by zero\n" in text
    assert "    4  d = 4\n  > 5  divide(a)\n    6  e = 5\n" in text
    assert "    1  a = 1\n" not in text.split("Traceback")[0]
    assert "Cell In[1], line 2, in divide(x)" in text
    assert "\x1b" not in text
    assert "site-packages" not in text
    assert "never" not in text


def test_a_failure_is_saved_and_recorded_with_what_the_kernel_ran_with(failed: tuple[Path, int, str]) -> None:
    folder = failed[0]
    (error,) = read_json(folder / "out" / "fails.ipynb")["cells"][1]["outputs"]
    assert error["ename"] == "ZeroDivisionError"
    entry = read_json(folder / "out" / "notebooks.json")[0]
    assert (entry["status"], entry["cells"], entry["executed"]) == ("failed", 3, 2)
    assert entry["error"]["cell"] == 2 and entry["error"]["name"] == "ZeroDivisionError"
    assert "divide(a)" in entry["error"]["traceback"]
    assert entry["kernel"]["python"]


def test_a_failed_notebook_does_not_keep_the_next_from_being_executed(failed: tuple[Path, int, str]) -> None:
    assert "\nthe next one\n" in failed[2]
    assert read_json(failed[0] / "out" / "notebooks.json")[1]["status"] == "done"


def test_allow_errors_goes_on_and_exits_with_0(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "x = = 1", "print('reached')")
    code, text = drive(path, "--out", tmp_path / "out", "--allow-errors")
    assert code == 0
    assert "cell 1 of 2 raised SyntaxError" in text and "  > 1  x = = 1" in text
    assert "\nreached\n" in text
    entry = record(tmp_path / "out")
    assert (entry["status"], entry["error"]["name"]) == ("done", "SyntaxError")


def in_terminal(path: Path, out: Path, **env: str) -> str:
    """The driver's output when standard output is a terminal."""
    ours, theirs = pty.openpty()
    clean = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    command = [sys.executable, str(DRIVER), str(path), "--out", str(out)]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env={**clean, **env})
    os.close(theirs)
    text = b""
    try:
        while chunk := os.read(ours, 4096):
            text += chunk
    except OSError:  # how Linux reports that the other side is closed
        pass
    os.close(ours)
    assert process.wait(timeout=20) == 1
    return text.decode()


def test_a_terminal_gets_a_coloured_traceback_unless_no_color_is_set(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "print('\\rbar', end='')\n1/0")
    coloured = in_terminal(path, tmp_path / "out")
    assert "\x1b[" in coloured and "\rbar" in coloured
    assert "\x1b" not in in_terminal(path, tmp_path / "out", NO_COLOR="1")


def test_failing_line_is_found_in_old_and_new_tracebacks() -> None:
    assert notebook_traceback.failing_line(["Cell In[3], line 2", "Cell In[1], line 9, in f()"], 3) == 2
    assert notebook_traceback.failing_line(["\x1b[1mInput \x1b[0mIn [3], in <cell line: 4>()"], 3) == 4
    assert notebook_traceback.failing_line(["File x.py, line 2"], 3) is None


def test_frames_of_the_kernel_itself_are_left_out_of_a_traceback() -> None:
    frames = [
        "Cell In[1], line 1",
        "File /env/lib/IPython/core/magic.py:9, in run()\n  code",
        "File ~/mine.py:2, in f()",
    ]
    assert notebook_traceback.clean_traceback(frames) == ["Cell In[1], line 1", "File ~/mine.py:2, in f()"]


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("os._exit(3)", "cell 2 of 3: the kernel died: exit code 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "cell 2 of 3: the kernel died: signal SIGKILL"),
        ("import faulthandler; faulthandler._sigsegv()", "cell 2 of 3: the kernel died: signal SIGSEGV"),
    ],
)
def test_a_dead_kernel_is_noticed_within_3_seconds(tmp_path: Path, ending: str, said: str) -> None:
    died = "import os, signal, time\nprint('last words', time.time(), flush=True)\ntime.sleep(0.3)\n"
    path = write_notebook(tmp_path / "dies.ipynb", "1", died + ending, "print('never')")
    process = start(path, "--out", tmp_path / "out")
    spoken = float(read_until(process, r"^last words (\S+)")[1])
    read_until(process, re.escape(said))
    assert time.time() - spoken < 3.3
    assert process.wait(timeout=20) == 1
    assert "last words" in texts(tmp_path / "out" / "dies.ipynb")[1]
    entry = record(tmp_path / "out")
    assert (entry["status"], entry["error"]["cell"]) == ("dead kernel", 2)


def test_a_kernel_that_does_not_start_says_why(tmp_path: Path) -> None:
    kernel = tmp_path / "jupyter" / "kernels" / "broken"
    kernel.mkdir(parents=True)
    argv = ["python", "-c", "raise SystemExit('no such library')"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "language": "python", "display_name": "x"}))
    path = write_notebook(tmp_path / "n.ipynb", "1")
    options = {"env": {"JUPYTER_PATH": str(tmp_path / "jupyter")}}
    code, text = drive(path, "--out", tmp_path / "out", "--kernel", "broken", **options)
    assert code == 1
    assert "the kernel died: exit code 1\n" in text and "no such library" in text


# --- limits and signals


def test_a_cell_that_takes_too_long_is_interrupted_and_named(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "1", SLEEP_FOR_EVER)
    code, text = drive(path, "--out", tmp_path / "out", "--timeout", "1")
    assert code == 1
    assert "stopped: the limit of 1 s per cell was reached during cell 2 of 2\n" in text
    assert record(tmp_path / "out")["status"] == "timeout"
    assert record(tmp_path / "out")["kernel"]["python"]
    outputs = read_json(tmp_path / "out" / "n.ipynb")["cells"][1]["outputs"]
    assert outputs[-1]["ename"] == "KeyboardInterrupt"


def test_a_cell_that_ignores_interrupts_is_killed_at_the_total_limit(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    time.sleep(1)"
    )
    path = write_notebook(tmp_path / "n.ipynb", f"{PRINT_PID}\n{stubborn}")
    late = write_notebook(tmp_path / "late.ipynb", "print('never')")
    code, text = drive(path, late, "--out", tmp_path / "out", "--total-timeout", "2")
    assert code == 1
    assert "the limit of 2 s for all notebooks was reached during cell 1 of 1\n" in text
    assert "did not react to the interrupt and is killed" in text
    assert "[late.ipynb] not executed: the limit of 2 s" in text and "never" not in text
    assert [entry["status"] for entry in read_json(tmp_path / "out" / "notebooks.json")] == [
        "timeout",
        "timeout",
    ]
    assert not is_running(int(re.findall(r"^pid (\d+)", text, re.MULTILINE)[0]))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_interrupts_saves_and_leaves_no_process_behind(
    tmp_path: Path, number: int, code: int
) -> None:
    with_child = "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\nprint('child', child.pid)"
    path = write_notebook(tmp_path / "n.ipynb", with_child, SLEEP_FOR_EVER, "print('never')")
    later = write_notebook(tmp_path / "later.ipynb", "print('never')")
    process = start(path, later, "--out", tmp_path / "out")
    child = int(read_until(process, r"^child (\d+)")[1])
    kernel = int(read_until(process, r"^pid (\d+)")[1])
    process.send_signal(number)
    process.send_signal(number)  # a terminal and a runner may both pass it on: once within half a second
    rest = process.communicate(timeout=20)[0]
    assert process.returncode == code
    assert f"interrupted by {signal.Signals(number).name} during cell 2 of 3\n" in rest
    assert "never" not in rest
    assert not is_running(kernel) and not is_running(child)
    assert record(tmp_path / "out")["status"] == "interrupted"
    assert read_json(tmp_path / "out" / "n.ipynb")["cells"][1]["outputs"][-1]["ename"] == "KeyboardInterrupt"


def test_a_signal_while_the_kernel_starts_ends_cleanly(tmp_path: Path) -> None:
    for delay in (0.1, 0.3, 0.6):
        process = start(write_notebook(tmp_path / "n.ipynb", SLEEP_FOR_EVER), "--out", tmp_path / "out")
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        text = process.communicate(timeout=20)[0]
        assert process.returncode in (143, -signal.SIGTERM), text  # before Python has started: the system's
        assert "Traceback" not in text


def test_a_kernel_does_not_outlive_a_killed_driver(tmp_path: Path) -> None:
    process = start(write_notebook(tmp_path / "n.ipynb", SLEEP_FOR_EVER), "--out", tmp_path / "out")
    kernel = int(read_until(process, r"^pid (\d+)")[1])
    process.kill()
    process.wait()
    wait_for(lambda: not is_running(kernel), seconds=5)
    assert record(tmp_path / "out")["status"] == "running"


def test_what_a_killed_driver_has_left_is_removed_by_a_later_one(tmp_path: Path) -> None:
    for name in ("dead", "alive", "young"):
        (tmp_path / f"notebook-kernel-{name}").mkdir()
    lock = notebook_process._try_lock(str(tmp_path / "notebook-kernel-alive"))
    for name in ("dead", "alive"):
        os.utime(tmp_path / f"notebook-kernel-{name}", (1, 1))
    notebook_process._sweep(str(tmp_path))
    assert lock is not None
    os.close(lock)
    assert sorted(os.listdir(tmp_path)) == ["notebook-kernel-alive", "notebook-kernel-young"]


def test_the_notebook_is_saved_while_it_runs(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "n.ipynb", "print('early')", "import time\ntime.sleep(2.1)", SLEEP_FOR_EVER
    )
    process = start(path, "--out", tmp_path / "out")
    read_until(process, r"^pid (\d+)")
    assert texts(tmp_path / "out" / "n.ipynb")[0] == "early\n"
    assert record(tmp_path / "out")["status"] == "running"
    process.terminate()
    process.communicate(timeout=20)


def test_a_failed_save_keeps_the_old_file_and_no_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "n.ipynb"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        notebook_file.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["n.ipynb"]


def test_a_notebook_that_cannot_be_saved_ends_with_one_line_and_a_true_record(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", PRINT_PID, "print('x' * 200_000)")

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    code, text = drive(path, "--out", tmp_path / "out", preexec_fn=small_files_only)
    assert code == 1
    assert text.endswith(f"Cannot go on: File too large ({tmp_path / 'out' / 'n.ipynb'})\n")
    assert "Traceback" not in text
    assert record(tmp_path / "out")["status"] == "failed"
    assert os.listdir(tmp_path / "out") == ["notebooks.json"]
    assert not is_running(int(re.findall(r"^pid (\d+)", text, re.MULTILINE)[0]))


def test_a_saved_file_has_ordinary_permissions(tmp_path: Path) -> None:
    notebook_file.write_atomically(tmp_path / "a", "new")
    (tmp_path / "b").touch()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"}
    assert len(modes) == 1


# --- bad input

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
        r'installed ones \(.*python3.*\), current value is "conda-env-theirs-py"; choose with --kernel', text
    )


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
    assert notebook_file.plan_outputs([Path(source) for source in sources], Path("o")) == list(
        map(Path, outputs)
    )


@pytest.mark.parametrize(
    "arguments", [[], ["--timeout", "-1"], ["--jobs", "0"], ["--tiemout", "3"], ["--cwd", "nowhere"]]
)
def test_a_wrong_command_line_exits_with_2(tmp_path: Path, arguments: list[str]) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "1")
    out = ["--out", tmp_path / "out"] if arguments else []
    code, text = drive(path, *out, *arguments)
    assert code == 2
    assert "Traceback" not in text


# --- frameworks.py


def test_record_is_json_and_names_packages_in_normal_form() -> None:
    found = json.loads(json.dumps(frameworks.record()))
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert list(found["packages"]) == sorted(found["packages"])
    assert found["packages"]["jupyter-client"]


def test_record_never_imports_a_framework() -> None:
    code = (
        "import sys, frameworks; frameworks.record();"
        "print(sorted({'torch', 'tensorflow', 'numpy'} & set(sys.modules)))"
    )
    text = subprocess.run(
        [sys.executable, "-c", code], cwd=INSIDE, check=True, capture_output=True, text=True
    ).stdout
    assert text == "[]\n"


def test_record_describes_a_framework_that_is_imported() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    code = (
        "import json, torch, frameworks; torch.use_deterministic_algorithms(True); torch.set_num_threads(1);"
        "torch.set_default_dtype(torch.float64); print(json.dumps(frameworks.record()['torch']))"
    )
    text = subprocess.run(
        [sys.executable, "-c", code], cwd=INSIDE, check=True, capture_output=True, text=True
    ).stdout
    found = json.loads(text)
    assert found["version"] and found["cpu_capability"]
    assert (found["deterministic_algorithms"], found["threads"]) == (True, 1)
    assert found["default_dtype"] == "torch.float64"


def test_record_never_raises_but_notes_what_it_could_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow"))
    broken = ModuleType("torch")
    broken.backends = ModuleType("torch.backends")  # type: ignore[attr-defined]
    broken.backends.cudnn = None  # type: ignore[attr-defined]
    broken.__version__ = "2.0"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", broken)
    found = json.loads(json.dumps(frameworks.record()))
    assert found["torch"]["version"] == "2.0"
    assert found["torch"]["threads"] == {
        "error": "AttributeError: module 'torch' has no attribute 'get_num_threads'"
    }
    assert found["tensorflow"]["error"].startswith("AttributeError")
