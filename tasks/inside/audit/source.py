"""Python as it stands in a file or in a notebook's cells: its syntax tree, and what the names in it mean."""

from __future__ import annotations

import ast
import builtins
import typing
import warnings

from audit.rule import Found

#: What a name is looked up in: a module, a class or a function.
Scope = typing.Union[ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
SCOPES = (*FUNCTIONS, ast.ClassDef)
#: What has names, or makes some.
BINDING = frozenset((ast.Name, ast.arg, ast.Import, ast.ImportFrom, ast.Assign, *SCOPES))
#: Fields without anything that a rule asks for.
SMALL = frozenset(("ctx", "op", "ops", "type_comment", "kind"))
OUTSIDE = frozenset(("decorator_list", "bases", "keywords"))
BUILTINS = frozenset(dir(builtins))


class Names:
    """What is bound in one scope."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.imported: dict[str, str] = {}


class Source:
    """
    One file of Python, or a notebook.

    `parts` are texts with the number of their cell, which is None for a file.
    """

    def __init__(self, path: str, parts: list[tuple[int | None, str]]) -> None:
        self.path = path
        self.parts = parts
        #: Parts that are no Python, with the reason.
        self.broken: list[tuple[int | None, str]] = []
        self.body: list[ast.stmt] = []
        self._by_type: dict[type, list[typing.Any]] = {}
        self._parent: dict[ast.AST, ast.AST] = {}
        self._scope: dict[ast.AST, ast.AST | None] = {}
        self._names: dict[ast.AST | None, Names] = {None: Names()}
        self._cells: dict[ast.AST, int | None] = {}
        self._called: dict[ast.Call, str | None] = {}
        self._values: dict[str, list[tuple[typing.Any, ast.expr]]] | None = None
        self._uses: dict[str, list[ast.Name]] | None = None
        self._called_names: frozenset[str] | None = None
        for cell, text in parts:
            self._add(cell, text)

    @property
    def is_notebook(self) -> bool:
        return self.path.endswith(".ipynb")

    def _add(self, cell: int | None, text: str) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            self.broken.append(
                (cell, f"{getattr(error, 'msg', error)}" + (f" (line {line})" if line else ""))
            )
            return
        self.body += tree.body
        self._cells.update((statement, cell) for statement in tree.body)
        self._walk(tree.body)

    def _walk(self, body: list[ast.stmt]) -> None:
        """Once over everything: what is of which type, stands in what, and is bound where."""
        stack: list[tuple[ast.AST, ast.AST | None]] = [(statement, None) for statement in reversed(body)]
        by_type, parents, scopes = self._by_type, self._parent, self._scope
        while stack:
            node, scope = stack.pop()
            kind = type(node)
            by_type.setdefault(kind, []).append(node)
            if kind in BINDING:
                scopes[node] = scope
                self._bind(node, scope)
            inner = scope
            if kind in SCOPES:
                self._names[node] = Names()
                inner = node
            children: list[tuple[ast.AST, ast.AST | None]] = []
            for name in node._fields:
                if name in SMALL:
                    continue
                value = getattr(node, name, None)
                # A decorator or a base class is evaluated in the scope around.
                own = scope if inner is node and name in OUTSIDE else inner
                if isinstance(value, list):
                    for child in value:
                        if isinstance(child, ast.AST):
                            parents[child] = node
                            children.append((child, own))
                elif isinstance(value, ast.AST):
                    parents[value] = node
                    children.append((value, own))
            stack.extend(reversed(children))

    def _bind(self, node: ast.AST, scope: ast.AST | None) -> None:
        names = self._names[scope]
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.bound.add(node.id)
        elif isinstance(node, ast.arg):
            names.bound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.bound.add(node.name)
        elif isinstance(node, ast.Import):
            for name in node.names:
                if name.asname:
                    names.imported[name.asname] = name.name
                else:
                    names.imported[name.name.split(".")[0]] = name.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for name in node.names:
                joint = "" if module.endswith(".") else "."
                names.imported[name.asname or name.name] = f"{module}{joint}{name.name}"

    def all(self, *types: type) -> list[typing.Any]:
        """Every node of these types, in the order of the text."""
        found = [node for one in types for node in self._by_type.get(one, [])]
        return (
            found
            if len(types) == 1
            else sorted(found, key=lambda node: (self.cell_of(node) or 0, node.lineno))
        )

    @property
    def calls(self) -> list[ast.Call]:
        return self.all(ast.Call)

    def called(self, call: ast.Call) -> str | None:
        """The full name of what a call calls."""
        if call not in self._called:
            self._called[call] = self.name_of(call.func)
        return self._called[call]

    @property
    def called_names(self) -> frozenset[str]:
        if self._called_names is None:
            self._called_names = frozenset(name for name in map(self.called, self.calls) if name)
        return self._called_names

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self._parent.get(node)

    def parents(self, node: ast.AST) -> typing.Iterator[ast.AST]:
        """What a node stands in, from the inside out."""
        at = self._parent.get(node)
        while at is not None:
            yield at
            at = self._parent.get(at)

    def function_of(self, node: ast.AST) -> ast.AST | None:
        """The function that a node stands in."""
        return next((one for one in self.parents(node) if isinstance(one, FUNCTIONS)), None)

    def cell_of(self, node: ast.AST) -> int | None:
        if not self.is_notebook:
            return None
        return self._cells.get(next((one for one in self.parents(node) if one in self._cells), node))

    def name_of(self, node: ast.AST) -> str | None:
        """
        The full name of what an expression names, e.g. "numpy.random.seed", "builtins.open".
        None for what is no import and no built-in: a variable's kind is not guessed.
        """
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        root = self._meaning(node)
        return None if root is None else ".".join([root, *reversed(parts)])

    def _meaning(self, node: ast.Name) -> str | None:
        scope = self._scope.get(node)
        first = True
        while True:
            names = self._names[scope]
            # A class's names are not seen from its methods.
            if first or not isinstance(scope, ast.ClassDef):
                if node.id in names.imported:
                    return names.imported[node.id]
                if node.id in names.bound:
                    return None
            if scope is None:
                return f"builtins.{node.id}" if node.id in BUILTINS else None
            scope = self._scope.get(scope)
            first = False

    def imports(self) -> typing.Iterator[tuple[ast.AST, str]]:
        """Each import with its module; relative ones begin with dots; `from a import b` is `a` and `a.b`."""
        for node in self.all(ast.Import):
            for name in node.names:
                yield node, name.name
        for node in self.all(ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            if node.module:
                yield node, module
            for name in node.names:
                if name.name != "*":
                    yield node, f"{module}{'' if module.endswith('.') else '.'}{name.name}"

    def at(self, node: ast.AST, message: str, remedy: str | None = None) -> Found:
        found = Found(self.path, getattr(node, "lineno", 1), message, self.cell_of(node), remedy)
        statement = next((one for one in [node, *self.parents(node)] if isinstance(one, ast.stmt)), node)
        # Of a loop or a function, only the line itself.
        whole = node if hasattr(statement, "body") else statement
        first, last = getattr(whole, "lineno", 1), getattr(whole, "end_lineno", None)
        found.span = (first, last or first) if not hasattr(whole, "body") else (found.line, found.line)
        return found

    def assigned(self, node: ast.Name) -> list[ast.expr]:
        """The values that are assigned to a variable in the scope where it stands, or in the file's own."""
        if self._values is None:
            self._values = {}
            for statement in self.all(ast.Assign):
                for target in statement.targets:
                    if isinstance(target, ast.Name):
                        self._values.setdefault(target.id, []).append(
                            (self._scope.get(statement), statement.value)
                        )
        near = (self._scope.get(node), None)
        return [value for scope, value in self._values.get(node.id, []) if scope in near]

    def uses(self, name: str) -> list[ast.Name]:
        """Where a variable of this name is read."""
        if self._uses is None:
            self._uses = {}
            for node in self.all(ast.Name):
                if isinstance(node.ctx, ast.Load):
                    self._uses.setdefault(node.id, []).append(node)
        return self._uses.get(name, [])


def constant(node: ast.AST | None) -> typing.Any:
    """The value of a literal; Ellipsis for anything else."""
    return node.value if isinstance(node, ast.Constant) else ...


def text(node: ast.AST | None) -> str | None:
    """A literal string."""
    value = constant(node)
    return value if isinstance(value, str) else None


def argument(call: ast.Call, name: str, position: int | None = None) -> ast.expr | None:
    """An argument by its name, or by its position."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if position is not None and position < len(call.args):
        return call.args[position]
    return None


def has_more(call: ast.Call) -> bool:
    """`*args` or `**kwargs` may hold anything."""
    return any(keyword.arg is None for keyword in call.keywords) or any(
        isinstance(one, ast.Starred) for one in call.args
    )


def last(name: str | None) -> str:
    return (name or "").rsplit(".", 1)[-1]
