"""Reads images in threads, ahead of the model: Pillow decodes and resizes without Python's lock."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from src.images.decoding import decoding_threads

Item = TypeVar("Item")
Read = TypeVar("Read")

CHUNK = 8  # items of one task: handing over each on its own would cost as much as reading it


def read_ahead(items: Sequence[Item], read: Callable[[Item], Read], ahead: int) -> Iterator[Read]:
    """What `read` returns for each item, in order, at most `ahead` items before they are taken."""
    chunks = (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
    pool = ThreadPoolExecutor(decoding_threads(), "reading")
    try:
        waiting: deque[Future[list[Read]]] = deque()
        for chunk in islice(chunks, max(2, ahead // CHUNK)):
            waiting.append(pool.submit(_read_all, read, chunk))
        while waiting:
            done = waiting.popleft().result()
            waiting += [pool.submit(_read_all, read, chunk) for chunk in islice(chunks, 1)]
            yield from done
    finally:
        pool.shutdown(cancel_futures=True)


def _read_all(read: Callable[[Item], Read], items: Sequence[Item]) -> list[Read]:
    return [read(item) for item in items]
