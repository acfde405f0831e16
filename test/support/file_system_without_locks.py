"""A file system that has no locks, as a network file system whose server has none: FUSE without a library.

    python file_system_without_locks.py FOLDER

Mounts itself at FOLDER (which takes the right to mount), prints "mounted", and serves until it is unmounted.
Everything is kept in memory. Whoever asks for a lock gets ENOLCK, "No locks available", from the kernel.
The protocol: linux/fuse.h, version 7.31.
"""

import contextlib
import ctypes
import errno
import os
import stat
import struct
import sys
import time

FLOCK_LOCKS, POSIX_LOCKS = 1 << 10, 1 << 1
HEADER, REPLY = struct.Struct("<IIQQIII4x"), struct.Struct("<IiQ")
ATTRIBUTES = struct.Struct("<QQQQQQIIIIIIIIII")


class Node:
    def __init__(self, mode: int) -> None:
        self.mode, self.data = mode, bytearray()
        self.entries: dict[bytes, int] = {}
        self.time = int(time.time())


nodes = {1: Node(stat.S_IFDIR | 0o777)}


def attributes(number: int) -> bytes:
    node = nodes[number]
    size, moment = len(node.data), node.time
    owner = (os.getuid(), os.getgid())
    return ATTRIBUTES.pack(number, size, 1, *[moment] * 3, 0, 0, 0, node.mode, 1, *owner, 0, 4096, 0)


def entry(number: int) -> bytes:
    return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + attributes(number)


def add(parent: int, name: bytes, mode: int) -> int:
    number = max(nodes) + 1
    nodes[number] = Node(mode)
    nodes[parent].entries[name] = number
    return number


def text(body: bytes, start: int = 0) -> bytes:
    return body[start:].split(b"\0", 1)[0]


def find(parent: int, name: bytes) -> int:
    if name not in nodes[parent].entries:
        raise OSError(errno.ENOENT, "")
    return nodes[parent].entries[name]


def listing(number: int, offset: int, size: int) -> bytes:
    found = b""
    for index, (name, child) in enumerate(sorted(nodes[number].entries.items())):
        item = struct.pack("<QQII", child, index + 1, len(name), nodes[child].mode >> 12) + name
        item += b"\0" * (-len(item) % 8)
        if index >= offset and len(found) + len(item) <= size:
            found += item
    return found


def answer(code: int, number: int, body: bytes) -> bytes | None:
    if code == 26:  # INIT
        flags = struct.unpack_from("<I", body, 12)[0] & (FLOCK_LOCKS | POSIX_LOCKS)
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, 65536, flags, 12, 10, 65536, 1, 16, 0, 0)
    if code == 1:  # LOOKUP
        return entry(find(number, text(body)))
    if code in (2, 36, 42):  # FORGET, INTERRUPT, BATCH_FORGET: without an answer
        return None
    if code == 3:  # GETATTR
        return struct.pack("<QII", 0, 0, 0) + attributes(number)
    if code == 4:  # SETATTR
        valid, _, _, size, _, _, _, _, _, _, _, _, mode = struct.unpack_from("<IIQQQQQQIIIII", body)
        if valid & 1:
            nodes[number].mode = stat.S_IFMT(nodes[number].mode) | stat.S_IMODE(mode)
        if valid & 8:
            nodes[number].data = nodes[number].data[:size].ljust(size, b"\0")
        return struct.pack("<QII", 0, 0, 0) + attributes(number)
    if code == 9:  # MKDIR
        mode = struct.unpack_from("<I", body)[0]
        return entry(add(number, text(body, 8), stat.S_IFDIR | mode))
    if code == 10 or code == 11:  # UNLINK, RMDIR
        find(number, text(body))
        del nodes[number].entries[text(body)]
        return b""
    if code == 12 or code == 45:  # RENAME, RENAME2
        start = 8 if code == 12 else 16
        name = text(body, start)
        nodes[struct.unpack_from("<Q", body)[0]].entries[text(body, start + len(name) + 1)] = find(
            number, name
        )
        del nodes[number].entries[name]
        return b""
    if code in (14, 27):  # OPEN, OPENDIR
        return struct.pack("<QII", 0, 0, 0)
    if code == 35:  # CREATE
        mode = struct.unpack_from("<I", body, 4)[0]
        return entry(add(number, text(body, 16), mode)) + struct.pack("<QII", 0, 0, 0)
    if code == 15:  # READ
        offset, size = struct.unpack_from("<8xQI", body)
        return bytes(nodes[number].data[offset : offset + size])
    if code == 28:  # READDIR
        offset, size = struct.unpack_from("<8xQI", body)
        return listing(number, offset, size)
    if code == 16:  # WRITE
        offset, size = struct.unpack_from("<8xQI", body)
        data = nodes[number].data
        data[offset : offset + size] = body[40 : 40 + size]
        return struct.pack("<II", size, 0)
    if code == 17:  # STATFS
        return struct.pack("<QQQQQIIII24x", 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 4096, 255, 4096, 0)
    if code in (31, 32, 33):  # GETLK, SETLK, SETLKW
        raise OSError(errno.ENOLCK, "")
    if code in (18, 20, 25, 29, 30):  # RELEASE, FSYNC, FLUSH, RELEASEDIR, FSYNCDIR
        return b""
    raise OSError(errno.ENOSYS, "")


def mount(folder: str) -> int:
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"no-locks", folder.encode(), b"fuse", 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return device


def main() -> int:
    try:
        device = mount(sys.argv[1])
    except OSError as error:
        print(f"can't mount: {error.strerror}", flush=True)
        return 1
    os.write(1, b"mounted\n")  # at once: the reader may be gone after it
    while True:
        try:
            request = os.read(device, 1 << 18)
        except OSError as error:
            if error.errno == errno.ENODEV:  # unmounted
                return 0
            continue  # the asking process took its request back
        length, code, unique, number, *_ = HEADER.unpack_from(request)
        failed = 0
        body: bytes | None = b""
        try:
            body = answer(code, number, request[HEADER.size : length])
        except OSError as error:
            failed = -(error.errno or errno.EIO)
        if body is not None:
            with contextlib.suppress(OSError):  # who asked may be gone
                os.write(device, REPLY.pack(REPLY.size + len(body), failed, unique) + body)


if __name__ == "__main__":
    sys.exit(main())
