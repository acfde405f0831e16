"""Files that are either there and whole or not there: written beside, flushed to disk, renamed."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from src.common.failure import RequestError, UnavailableError


def output_folder(out: Path) -> Path:
    """Makes the folder where it is not there yet. Raises RequestError or UnavailableError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise RequestError(
            f"Cannot write into {out}: --out must be a folder, but a file is in its place"
        ) from error
    except OSError as error:
        raise UnavailableError(f"Cannot make the folder {out}: {error.strerror}") from error
    return out


def refuse_taken_names(out: Path, names: Iterable[str], remedy: str) -> None:
    """Raises RequestError, which ends with the remedy, if one of these names is taken in `out`."""
    taken = [name for name in names if os.path.lexists(out / name)]
    if taken:
        raise RequestError(f"Cannot write into {out}: there {_is(taken)} {', '.join(taken)}. {remedy}")


def _is(names: Sequence[str]) -> str:
    return "is already" if len(names) == 1 else "are already"


def write_bytes(path: Path, content: bytes) -> None:
    """Puts `content` at `path` in one step, so that a reader or a crash never sees half of it.

    Raises UnavailableError when the system refuses: a full disk, a read-only folder.
    """
    # A fixed name: what a killed process left behind is overwritten by the next, not collected.
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)  # on a full disk it would only be in the way
        raise UnavailableError(f"Cannot write {path}: {error.strerror}") from error
    _sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON. NaN and infinity, which JSON lacks, raise ValueError."""
    write_bytes(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes comma-separated values under a header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself last through a power cut, where the system can (Windows cannot)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse; the file itself is written and complete
    finally:
        os.close(descriptor)
