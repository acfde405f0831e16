"""What the network learns from: images for the whole network, or features for its classifier alone."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from src.common.command import Report
from src.common.progress import ProgressMeter
from src.modelling.resnet import ResNet

FEATURE_BATCH = 64  # images; larger batches were no faster on a CPU, and need more memory


class Examples(Protocol):
    """Labelled inputs on the network's device, at places 0 to N - 1."""

    @property
    def labels(self) -> Tensor:
        """(N,), int64."""
        ...

    def batch(self, places: Tensor) -> Tensor:
        """(M,), int64, on the CPU -> (M, ...), float32."""
        ...


@dataclass(frozen=True)
class Part:
    """The examples from place `first` on, as many as there are `labels`."""

    examples: Examples
    first: int
    labels: Tensor

    def batch(self, places: Tensor) -> Tensor:
        return self.examples.batch(self.first + places)


def parts(examples: Examples, first: int) -> tuple[Part, Part]:
    """The first examples, so many, and the others."""
    labels = examples.labels
    return Part(examples, 0, labels[:first]), Part(examples, first, labels[first:])


@dataclass(frozen=True)
class Features:
    """What the classifier sees of each image: values (N, features)."""

    values: Tensor
    labels: Tensor

    def batch(self, places: Tensor) -> Tensor:
        return self.values[places]


@torch.no_grad()
def compute_features(model: ResNet, images: Examples, report: Report) -> Features:
    """Runs the network without its classifier once over all images, with batch norm as it was pretrained."""
    model.eval()
    count = len(images.labels)
    meter = ProgressMeter(report, count).begin("Computing features", count)
    values = []
    for places in torch.arange(count).split(FEATURE_BATCH):
        values.append(model.features(images.batch(places)))
        meter(len(places))
    return Features(torch.cat(values), images.labels)
