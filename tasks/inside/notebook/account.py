"""The account of a notebook's outputs: which are cleared, updated in place, or a widget's.

What nbclient does, without loading it: that takes as long as a kernel's start, and only widgets need it.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

from .kernel import WidgetClient

SHOWN = ("execute_result", "display_data", "update_display_data")
TIMES = {"busy": "iopub.status.busy", "idle": "iopub.status.idle"}
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Account:
    """Takes a kernel's messages into the cells of a notebook."""

    def __init__(self, notebook: dict[str, Any]) -> None:
        self._notebook = notebook
        self._displays: dict[str, dict[int, list[int]]] = {}
        self._widgets: Any = None
        self.clear_before_next_output = False
        self.widget_client: WidgetClient | None = None

    def belongs_to_widget(self, message: dict[str, Any]) -> bool:
        """Whether an Output widget takes what the message shows."""
        return bool(self._hooks(message))

    def process(self, message: dict[str, Any], cell: dict[str, Any], index: int) -> bool:
        """Take a message about the cell at this index; True if it is the cell's last."""
        kind, content = message["msg_type"], message["content"]
        if kind == "status":
            return self._status(message, cell)
        if kind.startswith("comm_"):
            self._widgets_account().handle_comm_msg(cell["outputs"], message, index)
            return False
        display = (content.get("transient") or {}).get("display_id") if kind in SHOWN else None
        if display:
            self._update(display, content)
        if "execution_count" in content:
            cell["execution_count"] = content["execution_count"]
        if kind == "execute_input":
            cell["metadata"]["execution"]["iopub.execute_input"] = timestamp(message)
        elif kind == "clear_output":
            self._clear(message, cell, index)
        elif kind in ("execute_result", "display_data", "stream", "error"):
            self._add(message, display, cell, index)
        return False

    def clear(self, outputs: list[Any], index: int) -> None:
        """Forget the outputs of the cell at this index, also what was to be updated of them."""
        outputs.clear()
        self.clear_before_next_output = False
        for places in self._displays.values():
            places.pop(index, None)

    def save_widgets(self) -> None:
        """Put the widgets' states into the notebook, where there are any."""
        if self._widgets is not None:
            self._widgets.set_widgets_metadata()
            self._notebook["metadata"].update(self._widgets.nb.metadata)

    def _status(self, message: dict[str, Any], cell: dict[str, Any]) -> bool:
        state = message["content"]["execution_state"]
        if state in TIMES:
            cell["metadata"]["execution"][TIMES[state]] = timestamp(message)
        return state == "idle"

    def _update(self, display: str, content: dict[str, Any]) -> None:
        for index, places in self._displays.get(display, {}).items():
            outputs = self._notebook["cells"][index]["outputs"]
            for place in places:
                outputs[place].update(data=content["data"], metadata=_metadata(content))

    def _add(self, message: dict[str, Any], display: str | None, cell: dict[str, Any], index: int) -> None:
        outputs = cell["outputs"]
        hooks = self._hooks(message)
        if hooks:
            hooks[-1].output(outputs, message, display, index)
            return
        if self.clear_before_next_output:
            self.clear(outputs, index)
        if display:
            self._displays.setdefault(display, {}).setdefault(index, []).append(len(outputs))
        outputs.append(output_of(message["msg_type"], message["content"]))

    def _clear(self, message: dict[str, Any], cell: dict[str, Any], index: int) -> None:
        hooks = self._hooks(message)
        if hooks:
            hooks[-1].clear_output(cell["outputs"], message, index)
        elif message["content"].get("wait"):
            self.clear_before_next_output = True
        else:
            self.clear(cell["outputs"], index)

    def _hooks(self, message: dict[str, Any]) -> list[Any]:
        """nbclient's Output widgets that take what comes of a request: the last one does."""
        if self._widgets is None:
            return []
        hooks: list[Any] = self._widgets.output_hook_stack[message["parent_header"].get("msg_id")]
        return hooks

    def _widgets_account(self) -> Any:
        if self._widgets is None:
            from nbclient import NotebookClient
            from nbformat.v4 import new_notebook

            self._widgets = NotebookClient(new_notebook())
            self._widgets.kc = self.widget_client
        return self._widgets


def output_of(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """An output as a notebook has it, from what a kernel says of it."""
    output: dict[str, Any] = {"output_type": kind}
    if kind == "stream":
        output.update(name=content["name"], text=content["text"])
    elif kind == "error":
        output.update({name: content[name] for name in ("ename", "evalue", "traceback")})
    else:
        output.update(data=content["data"], metadata=_metadata(content))
        if kind == "execute_result":
            output["execution_count"] = content["execution_count"]
    return output


def _metadata(content: dict[str, Any]) -> dict[str, Any]:
    metadata = content.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def timestamp(message: dict[str, Any]) -> str:
    """When the kernel sent the message, or now where it doesn't say: `2026-11-28T12:00:00.000000Z`."""
    date = message["header"].get("date")
    if isinstance(date, str) and _UTC.fullmatch(date):
        return date
    try:
        sent = datetime.fromisoformat(date.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (AttributeError, ValueError):
        sent = datetime.now(timezone.utc)
    return sent.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
