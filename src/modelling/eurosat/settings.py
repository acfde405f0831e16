"""What decides a fine-tuning run, as plain data. Imports no framework, so that `--help` is quick."""

from dataclasses import dataclass
from pathlib import Path

from src.modelling.settings import Settings

MODES = ("exact", "features")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class FinetuneSettings(Settings):
    """The recipe. The defaults are the published experiment's.

    `threads` is PyTorch's choice where it is None. The two digests are filled in when the files are read, so
    that a checkpoint is never continued with other weights or other images.
    """

    mode: str = "exact"
    epochs: int = 10
    seed: int = 23
    learning_rate: float = 0.001
    batch_size: int = 256
    device: str = "auto"
    threads: int | None = None
    weights_sha256: str = ""
    data_sha256: str = ""


@dataclass(frozen=True)
class Sources:
    """What is read: the folder with one folder of images for each class, the weights; and what is kept."""

    data: Path
    weights: Path
    cache: Path
