"""Archives for the tests of unpacking, good and bad, made by Python's zipfile and tarfile.

As a command: python3 test/support/made_archives.py FOLDER
"""

import io
import os
import random
import struct
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

LONG = "/".join(["a-long-folder-name-" * 5] * 3) + "/file.txt"
# What every good archive holds; large.bin is more than what is unpacked at once.
FILES: dict[str, bytes] = {
    "2750/Forest/Forest_1.jpg": b"\xff\xd8one",
    "2750/Forest/Forest_2.jpg": b"\xff\xd8two",
    "2750/ü/日本 😀.txt": "grüße".encode(),
    "~empty": b"",
    LONG: b"long",
    "large.bin": bytes(range(256)) * (5 << 12),
}
KINDS = {
    "link": (tarfile.SYMTYPE, "/etc"),
    "hardlink": (tarfile.LNKTYPE, "2750/Forest/Forest_1.jpg"),
    "device": (tarfile.CHRTYPE, ""),
    "fifo": (tarfile.FIFOTYPE, ""),
    "sparse": (tarfile.GNUTYPE_SPARSE, ""),
    "unknown": (b"Z", ""),
}


def make_zip(path: Path, files: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as archive:
        warnings.simplefilter("ignore")  # of duplicate names
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def make_tar(
    path: Path, files: Iterable[tuple[str, bytes]], mode: str = "w", form: int = tarfile.PAX_FORMAT
) -> Path:
    with tarfile.open(path, mode, format=form) as archive:  # type: ignore[call-overload]
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o4755  # setuid, which must not come through
            archive.addfile(member, io.BytesIO(content))
    return path


MODES = {"setuid.sh": 0o6775, "plain.txt": 0o666, "theirs.sh": 0o601, "secret.txt": 0o2600}


def make_modes(folder: Path) -> None:
    with zipfile.ZipFile(folder / "modes.zip", "w") as archive:
        for name, mode in MODES.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, name)
    with tarfile.open(folder / "modes.tar", "w") as tar:
        for name, mode in MODES.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(name), mode
            tar.addfile(member, io.BytesIO(name.encode()))


