"""What the settings of all trainings have in common. Imports no framework, so that `--help` is quick."""

from typing import Any

from src.common.failure import RequestError


class Settings:
    """All that decides a training run: each experiment adds a frozen dataclass with its defaults."""

    epochs: int
    learning_rate: float
    device: str

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def require_same(saved: dict[str, Any], current: Settings, where: str) -> None:
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
            f"but {'; '.join(different)}. Repeat the settings, or choose another --out"
        )
