"""R106: random numbers in the workers of a DataLoader."""

from __future__ import annotations

import ast
import typing

from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source, argument, constant, has_more

LOADERS = ("torch.utils.data.DataLoader", "torch.utils.data.dataloader.DataLoader")


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        reach: list[Source] | None = None
        for call in source.calls:
            if source.called(call) not in LOADERS or has_more(call):
                continue
            workers = argument(call, "num_workers", 5)
            if workers is None or constant(workers) in (0, None):
                continue
            if argument(call, "worker_init_fn") is not None or argument(call, "generator") is not None:
                continue
            reach = reach or project.reach(source)
            draw = next((one for other in reach for one in own_generators(other)), None)
            if draw is not None:
                message = "The workers of this loader share the beginning of the generator that "
                f"{draw[0].path}:{draw[1]} makes"
                yield source.at(call, message)


def own_generators(source: Source) -> typing.Iterator[tuple[Source, int]]:
    """Generators that a data set keeps: each worker gets a copy, and all copies draw the same."""
    for node in source.all(ast.ClassDef):
        if not any(
            isinstance(one, ast.FunctionDef) and one.name in ("__getitem__", "__iter__") for one in node.body
        ):
            continue
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and source.called(call) in (
                "numpy.random.default_rng",
                "numpy.random.RandomState",
                "random.Random",
            ):
                function = source.function_of(call)
                if getattr(function, "name", None) == "__init__":
                    yield source, call.lineno


RULE = Rule(
    id="R106",
    title="Workers of a DataLoader that draw the same numbers",
    severity="warning",
    reason="PyTorch seeds its own, NumPy's and Python's shared generators in each worker. A generator "
    "that the data set "
    "keeps is copied: every worker draws the same numbers, and how many workers there are changes the "
    "result.",
    remedy="Pass worker_init_fn that seeds the data set's generator from torch.initial_seed(), and "
    "generator= to the loader",
    check=check,
    firing={
        "train.py": "import numpy as np\nfrom torch.utils.data import DataLoader, Dataset\n\n\n"
        "class Noisy(Dataset):\n    def __init__(self):\n        self.rng = np.random.default_rng(23)\n\n"
        "    def __getitem__(self, index):\n        return self.rng.normal()\n\n\n"
        "loader = DataLoader(Noisy(), batch_size=8, num_workers=4)\n"
    },
    silent={
        "train.py": "import numpy as np\nfrom torch.utils.data import DataLoader, Dataset\n\n\n"
        "class Noisy(Dataset):\n    def __init__(self):\n        self.rng = np.random.default_rng(23)\n\n"
        "    def __getitem__(self, index):\n        return self.rng.normal()\n\n\n"
        "def seed_worker(number):\n    pass\n\n\n"
        "loader = DataLoader(Noisy(), batch_size=8, num_workers=4, worker_init_fn=seed_worker)\n"
    },
)
