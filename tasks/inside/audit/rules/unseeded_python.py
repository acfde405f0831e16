"""R101: Python's own generator."""

from __future__ import annotations

import typing

from audit.generators import PYTHON, Generator, is_absent, unseeded
from audit.project import Project
from audit.rule import Found, Rule

DRAWS = frozenset(
    f"random.{name}"
    for name in [
        "random",
        "uniform",
        "triangular",
        "randint",
        "randrange",
        "choice",
        "choices",
        "shuffle",
        "sample",
        "getrandbits",
        "randbytes",
        "gauss",
        "normalvariate",
        "lognormvariate",
        "expovariate",
        "vonmisesvariate",
        "gammavariate",
        "betavariate",
        "paretovariate",
        "weibullvariate",
        "binomialvariate",
    ]
)

GENERATOR = Generator(PYTHON, lambda source, call, name: name in DRAWS)


def check(project: Project) -> typing.Iterator[Found]:
    yield from unseeded(project, GENERATOR, RULE.remedy)
    for program in project.sources.values():
        for call in program.calls:
            if program.called(call) == "random.Random" and is_absent(call, "x", 0):
                yield program.at(call, "random.Random() takes its seed from the system")


RULE = Rule(
    id="R101",
    title="Python's random numbers without a seed",
    severity="error",
    reason="Each run draws other numbers, so its results differ from the published ones and nobody can "
    "say by how much.",
    remedy="Call random.seed(SEED) before the first draw, and make the seed a parameter",
    check=check,
    firing={"train.py": "import random\n\nprint(random.random())\n"},
    silent={"train.py": "import random\n\nrandom.seed(23)\nprint(random.random())\n"},
)