class Unseekable(io.RawIOBase):
    """A pipe, as which zipfile writes the sizes behind the content."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("wb")

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return self.file.write(data)

    def close(self) -> None:
        self.file.close()
        super().close()


def make_tree(folder: Path) -> None:
    """What all good archives are unpacked to."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def make_good(folder: Path) -> None:
    make_zip(folder / "deflated.zip", FILES.items())
    make_zip(folder / "stored.zip", FILES.items(), zipfile.ZIP_STORED)
    with (
        Unseekable(folder / "piped.zip") as pipe,
        zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, content in FILES.items():
            archive.writestr(name, content)
    with zipfile.ZipFile(folder / "zip64.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = b"PK\x05\x06 is not its end"
        archive.mkdir("empty-folder")
        for name, content in FILES.items():
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(content)
    as_zip64(folder / "zip64.zip")
    make_tar(folder / "pax.tar", FILES.items())
    make_tar(folder / "gnu.tar", FILES.items(), form=tarfile.GNU_FORMAT)
    make_tar(folder / "dots.tar", [(f"./{name}", content) for name, content in FILES.items()])
    for compression in ("gz", "xz", "bz2"):  # the name tells nothing
        make_tar(folder / f"{compression}.tar", FILES.items(), f"w:{compression}")


def as_zip64(path: Path) -> None:
    """Lets the directory and the end refer to their 64-bit fields, as they do in large archives."""
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06", 0, len(data) - 22)  # the comment holds another
    count, size, offset = struct.unpack_from("<HII", data, end + 10)
    entries = bytearray()
    at = offset
    while at < offset + size:
        name, extra, comment = struct.unpack_from("<HHH", data, at + 28)
        header = bytearray(data[at : at + 46 + name])
        compressed, whole = struct.unpack_from("<II", header, 20)
        (begin,) = struct.unpack_from("<I", header, 42)
        struct.pack_into("<II", header, 20, 0xFFFFFFFF, 0xFFFFFFFF)
        struct.pack_into("<H", header, 30, 28)
        struct.pack_into("<I", header, 42, 0xFFFFFFFF)
        entries += header + struct.pack("<HHQQQ", 1, 24, whole, compressed, begin)
        entries += data[at + 46 + name + extra : at + 46 + name + extra + comment]
        at += 46 + name + extra + comment
    directory_end = offset + len(entries)
    end64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, len(entries), offset)
    locator = struct.pack("<IIQI", 0x07064B50, 0, directory_end, 1)
    struct.pack_into("<HHII", data, end + 8, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    path.write_bytes(data[:offset] + entries + end64 + locator + data[end:])


def make_bad_names(folder: Path) -> None:
    names = {
        "parent": ["a/../../evil"],
        "absolute": ["/tmp/evil"],
        "drive": ["C:/evil"],
        "backslash": ["a\\..\\..\\evil"],
        "control": ["a\nb"],
        "twice": ["a", "a"],
        "case": ["Forest/a", "forest/b"],
        "form": ["u\u0308", "\u00fc"],
        "file_in_file": ["a", "a/b"],
        "file_over_folder": ["a/", "a"],
        "long": ["a/" * 2100 + "x"],
        "dot": ["a/./b"],
    }
    for case, list_of_names in names.items():
        make_zip(folder / f"{case}.zip", [(name, b"") for name in list_of_names])
        with tarfile.open(folder / f"{case}.tar", "w") as archive:
            for name in list_of_names:
                member = tarfile.TarInfo(name)
                member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
                archive.addfile(member)
    make_zip(folder / "nul.zip", [("aXb", b"")])
    patch(folder / "nul.zip", lambda data: data.replace(b"aXb", b"a\0b"))
    make_zip(folder / "latin.zip", [("aXb", b"")])
    patch(folder / "latin.zip", lambda data: data.replace(b"aXb", b"a\xfcb"))


def make_bad_kinds(folder: Path) -> None:
    for case, (kind, target) in KINDS.items():
        with tarfile.open(folder / f"{case}.tar", "w", format=tarfile.GNU_FORMAT) as archive:
            member = tarfile.TarInfo("2750/x")
            member.type, member.linkname = kind, target
            archive.addfile(member)
    for case, mode in (("link", 0o120777), ("device", 0o020666)):
        with zipfile.ZipFile(folder / f"{case}.zip", "w") as archive:
            info = zipfile.ZipInfo("2750/x")
            info.external_attr = mode << 16
            archive.writestr(info, "/etc")
    with zipfile.ZipFile(folder / "through_link.zip", "w") as archive:
        info = zipfile.ZipInfo("a")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/tmp")
        archive.writestr("a/evil", "")


def patch(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def make_damaged(folder: Path) -> None:
    noise = random.Random(0).randbytes
    files = [(f"{number}.bin", noise(3000)) for number in range(10)]
    many = [(f"{number}.bin", noise(3000)) for number in range(1000)]  # more than one thread unpacks
    for case, some in (("", files), ("_of_many", many)):
        path = make_zip(folder / f"crc{case}.zip", some, zipfile.ZIP_STORED)
        patch(path, lambda data: data[:20_000] + bytes([data[20_000] ^ 1]) + data[20_001:])
    path = make_zip(folder / "crc_of_large.zip", [("large.bin", noise(5_000_000))], zipfile.ZIP_STORED)
    patch(path, lambda data: changed(data, 2_500_000, "<H", 0))
    whole = make_zip(folder / "cut.zip", files).read_bytes()
    (folder / "cut.zip").write_bytes(whole[: len(whole) // 2])
    (folder / "hole.zip").write_bytes(whole[:5000] + whole[6000:])
    (folder / "page.zip").write_bytes(b"<!doctype html><title>Not found</title>" + b" " * 600)
    (folder / "page.tar").write_bytes((folder / "page.zip").read_bytes())
    (folder / "nothing.zip").write_bytes(b"")
    (folder / "nothing.tar").write_bytes(b"")
    make_zip(folder / "stream.zip", [("x", bytes(3000))])
    patch(folder / "stream.zip", lambda data: data[:33] + b"\xff\xff" + data[35:])
    for compression in ("", "gz", "xz", "bz2"):
        whole = make_tar(folder / "whole", files, f"w:{compression}").read_bytes()
        (folder / f"cut_{compression or 'plain'}.tar").write_bytes(whole[: len(whole) // 2])
    (folder / "crc_gz.tar").write_bytes(flipped_end(make_tar(folder / "whole", files, "w:gz").read_bytes()))
    make_zip(folder / "sound.zip", many, zipfile.ZIP_STORED)
    data = make_tar(folder / "header.tar", files).read_bytes()
    (folder / "header.tar").write_bytes(data.replace(b"3.bin", b"7.bin"))
    (folder / "no_end.tar").write_bytes(data[: 10 * (512 + 3072)])
    (folder / "behind.tar").write_bytes(data + data)
    (folder / "whole").unlink()


def flipped_end(data: bytes) -> bytes:
    """With another checksum: the 4 bytes before the size, which is the last 4."""
    return data[:-8] + bytes([data[-8] ^ 1]) + data[-7:]


def make_liars(folder: Path) -> None:
    """Directories that state something else than the entries are."""
    make_zip(folder / "encrypted.zip", [("secret", b"x")])
    directory = (folder / "encrypted.zip").read_bytes().index(b"PK\x01\x02")
    patch(folder / "encrypted.zip", lambda data: changed(data, directory + 8, "<H", 1))
    for case, true, stated in (
        ("smaller", 3000, 10),
        ("larger", 3000, 4000),
        ("large_smaller", 5_000_000, 4_500_000),
        ("large_larger", 5_000_000, 5_000_001),
        ("bomb", 30_000_000, 4_500_000),
    ):
        path = make_zip(folder / f"{case}.zip", [("x", bytes(true))])
        at = path.read_bytes().index(b"PK\x01\x02") + 24
        patch(path, lambda data, at=at, stated=stated: changed(data, at, "<I", stated))  # type: ignore[misc]
    path = make_zip(folder / "overlap.zip", [("a", b"1" * 9), ("b", b"1" * 9)], zipfile.ZIP_STORED)
    second = path.read_bytes().rindex(b"PK\x01\x02") + 42
    patch(path, lambda data: changed(data, second, "<I", 0))
    inner = make_zip(folder / "inside.zip", [("b", b"1" * 9)], zipfile.ZIP_STORED).read_bytes()
    path = make_zip(folder / "inside.zip", [("a", inner), ("b", b"1" * 9)], zipfile.ZIP_STORED)
    data = path.read_bytes()
    (folder / "inside.zip").write_bytes(
        changed(data, data.rindex(b"PK\x01\x02") + 42, "<I", data.index(b"PK\x03\x04", 4))
    )
    make_zip(folder / "lzma.zip", [("x", b"x" * 100)], zipfile.ZIP_LZMA)
    path = make_zip(folder / "count.zip", [("a", b""), ("b", b"")])
    end = path.read_bytes().rindex(b"PK\x05\x06")
    patch(path, lambda data: changed(data, end + 10, "<H", 1))
    data = make_zip(folder / "no_room.zip", [(str(number), b"") for number in range(100)]).read_bytes()
    begin = data.index(b"PK\x01\x02")  # all that stands before the directory is left out
    (folder / "no_room.zip").write_bytes(changed(data, len(data) - 6, "<I", 0)[begin:])


def changed(data: bytes, at: int, form: str, value: int) -> bytes:
    return data[:at] + struct.pack(form, value) + data[at + struct.calcsize(form) :]


def make_bombs(folder: Path) -> None:
    """120 MB of zeros as 42.zip has petabytes of them, and more files than the test allows."""
    zeros = [(f"{number}", bytes(30_000_000)) for number in range(4)]
    make_zip(folder / "zeros.zip", zeros)
    make_tar(folder / "zeros.tar", zeros, "w:gz")
    files = [(f"{number}", b"") for number in range(2500)]
    make_zip(folder / "many.zip", files)
    make_tar(folder / "many.tar", files, "w:gz")
    record = b"9 a=b\n" * 1_000_000  # a header that would fill the memory
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, len(record)
    padded = record + bytes(-len(record) % 512)
    (folder / "header_bomb.tar").write_bytes(member.tobuf() + padded + bytes(1024))


def main(folder: Path) -> None:
    for case, make in {
        "tree": make_tree,
        "good": make_good,
        "modes": make_modes,
        "names": make_bad_names,
        "kinds": make_bad_kinds,
        "damaged": make_damaged,
        "liars": make_liars,
        "bombs": make_bombs,
    }.items():
        os.mkdir(folder / case)
        make(folder / case)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
