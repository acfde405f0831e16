"""Fine-tunes: the function that the command and the notebook call, then what it does, in turn."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.common.command import Report, counted, printable
from src.common.files import output_folder, write_csv
from src.common.memory import enough_memory
from src.common.progress import ProgressMeter
from src.common.stop_signals import StopSignals
from src.images.batches import open_batches
from src.images.decoding import digests
from src.images.image_folder import ImageFolder
from src.images.normalization import IMAGENET
from src.modelling.confusion_matrix import ConfusionMatrix
from src.modelling.determinism import find_device, make_deterministic, seed_everything
from src.modelling.eurosat.draws import draw_split, draw_training_order, draw_validation_order
from src.modelling.eurosat.examples import Examples, compute_features, parts
from src.modelling.eurosat.settings import FinetuneSettings, Sources
from src.modelling.eurosat.weights import Weights, load_weights, read_weights
from src.modelling.model_file import Description
from src.modelling.processes import ALONE, Processes, join
from src.modelling.resnet import ResNet, resnet18
from src.modelling.results import metrics, predictions, progress, write_results
from src.modelling.run_folder import METRICS, MODEL, RunFolder
from src.modelling.training_run import Epoch, TrainingRun

CONFUSION = "confusion_matrix.csv"
RESULTS = (METRICS, MODEL, "history.csv", "predictions.json", CONFUSION)
IMAGE_SHAPE = (3, 224, 224)
EUROSAT = (
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial",
    "Pasture", "PermanentCrop", "Residential", "River", "SeaLake",
)  # fmt: skip


def finetune(
    sources: Sources,
    settings: FinetuneSettings,
    out: Path | str,
    resume: bool = False,
    report: Report = print,
) -> dict[str, Any]:
    """Fine-tunes, writes all results into the folder `out`, and returns what metrics.json holds.

    With `resume` a run that was cut off goes on after its last whole epoch, to the same final weights bit for
    bit; a finished one is left as it is. Nothing else that is in `out` is ever replaced.
    Accuracies are in percent, losses in nats, one per epoch; those after the last epoch are the result.
    Raises RequestError, UnavailableError, and Failure when the loss is no longer finite.
    """
    folder = RunFolder(output_folder(Path(out)), RESULTS)
    settings = replace(settings, device=find_device(settings.device, "train"))
    # TF32 stays as PyTorch sets it, because the published code left it there.
    make_deterministic(settings.threads or torch.get_num_threads(), tf32=True)
    settings = replace(settings, threads=torch.get_num_threads())
    images = ImageFolder.read(sources.data)
    with join(settings.device) as processes, StopSignals() as stop, enough_memory(too_little(settings)):
        report = processes.reporting(report)
        run = _start(settings, read_weights(sources.weights), images, processes)
        processes.require_shares(settings.batch_size, len(run.training))
        if (finished := folder.take_over(run, resume, report)) is not None:
            return finished
        if run.epochs_done < settings.epochs:
            with processes.first_alone():
                opened = open_examples(run, images, sources.cache, report)
            _train_epochs(run, opened, folder, stop, report)
        return write_run(run, images, folder, report)


def too_little(settings: FinetuneSettings) -> str:
    """The message where memory is not enough."""
    free = "Free the GPU's memory, use --device cpu" if settings.device == "cuda" else "Free memory"
    return (
        f"Cannot go on training on {settings.device}: its memory is not enough for batches of "
        f"{settings.batch_size} images. {free} and go on with --resume, or start anew with a lower "
        "--batch-size, which is another experiment than the published one"
    )


def _start(
    settings: FinetuneSettings, weights: Weights, images: ImageFolder, processes: Processes
) -> FinetuneRun:
    description = Description(
        "resnet18", images.classes, IMAGE_SHAPE, IMAGENET, "float32", source_name(images)
    )
    run = start(settings, weights, description, len(images), processes)
    run.settings = replace(settings, weights_sha256=weights.sha256, data_sha256=digest(run, images))
    return run


def source_name(images: ImageFolder) -> str:
    """The name of the data set, not that of the folder that EuroSAT.zip has all in."""
    return "eurosat" if images.classes == EUROSAT else printable(images.root.resolve().name)


def digest(run: FinetuneRun, images: ImageFolder) -> str:
    """Of names and bytes of the images that are used: what a checkpoint must not be continued without."""
    names = [images.files[place] for place in used(run)]
    return hashlib.sha256(repr(names).encode() + b"".join(digests(images.paths(used(run))))).hexdigest()


def used(run: FinetuneRun) -> list[int]:
    """Places of the training images, and after them of those for validation."""
    return torch.cat([run.training, run.validation]).tolist()


def open_examples(run: FinetuneRun, images: ImageFolder, cache: Path, report: Report) -> Examples:
    places = used(run)
    meter = ProgressMeter(report, len(places)).begin("Decoding", len(places))
    return open_batches(
        images,
        places,
        cache,
        run.description.image_shape[-1],
        device=run.settings.device,
        report=report,
        progress=lambda done, total: meter(1),
    )


def _train_epochs(
    run: FinetuneRun, images: Examples, folder: RunFolder, stop: StopSignals, report: Report
) -> None:
    """`images` are the training images, and after them those for validation."""
    announce(run, report)
    examples, network = images, cast(nn.Module, run.model)
    if run.settings.mode == "features":
        examples, network = compute_features(run.model, images, report), run.model.fc
    training, validation = parts(examples, len(run.training))
    epochs = run.settings.epochs
    meter = ProgressMeter(report, len(images.labels) * (epochs - run.epochs_done))
    stop_if_told = partial(folder.stop_if_told, run, stop)
    while run.epochs_done < epochs:
        epoch = f"epoch {run.epochs_done + 1:{len(str(epochs))}}/{epochs}"
        train_epoch(
            run, network, training, meter.begin(f"{epoch}, training", len(run.training)), stop_if_told
        )
        validate(run, network, validation, meter.begin(f"{epoch}, validation", len(run.validation)))
        folder.save(run)
        report(progress(run_metrics(run), epochs, meter.elapsed, meter.left))


def announce(run: FinetuneRun, report: Report) -> None:
    settings = run.settings
    threads = f" with {counted(torch.get_num_threads(), 'thread')}" if settings.device == "cpu" else ""
    report(
        f"Training on {len(run.training):,} images of {run.description.source}, validating on "
        f"{len(run.validation):,}: epochs {run.epochs_done + 1} to {settings.epochs}, seed {settings.seed}, "
        f"mode {settings.mode}, {settings.device}{threads}"
    )


def run_metrics(run: FinetuneRun) -> dict[str, Any]:
    return metrics(run, {"training": len(run.training), "validation": len(run.validation)})


def write_run(run: FinetuneRun, images: ImageFolder, folder: RunFolder, report: Report) -> dict[str, Any]:
    """The predictions are those of the last epoch's validation."""
    assert run.logits is not None  # every epoch ends with them
    labels, classes = torch.from_numpy(images.labels)[run.validation], images.classes
    rows = predictions(run.logits, labels, run.validation, classes)
    rows = [{"image": printable(images.files[row["index"]]), **row} for row in rows]
    matrix = ConfusionMatrix.count(((row["label"], row["predicted"]) for row in rows), classes)
    write_csv(folder.path / CONFUSION, *matrix.table())
    return write_results(folder, run, run_metrics(run), rows, report)


