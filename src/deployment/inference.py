"""The command that predicts: `python src/deployment/inference.py`, from any folder."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # so that it runs as a file, from anywhere

from src.common.command import Parser, exit_code, output, path, say

DESCRIPTION = """\
examples:
  python src/deployment/inference.py
  python src/deployment/inference.py digit.png more_digits/ --out results
  python src/deployment/inference.py --model trained/model.safetensors --top-k 5
  python src/deployment/inference.py data/eurosat/2750 --list trained/predictions.json \\
    --model trained/model.safetensors

Predicts the class of images with a trained model. Without images it takes the
validation images of the data set that the model was trained on, and prints the accuracy.
Writes into --out:
  predictions.json, predictions.csv   class, probability and next likely classes of each image
  predictions.png                     a grid of inputs with their predictions
  metrics.json                        how many are correct, where labels are known; also for each class
  confusion_matrix.csv and .png       which class was taken for which, if the images' folders have labels

Images may be of any size up to about 179 million pixels, in grey or colours, with whole
levels of 8 or 16 bits; they are made grey or RGB and resized as the model needs, and never
turned: a note on orientation is ignored, as in training. For a model that takes grey,
transparent parts become black; for one that takes RGB, transparency is left out, as in
training. A file that can't be read is listed and skipped.
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
    add(
        "--list",
        type=path,
        metavar="FILE",
        help="only these images of the one folder that is named: a path in each line, "
        "or predictions.json of a training, for its validation images",
    )
    add(
        "--batch-size",
        type=batch_size,
        metavar="N",
        help="images at a time; auto tries larger numbers while they are faster "
        "(default auto, or 256 for images of up to 32x32 pixels)",
    )
    add(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="(default auto: a GPU if there is one)",
    )
    return result


def positive(text: str) -> int:
    """An argparse type."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'must be a whole number from 1 up, current value is "{text}"')
    return int(text)


def batch_size(text: str) -> int | None:
    """An argparse type; None for the size that is found."""
    return None if text == "auto" else positive(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    commands = parser()
    options = commands.parse_args(arguments)
    if options.list and len(options.images) != 1:
        commands.error("argument --list: needs one folder, which its paths are relative to")

    def work() -> None:
        from src.deployment.predicting import Request, run  # after parsing: it takes seconds to import

        run(Request(**vars(options)), say)

    return exit_code(work, "no result was written")


if __name__ == "__main__":
    sys.exit(main())
