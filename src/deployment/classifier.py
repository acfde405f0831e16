"""A model at work: images to features in batches of any size, features to classes in batches of one size."""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor

from src.common.memory import memory_was_short
from src.deployment.batch_size import BatchSize
from src.deployment.samples import Sample
from src.images.normalization import NormalizationTable
from src.modelling.eurosat.settings import FinetuneSettings
from src.modelling.model_file import DTYPES, Description
from src.modelling.resnet import ResNet

ROWS = FinetuneSettings.batch_size  # as in the validation of training


class Classifier:
    """Samples to logits, without which batch they were in making a difference, where that is possible.

    On a CPU, the features of an image have the same bits whatever is in the batch beside it; only an image
    alone may be convolved by another algorithm, and so is never alone. A matrix product of a few rows has
    other bits than one of many: so the last layer always gets ROWS rows, and the rest at the end, as in
    training. A GPU may choose other algorithms for another batch size, which can change the last digits of a
    probability.
    """

    def __init__(self, model: ResNet, description: Description, device: str, size: BatchSize) -> None:
        self.size = size
        self.classes = description.classes
        self._model, self._description, self._device = model, description, device
        self._dtype = DTYPES[description.dtype]
        self._table = NormalizationTable(description.normalization, device, self._dtype)

    @torch.inference_mode()
    def logits(self, samples: Iterable[Sample]) -> Iterator[tuple[list[Sample], Tensor]]:
        """Groups of ROWS samples, fewer at the end, and their logits (N, classes), float64, on the device."""
        rest = iter(samples)
        group: list[Sample] = []
        features: list[Tensor] = []
        while batch := list(islice(rest, min(self.size.now, ROWS - len(group)))):
            group += batch
            features += self.features([sample.pixels for sample in batch])
            if len(group) == ROWS:
                yield group, self._classify(features)
                group, features = [], []
        if group:
            yield group, self._classify(features)

    @torch.inference_mode()
    def features(self, images: Sequence[Tensor]) -> list[Tensor]:
        """Images (C, H, W) to parts of (N, width of the last layer); several where memory is short."""
        parts: list[Tensor] = []
        done = 0
        while done < len(images):
            part = images[done : done + self.size.now]
            if (features := self._try(part)) is None:
                self.size.out_of_memory(len(part), self._device)
            else:
                parts.append(features)
                done += len(part)
        return parts

    def _classify(self, features: list[Tensor]) -> Tensor:
        return self._model.fc(torch.cat(features)).double()

    def _try(self, images: Sequence[Tensor]) -> Tensor | None:
        """The features, or None where memory was short: what had been allocated is free again then."""
        begin = time.perf_counter()
        try:
            company = images if len(images) > 1 else [*images, *images]
            features = self._model.features(self._normalized(torch.stack(list(company))))[: len(images)]
            if self._device == "cuda" and not self.size.settled:
                torch.cuda.synchronize()
        except (RuntimeError, MemoryError) as error:
            if not memory_was_short(error):
                raise
        else:
            self.size.worked(len(images), time.perf_counter() - begin)
            return features
        if self._device == "cuda":
            torch.cuda.empty_cache()
        return None

    def _normalized(self, images: Tensor) -> Tensor:
        """(N, C, H, W), uint8 or float64 in [0, 1] -> what the model takes, on its device."""
        if images.dtype != torch.uint8:
            normalized = self._description.normalization.apply(images)
            return normalized.to(device=self._device, dtype=self._dtype)
        if self._device == "cpu":
            return self._table.look_up_each(images, torch.arange(len(images)))
        return self._table.look_up(images.pin_memory().to(self._device, non_blocking=True))
