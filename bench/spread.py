"""Measures how far the published recipe's counts move for reasons that should not matter.

    python bench/spread.py

Trains once per variation: the seed, the number of threads, instruction sets, oneDNN, one unit in the last
place (ulp) of one initial weight, noise on all of them, single precision. Each runs in a process of its own,
one after the other, because libraries read these switches when they start. Writes published/spread.json, in
about ten minutes on one core, and what it says of the seeds into seeds.json beside it, which the claim over
seeds reads (`--seeds` writes that alone, from the spread.json that is there). Where a row says
`same_weights`, its switch changed nothing on this machine.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from machine import describe_machine

from src.common.files import sha256, write_json
from src.modelling.digits.settings import DigitsSettings

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ("conv1.weight", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight", "fc.weight")


@dataclass(frozen=True)
class Variation:
    """One run: what differs from the recipe.

    `one_ulp` names the weight whose first element moves to the next number; `noise` moves all initial weights
    by up to this share of themselves.
    """

    name: str
    group: str
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    onednn: bool = True
    one_ulp: str | None = None
    noise: float = 0.0


def variations() -> Iterator[Variation]:
    """All runs, in groups. The first is the reference; single precision has one of its own."""
    yield Variation("the published recipe", "machine")
    yield from _machine_variations("machine", {})
    for noise in (1e-14, 1e-12, 1e-10, 1e-8, 1e-6):
        yield Variation(f"noise of {noise:.0e} on all initial weights", "noise", noise=noise)
    for seed in range(10):
        yield Variation(f"seed {seed}", "seeds", {"seed": seed})
    single = {"dtype": "float32"}
    yield Variation("the recipe in single precision", "single precision", single)
    yield from _machine_variations("single precision", single)


def _machine_variations(group: str, base: dict[str, Any]) -> Iterator[Variation]:
    yield Variation("the same again", group, base)
    yield Variation("2 threads", group, base | {"threads": 2})
    for name in ("default", "avx2"):
        yield Variation(f"PyTorch kernels: {name}", group, base, {"ATEN_CPU_CAPABILITY": name})
    for name in ("SSE4_2", "AVX2"):
        yield Variation(f"MKL instructions: {name}", group, base, {"MKL_ENABLE_INSTRUCTIONS": name})
    for name in ("COMPATIBLE", "AVX2"):
        yield Variation(f"MKL code path: {name}", group, base, {"MKL_CBWR": name})
    oldest = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"}
    yield Variation("all libraries: oldest", group, base, oldest)
    yield Variation("oneDNN off", group, base, onednn=False)
    for weight in WEIGHTS:
        yield Variation(f"one ulp in {weight}[0]", group, base, one_ulp=weight)


def measure(variation: Variation) -> dict[str, Any]:
    """Trains in this process; returns counts per epoch, the environment and the weights' SHA-256."""
    import torch

    from src.modelling.determinism import environment, make_deterministic
    from src.modelling.digits.data import load
    from src.modelling.digits.train import start, train_epoch, validate
    from src.modelling.model_file import save_model

    settings = DigitsSettings(**variation.settings)
    onednn = nullcontext() if variation.onednn else torch.backends.mkldnn.flags(enabled=False)
    make_deterministic(settings.threads)
    with onednn, tempfile.TemporaryDirectory() as folder:
        split = load(settings.data)
        run = start(settings, split)
        if variation.one_ulp:
            _add_one_ulp(run.model.get_parameter(variation.one_ulp))
        if variation.noise:
            _add_noise(run.model.parameters(), variation.noise)
        for _ in range(settings.epochs):
            train_epoch(run, split.training)
            validate(run, split.validation)
        save_model(Path(folder) / "model.safetensors", run.model, run.description)
        return {
            "environment": environment(settings.device),
            "training_correct": run.history["training_correct"],
            "validation_correct": run.history["validation_correct"],
            "weights_sha256": sha256(Path(folder) / "model.safetensors"),
        }


def _add_one_ulp(weight: Any) -> None:
    """Moves the first element to the next number that its precision can hold."""
    import torch

    with torch.no_grad():
        first = weight.view(-1)[:1]
        first.copy_(torch.nextafter(first, torch.full_like(first, math.inf)))


def _add_noise(weights: Iterable[Any], share: float) -> None:
    """Multiplies every element by a random number within `share` of 1."""
    import torch

    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in weights:
            noise = 2 * torch.rand(weight.shape, generator=generator, dtype=weight.dtype) - 1
            weight.mul_(1 + share * noise)


