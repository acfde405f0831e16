"""Cells that fail and kernels that die."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from notebook import traceback as notebook_traceback
from notebook_driver import DRIVER, drive, read_json, read_until, record, start, texts, write_notebook


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
    assert process.wait(timeout=20) == 3
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
    assert code == 3
    assert "the kernel died: exit code 1\n" in text and "no such library" in text


def test_a_display_that_no_notebook_can_hold_is_left_out_and_the_rest_stays(tmp_path: Path) -> None:
    source = "from IPython.display import display\ndisplay({'text/html': 5, 'text/plain': 'five'}, raw=True)"
    code, text = drive(write_notebook(tmp_path / "n.ipynb", source), "--out", tmp_path / "out")
    assert code == 0, text
    assert "cell 1: left out of a display: its text/html must be text, not int\n" in text
    assert texts(tmp_path / "out" / "n.ipynb") == ["five"]


def test_a_page_shows_attachments_whose_names_have_blanks(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "1")
    content = read_json(path)
    image = {"cell_type": "markdown", "metadata": {}, "source": "![a](attachment:my%20plot.png)"}
    image["attachments"] = {"my plot.png": {"image/png": "iVBORw0KGgo="}}
    content["cells"].append(image)
    path.write_text(json.dumps(content))
    code, text = drive(path, "--out", tmp_path / "out", "--html")
    assert code == 0, text
    assert "data:image/png;base64,iVBORw0KGgo=" in (tmp_path / "out" / "n.html").read_text()
    assert read_json(tmp_path / "out" / "n.ipynb")["cells"][1]["attachments"] == image["attachments"]


def test_what_one_notebook_raises_is_its_own_failure(tmp_path: Path) -> None:
    bad = write_notebook(tmp_path / "bad.ipynb", "print('computed')")
    content = read_json(bad)
    missing = {"cell_type": "markdown", "metadata": {}, "source": "![a](attachment:nowhere.png)"}
    content["cells"].append({**missing, "attachments": {"else.png": {"image/png": "AA=="}}})
    bad.write_text(json.dumps(content))
    unsaved = write_notebook(tmp_path / "unsaved.ipynb", "print('computed')")
    (tmp_path / "out" / "unsaved.ipynb").mkdir(parents=True)
    good = write_notebook(tmp_path / "good.ipynb", "print('good')")
    code, text = drive(bad, unsaved, good, "--out", tmp_path / "out", "--html")
    assert code == 1
    assert "Traceback" not in text
    assert "[bad.ipynb] Cannot write a page of this notebook: " in text
    assert "[unsaved.ipynb] Cannot execute this notebook: Is a directory" in text
    first, second, third = read_json(tmp_path / "out" / "notebooks.json")
    assert [one["status"] for one in (first, second, third)] == ["failed", "failed", "done"]
    assert [one["exit_code"] for one in (first, second, third)] == [1, 1, 0]
    assert "InvalidNotebook: missing attachment: nowhere.png" in first["error"]["traceback"]
    assert texts(tmp_path / "out" / "bad.ipynb") == ["computed\n"]
    assert (tmp_path / "out" / "good.html").exists()


UNDRAWABLE = """%matplotlib inline
import matplotlib.pyplot as plt
figure, ax = plt.subplots()
ax.set_xlabel(r'$\\nosuchcommand$')
print('the end of the cell')"""


@pytest.mark.parametrize(
    "source", [UNDRAWABLE, "get_ipython().showtraceback((ValueError, ValueError('x'), None))"]
)
@pytest.mark.parametrize("allowed", [False, True])
def test_an_error_that_is_shown_by_a_cell_that_says_ok_fails_it(
    tmp_path: Path, source: str, allowed: bool
) -> None:
    if "matplotlib" in source:
        pytest.importorskip("matplotlib_inline", reason="matplotlib is not installed")
    path = write_notebook(tmp_path / "n.ipynb", source, "print('next')")
    code, text = drive(path, "--out", tmp_path / "out", *(["--allow-errors"] if allowed else []))
    assert code == (0 if allowed else 1), text
    assert f"cell 1 of 2 {'raised' if allowed else 'failed with'} ValueError" in text
    assert ("next" in texts(tmp_path / "out" / "n.ipynb")[1]) == allowed
    assert record(tmp_path / "out")["error"]["name"] == "ValueError"


@pytest.mark.parametrize(
    "end", ["import sys; sys.exit()", "import sys; sys.exit(0)", "raise SystemExit", "exit()"]
)
def test_a_notebook_may_end_itself_early_on_purpose(tmp_path: Path, end: str) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "print('a')", end, "print('never')")
    code, text = drive(path, "--out", tmp_path / "out")
    assert code == 0, text
    assert "cell 2 of 3 ended the notebook: " in text and "never" not in texts(tmp_path / "out" / "n.ipynb")
    entry = record(tmp_path / "out")
    assert (entry["status"], entry["exit_code"], entry["error"]) == ("done", 0, None)
    assert entry["ended_by"]["cell"] == 2 and entry["executed"] == 2


@pytest.mark.parametrize("end", ["3", "'no data'", "1"])
def test_another_exit_code_is_a_failure(tmp_path: Path, end: str) -> None:
    path = write_notebook(tmp_path / "n.ipynb", f"import sys; sys.exit({end})", "print('never')")
    assert drive(path, "--out", tmp_path / "out")[0] == 1
    assert record(tmp_path / "out")["error"]["name"] == "SystemExit"


def test_a_dead_kernel_has_codes_of_its_own(tmp_path: Path) -> None:
    paths = [
        write_notebook(tmp_path / "exits.ipynb", "import os; os._exit(5)"),
        write_notebook(tmp_path / "killed.ipynb", "import os; os.kill(os.getpid(), 9)"),
    ]
    assert drive(*paths, "--out", tmp_path / "out")[0] == 3
    entries = read_json(tmp_path / "out" / "notebooks.json")
    assert [entry["exit_code"] for entry in entries] == [3, 3]
    assert [entry["error"]["kernel_exit_code"] for entry in entries] == [5, 137]


def test_a_kernel_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    kernel = tmp_path / "jupyter" / "kernels" / "silent"
    kernel.mkdir(parents=True)
    argv = ["python", "-c", "import time; time.sleep(60)"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "language": "python", "display_name": "x"}))
    path = write_notebook(tmp_path / "n.ipynb", "1")
    options = {"env": {"JUPYTER_PATH": str(tmp_path / "jupyter")}}
    limits = ["--kernel", "silent", "--start-timeout", "1"]
    code, text = drive(path, "--out", tmp_path / "out", *limits, **options)
    assert code == 3
    assert "the kernel did not answer within 1 s" in text
