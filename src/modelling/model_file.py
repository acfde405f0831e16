"""Trained models as safetensors files that describe themselves. Nothing in them is ever executed."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn

from src.common.failure import RequestError
from src.common.files import write_bytes
from src.images.normalization import Normalization
from src.modelling.resnet import ResNet, resnet18, small_resnet

DTYPES = {"float64": torch.float64, "float32": torch.float32}
METADATA_KEY = "model"


@dataclass(frozen=True)
class Description:
    """All that is needed to rebuild a model and to feed it: image_shape is (channels, height, width)."""

    architecture: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    normalization: Normalization
    dtype: str
    source: str

    @classmethod
    def from_json(cls, text: str) -> "Description":
        """Raises KeyError, TypeError or ValueError when the text is no description."""
        fields = json.loads(text)
        channels, height, width = (int(size) for size in fields["image_shape"])
        return cls(
            architecture=str(fields["architecture"]),
            classes=tuple(str(name) for name in fields["classes"]),
            image_shape=(channels, height, width),
            normalization=Normalization(
                **{k: tuple(map(float, v)) for k, v in fields["normalization"].items()}
            ),
            dtype=str(fields["dtype"]),
            source=str(fields["source"]),
        )


def build(description: Description) -> ResNet:
    """A new model with random weights from PyTorch's global generator. Raises ValueError."""
    if description.dtype not in DTYPES:
        raise ValueError(f'dtype must be one of {", ".join(DTYPES)}, current value is "{description.dtype}"')
    dtype, classes = DTYPES[description.dtype], len(description.classes)
    match description.architecture:
        case "small_resnet":
            return small_resnet(classes, description.image_shape[0], dtype=dtype)
        case "resnet18":
            return resnet18(classes, dtype=dtype)
        case other:
            raise ValueError(f'architecture must be small_resnet or resnet18, current value is "{other}"')


def save_model(path: Path, model: nn.Module, description: Description) -> None:
    """Writes weights and description: the same bytes for the same model, whenever and wherever."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    # One metadata entry, sorted: safetensors does not promise an order for several.
    write_bytes(path, save(weights, {METADATA_KEY: json.dumps(asdict(description), sort_keys=True)}))


def load_model(path: Path, device: str = "cpu") -> tuple[ResNet, Description]:
    """The model, ready to predict, and its description. Raises RequestError when the file is not ours."""
    if path.suffix != ".safetensors":
        raise RequestError(
            f"Cannot load {path}: the model must be a .safetensors file, as training writes it. "
            "Pickled models (.pt, .pth, .pkl) can run any code while they load and are refused"
        )
    if not path.is_file():
        raise RequestError(
            f"Cannot load {path}: there is no such file. Train one first, or name another --model"
        )
    try:
        description = Description.from_json(_metadata(path)[METADATA_KEY])
        model = build(description)
        model.load_state_dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise RequestError(f"Cannot load {path}: it is not a readable safetensors file ({error})") from error
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise RequestError(
            f"Cannot load {path}: it was not written by this project's training ({error})"
        ) from error
    return model.eval().to(device), description


def _metadata(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        return file.metadata() or {}
