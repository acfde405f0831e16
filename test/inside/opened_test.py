"""What a process opens to read is noted: by Python, its forks, children and kernels; and no library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from notebook_driver import DRIVER, INSIDE, write_notebook

READ_ALL = """
import io, os, sqlite3
open("a.txt").read()
os.close(os.open("b.txt", os.O_RDONLY))
io.FileIO("c.txt").close()
open("written.txt", "w").write("x")
open("both.txt", "r+").close()
sqlite3.connect("d.db").close()
"""


def opened(folder: Path, *command: str) -> list[str]:
    """Names of the files of the folder that a step has opened."""
    step = [sys.executable, str(INSIDE / "run_step.py"), "--record", str(folder / "out/step.json"), "--"]
    (folder / "out").mkdir()
    done = subprocess.run([*step, *command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    noted = json.loads((folder / "out/.step.json.opened").read_text(encoding="utf-8"))
    names = {os.path.relpath(path, folder) for path in noted["opened"]}
    assert not any("site-packages" in name for name in names)
    return sorted(name for name in names if not name.startswith(("..", "out")))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "c.txt", "both.txt", "d.db"):
        (tmp_path / name).touch()
    return tmp_path


def test_what_is_read_is_noted_and_what_is_only_written_is_not(project: Path) -> None:
    (project / "step.py").write_text(READ_ALL, encoding="utf-8")
    names = opened(project, "python", "step.py")
    assert names == ["a.txt", "b.txt", "both.txt", "c.txt", "d.db", "step.py"]


def test_modules_forks_children_and_commands_are_noted(project: Path) -> None:
    (project / "own.py").write_text("value = 1", encoding="utf-8")
    (project / "child.py").write_text("open('b.txt').read()", encoding="utf-8")
    (project / "step.py").write_text(
        "import os, subprocess, sys, own\n"
        "if os.fork() == 0:\n    open('a.txt').read()\n    os._exit(0)\n"
        "os.wait()\n"
        "subprocess.run([sys.executable, 'child.py'], check=True)\n"
        "subprocess.run('cat c.txt > /dev/null', shell=True, check=True)\n"
        "os.system('cat < d.db')\n",
        encoding="utf-8",
    )
    names = opened(project, "python", "step.py")
    assert names == ["a.txt", "b.txt", "c.txt", "child.py", "d.db", "own.py", "step.py"]


def test_a_program_that_closes_all_files_and_opens_others_writes_only_its_own(project: Path) -> None:
    (project / "step.py").write_text(
        "import os\nos.closerange(3, 100)\nfile = open('own.txt', 'w')\n"
        "for name in ('a.txt', 'b.txt'):\n    open(name).close()\n"
        "file.write('mine')\n",
        encoding="utf-8",
    )
    opened(project, "python", "step.py")
    assert (project / "own.txt").read_text(encoding="utf-8") == "mine"


def test_of_a_folder_with_many_files_some_speak_for_all(project: Path) -> None:
    (project / "images").mkdir()
    code = "for n in range(500):\n    open(f'images/{n}', 'w').close()\n    open(f'images/{n}').close()\n"
    names = opened(project, "python", "-c", code + "open('a.txt').close()")
    assert len(names) == 51 and "a.txt" in names


def test_what_a_notebook_s_kernel_opens_is_noted(project: Path) -> None:
    pytest.importorskip("ipykernel")
    notebook = write_notebook(project / "n.ipynb", "open('a.txt').read()")
    command = ["python", str(DRIVER), str(notebook), "--out", str(project / "out")]
    assert "a.txt" in opened(project, *command)
