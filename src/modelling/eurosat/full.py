"""Mode full: all weights learn from four fifths of all images. One function, then what it does, in turn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from src.common.command import Report
from src.common.files import output_folder
from src.common.memory import enough_memory
from src.common.progress import ProgressMeter
from src.common.stop_signals import StopSignals
from src.images.image_folder import ImageFolder
from src.images.normalization import IMAGENET
from src.modelling.determinism import find_device, make_deterministic, seed_everything
from src.modelling.eurosat.examples import Examples, parts
from src.modelling.eurosat.settings import FullSettings, Sources
from src.modelling.eurosat.train import (
    RESULTS,
    FinetuneRun,
    Progress,
    announce,
    digest,
    open_examples,
    record,
    run_metrics,
    source_name,
    too_little,
    validate,
    write_run,
)
from src.modelling.eurosat.weights import Weights, load_weights, read_weights
from src.modelling.model_file import Description
from src.modelling.processes import Processes, join
from src.modelling.resnet import resnet18
from src.modelling.results import progress
from src.modelling.run_folder import RunFolder
from src.modelling.training_run import Epoch

TRAINING_TENTHS = 8  # of the images train, as in Helber et al. 2019; the others validate
WARM_UP = 0.2  # the share of steps in which the learning rate rises to its maximum
WORTH_COMPILING = 2000  # steps: compiling takes about a minute
TURNS = 8  # of a square: four rotations, each also mirrored. Seen from above, no side is up
FIRST_SCALE = 2.0**12  # of float16's losses; the default, 2.0**16, wastes the first steps


def train_fully(
    sources: Sources, settings: FullSettings, out: Path | str, resume: bool = False, report: Report = print
) -> dict[str, Any]:
    """Trains, writes all results into the folder `out`, and returns what metrics.json holds.

    As `finetune` does: it resumes to the same weights bit for bit, replaces nothing else that is in `out`,
    and raises the same. Accuracies are in percent, losses in nats; those after the last epoch are the result,
    since whoever takes the best epoch's has chosen by the validation images.
    """
    folder = RunFolder(output_folder(Path(out)), RESULTS)
    settings = replace(settings, device=find_device(settings.device, "train"))
    make_deterministic(settings.threads or torch.get_num_threads(), tf32=True)
    images = ImageFolder.read(sources.data)
    with join(settings.device) as processes, StopSignals() as stop, enough_memory(too_little(settings)):
        report = processes.reporting(report)
        run = start(settings, read_weights(sources.weights), images, processes)
        if (finished := folder.take_over(run, resume, report)) is not None:
            return finished
        if run.epochs_done < settings.epochs:
            with processes.first_alone():
                examples = open_examples(run, images, sources.cache, report)
            _train_epochs(run, examples, partial(folder.stop_if_told, run, stop), folder, report)
        return write_run(run, images, folder, report)


@dataclass(kw_only=True)
class FullRun(FinetuneRun):
    """Training of all weights, with a learning rate that follows a schedule."""

    settings: FullSettings
    scheduler: OneCycleLR
    scaler: torch.amp.GradScaler
    generator: torch.Generator  # of the order and the turns; on the CPU, so that every device draws the same

    def state(self) -> dict[str, Any]:
        own = {
            "scheduler": self.scheduler.state_dict(),
            "scaler": self.scaler.state_dict(),
            "generator": self.generator.get_state(),
        }
        return {**super().state(), **own}

    def load_state(self, saved: dict[str, Any]) -> None:
        super().load_state(saved)
        self.scheduler.load_state_dict(saved["scheduler"])
        self.scaler.load_state_dict(saved["scaler"])
        self.generator.set_state(saved["generator"])

    def autocast(self) -> torch.autocast:
        """Products in the run's precision; where that is float32, nothing changes."""
        precision = self.settings.precision
        return torch.autocast(self.settings.device, getattr(torch, precision), enabled=precision != "float32")


