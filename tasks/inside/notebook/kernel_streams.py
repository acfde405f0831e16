"""What a kernel prints: executed in ipykernel before the first cell, see `Kernel`.

Whatever can't be done there, in another version or another Python kernel, leaves it as it was.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

QUEUE = 200
"""Messages that may wait on either side of the output socket."""
LONGEST = 1 << 18
"""Characters of a message."""
FLUSH_SECONDS = 0.05
"""How long a text that is printed waits for more."""


def set_up(shell: Any) -> None:
    """Do all that can be done here."""
    for improve in (wait_for_the_reader, look_up_once, reply_at_once):
        with contextlib.suppress(Exception):
            improve(shell)


def wait_for_the_reader(shell: Any) -> None:
    """Wait for a slow reader, and split long texts, so that neither side needs much memory.

    By default ipykernel's output socket drops what a slow reader has not taken, and sends all that was
    printed in 0.2 s as one message, be it 1 GB. Here it sends sooner, so that the reader works while the cell
    prints on.
    """
    import zmq

    thread = shell.kernel.iopub_thread
    streams: list[Any] = [sys.stdout, sys.stderr]

    def set_socket() -> None:
        thread.socket.set(zmq.SNDHWM, QUEUE)
        thread.socket.set(zmq.XPUB_NODROP, 1)
        for stream in streams:
            split_messages(stream)

    for stream in streams:
        stream.flush_interval = FLUSH_SECONDS
    thread.schedule(set_socket)  # the thread that owns the socket


def reply_at_once(shell: Any) -> None:
    """Do not sleep before each reply, so that outputs come before it: who reads here waits for both."""
    shell.kernel._execute_sleep = 0


def split_messages(stream: Any) -> None:
    """Send texts in pieces of at most LONGEST characters."""

    def split(message: dict[str, Any]) -> dict[str, Any] | None:
        text = message["content"]["text"]
        if len(text) <= LONGEST:
            return message
        for begin in range(0, len(text), LONGEST):
            content = {"name": stream.name, "text": text[begin : begin + LONGEST]}
            part = stream.session.msg("stream", content, parent=message["parent_header"])
            stream.session.send(stream.pub_thread, part, ident=stream.topic)
        return None

    stream.register_hook(split)


def look_up_once(shell: Any) -> None:
    """Look up once for many texts what IPython and ipykernel look up for each, twice for each line printed.

    IPython notes what a cell prints, for %notebook, and ipykernel to which cell it belongs. Where anything
    about it has changed since the text before, a text goes through both.
    """
    whole = shell._tee
    known = [stream for stream in (sys.stdout, sys.stderr) if is_known(stream)]

    @contextlib.contextmanager
    def tee(channel: str) -> Iterator[None]:
        stream: Any = getattr(sys, channel)
        with whole(channel):
            if not any(stream is one for one in known):
                yield
                return
            known.remove(stream)  # a cell that this one runs goes through both, and through this
            through_both = stream.write
            stream.write = writer(shell, stream, channel)
            try:
                yield
            finally:
                stream.write = through_both
                known.append(stream)

    shell._tee = tee


def is_known(stream: Any) -> bool:
    """Whether the stream keeps texts by what they belong to, as ipykernel 7 does."""
    if stream.echo is not None or not isinstance(stream._buffer_lock, type(threading.RLock())):
        return False
    with stream._buffer_lock:
        stream.write("")
        return frozenset(stream.parent_header.items()) in stream._buffers


def writer(shell: Any, stream: Any, channel: str) -> Callable[[str], int | None]:
    """What takes the place of `stream.write` for one cell."""
    through_both, lock, process = stream.write, stream._buffer_lock, os.getpid()
    kind = "out_stream" if channel == "stdout" else "err_stream"
    displays, hook = shell.display_pub, shell.displayhook
    noted, count = shell.history_manager.outputs, shell.execution_count
    state: tuple[Any, Any, Any] = (None, None, None)  # in one piece: other threads write, too

    def write(text: str) -> int | None:
        nonlocal state
        parent, key, output = state
        outputs = noted.get(count)
        if (
            not outputs
            or outputs[-1] is not output
            or stream.parent_header is not parent
            or type(text) is not str
            or displays.is_publishing
            or hook.is_active
            or shell.showing_traceback
            or stream.pub_thread is None
            or os.getpid() != process
        ):
            written: int | None = through_both(text)
            parent, outputs = stream.parent_header, noted.get(count)
            last = outputs[-1] if outputs else None
            if last and (last.output_type != kind or type(last.bundle.get("stream")) is not list):
                last = None  # the first releases of IPython that note what is printed keep it as one text
            state = parent, frozenset(parent.items()), last
            return written
        with lock:
            stream._buffers[key].write(text)
        if not stream._flush_pending:
            stream._schedule_flush()
        if text:
            output.bundle["stream"].append(text)
        return len(text)

    return write
