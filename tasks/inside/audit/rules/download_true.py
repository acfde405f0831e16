"""R402: data sets that are downloaded while an experiment runs."""

from __future__ import annotations

import typing

from audit.project import Project
from audit.rule import Found, Rule
from audit.source import argument, constant

SETS = (
    "torchvision.datasets.",
    "torchaudio.datasets.",
    "torchtext.datasets.",
    "torch_geometric.datasets.",
    "medmnist.",
)


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        for call in source.calls:
            name = source.called(call) or ""
            if name.startswith(SETS) and constant(argument(call, "download")) is True:
                yield source.at(call, f"{name.rsplit('.', 1)[-1]} is downloaded while the experiment runs")


RULE = Rule(
    id="R402",
    title="download=True",
    severity="note",
    reason="A compute node often has no network, and a server that moved fails the run that others start "
    "from a paper.",
    remedy="Declare the data in experiment.yaml's data, and say download=False; deno task data fetches "
    "it beforehand",
    check=check,
    firing={
        "data.py": "from torchvision.datasets import CIFAR10\n\ntraining = CIFAR10('data', train=True, "
        "download=True)\n"
    },
    silent={
        "data.py": "from torchvision.datasets import CIFAR10\n\ntraining = CIFAR10('data', train=True, "
        "download=False)\n"
    },
)
