"""All that a killed run needs to go on as if nothing had happened."""

import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from src.common.failure import RequestError
from src.common.files import write_bytes
from src.modelling.determinism import environment, random_state, set_random_state
from src.modelling.settings import require_same
from src.modelling.training_run import TrainingRun

FORMAT = 2
COMMON = {"format", "settings", "environment", "history", "random"}


def save_checkpoint(path: Path, run: TrainingRun) -> None:
    """Writes the run, after a whole epoch or between two steps of one; the file is whole or not there."""
    buffer = io.BytesIO()
    torch.save(
        {
            "format": FORMAT,
            "settings": run.settings.as_dict(),
            "environment": _environment(run),
            "history": run.history,
            **run.state(),
            "random": random_state(),
        },
        buffer,
    )
    write_bytes(path, buffer.getvalue())


def read_checkpoint(path: Path, run: TrainingRun) -> dict[str, Any]:
    """The content of a checkpoint of `run`. Raises RequestError when it is damaged or of other settings."""
    try:
        saved = _load_file(path)
        lacking = (COMMON | run.state().keys()) - saved.keys()
    except Exception as error:  # torch.load raises whatever the bytes happen to provoke, at great length
        raise _unreadable(path, f"damaged, or not made by this program: {type(error).__name__}") from error
    if lacking:
        raise _unreadable(path, f"it lacks {', '.join(sorted(lacking))}")
    if saved["format"] != FORMAT:
        raise _unreadable(path, f"its format is {saved['format']}, wanted {FORMAT}")
    require_same(saved["settings"], run.settings, str(path))
    return saved


def _load_file(path: Path) -> dict[str, Any]:
    _check_sums(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _check_sums(path: Path) -> None:
    """PyTorch writes a zip archive but does not look at its checksums when it reads one."""
    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise zipfile.BadZipFile(f"wrong checksum of {damaged}")


def _unreadable(path: Path, reason: str) -> RequestError:
    return RequestError(
        f"Cannot resume from {path}: it is not a usable checkpoint ({reason}). "
        "To start anew, leave out --resume and choose another --out"
    )


def restore(run: TrainingRun, saved: dict[str, Any]) -> list[str]:
    """Continues `run` from a checkpoint; returns warnings about what could change the last bits.

    Raises RequestError when the parts do not fit this run, as after a change to the model's code.
    """
    try:
        _load(run, saved)
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise RequestError(
            f"Cannot resume: the checkpoint does not fit this model ({reason}). "
            "To start anew, leave out --resume and choose another --out"
        ) from error
    now = _environment(run)
    return [
        f"{name} was {saved['environment'].get(name)}, is now {value}"
        for name, value in now.items()
        if saved["environment"].get(name) != value
    ]


def _environment(run: TrainingRun) -> dict[str, Any]:
    return {**environment(run.settings.device), "processes": run.processes.count}


def _load(run: TrainingRun, saved: dict[str, Any]) -> None:
    run.load_state(saved)
    run.history.update(saved["history"])
    set_random_state(saved["random"])  # last, because building a model draws from the generators
