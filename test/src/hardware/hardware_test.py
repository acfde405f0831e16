"""What is said about GPUs. There is none here: what one would answer is written out, in the same form."""

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from src.common.tables import Table
from src.hardware.architectures import fit
from src.hardware.driver import Card, Driver, cuda_version, look_at_driver, parse_cards
from src.hardware.frameworks import FRAMEWORKS, Framework, Look, look_at
from src.hardware.speed import teraflops
from src.hardware.stated_peaks import stated_peak
from src.hardware.tables import driver_rows, framework_rows, speeds
from src.hardware.verdict import judge

ROOT = Path(__file__).resolve().parents[3]
PYTORCH = FRAMEWORKS[0]
A100 = Card("NVIDIA A100-SXM4-80GB", 81920, "550.54.15")
WITH_GPU = Driver((A100,), "12.4", None)
WITHOUT = Driver((), None, "there is no nvidia-smi")


def found(**changed: Any) -> dict[str, Any]:
    """What PyTorch tells where all is well, with something changed."""
    device = {
        "name": A100.name,
        "capability": "8.0",
        "memory": 80 * 2**30,
        "multiprocessors": 108,
        "bfloat16": True,
        "speeds": {"float32": 18.5, "TF32": 117.0},
        "problem": None,
    }
    whole = {
        "version": "2.9.1+cu128",
        "cuda": "12.8",
        "cudnn": "9.10.2",
        "architectures": ["sm_70", "sm_80", "sm_90", "compute_90"],
        "tf32": {"matmul": False, "cudnn": True},
        "problem": None,
        "devices": [device],
        "cpu": {"threads": 8, "speeds": {"float32": 0.5}},
    }
    return whole | changed


def device(**changed: Any) -> list[dict[str, Any]]:
    return [found()["devices"][0] | changed]


@pytest.mark.parametrize(
    ("built_for", "capability", "served"),
    [
        (["sm_80"], "8.0", "code"),
        (["sm_80"], "8.9", "code"),
        (["sm_86"], "8.0", None),
        (["sm_80"], "9.0", None),
        (["sm_80", "compute_80"], "9.0", "PTX"),
        (["compute_80"], "8.6", "PTX"),
        (["compute_90"], "8.0", None),
        (["sm_120"], "12.0", "code"),
        (["sm_120"], "12.1", "code"),
        (["sm_100"], "12.0", None),
        (["sm_90a"], "9.0", "code"),
        (["sm_100a"], "10.3", None),
        (["sm_100f"], "10.3", "code"),
        ([], "8.0", None),
    ],
)
def test_architectures_serve_cards_as_the_programming_guide_says(
    built_for: list[str], capability: str, served: str | None
) -> None:
    assert fit(built_for, capability) == served


@pytest.mark.parametrize(
    ("card", "kind", "peak"),
    [
        ("NVIDIA A100-SXM4-80GB", "TF32", 156),
        ("NVIDIA A100-PCIE-40GB", "float32", 19.5),
        ("NVIDIA H100 80GB HBM3", "bfloat16", 989.5),
        ("NVIDIA H200", "TF32", 494.5),
        ("NVIDIA H200 NVL", "TF32", None),
        ("NVIDIA L4", "float32", 30.3),
        ("NVIDIA L40", "float32", 90.5),
        ("NVIDIA L40S", "float32", 91.6),
        ("NVIDIA A10", "float32", 31.2),
        ("NVIDIA A10G", "float32", None),
        ("Tesla T4", "TF32", None),
        ("Tesla T4", "float16", 65),
        ("NVIDIA GeForce RTX 3090", "float32", 35.6),
        ("NVIDIA GeForce RTX 3090 Ti", "float32", None),
        ("NVIDIA GeForce RTX 4090", "float32", 82.6),
        ("NVIDIA GeForce RTX 4090 D", "float32", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "float32", None),
        ("NVIDIA Something New", "float32", None),
    ],
)
def test_stated_peaks_are_those_of_the_very_card(card: str, kind: str, peak: float | None) -> None:
    assert stated_peak(card, kind) == peak


def test_cards_are_read_as_nvidia_smi_lists_them() -> None:
    text = "NVIDIA A100-SXM4-80GB, 81920, 550.54.15\nNVIDIA GB10, [N/A], 580.95.05\n"
    assert parse_cards(text) == (A100, Card("NVIDIA GB10", None, "580.95.05"))


@pytest.mark.parametrize(("number", "version"), [(12090, "12.9"), (11040, "11.4"), (13000, "13.0")])
def test_cuda_numbers_its_versions(number: int, version: str) -> None:
    assert cuda_version(number) == version


