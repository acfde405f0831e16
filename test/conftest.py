"""Lets the tests import `src` wherever pytest is started, and trains once for all of them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two epochs of the published recipe: enough to compare with, in two seconds."""
    from src.modelling.digits.settings import DigitsSettings
    from src.modelling.digits.train import train

    out = tmp_path_factory.mktemp("trained")
    train(DigitsSettings(epochs=2), out, report=lambda line: None)
    return out


@pytest.fixture(scope="session")
def torchvision() -> ModuleType:
    """The real one, to compare with; skips the test where there is none."""
    from src.reference.real_torchvision import import_torchvision

    module = import_torchvision()
    if module is None:
        pytest.skip("torchvision is not installed: cannot compare with it")
    return module
