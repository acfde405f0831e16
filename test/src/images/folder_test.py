"""Folders of images: classes, files and labels as torchvision's ImageFolder has them."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from src.common.failure import RequestError
from src.images.image_folder import ImageFolder
from src.reference.made_eurosat import make_eurosat


def test_files_come_class_by_class_and_sorted_by_name(tmp_path: Path) -> None:
    folder = ImageFolder.read(make_eurosat(tmp_path, {"River": 2, "Forest": 11}))
    numbers = [1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]
    forest = [f"Forest/Forest_{number}.jpg" for number in numbers]
    assert folder.classes == ("Forest", "River")
    assert folder.files == (*forest, "River/River_1.jpg", "River/River_2.jpg")
    assert folder.labels.dtype == np.int64
    assert folder.labels.tolist() == [0] * 11 + [1] * 2
    assert len(folder) == 13
    assert folder.paths([12, 0]) == [folder.root / "River/River_2.jpg", folder.root / "Forest/Forest_1.jpg"]


def test_classes_files_and_labels_are_those_of_torchvision(tmp_path: Path, torchvision: ModuleType) -> None:
    root = make_eurosat(tmp_path, {"Forest": 12, "River": 3, "SeaLake": 1})
    (root / "note.txt").write_text("not a class")
    (root / "River" / "note.txt").write_text("not an image")
    for name in ("River/deep/b/1.PNG", "River/deep/a/2.jpeg", "River/.hidden.jpg", "river/Ä.webp", "0/x.ppm"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(root / name)
    (root / "Linked").symlink_to(root / "SeaLake")
    theirs = torchvision.datasets.ImageFolder(str(root))
    ours = ImageFolder.read(root)
    assert list(ours.classes) == theirs.classes
    assert [str(root / name) for name in ours.files] == [path for path, _ in theirs.samples]
    assert ours.labels.tolist() == theirs.targets


def test_a_folder_without_class_folders_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "1.jpg")
    with pytest.raises(RequestError, match="it must hold a folder for each class, but holds no folder"):
        ImageFolder.read(tmp_path)


def test_every_empty_class_folder_is_named(tmp_path: Path) -> None:
    root = make_eurosat(tmp_path, {"Forest": 1})
    for name in ("River", "SeaLake"):
        (root / name).mkdir()
        (root / name / "note.txt").write_text("not an image")
    with pytest.raises(RequestError, match=r"must hold images \(.*\), without any: River, SeaLake$"):
        ImageFolder.read(root)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="Cannot read images from .*absent: there is no such folder"):
        ImageFolder.read(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match="Cannot read images from .*file: Not a directory"):
        ImageFolder.read(tmp_path / "file")
