"""What a training run leaves: metrics, curves, predictions and the model."""

from typing import Any

from torch import Tensor

from src.common.command import Report, duration
from src.common.files import sha256, write_csv, write_json
from src.modelling.model_file import save_model
from src.modelling.run_folder import METRICS, MODEL, RunFolder
from src.modelling.training_run import TrainingRun


def metrics(run: TrainingRun, totals: dict[str, int]) -> dict[str, Any]:
    """The history as metrics.json holds it: lists with one entry per epoch, and the totals behind them.

    `totals` are the images of "training" and "validation". Holds no times and no paths, so that it is the
    same file whenever the run is repeated.
    """
    history = run.history
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


def progress(so_far: dict[str, Any], epochs: int, elapsed: float, remaining: float) -> str:
    """The line about the last epoch of `so_far`, which are metrics; the times in seconds."""
    return (
        f"epoch {so_far['epochs']:{len(str(epochs))}}/{epochs}"
        f"   loss {so_far['training_loss'][-1]:.4f}"
        f"   training {so_far['training_accuracy'][-1]:6.2f} %"
        f"   validation {so_far['validation_accuracy'][-1]:6.2f} %"
        f" ({so_far['validation_correct'][-1]} of {so_far['validation_total']})"
        f"   {duration(elapsed)}, {duration(remaining)} left"
    )


def predictions(
    logits: Tensor, labels: Tensor, index: Tensor, classes: tuple[str, ...]
) -> list[dict[str, Any]]:
    """One entry per image from logits (N, classes); `index` is the image's place in its data set."""
    best, predicted = logits.double().softmax(1).max(1)
    columns = zip(index.tolist(), labels.tolist(), predicted.tolist(), best.tolist(), strict=True)
    return [
        {"index": index, "label": classes[label], "predicted": classes[guess], "probability": round(p, 6)}
        for index, label, guess, p in columns
    ]


def write_results(
    folder: RunFolder, run: TrainingRun, result: dict[str, Any], rows: list[dict[str, Any]], report: Report
) -> dict[str, Any]:
    """Writes the model, metrics `result` and predictions `rows`; metrics.json last: where it is, all is.

    Only the first process writes; all return what metrics.json holds.
    """
    path = folder.path
    if not run.processes.is_first:
        run.processes.wait()
        return {**result, "weights_sha256": sha256(path / MODEL)}
    save_model(path / MODEL, run.model, run.description)
    write_csv(path / "history.csv", *_history_table(result))
    write_json(path / "predictions.json", rows)
    whole = {**result, "weights_sha256": sha256(path / MODEL)}
    write_json(path / METRICS, whole)
    run.processes.wait()
    report(f"Wrote {', '.join(folder.results)} into {path}; weights SHA-256 {whole['weights_sha256']}")
    return whole


def _history_table(result: dict[str, Any]) -> tuple[list[str], list[tuple[float, ...]]]:
    """Header and one row per epoch, of the metrics that have a value for each."""
    columns = {"epoch": list(range(1, result["epochs"] + 1))}
    columns |= {name: values for name, values in result.items() if isinstance(values, list)}
    return list(columns), list(zip(*columns.values(), strict=True))
