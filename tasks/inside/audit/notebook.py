"""Notebooks as they are stored: code, prose, outputs. Nothing but JSON is read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


@dataclass
class Cell:
    #: 1-based, over all cells.
    number: int
    kind: str
    text: str
    count: int | None = None
    #: What its outputs say as text.
    printed: list[str] = field(default_factory=list)
    #: The exceptions that its outputs hold.
    errors: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    @property
    def shell(self) -> list[tuple[int, str]]:
        """Lines for a shell or for pip, with their line in the cell."""
        lines = self.text.split("\n")
        if self.text.lstrip().startswith(("%%bash", "%%sh", "%%shell", "%%script bash")):
            return [(at, line) for at, line in enumerate(lines, 1) if not line.lstrip().startswith("%%")]
        found = []
        for at, line in enumerate(lines, 1):
            bare = line.strip()
            if bare.startswith("!"):
                found.append((at, bare.lstrip("!")))
            elif bare.startswith(("%pip ", "%conda ", "%mamba ")):
                found.append((at, bare[1:]))
        return found

    @property
    def writes(self) -> str | None:
        """The file that `%%writefile` makes of the cell."""
        words = self.text.lstrip().split("\n", 1)[0].split()
        return words[-1] if words and words[0] in ("%%writefile", "%%file") and len(words) > 1 else None

    @property
    def python(self) -> str:
        """The cell without what only IPython understands; lines keep their numbers."""
        if self.text.lstrip().startswith("%%"):
            head = self.text.lstrip().split("\n", 1)[0].split()[0]
            if head not in ("%%time", "%%timeit", "%%capture", "%%prun"):
                return ""
        return "\n".join(plain(line) for line in self.text.split("\n"))


def plain(line: str) -> str:
    bare = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if bare.startswith(("!", "%", "?")) or (
        bare.endswith("?") and "#" not in bare and "'" not in bare and '"' not in bare
    ):
        return f"{indent}pass"
    name, sign, right = line.partition("=")
    if (
        sign
        and right.lstrip().startswith(("!", "%"))
        and name.strip().replace(",", "").replace(" ", "").isidentifier()
    ):
        return f"{name}= []"
    return line


class NotANotebook(ValueError):
    """The file is not what its name says."""


def read_notebook(text: str) -> tuple[str | None, list[Cell]]:
    """
    The language, if the file says it, and the cells.

    Raises NotANotebook.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotANotebook(f"it is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise NotANotebook("it is JSON, and no notebook")
    found = document.get("cells")
    if found is None:  # version 3
        sheets = document.get("worksheets")
        found = (
            sheets[0].get("cells")
            if isinstance(sheets, list) and sheets and isinstance(sheets[0], dict)
            else None
        )
    if not isinstance(found, list):
        raise NotANotebook("it has no cells")
    metadata = document.get("metadata") or {}
    about = (
        metadata.get("language_info") or metadata.get("kernelspec") or {}
        if isinstance(metadata, dict)
        else {}
    )
    language = (about.get("name") or about.get("language")) if isinstance(about, dict) else None
    if not isinstance(language, str):
        language = None
    elif language.startswith("python") or language in ("conda", "ipython"):
        language = "python"
    return language, [cell(number, one) for number, one in enumerate(found, 1) if isinstance(one, dict)]


def cell(number: int, found: dict) -> Cell:
    count = found.get("execution_count", found.get("prompt_number"))
    made = Cell(
        number,
        str(found.get("cell_type")),
        joined(found.get("source", found.get("input"))),
        # Some tools clear the numbers by writing 0.
        count if isinstance(count, int) and count > 0 else None,
    )
    metadata = found.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    made.tags = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    outputs = found.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        kind = output.get("output_type")
        data = output.get("data")
        if kind in ("error", "pyerr"):
            made.errors.append(f"{output.get('ename')}: {output.get('evalue')}"[:120])
        elif kind == "stream":
            made.printed.append(joined(output.get("text")))
        elif isinstance(data, dict):
            made.printed += [
                joined(data[name]) for name in ("text/plain", "text/html", "text/markdown") if name in data
            ]
    return made


def joined(text: object) -> str:
    if isinstance(text, list):
        return "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""
