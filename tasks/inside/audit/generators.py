"""Generators of random numbers: what draws from each, what seeds it, and whether a program does both."""

from __future__ import annotations

import ast
import re
import typing
from dataclasses import dataclass

from audit.project import Project
from audit.rule import Found
from audit.source import FUNCTIONS, Source, argument, constant, has_more, last

PYTHON, NUMPY, TORCH, TENSORFLOW = "Python", "NumPy", "PyTorch", "TensorFlow"
ALL = frozenset((PYTHON, NUMPY, TORCH, TENSORFLOW))

#: What seeds which generators.
SEEDS: dict[str, frozenset[str]] = {
    "random.seed": frozenset((PYTHON,)),
    "numpy.random.seed": frozenset((NUMPY,)),
    "numpy.random.set_state": frozenset((NUMPY,)),
    "random.setstate": frozenset((PYTHON,)),
    "torch.manual_seed": frozenset((TORCH,)),
    "torch.random.manual_seed": frozenset((TORCH,)),
    "torch.set_rng_state": frozenset((TORCH,)),
    "tensorflow.random.set_seed": frozenset((TENSORFLOW,)),
    "tensorflow.set_random_seed": frozenset((TENSORFLOW,)),
    "tensorflow.compat.v1.set_random_seed": frozenset((TENSORFLOW,)),
    "keras.utils.set_random_seed": frozenset((PYTHON, NUMPY, TORCH, TENSORFLOW)),
    "tensorflow.keras.utils.set_random_seed": frozenset((PYTHON, NUMPY, TENSORFLOW)),
    "tensorflow.python.framework.random_seed.set_seed": frozenset((TENSORFLOW,)),
}

#: A function of somebody else's with such a name seeds whatever there is.
SEEDING_NAME = re.compile(r"(?:^|_)(?:seed|seeds|deterministic|determinism)(?:_|$)")


@dataclass(frozen=True)
class Generator:
    name: str
    #: Always draws when it is called.
    draws: typing.Callable[[Source, ast.Call, str], bool]
    #: Draws the beginning of what is trained: of no effect where weights are loaded and nothing is trained.
    begins: typing.Callable[[str], bool] = lambda name: False
    trains: typing.Callable[[Source], bool] = lambda source: False


def unseeded(project: Project, generator: Generator, remedy: str) -> typing.Iterator[Found]:
    """The first place of each program that draws from a generator that the program never seeds."""
    told = set()
    for program in project.programs:
        reach = project.reach(program)
        place = first_use(reach, generator)
        if place is None or is_seeded(reach, generator.name):
            continue
        source, node = place
        key = (source.path, node.lineno, source.cell_of(node))
        if key in told:
            continue
        told.add(key)
        what = ast_text(source, node)
        by = "" if source is program else f", which {program.path} loads"
        yield source.at(
            node, f"{what} draws from {generator.name}'s generator{by}, and nothing seeds it", remedy
        )


NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def is_try_out(source: Source, call: ast.Call) -> bool:
    """In a function that only tries the code, as many files have one at their end."""
    return any(isinstance(one, NAMED) and one.name.startswith("test") for one in source.parents(call))


def first_use(reach: list[Source], generator: Generator) -> tuple[Source, ast.Call] | None:
    trains = any(generator.trains(source) for source in reach)
    for source in reach:
        for call in source.calls:
            name = source.called(call)
            if name is None:
                continue
            draws = generator.draws(source, call, name) or (trains and generator.begins(name))
            if draws and not is_try_out(source, call):
                return source, call
    return None


def ast_text(source: Source, call: ast.Call) -> str:
    parts: list[str] = []
    node: ast.AST = call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts)) + "()"


def is_seeded(reach: list[Source], generator: str) -> bool:
    """Whether a program seeds a generator: by a call on the way, or in a function that is named somewhere."""
    used: set[str] | None = None
    own = {node.name for source in reach for node in source.all(ast.FunctionDef, ast.AsyncFunctionDef)}
    for source in reach:
        for call in source.calls:
            if generator not in seeded_by(source, call, own):
                continue
            function = next((one for one in source.parents(call) if isinstance(one, FUNCTIONS)), None)
            name = getattr(function, "name", None)
            if name is None or name.startswith("__") or function in methods(source):
                return True
            if used is None:
                used = names_in(reach)
            if name in used or getattr(function, "decorator_list", None):
                return True
    return False


def seeded_by(source: Source, call: ast.Call, own: set[str]) -> frozenset[str]:
    name = source.called(call)
    if name in SEEDS:
        # seed() without a number takes one from the system.
        drawn = not call.args and not call.keywords
        return frozenset() if drawn else SEEDS[name]
    called = last(name) if name else getattr(call.func, "attr", getattr(call.func, "id", ""))
    foreign = called not in own and called not in ("seed", "manual_seed", "initial_seed", "get_seed")
    known = name is not None and name.split(".")[0] in ("torch", "numpy", "jax", "tensorflow", "os")
    if foreign and not known and SEEDING_NAME.search(called):
        return ALL
    # Lightning's and others' trainers take the seed as an argument.
    return frozenset()


def methods(source: Source) -> set[ast.AST]:
    return {one for node in source.all(ast.ClassDef) for one in node.body if isinstance(one, FUNCTIONS)}


def names_in(reach: list[Source]) -> set[str]:
    names = {node.id for source in reach for node in source.all(ast.Name) if isinstance(node.ctx, ast.Load)}
    return names | {node.attr for source in reach for node in source.all(ast.Attribute)}


def is_absent(call: ast.Call, name: str, position: int | None = None) -> bool:
    """An argument is not given, or is None."""
    if has_more(call):
        return False
    value = argument(call, name, position)
    return value is None or constant(value) is None
