"""The published experiment's random numbers: the generators stand where they did, draw by draw."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

from src.common.failure import RequestError
from src.modelling.determinism import seed_everything
from src.modelling.eurosat.draws import draw_split, draw_training_order, draw_validation_order
from src.modelling.resnet import resnet18
from src.reference.made_eurosat import COUNTS

SEED = 23
IMAGES = sum(COUNTS.values())
# Validation images by class, in order: the row sums of the published confusion matrix.
BY_CLASS = [65, 60, 56, 51, 52, 39, 56, 46, 46, 69]

# SHA-256 (first 16 digits) of the states of PyTorch's and of numpy's global generator after each stage.
STATES = {
    "seeded": ("fc4cc9fab93f9285", "44ba007c3eac710f"),
    "network of 1000 classes": ("0d4dfdd217e91c7e", "44ba007c3eac710f"),
    "classifier of 10 classes": ("9b810a1a592ff7ce", "44ba007c3eac710f"),
    "split": ("47457f9d9e6f1e3c", "da9608642e1bb84f"),
    "training of epoch 1": ("4f75e3dcd9eb0b3f", "da9608642e1bb84f"),
    "validation of epoch 1": ("253cfa3e57b6c693", "da9608642e1bb84f"),
    "training of epoch 2": ("629526bb4bec1b4c", "da9608642e1bb84f"),
    "validation of epoch 2": ("29405272db6bf792", "da9608642e1bb84f"),
}


@pytest.fixture(autouse=True)
def _own_generators() -> Iterator[None]:
    """What is drawn here is not missed elsewhere."""
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()
    yield
    torch.set_rng_state(torch_state)
    np.random.set_state(numpy_state)


def _states() -> tuple[str, str]:
    numpy = repr([part.tolist() if isinstance(part, np.ndarray) else part for part in np.random.get_state()])
    states = torch.get_rng_state().numpy().tobytes(), numpy.encode()
    first, second = (hashlib.sha256(state).hexdigest()[:16] for state in states)
    return first, second


def _stages() -> Iterator[tuple[str, tuple[str, str]]]:
    """The draws of a run on 27,000 images: nothing else of it touches a generator, as other tests prove."""
    seed_everything(SEED)
    yield "seeded", _states()
    resnet18()
    yield "network of 1000 classes", _states()
    nn.Linear(512, 10)
    yield "classifier of 10 classes", _states()
    training, validation = draw_split(IMAGES)
    yield "split", _states()
    for epoch in (1, 2):
        draw_training_order(len(training))
        yield f"training of epoch {epoch}", _states()
        draw_validation_order(len(validation))
        yield f"validation of epoch {epoch}", _states()


def test_after_each_stage_the_generators_are_in_the_known_state() -> None:
    assert dict(_stages()) == STATES


def test_the_split_of_27000_images_has_the_published_class_counts() -> None:
    seed_everything(SEED)
    resnet18()
    nn.Linear(512, 10)
    training, validation = draw_split(IMAGES)
    labels = np.repeat(np.arange(len(COUNTS)), list(COUNTS.values()))  # sorted by class, as the folder is
    assert (len(training), len(validation)) == (2160, 540)
    assert np.bincount(labels[validation]).tolist() == BY_CLASS
    assert len(set(training.tolist()) | set(validation.tolist())) == 2700


def test_without_the_1000_classes_the_split_is_another() -> None:
    seed_everything(SEED)
    resnet18(10)
    validation = draw_split(IMAGES)[1]
    labels = np.repeat(np.arange(len(COUNTS)), list(COUNTS.values()))
    assert np.bincount(labels[validation]).tolist() != BY_CLASS


def test_the_split_is_random_split_of_a_permuted_tenth() -> None:
    seed_everything(SEED)
    tenth = Subset(TensorDataset(torch.arange(270)), np.random.permutation(270)[:27].tolist())
    theirs = random_split(tenth, [int(0.8 * 27), 27 - int(0.8 * 27)])
    after_theirs = _states()
    seed_everything(SEED)
    ours = draw_split(270)
    assert _states() == after_theirs
    for part, subset in zip(ours, theirs, strict=True):
        assert part.tolist() == [int(place) for (place,) in subset]


@pytest.mark.parametrize("workers", [0, 2])
def test_the_orders_and_what_they_draw_are_a_real_data_loaders(workers: int) -> None:
    """Over two epochs of training and validation; the number of worker processes changes nothing."""
    images = TensorDataset(torch.arange(29))
    training = DataLoader(images, batch_size=8, shuffle=True, num_workers=workers)
    validation = DataLoader(images, batch_size=8, num_workers=workers)
    torch.manual_seed(SEED)
    theirs = [torch.cat([batch for (batch,) in loader]) for loader in (training, validation) * 2]
    after_theirs = _states()
    torch.manual_seed(SEED)
    ours = [draw(29) for draw in (draw_training_order, draw_validation_order) * 2]
    assert _states() == after_theirs
    assert all(torch.equal(our, their) for our, their in zip(ours, theirs, strict=True))


def test_too_few_images_are_refused() -> None:
    training, validation = draw_split(20)
    assert (len(training), len(validation)) == (1, 1)
    with pytest.raises(RequestError, match='there must be at least 20, .* current value is "19"'):
        draw_split(19)