@pytest.mark.parametrize(
    ("script", "cards", "problem"),
    [
        ("echo 'NVIDIA A100-SXM4-80GB, 81920, 550.54.15'", (A100,), None),
        (
            "echo 'NVIDIA-SMI has failed because it could not communicate with the driver.'; exit 9",
            (),
            "nvidia-smi says: NVIDIA-SMI has failed because it could not communicate with the driver.",
        ),
        ("exit 1", (), "nvidia-smi says: nothing"),
    ],
)
def test_what_nvidia_smi_answers_is_told(
    script: str, cards: tuple[Card, ...], problem: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stand-in: there is no card here, and the real program can't be made to fail.
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    driver = look_at_driver()
    assert (driver.cards, driver.problem) == (cards, problem)


def test_a_machine_without_a_driver_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    driver = look_at_driver()
    assert driver.cards == ()
    assert driver.problem is not None and "there is no nvidia-smi" in driver.problem


GOOD = "PyTorch can use the GPU: NVIDIA A100-SXM4-80GB"
VERDICTS = {
    "all is well": (found(), WITH_GPU, GOOD, ""),
    "no card": (
        found(devices=[], problem="Found no NVIDIA driver"),
        WITHOUT,
        "No GPU for PyTorch: there is no nvidia-smi",
        "Use a machine with an NVIDIA GPU",
    ),
    "a build for CPUs": (
        found(devices=[], cuda=None, version="2.9.1+cpu"),
        WITH_GPU,
        "PyTorch can't use the GPU: PyTorch 2.9.1+cpu is built without CUDA, although there is a GPU "
        "(NVIDIA A100-SXM4-80GB)",
        "Install a build of PyTorch with CUDA",
    ),
    "an old driver": (
        found(devices=[], cuda="13.0"),
        WITH_GPU,
        "PyTorch can't use the GPU: it is built with CUDA 13.0, and the driver supports CUDA 12.4 at most",
        "Update the driver",
    ),
    "a card that is hidden": (
        found(devices=[], problem="No CUDA GPUs are available"),
        Driver((A100,), "12.4", None, hidden=True),
        "PyTorch can't use the GPU: the variable CUDA_VISIBLE_DEVICES hides it (NVIDIA A100-SXM4-80GB)",
        "add --gpus optional",
    ),
    "another reason": (
        found(devices=[], problem="CUDA unknown error"),
        WITH_GPU,
        "PyTorch can't use the GPU (NVIDIA A100-SXM4-80GB): CUDA unknown error",
        "deno task doctor",
    ),
    "no code for the card": (
        found(devices=device(capability="12.0", problem="no kernel image"), architectures=["sm_80"]),
        WITH_GPU,
        "PyTorch can't use the GPU: NVIDIA A100-SXM4-80GB has compute capability 12.0, "
        "and its code is for sm_80",
        "Install a build of PyTorch for this card",
    ),
    "a product that is wrong": (
        found(devices=device(problem="its product of two matrices is wrong")),
        WITH_GPU,
        "PyTorch can't use the GPU: NVIDIA A100-SXM4-80GB: its product of two matrices is wrong",
        "deno task doctor",
    ),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_the_verdict_says_why_and_what_to_do(case: str) -> None:
    told, driver, line, remedy = VERDICTS[case]
    verdict = judge(Look("PyTorch", told), driver)
    assert verdict.line == line
    assert remedy in (verdict.remedy or "")
    assert verdict.usable == (line == GOOD)


def test_a_framework_that_is_not_there_is_no_failure() -> None:
    look = look_at(Framework("Theano", "theano_is_not_installed", "src.hardware.nothing"), 0.01)
    assert judge(look, WITHOUT).line == "Theano is not installed in this Python"
    assert framework_rows(look) == [["Theano", "not installed"]]


@pytest.mark.parametrize(
    ("program", "failure"),
    [
        ("import os; os.abort()", "it was ended by SIGABRT"),
        ("raise ImportError('libcudart.so.12: cannot open')", "ImportError: libcudart.so.12: cannot open"),
    ],
)
def test_a_framework_that_crashes_takes_nothing_else_down(
    program: str, failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crashing.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert look_at(Framework("PyTorch", "json", "crashing"), 0.01).failure == failure


def test_pytorch_tells_what_it_sees_and_multiplies() -> None:
    look = look_at(PYTORCH, 0.05)
    assert look.failure is None
    assert look.found["cpu"]["speeds"]["float32"] > 0
    version = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True
    )
    assert look.found["version"] == version.stdout.strip()


@pytest.mark.skipif(
    find_spec("tensorflow") is None,
    reason="TensorFlow is not installed here: test/experiments/digits_tensorflow_test.ts asks it",
)
def test_tensorflow_tells_what_it_sees_and_multiplies() -> None:
    look = look_at(FRAMEWORKS[1], 0.05)
    assert look.failure is None
    assert look.found["cpu"]["speeds"]["float32"] > 0


def test_the_tables_hold_what_was_found() -> None:
    rows = dict(framework_rows(Look("PyTorch", found())))
    assert rows["built with CUDA"] == "12.8"
    assert rows["TF32 by default"] == "matmul: off, cudnn: on"
    assert rows["GPU 0"] == (
        "NVIDIA A100-SXM4-80GB, 80.0 GiB, compute capability 8.0, built for it: yes, bfloat16: yes"
    )
    assert driver_rows(WITH_GPU) == [
        ["GPU 0", "NVIDIA A100-SXM4-80GB, 80.0 GiB, driver 550.54.15"],
        ["newest CUDA of the driver", "12.4"],
    ]
    assert [
        speed.row() for speed in speeds([Look("PyTorch", found()), Look("TensorFlow", {}, "missing")])
    ] == [
        ["PyTorch", "CPU", "float32", "0.5", None, None],
        ["PyTorch", "NVIDIA A100-SXM4-80GB", "float32", "18.5", 19.5, "95%"],
        ["PyTorch", "NVIDIA A100-SXM4-80GB", "TF32", "117", 156, "75%"],
    ]


def test_a_table_is_markdown_for_jupyter_and_columns_for_a_terminal() -> None:
    table = Table(("name", "b"), [["x|y", None]])
    assert table._repr_markdown_() == "| name | b |\n| --- | --- |\n| x\\|y | – |"
    assert repr(table) == "name  b\nx|y   –"


def test_the_speed_is_that_of_the_products_without_what_the_first_one_loads() -> None:
    waits = iter([0.2])
    edge = 1000
    speed = teraflops(lambda: time.sleep(next(waits, 0.01)), lambda: None, edge, 0.1)
    highest = 2 * edge**3 / 0.01 / 1e12
    assert 0.5 * highest < speed <= highest
