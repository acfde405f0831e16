"""A step runs as it would by itself, and its record says what happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

RUN_STEP = Path(__file__).resolve().parents[2] / "tasks/inside/run_step.py"


class Ended(NamedTuple):
    code: int
    stdout: str
    stderr: str
    record: dict[str, Any]


def _argv(*command: str) -> list[str]:
    return [sys.executable, str(RUN_STEP), "--record", "step.json", "--", *command]


def _run(folder: Path, *command: str, **env: str) -> Ended:
    ended = subprocess.run(
        _argv(*command), cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr, _record(folder))


def _run_file(folder: Path, text: str, *arguments: str) -> Ended:
    (folder / "step.py").write_text(text)
    return _run(folder, "python", "step.py", *arguments)


def _record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "step.json").read_text())


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"waited 20 s in vain for {path}"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", 0, ""),
        ("import sys; sys.exit(None)", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no data')", 1, "no data\n"),
        ("raise KeyboardInterrupt", 130, "interrupted\n"),
    ],
)
def test_the_exit_code_is_what_the_step_says(tmp_path: Path, text: str, code: int, message: str) -> None:
    ended = _run_file(tmp_path, text)
    assert (ended.code, ended.stderr) == (code, message)
    assert ended.record["exit_code"] == code
    assert ended.record["status"] == ("done" if code == 0 else "failed")
    assert ended.record["environment"]["executable"] == sys.executable


@pytest.mark.parametrize("command", [["step.py"], ["-m", "step"], ["-c", "import step"]])
def test_a_traceback_shows_the_step_alone(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "step.py").write_text("def fail():\n    raise ValueError('no data')\nfail()\n")
    ended = _run(tmp_path, "python", *command)
    assert ended.code == 1
    assert ended.stderr.startswith("Traceback (most recent call last):\n")
    assert ended.stderr.endswith("ValueError: no data\n")
    assert "run_step" not in ended.stderr and "runpy" not in ended.stderr


def test_a_file_or_module_that_is_not_there_is_said_in_a_line(tmp_path: Path) -> None:
    assert _run(tmp_path, "python", "none.py").stderr == "Cannot open 'none.py': no such file\n"
    assert _run(tmp_path, "python", "-m", "none").stderr == "No module named none\n"


@pytest.mark.parametrize(
    ("command", "first"), [(["step.py"], "step.py"), (["-m", "step"], "{}/step.py"), (["-c", "{}"], "-c")]
)
def test_arguments_arrive_unchanged(tmp_path: Path, command: list[str], first: str) -> None:
    text = "import json, sys; print(json.dumps(sys.argv))"
    (tmp_path / "step.py").write_text(text)
    arguments = ["--", "a b", "", "$HOME", "-m", "*"]
    ended = _run(tmp_path, "python", *(part.format(text) for part in command), *arguments)
    assert json.loads(ended.stdout) == [first.format(tmp_path), *arguments]


def test_the_record_says_running_while_the_step_runs(tmp_path: Path) -> None:
    text = "print(__import__('json').load(open('step.json'))['status'])"
    ended = _run_file(tmp_path, text)
    assert (ended.stdout, ended.record["status"]) == ("running\n", "done")


def test_a_step_that_leaves_without_a_word_leaves_a_record_that_says_running(tmp_path: Path) -> None:
    ended = _run_file(tmp_path, "import os; os._exit(4)")
    assert (ended.code, ended.record["status"]) == (4, "running")
    assert "exit_code" not in ended.record


@pytest.mark.parametrize("name", ["frameworks", "notebook", "run_step"])
def test_the_step_s_own_modules_come_first_whatever_their_names(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text("MINE = True")
    ended = _run_file(tmp_path, f"import {name}; print({name}.MINE)")
    assert ended.stdout == "True\n"
    assert "packages" in ended.record["environment"]


@pytest.mark.parametrize("command", [["step.py"], ["-m", "step"], ["-c", "import step"]])
def test_the_step_searches_modules_where_the_interpreter_alone_would(
    tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "step.py").write_text("import sys; print(sys.path, 'frameworks' in sys.modules)")
    for env in ({}, {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(tmp_path)}):
        alone = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
        )
        assert _run(tmp_path, "python", *command, **env).stdout == alone.stdout


def test_a_class_of_a_code_text_can_be_pickled_and_annotations_are_values(tmp_path: Path) -> None:
    text = """
