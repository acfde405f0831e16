"""Installs an experiment's packages into the environment of the running Python, while an image is built.

First the experiment's locks, exactly; then JupyterLab beside them, which replaces none of them; or, with
--project, the project itself. From the wheels in a folder, if there are any, and without a network then; else
from the package index.
Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import compileall
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import venv
from importlib.metadata import distributions
from pathlib import Path

# Knows which index holds PyTorch's CPU builds; the one that the host engine fetches, too.
UV = Path(__file__).with_name("uv.txt")
# BuildKit and Podman mount a folder there that stays for the next build; the classic builder does not.
CACHE = Path("/var/cache/wheels")
PIP = [
    *["install", "--no-compile", "--no-input", "--disable-pip-version-check"],
    *(["--cache-dir", str(CACHE / "pip")] if CACHE.is_dir() else ["--no-cache-dir"]),
]


def split_lock(text: str) -> tuple[list[str], list[str], list[str]]:
    """Packages of a lock with hashes and without, which pip refuses in one file; and its options."""
    joined = text.replace("\\\n", " ")
    lines = [line for line in map(str.strip, joined.splitlines()) if line and not line.startswith("#")]
    packages = [line for line in lines if not line.startswith("--")]
    hashed = [line for line in packages if "--hash" in line]
    options = [re.split(r"[\s=]+", line, maxsplit=1) for line in lines if line.startswith("--")]
    unhashed = [line for line in packages if "--hash" not in line]
    return hashed, unhashed, [word for option in options for word in option]


def run(command: list[str]) -> None:
    """Ends the build with the program's own message and exit code, without a trace of this script."""
    print("+", " ".join(command), flush=True)
    code = subprocess.run(command).returncode
    if code != 0:
        sys.exit(code)


def install(lock: Path, sources: list[str], scratch: Path) -> None:
    hashed, unhashed, options = split_lock(lock.read_text())
    if unhashed:
        install_unhashed(unhashed, sources, options, scratch)
    if hashed:
        install_hashed(hashed, [*sources, *([] if sources else options)], scratch)


def install_hashed(packages: list[str], sources: list[str], scratch: Path) -> None:
    requirements = scratch / "hashed.txt"
    requirements.write_text("\n".join(packages) + "\n")
    pip = [sys.executable, "-m", "pip", *PIP, "--no-deps"]
    run([*pip, *sources, "--require-hashes", "-r", str(requirements)])


def install_unhashed(packages: list[str], sources: list[str], options: list[str], scratch: Path) -> None:
    requirements = scratch / "unhashed.txt"
    requirements.write_text("\n".join(packages) + "\n")
    if sources:
        run([sys.executable, "-m", "pip", *PIP, "--no-deps", *sources, "-r", str(requirements)])
        return
    uv = fetch_uv(scratch)
    kept = ["--cache-dir", str(CACHE / "uv"), "--link-mode", "copy"] if CACHE.is_dir() else ["--no-cache"]
    target = ["--python", sys.executable, "--torch-backend", "cpu", "--no-deps", *kept]
    run([uv, "pip", "install", *target, *options, "-r", str(requirements)])


def fetch_uv(scratch: Path) -> str:
    """uv in an environment of its own, so that the image does not keep it."""
    directory = scratch / "uv"
    venv.create(directory, with_pip=True)
    python = str(directory / "bin/python")
    run([python, "-m", "pip", *PIP, "--no-deps", "--require-hashes", "-r", str(UV)])
    return str(directory / "bin/uv")


def normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> dict[str, str]:
    """Versions of this Python's packages by normalized name."""
    return {
        normalize(found.metadata["Name"]): found.version
        for found in distributions()
        if found.metadata["Name"]
    }


def install_jupyter(stem: Path, sources: list[str], scratch: Path) -> None:
    """Adds what `stem`.lock names and is not there; if that does not go with the rest, any that does."""
    before = installed()
    known = complaints()
    lock = stem.with_suffix(".lock")
    python = re.search(r"^# python: 3\.(\d+) to 3\.(\d+)$", lock.read_text(), re.MULTILINE)
    if python and int(python[1]) <= sys.version_info.minor <= int(python[2]):
        lines = split_lock(lock.read_text())[0]
        wanted = [line for line in lines if normalize(re.split(r"[=\s\[]", line)[0]) not in before]
        if wanted:
            install_hashed(wanted, sources, scratch)
        if not complaints() - known:
            return
    install_fitting(stem.with_suffix(".txt"), before, sources, scratch)


def complaints() -> set[str]:
    """What pip finds amiss with the packages that are there and what they require."""
    check = subprocess.run([sys.executable, "-m", "pip", "check"], stdout=subprocess.PIPE, text=True)
    return set(check.stdout.splitlines())


def install_fitting(file: Path, before: dict[str, str], sources: list[str], scratch: Path) -> None:
    """Any versions that go with the experiment's packages; if none do, there is no JupyterLab."""
    constraints = scratch / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in sorted(before.items())))
    names = re.findall(r"^[A-Za-z][\w.=-]*", file.read_text(), re.MULTILINE)
    tasks = [name for name in names if not name.startswith("jupyterlab")]
    pip = [sys.executable, "-m", "pip", *PIP, *sources, "--constraint", str(constraints)]
    if subprocess.run([*pip, "jupyterlab", *tasks]).returncode == 0:
        return
    added = sorted(set(installed()) - set(before))
    if added:
        run([sys.executable, "-m", "pip", "uninstall", "--yes", "--quiet", *added])
    run([*pip, *tasks])
    print("note: no JupyterLab goes with the experiment's packages, so the image has none", flush=True)


def install_project(project: Path, arguments: list[str], wheels: list[str]) -> None:
    """pip's arguments from a file, without what they depend on, in the project's folder.

    What builds the project comes from the wheels, too, if there are any.
    """
    if not arguments:
        return
    env = dict(os.environ)
    if wheels:
        env.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=wheels[-1])
    pip = [sys.executable, "-m", "pip", *PIP, "--no-deps"]
    print("+", " ".join([*pip, *arguments]), flush=True)
    code = subprocess.run([*pip, *arguments], cwd=str(project), env=env).returncode
    if code != 0:
        # A base may have what builds the project, where nothing can be fetched.
        plain = [*pip, "--no-build-isolation", *arguments]
        code = subprocess.run(plain, cwd=str(project), env=env).returncode
    if code != 0:
        sys.exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", type=Path, help="folder that may hold wheels")
    parser.add_argument("--jupyter", type=Path, metavar="STEM", help="STEM.lock and STEM.txt with JupyterLab")
    parser.add_argument("--project", type=Path, help="install the project with the arguments in the files")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    args = parser.parse_args()
    wheels = sorted(args.wheels.glob("*.whl")) if args.wheels else []
    sources = ["--no-index", "--find-links", str(args.wheels)] if wheels else []
    if args.project is not None:
        arguments = [line for file in args.files for line in file.read_text().splitlines() if line]
        install_project(args.project, arguments, sources)
        return
    print(f"Installing from {f'{len(wheels)} wheels' if wheels else 'the package index'}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for file in args.files:
            install(file, sources, Path(scratch))
        if args.jupyter is not None:
            install_jupyter(args.jupyter, sources, Path(scratch))
    # Now and on all cores, since whoever runs the image may not be allowed to write there. Some packages hold
    # files for newer Pythons, which don't compile and needn't.
    compileall.compile_dir(sysconfig.get_path("purelib"), quiet=2, workers=0)


if __name__ == "__main__":
    main()
