"""The command that trains: `python -m src.modelling.digits`."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from src.common.command import Parser, exit_code, output, say
from src.modelling.digits.settings import DEVICES, DTYPES, DigitsSettings
from src.modelling.options import MOST_THREADS, number

DESCRIPTION = """\
example:
  python -m src.modelling.digits --epochs 15 --seed 23 --out trained

Trains a small ResNet on scikit-learn's handwritten digits. Writes into --out:
  metrics.json       loss and accuracy (percent, and counts) of every epoch
  history.csv        the same as a table
  predictions.json   label, prediction and probability of every validation image
  model.safetensors  the weights, with what is needed to use them
  checkpoint.pt      the last whole epoch, for --resume

The same command on the same machine writes the same bytes. A run that was cut off
goes on with --resume, to the same final weights as an uninterrupted one. SIGTERM and
SIGUSR1 end it after the step under way, and --resume goes on with the next.

In several processes, on one machine or more, each with its share of every batch:
  torchrun --nproc-per-node 2 -m src.modelling.digits --out trained
Batch norm takes the statistics of the whole batch, so that the result is that of one
process, but for the last bits. The first process writes."""


def parser() -> argparse.ArgumentParser:
    """The options; every default is the published recipe's."""
    default = DigitsSettings()
    whole = number(int, 1, 10**9, "a whole number from 1 up")
    result = Parser("python -m src.modelling.digits", description=DESCRIPTION)

    def add(name: str, type: Callable[[str], object], help: str, **more: Any) -> None:
        value = getattr(default, name)
        flag = f"--{name.replace('_', '-')}"
        result.add_argument(flag, type=type, default=value, help=f"{help} (default {value})", **more)

    seeds = number(int, 0, 2**32 - 1, "a whole number from 0 to 4294967295")
    positive = number(float, 1e-12, 1e3, "a number above 0, at most 1000")
    add("epochs", whole, "passes over the training images", metavar="N")
    add("seed", seeds, "of the random weights, order and shifts", metavar="N")
    result.add_argument(
        "--out", type=output, default=Path("trained"), metavar="DIR", help="(default ./trained)"
    )
    result.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    add("learning_rate", positive, "its maximum: it rises for a fifth of the steps, then falls", metavar="X")
    add("batch_size", number(int, 2, 10**6, "a whole number from 2 up"), "images per step", metavar="N")
    add("momentum", number(float, 0, 0.999, "a number from 0 to 0.999"), "of gradient descent", metavar="X")
    add("weight_decay", number(float, 0, 1, "a number from 0 to 1"), "pull towards zero", metavar="X")
    add(
        "label_smoothing", number(float, 0, 0.9, "a number from 0 to 0.9"), "spread over classes", metavar="X"
    )
    add(
        "shift",
        number(int, 0, 8, "a whole number from 0 to 8"),
        "largest random shift, in pixels",
        metavar="N",
    )
    add("dtype", str, "precision; in float32 other machines get other counts", choices=DTYPES)
    add("device", str, "where to train", choices=DEVICES)
    threads = number(int, 1, MOST_THREADS, f"a whole number from 1 to {MOST_THREADS}")
    add("threads", threads, "of the CPU; more change the last bits, and are no faster here", metavar="N")
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = vars(parser().parse_args(arguments))
    out, resume = options.pop("out"), options.pop("resume")

    def work() -> None:
        from src.modelling.digits.train import train  # after parsing: it takes seconds to import

        train(DigitsSettings(**options), out, resume, say)

    return exit_code(work, f"the same command with --resume goes on from the checkpoint in {out}")
