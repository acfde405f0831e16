"""Inference: from any folder, on any image, never over somebody's files."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from src.deployment import inference, samples
from src.deployment.prediction import Prediction
from src.deployment.samples import read_image
from src.deployment.selection import MOST, MOST_WRONG
from src.images.normalization import Normalization
from src.modelling.digits.data import digits
from src.modelling.model_file import Description, build, load_model, save_model

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "src" / "deployment" / "inference.py"
DEPLOYED = SCRIPT.with_name("model.safetensors")
OUTPUTS = {"metrics.json", "predictions.csv", "predictions.json", "predictions.png"}
GREY = (1, 8, 8)


def _digit(place: int = 0) -> tuple[Image.Image, str]:
    """A validation image as an 8-bit picture, and its label."""
    part = digits().validation
    levels = (part.pixels[place, 0].numpy() * 255).round().astype(np.uint8)
    return Image.fromarray(levels), str(int(part.labels[place]))


def _predict(out: Path, *arguments: Any) -> int:
    return inference.main([*map(str, arguments), "--out", str(out)])


def _rows(out: Path) -> list[dict[str, Any]]:
    return json.loads((out / "predictions.json").read_text())


def test_without_arguments_the_deployed_model_predicts_its_validation_images(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, SCRIPT], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Accuracy 99.44 % (358 of 360)" in done.stdout
    assert "images per second" in done.stdout
    assert {path.name for path in (tmp_path / "predictions").iterdir()} == OUTPUTS


def test_the_deployed_model_is_small() -> None:
    assert DEPLOYED.stat().st_size < 1_000_000


def test_predictions_agree_with_those_that_training_wrote(trained: Path, tmp_path: Path) -> None:
    assert _predict(tmp_path, "--model", trained / "model.safetensors") == 0
    ours = [(int(r["image"]), r["label"], r["predicted"], r["probability"]) for r in _rows(tmp_path)]
    theirs = json.loads((trained / "predictions.json").read_text())
    for row, wanted in zip(ours, theirs, strict=True):
        assert row[:3] == (wanted["index"], wanted["label"], wanted["predicted"])
        assert row[3] == pytest.approx(wanted["probability"], abs=2e-6)


def test_metrics_count_what_is_correct(tmp_path: Path) -> None:
    assert _predict(tmp_path) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    correct = sum(row["label"] == row["predicted"] for row in _rows(tmp_path))
    assert (metrics["correct"], metrics["total"]) == (correct, 360)
    assert metrics["accuracy"] == round(100 * correct / 360, 2)


def test_the_same_call_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert _predict(tmp_path / name) == 0
    for name in OUTPUTS:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name


def test_top_k_lists_the_likeliest_classes_in_json_and_csv(tmp_path: Path) -> None:
    assert _predict(tmp_path, "--top-k", 4) == 0
    row = _rows(tmp_path)[0]
    probabilities = [entry["probability"] for entry in row["top"]]
    assert len(probabilities) == 4
    assert probabilities == sorted(probabilities, reverse=True)
    with open(tmp_path / "predictions.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 360
    assert table[0]["class_4"] == row["top"][3]["class"]


def test_the_batch_size_changes_no_prediction(tmp_path: Path) -> None:
    for size in (1000, 7):
        assert _predict(tmp_path / str(size), "--batch-size", size) == 0
    first, second = _rows(tmp_path / "1000"), _rows(tmp_path / "7")
    assert [row["predicted"] for row in first] == [row["predicted"] for row in second]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "CMYK", "I;16"])
def test_an_image_of_any_mode_gives_the_same_pixels(tmp_path: Path, mode: str) -> None:
    image, _ = _digit()
    plain = np.asarray(image, dtype=np.float64) / 255
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    wide = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    (wide if mode == "I;16" else image.convert(mode)).save(path)
    assert np.abs(read_image(path, GREY)[0].numpy() / 255 - plain).max() < 0.01


def test_transparent_parts_become_black(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 255, 255, 0)).save(tmp_path / "clear.png")
    assert read_image(tmp_path / "clear.png", GREY).max() == 0


def test_a_grey_image_fits_a_model_that_takes_rgb(tmp_path: Path) -> None:
    _digit()[0].save(tmp_path / "grey.png")
    assert read_image(tmp_path / "grey.png", (3, 16, 16)).shape == (3, 16, 16)


def test_a_folder_of_mixed_images_is_predicted_and_broken_files_are_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    wanted = _mixed_folder(folder)
    assert _predict(out, folder) == 0
    assert {Path(row["image"]).name: row["predicted"] for row in _rows(out)} == wanted
    printed = capsys.readouterr().out
    for name in ("cut.png", "text.png", "empty.jpg", "range.tif"):
        assert f"Skipped {folder / name}: " in printed
    skipped = json.loads((out / "metrics.json").read_text())["skipped"]
    assert [Path(entry["image"]).name for entry in skipped] == [
        "cut.png",
        "empty.jpg",
        "range.tif",
        "text.png",
    ]


def _mixed_folder(folder: Path) -> dict[str, str]:
    """Writes good and broken files; returns the good ones' labels."""
    (folder / "deeper").mkdir(parents=True)
    labels = {}
    for place, name in enumerate(["small.png", "large.png", "deeper/colour.png", "lossless.webp"]):
        image, labels[Path(name).name] = _digit(place + 2)
        image = image.resize((80, 80), Image.Resampling.NEAREST) if name == "large.png" else image
        (image.convert("RGBA") if "colour" in name else image).save(folder / name, lossless=True)
    (folder / "cut.png").write_bytes((folder / "large.png").read_bytes()[:60])
    (folder / "text.png").write_text("not an image")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("is no image and is not meant as one")
    (folder / ".hidden.png").write_text("left by a file manager")
    Image.fromarray(np.full((8, 8), 1e6, dtype=np.float32)).save(folder / "range.tif")
    return labels


