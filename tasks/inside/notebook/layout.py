"""A notebook as the text of its file: nbformat's layout, byte for byte, in a fifth of its time."""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring as encode_text
from typing import Any

SPLIT_TYPES = ("application/javascript", "image/svg+xml")
_ENDS = "\\\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""What ends a line, too, and the backslash, by which the end of a line is known once it is encoded."""
_ESCAPED = "".join(chr(code) for code in range(0x20) if chr(code) not in "\n\r\v\f\x1c\x1d\x1e")
"""What JSON has no other way for than an escape, besides the quotation mark and those."""
TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")


def dump_notebook(notebook: dict[str, Any]) -> str:
    """The text that `nbformat.v4.writes_json` returns; the notebook stays as it is."""
    metadata = {key: value for key, value in notebook["metadata"].items() if key not in TRANSIENT}
    cells = [_split_cell(cell) for cell in notebook["cells"]]
    parts: list[str] = []
    _dump({**notebook, "metadata": metadata, "cells": cells}, "\n", parts.append)
    return "".join(parts)


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


def _dump(value: Any, indent: str, put: Callable[[str], None]) -> None:
    """Put the text in parts: in one piece, long outputs would be copied at each level."""
    inner = indent + " "
    if isinstance(value, _Lines):
        if value and not any(character in value for character in _ENDS):
            _dump_lines(value, indent, inner, put)
            return
        value = value.splitlines(True)
    if isinstance(value, str):
        put(encode_text(value))
    elif isinstance(value, dict) and value:
        before = "{" + inner
        for key in sorted(value):
            put(f"{before}{encode_text(_key(key))}: ")
            _dump(value[key], inner, put)
            before = "," + inner
        put(indent + "}")
    elif isinstance(value, (list, tuple)) and value:
        before = "[" + inner
        for item in value:
            put(before)
            _dump(item, inner, put)
            before = "," + inner
        put(indent + "]")
    else:
        put(json.dumps(value))


def _dump_lines(text: str, indent: str, inner: str, put: Callable[[str], None]) -> None:
    """The lines in one piece: a notebook may have hundreds of thousands."""
    between = '\\n",' + inner + '"'
    last = text[:-1] if text[-1] == "\n" else text
    if any(character in text for character in _ESCAPED):
        lines = between.join(encode_text(last)[1:-1].split("\\n"))
    else:
        lines = last.replace('"', '\\"').replace("\n", between)
    put("[" + inner + '"')
    put(lines)
    put(('"' if last is text else '\\n"') + indent + "]")


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key)
