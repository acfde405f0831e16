"""A notebook as the text of its file: nbformat's layout, byte for byte, in a fifth of its time."""

from __future__ import annotations

import json
from json.encoder import encode_basestring as encode_text
from typing import Any

SPLIT_TYPES = ("application/javascript", "image/svg+xml")
_NOT_PLAIN = "\\\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""What ends a line, too, and the backslash, by which the end of a line is known once it is encoded."""
TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")


def dump_notebook(notebook: dict[str, Any]) -> str:
    """The text that `nbformat.v4.writes_json` returns; the notebook stays as it is."""
    metadata = {key: value for key, value in notebook["metadata"].items() if key not in TRANSIENT}
    cells = [_split_cell(cell) for cell in notebook["cells"]]
    return _dump({**notebook, "metadata": metadata, "cells": cells}, "\n")


def _split_cell(cell: dict[str, Any]) -> dict[str, Any]:
    split = {key: _lines(value) if key == "source" else value for key, value in cell.items()}
    split["metadata"] = {key: value for key, value in cell["metadata"].items() if key != "trusted"}
    if "attachments" in cell:
        split["attachments"] = {name: _split_data(data) for name, data in cell["attachments"].items()}
    if cell["cell_type"] == "code":
        split["outputs"] = [_split_output(output) for output in cell["outputs"]]
    return split


def _split_output(output: dict[str, Any]) -> dict[str, Any]:
    if output["output_type"] == "stream":
        return {**output, "text": _lines(output["text"])}
    return {**output, "data": _split_data(output["data"])} if "data" in output else output


def _split_data(data: dict[str, Any]) -> dict[str, Any]:
    return {
        mime: _lines(value) if mime.startswith("text/") or mime in SPLIT_TYPES else value
        for mime, value in data.items()
    }


class _Lines(str):
    """A text that the file has as the list of its lines."""


def _lines(value: Any) -> Any:
    return _Lines(value) if isinstance(value, str) else value


def _dump(value: Any, indent: str) -> str:
    inner = indent + " "
    if isinstance(value, _Lines):
        if value and not any(character in value for character in _NOT_PLAIN):
            return _dump_lines(value, indent, inner)
        value = value.splitlines(True)
    if isinstance(value, str):
        return encode_text(value)
    if isinstance(value, dict) and value:
        pairs = (f"{encode_text(_key(key))}: {_dump(value[key], inner)}" for key in sorted(value))
        return "{" + inner + ("," + inner).join(pairs) + indent + "}"
    if isinstance(value, (list, tuple)) and value:
        items = [encode_text(item) if isinstance(item, str) else _dump(item, inner) for item in value]
        return "[" + inner + ("," + inner).join(items) + indent + "]"
    return json.dumps(value)


def _dump_lines(text: str, indent: str, inner: str) -> str:
    """The lines in one piece: a notebook may have hundreds of thousands."""
    lines = encode_text(text)[1:-1].split("\\n")
    end = '"'
    if not lines[-1]:
        lines.pop()
        end = '\\n"'
    return "[" + inner + '"' + ('\\n",' + inner + '"').join(lines) + end + indent + "]"


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key)
