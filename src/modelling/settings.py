"""What decides a training run, as plain data. Imports no framework, so that `--help` is quick."""

from dataclasses import asdict, dataclass
from typing import Any, Protocol

from src.failure import RequestError

DTYPES = ("float64", "float32")
DEVICES = ("cpu", "cuda")


class Recipe(Protocol):
    """All that decides a training run, whatever is trained."""

    @property
    def epochs(self) -> int: ...

    @property
    def learning_rate(self) -> float: ...

    @property
    def device(self) -> str: ...

    def as_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Settings:
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

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def require_same(saved: dict[str, Any], current: Recipe, where: str) -> None:
    """Raises RequestError for a checkpoint of another run. Threads and device only deserve a warning."""
    wanted = current.as_dict()
    different = [
        f"{name} was {saved.get(name)}, is now {wanted[name]}"
        for name in wanted
        if name not in ("threads", "device") and saved.get(name) != wanted[name]
    ]
    if different:
        raise RequestError(
            f"Cannot resume from {where}: it must be a checkpoint of the same settings, "
            f"but {'; '.join(different)}. Repeat the settings, choose another --out, or leave out --resume"
        )
