"""How the languages of kernels write down values and assign them."""

from __future__ import annotations

import json
import keyword
import math
import re
from typing import Any

from .file import BadRequest
from .python_source import assigned_names, parse_cell

LARGEST_R_INTEGER = 2**31 - 1
LARGEST_EXACT_DOUBLE = 2**53


class Language:
    """Python, and what others have in common with it."""

    name = "Python"
    comment = "#"
    assign = "{name} = {value}"

    def check_name(self, name: str) -> None:
        """Raises BadRequest for a name that can't be assigned to."""
        if not name.isidentifier() or keyword.iskeyword(name):
            raise BadRequest(f"Cannot set parameter {json.dumps(name)}: must be a name Python can assign to")

    def assignment(self, name: str, value: Any) -> str:
        """A line that gives the name this value."""
        return self.assign.format(name=self.written_name(name), value=self.literal(value))

    def written_name(self, name: str) -> str:
        return name

    def literal(self, value: Any) -> str:
        """Source text that evaluates to the same value and type; raises BadRequest where there is none."""
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        if isinstance(value, list):
            return "[" + ", ".join(map(self.literal, value)) + "]"
        if isinstance(value, dict):
            pairs = (f"{self.literal(key)}: {self.literal(item)}" for key, item in value.items())
            return "{" + ", ".join(pairs) + "}"
        return repr(value)

    def assigned(self, source: str) -> set[str]:
        """The names that a cell assigns at its top level."""
        tree = parse_cell(source)
        if tree is not None:
            return assigned_names(tree)
        return set(re.findall(r"^(\w+)\s*(?::[^=\n]+)?=(?!=)", source, re.MULTILINE))

    def values(self, source: str) -> dict[str, str]:
        """The source text of what each name is assigned by a line of its own."""
        found = re.findall(r"^(\w+)\s*(?::[^=\n]+)?=(?!=)\s*(.*?)\s*$", source, re.MULTILINE)
        return {name: re.sub(r"\s+#[^'\"]*$", "", value) for name, value in found}


class _Other(Language):
    """A language whose source isn't parsed: assignments are found line by line."""

    pattern = r"^\s*(\w+)\s*=(?!=)\s*(.*?)\s*$"
    words: dict[Any, str] = {}

    def check_name(self, name: str) -> None:
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise BadRequest(
                f"Cannot set parameter {json.dumps(name)}: must be a name {self.name} can assign to"
            )

    def literal(self, value: Any) -> str:
        if value is None or isinstance(value, bool):
            return self.words[value]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int):
            return self.integer(value)
        if isinstance(value, float):
            return self.double(value)
        return self.collection(value)

    def text(self, value: str) -> str:
        raise NotImplementedError

    def integer(self, value: int) -> str:
        return str(value)

    def double(self, value: float) -> str:
        if math.isfinite(value):
            return repr(value)
        return "NaN" if math.isnan(value) else "Inf" if value > 0 else "-Inf"

    def collection(self, value: Any) -> str:
        raise NotImplementedError

    def assigned(self, source: str) -> set[str]:
        return set(self.values(source))

    def values(self, source: str) -> dict[str, str]:
        return dict(re.findall(self.pattern, source, re.MULTILINE))

    def refuse(self, value: Any, why: str) -> BadRequest:
        return BadRequest(f"Cannot give {self.name} the value {value!r}: {why}")

    def checked_text(self, value: str) -> str:
        if "\0" in value or re.search("[\ud800-\udfff]", value):
            raise self.refuse(value, "a text must be Unicode without a NUL")
        return value

    def text_keys(self, value: dict[Any, Any]) -> dict[str, Any]:
        if any(not isinstance(key, str) or not key for key in value):
            raise self.refuse(value, "its keys must be texts")
        return value


def _with_escapes(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


class R(_Other):
    name = "R"
    pattern = r"^\s*`?([A-Za-z._][\w.]*)`?\s*(?:<-|=(?!=))\s*(.*?)\s*$"
    words = {None: "NULL", True: "TRUE", False: "FALSE"}

    def written_name(self, name: str) -> str:
        return f"`{name}`" if name.startswith("_") else name

    def text(self, value: str) -> str:
        escaped = self.checked_text(value).replace("\\", "\\\\").replace('"', '\\"')
        return (
            '"' + re.sub(r"[\n\r\t]", lambda c: {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[c[0]], escaped) + '"'
        )

    def integer(self, value: int) -> str:
        if abs(value) <= LARGEST_R_INTEGER:
            return f"{value}L"
        if abs(value) > LARGEST_EXACT_DOUBLE:
            raise self.refuse(value, f"an integer must be within {LARGEST_EXACT_DOUBLE}")
        return str(value)

    def collection(self, value: Any) -> str:
        if isinstance(value, list):
            return "list(" + ", ".join(map(self.literal, value)) + ")"
        pairs = (f"{self.text(key)} = {self.literal(item)}" for key, item in self.text_keys(value).items())
        return "list(" + ", ".join(pairs) + ")"


class Julia(_Other):
    name = "Julia"
    words = {None: "nothing", True: "true", False: "false"}

    def text(self, value: str) -> str:
        escaped = re.sub(r'[\\"$]', lambda c: "\\" + c[0], self.checked_text(value))
        return '"' + _with_escapes(escaped) + '"'

    def integer(self, value: int) -> str:
        return str(value) if value.bit_length() < 64 else f'parse(BigInt, "{value}")'

    def collection(self, value: Any) -> str:
        if isinstance(value, list):
            return "[" + ", ".join(map(self.literal, value)) + "]"
        pairs = (f"{self.literal(key)} => {self.literal(item)}" for key, item in value.items())
        return "Dict(" + ", ".join(pairs) + ")"


class Bash(_Other):
    name = "bash"
    pattern = r"^\s*(?:export\s+|declare\s+(?:-\w+\s+)*)?([A-Za-z_]\w*)=(.*?)\s*$"
    assign = "{name}={value}"
    words = {None: "", True: "true", False: "false"}

    def assignment(self, name: str, value: Any) -> str:
        declare = f"unset {name}; declare -A " if isinstance(value, dict) else ""
        return declare + super().assignment(name, value)

    def text(self, value: str) -> str:
        if re.search(r"[\n\r\t]", self.checked_text(value)):  # a kernel that feeds a terminal breaks at these
            value = re.sub(r"[\\']", lambda c: "\\" + c[0], value)
            return "$'" + _with_escapes(value) + "'"
        return "'" + value.replace("'", "'\\''") + "'"

    def double(self, value: float) -> str:
        return repr(value)

    def collection(self, value: Any) -> str:
        items = value if isinstance(value, list) else list(self.text_keys(value).values())
        if any(isinstance(item, (list, dict)) for item in items):
            raise self.refuse(value, "it must not be nested")
        if isinstance(value, list):
            return "(" + " ".join(self.literal(item) or "''" for item in value) + ")"
        pairs = (f"[{self.text(key)}]={self.literal(item) or repr('')}" for key, item in value.items())
        return "(" + " ".join(pairs) + ")"


_LANGUAGES: dict[str, type[Language]] = {
    "python": Language,
    "r": R,
    "julia": Julia,
    "bash": Bash,
    "sh": Bash,
    "zsh": Bash,
}


def find_language(name: str) -> Language | None:
    """The language of that name in a kernel.json; None if no parameters can be set in it."""
    found = _LANGUAGES.get(name.lower())
    return found() if found else None
