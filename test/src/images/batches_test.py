"""Batches are those of the published transform, bit for bit, whatever they are made from."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from src.images.batches import HELD, Batches, hold, open_batches
from src.images.cache import open_images
from src.images.image_folder import ImageFolder
from src.reference.made_eurosat import make_eurosat, some

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine, threads that wait for each other take several times as long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ImageFolder:
    """270 JPEG files of EuroSAT's shape."""
    return ImageFolder.read(make_eurosat(tmp_path_factory.mktemp("made"), some(0.01)))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def published(folder: ImageFolder, torchvision: ModuleType) -> Tensor:
    """All images through the real data set and transform, float32 (270, 3, 224, 224)."""
    transforms = torchvision.transforms
    transform = transforms.Compose(
        [
            transforms.Resize((224, 224)),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    data = torchvision.datasets.ImageFolder(str(folder.root), transform=transform)
    return torch.stack([data[place][0] for place in range(len(data))])


def test_resized_levels_are_those_of_the_published_transform(
    folder: ImageFolder, cache: Path, torchvision: ModuleType
) -> None:
    resize = torchvision.transforms.Resize((224, 224))
    data = torchvision.datasets.ImageFolder(str(folder.root), transform=resize)
    theirs = np.stack([np.asarray(data[place][0]) for place in range(len(data))])
    ours = open_images(folder, range(len(folder)), cache, size=224)
    assert len(ours) == 270
    assert torch.equal(ours.pixels.permute(0, 2, 3, 1), torch.from_numpy(theirs))
    assert ours.labels.tolist() == data.targets


@pytest.mark.parametrize("size", [224, None])
def test_batches_have_the_published_bits(
    size: int | None, folder: ImageFolder, cache: Path, published: Tensor
) -> None:
    batches = Batches(open_images(folder, range(len(folder)), cache, size))
    for rows in torch.arange(len(folder)).split(100):
        batch = batches.batch(rows)
        assert batch.is_contiguous()
        assert torch.equal(batch.view(torch.int32), published[rows].view(torch.int32))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA)])
def test_indices_are_places_in_the_folder_and_rows_places_in_the_indices(
    device: str, folder: ImageFolder, cache: Path, published: Tensor
) -> None:
    indices = np.random.RandomState(23).permutation(len(folder))[:50]
    batches = open_batches(folder, indices, cache, device=device)
    rows = torch.tensor([49, 3, 3, 0])
    assert len(batches) == 50
    assert torch.equal(batches.batch(rows).cpu(), published[indices[rows]])
    assert torch.equal(batches.labels.cpu(), torch.from_numpy(folder.labels[indices]))


def test_a_device_holds_images_resized_when_there_is_room(folder: ImageFolder, cache: Path) -> None:
    source = open_images(folder, range(len(folder)), cache).pixels
    resized = open_images(folder, range(len(folder)), cache, size=224).pixels
    assert torch.equal(hold(source, (224, 224), "cpu"), resized)
    too_many = source[:1].expand(HELD // (3 * 224 * 224) + 1, -1, -1, -1)
    assert hold(too_many, (224, 224), "cpu").shape[-2:] == (64, 64)


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [([(64, 64)] * 2, "source-"), ([(64, 64), (30, 30)], "224-"), ([(300, 300)] * 2, "224-")],
    ids=["small and equal", "mixed", "large"],
)
def test_another_device_gets_images_in_their_own_size_where_that_is_less(
    sizes: list[tuple[int, int]], kept: str, tmp_path: Path
) -> None:
    (tmp_path / "images" / "class").mkdir(parents=True)
    for number, size in enumerate(sizes):
        Image.new("RGB", size, (number, 0, 0)).save(tmp_path / "images" / "class" / f"{number}.png")
    folder = ImageFolder.read(tmp_path / "images")
    # PyTorch's "meta" device computes shapes and no values: another device that every machine has.
    batches = open_batches(folder, [0, 1], tmp_path / "cache", device="meta")
    batch = batches.batch(torch.tensor([1, 0, 1]))
    assert (batch.shape, batch.dtype, batch.device.type) == ((3, 3, 224, 224), torch.float32, "meta")
    assert [path.name.startswith(kept) for path in (tmp_path / "cache").iterdir()] == [True]


def test_pixels_are_the_resized_levels_of_the_rows(folder: ImageFolder, cache: Path) -> None:
    rows = torch.tensor([7, 260])
    source, resized = (open_images(folder, range(len(folder)), cache, size) for size in (None, 224))
    assert torch.equal(Batches(source).pixels(rows), resized.pixels[rows])
    assert torch.equal(Batches(resized).pixels(rows), resized.pixels[rows])


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA)])
def test_images_of_many_sizes_and_modes_are_what_the_published_transform_makes_of_them(
    device: str, tmp_path: Path, torchvision: ModuleType
) -> None:
    root = tmp_path / "images"
    (root / "class").mkdir(parents=True)
    random = np.random.default_rng(1)
    modes = [("L", ".jpg"), ("CMYK", ".jpg"), ("RGBA", ".png"), ("LA", ".png"), ("P", ".png"), ("1", ".png")]
    for number, (mode, suffix) in enumerate(modes):
        levels = random.integers(0, 256, (40 + 50 * number, 300 - 20 * number, 3), dtype=np.uint8)
        Image.fromarray(levels).convert(mode).save(root / "class" / f"{mode}{suffix}")
    deep = Image.fromarray(random.integers(0, 65536, (64, 64), dtype=np.uint16))
    deep.save(root / "class" / "deep.png")
    Image.new("P", (30, 30)).save(root / "class" / "transparent.png", transparency=b"\x00\x80")
    folder = ImageFolder.read(root)
    transforms = torchvision.transforms
    data = torchvision.datasets.ImageFolder(
        str(root), transform=transforms.Compose([transforms.Resize((224, 224)), transforms.PILToTensor()])
    )
    batches = open_batches(folder, range(len(folder)), tmp_path / "cache", device=device)
    pixels = batches.pixels(torch.arange(len(folder))).cpu()
    for place, name in enumerate(folder.files):
        assert torch.equal(pixels[place], data[place][0]), name
