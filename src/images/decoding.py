"""Image files to levels of 8 bits, as torchvision's loader and resize make them, several at a time."""

import hashlib
import io
import os
import platform
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import PIL
from PIL import Image, features

from src.common.command import counted, printable
from src.common.failure import RequestError

LIBRARIES = ("libjpeg_turbo", "jpg", "libtiff", "webp")  # those that decode with loss, and can change levels
MOST_THREADS = 8

Progress = Callable[[int, int], None]  # images done, images in all


@dataclass(frozen=True)
class Decoded:
    """One image in RGB: levels as (3, height, width), and the SHA-256 of the file they are from."""

    path: Path
    height: int
    width: int
    levels: bytes
    digest: bytes


class MixedSizes(RequestError):
    """The images can't be kept in their own size, because they have several."""


def decoder() -> str:
    """Everything that may change a level: Pillow, its libraries, and the processor's kind."""
    versions = [f"{name} {features.version(name)}" for name in LIBRARIES]
    return ", ".join([f"Pillow {PIL.__version__}", *versions, platform.machine()])


def digests(paths: Iterable[Path]) -> list[bytes]:
    """The SHA-256 of each file. An unreadable one has none; decoding says why."""
    return [_digest(path) for path in paths]


def decode_all(
    paths: Sequence[Path], size: int | None, progress: Progress = lambda done, total: None
) -> Iterator[Decoded]:
    """Decodes the images in their order, in several threads, a few ahead of the one that is wanted next.

    Resized to `size` x `size` by Pillow's bilinear filter, or in their own size, which must be common to all.
    Raises RequestError at the end, naming all files that could not be decoded; MixedSizes at once.
    """
    broken: list[str] = []
    shape: Decoded | None = None
    with ThreadPoolExecutor(decoding_threads()) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata, with a line of code
        for done, (path, future) in enumerate(_ahead(pool, paths, size), start=1):
            try:
                decoded = future.result()
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                broken.append(f"  {printable(str(path))}: {_reason(error)}")
                continue
            shape = shape or decoded
            if (decoded.height, decoded.width) != (shape.height, shape.width):
                raise _mixed(shape, decoded)
            if not broken:  # else the rest is only looked at to name what is broken in it
                yield decoded
            progress(done, len(paths))
    if broken:
        raise RequestError(
            f"Cannot decode {counted(len(broken), 'image')} of {len(paths):,}:\n" + "\n".join(broken)
        )


def decode(path: Path, size: int | None) -> Decoded:
    """What torchvision's loader and `Resize((size, size))` make of the file. Raises what Pillow raises."""
    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as file:
        image = file.convert("RGB")
    if size is not None:
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    levels = b"".join(channel.tobytes() for channel in image.split())
    return Decoded(path, image.height, image.width, levels, hashlib.sha256(content).digest())


def _ahead(
    pool: ThreadPoolExecutor, paths: Sequence[Path], size: int | None
) -> Iterator[tuple[Path, Future[Decoded]]]:
    """Keeps the pool at work without collecting all images in memory."""
    waiting: deque[tuple[Path, Future[Decoded]]] = deque()
    for path in paths:
        waiting.append((path, pool.submit(decode, path, size)))
        if len(waiting) > 4 * decoding_threads():
            yield waiting.popleft()
    yield from waiting


def decoding_threads() -> int:
    """Pillow decodes and resizes without Python's lock; what is left under it keeps few threads at work."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(processors, MOST_THREADS)


def _digest(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).digest()
    except OSError:
        return b""


def _reason(error: Exception) -> str:
    if isinstance(error, PIL.UnidentifiedImageError):  # its message names a place in memory
        return "not an image that can be read"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return printable(str(error))


def _mixed(first: Decoded, other: Decoded) -> MixedSizes:
    return MixedSizes(
        "Cannot keep images in their own size: all must have the same, current sizes are "
        f"{first.width}x{first.height} ({printable(str(first.path))}) and "
        f"{other.width}x{other.height} ({printable(str(other.path))})"
    )
