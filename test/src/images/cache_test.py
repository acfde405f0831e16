"""Decoded images are kept whole or not at all, and are used only as long as they are right."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from src.common.failure import RequestError, UnavailableError
from src.images import cache as cache_module
from src.images.cache import DecodedImages, open_images
from src.images.decoding import MixedSizes
from src.images.image_folder import ImageFolder
from src.images.pixel_file import ABANDONED, END
from src.reference.made_eurosat import make_eurosat

ROOT = Path(__file__).resolve().parents[3]
COUNT = 40
PIXELS = COUNT * 3 * 64 * 64


@pytest.fixture
def folder(tmp_path: Path) -> ImageFolder:
    return ImageFolder.read(make_eurosat(tmp_path, {"Forest": COUNT // 2, "River": COUNT // 2}))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where decoded images are kept."""
    return tmp_path / "cache"


def opened(folder: ImageFolder, kept: Path, size: int | None = None) -> tuple[DecodedImages, list[str]]:
    """All images, and what was reported."""
    lines: list[str] = []
    return open_images(folder, range(len(folder)), kept, size, lines.append), lines


def child(code: str, folder: ImageFolder, kept: Path) -> subprocess.Popen[str]:
    """Another process that runs the code with `folder` and `cache`."""
    program = (
        "import os, resource, sys\nfrom pathlib import Path\n"
        "from src.common.command import exit_code\nfrom src.images.cache import open_images\n"
        "from src.images.image_folder import ImageFolder\n"
        f"folder, cache = ImageFolder.read(Path({str(folder.root)!r})), Path({str(kept)!r})\n{code}"
    )
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def test_images_are_decoded_once(folder: ImageFolder, kept: Path) -> None:
    first, lines = opened(folder, kept)
    assert lines == [f"Decoding 40 images into {first.path}"]
    written = first.path.stat().st_mtime_ns
    again, lines = opened(folder, kept)
    assert lines == []
    assert again.path.stat().st_mtime_ns == written
    assert again.pixels.shape == (COUNT, 3, 64, 64)
    assert torch.equal(first.pixels, again.pixels)


def test_progress_is_told_image_by_image(folder: ImageFolder, kept: Path) -> None:
    steps: list[tuple[int, int]] = []
    open_images(folder, range(COUNT), kept, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(number, COUNT) for number in range(1, COUNT + 1)]


def test_the_same_files_elsewhere_need_no_decoding(folder: ImageFolder, kept: Path, tmp_path: Path) -> None:
    opened(folder, kept)
    shutil.copytree(folder.root, tmp_path / "copy")
    assert opened(ImageFolder.read(tmp_path / "copy"), kept)[1] == []


def test_a_changed_file_is_decoded_anew(folder: ImageFolder, kept: Path) -> None:
    before = opened(folder, kept)[0]
    Image.new("RGB", (64, 64), "red").save(folder.paths([3])[0])
    after, lines = opened(folder, kept)
    assert lines == [f"Decoding 40 images into {after.path}"]
    assert [bool((before.pixels[n] == after.pixels[n]).all()) for n in range(5)] == [True] * 3 + [False, True]


