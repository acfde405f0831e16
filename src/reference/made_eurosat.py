"""Images of EuroSAT's shape, for tests and measurements: its classes, names, folders and sizes.

As a command: python -m src.reference.made_eurosat FOLDER [--share 0.01]
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

# Images by class in EuroSAT's RGB edition [Helber et al. 2019, table 1].
COUNTS: dict[str, int] = {
    "AnnualCrop": 3000,
    "Forest": 3000,
    "HerbaceousVegetation": 3000,
    "Highway": 2500,
    "Industrial": 2500,
    "Pasture": 2000,
    "PermanentCrop": 2500,
    "Residential": 3000,
    "River": 2500,
    "SeaLake": 3000,
}
EDGE = 64  # pixels
COARSE = 8  # pixels of the pattern that is enlarged
QUALITY = 90  # of the JPEG files: about 3 kB each, as EuroSAT's are


def make_eurosat(folder: Path, counts: Mapping[str, int] = COUNTS, seed: int = 0) -> Path:
    """Writes `folder`/2750/CLASS/CLASS_N.jpg as EuroSAT.zip holds them; returns `folder`/2750.

    Each class has a colour of its own under a random pattern, so that a model can learn something.
    """
    random = np.random.default_rng(seed)
    root = folder / "2750"
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        colour = random.integers(40, 200, 3)
        for number in range(1, count + 1):
            _image(colour, random).save(root / name / f"{name}_{number}.jpg", quality=QUALITY)
    return root


def some(share: float) -> dict[str, int]:
    """The given share of each class's images, at least one."""
    return {name: max(1, round(count * share)) for name, count in COUNTS.items()}


def _image(colour: np.ndarray, random: np.random.Generator) -> Image.Image:
    levels = colour + random.normal(0, 30, (COARSE, COARSE, 3))
    coarse = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    fine = np.asarray(coarse.resize((EDGE, EDGE), Image.Resampling.BICUBIC), dtype=np.float64)
    return Image.fromarray((fine + random.normal(0, 12, fine.shape)).clip(0, 255).astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes images of EuroSAT's shape.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=1.0, help="of each class's images (default all)")
    options = parser.parse_args()
    print(make_eurosat(options.folder, some(options.share)))


if __name__ == "__main__":
    main()
