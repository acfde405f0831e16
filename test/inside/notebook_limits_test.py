"""Time limits, signals, and what is saved whatever happens."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from notebook import file as notebook_file
from notebook import process as notebook_process
from notebook_driver import (
    DRIVER,
    PRINT_PID,
    SLEEP_FOR_EVER,
    drive,
    is_running,
    read_json,
    read_until,
    record,
    start,
    texts,
    wait_for,
    write_notebook,
)


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


def test_a_signal_in_the_moment_in_which_the_kernel_starts_leaves_no_kernel_behind(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "n.ipynb", SLEEP_FOR_EVER)
    kernel = tmp_path / "kernels" / "own"
    kernel.mkdir(parents=True)
    # Of another language: none that would end by itself when nothing is left that started it.
    spec = {
        "argv": ["sh", "-c", "exec sleep 600", "{connection_file}"],
        "display_name": "own",
        "language": "other",
    }
    (kernel / "kernel.json").write_text(json.dumps(spec))
    source.write_text(source.read_text().replace("python3", "own"))
    text = (
        "import os, signal, subprocess, sys\n"
        "class Interrupted(subprocess.Popen):\n"
        "    def __init__(self, *arguments, **options):\n"
        "        super().__init__(*arguments, **options)\n"
        "        print('kernel', self.pid, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "subprocess.Popen = Interrupted\n"
        f"sys.path.insert(0, {str(DRIVER.parent)!r})\n"
        "import execute_notebook\n"
        "sys.exit(execute_notebook.main(sys.argv[1:]))\n"
    )
    argv = [sys.executable, "-c", text, str(source), "--out", str(tmp_path / "out")]
    env = {**os.environ, "JUPYTER_PATH": str(tmp_path)}
    ended = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 128 + signal.SIGTERM, ended.stderr
    assert not is_running(int(ended.stdout.removeprefix("kernel ")))


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
    assert f"Cannot save this notebook: File too large ({tmp_path / 'out' / 'n.ipynb'})\n" in text
    assert "Traceback" not in text
    assert record(tmp_path / "out")["status"] == "failed"
    assert sorted(os.listdir(tmp_path / "out")) == ["n.ipynb", "notebooks.json"]  # as it was at the start
    assert not is_running(int(re.findall(r"^pid (\d+)", text, re.MULTILINE)[0]))


def test_a_saved_file_has_ordinary_permissions(tmp_path: Path) -> None:
    notebook_file.write_atomically(tmp_path / "a", "new")
    (tmp_path / "b").touch()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"}
    assert len(modes) == 1


def test_a_long_cell_is_saved_while_it_runs(tmp_path: Path) -> None:
    source = f"print('before')\nprint('open line', end='')\n{SLEEP_FOR_EVER}"
    process = start(
        write_notebook(tmp_path / "n.ipynb", source), "--out", tmp_path / "out", "--save-every", "0.5"
    )
    read_until(process, r"pid (\d+)")
    wait_for(lambda: "open linepid" in "".join(texts(tmp_path / "out" / "n.ipynb")))
    process.kill()
    process.communicate()
    assert "before\nopen linepid" in texts(tmp_path / "out" / "n.ipynb")[0]


def test_a_notebook_is_saved_before_its_first_cell_ends(tmp_path: Path) -> None:
    process = start(write_notebook(tmp_path / "n.ipynb", SLEEP_FOR_EVER), "--out", tmp_path / "out")
    read_until(process, r"pid (\d+)")
    assert texts(tmp_path / "out" / "n.ipynb") == [""]
    process.terminate()
    process.communicate(timeout=20)
