"""Mode full of EuroSAT, on made images and a CPU: its parts, its precisions, and its end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from src.common.failure import RequestError
from src.common.files import sha256
from src.common.stop_signals import Stopped
from src.modelling.eurosat import full
from src.modelling.eurosat.command import main, parser, settings_of
from src.modelling.eurosat.full import RESULTS, decided, draw_split, train_fully, turned
from src.modelling.eurosat.settings import FinetuneSettings, FullSettings, Sources
from src.modelling.model_file import load_model
from src.reference.made_weights import make_weights

ROOT = Path(__file__).resolve().parents[4]
CLASSES, EACH = 3, 10
SHORT = FullSettings(epochs=2, batch_size=10, edge=32, device="cpu", threads=1)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Thirty digits as JPEG files of 64x64 pixels, in a folder for each of three classes."""
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("sources")
    digits = load_digits()
    for label in range(CLASSES):
        (folder / "images" / str(label)).mkdir(parents=True)
        for place, image in enumerate(digits.images[digits.target == label][:EACH]):
            pixels = Image.fromarray((image * 15).astype(np.uint8)).convert("RGB").resize((64, 64))
            pixels.save(folder / "images" / str(label) / f"{place}.jpg")
    return Sources(folder / "images", make_weights(folder), folder / "cache")


