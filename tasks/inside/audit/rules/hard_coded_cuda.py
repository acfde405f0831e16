"""R204: a GPU that is asked for where there may be none."""

from __future__ import annotations

import ast
import typing

from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source, argument, text

ASKED = ("is_available", "device_count", "get_device_name", "is_gpu_available", "list_physical_devices")


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        if not any(module.split(".")[0] == "torch" for _, module in source.imports()):
            continue
        if any(node.attr in ASKED for node in source.all(ast.Attribute)):
            continue
        for call in source.calls:
            what = demand(source, call)
            if what is not None and not is_choice(source, call):
                yield source.at(call, f"{what} fails where there is no GPU")


def demand(source: Source, call: ast.Call) -> str | None:
    name = source.called(call)
    if name == "torch.device":
        return quoted("torch.device", argument(call, "type", 0))
    if isinstance(call.func, ast.Attribute) and name is None:
        if call.func.attr == "cuda" and not call.args:
            return ".cuda()"
        if call.func.attr == "to":
            return quoted(".to", argument(call, "device", 0))
    if name is not None and name.startswith("torch."):
        return quoted("device=", argument(call, "device")) or quoted(
            "map_location=", argument(call, "map_location", 1)
        )
    return None


def quoted(what: str, value: ast.AST | None) -> str | None:
    device = text(value)
    if device is None or device.split(":")[0] != "cuda":
        return None
    return f'{what}"{device}"' if what.endswith("=") else f'{what}("{device}")'


def is_choice(source: Source, call: ast.Call) -> bool:
    """It stands below a condition that is about the device, or where an error is caught."""
    for node in source.parents(call):
        if isinstance(node, ast.Try):
            return True
        if isinstance(node, (ast.If, ast.IfExp)):
            words = [
                getattr(part, "id", getattr(part, "attr", getattr(part, "value", "")))
                for part in ast.walk(node.test)
            ]
            if any(
                isinstance(word, str) and any(one in word.lower() for one in ("cuda", "gpu", "device"))
                for word in words
            ):
                return True
    return False


RULE = Rule(
    id="R204",
    title="A GPU is demanded",
    severity="warning",
    reason="Whoever has no NVIDIA GPU gets an error, though a CPU would do for a small experiment, or "
    "for inference.",
    remedy='Choose once: device = torch.device("cuda" if torch.cuda.is_available() else "cpu"), and use '
    ".to(device)",
    check=check,
    firing={"infer.py": "import torch\n\nmodel = torch.nn.Linear(4, 2).cuda()\n"},
    silent={
        "infer.py": "import torch\n\ndevice = 'cuda' if torch.cuda.is_available() else 'cpu'\n"
        "model = torch.nn.Linear(4, 2).to(device)\n"
    },
    once_per_file=True,
)
