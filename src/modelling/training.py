"""Trains by settings and writes the results: the function that the command and the notebook call."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from src.command import counted
from src.failure import UnavailableError
from src.files import made_by, output_folder, refuse_foreign_files, sha256, write_csv, write_json
from src.modelling.checkpoint import is_checkpoint, read_checkpoint, restore, save_checkpoint
from src.modelling.data import Images, Split, load
from src.modelling.determinism import make_deterministic
from src.modelling.model_file import save_model
from src.modelling.run import Run, predict, start, train_epoch, validate
from src.modelling.settings import Settings

Report = Callable[[str], None]

MADE_BY = "src/modelling/train.py"
CHECKPOINT = "checkpoint.pt"
MODEL = "model.safetensors"
METRICS = "metrics.json"
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
    out = output_folder(Path(out))
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise UnavailableError("Cannot train on cuda: PyTorch finds no GPU here. Use --device cpu")
    make_deterministic(settings.threads)
    split = load(settings.data)
    run = start(settings, split)
    if resume:
        _resume(run, out, report)
    if (finished := _finished(run, out)) is not None:
        report(
            f"Nothing to do: {out} holds {counted(settings.epochs, 'epoch')}, which is all, and the results"
        )
        return finished
    if not force:
        refuse_foreign_files(out, (CHECKPOINT, *RESULTS), ours=lambda: _made_here(out))
    if not resume:
        _start_over(out, report)
    _train_epochs(run, split, out, report)
    return _write_results(run, split, out, report)


def _made_here(out: Path) -> bool:
    """metrics.json says who made it, and speaks for the others; before it is written, the checkpoint does."""
    if os.path.lexists(out / METRICS):
        return made_by(out / METRICS) == MADE_BY
    return is_checkpoint(out / CHECKPOINT)


def _start_over(out: Path, report: Report) -> None:
    """Removes an earlier run's files, so that they can never be taken for results of this one.

    The checkpoint goes last: should this be killed, it says whose the others are.
    """
    stale = [out / name for name in (*RESULTS, CHECKPOINT) if os.path.lexists(out / name)]
    if stale:
        report(f"Starting anew: the earlier run in {out} is replaced (--resume goes on with it instead)")
    for path in stale:
        try:
            path.unlink()
        except OSError as error:
            raise UnavailableError(f"Cannot replace {path}: {error.strerror}") from error


def _resume(run: Run, out: Path, report: Report) -> None:
    path = out / CHECKPOINT
    if not path.exists():
        report(f"Nothing to resume: no checkpoint in {out}, starting with epoch 1")
        return
    warnings = restore(run, read_checkpoint(path, run.settings))
    if run.epochs_done < run.settings.epochs:
        report(f"Resuming after epoch {run.epochs_done} of {run.settings.epochs} from {path}")
    for warning in warnings:
        report(f"Warning: {warning}; the final weights can differ from those of an uninterrupted run")


def _finished(run: Run, out: Path) -> dict[str, Any] | None:
    """The metrics of a run whose results are all there and belong together."""
    if run.epochs_done < run.settings.epochs or not all((out / name).is_file() for name in RESULTS):
        return None
    metrics = json.loads((out / METRICS).read_text())
    return metrics if metrics.get("weights_sha256") == sha256(out / MODEL) else None


def _train_epochs(run: Run, split: Split, out: Path, report: Report) -> None:
    settings, epochs, first = run.settings, run.settings.epochs, run.epochs_done
    report(
        f"Training on {len(split.training)} images of {split.source}, validating on {len(split.validation)}: "
        f"epochs {first + 1} to {epochs}, seed {settings.seed}, {settings.dtype}, {settings.device}"
    )
    begin = time.monotonic()
    while run.epochs_done < epochs:
        train_epoch(run, split.training)
        validate(run, split.validation)
        save_checkpoint(out / CHECKPOINT, run)
        elapsed = time.monotonic() - begin
        remaining = elapsed / (run.epochs_done - first) * (epochs - run.epochs_done)
        report(_progress(metrics(run, split), epochs, elapsed, remaining))


def _progress(so_far: dict[str, Any], epochs: int, elapsed: float, remaining: float) -> str:
    return (
        f"epoch {so_far['epochs']:{len(str(epochs))}}/{epochs}"
        f"   loss {so_far['training_loss'][-1]:.4f}"
        f"   training {so_far['training_accuracy'][-1]:6.2f} %"
        f"   validation {so_far['validation_accuracy'][-1]:6.2f} %"
        f" ({so_far['validation_correct'][-1]} of {so_far['validation_total']})"
        f"   {elapsed:.0f} s, {remaining:.0f} s left"
    )


def metrics(run: Run, split: Split) -> dict[str, Any]:
    """The history as metrics.json holds it: lists with one entry per epoch, and the totals behind them.

    Holds no times and no paths, so that it is the same file whenever the run is repeated.
    """
    history = run.history
    totals = {"training": len(split.training), "validation": len(split.validation)}
    result: dict[str, Any] = {"epochs": run.epochs_done}
    for part, total in totals.items():
        result[f"{part}_loss"] = history[f"{part}_loss"]
        result[f"{part}_accuracy"] = [percent(count, total) for count in history[f"{part}_correct"]]
        result[f"{part}_correct"] = history[f"{part}_correct"]
        result[f"{part}_total"] = total
    return {**result, "settings": run.settings.as_dict()}


def percent(count: float, total: int) -> float:
    """A count as a percentage with two decimals, the way it is printed."""
    return round(100 * count / total, 2)


def _write_results(run: Run, split: Split, out: Path, report: Report) -> dict[str, Any]:
    """Writes metrics.json last: where it is, everything is."""
    save_model(out / MODEL, run.model, run.description)
    result = metrics(run, split)
    write_csv(out / "history.csv", *_history_table(result))
    probabilities = predict(run, split.validation).softmax(1)
    write_json(out / "predictions.json", _predictions(probabilities, split.validation, split.classes))
    result["weights_sha256"] = sha256(out / MODEL)
    result["made_by"] = MADE_BY
    write_json(out / METRICS, result)
    report(f"Wrote {', '.join(RESULTS)} into {out}; weights SHA-256 {result['weights_sha256']}")
    return result


def _history_table(result: dict[str, Any]) -> tuple[list[str], list[tuple[float, ...]]]:
    """Header and one row per epoch, of the metrics that have a value for each."""
    columns = {"epoch": list(range(1, result["epochs"] + 1))}
    columns |= {name: values for name, values in result.items() if isinstance(values, list)}
    return list(columns), list(zip(*columns.values(), strict=True))


def _predictions(probabilities: Tensor, images: Images, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """One entry per image; `index` is the image's place in its data set."""
    best, predicted = probabilities.max(1)
    columns = zip(
        images.index.tolist(), images.labels.tolist(), predicted.tolist(), best.tolist(), strict=True
    )
    return [
        {"index": index, "label": classes[label], "predicted": classes[guess], "probability": round(p, 6)}
        for index, label, guess, p in columns
    ]