import pickle
class Settings:
    epochs: int = 3
print(pickle.loads(pickle.dumps(Settings())).epochs, Settings.__annotations__, __name__)
"""
    ended = _run(tmp_path, "python", "-c", text)
    assert ended.stdout == "3 {'epochs': <class 'int'>} __main__\n", ended.stderr


@pytest.mark.parametrize("command", [["step.py"], ["-m", "step"]])
def test_worker_processes_can_be_spawned(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "step.py").write_text("""
import multiprocessing, sys
def work(number):
    return number * number
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(work, [1, 2, 3]), sys.argv[1:])
""")
    ended = _run(tmp_path, "python", *command, "--epochs", "3")
    assert ended.stdout == "[1, 4, 9] ['--epochs', '3']\n", ended.stderr


def test_worker_processes_can_be_spawned_by_a_code_text(tmp_path: Path) -> None:
    text = "import math, multiprocessing as m; print(m.get_context('spawn').Pool(1).map(math.sqrt, [4]))"
    ended = _run(tmp_path, "python", "-c", text)
    assert (ended.stdout, ended.code) == ("[2.0]\n", 0), ended.stderr


def test_only_the_bare_name_python_means_the_environment_s_interpreter(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "mine $*"\n')
    program.chmod(0o755)
    assert _run(tmp_path, "./python", "-c", "x").stdout == "mine -c x\n"
    assert _run(tmp_path, str(program), "x").stdout == "mine x\n"
    show = "import sys; print(sys.executable)"
    for command in (["python", "-c", show], ["python3", "-B", "-c", show]):
        assert _run(tmp_path, *command).stdout == f"{sys.executable}\n"


def test_any_other_program_runs_as_a_child(tmp_path: Path) -> None:
    ended = _run(tmp_path, "sh", "-c", 'echo "$0"; exit 5', "a b")
    assert (ended.code, ended.stdout, ended.record["exit_code"]) == (5, "a b\n", 5)
    assert _run(tmp_path, "sh", "-c", "kill -TERM $$").code == 128 + signal.SIGTERM


def test_a_program_that_is_not_there_is_exit_code_127(tmp_path: Path) -> None:
    ended = _run(tmp_path, "no-such-program")
    assert ended.code == 127
    assert ended.stderr == "Cannot start 'no-such-program': No such file or directory\n"
    assert ended.record["status"] == "failed"


def test_a_program_that_is_interrupted_may_take_its_time_to_save(tmp_path: Path) -> None:
    text = "trap 'sleep 1; echo saved; exit 9' INT; touch ready; while :; do sleep 0.1; done"
    step = subprocess.Popen(
        _argv("sh", "-c", text), cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    _wait_for(tmp_path / "ready")
    os.killpg(step.pid, signal.SIGINT)
    assert step.communicate(timeout=20)[0] == "saved\n"
    assert (step.returncode, _record(tmp_path)["exit_code"]) == (9, 9)


def test_an_interrupt_in_the_moment_in_which_a_program_starts_does_not_change_its_exit_code(
    tmp_path: Path,
) -> None:
    def interrupt(number: int) -> tuple[str, int, int]:
        folder = tmp_path / str(number)
        folder.mkdir()
        text = "trap 'echo saved; exit 9' INT; touch ready; while :; do sleep 0.02; done"
        step = subprocess.Popen(
            _argv("sh", "-c", text), cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        while not (folder / "ready").exists():
            pass  # no pause: a recorder that has not got so far yet is what is asked for
        os.killpg(step.pid, signal.SIGINT)
        saved = step.communicate(timeout=20)[0]
        return saved, step.returncode, _record(folder)["exit_code"]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(interrupt, range(80))) == {("saved\n", 9, 9)}


def test_a_command_line_that_lacks_something_is_exit_code_2() -> None:
    ended = subprocess.run([sys.executable, str(RUN_STEP)], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr.startswith("usage: ")) == (2, True)


def test_python_children_report_themselves_and_find_their_modules_as_before(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("import builtins; builtins.CHAINED = True")
    (tmp_path / "child.py").write_text(
        "import sys, sitecustomize\n"
        "print(CHAINED, sitecustomize.__file__)\n"
        "print([p for p in sys.path if 'inside' in p])\n"
    )
    command = ["bash", "-c", f"{sys.executable} child.py"]
    ended = _run(tmp_path, *command, PYTHONPATH=str(tmp_path / "own"))
    assert ended.stdout == f"True {tmp_path}/own/sitecustomize.py\n[]\n"
    (child,) = ended.record["children"]
    assert child["argv"] == [sys.executable, "child.py"] or child["argv"] == ["child.py"]
    assert [path.name for path in tmp_path.glob(".step.json*")] == [".step.json.opened"]


def test_a_child_s_framework_is_the_step_s(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    (tmp_path / "train.py").write_text("import torch")
    for command in (["bash", "-c", f"{sys.executable} train.py"], ["python", "-c", _start("train.py")]):
        ended = _run(tmp_path, *command)
        assert ended.record["environment"]["torch"]["version"] == torch.__version__, command
        assert ended.record["environment"]["packages"]


def _start(file: str) -> str:
    return f"import subprocess, sys; subprocess.run([sys.executable, {file!r}], check=True)"


def test_the_workers_of_torchrun_report_themselves(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    (tmp_path / "train.py").write_text(
        "import os, torch, torch.distributed as d\n"
        "d.init_process_group('gloo')\ntorch.set_num_threads(3)\n"
        # In one piece: two workers write at once.
        "t = torch.ones(1); d.all_reduce(t); os.write(1, b'sum %d\\n' % int(t)); d.destroy_process_group()\n"
    )
    launch = ["python", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py"]
    for command in (["bash", "-c", " ".join([sys.executable, *launch[1:]])], launch):
        ended = _run(tmp_path, *command)
        assert ended.stdout.count("sum 2") == 2, ended.stderr
        # What trained is recorded, not the launcher, which imports the framework, too.
        recorded = ended.record["environment"]["torch"]
        assert (recorded["version"], recorded["threads"]) == (torch.__version__, 3)
        workers = [child for child in ended.record["children"] if child["argv"][-1] == "train.py"]
        assert len(workers) >= 2


def test_a_step_without_python_says_that_nothing_is_known_of_its_children(tmp_path: Path) -> None:
    ended = _run(tmp_path, "bash", "-c", "true")
    assert ended.record["children"] == "no Python process that this step started has reported itself"


def test_a_broken_sitecustomize_of_the_user_s_is_told_as_before(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import none_of_that_name")
    ended = _run(tmp_path, "bash", "-c", f"{sys.executable} -c pass", PYTHONPATH=str(tmp_path))
    assert "none_of_that_name" in ended.stderr
    assert "run_step" not in ended.stderr


def _run_in_terminal(folder: Path, *command: str) -> Ended:
    argv = [*_argv()[:-1], "--terminal", "--", *command]
    ended = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr, _record(folder))


@pytest.mark.parametrize("program", ["python", sys.executable])
def test_a_step_has_a_terminal_of_80_columns_where_it_wants_one(tmp_path: Path, program: str) -> None:
    text = (
        "import os, sys\n"
        "print(os.get_terminal_size().columns, sys.stdout.isatty(), os.popen('stty size').read().strip())\n"
        "print(repr(sys.stdin.read()), file=sys.stderr)\n"
        "sys.exit(3)\n"
    )
    ended = _run_in_terminal(tmp_path, program, "-c", text)
    assert ended.stdout == "80 True 24 80\n''\n"
    assert (ended.code, ended.record["exit_code"]) == (3, 3)


def test_all_that_is_written_to_a_terminal_arrives(tmp_path: Path) -> None:
    ended = _run_in_terminal(tmp_path, "python", "-c", "for i in range(50000): print(i)")
    assert ended.stdout.splitlines() == [str(i) for i in range(50_000)]


def test_an_interrupt_reaches_the_step_in_its_terminal(tmp_path: Path) -> None:
    text = (
        "import time\n"
        "try:\n    open('ready', 'w').close(); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    print('saved'); raise\n"
    )
    argv = [*_argv()[:-1], "--terminal", "--", "python", "-c", text]
    process = subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True)
    _wait_for(tmp_path / "ready")
    os.killpg(process.pid, signal.SIGINT)
    stdout, _ = process.communicate(timeout=20)
    assert stdout.startswith("saved\n")
    assert process.returncode == 130


def test_a_script_sees_its_path_as_it_does_by_itself(tmp_path: Path) -> None:
    text = "import sys\nprint(__file__, sys.argv[0], __name__, __spec__, globals().get('__cached__'))"
    ended = _run_file(tmp_path, text)
    alone = subprocess.run(
        [sys.executable, "step.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout == alone.stdout
    assert ended.stdout.startswith(f"{tmp_path}/step.py step.py ")


@pytest.mark.parametrize(
    "command", [["python", "-m", "package.step"], ["bash", "-c", "python3 -m package.step"]]
)
def test_nothing_that_is_compiled_is_left_in_the_project(tmp_path: Path, command: list[str]) -> None:
    """The packages of an environment stay compiled, also where that lies in the project."""
    project = tmp_path / "project"
    (project / "package").mkdir(parents=True)
    (project / "package/part.py").write_text("VALUE = 3")
    (project / "package/step.py").write_text("from package.part import VALUE\nimport other\nprint(VALUE)")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/other.py").write_text("")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"EXPERIMENT_PROJECT": str(project), "PYTHONPATH": str(tmp_path / "elsewhere"), "PATH": path}
    ended = _run(project, *command, PYTHONDONTWRITEBYTECODE="", **env)
    assert ended.stdout == "3\n", ended.stderr
    assert list(project.rglob("__pycache__")) == []
    assert len(list((tmp_path / "elsewhere/__pycache__").iterdir())) == 1


def _start_ahead(folder: Path, text: str) -> subprocess.Popen[str]:
    (folder / "step.py").write_text("open('too-early', 'w')")
    process = subprocess.Popen(
        _argv("python", "step.py"),
        cwd=folder,
        env={**os.environ, "EXPERIMENT_AHEAD": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.5)
    (folder / "step.py").write_text(text)
    return process


def test_started_ahead_it_runs_what_is_there_when_it_is_let_go_and_the_step_sees_nothing_of_it(
    tmp_path: Path,
) -> None:
    text = """
import os, sys
print("EXPERIMENT_AHEAD" in os.environ, [sys.stdin.read()])
print(os.readlink("/proc/self/fd/0"))
"""
    process = _start_ahead(tmp_path, text)
    assert not (tmp_path / "step.json").exists()
    stdout, stderr = process.communicate("\n", timeout=60)
    assert (process.returncode, stdout, stderr) == (0, "False ['']\n/dev/null\n", "")
    assert not (tmp_path / "too-early").exists()
    assert _record(tmp_path)["status"] == "done"


@pytest.mark.parametrize("ends", ["its runner leaves", "it is interrupted"])
def test_started_ahead_and_told_nothing_it_runs_nothing(tmp_path: Path, ends: str) -> None:
    process = _start_ahead(tmp_path, "open('too-early', 'w')")
    if ends == "it is interrupted":
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (130, "", "")
    assert not (tmp_path / "too-early").exists() and not (tmp_path / "step.json").exists()