def test_a_folder_named_like_a_class_labels_its_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, label = _digit()
    for folder in (label, "9" if label != "9" else "8", "unsorted"):
        (tmp_path / "images" / folder).mkdir(parents=True)
        image.save(tmp_path / "images" / folder / "image.png")
    assert _predict(tmp_path / "out", tmp_path / "images") == 0
    assert "Accuracy 50.00 % (1 of 2)" in capsys.readouterr().out


def test_without_labels_no_accuracy_is_claimed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _digit()[0].save(tmp_path / "image.png")
    assert _predict(tmp_path / "out", tmp_path / "image.png") == 0
    assert "Accuracy" not in capsys.readouterr().out
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["total"], metrics["accuracy"]) == (0, None)


def test_own_results_are_not_taken_for_input(tmp_path: Path) -> None:
    _digit()[0].save(tmp_path / "image.png")
    for _ in range(2):
        assert _predict(tmp_path, tmp_path) == 0
        assert [Path(row["image"]).name for row in _rows(tmp_path)] == ["image.png"]


def test_files_of_another_program_are_never_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "metrics.json").write_text('{"mine": 1}')
    assert _predict(tmp_path) == 2
    assert (
        f"Cannot write into {tmp_path}: there is already metrics.json. This program did not make what is"
        in capsys.readouterr().err
    )
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
    assert (tmp_path / "metrics.json").read_text() == '{"mine": 1}'
    (tmp_path / "metrics.json").unlink()
    assert _predict(tmp_path) == 0
    assert _predict(tmp_path) == 0  # now they are its own