Progress = Callable[[int], None]  # is told of images that are done


@dataclass
class FinetuneRun(TrainingRun):
    """The pretrained network with a new classifier. Places are those in the sorted folder of images.

    `logits` are those of the last epoch's validation (N, classes), on the CPU. Frozen weights are not saved:
    they are those of the weights' file, whose hash is part of the settings.
    """

    settings: FinetuneSettings
    model: ResNet
    training: Tensor
    validation: Tensor
    logits: Tensor | None = None

    def state(self) -> dict[str, Any]:
        frozen = {name for name, weight in self.model.named_parameters() if not weight.requires_grad}
        moving = {name: value for name, value in self.model.state_dict().items() if name not in frozen}
        return {**super().state(), "model": moving, "logits": self.logits}

    def load_state(self, saved: dict[str, Any]) -> None:
        super().load_state({**saved, "model": {**self.model.state_dict(), **saved["model"]}})
        self.logits = saved["logits"]


def start(
    settings: FinetuneSettings,
    weights: Weights,
    description: Description,
    images: int,
    processes: Processes = ALONE,
) -> FinetuneRun:
    """A run before its first epoch, and the global generators where the published run had them then.

    Each line that draws stands where the published code draws. The whole network is built, its 1000 classes
    included, although its random weights are overwritten: without it, another tenth of the images is used.
    """
    seed_everything(settings.seed)
    model = resnet18()
    load_weights(model, weights)
    model.requires_grad_(False)
    model.fc = nn.Linear(model.fc.in_features, len(description.classes))
    training, validation = draw_split(images)
    model.to(settings.device)
    processes.synchronize(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    return FinetuneRun(settings, description, model, optimizer, training, validation, processes=processes)


def train_epoch(
    run: FinetuneRun,
    network: nn.Module,
    examples: Examples,
    progress: Progress,
    after_step: Callable[[], None] = lambda: None,
) -> None:
    """One pass over the training examples, then the history's two training entries.

    The loss is the plain mean of the batches' means, as published, so that the images of a smaller last batch
    weigh more. An image counts as correct by the prediction made before its own step.
    Goes on with `run.epoch` where one is under way. What `after_step` raises can be resumed from there.
    """
    network.train()
    processes = run.processes
    epoch = run.epoch = run.epoch or Epoch(draw_training_order(len(examples.labels)))
    for batch in epoch.batches_left(run.settings.batch_size):
        places = processes.share(batch)
        labels = examples.labels[places]
        logits = network(examples.batch(places))
        loss = functional.cross_entropy(logits, labels) * processes.scale(places, batch)
        run.optimizer.zero_grad()
        loss.backward()
        processes.average_gradients(network)
        run.optimizer.step()
        epoch.add(loss / processes.count, (logits.argmax(1) == labels).sum())
        progress(len(batch))
        after_step()
    record(run, "training", *run.end_epoch())


@torch.no_grad()
def validate(run: FinetuneRun, network: nn.Module, examples: Examples, progress: Progress) -> None:
    """Predicts all validation examples, then adds the history's two validation entries."""
    network.eval()
    labels = examples.labels
    logits = torch.zeros(len(labels), len(run.description.classes), device=labels.device)
    batches = draw_validation_order(len(labels)).split(run.settings.batch_size)
    for batch in batches:
        if len(places := run.processes.share(batch)):
            logits[places] = network(examples.batch(places)).float()
        progress(len(batch))
    run.logits = run.processes.sum(logits)
    logits = run.logits.to(labels.device)
    losses = torch.stack([functional.cross_entropy(logits[batch], labels[batch]) for batch in batches])
    record(run, "validation", losses.tolist(), int((logits.argmax(1) == labels).sum()))


def record(run: FinetuneRun, part: str, losses: list[float], correct: int) -> None:
    total = 0.0
    for value in losses:
        total += value  # as published, in every Python: since 3.12, sum() rounds differently
    run.record(part, total / len(losses), correct)
