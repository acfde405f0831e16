"""What the measurements share: the machine that their figures come from, and the file that they go to."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.hardware.machine import describe_machine

__all__ = ["describe_machine", "save_result"]


def save_result(path: Path, result: Mapping[str, object]) -> None:
    """Prints the figures, and writes them to their file."""
    text = json.dumps(result, indent=2)
    print(text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
