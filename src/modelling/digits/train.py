"""Trains on digits: the function that the command and the notebook call, then what it does, in turn."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from src.common.command import Report
from src.common.files import output_folder
from src.common.stop_signals import StopSignals
from src.modelling.determinism import find_device, make_deterministic, seed_everything
from src.modelling.digits.data import Images, Split, load
from src.modelling.digits.settings import DigitsSettings
from src.modelling.model_file import DTYPES, Description, build
from src.modelling.processes import ALONE, Processes, join
from src.modelling.results import metrics, predictions, progress, write_results
from src.modelling.run_folder import METRICS, MODEL, RunFolder
from src.modelling.training_run import Epoch, TrainingRun

RESULTS = (METRICS, MODEL, "history.csv", "predictions.json")
EVALUATION_BATCH = 512
WARM_UP = 0.2  # the share of steps in which the learning rate rises to its maximum


def train(
    settings: DigitsSettings, out: Path | str, resume: bool = False, report: Report = print
) -> dict[str, Any]:
    """Trains, writes all results into the folder `out`, and returns what metrics.json holds.

    With `resume` a run that was cut off goes on after its last whole epoch, to the same final weights bit for
    bit; a finished one is left as it is. Nothing else that is in `out` is ever replaced.
    Accuracies are in percent, losses in nats per image, one per epoch.
    Raises RequestError, UnavailableError, and Failure when the loss is no longer finite.
    """
    folder = RunFolder(output_folder(Path(out)), RESULTS)
    find_device(settings.device, "train")
    make_deterministic(settings.threads)
    split = load(settings.data)
    with join(settings.device) as processes, StopSignals() as stop:
        report = processes.reporting(report)
        processes.require_shares(settings.batch_size, len(split.training))
        run = start(settings, split, processes)
        if (finished := folder.take_over(run, resume, report)) is not None:
            return finished
        _train_epochs(run, split, folder, stop, report)
        images = split.validation
        rows = predictions(predict(run, images), images.labels, images.index, split.classes)
        return write_results(folder, run, _metrics(run, split), rows, report)


def _train_epochs(run: Run, split: Split, folder: RunFolder, stop: StopSignals, report: Report) -> None:
    settings, epochs, first = run.settings, run.settings.epochs, run.epochs_done
    report(
        f"Training on {len(split.training)} images of {split.source}, validating on {len(split.validation)}: "
        f"epochs {first + 1} to {epochs}, seed {settings.seed}, {settings.dtype}, {settings.device}"
    )
    begin = time.monotonic()
    stop_if_told = partial(folder.stop_if_told, run, stop)
    while run.epochs_done < epochs:
        train_epoch(run, split.training, stop_if_told)
        validate(run, split.validation)
        folder.save(run)
        elapsed = time.monotonic() - begin
        remaining = elapsed / (run.epochs_done - first) * (epochs - run.epochs_done)
        report(progress(_metrics(run, split), epochs, elapsed, remaining))


def _metrics(run: Run, split: Split) -> dict[str, Any]:
    return metrics(run, {"training": len(split.training), "validation": len(split.validation)})


@dataclass
class Run(TrainingRun):
    """Training from random weights, with a learning rate that follows a schedule."""

    settings: DigitsSettings
    scheduler: OneCycleLR
    generator: torch.Generator  # of the order and the shifts; on the CPU, so that every device draws the same

    def state(self) -> dict[str, Any]:
        own = {"scheduler": self.scheduler.state_dict(), "generator": self.generator.get_state()}
        return {**super().state(), **own}

    def load_state(self, saved: dict[str, Any]) -> None:
        # The scheduler was built before: built after loading, it would overwrite the learning rate.
        super().load_state(saved)
        self.scheduler.load_state_dict(saved["scheduler"])
        self.generator.set_state(saved["generator"])


def start(settings: DigitsSettings, split: Split, processes: Processes = ALONE) -> Run:
    """A run before its first epoch: weights and order depend on nothing but the settings' seed."""
    seed_everything(settings.seed)
    description = Description(
        architecture="small_resnet",
        classes=split.classes,
        image_shape=split.image_shape,
        normalization=split.normalization,
        dtype=settings.dtype,
        source=split.source,
    )
    model = build(description).to(settings.device)
    processes.synchronize(model)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=True,
    )
    # Up and down in straight lines: unlike a cosine, the same bits in every mathematical library.
    scheduler = OneCycleLR(
        optimizer,
        settings.learning_rate,
        total_steps=math.ceil(len(split.training) / settings.batch_size) * settings.epochs,
        pct_start=WARM_UP,
        anneal_strategy="linear",
        cycle_momentum=False,
    )
    generator = torch.Generator().manual_seed(settings.seed)
    return Run(settings, description, model, optimizer, scheduler, generator, processes=processes)


