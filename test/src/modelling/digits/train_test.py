"""Training: the same bytes every time, also after being killed."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from src.common.failure import Failure, RequestError
from src.common.files import sha256
from src.modelling.determinism import random_state, set_random_state
from src.modelling.digits import command
from src.modelling.digits.data import SOURCES, Images, Split, measure
from src.modelling.digits.settings import DigitsSettings
from src.modelling.digits.train import RESULTS, shifted, train
from src.modelling.model_file import load_model
from src.modelling.results import percent

ROOT = Path(__file__).resolve().parents[4]
SHORT = DigitsSettings(epochs=2)


class Killed(Exception):
    """Stands for a process that ends between two epochs."""


def _silent(line: str) -> None:
    pass


def _kill_after_first_epoch(line: str) -> None:
    if line.startswith("epoch 1/"):
        raise Killed


def _tiny(classes: int = 2) -> Split:
    """A data set that trains in no time: 12 random grey images."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(12, 1, 8, 8, dtype=torch.float64, generator=generator)
    part = Images(pixels, torch.arange(12) % classes, torch.arange(12))
    return Split("tiny", tuple(str(i) for i in range(classes)), part, part, measure(pixels))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> DigitsSettings:
    monkeypatch.setitem(SOURCES, "tiny", _tiny)
    return DigitsSettings(epochs=2, data="tiny", batch_size=4)


def test_the_same_settings_write_the_same_bytes(trained: Path, tmp_path: Path) -> None:
    done = _run_command("--epochs", "2", "--out", str(tmp_path / "again"))
    assert done.returncode == 0, done.stderr
    for name in RESULTS:
        assert sha256(tmp_path / "again" / name) == sha256(trained / name), name


