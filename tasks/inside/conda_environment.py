"""Makes an environment of conda packages, where neither micromamba, mamba nor conda is: by py-rattler.

Reads a JSON file with `channels`, `specs`, `cuda` (whether the GPU of this machine counts), `cache` and, to
install, `prefix`. The last line of its output is a JSON object: how many packages, and how many bytes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import rattler

# What a channel that conda knows by this name stands for.
DEFAULTS = ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"]


def channels_of(names: list[str]) -> list[rattler.Channel]:
    found = [one for name in names for one in (DEFAULTS if name == "defaults" else [name])]
    return [rattler.Channel(name) for name in found if name != "nodefaults"]


def this_machine(cuda: bool) -> list[Any]:
    """What packages may ask of a machine; without its GPU, builds for CUDA are not chosen."""
    found = [package.into_generic() for package in rattler.VirtualPackage.detect()]
    return [package for package in found if cuda or package.name.normalized != "__cuda"]


async def make(asked: dict[str, Any]) -> dict[str, int]:
    cache = Path(asked["cache"])
    records = await rattler.solve(
        channels_of(asked["channels"]),
        asked["specs"],
        platforms=[str(rattler.Platform.current()), "noarch"],
        virtual_packages=this_machine(asked["cuda"]),
        gateway=rattler.Gateway(cache_dir=cache / "repodata"),
    )
    if "prefix" in asked:
        for record in records:
            print(f"Installing {record.name.normalized} {record.version}", flush=True)
        await rattler.install(records, asked["prefix"], cache_dir=cache / "packages", show_progress=False)
    return {"packages": len(records), "bytes": sum(record.size or 0 for record in records)}


def main() -> None:
    try:
        print(json.dumps(asyncio.run(make(json.loads(Path(sys.argv[1]).read_text())))), flush=True)
    except Exception as error:  # py-rattler has an error of its own for each thing that may go wrong
        sys.exit(f"conda packages: {error}")
    # Threads of py-rattler that are still there have been seen to bring down the interpreter when it ends.
    os._exit(0)


if __name__ == "__main__":
    main()