def test_another_order_size_or_decoder_has_a_file_of_its_own(
    folder: ImageFolder, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {opened(folder, kept)[0].path, opened(folder, kept, 32)[0].path}
    paths.add(open_images(folder, range(COUNT)[::-1], kept).path)
    monkeypatch.setattr(cache_module, "decoder", lambda: "Pillow 99")
    paths.add(opened(folder, kept)[0].path)
    assert len(paths) == 4


@pytest.mark.parametrize(
    "place", [0, 1, PIXELS // 2, PIXELS - 1, PIXELS, PIXELS + 30, -1, -8, -END.size, -END.size - 1]
)
def test_a_changed_bit_anywhere_is_found_and_the_file_made_again(
    place: int, folder: ImageFolder, kept: Path
) -> None:
    whole = opened(folder, kept)[0].pixels.clone()
    [path] = kept.iterdir()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    again, lines = opened(folder, kept)
    assert len(lines) == 2
    assert lines[0].startswith(f"Cannot use {path}: ")
    assert torch.equal(again.pixels, whole)
    assert opened(folder, kept)[1] == []


@pytest.mark.parametrize("length", [0, 1, END.size, PIXELS // 3, PIXELS, -1])
def test_a_cut_file_is_found_and_made_again(length: int, folder: ImageFolder, kept: Path) -> None:
    whole = opened(folder, kept)[0].pixels.clone()
    [path] = kept.iterdir()
    path.write_bytes(path.read_bytes()[:length])
    again, lines = opened(folder, kept)
    assert lines[0].startswith(f"Cannot use {path}: it is cut off")
    assert torch.equal(again.pixels, whole)


def test_a_file_of_other_images_under_this_name_is_found(folder: ImageFolder, kept: Path) -> None:
    whole = opened(folder, kept)[0]
    other = open_images(folder, range(COUNT)[::-1], kept)
    shutil.copy(other.path, whole.path)
    again, lines = opened(folder, kept)
    assert lines[0] == f"Cannot use {whole.path}: it holds other images. It is made again"
    assert torch.equal(again.pixels, other.pixels.flip(0))


def test_writing_to_the_pixels_does_not_reach_the_file(folder: ImageFolder, kept: Path) -> None:
    images = opened(folder, kept)[0]
    images.pixels.zero_()
    assert opened(folder, kept)[0].pixels.any()


def test_a_killed_process_leaves_nothing_that_is_used(folder: ImageFolder, kept: Path) -> None:
    code = (
        "kill = lambda done, total: done == 30 and os.kill(os.getpid(), 9)\n"
        "open_images(folder, range(40), cache, progress=kill)"
    )
    process = child(code, folder, kept)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    [part] = kept.iterdir()
    assert part.name.endswith(".part")
    images, lines = opened(folder, kept)
    assert lines == [f"Decoding 40 images into {images.path}"]
    assert sorted(kept.iterdir()) == sorted([part, images.path])  # another process might still write it


def test_what_a_killed_process_left_is_removed_after_an_hour(folder: ImageFolder, kept: Path) -> None:
    kept.mkdir()
    part = kept / ".source-0.pixels.0.part"
    part.touch()
    long_ago = part.stat().st_mtime - ABANDONED - 1
    os.utime(part, (long_ago, long_ago))
    assert list(kept.iterdir()) == [part]
    images = opened(folder, kept)[0]
    assert list(kept.iterdir()) == [images.path]


def test_two_processes_at_once_get_the_same_images(folder: ImageFolder, kept: Path) -> None:
    code = "print(int(open_images(folder, range(40), cache, 224).pixels.long().sum()))"
    processes = [child(code, folder, kept) for _ in range(2)]
    sums = [process.communicate()[0] for process in processes]
    images, lines = opened(folder, kept, 224)
    assert sums == [f"{int(images.pixels.long().sum())}\n"] * 2
    assert lines == []
    assert list(kept.iterdir()) == [images.path]


def test_a_refused_write_ends_with_3_and_leaves_nothing(folder: ImageFolder, kept: Path) -> None:
    # A limit on the size of files refuses the write as a full disk does, in the middle, and needs no disk.
    code = (
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "sys.exit(exit_code(lambda: open_images(folder, range(40), cache), ''))"
    )
    process = child(code, folder, kept)
    errors = process.communicate()[1]
    assert process.returncode == 3
    assert errors == f"Cannot keep decoded images in {kept}: File too large. Name another --cache\n"
    assert list(kept.iterdir()) == []


def test_too_little_space_is_told_before_the_work(
    folder: ImageFolder, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A fake: a full disk can't be had without being root.
    full = shutil.disk_usage(kept.parent)._replace(free=400_000)
    monkeypatch.setattr(cache_module.shutil, "disk_usage", lambda folder: full)
    with pytest.raises(
        UnavailableError, match=r"6 MB are needed, 0 MB are free\. Make space, or name another"
    ):
        opened(folder, kept, 224)
    assert list(kept.iterdir()) == []


def test_a_file_in_the_place_of_the_cache_is_refused(folder: ImageFolder, kept: Path) -> None:
    kept.touch()
    with pytest.raises(UnavailableError, match="Cannot keep decoded images in .*cache: "):
        opened(folder, kept)


def test_a_folder_in_the_place_of_the_file_is_refused(folder: ImageFolder, kept: Path) -> None:
    path = opened(folder, kept)[0].path
    path.unlink()
    path.mkdir()
    lines: list[str] = []
    with pytest.raises(UnavailableError, match=f"Cannot keep decoded images in {kept}: Is a directory"):
        open_images(folder, range(COUNT), kept, report=lines.append)
    assert lines[0] == f"Cannot use {path}: Is a directory. It is made again"
    assert list(kept.iterdir()) == [path]


@pytest.mark.parametrize("size", [None, 224])
def test_all_images_that_do_not_decode_are_named_at_once(
    size: int | None, folder: ImageFolder, kept: Path
) -> None:
    paths = folder.paths([0, 7, 8, 39])
    paths[0].write_bytes(b"no image")
    paths[1].write_bytes(paths[1].read_bytes()[:900])
    paths[2].unlink()
    paths[3].write_bytes(b"")
    with pytest.raises(RequestError) as caught:
        opened(folder, kept, size)
    first, *rest = str(caught.value).split("\n")
    assert first == "Cannot decode 4 images of 40:"
    assert [line.split(":")[0] for line in rest] == [f"  {path}" for path in paths]
    assert [line.split(": ")[1].split(" (")[0] for line in rest] == [
        "not an image that can be read",
        "image file is truncated",
        "No such file or directory",
        "not an image that can be read",
    ]
    assert not kept.exists() or list(kept.iterdir()) == []


def test_a_file_that_changes_while_it_is_read_is_named(folder: ImageFolder, kept: Path) -> None:
    path = folder.paths([20])[0]

    def change(line: str) -> None:
        Image.new("RGB", (64, 64), "red").save(path)

    with pytest.raises(RequestError, match=f"Cannot decode {path}: it changed while it was read"):
        open_images(folder, range(COUNT), kept, report=change)
    assert list(kept.iterdir()) == []


def test_images_of_several_sizes_are_kept_only_resized(folder: ImageFolder, kept: Path) -> None:
    path = folder.paths([20])[0]
    Image.new("RGB", (100, 37), "red").save(path)
    with pytest.raises(MixedSizes, match=rf"64x64 \(.*Forest_1.jpg\) and 100x37 \({path}\)$"):
        opened(folder, kept)
    assert list(kept.iterdir()) == []
    assert opened(folder, kept, 224)[0].pixels.shape == (COUNT, 3, 224, 224)


def test_no_images_at_all_are_refused(folder: ImageFolder, kept: Path) -> None:
    with pytest.raises(ValueError, match="there must be at least one"):
        open_images(folder, [], kept)
