"""What the Python source of cells does with names: which it assigns, and whether that undoes a parameter."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

_TIME = re.compile(r"^(\s*)%time[ \t]+", re.MULTILINE)
_CONTINUED = r"(?:.*\\\n)*.*"
_MAGIC = re.compile(rf"^(\s*)[%!?]{_CONTINUED}$", re.MULTILINE)
_HELP = re.compile(r"^(\s*)[\w.\[\]'\"]+\?{1,2}[ \t]*$", re.MULTILINE)
_CAPTURE = re.compile(rf"^(\s*[\w, ]+=)\s*[!%]{_CONTINUED}$", re.MULTILINE)
_PYTHON_CELL_MAGICS = ("%%time", "%%capture", "%%prun")  # %%timeit assigns within itself alone

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
    source = _TIME.sub(r"\1", source)
    source = _HELP.sub(_without, _MAGIC.sub(_without, _CAPTURE.sub(_without, source)))
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _without(magic: re.Match[str]) -> str:
    """What stands for a magic, in as many lines."""
    instead = " None" if magic[1].endswith("=") else "pass"
    return magic[1] + instead + "\n" * magic[0].count("\n", len(magic[1]))


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
    certain: bool
    """It is carried out whatever happens; else it depends on a condition."""
    used_before: bool
    """The value that was given has been used by then."""


def find_overwrites(cells: list[tuple[int, str]], names: set[str]) -> list[Overwrite]:
    """The assignments that replace each name's value, up to the first that does so for certain.

    `cells` are executed in this order.
    An assignment that uses the name, such as `epochs = int(epochs)`, replaces nothing.
    """
    scan = _Scan(names)
    for index, source in cells:
        tree = parse_cell(source)
        if tree is not None:
            scan.block(index, tree.body, conditional=False)
    return scan.found


class _Scan:
    def __init__(self, names: set[str]) -> None:
        self.waiting = set(names)
        self.used: set[str] = set()
        self.found: list[Overwrite] = []
        self.functions: dict[str, tuple[int, ast.AST]] = {}  # with the cell that defines it
        self.calling: set[str] = set()
        self.only: set[str] | None = None  # within a function, the names that it declares to be global

    def block(self, cell: int, statements: list[ast.stmt], conditional: bool) -> None:
        for statement in statements:
            self.statement(cell, statement, conditional)

    def statement(self, cell: int, node: ast.stmt, conditional: bool) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._assign(cell, node.lineno, {node.name}, set(), conditional)
            if not isinstance(node, ast.ClassDef) or self.only is None:
                self.functions[node.name] = (cell, node)
            return
        own = [child for child in ast.iter_child_nodes(node) if not _is_block(child)]
        reads, writes = set(_reads(own)), set(_writes(node, own))
        if isinstance(node, ast.AugAssign):
            reads |= writes
        self._use(reads)
        for name in _calls(own):
            self._call(name, conditional)
        self._assign(cell, node.lineno, writes, reads, conditional)
        alternatives = _alternatives(node)
        if alternatives is not None:
            self._branch(cell, alternatives, conditional)
            self.block(cell, getattr(node, "finalbody", []), conditional)
            return
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, [])
            self.block(cell, block if isinstance(block, list) else [], conditional)

    def _branch(self, cell: int, blocks: list[list[ast.stmt]], conditional: bool) -> None:
        """One of the blocks is carried out; what each of them replaces is replaced for certain."""
        before, start = self.waiting, len(self.found)
        replaced: set[str] | None = None
        for block in blocks:
            self.waiting = set(before)
            self.block(cell, block, True)
            if not (block and isinstance(block[-1], ast.Raise)):
                here = before - self.waiting
                replaced = here if replaced is None else replaced & here
        self.waiting = before - (replaced or set())
        if conditional:
            return
        for name in sorted(replaced or set()):
            inside = [one for one in self.found[start:] if one.name == name]
            self.found[start:] = [one for one in self.found[start:] if one.name != name]
            self.found.append(inside[0]._replace(certain=True))

    def _call(self, name: str, conditional: bool) -> None:
        """A function is carried out where it is called: it may assign what it declares to be global."""
        cell, function = self.functions.get(name, (0, None))
        body = getattr(function, "body", None)
        if not isinstance(function, ast.FunctionDef) or body is None or name in self.calling:
            return
        declared = {one for node in ast.walk(function) if isinstance(node, ast.Global) for one in node.names}
        only, self.only = self.only, declared
        self.calling.add(name)
        self.block(cell, body, conditional)
        self.calling.discard(name)
        self.only = only

    def _use(self, names: set[str]) -> None:
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in self.used:
                self.used.add(name)
                if name in self.functions:
                    todo += _reads(getattr(self.functions[name][1], "body", []))

    def _assign(self, cell: int, line: int, writes: set[str], reads: set[str], conditional: bool) -> None:
        if self.only is not None:
            writes = writes & self.only
        for name in sorted(writes & self.waiting):
            if name in reads:
                self.used.add(name)
            else:
                self.waiting.discard(name)
                self.found.append(Overwrite(name, cell, line, not conditional, name in self.used))


def _alternatives(node: ast.stmt) -> list[list[ast.stmt]] | None:
    """The blocks of which one is carried out; None for a statement that has no such blocks."""
    if isinstance(node, ast.If):
        return [node.body, node.orelse]
    if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
        handlers = [handler.body for handler in getattr(node, "handlers", [])]
        return [[*getattr(node, "body", []), *getattr(node, "orelse", [])], *handlers]
    cases = getattr(node, "cases", None)
    if cases is None:
        return None
    is_whole = any(case.guard is None and getattr(case.pattern, "pattern", "") is None for case in cases)
    return [*(case.body for case in cases), *([] if is_whole else [[]])]


def _is_block(node: ast.AST) -> bool:
    return isinstance(node, (ast.stmt, ast.ExceptHandler)) or type(node).__name__ == "match_case"


def _reads(nodes: list[ast.AST] | list[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        for one in ast.walk(node):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
                yield one.id


def _calls(own: list[ast.AST]) -> Iterator[str]:
    """The functions that a statement calls by their name, other than under a condition."""
    todo = list(own)
    while todo:
        node = todo.pop()
        if isinstance(node, (*_Function, ast.IfExp, ast.BoolOp, ast.ListComp, ast.SetComp, ast.DictComp)):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        if not isinstance(node, ast.GeneratorExp):
            todo += ast.iter_child_nodes(node)


def _writes(node: ast.stmt, own: list[ast.AST]) -> Iterator[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield (alias.asname or alias.name).split(".")[0]
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return
    if isinstance(node, ast.Assign):
        for target in node.targets:
            name = _global_key(target)
            if name is not None:
                yield name
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


def _global_key(target: ast.expr) -> str | None:
    """`globals()["n"] = 10` assigns n."""
    if not (isinstance(target, ast.Subscript) and isinstance(target.value, ast.Call)):
        return None
    function, key = target.value.func, target.slice
    key = getattr(key, "value", key) if type(key).__name__ == "Index" else key  # Python 3.8
    is_globals = isinstance(function, ast.Name) and function.id == "globals"
    return key.value if is_globals and isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _in_comprehension(part: ast.AST, name: ast.Name) -> bool:
    """A comprehension's variable is its own."""
    return any(
        name in ast.walk(generator.target)
        for one in ast.walk(part)
        if isinstance(one, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp))
        for generator in one.generators
    )
