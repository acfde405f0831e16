"""What an image gets beside an experiment's packages, with tiny wheels in an environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_wheels import make_environment, make_wheel

SCRIPT = Path(__file__).resolve().parents[2] / "tasks/inside/image/install_packages.py"


# The tests' own packages are no packages of the environment.
ENV = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An environment with pip alone; wheels; and files of the task runner's own that name them."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "jupyterlab", "3.0", "traits>=3")
    for version in ("3.0", "1.0"):
        make_wheel(wheels, "traits", version)
    locked = {
        "deno==2.9.6": make_wheel(wheels, "deno", "2.9.6"),
        "jupyterlab==4.0": make_wheel(wheels, "jupyterlab", "4.0", "traits>=5"),
        "traits==5.0": make_wheel(wheels, "traits", "5.0"),
    }
    make_environment(tmp_path / "env")
    python = f"# python: 3.{sys.version_info.minor} to 3.{sys.version_info.minor}\n"
    lines = [f"{pin} --hash=sha256:{sha256}\n" for pin, sha256 in locked.items()]
    (tmp_path / "requirements.lock").write_text(python + "".join(lines))
    (tmp_path / "requirements.txt").write_text("jupyterlab==4.0   # why\ndeno==2.9.6\n")
    return tmp_path


def install(image: Path, experiment: str) -> tuple[str, dict[str, str]]:
    """The output, and the versions that are there afterwards, but for what made the environment."""
    lock = image / "experiment.lock"
    lock.write_text(experiment)
    python = str(image / "env/bin/python")
    wheels = ["--wheels", str(image / "wheels"), "--jupyter", str(image / "requirements")]
    done = subprocess.run([python, str(SCRIPT), *wheels, str(lock)], capture_output=True, text=True, env=ENV)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.check_output(
        [python, "-m", "pip", "list", "--format", "freeze"], text=True, env=ENV
    ).split()
    versions = dict(line.split("==") for line in listed)
    return done.stdout, {name: versions[name] for name in versions if name not in ("pip", "setuptools")}


def test_jupyterlab_comes_as_it_is_locked(image: Path) -> None:
    _, versions = install(image, "")
    assert versions == {"deno": "2.9.6", "jupyterlab": "4.0", "traits": "5.0"}


def test_what_the_experiment_has_stays_where_jupyterlab_goes_with_it(image: Path) -> None:
    make_wheel(image / "wheels", "traits", "6.0")
    _, versions = install(image, "traits==6.0\n")
    assert versions == {"deno": "2.9.6", "jupyterlab": "4.0", "traits": "6.0"}


def test_an_older_jupyterlab_goes_with_older_packages(image: Path) -> None:
    _, versions = install(image, "traits==3.0\n")
    assert versions == {"deno": "2.9.6", "jupyterlab": "3.0", "traits": "3.0"}


def test_where_no_jupyterlab_goes_with_the_experiment_there_is_none_and_it_is_said(image: Path) -> None:
    output, versions = install(image, "traits==1.0\n")
    assert versions == {"deno": "2.9.6", "traits": "1.0"}
    assert "note: no JupyterLab goes with the experiment's packages" in output


def test_another_python_than_the_lock_is_for_gets_what_fits(image: Path) -> None:
    lock = image / "requirements.lock"
    lock.write_text(lock.read_text().replace(f"3.{sys.version_info.minor}", "3.99"))
    _, versions = install(image, "traits==3.0\n")
    assert versions == {"deno": "2.9.6", "jupyterlab": "3.0", "traits": "3.0"}
