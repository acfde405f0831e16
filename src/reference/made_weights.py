"""A file of ResNet-18's weights as torchvision publishes one, but random: for tests and measurements."""

import hashlib
import io
from pathlib import Path

import torch

from src.modelling.resnet import resnet18


def make_weights(folder: Path, seed: int = 1) -> Path:
    """Writes `folder`/resnet18-HASH.pth, named by the beginning of its SHA-256 as published ones are."""
    torch.manual_seed(seed)
    buffer = io.BytesIO()
    torch.save(resnet18().state_dict(), buffer)
    path = folder / f"resnet18-{hashlib.sha256(buffer.getvalue()).hexdigest()[:8]}.pth"
    path.write_bytes(buffer.getvalue())
    return path
