"""The machinery's own Python works wherever an experiment's Python may be: CPython 3.8 to 3.15."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from notebook_driver import DRIVER, INSIDE, write_notebook

OLDEST = (3, 8)
VECTORS = INSIDE.parent.parent / "test" / "vectors"
FILES = sorted(INSIDE.rglob("*.py"))


def pythons() -> list[str]:
    """Every version that is on PATH, or that pyenv has."""
    found = []
    for minor in range(OLDEST[1], 16):
        kept = Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")
        on_path = shutil.which(f"python3.{minor}")
        found += [str(python) for python in [*kept, *([on_path] if on_path else [])]][:1]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(INSIDE)))
def test_the_syntax_is_that_of_python_3_8(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    ast.parse(source, feature_version=OLDEST)
    assert "from __future__ import annotations" in source or "import" not in source


def test_what_needs_no_package_runs_on_every_python_that_is_here(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "a = 1.0", tags={0: "parameters"})
    tried = []
    for python in pythons():
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        options = {"env": environment, "capture_output": True, "text": True, "cwd": tmp_path}
        about = subprocess.run([python, "--version"], **options)
        if about.returncode != 0:  # a shim with nothing behind it
            continue
        tried.append(about.stdout.strip())
        listed = subprocess.run([python, str(DRIVER), "--list-parameters", str(path)], **options)
        assert listed.returncode == 0, tried[-1] + listed.stderr
        assert json.loads(listed.stdout) == {str(path): {"a": "1.0"}}
        step = [str(INSIDE / "run_step.py"), "--record", "step.json", "--", "python", "-c", "print(6 * 7)"]
        ran = subprocess.run([python, "-W", "error", *step], **options)
        assert (ran.returncode, ran.stdout) == (0, "42\n"), tried[-1] + ran.stderr
        vectors = [str(INSIDE / "judge.py"), "--vectors", str(VECTORS)]
        judged = subprocess.run([python, "-W", "error", *vectors], **options)
        assert judged.returncode == 0, tried[-1] + judged.stdout + judged.stderr
        request = json.dumps({"root": str(tmp_path), "files": ["n.ipynb"]})
        audited = subprocess.run(
            [python, "-W", "error", str(INSIDE / "run_audit.py")], input=request, **options
        )
        assert audited.returncode == 0, tried[-1] + audited.stderr
        assert json.loads(audited.stdout)["notebooks"] == 1
        helped = subprocess.run([python, str(INSIDE / "ownership/fix_ownership.py"), "--help"], **options)
        assert helped.returncode == 0, tried[-1] + helped.stderr
    if not tried:
        pytest.skip("no python3.8 to python3.15 is on PATH")
    print("ran on", ", ".join(tried))