@pytest.fixture(scope="module")
def trained(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("full")
    train_fully(sources, SHORT, out, report=lambda line: None)
    return out


def test_all_weights_learn_and_the_results_are_those_of_every_mode(sources: Sources, trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {*RESULTS, "checkpoint.pt"}
    model, description = load_model(trained / "model.safetensors")
    assert description.image_shape == (3, 32, 32)
    before = torch.load(sources.weights, weights_only=True)
    for name, weight in model.named_parameters():
        if not name.startswith("fc."):
            assert not torch.equal(weight, before[name]), name


def test_a_stopped_training_goes_on_to_the_same_bytes(
    sources: Sources, trained: Path, tmp_path: Path
) -> None:
    def ask_to_stop(line: str) -> None:
        if line.startswith("epoch 1/"):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped, match="after 1 epoch and 1 step of the next"):
        train_fully(sources, SHORT, tmp_path, report=ask_to_stop)
    train_fully(sources, SHORT, tmp_path, resume=True, report=lambda line: None)
    for name in RESULTS:
        assert sha256(tmp_path / name) == sha256(trained / name), name


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_trains_float32_weights(sources: Sources, tmp_path: Path, precision: str) -> None:
    settings = replace(SHORT, epochs=1, precision=precision)
    metrics = train_fully(sources, settings, tmp_path, report=lambda line: None)
    assert np.isfinite(metrics["training_loss"]).all()
    checkpoint = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert checkpoint["model"]["conv1.weight"].dtype == torch.float32
    assert bool(checkpoint["scaler"]) == (precision == "float16")


def test_the_network_is_channels_last_and_compiled_where_that_is_asked_for(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    compile = torch.compile

    def looked_at(network: nn.Module, **options: Any) -> Any:
        assert isinstance(network.get_parameter("conv1.weight"), nn.Parameter)
        seen.append(
            network.get_parameter("layer1.0.conv1.weight").is_contiguous(memory_format=torch.channels_last)
        )
        # Inductor takes a minute and a C++ compiler; the graph is the same without it.
        return compile(network, backend="aot_eager", **options)

    monkeypatch.setattr(torch, "compile", looked_at)
    train_fully(sources, replace(SHORT, epochs=1, compile="yes"), tmp_path, report=lambda line: None)
    assert seen == [True]


def test_every_image_is_turned_as_its_number_says() -> None:
    images = torch.arange(8 * 3 * 16, dtype=torch.float32).reshape(8, 3, 4, 4)
    result = turned(images, torch.arange(8))
    assert result.is_contiguous(memory_format=torch.channels_last)
    for turn in range(8):
        expected = images[turn].rot90(turn % 4, (1, 2))
        assert torch.equal(result[turn], expected.flip(2) if turn >= 4 else expected), turn
    assert (
        len(
            {
                tuple(image[0].flatten().tolist())
                for image in turned(images[:1].repeat(8, 1, 1, 1), torch.arange(8))
            }
        )
        == 8
    )


def test_the_split_is_four_fifths_to_one_and_the_seeds() -> None:
    training, validation = draw_split(27_000, torch.Generator().manual_seed(23))
    assert (len(training), len(validation)) == (21_600, 5_400)
    assert torch.cat([training, validation]).sort().values.tolist() == list(range(27_000))
    again, _ = draw_split(27_000, torch.Generator().manual_seed(23))
    other, _ = draw_split(27_000, torch.Generator().manual_seed(24))
    assert torch.equal(training, again) and not torch.equal(training, other)


@contextmanager
def _gpu(capability: tuple[int, int], bfloat16: bool) -> Iterator[pytest.MonkeyPatch]:
    """A GPU that is not here, as PyTorch tells of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: bfloat16)
        patch.setattr(torch.cuda, "get_device_capability", lambda: capability)
        patch.setattr(full, "find_spec", lambda name: object())
        yield patch


@pytest.mark.parametrize(
    ("capability", "bfloat16", "steps", "precision", "compile"),
    [
        ((8, 0), True, 3380, "bfloat16", "yes"),
        ((7, 5), False, 3380, "float16", "yes"),
        ((6, 1), False, 3380, "float16", "no"),
        ((8, 0), True, 100, "bfloat16", "no"),
    ],
)
def test_auto_is_what_the_gpu_can_do_and_what_pays(
    capability: tuple[int, int], bfloat16: bool, steps: int, precision: str, compile: str
) -> None:
    with _gpu(capability, bfloat16):
        settings = decided(FullSettings(device="cuda"), steps)
    assert (settings.precision, settings.compile) == (precision, compile)


def test_auto_is_plain_on_a_cpu() -> None:
    settings = decided(FullSettings(device="cpu"), 10_000)
    assert (settings.precision, settings.compile) == ("float32", "no")


REQUIRED = ["--data", "d", "--weights", "w", "--cache", "c", "--out", "o"]


def _settings(*options: str) -> FinetuneSettings:
    given = vars(parser().parse_args([*REQUIRED, *options]))
    return settings_of({name: given[name] for name in given.keys() & vars(FullSettings()).keys()})


def test_each_mode_has_the_defaults_of_its_recipe() -> None:
    assert _settings() == FinetuneSettings()
    assert _settings("--mode", "features", "--epochs", "3") == FinetuneSettings(mode="features", epochs=3)
    assert _settings("--mode", "full", "--edge", "64") == FullSettings(edge=64)


def test_an_option_of_mode_full_is_refused_in_another() -> None:
    with pytest.raises(RequestError, match="Cannot take --precision: .* --mode full, current value is exact"):
        _settings("--precision", "float16")


def test_the_command_trains_in_mode_full(sources: Sources, tmp_path: Path) -> None:
    paths = [f"--{name}={value}" for name, value in vars(sources).items()]
    options = ["--mode=full", "--epochs=1", "--batch-size=10", "--edge=32", "--device=cpu", "--threads=1"]
    assert main([*paths, f"--out={tmp_path / 'out'}", *options]) == 0
    assert (tmp_path / "out" / "metrics.json").is_file()


def test_two_processes_train_what_one_does(sources: Sources, trained: Path, tmp_path: Path) -> None:
    paths = [f"--{name}={value}" for name, value in vars(sources).items()]
    options = ["--mode=full", "--epochs=2", "--batch-size=10", "--edge=32", "--device=cpu", "--threads=1"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, "-m", "src.modelling.eurosat", *paths, f"--out={tmp_path}", *options],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {*RESULTS, "checkpoint.pt"}
    one, two = (json.loads((path / "metrics.json").read_text()) for path in (trained, tmp_path))
    # In float32 the order of a sum shows in the fifth digit after a few steps, more in every later one.
    assert two["training_loss"][0] == pytest.approx(one["training_loss"][0], rel=1e-3)
