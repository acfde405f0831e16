"""Asks each framework in a process of its own: none sees the other, and none can take this process down.

What a framework tells: `version`, `cuda` and `cudnn` that it was built with (None without CUDA),
`architectures` that it has code for, `tf32` (where it is allowed by default), `problem` (why there are no
devices), `devices` (`name`, `capability`, `memory` in bytes, `multiprocessors`, `bfloat16`, `speeds` in
TFLOP/s by kind, `problem`) and `cpu` (`threads`, `speeds`).
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0  # seconds; TensorFlow may compile code for a card that it was not built for
# Without these TensorFlow prints a page about the libraries that it did and did not find.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}


@dataclass(frozen=True)
class Framework:
    """`package` is what is imported, `program` the module that tells what it sees."""

    name: str
    package: str
    program: str


FRAMEWORKS = (
    Framework("PyTorch", "torch", "src.hardware.pytorch_look"),
    Framework("TensorFlow", "tensorflow", "src.hardware.tensorflow_look"),
)


@dataclass(frozen=True)
class Look:
    """What a framework tells; `failure` is "missing", or why it could not be asked."""

    name: str
    found: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None

    @property
    def missing(self) -> bool:
        return self.failure == "missing"


def look_at(framework: Framework, seconds: float) -> Look:
    """Starts the framework in a process of this Python; each speed is measured for so many seconds."""
    if find_spec(framework.package) is None:
        return Look(framework.name, failure="missing")
    # Speeds are those of users' programs only with their environment, so that is passed on.
    command = [sys.executable, "-m", framework.program, str(seconds)]
    try:
        asked = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **QUIET}, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return Look(framework.name, failure=f"it did not answer within {PATIENCE:.0f} s")
    if asked.returncode != 0:
        return Look(framework.name, failure=_reason(asked.returncode, asked.stderr))
    return Look(framework.name, json.loads(asked.stdout.splitlines()[-1]))


def _reason(code: int, said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1].strip() if lines else "it said nothing"
    if code >= 0:
        return last
    return f"it was ended by {signal.Signals(-code).name}" + (f"; its last line was: {last}" if lines else "")
