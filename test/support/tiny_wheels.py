"""Wheels without code and environments with pip, for tests of what installs them."""

import atexit
import base64
import functools
import hashlib
import shutil
import tempfile
import venv
import zipfile
from pathlib import Path


def make_wheel(folder: Path, name: str, version: str, *requires: str) -> str:
    """Writes a wheel, and returns its SHA-256."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={digest(text)},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name_inside, text in files.items():
            wheel.writestr(name_inside, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@functools.cache
def _with_pip() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="with-pip-"))
    atexit.register(shutil.rmtree, folder)
    venv.create(folder / "env", with_pip=True)
    return folder / "env"


def make_environment(folder: Path) -> None:
    """A virtual environment with pip, copied from one that is made once: making it takes seconds."""
    shutil.copytree(_with_pip(), folder, symlinks=True)
