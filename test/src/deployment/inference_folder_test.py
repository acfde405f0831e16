"""Inference on folders by class, as EuroSAT's are: as training did it, whatever the batch size and files."""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from src.common import progress
from src.common.failure import RequestError, UnavailableError
from src.common.files import sha256
from src.deployment import inference
from src.deployment.batch_size import FIRST, MOST, TRIES, BatchSize
from src.deployment.classifier import Classifier
from src.deployment.confusion_picture import draw_confusion_matrix
from src.deployment.image_files import find_images
from src.deployment.predicting import Request, run
from src.deployment.prediction import Prediction
from src.deployment.reading import read_ahead
from src.deployment.samples import Sample, read_image
from src.deployment.selection import MOST as MOST_SHOWN
from src.deployment.selection import Selection
from src.images.decoding import decode
from src.images.normalization import IMAGENET, Normalization, NormalizationTable
from src.modelling.confusion_matrix import ConfusionMatrix
from src.modelling.eurosat.settings import FinetuneSettings, Sources
from src.modelling.eurosat.train import finetune
from src.modelling.model_file import Description, build, load_model, save_model
from src.modelling.resnet import resnet18
from src.reference.made_eurosat import COUNTS, make_eurosat

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "src" / "deployment" / "inference.py"
CLASSES = tuple(COUNTS)
SHAPE = (3, 96, 96)  # as 224x224, but quicker
ONE_CHANNEL = Normalization((0.5,), (0.25,))
BASE = {"metrics.json", "predictions.json", "predictions.csv", "predictions.png"}
WITH_MATRIX = BASE | {"confusion_matrix.csv", "confusion_matrix.png"}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """On a busy machine, threads wait for each other much longer than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def eurosat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """39 images in 10 folders: 3 to 5 of each class."""
    counts = {name: 3 + place % 3 for place, name in enumerate(CLASSES)}
    return make_eurosat(tmp_path_factory.mktemp("eurosat"), counts, seed=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet-18 with random weights, in the file that training writes."""
    torch.manual_seed(5)
    description = Description("resnet18", CLASSES, SHAPE, IMAGENET, "float32", "eurosat")
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(path, build(description), description)
    return path


def _predict(out: Path, *arguments: Any) -> int:
    return inference.main([*map(str, arguments), "--out", str(out)])


