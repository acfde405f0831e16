"""Generators of random numbers: what draws from each, what seeds it, and whether a program does both."""

from __future__ import annotations

import ast
import re
import typing
from dataclasses import dataclass

from audit.project import Project
from audit.rule import Found
from audit.source import Source, argument, constant, has_more, last

PYTHON, NUMPY, TORCH, TENSORFLOW = "Python", "NumPy", "PyTorch", "TensorFlow"
ALL = frozenset((PYTHON, NUMPY, TORCH, TENSORFLOW))

#: What seeds which generators.
SEEDS: dict[str, frozenset[str]] = {
    "random.seed": frozenset((PYTHON,)),
    "numpy.random.seed": frozenset((NUMPY,)),
    "numpy.random.set_state": frozenset((NUMPY,)),
    "random.setstate": frozenset((PYTHON,)),
    "ignite.utils.manual_seed": ALL,
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
    uses = {path: uses_in(source, generator) for path, source in project.sources.items()}
    for program in project.programs:
        reach = project.reach(program)
        place = first_use([uses[source.path] for source in reach])
        if place is None or is_seeded(project, program, generator.name):
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


@dataclass
class Uses:
    """What one file does with a generator."""

    source: Source
    #: The first call that always draws, and the first that draws where something is trained.
    draw: ast.Call | None
    begin: ast.Call | None
    trains: bool


def uses_in(source: Source, generator: Generator) -> Uses:
    draw = begin = None
    for call in source.calls:
        name = source.called(call)
        if name is None:
            continue
        if draw is None and generator.draws(source, call, name) and not is_try_out(source, call):
            draw = call
        if begin is None and generator.begins(name) and not is_try_out(source, call):
            begin = call
    return Uses(source, draw, begin, generator.trains(source))


NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def is_try_out(source: Source, call: ast.Call) -> bool:
    """In a function that only tries the code, as many files have one at their end."""
    return any(isinstance(one, NAMED) and one.name.startswith("test") for one in source.parents(call))


def first_use(reach: list[Uses]) -> tuple[Source, ast.Call] | None:
    trains = any(one.trains for one in reach)
    for one in reach:
        calls = [call for call in (one.draw, one.begin if trains else None) if call is not None]
        if calls:
            return one.source, min(
                calls, key=lambda call: (one.source.cell_of(call) or 0, call.lineno, call.col_offset)
            )
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


@dataclass
class Seeding:
    generators: frozenset[str]
    #: The function that does it, where it must be called to do it.
    function: str | None


def is_seeded(project: Project, program: Source, generator: str) -> bool:
    """Whether a program seeds a generator: by a call on the way, or in a function that is named somewhere."""
    reach = project.reach(program)
    found = [one for source in reach for one in seedings_in(project, source) if generator in one.generators]
    if any(one.function is None for one in found):
        return True
    names = {one.function for one in found}
    return bool(names) and any(names & names_in(source) for source in reach)


def seedings_in(project: Project, source: Source) -> list[Seeding]:
    kept: dict[str, list[Seeding]] = project.kept.setdefault("seedings", {})
    if source.path not in kept:
        kept[source.path] = [
            Seeding(generators, function_to_call(source, call))
            for call in source.calls
            for generators in [seeded_by(source, call, own_functions(project))]
            if generators
        ]
    return kept[source.path]


def own_functions(project: Project) -> set[str]:
    if "functions" not in project.kept:
        project.kept["functions"] = {
            node.name
            for source in project.sources.values()
            for node in source.all(ast.FunctionDef, ast.AsyncFunctionDef)
        }
    return project.kept["functions"]


def function_to_call(source: Source, call: ast.Call) -> str | None:
    """Methods and decorated functions are called by what is not seen here."""
    function = source.function_of(call)
    name = getattr(function, "name", None)
    is_method = function is not None and isinstance(source.parent(function), ast.ClassDef)
    decorated = bool(getattr(function, "decorator_list", None))
    return None if name is None or name.startswith("__") or is_method or decorated else name


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
    # Hugging Face's trainers seed everything when they are made, with 42 unless they are told otherwise.
    if name is not None and name.split(".")[0] in ("transformers", "trl") and called.endswith("Trainer"):
        return ALL
    return frozenset()


def names_in(source: Source) -> set[str]:
    names = {node.id for node in source.all(ast.Name) if isinstance(node.ctx, ast.Load)}
    return names | {node.attr for node in source.all(ast.Attribute)}


def is_absent(call: ast.Call, name: str, position: int | None = None) -> bool:
    """An argument is not given, or is None."""
    if has_more(call):
        return False
    value = argument(call, name, position)
    return value is None or constant(value) is None
