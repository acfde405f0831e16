"""The networks: names, shapes, and the same numbers as torchvision's."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch

from src.modelling.resnet import resnet18, small_resnet

FIXTURE = Path(__file__).parents[2] / "fixtures" / "resnet18" / "state_dict.json"


def test_resnet18_has_the_122_names_and_shapes_of_published_state_dicts() -> None:
    wanted = json.loads(FIXTURE.read_text())
    found = {name: list(tensor.shape) for name, tensor in resnet18().state_dict().items()}
    assert len(wanted) == 122
    assert found == wanted
    assert list(found) == list(wanted)


def test_resnet18_loads_a_published_state_dict_strictly() -> None:
    shapes = json.loads(FIXTURE.read_text())
    published = {name: torch.zeros(shape) for name, shape in shapes.items()}
    assert str(resnet18().load_state_dict(published, strict=True)) == "<All keys matched successfully>"


def test_resnet18_returns_the_same_logits_as_torchvision_bit_for_bit(torchvision: ModuleType) -> None:
    theirs, ours = torchvision.models.resnet18().eval(), resnet18().eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


def test_resnet18_trains_as_torchvisions_does_batch_norm_included(torchvision: ModuleType) -> None:
    """Three steps in training mode, all weights learning: weights and statistics stay bit for bit equal."""
    theirs, ours = torchvision.models.resnet18(), resnet18()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    inputs, labels = torch.randn(4, 3, 64, 64), torch.tensor([3, 999, 0, 3])
    for model in (theirs, ours):
        optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
        for _ in range(3):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
    trained = theirs.state_dict()
    assert trained["bn1.num_batches_tracked"] == 3
    assert all(torch.equal(value, trained[name]) for name, value in ours.state_dict().items())


def test_resnet18_draws_the_same_random_weights_as_torchvision(torchvision: ModuleType) -> None:
    build = torchvision.models.resnet18
    torch.manual_seed(23)
    theirs = build().state_dict()
    after_theirs = torch.rand(1)
    torch.manual_seed(23)
    ours = resnet18().state_dict()
    assert torch.equal(torch.rand(1), after_theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("size", [8, 16, 32])
def test_small_resnet_takes_images_of_8_to_32_pixels(size: int) -> None:
    model = small_resnet(classes=5, channels=3)
    assert model(torch.randn(2, 3, size, size)).shape == (2, 5)


def test_small_resnet_is_built_in_the_precision_asked_for() -> None:
    model = small_resnet(dtype=torch.float64)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}
    assert model(torch.randn(1, 1, 8, 8, dtype=torch.float64)).dtype == torch.float64


def test_small_resnet_halves_the_resolution_in_every_stage_but_the_first() -> None:
    model = small_resnet()
    assert model.layer1(torch.randn(1, 16, 8, 8)).shape == (1, 16, 8, 8)
    assert model.layer2(torch.randn(1, 16, 8, 8)).shape == (1, 32, 4, 4)
    assert model.layer3(torch.randn(1, 32, 4, 4)).shape == (1, 64, 2, 2)
