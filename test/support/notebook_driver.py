"""Running the notebook driver as its users do, on notebooks made for a test."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

INSIDE = Path(__file__).resolve().parents[2] / "tasks" / "inside"
DRIVER = INSIDE / "execute_notebook.py"
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "notebooks"

PRINT_PID = "import os\nprint('pid', os.getpid(), flush=True)"
SLEEP_FOR_EVER = f"{PRINT_PID}\nimport time\nwhile True:\n    time.sleep(1)"


def write_notebook(path: Path, *sources: str, tags: dict[int, str] | None = None) -> Path:
    """A notebook of these code cells; `tags` by cell index."""
    cells: list[dict[str, Any]] = [
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
    seconds = options.pop("seconds", 60)
    process = start(*arguments, **options)
    text, _ = process.communicate(timeout=seconds)
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
