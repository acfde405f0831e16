"""Fine-tunes by settings and writes the results: the function that the command and the notebook call."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from src.command import Report, counted, printable
from src.confusion_matrix import ConfusionMatrix
from src.files import output_folder, write_csv
from src.images.batches import open_batches
from src.images.decoding import digests
from src.images.image_folder import ImageFolder
from src.images.normalization import IMAGENET
from src.memory import enough_memory
from src.modelling.determinism import find_device, make_deterministic
from src.modelling.finetuning.examples import Examples, compute_features, parts
from src.modelling.finetuning.run import FinetuneRun, start, train_epoch, validate
from src.modelling.finetuning.settings import FinetuneSettings, Sources
from src.modelling.finetuning.weights import Weights, read_weights
from src.modelling.model_file import Description
from src.modelling.results import metrics, predictions, progress, write_results
from src.modelling.run_folder import METRICS, MODEL, RunFolder
from src.pace import Pace

MADE_BY = "src/modelling/finetune.py"
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
    force: bool = False,
) -> dict[str, Any]:
    """Fine-tunes, writes all results into the folder `out`, and returns what metrics.json holds.

    With `resume` a run that was cut off goes on after its last whole epoch, to the same final weights bit for
    bit; a finished one is left as it is. Files that another program made are only replaced with `force`.
    Accuracies are in percent, losses in nats, one per epoch; those after the last epoch are the result.
    Raises RequestError, UnavailableError, and Failure when the loss is no longer finite.
    """
    folder = RunFolder(output_folder(Path(out)), MADE_BY, RESULTS)
    settings = replace(settings, device=find_device(settings.device, "train"))
    # TF32 stays as PyTorch sets it, because the published code left it there.
    make_deterministic(settings.threads or torch.get_num_threads(), tf32=True)
    settings = replace(settings, threads=torch.get_num_threads())
    images = ImageFolder.read(sources.data)
    with enough_memory(too_little(settings)):
        run = _start(settings, read_weights(sources.weights), images)
        if (finished := folder.take_over(run, resume, force, report)) is not None:
            return finished
        if run.epochs_done < settings.epochs:
            _train_epochs(run, _open(run, images, sources.cache, report), folder, report)
    return _write_results(run, images, folder, report)


def too_little(settings: FinetuneSettings) -> str:
    """The message where memory is not enough."""
    free = "Free the GPU's memory, use --device cpu" if settings.device == "cuda" else "Free memory"
    return (
        f"Cannot go on training on {settings.device}: its memory is not enough for batches of "
        f"{settings.batch_size} images. {free} and go on with --resume, or start anew with a lower "
        "--batch-size, which is another experiment than the published one"
    )


def _start(settings: FinetuneSettings, weights: Weights, images: ImageFolder) -> FinetuneRun:
    description = Description("resnet18", images.classes, IMAGE_SHAPE, IMAGENET, "float32", _source(images))
    run = start(settings, weights, description, len(images))
    run.settings = replace(settings, weights_sha256=weights.sha256, data_sha256=_digest(run, images))
    return run


def _source(images: ImageFolder) -> str:
    """The name of the data set, not that of the folder that EuroSAT.zip has all in."""
    return "eurosat" if images.classes == EUROSAT else printable(images.root.resolve().name)


def _digest(run: FinetuneRun, images: ImageFolder) -> str:
    """Of names and bytes of the images that are used: what a checkpoint must not be continued without."""
    names = [images.files[place] for place in _used(run)]
    return hashlib.sha256(repr(names).encode() + b"".join(digests(images.paths(_used(run))))).hexdigest()


def _used(run: FinetuneRun) -> list[int]:
    """Places of the training images, and after them of those for validation."""
    return torch.cat([run.training, run.validation]).tolist()


def _open(run: FinetuneRun, images: ImageFolder, cache: Path, report: Report) -> Examples:
    used = _used(run)
    pace = Pace(report, len(used)).begin("Decoding", len(used))
    return open_batches(
        images, used, cache, device=run.settings.device, report=report, progress=lambda done, total: pace(1)
    )


def _train_epochs(run: FinetuneRun, images: Examples, folder: RunFolder, report: Report) -> None:
    """`images` are the training images, and after them those for validation."""
    _announce(run, report)
    examples, network = images, cast(nn.Module, run.model)
    if run.settings.mode == "features":
        examples, network = compute_features(run.model, images, report), run.model.fc
    training, validation = parts(examples, len(run.training))
    epochs = run.settings.epochs
    pace = Pace(report, len(images.labels) * (epochs - run.epochs_done))
    while run.epochs_done < epochs:
        epoch = f"epoch {run.epochs_done + 1:{len(str(epochs))}}/{epochs}"
        train_epoch(run, network, training, pace.begin(f"{epoch}, training", len(run.training)))
        validate(run, network, validation, pace.begin(f"{epoch}, validation", len(run.validation)))
        folder.save(run)
        report(progress(_metrics(run), epochs, pace.elapsed, pace.left))


def _announce(run: FinetuneRun, report: Report) -> None:
    settings = run.settings
    threads = f" with {counted(torch.get_num_threads(), 'thread')}" if settings.device == "cpu" else ""
    report(
        f"Training on {len(run.training):,} images of {run.description.source}, validating on "
        f"{len(run.validation):,}: epochs {run.epochs_done + 1} to {settings.epochs}, seed {settings.seed}, "
        f"mode {settings.mode}, {settings.device}{threads}"
    )


def _metrics(run: FinetuneRun) -> dict[str, Any]:
    return metrics(run, {"training": len(run.training), "validation": len(run.validation)})


def _write_results(
    run: FinetuneRun, images: ImageFolder, folder: RunFolder, report: Report
) -> dict[str, Any]:
    """The predictions are those of the last epoch's validation."""
    assert run.logits is not None  # every epoch ends with them
    labels, classes = torch.from_numpy(images.labels)[run.validation], images.classes
    rows = predictions(run.logits, labels, run.validation, classes)
    rows = [{"image": printable(images.files[row["index"]]), **row} for row in rows]
    matrix = ConfusionMatrix.count(((row["label"], row["predicted"]) for row in rows), classes)
    write_csv(folder.path / CONFUSION, *matrix.table())
    return write_results(folder, run, _metrics(run), rows, report)
