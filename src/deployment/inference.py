"""The command that predicts: `python src/deployment/inference.py`, from any folder."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # so that it runs as a file, from anywhere

from src.command import Parser, exit_code, output, path, say

DESCRIPTION = """\
examples:
  python src/deployment/inference.py
  python src/deployment/inference.py digit.png more_digits/ --out results
  python src/deployment/inference.py --model trained/model.safetensors --top-k 5

Predicts the class of images with a trained model. Without images it takes the
validation images of the data set that the model was trained on, and prints the accuracy.
Writes into --out:
  predictions.json, predictions.csv   class, probability and next likely classes of each image
  predictions.png                     a grid of inputs with their predictions
  metrics.json                        how many are correct, where labels are known

Images may be of any size up to about 179 million pixels, in grey or colours, with whole
levels of 8 or 16 bits; they are made grey or RGB and resized as the model needs.
Transparent parts become black. A file that can't be read is listed and skipped.
In a folder, images below a folder that is named like a class have that class as label;
hidden files and folders are left out."""


def parser() -> argparse.ArgumentParser:
    """The options; without any, the deployed model runs on its validation images."""
    usage = "python src/deployment/inference.py [IMAGE or FOLDER ...] [options]"
    result = Parser("inference.py", usage=usage, description=DESCRIPTION)
    model = Path(__file__).resolve().with_name("model.safetensors")
    out = Path("predictions")
    add = result.add_argument
    add("images", nargs="*", type=path, metavar="IMAGE", help="image files, or folders of images")
    add("--model", type=path, default=model, metavar="FILE", help="safetensors (default: the deployed one)")
    add(
        "--out",
        type=output,
        default=out,
        metavar="DIR",
        help="folder for the results (default ./predictions)",
    )
    add("--top-k", type=positive, default=3, metavar="N", help="classes listed per image (default 3)")
    add("--batch-size", type=positive, default=256, metavar="N", help="images at a time (default 256)")
    add(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="(default auto: a GPU if there is one)",
    )
    add("--force", action="store_true", help="replace files in --out that another program made")
    return result


def positive(text: str) -> int:
    """An argparse type."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'must be a whole number from 1 up, current value is "{text}"')
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = parser().parse_args(arguments)

    def work() -> None:
        from src.deployment.predicting import Request, run  # after parsing: it takes seconds to import

        run(Request(**vars(options)), say)

    return exit_code(work, "no result was written")


if __name__ == "__main__":
    sys.exit(main())
