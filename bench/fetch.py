"""Measure downloads from loopback, with hashing, beside curl's without.

Example:

    python bench/fetch.py --size 1.5

A server of its own sends one file with sendfile, from the page cache; both programs write it to the same
disk, in turn, so that a busy moment of the machine meets both. Times are of whole processes, their start
included. What a user would do instead is curl and `openssl dgst -sha256` after it. Nobody waits for the disk.
Writes bench/results/fetch.json.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Process, Queue
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "fetch.json"
PROGRAM = """
import { download } from "%s";
const [url, target, hash, value] = Deno.args;
await download({ name: "made", urls: [url], [hash]: value }, target);
"""


class OneFile(BaseHTTPRequestHandler):
    """Sends the file that `path` names, whatever is asked for."""

    protocol_version = "HTTP/1.1"
    path_of_file = ""

    def do_GET(self) -> None:
        with open(self.path_of_file, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            sent = 0
            while sent < size:
                sent += os.sendfile(self.connection.fileno(), file.fileno(), sent, size - sent)

    def log_message(self, *_: object) -> None:
        pass


def serve(path: str, port: Queue[int], seconds: float) -> None:
    """Serves the file until it is ended, or so many seconds have passed."""
    OneFile.path_of_file = path
    server = ThreadingHTTPServer(("127.0.0.1", 0), OneFile)
    port.put(server.server_address[1])
    threading.Timer(seconds, os._exit, [0]).start()
    server.serve_forever()


def make_file(path: Path, gigabytes: float) -> tuple[str, str]:
    """A file of random bytes; returns its SHA-256 and MD5."""
    sums = hashlib.sha256(), hashlib.md5()
    with path.open("wb") as file:
        for _ in range(int(gigabytes * 1000)):
            block = os.urandom(1_000_000)
            file.write(block)
            for digest in sums:
                digest.update(block)
    subprocess.run(["sync", str(path)], check=True)
    return sums[0].hexdigest(), sums[1].hexdigest()


def programs(deno: str, folder: Path, url: str, sha256: str, md5: str) -> dict[str, list[list[str]]]:
    """What is measured: the commands that are run one after the other."""
    program = folder / "fetch.ts"
    program.write_text(PROGRAM % (ROOT / "tasks/lib/data/download/download.ts").as_uri())
    target = str(folder / "target")
    permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-run", "--allow-net"]
    config = ["--config", str(ROOT / "deno.json"), "--no-prompt", "--quiet"]
    ours = [deno, "run", *config, *permissions, str(program), url, target]
    curl = ["curl", "--silent", "--show-error", "--fail", "--output", target, url]
    return {
        "curl": [curl],
        "curl and openssl": [curl, ["openssl", "dgst", "-sha256", target]],
        "ours, SHA-256": [[*ours, "sha256", sha256]],
        "ours, SHA-256 and MD5": [[*ours, "md5", md5]],
    }


def seconds_of(commands: list[list[str]], target: Path) -> float:
    """The target is not there when it begins, and what was still to be written back is gone with it."""
    target.unlink(missing_ok=True)
    begin = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def measure(folder: Path, gigabytes: float, rounds: int, deno: str) -> dict[str, object]:
    file = folder / "made.bin"
    sha256, md5 = make_file(file, gigabytes)
    port: Queue[int] = Queue()
    server = Process(target=serve, args=(str(file), port, 600), daemon=True)
    server.start()
    try:
        measured = programs(deno, folder, f"http://127.0.0.1:{port.get()}/made.bin", sha256, md5)
        times = [
            {name: seconds_of(commands, folder / "target") for name, commands in measured.items()}
            for _ in range(rounds + 1)
        ][1:]  # the first warms the page cache
    finally:
        server.terminate()
    rate = {name: round(gigabytes / statistics.median(each[name] for each in times), 2) for name in measured}
    ratio = {
        f"{ours} to {theirs}": round(statistics.median(each[theirs] / each[ours] for each in times), 2)
        for theirs in ("curl", "curl and openssl")
        for ours in measured
        if ours.startswith("ours")
    }
    return {"gigabytes_per_second": rate, "rate_beside": ratio, "rounds": rounds}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno", help="the program to measure (default: deno on PATH)")
    parser.add_argument("--size", type=float, default=1.5, help="size of the file in GB")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, after one that is not counted")
    parser.add_argument("--folder", help="where the files are made (default: the folder for temporary files)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        result: dict[str, object] = {
            "made_by": f"python bench/fetch.py --size {options.size:g} --rounds {options.rounds}",
            "machine": {**describe_machine(), "niceness": os.nice(0)},
            **measure(Path(folder), options.size, options.rounds, options.deno),
        }
    save_result(RESULT, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
