"""Published weights: loaded when they are what their name says, and never executed."""

import hashlib
import io
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from src.common.failure import RequestError
from src.modelling.eurosat.weights import load_weights, read_weights
from src.modelling.resnet import resnet18


class Attack:
    """A pickle of it makes a file when it is read by one that trusts it."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.sentinel),)


def _save(folder: Path, content: object, name: str = "resnet18-{hash}.pth") -> Path:
    """Saved as PyTorch does; {hash} is the first 8 digits of the file's own SHA-256."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    path = folder / name.replace("{hash}", digest[:8])
    path.write_bytes(buffer.getvalue())
    return path


@pytest.fixture(scope="module")
def state_dict() -> dict[str, torch.Tensor]:
    return resnet18().state_dict()


def test_weights_are_loaded_into_the_whole_network(
    state_dict: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    path = _save(tmp_path, state_dict)
    weights = read_weights(path)
    model = resnet18()
    load_weights(model, weights)
    assert weights.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert all(torch.equal(value, state_dict[name]) for name, value in model.state_dict().items())


def test_loading_draws_no_random_number(state_dict: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path, model = _save(tmp_path, state_dict), resnet18()
    before = torch.get_rng_state()
    load_weights(model, read_weights(path))
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_from_before_batches_were_counted_are_loaded(
    state_dict: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """As the published file may be: a plain dictionary of 102 Parameters and buffers."""
    old = OrderedDict(
        (name, nn.Parameter(value) if name.endswith("weight") else value)
        for name, value in state_dict.items()
        if not name.endswith("num_batches_tracked")
    )
    assert len(old) == 102
    model = resnet18()
    load_weights(model, read_weights(_save(tmp_path, old)))
    assert all(torch.equal(value, state_dict[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "resnet18-0123abcd.pth",
            'its SHA-256 must begin with 0123abcd, as its name says, current value is "',
        ),
        ("resnet18.pth", "its name must hold the first 8 digits of its SHA-256, as in resnet18-f37072fd.pth"),
        ("resnet18-{hash}.pth", "it must hold tensors only, but it holds code, or is damaged. Nothing in it"),
    ],
)
def test_a_pickle_that_would_run_code_is_refused_and_not_run(name: str, message: str, tmp_path: Path) -> None:
    sentinel = tmp_path / "attacked"
    path = _save(tmp_path, {"conv1.weight": Attack(sentinel)}, name)
    with pytest.raises(RequestError, match=message):
        read_weights(path)
    assert not sentinel.exists()
    torch.load(path, weights_only=False)  # the attack is a real one
    assert sentinel.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is no file of PyTorch's"),
        (b"<html>404 Not Found</html>", "it must hold tensors only, but it holds code, or is damaged"),
        (b"PK\x03\x04 half of an archive", "it is no file of PyTorch's"),
    ],
)
def test_a_damaged_file_with_the_right_hash_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    path.write_bytes(content)
    with pytest.raises(RequestError, match=message):
        read_weights(path)


def test_a_file_that_is_not_there_is_told_with_where_it_can_be_had(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="there is no such file. It can be had from https://download.py"):
        read_weights(tmp_path / "resnet18-f37072fd.pth")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fc.weight": torch.zeros(10, 512)}, r"fc.weight has shape \(10, 512\), wanted \(1000, 512\)$"),
        ({"fc.bias": torch.zeros(1000).half()}, "fc.bias has type torch.float16, wanted torch.float32$"),
        ({"conv1.weight": None}, "conv1.weight is missing$"),
        ({"classifier.weight": torch.zeros(1)}, "classifier.weight is not part of it$"),
        (
            {f"layer1.{i}.conv{j}.weight": None for i in (0, 1) for j in (1, 2)},
            r"layer1.0.conv1.weight is missing; layer1.0.conv2.weight is missing; layer1.1.conv1.weight is "
            "missing; and 1 more$",
        ),
    ],
)
def test_weights_of_another_network_are_refused_with_a_few_differences(
    state_dict: dict[str, torch.Tensor], change: dict[str, torch.Tensor | None], message: str, tmp_path: Path
) -> None:
    other = {name: value for name, value in (state_dict | change).items() if value is not None}
    weights = read_weights(_save(tmp_path, other))
    with pytest.raises(RequestError, match=f"it must hold ResNet-18 with 1000 classes, but {message}"):
        load_weights(resnet18(), weights)


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"epoch": 3}, {1: torch.zeros(1)}, torch.zeros(1)])
def test_what_is_no_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="it must hold names and tensors, and nothing else"):
        read_weights(_save(tmp_path, content))
