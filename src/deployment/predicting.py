"""Predicts on a request's images and writes the results: the function behind the command."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import nn

from src.command import counted
from src.deployment.outcome import Outcome
from src.deployment.prediction import Prediction, predict_batch
from src.deployment.results import OUTPUTS, made_here, write_results
from src.deployment.samples import Sample, Unreadable, find_images, read_samples, validation_samples
from src.failure import Failure, UnavailableError
from src.files import output_folder, refuse_foreign_files
from src.modelling.determinism import make_deterministic
from src.modelling.model_file import Description, load_model

Report = Callable[[str], None]
REPORT_EVERY = 5.0  # seconds
SMALL_IMAGE = 32  # pixels


@dataclass(frozen=True)
class Request:
    """What the command was asked for. Without images: the model's validation images."""

    images: Sequence[Path]
    model: Path
    out: Path
    top_k: int = 3
    batch_size: int = 256
    device: str = "auto"
    force: bool = False


def run(request: Request, report: Report = print) -> Outcome:
    """Predicts and writes; reports accuracy, speed and where the results are. Raises Failure."""
    model, description = load_model(request.model, _device(request.device))
    if not request.force:
        refuse_foreign_files(request.out, OUTPUTS, ours=lambda: made_here(request.out))
    samples = _samples(request, description)
    make_deterministic(_threads(description))
    _warm_up(model, description, _device(request.device))
    begin = time.perf_counter()
    outcome = _predict(request, model, description, samples, report)
    seconds = time.perf_counter() - begin
    for bad in outcome.skipped:
        report(f"Skipped {bad.name}: {bad.reason}")
    if not outcome.predictions:
        skipped = counted(len(outcome.skipped), "file")
        raise Failure(f"Cannot predict: of {skipped} none is an image that can be read")
    write_results(output_folder(request.out), outcome, request.model)
    _summarize(request, outcome, seconds, report)
    return outcome


def _device(wanted: str) -> str:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UnavailableError("Cannot predict on cuda: PyTorch finds no GPU here. Use --device cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted


def _threads(description: Description) -> int:
    """One for small images, where several threads only wait for each other; PyTorch's choice otherwise."""
    return 1 if max(description.image_shape) <= SMALL_IMAGE else torch.get_num_threads()


def _samples(request: Request, description: Description) -> list[Sample] | Iterator[Sample | Unreadable]:
    """Built-in images are all read before the clock starts; files are read as they are needed."""
    if not request.images:
        return list(validation_samples(description))
    own = [request.out / name for name in OUTPUTS]
    return read_samples(find_images(request.images, ignore=own), description)


def _warm_up(model: nn.Module, description: Description, device: str) -> None:
    """The first prediction of a process takes much longer than the others, and would hide the speed."""
    predict_batch(model, description, [torch.zeros(description.image_shape, dtype=torch.float64)], 1, device)


def _predict(
    request: Request,
    model: nn.Module,
    description: Description,
    samples: Iterable[Sample | Unreadable],
    report: Report,
) -> Outcome:
    """Works in batches, and keeps only as many inputs as the picture can show."""
    outcome, device, last = Outcome(), _device(request.device), time.monotonic()
    rest = iter(samples)
    while batch := list(islice(rest, request.batch_size)):
        outcome.skipped += [bad for bad in batch if isinstance(bad, Unreadable)]
        good = [sample for sample in batch if isinstance(sample, Sample)]
        if good:
            pixels = [sample.pixels for sample in good]
            tops = predict_batch(model, description, pixels, request.top_k, device)
            for sample, top in zip(good, tops, strict=True):
                outcome.add(Prediction(sample.name, sample.label, top), sample.pixels)
        if time.monotonic() - last > REPORT_EVERY:
            last = time.monotonic()
            report(counted(len(outcome.predictions), "image"))
    return outcome


def _summarize(request: Request, outcome: Outcome, seconds: float, report: Report) -> None:
    count = len(outcome.predictions)
    read = "" if not request.images else ", reading them included"
    report(f"{counted(count, 'image')} in {seconds:.2f} s: {count / seconds:,.0f} images per second{read}")
    if outcome.total:
        report(f"Accuracy {outcome.accuracy:.2f} % ({outcome.correct} of {outcome.total})")
    report(f"Wrote {', '.join(OUTPUTS)} into {request.out}")
