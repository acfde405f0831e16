"""What an image's packages are protected from, with tiny wheels in an environment of their own."""

import subprocess
from pathlib import Path

import pytest
from tiny_wheels import make_environment, make_wheel

CONSTRAIN = Path(__file__).resolve().parents[2] / "tasks/inside/image/constrain.py"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has torch 2.9.1+cu128, and wheels of others."""
    folder = tmp_path_factory.mktemp("image")
    wheels = folder / "wheels"
    wheels.mkdir()
    for version in ("2.9.1+cu128", "2.13.0"):
        make_wheel(wheels, "torch", version)
    make_wheel(wheels, "plain", "1.0", "torch>=2")
    make_wheel(wheels, "greedy", "1.0", "torch>=2.13")
    make_environment(folder / "env")
    pip = [str(folder / "env/bin/python"), "-m", "pip", "install", "-q", "--no-index"]
    subprocess.run([*pip, "--find-links", str(wheels), "torch==2.9.1+cu128"], check=True)
    return folder


def constrain(image: Path, requirements: str) -> subprocess.CompletedProcess[str]:
    file = image / "requirements.txt"
    file.write_text(requirements)
    command = [str(image / "env/bin/python"), str(CONSTRAIN), str(file), "--wheels", str(image / "wheels")]
    return subprocess.run(command, capture_output=True, text=True)


def torch_version(image: Path) -> str:
    code = "import importlib.metadata as m; print(m.version('torch'))"
    return subprocess.check_output([str(image / "env/bin/python"), "-c", code], text=True).strip()


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        ("torch==2.13.0", "torch: the image has 2.9.1+cu128, requirements.txt:1 wants torch==2.13.0"),
        ("\nTorch>=2.13  # newer", "Torch: the image has 2.9.1+cu128, requirements.txt:2 wants Torch>=2.13"),
        ("greedy", "torch: the image has 2.9.1+cu128, what requirements.txt needs wants 2.13.0"),
        ("absent", "pip failed with exit code 1"),
    ],
)
def test_what_would_replace_a_package_is_refused_and_named(
    image: Path, requirements: str, expected: str
) -> None:
    ended = constrain(image, requirements)
    assert ended.returncode == 1
    assert expected in ended.stderr
    assert torch_version(image) == "2.9.1+cu128"


def test_what_is_missing_is_added_and_the_rest_stays(image: Path) -> None:
    ended = constrain(image, "torch==2.9.1\nplain\nunneeded==1; python_version < '3'\n")
    assert ended.returncode == 0, ended.stderr
    assert "Added plain==1.0;" in ended.stdout
    assert torch_version(image) == "2.9.1+cu128"
