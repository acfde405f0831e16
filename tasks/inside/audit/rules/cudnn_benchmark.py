"""R201: cuDNN's search for the quickest algorithm."""

from __future__ import annotations

import ast
import typing

from audit.project import Project
from audit.rule import Found, Rule
from audit.source import constant


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        for node in source.all(ast.Assign):
            for target in node.targets:
                if (
                    source.name_of(target) == "torch.backends.cudnn.benchmark"
                    and constant(node.value) is True
                ):
                    yield source.at(node, "cudnn.benchmark is on")


RULE = Rule(
    id="R201",
    title="cuDNN chooses its algorithms by measuring",
    severity="warning",
    reason="Which algorithm is the quickest changes from run to run on the same GPU, and each rounds "
    "differently.",
    remedy="Set torch.backends.cudnn.benchmark = False where results are claimed",
    check=check,
    firing={"train.py": "import torch\n\ntorch.backends.cudnn.benchmark = True\n"},
    silent={"train.py": "import torch\n\ntorch.backends.cudnn.benchmark = False\n"},
)
