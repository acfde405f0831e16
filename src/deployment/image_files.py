"""Which image files are predicted on: named ones, those in folders, or those of a list."""

import json
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from src.common.command import counted
from src.common.failure import RequestError


def find_images(paths: Sequence[Path], ignore: Iterable[Path] = ()) -> list[Path]:
    """Files as they are named; of folders, everything below with an image's suffix, sorted.

    Raises RequestError when a path is not there, can't be read or is no file (reading a pipe could take
    forever), or when there is no image.
    """
    ignored = {path.resolve() for path in ignore}
    names = {path.name for path in ignored}
    found: list[Path] = []
    for path in paths:
        if _is_folder(path):
            images = _images_below(path)
            found += [image for image in images if image.name not in names or image.resolve() not in ignored]
        else:
            found.append(path)
    if not found:
        raise RequestError(f"Cannot find images: {', '.join(map(str, paths))} holds no image file")
    return found


def listed_images(listing: Path, folder: Path) -> list[Path]:
    """The files of a list, in its order: paths relative to the folder.

    The list is a text with a path in each line, or JSON as training and inference write their predictions.
    Raises RequestError when the list can't be read, is empty, or a file is not there: what a list stands for,
    such as the images that a published number is about, is whole or it is something else.
    """
    try:
        content = listing.read_bytes()
        if listing.suffix == ".json":
            names = [str(entry["image"]) for entry in json.loads(content)]
        else:
            names = [os.fsdecode(line) for line in content.splitlines() if line.strip()]
    except OSError as error:
        raise RequestError(f"Cannot read {listing}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RequestError(
            f'Cannot read {listing}: as JSON it must be a list of objects with a path as "image"'
        ) from error
    if not names:
        raise RequestError(f"Cannot find images: {listing} lists none; it must hold at least one path")
    paths = [folder / name for name in names]
    missing = [name for name, path in zip(names, paths, strict=True) if not path.is_file()]
    if missing:
        raise RequestError(
            f"Cannot find images: {folder} must hold {counted(len(names), 'file')} that {listing} lists, "
            f"but {len(missing)} {'is' if len(missing) == 1 else 'are'} not there, first {missing[0]}"
        )
    return paths


def _is_folder(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise RequestError(f"Cannot read {path}: there is no such file or folder") from error
    except (OSError, ValueError) as error:
        raise RequestError(f"Cannot read {path}: {getattr(error, 'strerror', error)}") from error
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise RequestError(f"Cannot read {path}: it must be a file or a folder, but is a pipe or device")
    return stat.S_ISDIR(mode)


def _images_below(top: Path) -> list[Path]:
    """Hidden files and folders are left out, and so are links to folders, which could lead in circles."""
    suffixes, found = Image.registered_extensions(), []
    for folder, folders, files in os.walk(top, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        images = [Path(folder, name) for name in files if not name.startswith(".")]
        found += [path for path in images if path.suffix.lower() in suffixes and path.is_file()]
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise RequestError(f"Cannot read {error.filename}: {error.strerror}") from error
