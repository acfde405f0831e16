"""Published weights: loaded only if the file is the one that its name tells, and never executed."""

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from src.common.failure import RequestError

PUBLISHED = "https://download.pytorch.org/models/resnet18-f37072fd.pth"
# As torch.hub names files: the first digits of the SHA-256, eight or more.
NAME = re.compile(r"-([0-9a-f]{8,64})\.pth")
# Counted since PyTorch 0.4.1. Older files, and copies of them, lack it, and it starts from zero.
COUNTER = "num_batches_tracked"
SHOWN = 3


@dataclass(frozen=True)
class Weights:
    """A state dict, and the SHA-256 of its file."""

    tensors: dict[str, Tensor]
    sha256: str
    path: Path


def read_weights(path: Path) -> Weights:
    """Reads the file once, checks its hash, and only then looks into it. Raises RequestError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise _refused(path, f"there is no such file. It can be had from {PUBLISHED}") from error
    except OSError as error:
        raise _refused(path, str(error.strerror)) from error
    digest = hashlib.sha256(content).hexdigest()
    _check_name(path, digest)
    return Weights(_state_dict(path, content), digest, path)


def _check_name(path: Path, digest: str) -> None:
    named = NAME.search(path.name)
    if named is None:
        example = PUBLISHED.rpartition("/")[2]
        raise _refused(path, f"its name must hold the first 8 digits of its SHA-256, as in {example}")
    if not digest.startswith(named[1]):
        raise _refused(
            path,
            f'its SHA-256 must begin with {named[1]}, as its name says, current value is "{digest}". '
            f"It is damaged or another file; the published one is {PUBLISHED}",
        )


def _state_dict(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise _refused(
            path, "it must hold tensors only, but it holds code, or is damaged. Nothing in it was run"
        ) from error
    except Exception as error:  # torch.load raises whatever the bytes happen to provoke
        raise _refused(path, f"it is no file of PyTorch's ({type(error).__name__})") from error
    if not isinstance(loaded, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in loaded.items()
    ):
        raise _refused(path, "it must hold names and tensors, and nothing else, as a state dict does")
    return loaded


def load_weights(model: nn.Module, weights: Weights) -> None:
    """Puts the weights into the model; draws no random number. Raises RequestError if they do not fit."""
    wanted = model.state_dict()
    tensors = {name: value for name, value in wanted.items() if name.endswith(COUNTER)} | weights.tensors
    problems = list(_differences(wanted, tensors))
    if problems:
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        shown = "; ".join(problems[:SHOWN])
        raise _refused(weights.path, f"it must hold ResNet-18 with 1000 classes, but {shown}{more}")
    model.load_state_dict(tensors)


def _differences(wanted: dict[str, Tensor], given: dict[str, Tensor]) -> Iterator[str]:
    for name, like in wanted.items():
        if name not in given:
            yield f"{name} is missing"
        elif given[name].shape != like.shape:
            yield f"{name} has shape {tuple(given[name].shape)}, wanted {tuple(like.shape)}"
        elif given[name].dtype != like.dtype:
            yield f"{name} has type {given[name].dtype}, wanted {like.dtype}"
    for name in given:
        if name not in wanted:
            yield f"{name} is not part of it"


def _refused(path: Path, reason: str) -> RequestError:
    return RequestError(f"Cannot load weights from {path}: {reason}")
