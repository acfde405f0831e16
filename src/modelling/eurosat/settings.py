"""What decides a fine-tuning run, as plain data. Imports no framework, so that `--help` is quick."""

from dataclasses import dataclass
from pathlib import Path

from src.modelling.settings import Settings

MODES = ("exact", "features", "full")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
COMPILE = ("auto", "yes", "no")
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
class FullSettings(FinetuneSettings):
    """The recipe of mode full, of another experiment than the published one.

    `edge` is that of the square images, in pixels. `precision` and `compile` are decided by the device where
    they are auto, and then part of what a checkpoint must not be continued without.
    """

    mode: str = "full"
    epochs: int = 20
    batch_size: int = 128
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    edge: int = 224
    precision: str = "auto"
    compile: str = "auto"


@dataclass(frozen=True)
class Sources:
    """What is read: the folder with one folder of images for each class, the weights; and what is kept."""

    data: Path
    weights: Path
    cache: Path
