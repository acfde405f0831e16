"""Installs locks into the environment of the running Python, while an image is built.

From the wheels in a folder, if there are any, and without a network then; else from the package index.
Standard library only: it runs before anything is installed.
"""

import argparse
import compileall
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

# Knows which index holds PyTorch's CPU builds; the one that the host engine fetches, too.
UV = Path(__file__).with_name("uv.txt")
# BuildKit and Podman mount a folder there that stays for the next build; the classic builder does not.
CACHE = Path("/var/cache/wheels")
PIP = [
    *["install", "--no-deps", "--no-compile", "--no-input", "--disable-pip-version-check"],
    *(["--cache-dir", str(CACHE / "pip")] if CACHE.is_dir() else ["--no-cache-dir"]),
]


def split_lock(text: str) -> tuple[list[str], list[str]]:
    """The packages of a lock with hashes and those without: pip refuses them in one file."""
    joined = text.replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines()]
    packages = [line for line in lines if line and not line.startswith("#")]
    hashed = [line for line in packages if "--hash" in line]
    return hashed, [line for line in packages if "--hash" not in line]


def run(command: list[str]) -> None:
    """Ends the build with the program's own message and exit code, without a trace of this script."""
    print("+", " ".join(command), flush=True)
    code = subprocess.run(command).returncode
    if code != 0:
        sys.exit(code)


def install(lock: Path, sources: list[str], scratch: Path) -> None:
    hashed, unhashed = split_lock(lock.read_text())
    if unhashed:
        install_unhashed(unhashed, sources, scratch)
    if hashed:
        requirements = scratch / "hashed.txt"
        requirements.write_text("\n".join(hashed) + "\n")
        run([sys.executable, "-m", "pip", *PIP, *sources, "--require-hashes", "-r", str(requirements)])


def install_unhashed(packages: list[str], sources: list[str], scratch: Path) -> None:
    requirements = scratch / "unhashed.txt"
    requirements.write_text("\n".join(packages) + "\n")
    if sources:
        run([sys.executable, "-m", "pip", *PIP, *sources, "-r", str(requirements)])
        return
    uv = fetch_uv(scratch)
    kept = ["--cache-dir", str(CACHE / "uv"), "--link-mode", "copy"] if CACHE.is_dir() else ["--no-cache"]
    target = ["--python", sys.executable, "--torch-backend", "cpu", "--no-deps", *kept]
    run([uv, "pip", "install", *target, "-r", str(requirements)])


def fetch_uv(scratch: Path) -> str:
    """uv in an environment of its own, so that the image does not keep it."""
    directory = scratch / "uv"
    venv.create(directory, with_pip=True)
    python = str(directory / "bin/python")
    run([python, "-m", "pip", *PIP, "--require-hashes", "-r", str(UV)])
    return str(directory / "bin/uv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", type=Path, required=True, help="folder that may hold wheels")
    parser.add_argument("locks", type=Path, nargs="+", metavar="LOCK")
    args = parser.parse_args()
    wheels = sorted(args.wheels.glob("*.whl"))
    sources = ["--no-index", "--find-links", str(args.wheels)] if wheels else []
    print(f"Installing from {f'{len(wheels)} wheels' if wheels else 'the package index'}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for lock in args.locks:
            install(lock, sources, Path(scratch))
    # Now and on all cores, since whoever runs the image may not be allowed to write there. Some packages hold
    # files for newer Pythons, which don't compile and needn't.
    compileall.compile_dir(sysconfig.get_path("purelib"), quiet=2, workers=0)


if __name__ == "__main__":
    main()