def start(settings: FullSettings, weights: Weights, images: ImageFolder, processes: Processes) -> FullRun:
    """A run before its first epoch: pretrained weights, a new classifier, and the seed's split."""
    seed_everything(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    training, validation = draw_split(len(images), generator)
    processes.require_shares(settings.batch_size, len(training))
    steps = math.ceil(len(training) / settings.batch_size) * settings.epochs
    settings = decided(settings, steps)
    model = resnet18()
    load_weights(model, weights)
    model.fc = nn.Linear(model.fc.in_features, len(images.classes))
    model.to(settings.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    processes.synchronize(model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    scheduler = OneCycleLR(
        optimizer, settings.learning_rate, total_steps=steps, pct_start=WARM_UP, cycle_momentum=False
    )
    scaler = torch.amp.GradScaler(
        settings.device, init_scale=FIRST_SCALE, enabled=settings.precision == "float16"
    )
    shape = (3, settings.edge, settings.edge)
    run = FullRun(
        settings=settings,
        description=Description("resnet18", images.classes, shape, IMAGENET, "float32", source_name(images)),
        model=model,
        optimizer=optimizer,
        scheduler=scheduler,
        scaler=scaler,
        generator=generator,
        training=training,
        validation=validation,
        processes=processes,
    )
    run.settings = replace(settings, weights_sha256=weights.sha256, data_sha256=digest(run, images))
    return run


def draw_split(images: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Places of the training and of the validation images among so many, int64, in random order."""
    order = torch.randperm(images, generator=generator)
    training = images * TRAINING_TENTHS // 10
    return order[:training], order[training:]


def decided(settings: FullSettings, steps: int) -> FullSettings:
    """The settings with what the device can do in place of auto."""
    on_gpu = settings.device == "cuda"
    precision, compile = settings.precision, settings.compile
    if precision == "auto" and not on_gpu:
        precision = "float32"
    elif precision == "auto":
        precision = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if compile == "auto":
        # Triton, which compiles for GPUs, wants compute capability 7.0.
        able = on_gpu and torch.cuda.get_device_capability() >= (7, 0) and find_spec("triton") is not None
        compile = "yes" if able and steps >= WORTH_COMPILING else "no"
    return replace(settings, precision=precision, compile=compile, threads=torch.get_num_threads())


def _train_epochs(
    run: FullRun, images: Examples, stop_if_told: Callable[[], None], folder: RunFolder, report: Report
) -> None:
    """`images` are the training images, and after them those for validation."""
    announce(run, report)
    training, validation = parts(images, len(run.training))
    epochs = run.settings.epochs
    network = run.model
    if run.settings.compile == "yes":
        torch.use_deterministic_algorithms(True)  # tells the compiler, too
        # Twice: for whole batches, and for the last of an epoch.
        network = cast(Any, torch.compile(run.model, dynamic=False))
    meter = ProgressMeter(report, len(images.labels) * (epochs - run.epochs_done))
    while run.epochs_done < epochs:
        epoch = f"epoch {run.epochs_done + 1:{len(str(epochs))}}/{epochs}"
        meter.begin(f"{epoch}, training", len(run.training))
        train_epoch(run, network, training, meter, stop_if_told)
        meter.begin(f"{epoch}, validation", len(run.validation))
        with run.autocast():
            validate(run, run.model, validation, meter)
        folder.save(run)
        report(progress(run_metrics(run), epochs, meter.elapsed, meter.left))


def train_epoch(
    run: FullRun,
    network: nn.Module,
    examples: Examples,
    progress: Progress,
    after_step: Callable[[], None] = lambda: None,
) -> None:
    """One pass over the training examples in random order, then the history's two training entries.

    The loss is the mean over batches; an image counts as correct by the prediction made before its own step.
    Goes on with `run.epoch` where one is under way. What `after_step` raises can be resumed from there.
    """
    network.train()
    processes, smoothing = run.processes, run.settings.label_smoothing
    epoch = run.epoch = run.epoch or Epoch(torch.randperm(len(examples.labels), generator=run.generator))
    for batch in epoch.batches_left(run.settings.batch_size):
        turns = torch.randint(TURNS, (len(batch),), generator=run.generator)
        places = processes.share(batch)
        labels = examples.labels[places]
        images = turned(examples.batch(places), processes.share(turns))
        with run.autocast():
            logits = network(images)
            loss = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        loss = loss * processes.scale(places, batch)
        run.optimizer.zero_grad()
        run.scaler.scale(loss).backward()
        processes.average_gradients(run.model)
        run.scaler.step(run.optimizer)
        run.scaler.update()
        run.scheduler.step()
        epoch.add(loss / processes.count, (logits.argmax(1) == labels).sum())
        progress(len(batch))
        after_step()
    record(run, "training", *run.end_epoch())


def turned(images: Tensor, turns: Tensor) -> Tensor:
    """Square images (N, C, H, H), turned by 0 to 3 right angles, and mirrored from 4 on; channels last."""
    result = torch.empty_like(images, memory_format=torch.channels_last)
    for turn in turns.unique().tolist():
        places = (turns == turn).nonzero().flatten().to(images.device)
        some = images.index_select(0, places).rot90(turn % 4, (2, 3))
        result.index_copy_(0, places, some.flip(3) if turn >= TURNS // 2 else some)
    return result
