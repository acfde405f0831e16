"""Whether an order that is nobody's choice reaches a result."""

from __future__ import annotations

import ast

from audit.project import Project
from audit.source import Source, constant

#: What the order of does not matter to.
LOSE = frozenset(
    f"builtins.{name}"
    for name in ["sorted", "len", "sum", "min", "max", "any", "all", "set", "frozenset", "bool", "next"]
) | frozenset(("numpy.sort", "natsort.natsorted", "numpy.unique", "collections.Counter", "shutil.rmtree"))

SORT = frozenset(("builtins.sorted", "natsort.natsorted"))

#: Methods by which a list grows.
GROW = frozenset(("append", "extend", "insert"))

#: What hands its argument on in its order.
PASS = frozenset(f"builtins.{name}" for name in ["list", "tuple", "filter", "map", "iter", "reversed"])


def is_hash_fixed(project: Project) -> bool:
    """`deno task reproduce` fixes the hashes of what experiment.yaml runs; images and scripts may, too."""
    if project.experiments:
        return True
    files = project.named(r"(.*\.)?Dockerfile(\..*)?|.*\.(sh|bash|slurm|sbatch|ya?ml|env)|Makefile|\.env")
    return any("PYTHONHASHSEED" in (project.text(path) or "") for path in files)


def is_order_lost(source: Source, node: ast.AST, depth: int = 0) -> bool:
    """What is listed is sorted, counted or asked for members, here or wherever its variable is used."""
    parent = source.parent(node)
    while is_handed_on(source, parent):
        if isinstance(parent, ast.SetComp):
            return True
        node, parent = parent, source.parent(parent)  # type: ignore[assignment, arg-type]
    if depth > 4:
        return False
    if isinstance(parent, ast.Call):
        if source.called(parent) in LOSE:
            return True
        # files.extend(glob(…)); files.sort()
        if isinstance(parent.func, ast.Attribute) and parent.func.attr in ("extend", "update"):
            target = parent.func.value
            return parent.func.attr == "update" or (
                isinstance(target, ast.Name) and is_never_kept(source, target, depth)
            )
        return False
    if isinstance(parent, (ast.Compare, ast.UnaryOp, ast.Expr, ast.BoolOp, ast.FormattedValue)):
        return True
    if isinstance(parent, (ast.If, ast.While, ast.IfExp)) and parent.test is node:
        return True
    if isinstance(parent, (ast.For, ast.AsyncFor)):
        return parent.iter is node and not matters(source, parent, depth)
    if isinstance(parent, ast.Assign):
        return all(is_lost_in(source, target, depth) for target in parent.targets)
    if isinstance(parent, ast.AugAssign):
        return is_lost_in(source, parent.target, depth)
    if isinstance(parent, ast.withitem):
        return parent.optional_vars is not None and is_lost_in(source, parent.optional_vars, depth)
    return isinstance(parent, ast.Return) and is_lost_by_callers(source, parent, depth)


def is_handed_on(source: Source, parent: ast.AST | None) -> bool:
    handing = (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.comprehension, ast.BinOp, ast.Starred)
    return isinstance(parent, handing) or (isinstance(parent, ast.Call) and source.called(parent) in PASS)


def is_lost_in(source: Source, target: ast.expr, depth: int) -> bool:
    if isinstance(target, (ast.Tuple, ast.List)):
        # `(weights,) = folder.glob("*.pt")` wants exactly one.
        return len(target.elts) == 1 and not isinstance(target.elts[0], ast.Starred)
    return isinstance(target, ast.Name) and is_never_kept(source, target, depth)


def is_never_kept(source: Source, name: ast.Name, depth: int) -> bool:
    """A variable is sorted somewhere in its function, or its order counts nowhere."""
    uses = [node for node in source.uses(name.id) if source.function_of(node) is source.function_of(name)]
    for node in uses:
        parent = source.parent(node)
        if isinstance(parent, ast.Attribute) and parent.attr == "sort":
            return True
        if isinstance(parent, ast.Call) and source.called(parent) in SORT:
            return True
    others = [node for node in uses if not is_growing(source, node)]
    return bool(others) and all(is_order_lost(source, node, depth + 1) for node in others)


def is_growing(source: Source, node: ast.Name) -> bool:
    parent = source.parent(node)
    return isinstance(parent, ast.Attribute) and parent.attr in GROW


def is_lost_by_callers(source: Source, node: ast.Return, depth: int) -> bool:
    """Whoever calls the function in this file sorts what it returns."""
    function = source.function_of(node)
    name = getattr(function, "name", None)
    if name is None:
        return False
    calls = [
        call
        for call in source.calls
        if name in (getattr(call.func, "id", None), getattr(call.func, "attr", None))
    ]
    return bool(calls) and all(is_order_lost(source, call, depth + 1) for call in calls)


def matters(source: Source, loop: ast.For | ast.AsyncFor, depth: int) -> bool:
    """Whether a loop keeps an order: something is appended, given out, or chosen as the first."""
    inner = (ast.For, ast.AsyncFor, ast.While)
    for node in ast.walk(loop):
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if (
            isinstance(node, ast.Break)
            and next(one for one in source.parents(node) if isinstance(one, inner)) is loop
        ):
            return True
        if isinstance(node, ast.Return) and isinstance(constant(node.value), type(...)):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in GROW:
            target = node.func.value
            if not (isinstance(target, ast.Name) and is_never_kept(source, target, depth + 1)):
                return True
    return False
