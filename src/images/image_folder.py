"""Folders of images whose subfolders are the classes, in the order of torchvision's ImageFolder."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.common.command import printable
from src.common.failure import RequestError

# Those that torchvision's ImageFolder takes [torchvision/datasets/folder.py, IMG_EXTENSIONS].
SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class ImageFolder:
    """A folder of images by class: the classes sorted, files class by class and sorted by name.

    `files` are paths relative to `root`, `labels` (N,), int64, the places of their classes in `classes`.
    """

    root: Path
    classes: tuple[str, ...]
    files: tuple[str, ...]
    labels: np.ndarray

    @classmethod
    def read(cls, root: Path) -> "ImageFolder":
        """Raises RequestError when `root` is no folder, has no class folders, or some hold no image."""
        classes = _class_names(root)
        by_class = [_images_below(root, name) for name in classes]
        if empty := [name for name, files in zip(classes, by_class, strict=True) if not files]:
            raise RequestError(
                f"Cannot read images from {root}: every class folder must hold images "
                f"({', '.join(SUFFIXES)}), without any: {', '.join(map(printable, empty))}"
            )
        return cls(
            root=root,
            classes=tuple(classes),
            files=tuple(name for files in by_class for name in files),
            labels=np.repeat(np.arange(len(classes)), [len(files) for files in by_class]),
        )

    def __len__(self) -> int:
        return len(self.files)

    def paths(self, indices: Iterable[int]) -> list[Path]:
        """Where these images are."""
        return [self.root / self.files[index] for index in indices]


def _class_names(root: Path) -> list[str]:
    try:
        with os.scandir(root) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except FileNotFoundError as error:
        raise RequestError(f"Cannot read images from {root}: there is no such folder") from error
    except OSError as error:
        raise RequestError(f"Cannot read images from {root}: {error.strerror}") from error
    if not names:
        raise RequestError(
            f"Cannot read images from {root}: it must hold a folder for each class, but holds no folder"
        )
    return names


def _images_below(root: Path, name: str) -> list[str]:
    """Relative paths of the images of a class, folder by folder as torchvision walks them."""
    return [
        os.path.relpath(os.path.join(folder, file), root)
        for folder, _, files in sorted(os.walk(root / name, followlinks=True))
        for file in sorted(files)
        if file.lower().endswith(SUFFIXES)
    ]
