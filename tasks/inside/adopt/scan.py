"""What Python sources say of themselves, without importing or running any of them.

Reads `{"root", "files", "wanted", "imports"}` as JSON on standard input and writes one JSON object on
standard output: for each file what it imports, its options, its constants, and the files that it reads and
writes. A file that is neither `wanted` nor has a `__main__` is looked at for its imports only, if asked.
"""

from __future__ import annotations

import ast
import json
import os
import posixpath
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from notebook.python_source import assigned_names, parse_cell

LARGEST = 2_000_000  # bytes of a source
LARGEST_NOTEBOOK = 64_000_000

READERS = {
    "read_csv",
    "read_json",
    "read_parquet",
    "read_excel",
    "read_table",
    "read_pickle",
    "read_feather",
    "loadtxt",
    "genfromtxt",
    "imread",
}
WRITERS = {
    "to_csv",
    "to_json",
    "to_parquet",
    "to_excel",
    "to_pickle",
    "to_latex",
    "savetxt",
    "savez",
    "savez_compressed",
    "savefig",
    "imwrite",
    "save_pretrained",
    "save_weights",
    "save_model",
    "save_file",
    "write_image",
    "write_html",
}
#: Extensions that IPython brings.
OWN_EXTENSIONS = ("autoreload", "storemagic")

#: What pandas needs for a method, and installs only when asked; before 1.2 it read all workbooks by xlrd.
IMPLIED: dict[str, tuple[str, ...]] = {
    "read_excel": ("openpyxl", "xlrd"),
    "to_excel": ("openpyxl",),
    "read_parquet": ("pyarrow",),
    "to_parquet": ("pyarrow",),
    "read_html": ("lxml",),
    "read_hdf": ("tables",),
    "to_hdf": ("tables",),
    "to_markdown": ("tabulate",),
    "kde": ("scipy",),
}

METHODS_OF_PATHS = {
    "read_text": "reads",
    "read_bytes": "reads",
    "write_text": "writes",
    "write_bytes": "writes",
}


def main() -> None:
    job = json.load(sys.stdin)
    wanted = set(job["wanted"])
    found = {}
    warnings.simplefilter("ignore")  # of invalid escapes in the sources of others
    for path in job["files"]:
        found[path] = scan_file(job["root"], path, path in wanted, job["imports"])
    found[""] = {"imports": dict.fromkeys(standard_library(), 0)}
    json.dump(found, sys.stdout)


def standard_library() -> list[str]:
    names = getattr(sys, "stdlib_module_names", None)  # since 3.10
    if names is not None:
        return sorted(names)
    folder = os.path.dirname(os.__file__)
    found = {name.split(".")[0] for name in os.listdir(folder)}
    return sorted(found | set(sys.builtin_module_names) | {"_ctypes", "math", "select", "zlib"})


def scan_file(root: str, path: str, wanted: bool, imports: bool) -> dict[str, Any]:
    place = os.path.join(root, path)
    try:
        is_notebook = path.endswith(".ipynb")
        size = os.path.getsize(place)
        if size > (LARGEST_NOTEBOOK if is_notebook else LARGEST):
            return {"problem": f"is too large to be read: {size // 1_000_000} MB"}
        with open(place, "rb") as file:
            data = file.read()
        if is_notebook:
            return scan_notebook(data)
        if not wanted and b"__main__" not in data:
            if not imports:
                return {}
            scan = Scan()
            scan.imports_of(parse(data))
            return {"imports": scan.imports}
        return scan_module(parse(data))
    except OSError as error:
        return {"problem": f"can't be read: {error.strerror}"}
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"problem": describe(error)}


def parse(data: bytes) -> ast.Module:
    try:
        return ast.parse(data)
    except (SyntaxError, ValueError):
        # Without a declaration of its encoding a source is UTF-8; old ones are Latin-1 none the less.
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return ast.parse(data.decode("latin-1"))
        raise


