"""Measures fine-tuning on a GPU beside the published loop, part by part, in a given time.

`deno task gpu` starts this where PyTorch is. Writes OUT/figures.json, anew after every part: what there was
no time for, or what failed, is named in it with the reason.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from experiments.gpu.summary import lines, summarize
from src.common.command import Parser, exit_code, output, say
from src.common.failure import Failure
from src.common.files import output_folder, write_json
from src.hardware.driver import look_at_driver
from src.hardware.machine import describe_machine
from src.modelling.options import number
from src.reference.made_eurosat import make_eurosat, some

PARTS = ("peak", "exact", "published", "features", "digits")
ROOT = Path(__file__).resolve().parents[2]
LEAST = 5.0  # seconds; nothing is begun with less
# What the published loop, which can be cut short, leaves to the parts after it.
RESERVED = 90.0
RESERVED_SHARE = 0.4


def parser() -> argparse.ArgumentParser:
    result = Parser("python -m experiments.gpu.figures", description=__doc__)
    above_zero = number(float, 0.01, 600, "a number from 0.01 to 600")
    share = number(float, 0.001, 1, "a number from 0.001 to 1")
    epochs = number(int, 1, 1000, "a whole number from 1 to 1000")
    result.add_argument("--minutes", type=above_zero, default=8.0, metavar="N", help="in all")
    result.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    result.add_argument("--share", type=share, default=1.0, metavar="X", help="of the images that are made")
    result.add_argument("--epochs", type=epochs, default=10, metavar="N")
    result.add_argument("--out", type=output, required=True, metavar="DIR")
    return result


def measure(options: argparse.Namespace) -> None:
    """Raises UnavailableError without the device, and Failure if a part failed."""
    deadline = time.monotonic() + 60 * options.minutes
    from src.modelling.determinism import find_device  # imports PyTorch: after parsing, for it takes seconds

    find_device(options.device, "measure")
    target = output_folder(options.out) / "figures.json"
    figures = about(options)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say(f"Making images: {options.share:g} of EuroSAT's 27,000, and of 1,797 digits")
        make_data(folder, options.share)
        parts: dict[str, dict[str, Any]] = {}
        for part in PARTS:
            begin = time.monotonic()
            parts[part] = run_part(part, folder, options, deadline)
            because = f", because {parts[part]['because']}" if "because" in parts[part] else ""
            say(f"{part}: {parts[part]['status']} after {time.monotonic() - begin:.0f} s{because}")
            figures |= {"parts": parts, "summary": summarize(parts, options.device)}
            write_json(target, figures)
    for line in lines(figures["summary"]):
        say(line)
    failed = [part for part, result in parts.items() if result["status"] == "failed"]
    if failed:
        raise Failure(f"Cannot measure {', '.join(failed)}; the other figures are in {target}")


def about(options: argparse.Namespace) -> dict[str, Any]:
    """What was measured, and on what."""
    driver = look_at_driver()
    return {
        "made_by": f"deno task gpu --minutes {options.minutes:g} --device {options.device} "
        f"--share {options.share:g} --epochs {options.epochs}",
        "title": "ResNet-18 at 224×224",
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "device": options.device,
        "share": options.share,
        "epochs": options.epochs,
        "machine": describe_machine(),
        "driver": driver.cards[0].driver if driver.cards else None,
    }


def make_data(folder: Path, share: float) -> None:
    """Made images and random weights: rates do not depend on what is in them."""
    from src.reference.made_digits import make_digits
    from src.reference.made_weights import make_weights

    # Each class by a process of its own, and none forked from one that has PyTorch's threads.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        counts = some(share).items()
        made = [
            pool.submit(make_eurosat, folder / "eurosat", {name: count}, seed)
            for seed, (name, count) in enumerate(counts)
        ]
        for one in made:
            one.result()
    make_digits(folder, share)
    make_weights(folder)


def run_part(part: str, folder: Path, options: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """What the part has written, with its status: done, skipped, stopped or failed, and because of what."""
    left = deadline - time.monotonic()
    if left < LEAST:
        return {"status": "skipped", "because": f"the time was up ({options.minutes:g} min)"}
    seconds = left - min(RESERVED, RESERVED_SHARE * left) if part == "published" else left
    command = [sys.executable, "-m", "experiments.gpu.part", part, str(folder)]
    command += ["--device", options.device, "--epochs", str(options.epochs), "--seconds", str(seconds)]
    said = folder / f"{part}.err"
    try:
        with open(said, "w") as file:
            ended = subprocess.run(command, cwd=ROOT, stderr=file, timeout=left)
    except subprocess.TimeoutExpired:
        return {
            "status": "stopped",
            "because": f"the time was up ({options.minutes:g} min)",
            **written(folder, part),
        }
    if ended.returncode == 0:
        return {"status": "done", **written(folder, part)}
    return {"status": "failed", "because": reason(ended.returncode, said), **written(folder, part)}


def written(folder: Path, part: str) -> dict[str, Any]:
    path = folder / f"{part}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def reason(code: int, said: Path) -> str:
    """The last line that is not empty, which is a Python error's message."""
    texts = [line.strip() for line in said.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((text for text in reversed(texts) if text), f"it ended with code {code}")


def main() -> int:
    options = parser().parse_args()
    kept = f"what was measured is in {options.out}"
    return exit_code(lambda: measure(options), kept)


if __name__ == "__main__":
    sys.exit(main())
