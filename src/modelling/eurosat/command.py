"""The command that fine-tunes: `python -m src.modelling.eurosat`."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from src.common.command import Parser, exit_code, output, path, say
from src.common.failure import RequestError
from src.modelling.eurosat.settings import (
    COMPILE,
    DEVICES,
    MODES,
    PRECISIONS,
    FinetuneSettings,
    FullSettings,
    Sources,
)
from src.modelling.options import MOST_THREADS, number

DESCRIPTION = """\
example:
  python -m src.modelling.eurosat --data data/eurosat/2750 --weights data/resnet18-f37072fd.pth \\
    --cache .cache --out finetuned

Fine-tunes ResNet-18 with ImageNet weights on a tenth of a folder of images, which has one folder for each
class: four fifths of the tenth train the new classifier, one fifth validates it.
Writes into --out:
  metrics.json          loss and accuracy (percent, and counts) of every epoch
  history.csv           the same as a table
  confusion_matrix.csv  of the last epoch's validation: a row for each true class
  predictions.json      label, prediction and probability of every validation image
  model.safetensors     the weights, with what is needed to use them
  checkpoint.pt         the last whole epoch, for --resume

modes:
  exact     the published experiment, draw by draw: every epoch runs the whole network, whose batch-norm
            statistics move although its weights do not
  features  batch norm stays as it was, so that the network runs once and its classifier trains on what came
            out: ten epochs cost little more than one. It is another experiment: the published numbers are
            not claimed for it, and nobody has claimed any
  full      all weights learn, from four fifths of all images, turned and mirrored at random; one fifth
            validates. On a GPU in bfloat16 or float16, channels last, and compiled where it pays. Aims at
            98.5 %; nobody has claimed any number for it

A run that was cut off goes on with --resume, to the same final weights as an uninterrupted one. SIGTERM and
SIGUSR1 end it after the step under way, and --resume goes on with the next.
With `torchrun -m src.modelling.eurosat ...` several processes train as one, each on its share of a batch."""


def parser() -> argparse.ArgumentParser:
    """The options; every default is that of the mode's recipe, and None here."""
    result = Parser("python -m src.modelling.eurosat", description=DESCRIPTION)

    def folder(name: str, help: str, type: Callable[[str], Path], metavar: str = "DIR") -> None:
        result.add_argument(f"--{name}", type=type, required=True, metavar=metavar, help=help)

    def add(name: str, type: Callable[[str], object], help: str, **more: Any) -> None:
        flag = f"--{name.replace('_', '-')}"
        result.add_argument(flag, type=type, help=f"{help} ({_defaults(name)})", **more)

    whole = number(int, 1, 10**9, "a whole number from 1 up")
    folder("data", "images, in one folder for each class", path)
    folder("weights", "resnet18-f37072fd.pth, whose name holds its hash", path, "FILE")
    folder("cache", "for decoded images, which can be made again", output)
    folder("out", "for results", output)
    add("mode", str, "see above", choices=MODES)
    add("epochs", whole, "passes over the training images", metavar="N")
    add("seed", number(int, 0, 2**32 - 1, "a whole number from 0 to 4294967295"), "of all draws", metavar="N")
    result.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    add("learning_rate", number(float, 1e-12, 1e3, "a number above 0, at most 1000"), "of Adam", metavar="X")
    add("batch_size", whole, "images per step, and per prediction", metavar="N")
    add("device", str, "where to train; auto takes a GPU if there is one", choices=DEVICES)
    threads = number(int, 1, MOST_THREADS, f"a whole number from 1 to {MOST_THREADS}")
    add("threads", threads, "of the CPU; other numbers change the last bits", metavar="N")
    add("weight_decay", number(float, 0, 1, "a number from 0 to 1"), "of AdamW", metavar="X")
    share = number(float, 0, 0.9, "a number from 0 to 0.9")
    add("label_smoothing", share, "spread over classes", metavar="X")
    add(
        "edge",
        number(int, 32, 1024, "a whole number from 32 to 1024"),
        "of the images, in pixels",
        metavar="N",
    )
    add("precision", str, "of products; auto is float32 on a CPU", choices=PRECISIONS)
    add("compile", str, "auto compiles long trainings on GPUs", choices=COMPILE)
    return result


def _defaults(name: str) -> str:
    """What stands in the help about an option's default."""
    full = getattr(FullSettings(), name)
    if name not in vars(FinetuneSettings()):
        return f"mode full only, default {full}"
    value = getattr(FinetuneSettings(), name)
    shown = "PyTorch's choice" if value is None else value
    return f"default {shown}" if value == full or name == "mode" else f"default {shown}, in mode full {full}"


def settings_of(options: dict[str, Any]) -> FinetuneSettings:
    """The recipe of the mode with the options given. Raises RequestError for one of another mode."""
    given = {name: value for name, value in options.items() if value is not None}
    recipe = FullSettings() if given.get("mode") == "full" else FinetuneSettings()
    if others := [name for name in given if name not in vars(recipe)]:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise RequestError(f"Cannot take {flags}: it belongs to --mode full, current value is {recipe.mode}")
    return replace(recipe, **given)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = vars(parser().parse_args(arguments))
    out, resume = (options.pop(name) for name in ("out", "resume"))
    sources = Sources(*(options.pop(name) for name in ("data", "weights", "cache")))

    def work() -> None:
        settings = settings_of(options)
        # After parsing: they take seconds to import.
        if isinstance(settings, FullSettings):
            from src.modelling.eurosat.full import train_fully

            train_fully(sources, settings, out, resume, say)
        else:
            from src.modelling.eurosat.train import finetune

            finetune(sources, settings, out, resume, say)

    return exit_code(work, f"the same command with --resume goes on from the checkpoint in {out}")
