"""The folder that a training run writes into: resumed, found finished, or taken over from an earlier run."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.command import Report, counted
from src.failure import UnavailableError
from src.files import made_by, refuse_foreign_files, sha256
from src.modelling.checkpoint import is_checkpoint, read_checkpoint, restore, save_checkpoint
from src.modelling.training_run import TrainingRun

CHECKPOINT = "checkpoint.pt"
MODEL = "model.safetensors"
METRICS = "metrics.json"


@dataclass(frozen=True)
class RunFolder:
    """`results` are the files of a whole run, METRICS and MODEL among them; `program` is who makes them."""

    path: Path
    program: str
    results: tuple[str, ...]

    def take_over(self, run: TrainingRun, resume: bool, force: bool, report: Report) -> dict[str, Any] | None:
        """Prepares the folder for `run`; returns the metrics if all is done, and leaves it as it is then.

        With `resume` the run goes on after its last whole epoch; else an earlier run's files are removed.
        Raises RequestError for files of another program, unless `force` is given.
        """
        if resume:
            self._resume(run, report)
        if (finished := self._finished(run)) is not None:
            epochs = counted(run.settings.epochs, "epoch")
            report(f"Nothing to do: {self.path} holds {epochs}, which is all, and the results")
            return finished
        if not force:
            refuse_foreign_files(self.path, (CHECKPOINT, *self.results), ours=lambda: self._made_here(run))
        if not resume:
            self._start_over(report)
        return None

    def save(self, run: TrainingRun) -> None:
        """Writes the checkpoint."""
        save_checkpoint(self.path / CHECKPOINT, run)

    def _made_here(self, run: TrainingRun) -> bool:
        """metrics.json says who made it and the others; before it is written, the checkpoint does."""
        if os.path.lexists(self.path / METRICS):
            return made_by(self.path / METRICS) == self.program
        return is_checkpoint(self.path / CHECKPOINT, run)

    def _start_over(self, report: Report) -> None:
        """Removes an earlier run's files, so that they can never be taken for results of this one.

        The checkpoint goes last: should this be killed, it says whose the others are.
        """
        names = (*self.results, CHECKPOINT)
        stale = [self.path / name for name in names if os.path.lexists(self.path / name)]
        if stale:
            report(
                f"Starting anew: the earlier run in {self.path} is replaced "
                "(--resume goes on with it instead)"
            )
        for path in stale:
            try:
                path.unlink()
            except OSError as error:
                raise UnavailableError(f"Cannot replace {path}: {error.strerror}") from error

    def _resume(self, run: TrainingRun, report: Report) -> None:
        path = self.path / CHECKPOINT
        if not path.exists():
            report(f"Nothing to resume: no checkpoint in {self.path}, starting with epoch 1")
            return
        warnings = restore(run, read_checkpoint(path, run))
        if run.epochs_done < run.settings.epochs:
            report(f"Resuming after epoch {run.epochs_done} of {run.settings.epochs} from {path}")
        for warning in warnings:
            report(f"Warning: {warning}; the final weights can differ from those of an uninterrupted run")

    def _finished(self, run: TrainingRun) -> dict[str, Any] | None:
        """The metrics of a run whose results are all there and belong together."""
        whole = all((self.path / name).is_file() for name in self.results)
        if run.epochs_done < run.settings.epochs or not whole:
            return None
        metrics = json.loads((self.path / METRICS).read_text())
        return metrics if metrics.get("weights_sha256") == sha256(self.path / MODEL) else None