def measure_in_child(variation: Variation) -> dict[str, Any]:
    """`measure` in a process that starts with the variation's environment variables."""
    command = [sys.executable, __file__, "--one", json.dumps(asdict(variation))]
    begin = time.monotonic()
    done = subprocess.run(
        command, env=os.environ | variation.environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout) | {"seconds": round(time.monotonic() - begin, 1)}


def compared(variation: Variation, found: dict[str, Any], reference: dict[str, Any]) -> dict[str, Any]:
    """One row of the table; differences are numbers of images."""
    row: dict[str, Any] = {
        "variation": variation.name,
        "group": variation.group,
        "settings": variation.settings,
        "variables": variation.environment,
        "last_epoch_correct": found["validation_correct"][-1],
    }
    for part in ("validation", "training"):
        differences = _differences(found[f"{part}_correct"], reference[f"{part}_correct"])
        row[f"{part}_difference_last_epoch"] = differences[-1]
        row[f"{part}_difference_largest"] = max(differences, key=abs)
    return row | {"same_weights": found["weights_sha256"] == reference["weights_sha256"], **found}


def _differences(found: Sequence[int], reference: Sequence[int]) -> list[int]:
    return [a - b for a, b in zip(found, reference, strict=True)]


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Per group: how many runs, the range of the last epoch, the largest departures from the reference."""
    result: dict[str, Any] = {}
    for group in dict.fromkeys(row["group"] for row in rows):
        members = [row for row in rows if row["group"] == group]
        last = [row["last_epoch_correct"] for row in members]
        result[group] = {"runs": len(members), "last_epoch_least": min(last), "last_epoch_most": max(last)}
        if group != "seeds":  # another seed is another experiment: its epochs are not departures
            for key in ("validation_difference_last_epoch", "validation_difference_largest"):
                result[group][key] = max(abs(row[key]) for row in members)
            result[group]["distinct_weights"] = len({row["weights_sha256"] for row in members})
    return result


def machine() -> dict[str, Any]:
    """The machine and the libraries that the counts depend on."""
    import torch

    return {
        **describe_machine(),
        "torch": str(torch.__version__),
        "mkl": torch.backends.mkl.is_available(),
    }


def measure_all(out: Path) -> None:
    """Runs every variation and writes the table."""
    rows: list[dict[str, Any]] = []
    references: dict[str, dict[str, Any]] = {}
    for variation in variations():
        found = measure_in_child(variation)
        reference = references.setdefault(DigitsSettings(**variation.settings).dtype, found)
        rows.append(compared(variation, found, reference))
        row = rows[-1]
        print(
            f"{variation.group:16} {variation.name:44} {row['last_epoch_correct']}"
            f"  last {row['validation_difference_last_epoch']:+d}"
            f"  largest {row['validation_difference_largest']:+d}  {found['seconds']} s",
            flush=True,
        )
    write_json(
        out,
        {
            "made_by": "bench/spread.py",
            "date": datetime.now(UTC).date().isoformat(),
            "machine": machine(),
            "settings": DigitsSettings().as_dict(),
            "training_total": 1437,
            "validation_total": 360,
            "summary": summary(rows),
            "runs": rows,
        },
    )


def over_seeds(spread: dict[str, Any]) -> dict[str, Any]:
    """What the seeds gave, in percent with two decimals as in metrics.json, and what run they are from."""
    runs = [run for run in spread["runs"] if run["group"] == "seeds"]
    total = spread["validation_total"]
    return {
        "made_by": spread["made_by"],
        "from": "spread.json",
        **{name: spread[name] for name in ("date", "machine", "settings", "validation_total")},
        "seeds": [run["settings"]["seed"] for run in runs],
        "validation_correct": [run["last_epoch_correct"] for run in runs],
        "validation_accuracy": [round(100 * run["last_epoch_correct"] / total, 2) for run in runs],
    }


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "published" / "spread.json", metavar="FILE")
    parser.add_argument(
        "--one", metavar="JSON", help="measure one variation here, print JSON (used by itself)"
    )
    parser.add_argument("--seeds", action="store_true", help="train nothing: write seeds.json again")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(Variation(**json.loads(options.one)))))
        return
    if not options.seeds:
        measure_all(options.out)
    write_json(options.out.with_name("seeds.json"), over_seeds(json.loads(options.out.read_text())))


if __name__ == "__main__":
    main()