def _json(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def predicted(eurosat: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results on all images."""
    out = tmp_path_factory.mktemp("predicted")
    assert _predict(out, eurosat, "--model", model) == 0
    return out


def test_a_labelled_folder_gives_accuracy_a_confusion_matrix_and_counts_per_class(
    eurosat: Path, predicted: Path
) -> None:
    assert {path.name for path in predicted.iterdir()} == WITH_MATRIX
    rows, metrics = _json(predicted / "predictions.json"), _json(predicted / "metrics.json")
    with open(predicted / "confusion_matrix.csv", newline="") as file:
        header, *table = csv.reader(file)
    assert header == ["label", *CLASSES]
    for name, *counts in table:
        guesses = [row["predicted"] for row in rows if row["label"] == name]
        assert counts == [str(guesses.count(guess)) for guess in CLASSES]
        assert metrics["classes"][name] == {
            "predicted": sum(row["predicted"] == name for row in rows),
            "correct": guesses.count(name),
            "total": len(list((eurosat / name).iterdir())),
            "recall": round(100 * guesses.count(name) / len(guesses), 2),
        }
    assert metrics["total"] == len(rows) == sum(entry["total"] for entry in metrics["classes"].values())


@pytest.mark.parametrize("size", [1, 3, 32, "auto"])
def test_the_batch_size_changes_no_byte_on_a_cpu(
    eurosat: Path, model: Path, predicted: Path, tmp_path: Path, size: int | str
) -> None:
    assert _predict(tmp_path, eurosat, "--model", model, "--batch-size", size, "--device", "cpu") == 0
    for name in BASE:
        assert (tmp_path / name).read_bytes() == (predicted / name).read_bytes(), name


@pytest.fixture(scope="module")
def finetuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of 100 images, and the results of one epoch on a tenth of them."""
    folder = tmp_path_factory.mktemp("finetuned")
    torch.manual_seed(1)
    torch.save(resnet18().state_dict(), folder / "weights.pth")
    weights = folder / f"resnet18-{sha256(folder / 'weights.pth')[:8]}.pth"
    (folder / "weights.pth").rename(weights)
    data = make_eurosat(folder, dict.fromkeys(COUNTS, 10))
    finetune(
        Sources(data, weights, folder / "cache"), FinetuneSettings(epochs=1), folder / "out", report=_silent
    )
    return data, folder / "out"


def _silent(line: str) -> None:
    pass


def test_the_validation_images_of_a_training_get_exactly_its_predictions(
    finetuned: tuple[Path, Path], tmp_path: Path
) -> None:
    data, trained = finetuned
    arguments = ["--list", trained / "predictions.json", "--model", trained / "model.safetensors"]
    assert _predict(tmp_path, data, *arguments) == 0
    wanted, found = (_json(folder / "predictions.json") for folder in (trained, tmp_path))
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours["image"] == str(data / theirs["image"])
        for name in ("label", "predicted", "probability"):
            assert ours[name] == theirs[name]
    metrics, history = _json(tmp_path / "metrics.json"), _json(trained / "metrics.json")
    assert metrics["accuracy"] == history["validation_accuracy"][-1]
    assert metrics["correct"] == history["validation_correct"][-1]
    matrix = "confusion_matrix.csv"
    assert (tmp_path / matrix).read_bytes() == (trained / matrix).read_bytes()


@pytest.mark.parametrize("size", [1, 7, 100])
def test_logits_are_those_of_the_whole_model_in_one_batch(eurosat: Path, model: Path, size: int) -> None:
    network, description = load_model(model)
    paths = find_images([eurosat])
    pixels = [read_image(path, SHAPE) for path in paths]
    samples = [Sample(str(path), image, None) for path, image in zip(paths, pixels, strict=True)]
    with torch.no_grad():
        wanted = network(NormalizationTable(IMAGENET).look_up(torch.stack(pixels))).double()
    (group, logits), *more = Classifier(network, description, "cpu", BatchSize(size)).logits(samples)
    assert (group, more) == (samples, [])
    assert torch.equal(logits, wanted)


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [
        *(("jpg", mode) for mode in ("RGB", "L", "CMYK")),
        *(("png", mode) for mode in ("RGB", "L", "LA", "RGBA", "P", "1")),
        ("tif", "CMYK"),
    ],
)
def test_levels_are_those_that_training_decodes(tmp_path: Path, suffix: str, mode: str) -> None:
    levels = np.random.default_rng(3).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(levels).convert(mode).save(path)
    assert read_image(path, (3, 224, 224)).numpy().tobytes() == decode(path, 224).levels


def test_a_note_on_orientation_is_ignored_as_in_training(eurosat: Path, tmp_path: Path) -> None:
    with Image.open(next(eurosat.rglob("*.jpg"))) as image:
        notes = image.getexif()
        notes[0x0112] = 6  # turned by 90 degrees
        for name, more in (("plain.jpg", {}), ("turned.jpg", {"exif": notes})):
            image.save(tmp_path / name, quality=90, **more)
    assert torch.equal(read_image(tmp_path / "plain.jpg", SHAPE), read_image(tmp_path / "turned.jpg", SHAPE))


def test_a_list_chooses_images_in_its_order(eurosat: Path, model: Path, tmp_path: Path) -> None:
    names = ["River/River_2.jpg", "Forest/Forest_1.jpg", "AnnualCrop/AnnualCrop_3.jpg"]
    (tmp_path / "list.txt").write_text("\n".join(names) + "\n")
    (tmp_path / "list.json").write_text(json.dumps([{"image": name} for name in names]))
    for listing in ("list.txt", "list.json"):
        out = tmp_path / f"{listing}_out"
        assert _predict(out, eurosat, "--list", tmp_path / listing, "--model", model) == 0
        rows = _json(out / "predictions.json")
        assert [row["image"] for row in rows] == [str(eurosat / name) for name in names]
        assert [row["label"] for row in rows] == ["River", "Forest", "AnnualCrop"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.txt", "Forest/Forest_1.jpg\nForest/no.jpg\n", "but 1 is not there, first Forest/no.jpg"),
        ("list.txt", "\n", "lists none; it must hold at least one path"),
        ("list.json", '[{"index": 1}]', 'it must be a list of objects with a path as "image"'),
        ("list.json", "no JSON", 'it must be a list of objects with a path as "image"'),
        ("list.json", "{}", "lists none"),
        ("gone.txt", None, "gone.txt: No such file or directory"),
    ],
)
def test_a_wrong_list_is_refused(
    eurosat: Path,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: str | None,
    message: str,
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    assert _predict(tmp_path / "out", eurosat, "--list", tmp_path / name, "--model", model) == 2
    assert message in capsys.readouterr().err


def test_a_list_needs_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        inference.main(["--list", "list.txt"])
    assert ended.value.code == 2
    assert "argument --list: needs one folder, which its paths are relative to" in capsys.readouterr().err


def test_folders_of_mixed_images_are_predicted_and_broken_ones_listed(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images" / "Forest"
    folder.mkdir(parents=True)
    levels = np.random.default_rng(3).integers(0, 256, (20, 300, 3), dtype=np.uint8)
    for mode in ("L", "RGB", "RGBA", "P"):
        Image.fromarray(levels).convert(mode).save(folder / f"{mode}.png")
    Image.fromarray(levels).convert("CMYK").save(folder / "CMYK.jpg")
    Image.fromarray(levels[:, :, 0].astype(np.uint16) * 257).save(folder / "sixteen.png")
    good = len(list(folder.iterdir()))
    for number in range(12):
        (folder / f"broken_{number:02}.jpg").write_bytes((folder / "CMYK.jpg").read_bytes()[: 50 + number])
    assert _predict(tmp_path / "out", tmp_path / "images", "--model", model) == 0
    printed = capsys.readouterr().out
    assert printed.count("Skipped ") == 11
    assert "Skipped 2 more files, all listed in metrics.json" in printed
    metrics = _json(tmp_path / "out" / "metrics.json")
    assert (metrics["images"], len(metrics["skipped"])) == (good, 12)


def test_the_levels_of_16_bits_are_those_of_the_same_image_in_8(tmp_path: Path) -> None:
    levels = np.random.default_rng(3).integers(0, 256, (20, 30), dtype=np.uint8)
    Image.fromarray(levels).save(tmp_path / "eight.png")
    Image.fromarray(levels.astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    eight, sixteen = (read_image(tmp_path / f"{name}.png", SHAPE).int() for name in ("eight", "sixteen"))
    assert (eight - sixteen).abs().max() <= 1  # only the rounding in between differs


def test_progress_tells_rate_and_time_left(
    eurosat: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0)  # instead of waiting for it
    lines: list[str] = []
    run(Request([eurosat], model, tmp_path), lines.append)
    assert re.fullmatch(r"Predicting: 1 of 39 images, [\d,]+ per second, \d+ s left", lines[0])


def test_a_matrix_of_an_earlier_call_does_not_stay(eurosat: Path, model: Path, tmp_path: Path) -> None:
    image = next((eurosat / "River").iterdir())
    (tmp_path / "unsorted.jpg").write_bytes(image.read_bytes())
    for path, files in ((image, WITH_MATRIX), (tmp_path / "unsorted.jpg", BASE)):
        assert _predict(tmp_path / "out", path, "--model", model) == 0
        assert {path.name for path in (tmp_path / "out").iterdir()} == files


def test_an_unreadable_folder_is_refused_and_not_taken_for_an_empty_one(eurosat: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        closed = Path(name) / "closed"
        closed.mkdir()
        os.chmod(name, 0o755)
        os.chmod(closed, 0)
        with _without_privileges(), pytest.raises(RequestError, match="closed: Permission denied"):
            find_images([Path(name)])


class _without_privileges:
    """Root may read every folder; another user may not."""

    def __enter__(self) -> None:
        self.user = os.geteuid()
        if self.user == 0:
            os.seteuid(65534)

    def __exit__(self, *_: object) -> None:
        os.seteuid(self.user)


@pytest.mark.parametrize("kind", ["pickle", "other shapes", "other architecture"])
def test_a_model_that_does_not_fit_is_refused_and_no_code_of_it_runs(
    eurosat: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path, sentinel = tmp_path / "other.safetensors", tmp_path / "sentinel"
    network, description = load_model(model)
    match kind:
        case "pickle":
            torch.save(_Malicious(sentinel), path)
        case "other shapes":
            fewer = Description("resnet18", CLASSES[:9], SHAPE, IMAGENET, "float32", "eurosat")
            save_model(path, network, fewer)
        case "other architecture":
            other = Description("small_resnet", CLASSES, SHAPE, IMAGENET, "float32", "eurosat")
            save_model(path, network, other)
    assert _predict(tmp_path / "out", eurosat, "--model", path) == 2
    assert capsys.readouterr().err.startswith(f"Cannot load {path}: ")
    assert not sentinel.exists()
    assert not (tmp_path / "out").exists()


class _Malicious:
    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.sentinel),)


def test_the_pickle_of_the_test_above_would_run_code(tmp_path: Path) -> None:
    torch.save(_Malicious(tmp_path / "sentinel"), tmp_path / "model.pt")
    torch.load(tmp_path / "model.pt", weights_only=False)
    assert (tmp_path / "sentinel").exists()


# The address space ends a little above what the process has when all is loaded: a real refusal by the system.
IN_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from src.deployment.predicting import Request, run
from src.common.command import exit_code

model, out, megabytes, *images = sys.argv[1:]
request = Request([*map(Path, images)], Path(model), Path(out), batch_size=1, device="cpu")
run(request)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
most = used + int(megabytes) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, most))
sys.exit(exit_code(lambda: run(Request(request.images, request.model, request.out, batch_size=30)), ""))
"""


def _in_little_memory(model: Path, out: Path, megabytes: int, images: Path) -> tuple[int, str, str]:
    arguments = [sys.executable, "-c", IN_LITTLE_MEMORY, *map(str, (model, out, megabytes, images))]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(arguments, cwd=ROOT, env=one_thread, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is only limited on Linux")
def test_a_full_memory_halves_the_batch_and_changes_nothing(tmp_path: Path) -> None:
    folder = make_eurosat(tmp_path, {"Forest": 20, "River": 10})
    large = Description("resnet18", CLASSES, (3, 224, 224), IMAGENET, "float32", "eurosat")
    save_model(tmp_path / "model.safetensors", build(large), large)
    out = tmp_path / "out"
    code, printed, errors = _in_little_memory(tmp_path / "model.safetensors", out, 200, folder)
    assert (code, errors) == (0, "")
    assert re.search(r"Batch size \d+: memory was not enough for (30|15|7) images", printed)
    found = (out / "predictions.json").read_bytes()
    assert _predict(out, folder, "--model", tmp_path / "model.safetensors") == 0
    assert (out / "predictions.json").read_bytes() == found


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is only limited on Linux")
def test_a_memory_too_small_for_one_image_is_a_clear_end(tmp_path: Path) -> None:
    large = Description("small_resnet", ("a", "b"), (1, 1000, 1000), ONE_CHANNEL, "float32", "large")
    save_model(tmp_path / "model.safetensors", build(large), large)
    Image.new("L", (8, 8)).save(tmp_path / "image.png")
    code, _, errors = _in_little_memory(
        tmp_path / "model.safetensors", tmp_path / "out", 10, tmp_path / "image.png"
    )
    assert code == 3
    assert errors == "Cannot predict on cpu: its memory is not enough for a single image. Free memory\n"


def _settled(rates: dict[int, float]) -> BatchSize:
    """The size that is found where a batch of so many images is worked on at such a rate."""
    size = BatchSize()
    for _ in range(100):
        size.worked(size.now, size.now / rates[size.now])
    return size


@pytest.mark.parametrize(
    ("rates", "found", "tried"),
    [
        ({4: 60, 8: 55}, 4, [4, 8]),
        ({4: 60, 8: 61}, 8, [4, 8]),
        ({4: 60, 8: 100, 16: 150, 32: 151}, 32, [4, 8, 16, 32]),
        ({4 * 2**k: 2.0**k for k in range(9)}, MOST, [4 * 2**k for k in range(9)]),
    ],
)
def test_the_batch_size_doubles_while_that_is_faster(
    rates: dict[int, float], found: int, tried: list[int]
) -> None:
    size = _settled(rates)
    assert (size.now, size.tried, size.settled) == (found, tried, True)


def test_a_batch_that_is_cut_short_says_nothing_about_the_batch_size() -> None:
    size = BatchSize()
    for _ in range(10):
        size.worked(FIRST - 1, 1e-9)
    assert (size.now, size.settled) == (FIRST, False)


def test_the_first_batch_of_a_size_may_be_slow() -> None:
    size = BatchSize()
    for seconds in (10.0, *[1.0] * (TRIES - 1), 10.0, *[1.0] * (TRIES - 1)):
        size.worked(size.now, seconds)
    assert size.tried == [4, 8]
    assert size.now == 16


def test_a_full_memory_ends_the_search_with_half() -> None:
    size = BatchSize()
    for _ in range(TRIES):
        size.worked(4, 1.0)
    size.out_of_memory(8, "cpu")
    assert (size.now, size.settled, size.too_many) == (4, True, 8)
    with pytest.raises(UnavailableError, match="Cannot predict on cuda: .* or use --device cpu"):
        BatchSize(1).out_of_memory(1, "cuda")


def test_reading_keeps_the_order_and_stops_at_once() -> None:
    assert list(read_ahead(range(1000), lambda number: number * 2, ahead=20)) == list(range(0, 2000, 2))
    assert list(read_ahead([], str, ahead=20)) == []
    read: list[int] = []
    numbers = read_ahead(range(10_000), lambda number: read.append(number) or number, ahead=20)
    assert next(numbers) == 0
    numbers.close()  # type: ignore[attr-defined]
    assert len(read) < 100


def test_an_error_while_reading_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        list(read_ahead([1, 0], lambda number: 1 / number, ahead=20))


def _many(classes: int, each: int, wrong: int = 0) -> Iterator[Prediction]:
    """Class after class; the first ones of each are wrong."""
    for label in range(classes):
        for number in range(each):
            guess = (label + 1) % classes if number < wrong else label
            yield Prediction("", str(label), ((str(guess), 1.0),))


@pytest.mark.parametrize(("classes", "each", "wrong"), [(1, 500, 0), (10, 300, 0), (10, 300, 9), (200, 5, 1)])
def test_the_picture_shows_as_many_classes_as_it_can(classes: int, each: int, wrong: int) -> None:
    predictions, selection = list(_many(classes, each, wrong)), Selection()
    kept = set()
    for place, prediction in enumerate(predictions):
        kept.add(place)
        kept.discard(selection.offer(place, prediction))
    shown = selection.chosen()
    assert len(shown) == MOST_SHOWN
    assert set(shown) <= kept
    labels = {predictions[place].label for place in shown}
    assert len(labels) >= min(classes, MOST_SHOWN // 2)
    if wrong:
        assert not any(predictions[place].correct for place in shown[: MOST_SHOWN // 2])


@pytest.mark.parametrize("classes", [1, 2, 10, 200, 1000])
def test_the_picture_of_a_confusion_matrix_holds_any_number_of_classes(classes: int, tmp_path: Path) -> None:
    names = tuple(
        f"{number} is a class with a name that is much too long for it" for number in range(classes)
    )
    matrix = ConfusionMatrix.count(zip(names, names[::-1], strict=True), names)
    (tmp_path / "matrix.png").write_bytes(draw_confusion_matrix(matrix, "a title"))
    with Image.open(tmp_path / "matrix.png") as picture:
        assert 400 < max(picture.size) < 4000


def test_a_class_without_images_has_no_recall() -> None:
    matrix = ConfusionMatrix.count([("a", "a"), ("a", "b")], ("a", "b"))
    assert (matrix.recall(0), matrix.recall(1)) == (50.0, None)
    assert matrix.mistakes() == [(1, "a", "b")]
    draw_confusion_matrix(matrix, "")
