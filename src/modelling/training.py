"""Trains by settings and writes the results: the function that the command and the notebook call."""

import time
from pathlib import Path
from typing import Any

from src.command import Report
from src.files import output_folder
from src.modelling.data import Split, load
from src.modelling.determinism import find_device, make_deterministic
from src.modelling.results import metrics, predictions, progress, write_results
from src.modelling.run import Run, predict, start, train_epoch, validate
from src.modelling.run_folder import METRICS, MODEL, RunFolder
from src.modelling.settings import Settings

MADE_BY = "src/modelling/train.py"
RESULTS = (METRICS, MODEL, "history.csv", "predictions.json")


def train(
    settings: Settings,
    out: Path | str,
    resume: bool = False,
    report: Report = print,
    force: bool = False,
) -> dict[str, Any]:
    """Trains, writes all results into the folder `out`, and returns what metrics.json holds.

    With `resume` a run that was cut off goes on after its last whole epoch, to the same final weights bit for
    bit; a finished one is left as it is. Files that another program made are only replaced with `force`.
    Accuracies are in percent, losses in nats per image, one per epoch.
    Raises RequestError, UnavailableError, and Failure when the loss is no longer finite.
    """
    folder = RunFolder(output_folder(Path(out)), MADE_BY, RESULTS)
    find_device(settings.device, "train")
    make_deterministic(settings.threads)
    split = load(settings.data)
    run = start(settings, split)
    if (finished := folder.take_over(run, resume, force, report)) is not None:
        return finished
    _train_epochs(run, split, folder, report)
    images = split.validation
    rows = predictions(predict(run, images), images.labels, images.index, split.classes)
    return write_results(folder, run, _metrics(run, split), rows, report)


def _train_epochs(run: Run, split: Split, folder: RunFolder, report: Report) -> None:
    settings, epochs, first = run.settings, run.settings.epochs, run.epochs_done
    report(
        f"Training on {len(split.training)} images of {split.source}, validating on {len(split.validation)}: "
        f"epochs {first + 1} to {epochs}, seed {settings.seed}, {settings.dtype}, {settings.device}"
    )
    begin = time.monotonic()
    while run.epochs_done < epochs:
        train_epoch(run, split.training)
        validate(run, split.validation)
        folder.save(run)
        elapsed = time.monotonic() - begin
        remaining = elapsed / (run.epochs_done - first) * (epochs - run.epochs_done)
        report(progress(_metrics(run, split), epochs, elapsed, remaining))


def _metrics(run: Run, split: Split) -> dict[str, Any]:
    return metrics(run, {"training": len(split.training), "validation": len(split.validation)})
