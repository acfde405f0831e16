"""Predicts on a request's images and writes the results: the function behind the command."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

from src.common.command import Report
from src.common.failure import Failure
from src.common.files import output_folder, refuse_taken_names
from src.common.memory import enough_memory
from src.common.progress import ProgressMeter
from src.deployment.batch_size import BatchSize, too_little
from src.deployment.classifier import Classifier
from src.deployment.image_files import find_images, listed_images
from src.deployment.outcome import Outcome
from src.deployment.prediction import Prediction, likeliest
from src.deployment.results import OUTPUTS, made_here, write_results
from src.deployment.samples import Sample, Unreadable, read_samples, validation_samples
from src.deployment.summary import describe_accuracy, describe_batch_size, describe_skipped, describe_speed
from src.modelling.determinism import find_device, make_deterministic
from src.modelling.model_file import Description, load_model
from src.modelling.resnet import ResNet

Item = TypeVar("Item")
SMALL_IMAGE = 32  # pixels
NOT_OURS = "This program did not make what is there: choose another --out, or move it away"
SMALL_IMAGES = 256  # at a time: for small images no other number is worth looking for


@dataclass(frozen=True)
class Request:
    """What the command was asked for. Without images: the model's validation images.

    With a `list`, `images` is the folder that its paths are relative to. Without `batch_size`, it is found.
    """

    images: Sequence[Path]
    model: Path
    out: Path
    list: Path | None = None
    top_k: int = 3
    batch_size: int | None = None
    device: str = "auto"


def run(request: Request, report: Report = print) -> Outcome:
    """Predicts and writes; reports accuracy, speed and where the results are. Raises Failure."""
    device = find_device(request.device, "predict")
    with enough_memory(too_little(device)):
        model, description = load_model(request.model, device)
        if not made_here(request.out):
            refuse_taken_names(request.out, OUTPUTS, NOT_OURS)
        samples, count = _samples(request, description)
        classifier = _classifier(request, model, description, device)
        meter = ProgressMeter(report, count).begin("Predicting", count)
        begin = time.perf_counter()
        outcome = _predict(classifier, samples, request.top_k, meter)
        seconds = time.perf_counter() - begin
    _report_skipped(outcome, report)
    report(describe_speed(len(outcome.predictions), seconds, device, reads=bool(request.images)))
    for line in describe_batch_size(classifier.size, device):
        report(line)
    _conclude(request, outcome, description.classes, report)
    return outcome


def _samples(request: Request, description: Description) -> tuple[Iterable[Sample | Unreadable], int]:
    """The samples and their number. Built-in images are all read before the clock starts; files as needed."""
    if not request.images:
        samples = list(validation_samples(description))
        return samples, len(samples)
    if request.list is None:
        paths = find_images(request.images, ignore=[request.out / name for name in OUTPUTS])
    else:
        paths = listed_images(request.list, request.images[0])
    return read_samples(paths, description), len(paths)


def _classifier(request: Request, model: ResNet, description: Description, device: str) -> Classifier:
    """A warm one: the first prediction of a process takes much longer than the others."""
    small = max(description.image_shape) <= SMALL_IMAGE
    # Several threads only wait for each other on small images. TF32 stays as it was in training.
    make_deterministic(1 if small else torch.get_num_threads(), tf32=description.architecture == "resnet18")
    size = BatchSize(request.batch_size or (SMALL_IMAGES if small else None))
    classifier = Classifier(model, description, device, size)
    list(classifier.logits([Sample("", torch.zeros(description.image_shape, dtype=torch.uint8), None)]))
    return classifier


def _predict(
    classifier: Classifier, samples: Iterable[Sample | Unreadable], top_k: int, meter: ProgressMeter
) -> Outcome:
    """Keeps only as many inputs as the picture can show."""
    outcome = Outcome()
    for group, logits in _one_behind(classifier.logits(_readable(samples, outcome, meter))):
        tops = likeliest(logits.cpu(), classifier.classes, top_k)
        for sample, top in zip(group, tops, strict=True):
            outcome.add(Prediction(sample.name, sample.label, top), sample.pixels)
    return outcome


def _readable(
    samples: Iterable[Sample | Unreadable], outcome: Outcome, meter: ProgressMeter
) -> Iterator[Sample]:
    for sample in samples:
        if isinstance(sample, Sample):
            yield sample
        else:
            outcome.skipped.append(sample)
        meter(1)


def _one_behind(items: Iterator[Item]) -> Iterator[Item]:
    """Each item when the one after it has been started: a GPU works on that while this one is looked at."""
    last = next(items, None)
    while last is not None:
        following = next(items, None)
        yield last
        last = following


def _report_skipped(outcome: Outcome, report: Report) -> None:
    """Raises Failure where all were."""
    listed = ", all listed in metrics.json" if outcome.predictions else ""
    for line in describe_skipped(outcome.skipped, listed):
        report(line)
    if not outcome.predictions:
        count = len(outcome.skipped)
        files = "1 file" if count == 1 else f"{count:,} files"
        raise Failure(f"Cannot predict: of {files} none is an image that can be read")


def _conclude(request: Request, outcome: Outcome, classes: tuple[str, ...], report: Report) -> None:
    confusions = outcome.confusions(classes)
    # Built-in images have labels, too; but what they are confused with is in the report of their training.
    drawn = outcome.total > 0 and bool(request.images)
    written = write_results(output_folder(request.out), outcome, confusions, drawn, request.model)
    if outcome.total:
        for line in describe_accuracy(outcome, confusions):
            report(line)
    report(f"Wrote {', '.join(written)} into {request.out}")