def test_resume_gives_the_same_weights_as_an_uninterrupted_run(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(SHORT, tmp_path, report=_kill_after_first_epoch)
    random.random(), np.random.rand(7), torch.rand(5)  # what happens between two processes must not matter
    train(SHORT, tmp_path, resume=True, report=_silent)
    for name in RESULTS:
        assert sha256(tmp_path / name) == sha256(trained / name), name


def test_resume_after_kill_9_gives_the_same_weights(trained: Path, tmp_path: Path) -> None:
    arguments = ["--epochs", "2", "--out", str(tmp_path)]
    process = subprocess.Popen(_command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 1/"):
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.close()
    process.wait()
    assert not (tmp_path / "metrics.json").exists()
    done = _run_command(*arguments, "--resume")
    assert "Resuming after epoch 1 of 2" in done.stdout
    assert sha256(tmp_path / "model.safetensors") == sha256(trained / "model.safetensors")


def test_another_seed_gives_other_weights(trained: Path, tmp_path: Path) -> None:
    other = train(DigitsSettings(epochs=1, seed=24), tmp_path, report=_silent)
    assert other["training_loss"][0] != _metrics(trained)["training_loss"][0]


def test_resume_of_a_finished_run_changes_nothing_and_says_so(trained: Path) -> None:
    before = {path.name: (sha256(path), path.stat().st_mtime_ns) for path in trained.iterdir()}
    lines: list[str] = []
    metrics = train(SHORT, trained, resume=True, report=lines.append)
    assert lines == [f"Nothing to do: {trained} holds 2 epochs, which is all, and the results"]
    assert metrics == _metrics(trained)
    assert {path.name: (sha256(path), path.stat().st_mtime_ns) for path in trained.iterdir()} == before


def test_resume_writes_the_results_that_a_kill_at_the_very_end_left_out(
    tiny: DigitsSettings, tmp_path: Path
) -> None:
    train(tiny, tmp_path, report=_silent)
    weights = sha256(tmp_path / "model.safetensors")
    (tmp_path / "metrics.json").unlink()
    (tmp_path / "model.safetensors").write_bytes(b"half")
    train(tiny, tmp_path, resume=True, report=_silent)
    assert sha256(tmp_path / "model.safetensors") == weights
    assert _metrics(tmp_path)["weights_sha256"] == weights


def test_resume_without_a_checkpoint_starts_at_the_first_epoch(tiny: DigitsSettings, tmp_path: Path) -> None:
    lines: list[str] = []
    assert train(tiny, tmp_path, resume=True, report=lines.append)["epochs"] == 2
    assert lines[0] == f"Nothing to resume: no checkpoint in {tmp_path}, starting with epoch 1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 3}, "epochs was 2, is now 3"),
        ({"seed": 1, "learning_rate": 0.1}, "seed was 23, is now 1; learning_rate was 0.05, is now 0.1"),
        ({"dtype": "float32"}, "dtype was float64, is now float32"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(
    tiny: DigitsSettings, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    train(tiny, tmp_path, report=_silent)
    other = DigitsSettings(**tiny.as_dict() | change)
    with pytest.raises(RequestError, match=message):
        train(other, tmp_path, resume=True, report=_silent)


@pytest.mark.parametrize("threads", [2])
def test_resume_with_other_threads_warns(tiny: DigitsSettings, tmp_path: Path, threads: int) -> None:
    with pytest.raises(Killed):
        train(tiny, tmp_path, report=_kill_after_first_epoch)
    lines: list[str] = []
    train(DigitsSettings(**tiny.as_dict() | {"threads": threads}), tmp_path, resume=True, report=lines.append)
    assert any(
        line.startswith("Warning: threads was 1, is now 2; the final weights can differ") for line in lines
    )


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "one bit", "pickle"])
def test_a_damaged_checkpoint_is_refused(tiny: DigitsSettings, tmp_path: Path, damage: str) -> None:
    train(tiny, tmp_path, report=_silent)
    path = tmp_path / "checkpoint.pt"
    _damage(path, damage)
    with pytest.raises(
        RequestError, match="not a usable checkpoint .* leave out --resume and choose another --out"
    ):
        train(tiny, tmp_path, resume=True, report=_silent)


def _damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "pickle":
        torch.save({"format": 1, "code": Killed}, path)  # anything but plain data could run code
        return
    content[len(content) // 3] ^= 1
    path.write_bytes({"cut": content[:1000], "empty": b"", "text": b"epoch 3", "one bit": content}[how])


@pytest.mark.parametrize("resume", [False, True])
def test_nothing_that_is_there_is_replaced(tiny: DigitsSettings, tmp_path: Path, resume: bool) -> None:
    for name in ("metrics.json", "history.csv"):
        (tmp_path / name).write_text('{"mine": 1}')
    with pytest.raises(
        RequestError, match="there are already metrics.json, history.csv. .*hoose another --out"
    ):
        train(tiny, tmp_path, resume, _silent)
    assert {path.read_text() for path in tmp_path.iterdir()} == {'{"mine": 1}'}


@pytest.mark.parametrize("name", ["checkpoint.pt", *RESULTS])
def test_a_single_file_that_is_there_is_left_alone(tiny: DigitsSettings, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(RequestError, match=f"there is already {name}. Go on with --resume, choose another"):
        train(tiny, tmp_path, report=_silent)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", RESULTS)
def test_a_link_to_nowhere_or_a_folder_is_left_alone_too(
    tiny: DigitsSettings, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).symlink_to(tmp_path / "nowhere")
    with pytest.raises(RequestError, match=f"there is already {name}"):
        train(tiny, tmp_path, report=_silent)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(RequestError, match=f"there is already {name}"):
        train(tiny, tmp_path, report=_silent)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_checkpoint_of_another_program_is_neither_used_nor_replaced(
    tiny: DigitsSettings, tmp_path: Path
) -> None:
    torch.save({"model": torch.zeros(1)}, tmp_path / "checkpoint.pt")
    before = sha256(tmp_path / "checkpoint.pt")
    with pytest.raises(RequestError, match="not a usable checkpoint .it lacks environment, epoch, format"):
        train(tiny, tmp_path, resume=True, report=_silent)
    with pytest.raises(RequestError, match="there is already checkpoint.pt"):
        train(tiny, tmp_path, report=_silent)
    assert sha256(tmp_path / "checkpoint.pt") == before


def test_what_a_killed_run_left_is_gone_on_with_and_never_begun_anew(
    tiny: DigitsSettings, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        train(tiny, tmp_path, report=_kill_after_first_epoch)
    left = sha256(tmp_path / "checkpoint.pt")
    with pytest.raises(RequestError, match="there is already checkpoint.pt. Go on with --resume"):
        train(tiny, tmp_path, report=_silent)
    assert sha256(tmp_path / "checkpoint.pt") == left
    assert not (tmp_path / "metrics.json").exists()
    assert train(tiny, tmp_path, resume=True, report=_silent)["epochs"] == 2


def test_a_finished_run_is_never_begun_anew(tiny: DigitsSettings, tmp_path: Path) -> None:
    train(tiny, tmp_path, report=_silent)
    before = {path.name: sha256(path) for path in tmp_path.iterdir()}
    with pytest.raises(RequestError, match="there are already checkpoint.pt, metrics.json, "):
        train(DigitsSettings(**tiny.as_dict() | {"seed": 1}), tmp_path, report=_silent)
    assert {path.name: sha256(path) for path in tmp_path.iterdir()} == before


def test_a_run_that_was_cut_off_replaces_no_file_that_somebody_put_beside_it(
    tiny: DigitsSettings, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        train(tiny, tmp_path, report=_kill_after_first_epoch)
    (tmp_path / "history.csv").write_text("mine")
    with pytest.raises(RequestError, match="there is already history.csv. Choose another --out"):
        train(tiny, tmp_path, resume=True, report=_silent)
    assert (tmp_path / "history.csv").read_text() == "mine"


def test_a_loss_that_is_not_finite_ends_training_clearly(tiny: DigitsSettings, tmp_path: Path) -> None:
    settings = DigitsSettings(**tiny.as_dict() | {"learning_rate": 1e3, "dtype": "float32", "epochs": 50})
    with pytest.raises(Failure, match="the loss must be finite, current value is .* Lower --learning-rate"):
        train(settings, tmp_path, report=_silent)
    assert not (tmp_path / "metrics.json").exists()


def test_metrics_hold_percentages_and_the_counts_behind_them(trained: Path) -> None:
    metrics = _metrics(trained)
    for part, total in (("training", 1437), ("validation", 360)):
        assert metrics[f"{part}_total"] == total
        for accuracy, count in zip(metrics[f"{part}_accuracy"], metrics[f"{part}_correct"], strict=True):
            assert accuracy == round(100 * count / total, 2)
            assert round(accuracy * total / 100) == count


def test_every_count_of_360_is_recovered_from_its_printed_percentage() -> None:
    assert [round(float(f"{percent(n, 360):.2f}") * 360 / 100) for n in range(361)] == list(range(361))


def test_history_is_a_table_of_the_same_numbers_with_the_epoch_first(trained: Path) -> None:
    with open(trained / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[0] == "epoch"
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [float(row["validation_accuracy"]) for row in rows] == _metrics(trained)["validation_accuracy"]


def test_predictions_agree_with_the_last_epochs_count(trained: Path) -> None:
    rows = json.loads((trained / "predictions.json").read_text())
    assert len(rows) == 360
    assert list(rows[0]) == ["index", "label", "predicted", "probability"]
    assert (
        sum(row["label"] == row["predicted"] for row in rows) == _metrics(trained)["validation_correct"][-1]
    )


def test_the_model_file_describes_itself(trained: Path) -> None:
    with safe_open(trained / "model.safetensors", framework="pt") as file:
        description = json.loads(file.metadata()["model"])
    assert description["architecture"] == "small_resnet"
    assert description["classes"] == list("0123456789")
    assert description["image_shape"] == [1, 8, 8]
    assert description["dtype"] == "float64"
    assert set(description["normalization"]) == {"mean", "std"}
    assert load_model(trained / "model.safetensors")[1].source == "digits"


def test_training_leaves_no_temporary_files(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {*RESULTS, "checkpoint.pt"}


def test_what_training_ran_with_can_still_be_read_after_it(tiny: DigitsSettings, tmp_path: Path) -> None:
    train(tiny, tmp_path, report=_silent)
    assert torch.get_num_threads() == tiny.threads
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.allow_tf32


def test_progress_tells_epoch_accuracy_and_time(tiny: DigitsSettings, tmp_path: Path) -> None:
    lines: list[str] = []
    train(tiny, tmp_path, report=lines.append)
    assert lines[1].startswith("epoch 1/2   loss ")
    assert " of 12)" in lines[1]
    assert lines[1].endswith(" s left")


def test_random_state_goes_through_weights_only_and_back(tmp_path: Path) -> None:
    state = random_state()
    drawn = random.random(), np.random.rand(), torch.rand(1).item()
    torch.save(state, tmp_path / "state.pt")
    set_random_state(torch.load(tmp_path / "state.pt", weights_only=True))
    assert (random.random(), np.random.rand(), torch.rand(1).item()) == drawn


def test_shifted_moves_whole_images_by_at_most_one_pixel() -> None:
    images = torch.zeros(50, 1, 8, 8)
    images[:, :, 4, 4] = 1
    moved = shifted(images, 1, torch.Generator().manual_seed(0))
    places = {tuple(place[1:].tolist()) for place in moved[:, 0].nonzero()}
    assert places == {(row, column) for row in (3, 4, 5) for column in (3, 4, 5)}
    assert torch.equal(shifted(images, 0, torch.Generator()), images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], 'argument --epochs: must be a whole number from 1 up, current value is "0"'),
        (["--epochs", "two"], 'argument --epochs: must be a whole number from 1 up, current value is "two"'),
        (
            ["--seed", "-1"],
            'argument --seed: must be a whole number from 0 to 4294967295, current value is "-1"',
        ),
        (["--learning-rate", "nan"], "argument --learning-rate: must be a number above 0"),
        (["--threads", "0"], "argument --threads: must be a whole number from 1 to 1024"),
        (
            ["--threads", "100000"],
            'argument --threads: must be a whole number from 1 to 1024, current value is "100000"',
        ),
        (["--out", ""], 'argument --out: must name a file or folder, current value is ""'),
        (["--out", str(ROOT / "src")], "argument --out: must be a folder outside the program's own sources"),
        (["--epoch", "3"], "unrecognized arguments: --epoch 3\n"),
        (["--lr", "0.1"], "unrecognized arguments: --lr 0.1\n"),
        (["--mom=0.1", "--batch_size=3"], "unrecognized arguments: --mom=0.1 --batch_size=3\n"),
        (["--nonsense", "-1"], "unrecognized arguments: --nonsense -1\n"),
        (["-epochs", "3"], "unrecognized arguments: -epochs 3\n"),
    ],
)
def test_a_wrong_option_is_refused_with_what_is_wanted(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert "[--epochs N]" in said  # the usage, which names every option


def test_help_starts_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "python -m src.modelling.digits --epochs 15 --seed 23 --out trained" in text
    assert text.index("example") < text.index("--epochs N  ")


def test_an_out_of_any_bytes_is_printed(tmp_path: Path) -> None:
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command_line = [*_command("--epochs", "1"), "--out", os.fsencode(tmp_path) + b"/caf\xe9"]
    done = subprocess.run(command_line, cwd=ROOT, capture_output=True, env=os.environ | locale)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"/caf\xe9; weights SHA-256" in done.stdout


def test_out_in_the_place_of_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    assert command.main(["--out", str(tmp_path / "file")]) == 2
    assert "--out must be a folder, but a file is in its place" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def _metrics(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "src.modelling.digits", *arguments]


def _run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*arguments), cwd=ROOT, capture_output=True, text=True)
