"""Where the executed copies go."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from .file import BadRequest


def plan_outputs(sources: list[Path], folder: Path) -> list[Path]:
    """Where each executed notebook goes: `folder/<name>.ipynb`, or below a sub-path where names collide.

    Raises BadRequest when an output would be, or lead to, one of the sources.
    """
    by_name: dict[str, list[Path]] = {}
    for source in sources:
        by_name.setdefault(source.stem.lower(), []).append(source)
    outputs = []
    for source in sources:
        same = by_name[source.stem.lower()]
        sub = Path()
        if len(same) > 1:
            parents = [os.path.abspath(other.parent) for other in same]
            sub = Path(os.path.relpath(os.path.abspath(source.parent), os.path.commonpath(parents)))
        outputs.append(folder / sub / f"{source.stem}.ipynb")
    # Same folder and same stem (`a.ipynb` and `a.json`, or `A.ipynb` where case counts): number them.
    seen: dict[str, int] = {}
    for index, output in enumerate(outputs):
        count = seen[str(output).lower()] = seen.get(str(output).lower(), 0) + 1
        if count > 1:
            outputs[index] = output.with_name(f"{output.stem}-{count}.ipynb")
    for output in outputs:
        for source in sources:
            if _same_file(output, source):
                raise BadRequest(
                    f'Cannot save the executed copy as "{output}": that is the source "{source}", '
                    "which is never changed; give another folder with --out"
                )
    return outputs


def _same_file(output: Path, source: Path) -> bool:
    with contextlib.suppress(OSError):
        if os.path.samefile(output, source):
            return True
    return os.path.realpath(output) == os.path.realpath(source)
