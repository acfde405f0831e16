"""Jupyter's messages on ZeroMQ's sockets: signed, sent and awaited.

Without jupyter_client, which takes as long to load as a kernel to answer. The protocol is version 5 of
https://jupyter-client.readthedocs.io/en/stable/messaging.html.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

import zmq

from .kernel_streams import QUEUE

PROTOCOL = "5.3"
DELIMITER = b"<IDS|MSG>"


def message_context() -> zmq.Context[Any]:
    """A ZeroMQ context for short queues that does not wait 100 ms between attempts to connect."""
    context = zmq.Context()
    context.setsockopt(zmq.RCVHWM, QUEUE)
    context.setsockopt(zmq.RECONNECT_IVL, 5)
    return context


class Session:
    """One party to a kernel's messages, with the key that all of them are signed with."""

    def __init__(self, key: str) -> None:
        self.id = uuid4().hex
        self._mac = hmac.new(key.encode(), digestmod=hashlib.sha256)
        self._count = 0

    def msg(
        self,
        kind: str,
        content: dict[str, Any],
        parent: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A message to be sent; its `header["msg_id"]` is what replies and outputs refer to."""
        self._count += 1
        header = {
            "msg_id": f"{self.id}_{self._count}",
            "msg_type": kind,
            "username": "notebook",
            "session": self.id,
            "date": datetime.now(timezone.utc).isoformat(),
            "version": PROTOCOL,
        }
        return {
            "header": header,
            "parent_header": parent or {},
            "metadata": metadata or {},
            "content": content,
        }

    def pack(self, message: dict[str, Any]) -> list[bytes]:
        """The message as frames."""
        names = ("header", "parent_header", "metadata", "content")
        parts = [json.dumps(message[name]).encode() for name in names]
        return [DELIMITER, self._sign(parts), *parts]

    def unpack(self, frames: list[bytes]) -> dict[str, Any]:
        """The message in these frames, its dates as texts; raises ValueError where its signature is wrong."""
        signature, *parts = frames[frames.index(DELIMITER) + 1 :]
        if not hmac.compare_digest(signature, self._sign(parts[:4])):
            raise ValueError("a message from the kernel has not the signature of its key")
        header, parent, metadata, content = (
            json.loads(part.decode("utf-8", "replace")) for part in parts[:4]
        )
        return {
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": header["msg_type"],
            "parent_header": parent,
            "metadata": metadata,
            "content": content,
            "buffers": [memoryview(buffer) for buffer in parts[4:]],
        }

    def _sign(self, parts: list[bytes]) -> bytes:
        mac = self._mac.copy()
        for part in parts:
            mac.update(part)
        return mac.hexdigest().encode()


class Channel:
    """One of a kernel's sockets; one task at a time may wait for its messages."""

    def __init__(
        self, context: zmq.Context[Any], connection: dict[str, Any], name: str, session: Session
    ) -> None:
        self._session = session
        self._socket = context.socket(zmq.SUB if name == "iopub" else zmq.DEALER)
        if name == "iopub":
            self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.connect(f"{connection['transport']}://{connection['ip']}-{connection[name + '_port']}")
        self._waiting: asyncio.Future[None] | None = None

    def send(self, message: dict[str, Any]) -> None:
        self._socket.send_multipart(self._session.pack(message))
        # ZeroMQ tells of what came only once, and sending may have taken note of it.
        self._wake()

    async def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next message; None if none comes within that time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        await asyncio.sleep(0)  # others have their turn, however many messages come
        while True:
            with contextlib.suppress(zmq.Again):
                return self._session.unpack(self._socket.recv_multipart(zmq.NOBLOCK))
            if loop.time() >= end:
                return None
            await self._news(loop, end)

    async def _news(self, loop: asyncio.AbstractEventLoop, end: float) -> None:
        """Wait until there may be a message; what tells of one stays readable until the socket is asked."""
        waiting = self._waiting = loop.create_future()
        descriptor = self._socket.getsockopt(zmq.FD)
        loop.add_reader(descriptor, self._wake)
        timer = loop.call_at(end, self._wake)
        try:
            await waiting
        finally:
            timer.cancel()
            if self._waiting is waiting:  # and none that came after this one was cancelled
                loop.remove_reader(descriptor)
                self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def close(self) -> None:
        self._socket.close(linger=0)
