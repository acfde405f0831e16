"""R203: deterministic algorithms want cuBLAS's workspace to be fixed."""

from __future__ import annotations

import ast
import typing

from audit.project import Project
from audit.rule import Found, Rule
from audit.source import constant

VARIABLE = "CUBLAS_WORKSPACE_CONFIG"

ASKING: dict[str | None, tuple[object, ...]] = {
    "torch.use_deterministic_algorithms": (True,),
    "torch.set_deterministic_debug_mode": ("error", 2),
}


def check(project: Project) -> typing.Iterator[Found]:
    places = [
        (source, call)
        for source in project.sources.values()
        for call in source.calls
        if call.args and constant(call.args[0]) in ASKING.get(source.called(call), ())
    ]
    if not places or project.experiments or is_set(project):
        return
    for source, call in places:
        yield source.at(call, f"Deterministic algorithms are asked for, and nothing sets {VARIABLE}")


def is_set(project: Project) -> bool:
    if any(
        constant(node) == VARIABLE for source in project.sources.values() for node in source.all(ast.Constant)
    ):
        return True
    files = project.named(
        r"(.*\.)?Dockerfile(\..*)?|.*\.(sh|bash|slurm|sbatch|ya?ml|toml|env)|Makefile|\.env"
    )
    return any(VARIABLE in (project.text(path) or "") for path in files)


RULE = Rule(
    id="R203",
    title="cuBLAS's workspace is not fixed",
    severity="warning",
    reason="On CUDA, deterministic algorithms stop with an error, or cuBLAS goes on unrepeatably, unless "
    "the variable is "
    "set before CUDA starts. `deno task reproduce` sets it; whoever starts the program by hand does not.",
    remedy='Write os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8") before torch is imported',
    check=check,
    firing={"train.py": "import torch\n\ntorch.use_deterministic_algorithms(True)\n"},
    silent={
        "train.py": "import os\n\nos.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')\nimport "
        "torch\n\n"
        "torch.use_deterministic_algorithms(True)\n"
    },
)
