"""What decides a training on digits, as plain data. Imports no framework, so that `--help` is quick."""

from dataclasses import dataclass

from src.modelling.settings import Settings

DTYPES = ("float64", "float32")
DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class DigitsSettings(Settings):
    """The recipe. The defaults are those of the published claim.

    Double precision and one thread are what lets other machines obtain the same counts: in single precision,
    another instruction set or another number of threads moves the result by several images.
    """

    epochs: int = 15
    seed: int = 23
    data: str = "digits"
    learning_rate: float = 0.05
    batch_size: int = 32
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    shift: int = 1
    dtype: str = "float64"
    device: str = "cpu"
    threads: int = 1
