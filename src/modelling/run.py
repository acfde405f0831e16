"""One training run in memory: model, optimizer, schedule, random numbers, history; and one epoch of it."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from src.failure import Failure
from src.modelling.data import Images, Split
from src.modelling.determinism import seed_everything
from src.modelling.model_file import DTYPES, Description, build
from src.modelling.settings import Recipe, Settings
from src.modelling.training_run import TrainingRun

EVALUATION_BATCH = 512
WARM_UP = 0.2  # the share of steps in which the learning rate rises to its maximum


@dataclass
class Run(TrainingRun):
    """Training from random weights, with a learning rate that follows a schedule."""

    settings: Settings
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


def start(settings: Settings, split: Split) -> Run:
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
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=True,
    )
    generator = torch.Generator().manual_seed(settings.seed)
    return Run(settings, description, model, optimizer, _schedule(settings, split, optimizer), generator)


def _schedule(settings: Settings, split: Split, optimizer: torch.optim.Optimizer) -> OneCycleLR:
    """Up and down in straight lines: unlike a cosine, the same bits in every mathematical library."""
    steps = math.ceil(len(split.training) / settings.batch_size) * settings.epochs
    return OneCycleLR(
        optimizer,
        settings.learning_rate,
        total_steps=steps,
        pct_start=WARM_UP,
        anneal_strategy="linear",
        cycle_momentum=False,
    )


def train_epoch(run: Run, images: Images) -> None:
    """One pass over the training images in random order, then the history's two training entries.

    The loss is the mean over images; an image counts as correct by the prediction made before its own step.
    """
    run.model.train()
    loss_sum, correct = 0.0, 0
    for batch in torch.randperm(len(images), generator=run.generator).split(run.settings.batch_size):
        pixels = shifted(images.pixels[batch], run.settings.shift, run.generator)
        loss, hits = _step(run, _prepared(run, pixels), images.labels[batch].to(run.settings.device))
        loss_sum += loss * len(batch)
        correct += hits
    run.history["training_loss"].append(loss_sum / len(images))
    run.history["training_correct"].append(correct)


def _step(run: Run, inputs: Tensor, labels: Tensor) -> tuple[float, int]:
    logits = run.model(inputs)
    loss = functional.cross_entropy(logits, labels, label_smoothing=run.settings.label_smoothing)
    value = require_finite(loss.item(), run.settings, run.epochs_done + 1)
    run.optimizer.zero_grad()
    loss.backward()
    run.optimizer.step()
    run.scheduler.step()
    return value, int((logits.argmax(1) == labels).sum())


def require_finite(loss: float, settings: Recipe, epoch: int) -> float:
    """The loss. Raises Failure when it is infinite or no number, from which no step leads back."""
    if not math.isfinite(loss):
        raise Failure(
            f"Cannot go on training: the loss must be finite, current value is {loss} in epoch {epoch}. "
            f"Lower --learning-rate (it is {settings.learning_rate})"
        )
    return loss


def validate(run: Run, images: Images) -> None:
    """Predicts all images, then adds the history's two validation entries."""
    logits = predict(run, images)
    loss = functional.cross_entropy(logits, images.labels).item()
    run.history["validation_loss"].append(require_finite(loss, run.settings, run.epochs_done))
    run.history["validation_correct"].append(int((logits.argmax(1) == images.labels).sum()))


@torch.no_grad()
def predict(run: Run, images: Images) -> Tensor:
    """Logits (N, classes), float64, on the CPU."""
    run.model.eval()
    batches = images.pixels.split(EVALUATION_BATCH)
    return torch.cat([run.model(_prepared(run, batch)).cpu().double() for batch in batches])


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
