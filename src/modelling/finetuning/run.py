"""A fine-tuning run in memory, and one epoch of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.modelling.determinism import seed_everything
from src.modelling.finetuning.draws import draw_split, draw_training_order, draw_validation_order
from src.modelling.finetuning.examples import Examples
from src.modelling.finetuning.settings import FinetuneSettings
from src.modelling.finetuning.weights import Weights, load_weights
from src.modelling.model_file import Description
from src.modelling.resnet import ResNet, resnet18
from src.modelling.run import require_finite
from src.modelling.training_run import TrainingRun

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


def start(settings: FinetuneSettings, weights: Weights, description: Description, images: int) -> FinetuneRun:
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
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    return FinetuneRun(settings, description, model, optimizer, training, validation)


def train_epoch(run: FinetuneRun, network: nn.Module, examples: Examples, progress: Progress) -> None:
    """One pass over the training examples, then the history's two training entries.

    The loss is the plain mean of the batches' means, as published, so that the images of a smaller last batch
    weigh more. An image counts as correct by the prediction made before its own step.
    """
    network.train()
    losses, correct = [], []
    for places in draw_training_order(len(examples.labels)).split(run.settings.batch_size):
        labels = examples.labels[places]
        logits = network(examples.batch(places))
        loss = functional.cross_entropy(logits, labels)
        run.optimizer.zero_grad()
        loss.backward()
        run.optimizer.step()
        losses.append(loss.detach())
        correct.append((logits.argmax(1) == labels).sum())
        progress(len(places))
    _record(run, "training", losses, correct, run.epochs_done + 1)


@torch.no_grad()
def validate(run: FinetuneRun, network: nn.Module, examples: Examples, progress: Progress) -> None:
    """Predicts all validation examples, then adds the history's two validation entries."""
    network.eval()
    losses, correct, predicted = [], [], []
    for places in draw_validation_order(len(examples.labels)).split(run.settings.batch_size):
        labels = examples.labels[places]
        logits = network(examples.batch(places))
        losses.append(functional.cross_entropy(logits, labels))
        correct.append((logits.argmax(1) == labels).sum())
        predicted.append(logits)
        progress(len(places))
    _record(run, "validation", losses, correct, run.epochs_done)
    run.logits = torch.cat(predicted).cpu()


def _record(run: FinetuneRun, part: str, losses: list[Tensor], correct: list[Tensor], epoch: int) -> None:
    """Fetches the numbers once per epoch: after every batch, a GPU would stand still for each."""
    total = 0.0
    for value in torch.stack(losses).tolist():
        total += value  # as published, in every Python: since 3.12, sum() rounds differently
    loss = require_finite(total / len(losses), run.settings, epoch)
    run.history[f"{part}_loss"].append(loss)
    run.history[f"{part}_correct"].append(int(torch.stack(correct).sum()))
