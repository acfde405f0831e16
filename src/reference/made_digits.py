"""scikit-learn's digits as a folder of image files, for measurements."""

import os
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

COPIES = 10  # of each image: fine-tuning uses one file in ten, so that it uses as many as there are images
LARGEST_LEVEL = 16


def make_digits(folder: Path, share: float = 1.0) -> Path:
    """Writes `folder`/digits/CLASS/N_COPY.png, in grey; returns `folder`/digits.

    Copies of an image are in both parts of a split, so that the accuracy means nothing here.
    """
    root = folder / "digits"
    bunch = load_digits()
    images, labels = bunch.images, bunch.target
    for number in range(max(10, round(len(images) * share))):
        place = root / str(labels[number])
        place.mkdir(parents=True, exist_ok=True)
        first = place / f"{number}_0.png"
        Image.fromarray((images[number] * 255 / LARGEST_LEVEL).astype("uint8")).save(first)
        for copy in range(1, COPIES):
            os.link(first, place / f"{number}_{copy}.png")
    return root