def describe(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        text = str(error.msg)
        if "print" in text or "exec" in text:
            return f"is Python 2 (line {error.lineno})"
        return f"is not Python {sys.version_info[0]}.{sys.version_info[1]}: {text} (line {error.lineno})"
    return f"can't be parsed: {error}"


def scan_notebook(data: bytes) -> dict[str, Any]:
    notebook = json.loads(data.decode("utf-8"))
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("it has no cells")
    scan = Scan()
    for index, cell in enumerate(cells):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        source = "".join(source) if isinstance(source, list) else str(source)
        tree = parse_cell(source)
        scan.cell = index + 1
        for found in re.finditer(r"^\s*%(?:load_ext|reload_ext)\s+([A-Za-z_]\w*)", source, re.MULTILINE):
            if found[1] not in OWN_EXTENSIONS:
                scan.imports.setdefault(found[1], source.count("\n", 0, found.start()) + 1)
        if tree is None:
            if not source.lstrip().startswith("%%"):
                scan.unparsed = scan.unparsed or scan.cell
                if is_python_2(source):
                    scan.python2 = scan.python2 or scan.cell
            continue
        tags = (cell.get("metadata") or {}).get("tags") or []
        scan.tagged = scan.tagged or "parameters" in tags
        scan.assigned |= assigned_names(tree) - (set(scan.of_cell(tree)) if "parameters" in tags else set())
        if "parameters" in tags:
            scan.parameters.update(scan.of_cell(tree))
        scan.module(tree)
    return scan.result()


def scan_module(tree: ast.Module) -> dict[str, Any]:
    scan = Scan()
    scan.module(tree)
    return scan.result()


class Scan:
    def __init__(self) -> None:
        self.cell: int | None = None
        self.main: int | None = None
        self.imports: dict[str, int] = {}
        self.options: list[dict[str, Any]] = []
        self.constants: dict[str, dict[str, Any]] = {}
        self.reads: list[dict[str, Any]] = []
        self.writes: list[dict[str, Any]] = []
        self.hydra: dict[str, Any] | None = None
        self.cuda: int | None = None
        self.unparsed: int | None = None  # the first cell that is not Python 3
        self.python2: int | None = None  # the first that is Python 2 by its words
        self.acts: int | None = None  # the first line that does something when the file is run
        self.arguments: dict[int, str] = {}  # positions in sys.argv, and what they are called
        self.values: dict[str, ast.expr] = {}  # names that are assigned once
        self.twice: set[str] = set()
        self.tagged = False
        self.assigned: set[str] = set()  # by cells other than the one that is tagged as the parameters'
        self.parameters: dict[str, dict[str, Any]] = {}

    def result(self) -> dict[str, Any]:
        self.assigned = sorted(self.assigned)  # type: ignore[assignment]
        told = {
            key: getattr(self, key)
            for key in (
                "imports",
                "main",
                "options",
                "constants",
                "reads",
                "writes",
                "hydra",
                "cuda",
                "unparsed",
                "python2",
                "acts",
                "arguments",
                "tagged",
                "assigned",
                "parameters",
            )
        }
        return {key: value for key, value in told.items() if value}

    def imports_of(self, tree: ast.Module) -> None:
        for node in statements_of(tree):
            self.import_of(node)

    def import_of(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.imports.setdefault(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            self.imports.setdefault(node.module, node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.level:
            self.imports.setdefault("." * node.level + (node.module or ""), node.lineno)

    def implied_by(self, node: ast.Call) -> None:
        """What pandas imports only when it is called so, and lists as an extra."""
        if not isinstance(node.func, ast.Attribute):
            return
        name = node.func.attr
        modules = IMPLIED.get(name, ())
        literal = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if name == "read_excel" and isinstance(literal, str) and literal.endswith(".xls"):
            modules = ("xlrd",)
        for keyword in node.keywords:
            if name == "plot" and keyword.arg == "kind" and isinstance(keyword.value, ast.Constant):
                modules = ("scipy",) if keyword.value.value in ("kde", "density") else modules
        if modules and any(one.split(".")[0] == "pandas" for one in self.imports):
            for module in modules:
                self.imports.setdefault(module, node.lineno)

    def module(self, tree: ast.Module) -> None:
        for node in tree.body:
            self.statement(node)
        acting = [node.lineno for node in tree.body if does_something(node)]
        self.acts = self.acts or min(acting, default=None)
        nodes = nodes_of(tree)
        for one in (ast.Import, ast.ImportFrom):
            for node in nodes.get(one, ()):
                self.import_of(node)
        for node in nodes.get(ast.Call, ()):
            self.implied_by(node)
        assigned = [node for node in nodes.get(ast.Assign, ()) if len(node.targets) == 1]
        for node in assigned:
            if isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if name in self.values:
                    self.twice.add(name)
                self.values[name] = node.value
        calls = nodes.get(ast.Call, [])
        for call in calls:
            self.option(call)
        for node in nodes.get(ast.FunctionDef, []) + nodes.get(ast.AsyncFunctionDef, []):
            self.decorators(node)
        for call in calls:
            self.file(call)
        attributes = nodes.get(ast.Attribute, [])
        if any(node.attr == "argv" for node in attributes):
            for node in assigned:
                self.argument(node.value, node.targets[0])
            for node in nodes.get(ast.Subscript, ()):
                self.argument(node, None)
        for node in nodes.get(ast.If, ()):
            if is_main(node.test):
                self.main = self.main or node.lineno
        named = [node for node in nodes.get(ast.Constant, ()) if node.value in ("cuda", "cuda:0", "cuda:%d")]
        named += [node for node in attributes if node.attr == "cuda"]
        if named and self.cuda is None:
            self.cuda = min(node.lineno for node in named)

    def statement(self, node: ast.stmt) -> None:
        """An upper-case constant at the top."""
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target, value = node.target, node.value
        else:
            return
        if not isinstance(target, ast.Name) or not target.id.isupper() or len(target.id) < 2:
            return
        literal = self.literal(value)
        if isinstance(literal, (int, float, str, bool)) and target.id not in self.constants:
            self.constants[target.id] = self.at(node, value=literal)

    def of_cell(self, tree: ast.Module) -> dict[str, dict[str, Any]]:
        """The literals that a cell gives to names."""
        found = {}
        for node in tree.body:
            if (
                isinstance(node, ast.Assign)
                and len(node.targets) == 1
                and isinstance(node.targets[0], ast.Name)
            ):
                literal = self.literal(node.value)
                if isinstance(literal, (int, float, str, bool)):
                    found[node.targets[0].id] = self.at(node, value=literal)
        return found

    def argument(self, value: ast.AST, target: ast.AST | None) -> None:
        """`out = Path(sys.argv[1])`."""
        for node in ast.walk(value):
            if isinstance(node, ast.Subscript) and getattr(node.value, "attr", None) == "argv":
                index = self.literal(getattr(node.slice, "value", node.slice))
                index = index if isinstance(index, int) else self.literal(node.slice)
                if isinstance(index, int) and index > 0:
                    name = target.id if isinstance(target, ast.Name) else ""
                    self.arguments[index] = self.arguments.get(index) or name

    def at(self, node: ast.AST, **more: Any) -> dict[str, Any]:
        where = {"line": getattr(node, "lineno", 0)}
        if self.cell is not None:
            where["cell"] = self.cell
        return dict(where, **more)

    def literal(self, node: ast.AST | None) -> Any:
        try:
            return ast.literal_eval(node) if node is not None else None
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None

    def option(self, call: ast.Call) -> None:
        """`add_argument("--epochs", type=int, default=3)`."""
        if not (isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"):
            return
        self.add_option(call)

    def decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for one in node.decorator_list:
            if not isinstance(one, ast.Call):
                continue
            name = called(one)
            if name in ("click.option", "click.argument", "option", "argument"):
                self.add_option(one)
            elif name == "hydra.main" and self.hydra is None:
                words = {key.arg: self.literal(key.value) for key in one.keywords}
                self.hydra = self.at(one, path=words.get("config_path"), name=words.get("config_name"))

    def add_option(self, call: ast.Call) -> None:
        flags = [flag for flag in (self.literal(one) for one in call.args) if isinstance(flag, str)]
        if not flags:
            return
        words = {key.arg: key.value for key in call.keywords if key.arg}
        long = [flag for flag in flags if flag.startswith("--")]
        first = (long or flags)[0]
        default = self.literal(words.get("default"))
        if default is None and isinstance(words.get("default"), ast.Name):
            default = self.literal(self.values.get(words["default"].id))  # type: ignore[attr-defined]
        name = self.literal(words.get("dest"))
        action = self.literal(words.get("action"))
        self.options.append(
            self.at(
                call,
                name=name if isinstance(name, str) else first.lstrip("-").replace("-", "_"),
                flags=flags,
                default=default if isinstance(default, (int, float, str, bool)) else None,
                positional=not first.startswith("-"),
                switch=isinstance(action, str) and action.startswith("store_") or "is_flag" in words,
                required=self.literal(words.get("required")) is True
                or (not first.startswith("-") and "default" not in words and "nargs" not in words),
            )
        )

    def file(self, call: ast.Call) -> None:
        name = called(call)
        last = name.rsplit(".", 1)[-1]
        path = call.args[0] if call.args else None
        way = None
        if (
            name in ("open", "io.open", "gzip.open", "codecs.open")
            or last == "open"
            and isinstance(call.func, ast.Attribute)
        ):
            if isinstance(call.func, ast.Attribute) and name not in ("io.open", "gzip.open", "codecs.open"):
                path, mode = call.func.value, call.args[0] if call.args else None
            else:
                mode = call.args[1] if len(call.args) > 1 else None
            mode = next((key.value for key in call.keywords if key.arg == "mode"), mode)
            text = self.literal(mode) if mode is not None else "r"
            if not isinstance(text, str):
                return
            way = "writes" if any(letter in text for letter in "wax") else "reads"
        elif last in METHODS_OF_PATHS and isinstance(call.func, ast.Attribute):
            path, way = call.func.value, METHODS_OF_PATHS[last]
        elif last in READERS or name in ("torch.load", "np.load", "numpy.load", "joblib.load"):
            way = "reads"
        elif last in WRITERS or name in ("np.save", "numpy.save", "torch.save", "joblib.dump"):
            way = "writes"
            if name in ("torch.save", "joblib.dump") or last == "save_file":
                path = call.args[1] if len(call.args) > 1 else None
        elif last == "save" and isinstance(call.func, ast.Attribute):
            way = "writes"  # a Keras model, a PIL image
        if way is None or path is None:
            return
        options: set[str] = set()
        text = self.path(path, options)
        if not text or text.startswith(("http://", "https://", "s3://", "gs://", "/dev/")):
            return
        place = self.at(call, path=posixpath.normpath(text.replace("\\", "/")))
        if options:
            place["options"] = sorted(options)
        (self.writes if way == "writes" else self.reads).append(place)

    def path(self, node: ast.AST, options: set[str], depth: int = 0) -> str | None:
        """The text of a path as far as it can be told; what an option says by its default."""
        if depth > 8:
            return None
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            if node.id not in self.values:
                return self.default_of(node.id, options)  # a parameter of a function that click calls
            if node.id in self.twice:
                return None
            return self.path(self.values[node.id], options, depth + 1)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return self.default_of(node.attr, options)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Add)):
            left, right = self.path(node.left, options, depth + 1), self.path(node.right, options, depth + 1)
            if left is None or right is None:
                return None
            return posixpath.join(left, right) if isinstance(node.op, ast.Div) else left + right
        if isinstance(node, ast.JoinedStr):
            parts = [
                self.path(one.value if isinstance(one, ast.FormattedValue) else one, options, depth + 1)
                for one in node.values
            ]
            return None if None in parts else "".join(str(part) for part in parts)
        if isinstance(node, ast.Call):
            name = called(node)
            if name in ("os.path.join", "path.join", "join", "osp.join", "Path", "pathlib.Path", "PurePath"):
                parts = [self.path(one, options, depth + 1) for one in node.args]
                return None if not parts or None in parts else posixpath.join(*[str(part) for part in parts])
            if name == "str" and node.args:
                return self.path(node.args[0], options, depth + 1)
        return None

    def default_of(self, name: str, options: set[str]) -> str | None:
        found = next((one for one in self.options if one["name"] == name), None)
        if found is None or not isinstance(found["default"], str):
            return None
        options.add(name)
        return str(found["default"])


def statements_of(tree: ast.Module) -> Iterator[ast.stmt]:
    """All statements, and no expressions: imports are found without them."""
    waiting: list[Any] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, name, ())


_SKIPPED = frozenset(("ctx", "op", "ops"))


def nodes_of(tree: ast.Module) -> dict[type, list[Any]]:
    """All nodes by their type, in the order in which they stand; quicker than `ast.walk`."""
    found: dict[type, list[Any]] = {}
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        found.setdefault(type(node), []).append(node)
        children: list[Any] = []
        for name in node._fields:
            if name in _SKIPPED:
                continue
            value = getattr(node, name, None)
            if type(value) is list:
                children += [one for one in value if isinstance(one, ast.AST)]
            elif isinstance(value, ast.AST):
                children.append(value)
        waiting += reversed(children)
    return found


def called(call: ast.Call) -> str:
    """The dotted name of what is called; the last part alone where what it is of has no name."""
    parts: list[str] = []
    node: ast.AST = call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def is_python_2(source: str) -> bool:
    lines = [line for line in source.split("\n") if not line.lstrip().startswith(("%", "!"))]
    try:
        ast.parse("\n".join(lines))
    except SyntaxError as error:
        return "Python 2" in describe(error)
    except (ValueError, RecursionError):
        pass
    return False


def does_something(node: ast.stmt) -> bool:
    """A call by itself, a loop, a block; not a definition, and no docstring."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    return isinstance(node, (ast.For, ast.While, ast.With))


def is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


if __name__ == "__main__":
    main()
