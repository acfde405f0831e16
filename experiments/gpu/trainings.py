"""Whole trainings, ours and the published loop, with their times, metrics and memory."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors.torch import load_file

from experiments.gpu.anonymous_memory import AnonymousMemory
from experiments.gpu.device import IMAGE, network, synchronize
from src.images.batches import open_batches
from src.images.image_folder import ImageFolder
from src.modelling.determinism import make_deterministic, seed_everything
from src.modelling.eurosat.draws import USED, draw_split
from src.modelling.eurosat.settings import FinetuneSettings, Sources
from src.modelling.eurosat.train import finetune
from src.reference.published_loop import Published, published_loop
from src.reference.real_torchvision import import_torchvision

EPOCH = re.compile(r"epoch +\d+/\d+ +loss")  # finetune's line when an epoch is done
OPENED = "Training on"  # and when its images are at hand
METRICS = ("training_loss", "training_correct", "validation_correct")


@dataclass(frozen=True)
class Workplace:
    """The folder with data sets and weights, and what is asked for; device is cuda or cpu."""

    folder: Path
    device: str
    epochs: int

    @property
    def settings(self) -> FinetuneSettings:
        return FinetuneSettings(epochs=self.epochs, device=self.device)

    def sources(self, name: str) -> Sources:
        (weights,) = self.folder.glob("resnet18-*.pth")
        data = self.folder / ("eurosat/2750" if name == "eurosat" else name)
        return Sources(data, weights, self.folder / "cache" / name)


def warm_up(place: Workplace) -> int | None:
    """Loads the device's libraries by steps on random images; returns the peak of anonymous memory."""
    make_deterministic(torch.get_num_threads(), tf32=True)
    with AnonymousMemory() as memory:
        used = len(ImageFolder.read(place.sources("eurosat").data)) // USED
        pixels = torch.randn(min(place.settings.batch_size, used), *IMAGE).to(place.device)
        model = network(place.device)
        for _ in range(2):
            model(pixels).sum().backward()
        synchronize(place.device)
    return memory.peak


def train(place: Workplace, name: str, mode: str, out: str) -> dict[str, Any]:
    """Our training on this data set; its times are those of finetune's own lines."""
    marks: list[tuple[float, str]] = []
    settings = FinetuneSettings(mode=mode, epochs=place.epochs, device=place.device)
    begin = time.perf_counter()

    def report(line: str) -> None:
        marks.append((time.perf_counter() - begin, line))

    with AnonymousMemory() as memory:
        metrics = finetune(place.sources(name), settings, place.folder / out, report=report)
    opened = next(at for at, line in marks if line.startswith(OPENED))
    epochs = lengths([opened, *(at for at, line in marks if EPOCH.match(line))])
    images = metrics["training_total"] + metrics["validation_total"]
    # In feature mode all images pass before the first epoch ends; in exact mode in each, the first is slower.
    passing = epochs[0] if mode == "features" else median(epochs[1:] or epochs)
    return {
        "seconds": time.perf_counter() - begin,
        "seconds_until_training": opened,
        "seconds_per_epoch": epochs,
        "images": images,
        "images_per_second": images / passing,
        "peak_anonymous_bytes": memory.peak,
        **{name: metrics[name] for name in METRICS},
    }


def lengths(marks: list[float]) -> list[float]:
    """Of the spans between times."""
    return [later - earlier for earlier, later in zip(marks, marks[1:], strict=False)]


def train_as_published(
    place: Workplace, seconds: float, ours: Path, save: Callable[[dict[str, Any]], None]
) -> None:
    """The published loop, with the same flags: as many epochs as there is time for.

    `ours` are the weights that its final ones are compared with.
    """
    torchvision = import_torchvision()

    def goes_on(so_far: Published) -> bool:
        epochs = lengths([0.0, *so_far.seconds])
        print(f"epoch {len(epochs)}/{place.epochs} of the published loop, {epochs[-1]:.1f} s", flush=True)
        whole = len(epochs) == place.epochs
        save(
            {
                "torchvision": torchvision and torchvision.__version__,
                "seconds": so_far.seconds[-1],
                "seconds_per_epoch": epochs,
                "whole": whole,
                "tensors_that_differ": different_tensors(ours, so_far) if whole else None,
                **{name: getattr(so_far, name) for name in METRICS},
            }
        )
        return so_far.seconds[-1] + max(epochs) < seconds

    published_loop(place.sources("eurosat"), place.settings, torchvision, goes_on)


def different_tensors(ours: Path, result: Published) -> int:
    """How many of the final weights do not have the same bits."""
    theirs = result.model.state_dict()
    return sum(not torch.equal(value, theirs[name].cpu()) for name, value in load_file(ours).items())


def first_batch(place: Workplace) -> float:
    """Seconds from the folder's name to the first normalized batch on the device, images in the cache."""
    torch.zeros(1, device=place.device)
    seed_everything(place.settings.seed)
    sources = place.sources("eurosat")
    begin = time.perf_counter()
    folder = ImageFolder.read(sources.data)
    used = torch.cat(draw_split(len(folder)))
    batches = open_batches(folder, used.tolist(), sources.cache, device=place.device)
    batches.batch(torch.arange(min(place.settings.batch_size, len(used))))
    synchronize(place.device)
    return time.perf_counter() - begin
