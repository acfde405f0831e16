"""R102: NumPy's generators."""

from __future__ import annotations

import ast
import typing

from audit.generators import NUMPY, Generator, is_absent, unseeded
from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source

#: Names in numpy.random that draw nothing from the generator that all share.
OTHERS = frozenset(
    [
        "seed",
        "default_rng",
        "RandomState",
        "Generator",
        "SeedSequence",
        "BitGenerator",
        "PCG64",
        "PCG64DXSM",
        "MT19937",
        "Philox",
        "SFC64",
        "get_state",
        "set_state",
        "get_bit_generator",
        "set_bit_generator",
        "mtrand",
        "bit_generator",
    ]
)

MADE = frozenset(
    f"numpy.random.{name}"
    for name in ["default_rng", "RandomState", "PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"]
)


def draws(source: Source, call: ast.Call, name: str) -> bool:
    rest = name[len("numpy.random.") :] if name.startswith("numpy.random.") else ""
    return bool(rest) and "." not in rest and rest not in OTHERS


GENERATOR = Generator(NUMPY, draws)


def check(project: Project) -> typing.Iterator[Found]:
    yield from unseeded(project, GENERATOR, RULE.remedy)
    for source in project.sources.values():
        for call in source.calls:
            name = source.called(call)
            if name in MADE and is_absent(call, "seed", 0):
                yield source.at(call, f"{name}() takes its seed from the system")


RULE = Rule(
    id="R102",
    title="NumPy's random numbers without a seed",
    severity="error",
    reason="Splits, initial weights and augmentations differ from run to run.",
    remedy="Make a generator, rng = numpy.random.default_rng(SEED), and pass it on; or call "
    "numpy.random.seed(SEED) first",
    check=check,
    firing={"split.py": "import numpy as np\n\norder = np.random.permutation(100)\nprint(order)\n"},
    silent={
        "split.py": "import numpy as np\n\nrng = np.random.default_rng(23)\nprint(rng.permutation(100))\n"
    },
)
