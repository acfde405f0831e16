"""Decoded images in one file that can be mapped into memory, and that tells when it is damaged.

Pixels come first, (N, 3, H, W) uint8, so that the file can be mapped as it is. A description follows as JSON,
with a checksum of each image; at the very end stand the description's length, its checksum and a mark.
"""

import json
import os
import struct
import time
import uuid
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

END = struct.Struct("<QI8s")
MARK = b"pixels 1"
ABANDONED = 3600  # seconds after which a file that nobody has written to is a killed process's
SHARE = 64  # images whose checksums are one task for a thread


class Damaged(Exception):
    """The file is not what was written; says in what."""


def read_pixels(path: Path, key: str) -> np.ndarray:
    """The pixels that were written under this key, mapped into memory; changes are not written back.

    All of them are checked: about 2 GB/s and processor once the file is in memory. Raises Damaged; OSError.
    """
    description, length = _description(path)
    if description["key"] != key:
        raise Damaged("it holds other images")
    shape = tuple(description["shape"])
    if length != int(np.prod(shape)):
        raise Damaged("its length is wrong")
    # Copy on write, for PyTorch warns of memory that it must not write to.
    pixels = np.memmap(path, dtype=np.uint8, mode="c", shape=shape)
    if (place := _first_wrong(pixels, description["checksums"])) is not None:
        raise Damaged(f"image {place} has a wrong checksum")
    return pixels


def write_pixels(path: Path, key: str, images: Iterable[bytes], shape: tuple[int, int, int, int]) -> None:
    """Puts the images into place at once when all are written. Raises OSError, and leaves nothing then.

    Each process writes a file of its own and the last one stays: all hold the same. What a power cut loses is
    found by the checksums, so that nothing waits for the disk here.
    """
    _remove_abandoned(path)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with open(part, "xb") as file:
            checksums = []
            for image in images:
                file.write(image)
                checksums.append(zlib.crc32(image))
            text = json.dumps({"key": key, "shape": shape, "checksums": checksums}).encode()
            file.write(text + END.pack(len(text), zlib.crc32(text), MARK))
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _description(path: Path) -> tuple[dict[str, Any], int]:
    """The description, and how many bytes there are before it."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < END.size:
            raise Damaged("it is cut off")
        file.seek(size - END.size)
        length, checksum, mark = END.unpack(file.read(END.size))
        before = size - END.size - length
        if mark != MARK or before < 0:
            raise Damaged("it is cut off, or not of this format")
        file.seek(before)
        text = file.read(length)
    if zlib.crc32(text) != checksum:
        raise Damaged("its description has a wrong checksum")
    return json.loads(text), before


def _first_wrong(pixels: np.ndarray, checksums: list[int]) -> int | None:
    """The first image whose checksum is not the one that was written."""

    def look(start: int) -> int | None:
        share = zip(pixels[start : start + SHARE], checksums[start : start + SHARE], strict=True)
        wrong = (place for place, (image, sum_) in enumerate(share, start) if zlib.crc32(image) != sum_)
        return next(wrong, None)

    with ThreadPoolExecutor() as pool:
        found = pool.map(look, range(0, len(checksums), SHARE))
        return next((place for place in found if place is not None), None)


def _remove_abandoned(path: Path) -> None:
    for part in path.parent.glob(f".*{path.suffix}.*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > ABANDONED:
                part.unlink()
