"""What the terminal shows when all is predicted."""

from collections.abc import Iterator, Sequence

from src.common.command import counted
from src.deployment.batch_size import BatchSize
from src.deployment.outcome import Outcome
from src.deployment.samples import Unreadable
from src.modelling.confusion_matrix import ConfusionMatrix

MOST_SKIPPED = 10
WORST = 3


def describe_skipped(skipped: Sequence[Unreadable], listed: str) -> Iterator[str]:
    """The first files that could not be read and why, how many more there are, and where all are `listed`."""
    for bad in skipped[:MOST_SKIPPED]:
        yield f"Skipped {bad.name}: {bad.reason}"
    if len(skipped) > MOST_SKIPPED:
        yield f"Skipped {len(skipped) - MOST_SKIPPED:,} more files{listed}"


def describe_speed(images: int, seconds: float, device: str, reads: bool) -> str:
    """Images per second, from the first to the last."""
    read = ", reading them included" if reads else ""
    amount = f"{images:,} images" if images != 1 else "1 image"
    return f"{amount} in {seconds:.2f} s on {device}: {images / seconds:,.0f} images per second{read}"


def describe_batch_size(size: BatchSize, device: str) -> Iterator[str]:
    """Only where the size is not the one that was asked for."""
    repeat = "; other sizes can change the last digits on a GPU" if device == "cuda" else ""
    if size.too_many:
        yield f"Batch size {size.now}: memory was not enough for {counted(size.too_many, 'image')}{repeat}"
    elif len(size.tried) > 1:
        tried = ", ".join(map(str, size.tried))
        yield f"Batch size {size.now}: the fastest of {tried}{repeat}"


def describe_accuracy(outcome: Outcome, confusions: ConfusionMatrix) -> Iterator[str]:
    """The accuracy, and where mistakes are: the classes that were recognized least, and what for."""
    yield f"Accuracy {outcome.accuracy:.2f} % ({outcome.correct:,} of {outcome.total:,})"
    missed = _least_recognized(confusions)
    if len(confusions.classes) > 2 and missed:
        yield f"Lowest recall: {', '.join(missed)}"
        mistakes = [f"{label} taken for {guess} ({count:,})" for count, label, guess in confusions.mistakes()]
        yield f"Most often confused: {', '.join(mistakes[:WORST])}"


def _least_recognized(confusions: ConfusionMatrix) -> list[str]:
    recalls = [(confusions.recall(place), place) for place in range(len(confusions.classes))]
    worst = sorted((recall, place) for recall, place in recalls if recall is not None and recall < 100)
    return [
        f"{confusions.classes[place]} {recall:.2f} % "
        f"({confusions.correct(place):,} of {confusions.images(place):,})"
        for recall, place in worst[:WORST]
    ]