def test_foreign_files_are_named_in_the_plural(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("metrics.json", "predictions.csv"):
        (tmp_path / name).write_text("[]")
    assert _predict(tmp_path) == 2
    assert (
        "there are already metrics.json, predictions.csv. This program did not make"
        in capsys.readouterr().err
    )


def test_a_fifo_named_like_a_result_is_no_file_of_this_program(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "metrics.json")
    assert _predict(tmp_path) == 2


def test_other_files_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert _predict(tmp_path) == 0
    assert {path.name for path in tmp_path.iterdir()} == OUTPUTS | {"notes.txt"}


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl", ""])
def test_a_pickled_model_is_refused_unopened(
    tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"model{suffix}"
    torch.save(torch.nn.Linear(1, 1), path)
    assert _predict(tmp_path / "out", "--model", path) == 2
    assert "must be a .safetensors file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["missing", "pickle", "cut", "foreign", "other shapes", "folder"])
def test_an_unusable_model_is_refused_clearly(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.safetensors"
    _unusable_model(path, kind)
    assert _predict(tmp_path / "out", "--model", path) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"Cannot load {path}: ")
    assert "Traceback" not in message


def _unusable_model(path: Path, kind: str) -> None:
    weights = {"fc.weight": torch.zeros(2, 2)}
    description = {"model": json.dumps({"architecture": "small_resnet"})}
    match kind:
        case "pickle":
            torch.save(torch.nn.Linear(1, 1), path)
        case "cut":
            path.write_bytes(DEPLOYED.read_bytes()[:5000])
        case "foreign":
            save_file(weights, path)
        case "other shapes":
            save_file(weights, path, description)
        case "folder":
            path.mkdir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.png"], "Cannot read nowhere.png: there is no such file or folder"),
        (["--top-k", "0"], 'must be a whole number from 1 up, current value is "0"'),
        (["--out", ""], 'argument --out: must name a file or folder, current value is ""'),
        (["--out", str(ROOT / "src" / "new")], "argument --out: must be a folder outside the program's own"),
        ([""], 'argument IMAGE: must name a file or folder, current value is ""'),
        (["--model", ""], 'argument --model: must name a file or folder, current value is ""'),
        (["--modle", "x"], "unrecognized arguments: --modle\n"),
        (["--topk=5"], "unrecognized arguments: --topk=5\n"),
        (["--colours"], "unrecognized arguments: --colours\n"),
    ],
)
def test_a_wrong_request_is_refused(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = _predict(tmp_path / "out", *arguments)
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_file_names_of_any_bytes_are_predicted_listed_and_printed(
    tmp_path: Path, locale: dict[str, str]
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    _digit()[0].save(tmp_path / "image.png")
    for name in (b"caf\xe9.png", "ü.png".encode()):
        shutil.copy(tmp_path / "image.png", os.fsencode(folder) + b"/" + name)
        Path(os.fsdecode(os.fsencode(folder) + b"/broken-" + name)).write_text("no image")
    arguments = [sys.executable, SCRIPT, folder, "--out", tmp_path / "ou\udce9t"]
    done = subprocess.run(arguments, capture_output=True, env=os.environ | locale)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"broken-caf\xe9.png: not an image" in done.stdout
    assert rb"ou\xe9t" in done.stdout
    out = tmp_path / "ou\udce9t"
    names = [r"caf\xe9.png", "ü.png"]
    assert [Path(row["image"]).name for row in _rows(out)] == names
    with open(out / "predictions.csv", encoding="utf-8", newline="") as file:
        assert [Path(row["image"]).name for row in csv.DictReader(file)] == names
    skipped = json.loads((out / "metrics.json").read_text())["skipped"]
    assert [Path(entry["image"]).name for entry in skipped] == [f"broken-{name}" for name in names]


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_a_name_of_any_bytes_that_is_not_there_is_refused_readably(locale: dict[str, str]) -> None:
    arguments = [sys.executable, SCRIPT, b"caf\xe9.png"]
    done = subprocess.run(arguments, capture_output=True, env=os.environ | locale)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"Cannot read caf\\xe9.png: there is no such file or folder\n"


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert _predict(tmp_path / "out", tmp_path / "pipe.png") == 2
    assert "pipe.png: it must be a file or a folder, but is a pipe or device" in capsys.readouterr().err


def test_a_name_that_the_system_refuses_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert inference.main(["x" * 300]) == 2
    assert capsys.readouterr().err.endswith("x: File name too long\n")


def test_hidden_folders_below_a_folder_are_left_out(tmp_path: Path) -> None:
    for name in ("seen", ".hidden/deeper", "seen/.ipynb_checkpoints"):
        (tmp_path / ".images" / name).mkdir(parents=True)
        _digit()[0].save(tmp_path / ".images" / name / "image.png")
    assert _predict(tmp_path / "out", tmp_path / ".images") == 0
    assert [row["image"] for row in _rows(tmp_path / "out")] == [str(tmp_path / ".images/seen/image.png")]


def test_large_images_are_read_quietly_and_too_large_ones_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    monkeypatch.setattr(samples, "MOST_PIXELS", 200)
    paths = [tmp_path / f"{side}.png" for side in (8, 12, 20)]
    for side, path in zip((8, 12, 20), paths, strict=True):
        Image.new("L", (side, side)).save(path)
    *read, skipped = samples.read_samples(paths, load_model(DEPLOYED)[1])
    assert [sample.name for sample in read] == [str(path) for path in paths[:2]]
    assert skipped == samples.Unreadable(str(paths[2]), "too large: it must have at most 200 pixels")
    assert not list(recwarn)


def test_one_image_is_counted_in_the_singular(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _digit()[0].save(tmp_path / "image.png")
    assert _predict(tmp_path / "out", tmp_path / "image.png") == 0
    assert capsys.readouterr().out.startswith("1 image in ")


def test_a_folder_without_images_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    assert _predict(tmp_path / "out", tmp_path) == 2
    assert "holds no image file" in capsys.readouterr().err


def test_only_broken_files_are_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.png").write_text("no image")
    assert _predict(tmp_path / "out", tmp_path / "broken.png") == 1
    assert "of 1 file none is an image that can be read" in capsys.readouterr().err


def test_the_picture_shows_wrong_ones_first_and_marks_them(tmp_path: Path) -> None:
    image, label = _digit()
    for folder in (label, "9" if label != "9" else "8"):
        (tmp_path / "images" / folder).mkdir(parents=True)
        image.save(tmp_path / "images" / folder / "image.png")
    assert _predict(tmp_path / "out", tmp_path / "images") == 0
    picture = np.asarray(Image.open(tmp_path / "out" / "predictions.png").convert("RGB")).astype(int)
    red = (picture[:, :, 0] - picture[:, :, 1:].max(2)) > 100
    assert red[:, : picture.shape[1] // 5].any()
    assert not red[:, picture.shape[1] // 5 + 20 :].any()


@pytest.mark.parametrize("wrong", [0, 1, MOST_WRONG, MOST_WRONG + 5, 500])
def test_the_picture_never_needs_an_input_that_was_not_kept(wrong: int) -> None:
    from src.deployment.outcome import Outcome

    outcome = Outcome()
    for i in range(500):
        guess = "b" if i >= 500 - wrong else "a"
        outcome.add(Prediction(str(i), "a", ((guess, 1.0),)), torch.zeros(1))
    shown = outcome.shown()
    assert len(shown) == MOST
    assert set(shown) <= outcome.inputs.keys()
    assert len(outcome.inputs) <= MOST + MOST_WRONG


def test_a_resnet18_for_colour_images_is_used_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    normalization = Normalization((0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    description = Description("resnet18", ("a", "b"), (3, 32, 32), normalization, "float32", "my images")
    model = tmp_path / "model.safetensors"
    save_model(model, build(description), description)
    Image.new("RGB", (50, 40), "green").save(tmp_path / "green.png")
    assert _predict(tmp_path / "out", "--model", model, tmp_path / "green.png") == 0
    assert _rows(tmp_path / "out")[0]["predicted"] in ("a", "b")
    assert _predict(tmp_path / "none", "--model", model) == 2
    assert "the model was trained on my images, which is not built in" in capsys.readouterr().err


def test_help_starts_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        inference.main(["--help"])
    text = capsys.readouterr().out
    assert text.index("examples:") < text.index("options:")
    assert "levels of 8 or 16 bits" in text


def test_the_script_works_from_a_copy_with_spaces_in_its_path(tmp_path: Path) -> None:
    project = tmp_path / "my project"
    shutil.copytree(ROOT / "src", project / "src", ignore=shutil.ignore_patterns("__pycache__"))
    script = project / "src" / "deployment" / "inference.py"
    done = subprocess.run([sys.executable, script, "--help"], cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
