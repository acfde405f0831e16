"""Measure the unpacking of 27,000 images of EuroSAT's shape beside `unzip -q`.

Also unpacks them from a tar archive beside `tar -xzf`, and checks the tree beside `sha256sum`.

Example:

    python bench/unpack.py

Needs unzip. Each command is a process of its own, from its start to its end; ours checks CRC-32, computes
SHA-256 and writes the manifest, too. The commands run in turn in the same rounds, so that a busy moment of
the machine meets all of them. What they unpack is removed at the end: ext4 is slow in making files right
after others were removed. Writes bench/results/unpack.json.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from machine import describe_machine, save_result

from src.reference.made_eurosat import make_eurosat, some

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "unpack.json"
SHA256SUM = "find . -type f -print0 | xargs -0 sha256sum > ../sums"


def make_archives(folder: Path, share: float) -> int:
    """images.zip and images.tar.gz; returns how many files each holds."""
    root = make_eurosat(folder / "made", some(share)).parent
    files = sorted(path for path in root.rglob("*") if path.is_file())
    with (
        zipfile.ZipFile(folder / "images.zip", "w", zipfile.ZIP_DEFLATED) as as_zip,
        tarfile.open(folder / "images.tar.gz", "w:gz") as as_tar,
    ):
        for path in files:
            as_zip.write(path, path.relative_to(root))
            as_tar.add(path, path.relative_to(root))
    return len(files)


def wall(command: list[str], folder: Path) -> float:
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}: {done.stderr}")
    return seconds


def measure(deno: str, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each command in each round; the first round warms the caches and is not counted."""
    permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-run"]
    config = ["--config", str(ROOT / "deno.json")]
    ours = [deno, "run", "--no-prompt", "--quiet", *permissions, *config, str(ROOT / "bench" / "unpack.ts")]
    seconds: dict[str, list[float]] = {}
    for round_number in range(rounds + 1):
        names = {name: f"{name}-{round_number}" for name in ("ours", "unzip", "ours-tar", "tar")}
        (folder / names["tar"]).mkdir()
        for name, command, place in (
            ("unzip -q", ["unzip", "-q", "images.zip", "-d", names["unzip"]], folder),
            ("unpack zip", [*ours, "unpack", "images.zip", "zip", names["ours"]], folder),
            ("tar -xzf", ["tar", "-xzf", "images.tar.gz", "-C", names["tar"]], folder),
            ("unpack tar.gz", [*ours, "unpack", "images.tar.gz", "tar", names["ours-tar"]], folder),
            ("quick check", [*ours, "check", names["ours"]], folder),
            ("sha256sum", ["sh", "-c", SHA256SUM], folder / names["ours"]),
            ("whole check", [*ours, "hash", names["ours"]], folder),
        ):
            seconds.setdefault(name, []).append(wall(command, place))
    return {name: values[1:] for name, values in seconds.items()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno", help="the program to measure (default: deno on PATH)")
    parser.add_argument("--share", type=float, default=1.0, help="of EuroSAT's 27,000 images (default all)")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = make_archives(Path(folder), options.share)
        seconds = measure(options.deno, Path(folder), options.rounds)

    def ratio(one: str, other: str) -> float:
        """The median of the rounds' ratios."""
        return round(statistics.median(a / b for a, b in zip(seconds[one], seconds[other], strict=True)), 2)

    result = {
        "made_by": f"python bench/unpack.py --share {options.share} --rounds {options.rounds}",
        "machine": describe_machine(),
        "files": files,
        "median_seconds": {name: round(statistics.median(values), 3) for name, values in seconds.items()},
        "ratio": {
            "unpack zip to unzip -q": ratio("unpack zip", "unzip -q"),
            "unpack tar.gz to tar -xzf": ratio("unpack tar.gz", "tar -xzf"),
            "whole check to sha256sum": ratio("whole check", "sha256sum"),
        },
        "limits": {"unpack zip to unzip -q": 1.3},
    }
    save_result(RESULT, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