def train_epoch(run: Run, images: Images, after_step: Callable[[], None] = lambda: None) -> None:
    """One pass over the training images in random order, then the history's two training entries.

    The loss is the mean over images; an image counts as correct by the prediction made before its own step.
    Goes on with `run.epoch` where one is under way. What `after_step` raises can be resumed from there.
    """
    run.model.train()
    processes, settings = run.processes, run.settings
    epoch = run.epoch = run.epoch or Epoch(torch.randperm(len(images), generator=run.generator))
    for batch in epoch.batches_left(settings.batch_size):
        # Drawn for the whole batch, so that the images are the same in however many processes.
        pixels = processes.share(shifted(images.pixels[batch], settings.shift, run.generator))
        share = processes.share(batch)
        labels = images.labels[share].to(settings.device)
        logits = run.model(_prepared(run, pixels))
        loss = functional.cross_entropy(logits, labels, label_smoothing=settings.label_smoothing)
        run.require_finite(loss.item())
        loss = loss * processes.scale(share, batch)
        run.optimizer.zero_grad()
        loss.backward()
        processes.average_gradients(run.model)
        run.optimizer.step()
        run.scheduler.step()
        epoch.add(loss / processes.count, (logits.argmax(1) == labels).sum())
        after_step()
    loss_sum = 0.0
    losses, correct = run.end_epoch()
    for mean, batch in zip(losses, epoch.order.split(settings.batch_size), strict=True):
        loss_sum += mean * len(batch)  # in this order in every Python: since 3.12, sum() rounds differently
    run.record("training", loss_sum / len(images), correct)


def validate(run: Run, images: Images) -> None:
    """Predicts all images, then adds the history's two validation entries."""
    logits = predict(run, images)
    loss = functional.cross_entropy(logits, images.labels).item()
    run.record("validation", loss, int((logits.argmax(1) == images.labels).sum()))


@torch.no_grad()
def predict(run: Run, images: Images) -> Tensor:
    """Logits (N, classes), float64, on the CPU; each process predicts its share, all have the whole."""
    run.model.eval()
    logits = torch.zeros(len(images), len(run.description.classes), dtype=torch.float64)
    for places in run.processes.share(torch.arange(len(images))).split(EVALUATION_BATCH):
        logits[places] = run.model(_prepared(run, images.pixels[places])).cpu().double()
    return run.processes.sum(logits)


def _prepared(run: Run, pixels: Tensor) -> Tensor:
    """Pixels in [0, 1] -> what the model takes, on its device."""
    normalized = run.description.normalization.apply(pixels)
    return normalized.to(device=run.settings.device, dtype=DTYPES[run.settings.dtype])


def shifted(pixels: Tensor, largest: int, generator: torch.Generator) -> Tensor:
    """Moves each image (N, C, H, W) by -largest..largest pixels in both directions; zeros come in."""
    count, _, height, width = pixels.shape
    offsets = torch.randint(0, 2 * largest + 1, (count, 2), generator=generator)
    rows = offsets[:, :1] + torch.arange(height)
    columns = offsets[:, 1:] + torch.arange(width)
    padded = functional.pad(pixels, (largest,) * 4).movedim(1, 3)
    images = torch.arange(count)[:, None, None]
    return padded[images, rows[:, :, None], columns[:, None, :]].movedim(3, 1).contiguous()
