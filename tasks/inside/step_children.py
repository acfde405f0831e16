"""What the Python processes that a step started say of themselves; run_step.py loads it where one does.

Standard library only, CPython 3.8 to 3.15.
"""

from __future__ import annotations

import contextlib
import json
import os


def read(folder: str) -> list[dict[str, object]]:
    """What the children have reported: those first that used a GPU, then those that used a framework.

    A launcher imports the framework, too, and comes after what it has started: it trains nothing, and has
    other threads.
    """
    found = []
    for name in sorted(name for name in os.listdir(folder) if name.endswith(".json")):
        with contextlib.suppress(OSError, ValueError):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                report = json.load(file)
            if isinstance(report, dict):
                found.append(report)
    return sorted(
        found, key=lambda report: (not uses_gpu(report), not frameworks_of(report), is_launcher(report))
    )


LAUNCHERS = (
    *("torchrun", "torch.distributed.run", "torch.distributed.launch"),
    *("accelerate", "accelerate.commands.launch", "deepspeed"),
)


def is_launcher(report: dict[str, object]) -> bool:
    """Whether this was `torchrun`, `python -m torch.distributed.run` or their like."""
    argv = report.get("argv")
    return isinstance(argv, list) and any(os.path.basename(str(word)) in LAUNCHERS for word in argv[1:4])


def frameworks_of(report: dict[str, object]) -> dict[str, object]:
    return {name: report[name] for name in ("torch", "tensorflow", "jax") if name in report}


def uses_gpu(report: dict[str, object]) -> bool:
    return any(isinstance(one, dict) and bool(one.get("devices")) for one in frameworks_of(report).values())


def what_computed(
    own: dict[str, object], children: list[dict[str, object]], command: list[str], ran_here: bool
) -> dict[str, object]:
    """The process of the step, or the child that used a framework where that one did not.

    ran_here: The command is Python that ran in the process of the step.
    """
    if not children or (frameworks_of(own) and not is_launcher({"argv": command})):
        return own
    first = children[0]
    if ran_here:
        return {**own, **frameworks_of(first)}
    return {**own, **{name: value for name, value in first.items() if name not in ("argv", "node")}}
