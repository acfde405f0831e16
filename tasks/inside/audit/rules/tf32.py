"""R202: TensorFloat-32."""

from __future__ import annotations

import ast
import typing

from audit.project import Project
from audit.rule import Found, Rule
from audit.source import constant

SWITCHES = ("torch.backends.cuda.matmul.allow_tf32", "torch.backends.cudnn.allow_tf32")


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        for node in source.all(ast.Assign):
            if any(source.name_of(one) in SWITCHES for one in node.targets) and constant(node.value) is True:
                yield source.at(node, "TF32 is switched on")
        for call in source.calls:
            name, first = source.called(call), constant(call.args[0]) if call.args else None
            if (name == "torch.set_float32_matmul_precision" and first in ("high", "medium")) or (
                name == "tensorflow.config.experimental.enable_tensor_float_32_execution" and first is True
            ):
                yield source.at(call, "TF32 is switched on")


RULE = Rule(
    id="R202",
    title="TF32 is switched on",
    severity="note",
    reason="GPUs from Ampere on then multiply with 10 bits after the point, older ones and CPUs with 23: "
    "results differ "
    "between them by more than by the order of additions.",
    remedy="Leave it off where results are claimed, or say in the claim's tolerance that it was on",
    check=check,
    once_per_file=True,
    firing={"train.py": "import torch\n\ntorch.backends.cuda.matmul.allow_tf32 = True\n"},
    silent={"train.py": "import torch\n\ntorch.backends.cuda.matmul.allow_tf32 = False\n"},
)
