"""What the Python source of cells does with names: which it assigns, and whether that undoes a parameter."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

_MAGIC = re.compile(r"^(\s*)[%!?].*$|^(\s*)\S.*\?\s*$", re.MULTILINE)
_CAPTURE = re.compile(r"^(\s*[\w, ]+=)\s*[!%].*$", re.MULTILINE)
_PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")

_Function = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def parse_cell(source: str) -> ast.Module | None:
    """The cell as Python, its magics left out; None if it is something else."""
    if source.lstrip().startswith("%%"):
        magic, _, source = source.lstrip().partition("\n")
        if magic.split()[0] not in _PYTHON_CELL_MAGICS:
            return None
        source = "\n" + source  # lines keep their numbers
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        pass
    source = _MAGIC.sub(lambda line: (line[1] or line[2] or "") + "pass", _CAPTURE.sub(r"\1 None", source))
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def assigned_names(tree: ast.Module) -> set[str]:
    """The names that statements at the top level assign."""
    targets: list[ast.expr] = []
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets += node.targets
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            targets.append(node.target)
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


class Overwrite(NamedTuple):
    """An assignment, in the cell of this index, that replaces a parameter's value."""

    name: str
    cell: int
    line: int
    used_before: bool
    """The value that was given has been used by then, or the assignment depends on a condition."""


def find_overwrites(cells: list[tuple[int, str]], names: set[str]) -> list[Overwrite]:
    """The assignments that replace each name's value, up to the first that does so for certain.

    `cells` are executed in this order.
    An assignment that uses the name, such as `epochs = int(epochs)`, replaces nothing.
    """
    scan = _Scan(names)
    for index, source in cells:
        tree = parse_cell(source)
        if tree is not None:
            for statement in tree.body:
                scan.statement(index, statement, conditional=False)
    return scan.found


class _Scan:
    def __init__(self, names: set[str]) -> None:
        self.waiting = set(names)
        self.used: set[str] = set()
        self.found: list[Overwrite] = []
        self.functions: dict[str, set[str]] = {}  # what a function reads when it is called

    def statement(self, cell: int, node: ast.stmt, conditional: bool) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._assign(cell, node.lineno, {node.name}, set(), conditional)
            self.functions[node.name] = set(_reads(node.body))
            return
        blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
        blocks += [handler.body for handler in getattr(node, "handlers", [])]
        blocks += [case.body for case in getattr(node, "cases", [])]
        own = [child for child in ast.iter_child_nodes(node) if not _is_block(child)]
        reads, writes = set(_reads(own)), set(_writes(node, own))
        if isinstance(node, ast.AugAssign):
            reads |= writes
        self._use(reads)
        self._assign(cell, node.lineno, writes, reads, conditional)
        inside = conditional or isinstance(node, (ast.If, ast.Try)) or hasattr(node, "cases")
        for block in blocks:
            for statement in block if isinstance(block, list) else []:
                self.statement(cell, statement, inside)

    def _use(self, names: set[str]) -> None:
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in self.used:
                self.used.add(name)
                todo += self.functions.get(name, ())

    def _assign(self, cell: int, line: int, writes: set[str], reads: set[str], conditional: bool) -> None:
        for name in sorted(writes & self.waiting):
            if name in reads:
                self.used.add(name)
            else:
                if not conditional:
                    self.waiting.discard(name)
                self.found.append(Overwrite(name, cell, line, conditional or name in self.used))


def _is_block(node: ast.AST) -> bool:
    return isinstance(node, (ast.stmt, ast.ExceptHandler)) or type(node).__name__ == "match_case"


def _reads(nodes: list[ast.AST] | list[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        for one in ast.walk(node):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
                yield one.id


def _writes(node: ast.stmt, own: list[ast.AST]) -> Iterator[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield (alias.asname or alias.name).split(".")[0]
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return
    for part in own:
        if isinstance(part, _Function):
            continue
        for one in ast.walk(part):
            if (
                isinstance(one, ast.Name)
                and isinstance(one.ctx, ast.Store)
                and not _in_comprehension(part, one)
            ):
                yield one.id


def _in_comprehension(part: ast.AST, name: ast.Name) -> bool:
    """A comprehension's variable is its own."""
    return any(
        name in ast.walk(generator.target)
        for one in ast.walk(part)
        if isinstance(one, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp))
        for generator in one.generators
    )
