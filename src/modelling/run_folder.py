"""The folder that a training run writes into: empty of results, resumed, or found finished."""

import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.common.command import Report, counted
from src.common.files import refuse_taken_names, sha256
from src.common.stop_signals import Stopped, StopSignals
from src.modelling.checkpoint import read_checkpoint, restore, save_checkpoint
from src.modelling.training_run import TrainingRun

CHECKPOINT = "checkpoint.pt"
MODEL = "model.safetensors"
METRICS = "metrics.json"


@dataclass(frozen=True)
class RunFolder:
    """`results` are the files of a whole run, METRICS and MODEL among them."""

    path: Path
    results: tuple[str, ...]

    def take_over(self, run: TrainingRun, resume: bool, report: Report) -> dict[str, Any] | None:
        """Prepares the folder for `run`; returns the metrics if all is done, and leaves it as it is then.

        With `resume` the run goes on after its last whole epoch. Raises RequestError where it would replace a
        file: only results of this very run, whose last checkpoint is there, are written again.
        """
        if not resume:
            remedy = "Go on with --resume, choose another --out, or move them away"
            refuse_taken_names(self.path, (CHECKPOINT, *self.results), remedy)
            return None
        self._resume(run, report)
        if run.epochs_done < run.settings.epochs:
            refuse_taken_names(self.path, self.results, "Choose another --out, or move them away")
            return None
        if (finished := self._finished()) is not None:
            epochs = counted(run.settings.epochs, "epoch")
            report(f"Nothing to do: {self.path} holds {epochs}, which is all, and the results")
        return finished

    def save(self, run: TrainingRun) -> None:
        """Writes the checkpoint, in the first process."""
        if run.processes.is_first:
            save_checkpoint(self.path / CHECKPOINT, run)

    def stop_if_told(self, run: TrainingRun, stop: StopSignals) -> None:
        """Where a signal has come to one of the processes: writes the checkpoint, raises Stopped in all."""
        number = run.processes.largest(stop.received)
        if not number:
            return
        if run.epoch is not None:
            run.epoch.gather(run.processes)
        self.save(run)
        steps = f" and {counted(len(run.epoch.losses), 'step')} of the next" if run.epoch else ""
        raise Stopped(
            number,
            f"Stopped by {signal.Signals(number).name} after {counted(run.epochs_done, 'epoch')}{steps}: "
            f"the same command with --resume goes on from {self.path / CHECKPOINT}",
        )

    def _resume(self, run: TrainingRun, report: Report) -> None:
        path = self.path / CHECKPOINT
        if not path.exists():
            report(f"Nothing to resume: no checkpoint in {self.path}, starting with epoch 1")
            return
        warnings = restore(run, read_checkpoint(path, run))
        if run.epochs_done < run.settings.epochs:
            steps = f" and {counted(len(run.epoch.losses), 'step')} of the next" if run.epoch else ""
            report(f"Resuming after epoch {run.epochs_done} of {run.settings.epochs}{steps} from {path}")
        for warning in warnings:
            report(f"Warning: {warning}; the final weights can differ from those of an uninterrupted run")

    def _finished(self) -> dict[str, Any] | None:
        """The metrics of a run whose results are all there and belong together."""
        if not all((self.path / name).is_file() for name in self.results):
            return None
        metrics = json.loads((self.path / METRICS).read_text())
        return metrics if metrics.get("weights_sha256") == sha256(self.path / MODEL) else None
