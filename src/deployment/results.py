"""The files that inference writes."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from src.common.command import counted
from src.common.files import sha256, write_bytes, write_csv, write_json
from src.deployment.confusion_picture import draw_confusion_matrix
from src.deployment.grid import draw_grid
from src.deployment.outcome import Outcome
from src.modelling.confusion_matrix import ConfusionMatrix

MADE_BY = "src/deployment/inference.py"
METRICS = "metrics.json"
ALWAYS = (METRICS, "predictions.json", "predictions.csv", "predictions.png")
WITH_LABELS = ("confusion_matrix.csv", "confusion_matrix.png")
OUTPUTS = (*ALWAYS, *WITH_LABELS)


def made_here(out: Path) -> bool:
    """Its own metrics.json says who made it, and speaks for the others."""
    path = out / METRICS
    try:
        return path.is_file() and json.loads(path.read_text(encoding="utf-8"))["made_by"] == MADE_BY
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_results(
    out: Path, outcome: Outcome, confusions: ConfusionMatrix, drawn: bool, model: Path
) -> tuple[str, ...]:
    """Writes the results, the confusion matrix only if it is to be `drawn`; returns the files' names.

    metrics.json comes first, so that whatever a crash leaves is known as this program's. An earlier call's
    matrix, which would be taken for this one's, is removed.
    """
    if not drawn and made_here(out):
        for name in WITH_LABELS:
            (out / name).unlink(missing_ok=True)
    write_json(out / METRICS, _metrics(outcome, confusions, model))
    write_json(out / "predictions.json", [prediction.as_dict() for prediction in outcome.predictions])
    write_csv(out / "predictions.csv", *_table(outcome))
    shown = outcome.shown()
    picture = draw_grid(
        [outcome.predictions[i] for i in shown],
        [outcome.inputs[i] for i in shown],
        _title(outcome, len(shown)),
    )
    write_bytes(out / "predictions.png", picture)
    if not drawn:
        return ALWAYS
    write_csv(out / "confusion_matrix.csv", *confusions.table())
    title = f"{outcome.correct:,} of {outcome.total:,} correct, {outcome.accuracy:.2f} %"
    write_bytes(out / "confusion_matrix.png", draw_confusion_matrix(confusions, title))
    return OUTPUTS


def _metrics(outcome: Outcome, confusions: ConfusionMatrix, model: Path) -> dict[str, Any]:
    """Accuracy in percent. Holds no time and no speed: the same call writes the same file."""
    return {
        "correct": outcome.correct,
        "total": outcome.total,
        "accuracy": outcome.accuracy,
        "images": len(outcome.predictions),
        "classes": _per_class(outcome, confusions),
        "skipped": [{"image": bad.name, "reason": bad.reason} for bad in outcome.skipped],
        "model_sha256": sha256(model),
        "made_by": MADE_BY,
    }


def _per_class(outcome: Outcome, confusions: ConfusionMatrix) -> dict[str, dict[str, Any]]:
    """For each class: images predicted as it; and of those labelled so, how many are correct, in percent."""
    predicted = Counter(prediction.predicted for prediction in outcome.predictions)
    return {
        name: {
            "predicted": predicted[name],
            "correct": confusions.correct(place),
            "total": confusions.images(place),
            "recall": confusions.recall(place),
        }
        for place, name in enumerate(confusions.classes)
    }


def _table(outcome: Outcome) -> tuple[list[str], list[list[Any]]]:
    """One row per image; the next likely classes follow in pairs of columns."""
    places = range(2, len(outcome.predictions[0].top) + 1)
    header = ["image", "label", "predicted", "probability"]
    header += [name for k in places for name in (f"class_{k}", f"probability_{k}")]
    rows = [[p.image, p.label, *(cell for pair in p.top for cell in pair)] for p in outcome.predictions]
    return header, rows


def _title(outcome: Outcome, shown: int) -> str:
    count = len(outcome.predictions)
    title = f"{outcome.correct} of {outcome.total} correct" if outcome.total else counted(count, "prediction")
    if outcome.correct < outcome.total:
        title += ", wrong ones first and framed"
    return title if shown == count else f"{title}; {shown} of {count} shown"
