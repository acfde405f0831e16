"""A repository as the rules see it: its sources, notebooks and other files, and what imports what."""

from __future__ import annotations

import ast
import os
import posixpath
import re
import stat
import sys
import typing

from audit.comments import Ignore, ignores_in
from audit.notebook import Cell, NotANotebook, read_notebook
from audit.source import Source

#: Larger files are nobody's source; a notebook may hold its pictures.
MOST_BYTES = {".py": 5_000_000, ".ipynb": 100_000_000}
MOST_TEXT = 2_000_000

#: What checks the code makes no result, and what others wrote is theirs to mend.
ASIDE = re.compile(
    r"(^|/)(tests?|testing|node_modules|site-packages|third_party|vendor|vendored|externals?)/"
    r"|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$|(^|/)docs?/(source/)?conf\.py$"
)


class Project:
    """
    `files` are paths relative to the root, `tracked` those that git has, or None where there is no git.
    `documents` are the YAML and TOML files that matter, as JSON.
    """

    def __init__(
        self,
        root: str,
        files: typing.Sequence[str],
        tracked: typing.Sequence[str] | None = None,
        documents: dict[str, typing.Any] | None = None,
    ) -> None:
        self.root = root
        self.files = sorted(files)
        self.file_set = frozenset(files)
        self.tracked = self.file_set if tracked is None else frozenset(tracked)
        self.documents = documents or {}
        #: A folder of a larger repository, where what is installed may stand above it.
        self.is_part = tracked is not None and not os.path.exists(os.path.join(root, ".git"))
        #: What rules find once, and ask for again.
        self.kept: dict[str, typing.Any] = {}
        #: Files that could not be read as what they are, with the reason.
        self.skipped: list[tuple[str, str]] = []
        self.ignores: list[Ignore] = []
        self._texts: dict[str, str | None] = {}
        self.notebooks: dict[str, list[Cell]] = {}
        self.sources: dict[str, Source] = {}
        #: setup.py and what else is Python, and no program of the research.
        self.set_up: dict[str, Source] = {}
        for path in self.files:
            if path.endswith((".py", ".ipynb")) and not ASIDE.search(path):
                self._add(path)
        self._modules = self._index()
        self._imported: dict[str, list[Source]] = {}
        self._reached: dict[str, list[Source]] = {}

    def _add(self, path: str) -> None:
        text = self._source_text(path, MOST_BYTES[posixpath.splitext(path)[1]])
        if text is None:
            return
        if path.endswith(".py"):
            source = Source(path, [(None, text)])
            if source.broken:
                reason = source.broken[0][1]
                is_old = is_python_2(text)
                self.skipped.append((path, f"it is Python 2: {reason}" if is_old else unparsed(reason)))
                return
            (self.set_up if posixpath.basename(path) == "setup.py" else self.sources)[path] = source
            self.ignores += ignores_in(path, None, text, True)
            return
        try:
            language, cells = read_notebook(text)
        except NotANotebook as error:
            self.skipped.append((path, str(error)))
            return
        self.notebooks[path] = cells
        if language not in (None, "python"):
            self.skipped.append((path, f"its code is {language}, of which no rule knows anything"))
            return
        code = [cell for cell in cells if cell.kind == "code"]
        source = Source(path, [(cell.number, cell.python) for cell in code])
        self.sources[path] = source
        for cell in code:
            self.ignores += ignores_in(path, cell.number, cell.text, True)
        if source.broken:
            cell_number, reason = source.broken[0]
            self.skipped.append((path, f"cell {cell_number}: {unparsed(reason)}"))

    def _source_text(self, path: str, most: int) -> str | None:
        try:
            data = self._bytes(path, most)
        except OSError as error:
            self.skipped.append((path, error.strerror or str(error)))
            return None
        if data is None:
            return None
        text = decoded(data)
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def _bytes(self, path: str, most: int) -> bytes | None:
        """A link is not followed: it may leave the repository. Nor is a pipe waited for."""
        place = os.path.join(self.root, *path.split("/"))
        info = os.lstat(place)
        if stat.S_ISLNK(info.st_mode):
            inside = os.path.realpath(self.root) + os.sep
            place = os.path.realpath(place)
            if not place.startswith(inside):
                self.skipped.append((path, "it is a link that leaves the folder"))
                return None
            info = os.stat(place)
        if not stat.S_ISREG(info.st_mode):
            return None
        if info.st_size > most:
            self.skipped.append(
                (path, f"{info.st_size // 1_000_000} MB are more than is read ({most // 1_000_000} MB)")
            )
            return None
        with open(place, "rb") as file:
            return file.read(most + 1)

    def text(self, path: str) -> str | None:
        """Another file's text; its comments may silence lines, too."""
        if path not in self._texts:
            self._texts[path] = self._source_text(path, MOST_TEXT)
            if self._texts[path] is not None:
                self.ignores += ignores_in(path, None, self._texts[path] or "", False)
        return self._texts[path]

    def beginning(self, path: str, most: int) -> str | None:
        """The first characters of a file that is no larger."""
        try:
            place = os.path.join(self.root, *path.split("/"))
            info = os.lstat(place)
            if not stat.S_ISREG(info.st_mode) or info.st_size > most:
                return None
            with open(place, "rb") as file:
                return file.read(200).decode("latin-1")
        except OSError as error:
            self.skipped.append((path, error.strerror or str(error)))
            return None

    def named(self, pattern: str) -> list[str]:
        """Files whose name, without the folder, matches."""
        form = re.compile(pattern, re.IGNORECASE)
        return [
            path for path in self.files if form.fullmatch(posixpath.basename(path)) and not ASIDE.search(path)
        ]

    def line_of(self, path: str, wanted: str) -> int:
        """Where a text first stands in a file."""
        found = (self.text(path) or "").find(wanted)
        return 1 if found < 0 else (self.text(path) or "").count("\n", 0, found) + 1

    @property
    def experiments(self) -> dict[str, typing.Any]:
        """Every experiment.yaml: what runs it sets variables that make runs comparable."""
        return {
            path: value
            for path, value in self.documents.items()
            if posixpath.basename(path) == "experiment.yaml" and isinstance(value, dict)
        }

    # What imports what.

    def _index(self) -> dict[str, list[str]]:
        """Paths by every dotted name that a module may have: a/b/c.py is c, b.c and a.b.c."""
        modules: dict[str, list[str]] = {}
        for path in self.sources:
            if not path.endswith(".py"):
                continue
            parts = path[:-3].split("/")
            if parts[-1] == "__init__":
                parts.pop()
            for start in range(max(0, len(parts) - 8), len(parts)):
                modules.setdefault(".".join(parts[start:]), []).append(path)
        return modules

    def is_own(self, module: str) -> bool:
        """Whether a module's first name is one of this repository's."""
        first = module.split(".")[0]
        return first in self._own_names

    @property
    def _own_names(self) -> frozenset[str]:
        if not hasattr(self, "_own"):
            names = {posixpath.basename(self.root.rstrip("/"))}
            for path in self.files:
                if path.endswith((".py", ".so", ".pyx", ".pyd", ".cpp", ".cu")):
                    parts = path.split("/")
                    names.update(parts[:-1])
                    names.add(parts[-1].split(".")[0])
            for cells in self.notebooks.values():
                names.update(posixpath.basename(cell.writes).split(".")[0] for cell in cells if cell.writes)
            for source in self.set_up.values():
                for call in source.calls:
                    for keyword in call.keywords:
                        if keyword.arg in ("name", "py_modules", "packages", "ext_modules"):
                            names.update(
                                re.sub(r"[-.]", "_", node.value)
                                for node in ast.walk(keyword.value)
                                if isinstance(node, ast.Constant) and isinstance(node.value, str)
                            )
            self._own: frozenset[str] = frozenset(names)
        return self._own

    def imported_by(self, source: Source) -> list[Source]:
        """The repository's own files that a file imports."""
        if source.path not in self._imported:
            found = {
                path: self.sources[path]
                for module in dict.fromkeys(module for _, module in source.imports())
                for path in self._resolve(source.path, module)
                if path != source.path
            }
            self._imported[source.path] = list(found.values())
        return self._imported[source.path]

    def _resolve(self, importer: str, module: str) -> list[str]:
        folder = posixpath.dirname(importer)
        bare = module.lstrip(".")
        dots = len(module) - len(bare)
        if dots:
            for _ in range(dots - 1):
                folder = posixpath.dirname(folder)
            return self._files_of(folder, bare)
        candidates = self._modules.get(module, [])
        if not candidates:
            return []
        # Beside the program, then from a folder above it; else wherever there are few of that name.
        at = folder
        while True:
            for base in (at, posixpath.join(at, "src"), posixpath.join(at, "lib")):
                near = self._files_of(base, module)
                if near:
                    return near
            if at == "":
                break
            at = posixpath.dirname(at)
        return candidates if len(candidates) <= 3 else []

    def _files_of(self, folder: str, module: str) -> list[str]:
        base = posixpath.join(folder, *module.split(".")) if module else folder
        return [path for path in (f"{base}.py", posixpath.join(base, "__init__.py")) if path in self.sources]

    def reach(self, source: Source) -> list[Source]:
        """A file, and all of the repository's own that it loads, nearest first."""
        if source.path not in self._reached:
            found = [source]
            known = {source.path}
            for one in found:
                others = [other for other in self.imported_by(one) if other.path not in known]
                known.update(other.path for other in others)
                found += others
            self._reached[source.path] = found
        return self._reached[source.path]

    @property
    def programs(self) -> list[Source]:
        """What people start: notebooks, what asks for `__main__`, and what acts and is imported by nobody."""
        if not hasattr(self, "_programs"):
            imported = {other.path for source in self.sources.values() for other in self.imported_by(source)}
            self._programs = [
                source
                for source in self.sources.values()
                if source.is_notebook or has_main(source) or (source.path not in imported and acts(source))
            ]
        return self._programs


def unparsed(reason: str) -> str:
    return f"it does not parse with Python {sys.version_info[0]}.{sys.version_info[1]}: {reason}"


def has_main(source: Source) -> bool:
    return any(
        isinstance(node, ast.If)
        and any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test))
        for node in source.body
    )


def acts(source: Source) -> bool:
    """It does something when it is loaded, beside defining and importing."""
    return any(
        isinstance(node, (ast.For, ast.While, ast.With))
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        for node in source.body
    )


def decoded(data: bytes) -> str:
    """UTF-8, else what the file itself names, else Latin-1, which fits everything."""
    for encoding in ("utf-8-sig", declared(data)):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("latin-1")


def declared(data: bytes) -> str:
    head = b"\n".join(data.split(b"\n", 2)[:2])
    found = re.search(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", head, re.MULTILINE)
    return found[1].decode("ascii", "replace") if found else "latin-1"


def is_python_2(text: str) -> bool:
    return bool(
        re.search(
            r"^\s*(print\s+[\"'\w%]|except \w+(\.\w+)*, \w+:|exec\s+[\"'])|\braise \w+, ", text, re.MULTILINE
        )
    )
