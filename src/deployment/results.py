"""The files that inference writes."""

from pathlib import Path
from typing import Any

from src.command import counted
from src.deployment.grid import choose, draw_grid
from src.deployment.outcome import Outcome
from src.files import made_by, sha256, write_bytes, write_csv, write_json

MADE_BY = "src/deployment/inference.py"
METRICS = "metrics.json"
OUTPUTS = (METRICS, "predictions.json", "predictions.csv", "predictions.png")


def made_here(out: Path) -> bool:
    """Its own metrics.json says who made it, and speaks for the other three."""
    return made_by(out / METRICS) == MADE_BY


def write_results(out: Path, outcome: Outcome, model: Path) -> None:
    """Writes all OUTPUTS; metrics.json first, so that whatever a crash leaves is known as this program's."""
    write_json(out / METRICS, _metrics(outcome, model))
    write_json(out / "predictions.json", [prediction.as_dict() for prediction in outcome.predictions])
    write_csv(out / "predictions.csv", *_table(outcome))
    shown = choose(outcome.predictions)
    picture = draw_grid(
        [outcome.predictions[i] for i in shown],
        [outcome.inputs[i] for i in shown],
        _title(outcome, len(shown)),
    )
    write_bytes(out / "predictions.png", picture)


def _metrics(outcome: Outcome, model: Path) -> dict[str, Any]:
    """Accuracy in percent. Holds no time and no speed: the same call writes the same file."""
    return {
        "correct": outcome.correct,
        "total": outcome.total,
        "accuracy": outcome.accuracy,
        "images": len(outcome.predictions),
        "skipped": [{"image": bad.name, "reason": bad.reason} for bad in outcome.skipped],
        "model_sha256": sha256(model),
        "made_by": MADE_BY,
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
