"""Training in several processes, as torchrun starts them, and after a real signal."""

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import distributed, nn

from src.common.failure import RequestError
from src.common.files import sha256
from src.common.stop_signals import Stopped
from src.modelling.digits.settings import DigitsSettings
from src.modelling.digits.train import RESULTS, train
from src.modelling.processes import Processes, join
from src.modelling.training_run import Epoch

ROOT = Path(__file__).resolve().parents[3]
SMALL = ("--epochs", "2", "--batch-size", "128")  # few steps: the processes meet in each of them
TOLERANCE = 1e-9  # of a loss in float64, relative; sums in another order differ in the 16th digit, and grow


def _command(processes: int, out: Path, *more: str) -> list[str]:
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)] if processes > 1 else []
    # A port of its own, so that tests side by side do not meet.
    launcher += ["--standalone"] if launcher else []
    return [sys.executable, *launcher, "-m", "src.modelling.digits", *SMALL, "--out", str(out), *more]


def _run(processes: int, out: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        _command(processes, out, *more), cwd=ROOT, env=_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def in_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("two")
    lines = _run(2, out).stdout.splitlines()
    assert [line[:10] for line in lines] == ["Training o", "epoch 1/2 ", "epoch 2/2 ", "Wrote metr"]
    return out


@pytest.fixture(scope="module")
def in_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("one")
    train(DigitsSettings(epochs=2, batch_size=128), out, report=lambda line: None)
    return out


def test_two_processes_write_the_same_bytes_again_and_one_set_of_files(in_two: Path, tmp_path: Path) -> None:
    _run(2, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*RESULTS, "checkpoint.pt"}
    for name in RESULTS:
        assert sha256(tmp_path / name) == sha256(in_two / name), name


def test_two_processes_with_half_the_batch_each_have_the_loss_of_one_with_the_whole(
    in_one: Path, in_two: Path
) -> None:
    one, two = (
        list(csv.DictReader((path / "history.csv").read_text().splitlines())) for path in (in_one, in_two)
    )
    for alone, together in zip(one, two, strict=True):
        for part in ("training", "validation"):
            loss = float(alone[f"{part}_loss"])
            assert float(together[f"{part}_loss"]) == pytest.approx(loss, rel=TOLERANCE)
            assert together[f"{part}_correct"] == alone[f"{part}_correct"]


# torchrun hands on SIGUSR1, too, where TORCHELASTIC_SIGNALS_TO_HANDLE names it.
@pytest.mark.parametrize(("processes", "number"), [(1, signal.SIGUSR1), (2, signal.SIGTERM)])
def test_resume_after_a_signal_gives_the_same_weights(
    request: pytest.FixtureRequest, tmp_path: Path, processes: int, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        _command(processes, out),
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 1/"):
            process.send_signal(number)
            break
    _, errors = process.communicate(timeout=120)
    assert re.search(
        rf"Stopped by {number.name} after 1 epoch( and \d+ steps? of the next)?: .* --resume", errors
    )
    if processes == 1:
        assert process.returncode == 128 + number
    assert {path.name for path in out.iterdir()} == {"checkpoint.pt"}
    assert "Resuming after epoch 1" in _run(processes, out, "--resume").stdout
    whole = request.getfixturevalue("in_two" if processes == 2 else "in_one")
    for name in RESULTS:
        assert sha256(out / name) == sha256(whole / name), name


def test_a_signal_ends_the_training_after_the_step_under_way(trained: Path, tmp_path: Path) -> None:
    lines: list[str] = []

    def ask_to_stop(line: str) -> None:
        if line.startswith("epoch 1/"):
            os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.getsignal(signal.SIGUSR1)
    with pytest.raises(Stopped, match="Stopped by SIGUSR1 after 1 epoch and 1 step of the next: ") as stopped:
        train(DigitsSettings(epochs=2), tmp_path, report=ask_to_stop)
    assert stopped.value.exit_code == 128 + signal.SIGUSR1
    assert signal.getsignal(signal.SIGUSR1) == before
    train(DigitsSettings(epochs=2), tmp_path, resume=True, report=lines.append)
    assert lines[0].startswith("Resuming after epoch 1 of 2 and 1 step of the next from ")
    for name in RESULTS:
        assert sha256(tmp_path / name) == sha256(trained / name), name


def test_the_shares_of_a_batch_are_the_batch_and_their_means_its_mean() -> None:
    batch = torch.arange(29)
    parts = [Processes(rank, 4).share(batch) for rank in range(4)]
    assert torch.cat(parts).tolist() == batch.tolist()
    assert [len(part) for part in parts] == [8, 7, 7, 7]
    scaled = [part.double().mean() * Processes(0, 4).scale(part, batch) for part in parts]
    assert float(sum(scaled) / 4) == pytest.approx(14)
    assert Processes().share(batch) is not None and Processes().scale(batch, batch) == 1


def test_a_batch_with_too_few_images_for_the_processes_is_refused() -> None:
    Processes(0, 2).require_shares(32, 1437)
    with pytest.raises(
        RequestError, match="of 33 images in batches of 32 the smallest has 1. Choose another"
    ):
        Processes(0, 2).require_shares(32, 33)


@pytest.mark.parametrize(("name", "value"), [("RANK", ""), ("LOCAL_RANK", "first"), ("WORLD_SIZE", "two")])
def test_variables_that_torchrun_did_not_set_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for variable, right in (("WORLD_SIZE", "2"), ("RANK", "0"), ("LOCAL_RANK", "0"), (name, value)):
        monkeypatch.setenv(variable, right)
    with pytest.raises(RequestError, match=f'{name} must be a whole number, .* current value is "{value}"'):
        join("cpu").__enter__()


def test_a_checkpoint_of_the_first_process_holds_what_all_have_done() -> None:
    epoch = Epoch(torch.arange(4), [torch.tensor(0.5)], [torch.tensor(3)])
    epoch.keep_if_first(Processes(1, 2))
    assert [value.tolist() for value in (*epoch.losses, *epoch.correct)] == [0.0, 0]


def _norms(dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    networks = [nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).to(dtype) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    return networks[0], networks[1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_synchronized_norm_of_one_process_is_batch_norm(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    for variable, value in (("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "0")):
        monkeypatch.setenv(variable, value)
    distributed.init_process_group("gloo", rank=0, world_size=1)
    try:
        usual, synchronized = _norms(dtype)
        Processes(0, 2).synchronize(synchronized)
        assert synchronized.state_dict().keys() == usual.state_dict().keys()
        images = 5 + torch.rand(6, 3, 8, 8, dtype=dtype)
        for network in (usual, synchronized):
            network.train()
            network(images).square().mean().backward()
    finally:
        distributed.destroy_process_group()
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-9, "atol": 1e-12}
    for name, value in usual.state_dict().items():
        torch.testing.assert_close(synchronized.state_dict()[name], value, **close)
    for one, other in zip(usual.parameters(), synchronized.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, **close)
