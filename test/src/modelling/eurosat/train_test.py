"""Fine-tuning: the published loop bit for bit, also after being killed; and clear ends."""

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from src.common.failure import Failure, RequestError, UnavailableError
from src.common.files import sha256
from src.common.memory import enough_memory
from src.modelling.confusion_matrix import ConfusionMatrix
from src.modelling.eurosat import command
from src.modelling.eurosat.settings import FinetuneSettings, Sources
from src.modelling.eurosat.train import RESULTS, finetune, too_little
from src.modelling.model_file import load_model
from src.reference.made_eurosat import COUNTS, make_eurosat
from src.reference.made_weights import make_weights
from src.reference.published_loop import published_loop

ROOT = Path(__file__).resolve().parents[4]
EPOCHS, BATCH = 2, 5
SMALL = dict.fromkeys(COUNTS, 30)
SHORT = FinetuneSettings(epochs=EPOCHS, batch_size=BATCH, device="cpu", threads=1)
FIRST_EPOCH = "epoch 1/2   loss "  # how the line begins that follows its checkpoint
FEATURES = replace(SHORT, mode="features")
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def _silent(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """300 made images, of which 24 train and 6 validate, and random weights under a name with their hash."""
    folder = tmp_path_factory.mktemp("sources")
    return Sources(make_eurosat(folder, SMALL), make_weights(folder), folder / "cache")


@pytest.fixture(scope="module")
def finetuned(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of exact mode, and what was reported in `reported.txt` beside them."""
    out = tmp_path_factory.mktemp("finetuned") / "out"
    lines: list[str] = []
    finetune(sources, SHORT, out, report=lines.append)
    (out.parent / "reported.txt").write_text("\n".join(lines))
    return out


@pytest.fixture(scope="module")
def with_features(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of feature mode; its checkpoint after the first epoch is kept beside them."""
    out = tmp_path_factory.mktemp("with_features") / "out"

    def keep(line: str) -> None:
        if line.startswith(FIRST_EPOCH):
            shutil.copy(out / "checkpoint.pt", out.parent)

    finetune(sources, FEATURES, out, report=keep)
    return out


def test_exact_mode_is_the_published_loop_bit_for_bit(
    torchvision: ModuleType, sources: Sources, finetuned: Path
) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(False)  # as published
    theirs = published_loop(sources, SHORT, torchvision)
    after_theirs = torch.get_rng_state(), np.random.get_state()[1].tolist()
    ours, weights = _metrics(finetuned), load_file(finetuned / "model.safetensors")
    for name in ("training_loss", "training_correct", "validation_correct"):
        assert ours[name] == getattr(theirs, name), name
    model = theirs.model.state_dict()
    assert weights.keys() == model.keys()
    different = [name for name, value in weights.items() if not _same_bits(value, model[name])]
    assert different == []
    checkpoint = torch.load(finetuned / "checkpoint.pt", weights_only=True)
    assert _same_bits(checkpoint["logits"], theirs.logits)
    assert [row["image"] for row in _predictions(finetuned)] == theirs.validation
    assert torch.equal(checkpoint["random"]["torch"], after_theirs[0])
    assert checkpoint["random"]["numpy"][1] == after_theirs[1]


def _same_bits(first: Tensor, second: Tensor) -> bool:
    return first.numpy().tobytes() == second.numpy().tobytes()


def _tensors(sources: Sources, out: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The network's before and after."""
    return torch.load(sources.weights, weights_only=True), load_file(out / "model.safetensors")


def test_weights_are_frozen_but_batch_norms_statistics_move(sources: Sources, finetuned: Path) -> None:
    before, after = _tensors(sources, finetuned)
    moved = {name for name, value in after.items() if not _same_bits(value, before[name])}
    statistics = {name for name in after if name.split(".")[-1].startswith(("running_", "num_batches"))}
    assert len(statistics) == 60
    assert moved == statistics | {"fc.weight", "fc.bias"}


def test_the_same_command_writes_the_same_bytes_after_kill_9(
    sources: Sources, finetuned: Path, tmp_path: Path
) -> None:
    arguments = _arguments(sources, tmp_path)
    process = subprocess.Popen(_command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(FIRST_EPOCH):
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "metrics.json").exists()
    done = subprocess.run(_command(*arguments, "--resume"), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Resuming after epoch 1 of 2" in done.stdout
    for name in RESULTS:
        assert sha256(tmp_path / name) == sha256(finetuned / name), name


def test_resume_of_a_finished_run_changes_nothing(sources: Sources, finetuned: Path) -> None:
    before = {path.name: (sha256(path), path.stat().st_mtime_ns) for path in finetuned.iterdir()}
    lines: list[str] = []
    assert finetune(sources, SHORT, finetuned, resume=True, report=lines.append) == _metrics(finetuned)
    assert lines == [f"Nothing to do: {finetuned} holds 2 epochs, which is all, and the results"]
    assert {path.name: (sha256(path), path.stat().st_mtime_ns) for path in finetuned.iterdir()} == before


def test_results_that_a_kill_at_the_very_end_left_out_are_written_without_training(
    sources: Sources, finetuned: Path, tmp_path: Path
) -> None:
    (tmp_path / "checkpoint.pt").write_bytes((finetuned / "checkpoint.pt").read_bytes())
    lines: list[str] = []
    finetune(sources, SHORT, tmp_path, resume=True, report=lines.append)
    assert [line.split(" ")[0] for line in lines] == ["Wrote"]
    for name in RESULTS:
        assert sha256(tmp_path / name) == sha256(finetuned / name), name


def test_a_checkpoint_of_other_images_or_weights_is_refused(
    sources: Sources, finetuned: Path, tmp_path: Path
) -> None:
    other = Sources(make_eurosat(tmp_path, SMALL, seed=1), sources.weights, sources.cache)
    with pytest.raises(RequestError, match="Cannot resume from .*: it must be .* but data_sha256 was "):
        finetune(other, SHORT, finetuned, resume=True, report=_silent)


def test_results_of_the_other_training_are_left_alone(sources: Sources, tmp_path: Path) -> None:
    theirs = '{"epochs": 15}'
    (tmp_path / "metrics.json").write_text(theirs)
    with pytest.raises(
        RequestError, match="there is already metrics.json. Go on with --resume, choose another --out"
    ):
        finetune(sources, SHORT, tmp_path, report=_silent)
    assert (tmp_path / "metrics.json").read_text() == theirs


def test_the_results_agree_with_each_other(finetuned: Path) -> None:
    metrics, rows = _metrics(finetuned), _predictions(finetuned)
    assert (metrics["training_total"], metrics["validation_total"], len(rows)) == (24, 6, 6)
    assert sum(row["label"] == row["predicted"] for row in rows) == metrics["validation_correct"][-1]
    assert all(row["image"].startswith(f"{row['label']}/{row['label']}_") for row in rows)
    with open(finetuned / "confusion_matrix.csv", newline="") as file:
        header, *table = csv.reader(file)
    assert header == ["label", *COUNTS]
    assert [row[0] for row in table] == list(COUNTS)
    counts = {
        (row[0], name): int(cell) for row in table for name, cell in zip(header[1:], row[1:], strict=True)
    }
    assert sum(counts.values()) == 6
    for row in rows:
        assert counts[row["label"], row["predicted"]] > 0
    with open(finetuned / "history.csv", newline="") as file:
        epochs = list(csv.DictReader(file))
    assert [float(row["validation_accuracy"]) for row in epochs] == metrics["validation_accuracy"]


def test_confusion_matrix_counts_labels_in_rows_and_predictions_in_columns() -> None:
    matrix = ConfusionMatrix.count([("a", "a"), ("a", "b"), ("b", "b"), ("c", "a")], ("a", "b", "c"))
    assert matrix.counts == ((1, 1, 0), (0, 1, 0), (1, 0, 0))


def test_the_model_file_describes_itself_and_predicts_as_validation_did(finetuned: Path) -> None:
    model, description = load_model(finetuned / "model.safetensors")
    assert (description.architecture, description.dtype) == ("resnet18", "float32")
    assert (description.source, description.image_shape) == ("eurosat", (3, 224, 224))
    assert description.classes == tuple(COUNTS)
    assert description.normalization.mean == tuple(MEAN)
    assert description.normalization.std == tuple(STD)
    assert not model.training


def test_metrics_hold_the_recipe_and_no_paths(sources: Sources, finetuned: Path) -> None:
    settings = _metrics(finetuned)["settings"]
    assert settings["weights_sha256"] == sha256(sources.weights)
    assert settings["mode"] == "exact"
    assert str(sources.data.parent) not in (finetuned / "metrics.json").read_text()


def test_progress_tells_epoch_accuracy_and_time(finetuned: Path) -> None:
    lines = (finetuned.parent / "reported.txt").read_text().splitlines()
    lines = [line for line in lines if " per second, " not in line]  # which only a slow machine tells
    assert [line.split()[0] for line in lines] == ["Decoding", "Training", "epoch", "epoch", "Wrote"]
    assert lines[1] == (
        "Training on 24 images of eurosat, validating on 6: epochs 1 to 2, seed 23, mode exact, "
        "cpu with 1 thread"
    )
    assert re.fullmatch(
        r"epoch 2/2   loss \d\.\d{4}   training +\d+\.\d\d %   validation +\d+\.\d\d % \(\d of 6\)"
        r"   \d+ s, 0 s left",
        lines[3],
    )


def test_feature_mode_is_the_loop_with_batch_norm_as_it_was(
    torchvision: ModuleType, sources: Sources, with_features: Path
) -> None:
    """Not bit for bit: the network sees other batches, and sums in another order."""
    theirs = published_loop(sources, SHORT, torchvision, statistics_move=False)
    ours = _metrics(with_features)
    assert ours["training_loss"] == pytest.approx(theirs.training_loss, rel=1e-4)
    assert ours["training_correct"] == theirs.training_correct
    assert ours["validation_correct"] == theirs.validation_correct
    assert [row["image"] for row in _predictions(with_features)] == theirs.validation
    before, after = _tensors(sources, with_features)
    changed = {name for name, value in after.items() if not _same_bits(value, before[name])}
    assert changed == {"fc.weight", "fc.bias"}


def test_feature_mode_goes_on_to_the_same_bytes(
    sources: Sources, with_features: Path, tmp_path: Path
) -> None:
    shutil.copy(with_features.parent / "checkpoint.pt", tmp_path)
    torch.rand(5), np.random.rand(7)  # what happens between two processes must not matter
    lines: list[str] = []
    finetune(sources, FEATURES, tmp_path, resume=True, report=lines.append)
    assert lines[0] == f"Resuming after epoch 1 of 2 from {tmp_path / 'checkpoint.pt'}"
    for name in RESULTS:
        assert sha256(tmp_path / name) == sha256(with_features / name), name


def test_a_checkpoint_of_the_other_mode_is_refused(sources: Sources, with_features: Path) -> None:
    with pytest.raises(RequestError, match="it must be .* but mode was features, is now exact"):
        finetune(sources, SHORT, with_features, resume=True, report=_silent)


def test_a_loss_that_is_not_finite_ends_clearly_and_keeps_the_checkpoint(
    sources: Sources, with_features: Path, tmp_path: Path
) -> None:
    saved = torch.load(with_features.parent / "checkpoint.pt", weights_only=True)
    saved["model"]["fc.weight"][0, 0] = float("nan")
    path = tmp_path / "checkpoint.pt"
    torch.save(saved, path)
    before = sha256(path)
    with pytest.raises(Failure, match="current value is nan in epoch 2. Lower --learning-rate") as ended:
        finetune(sources, FEATURES, tmp_path, resume=True, report=_silent)
    assert ended.value.exit_code == 1
    assert sha256(path) == before
    assert not (tmp_path / "metrics.json").exists()


ROOM = """
import resource, sys
from pathlib import Path
from src.common.command import exit_code
from src.modelling.eurosat.settings import FinetuneSettings, Sources
from src.modelling.eurosat.train import finetune

def report(line):
    print(line, flush=True)
    if line.startswith("epoch 1/2   loss "):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**20, used + 2**20))

data, weights, cache, out = map(Path, sys.argv[1:])
settings = FinetuneSettings(epochs=2, batch_size=24, device="cpu", threads=1)
sys.exit(exit_code(lambda: finetune(Sources(data, weights, cache), settings, out, report=report), ""))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells and limits the address space so")
def test_too_little_memory_ends_clearly_and_keeps_the_checkpoint(sources: Sources, tmp_path: Path) -> None:
    paths = [str(path) for path in (sources.data, sources.weights, sources.cache, tmp_path)]
    done = subprocess.run([sys.executable, "-c", ROOM, *paths], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == UnavailableError.exit_code, done.stderr
    assert (
        "its memory is not enough for batches of 24 images. Free memory and go on with --resume"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert (tmp_path / "checkpoint.pt").exists()


def test_a_full_gpu_ends_clearly() -> None:
    """The error is a fake: there is no GPU here that could be filled."""
    settings = FinetuneSettings(device="cuda")
    with (
        pytest.raises(
            UnavailableError, match="Cannot go on training on cuda: .* batches of 256 .* --device cpu"
        ),
        enough_memory(too_little(settings)),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def test_other_errors_are_not_taken_for_full_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"), enough_memory(too_little(SHORT)):
        raise RuntimeError("shapes do not fit")


def test_help_says_what_is_not_claimed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "python -m src.modelling.eurosat --data data/eurosat/2750" in text
    assert "the published numbers are not claimed for it, and nobody has claimed any" in text


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_cuda_without_a_gpu_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    arguments = [f"--{name}={tmp_path / name}" for name in ("data", "weights", "cache", "out")]
    assert command.main([*arguments, "--device", "cuda"]) == UnavailableError.exit_code


def test_a_class_without_images_is_refused_and_named(sources: Sources, tmp_path: Path) -> None:
    (tmp_path / "2750" / "Empty").mkdir(parents=True)
    bad = replace(sources, data=shutil.copytree(sources.data, tmp_path / "2750", dirs_exist_ok=True))
    with pytest.raises(RequestError, match="every class folder must hold images .*, without any: Empty"):
        finetune(bad, SHORT, tmp_path / "out", report=_silent)


def test_images_that_do_not_decode_are_refused_and_named(sources: Sources, tmp_path: Path) -> None:
    bad = replace(sources, data=Path(shutil.copytree(sources.data, tmp_path / "2750")))
    for path in bad.data.glob("*/*.jpg"):
        path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(RequestError, match="(?s)Cannot decode 30 images of 30:.*/2750/[A-Z].*jpg: ") as ended:
        finetune(bad, SHORT, tmp_path / "out", report=_silent)
    assert ended.value.exit_code == 2
    assert list((tmp_path / "out").iterdir()) == []


def test_too_few_images_are_refused(sources: Sources, tmp_path: Path) -> None:
    few = replace(sources, data=make_eurosat(tmp_path, dict.fromkeys(COUNTS, 1)))
    with pytest.raises(RequestError, match='there must be at least 20, .* current value is "10"'):
        finetune(few, SHORT, tmp_path / "out", report=_silent)


def _metrics(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def _predictions(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "predictions.json").read_text())


def _arguments(sources: Sources, out: Path) -> list[str]:
    """The command line of SHORT."""
    values = {"data": sources.data, "weights": sources.weights, "cache": sources.cache, "out": out}
    values |= {"epochs": EPOCHS, "batch-size": BATCH, "device": "cpu", "threads": 1}
    return [f"--{name}={value}" for name, value in values.items()]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "src.modelling.eurosat", *arguments]
