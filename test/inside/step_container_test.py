"""inside/cluster/step_container.py: which GPUs a step's container is given on a compute node."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tasks/inside/cluster"))

from step_container import StepContainer

PODMAN = {"program": "podman", "image": "a:b", "id": "sha256:1", "name": "experiment-1-train"}
APPTAINER = {"program": "apptainer", "image": "/x.sif"}


def podman(*devices: str) -> list[str]:
    given = [word for device in devices for word in ("--device", f"nvidia.com/gpu={device}")]
    return ["podman", "run", *given, "--workdir", "/p", "sha256:1", "python", "nvidia.com/gpu=0"]


@pytest.mark.parametrize(
    ("planned", "given", "expected"),
    [
        (podman("0", "1"), "2,5", podman("2", "5")),
        (podman("all"), "3", podman("3")),
        (podman("0"), None, podman("0")),
        (podman(), "3", podman()),
    ],
)
def test_podman_is_told_of_the_gpus_that_the_job_has(
    planned: list[str], given: str | None, expected: list[str]
) -> None:
    environment = {} if given is None else {"SLURM_JOB_GPUS": given}
    assert StepContainer(PODMAN, environment).command(planned) == expected


@pytest.mark.parametrize(
    ("planned", "visible", "expected"),
    [
        (["0,1"], "2,5", ["2,5"]),
        ([], "3", ["3"]),
        ([""], "3", [""]),  # a step that is to use none
        (["0"], None, ["0"]),
    ],
)
def test_a_step_in_apptainer_sees_the_gpus_that_the_job_has(
    planned: list[str], visible: str | None, expected: list[str]
) -> None:
    def command(values: list[str]) -> list[str]:
        name = "APPTAINERENV_CUDA_VISIBLE_DEVICES"
        return ["env", *(f"{name}={value}" for value in values), "apptainer", "exec", "/x.sif", "python"]

    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert StepContainer(APPTAINER, environment).command(command(planned)) == command(expected)


def test_what_a_node_sets_for_apptainer_does_not_reach_the_step() -> None:
    environment = {
        "APPTAINER_BIND": "/x",
        "SINGULARITYENV_A": "1",
        "APPTAINER_CACHEDIR": "/c",
        "PATH": "/bin",
    }
    StepContainer(APPTAINER, environment).command(["apptainer", "exec"])
    assert environment == {"APPTAINER_CACHEDIR": "/c", "PATH": "/bin"}


def test_a_runtime_folder_that_is_not_there_is_not_named_to_podman(tmp_path: Path) -> None:
    for folder, kept in ((tmp_path, True), (tmp_path / "gone", False)):
        environment = {"XDG_RUNTIME_DIR": str(folder)}
        StepContainer(PODMAN, environment).command(podman())
        assert ("XDG_RUNTIME_DIR" in environment) == kept
