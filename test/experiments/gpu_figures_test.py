"""The GPU figures' own arithmetic, and what stays when time runs out; gpu_task_test.ts runs them whole."""

import argparse
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from experiments.gpu import figures
from experiments.gpu.anonymous_memory import AnonymousMemory
from experiments.gpu.device import gflop_per_image
from experiments.gpu.summary import lines, summarize
from src.images.image_folder import ImageFolder
from src.modelling.eurosat.settings import FinetuneSettings, Sources
from src.modelling.eurosat.train import finetune
from src.reference.made_digits import make_digits
from src.reference.made_eurosat import COUNTS, make_eurosat
from src.reference.made_weights import make_weights
from src.reference.published_loop import published_loop


def training(seconds: float, epochs: list[float], **changed: Any) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "seconds_per_epoch": epochs,
        "images": 2700,
        "images_per_second": 5000.0,
        "training_loss": [2.0, 1.5],
        "training_correct": [500, 1200],
        "validation_correct": [260, 360],
        **changed,
    }


def parts(**changed: Any) -> dict[str, dict[str, Any]]:
    """As part.py would write them for a card that is invented: no figure here was measured."""
    device = {"name": "NVIDIA A100-SXM4-80GB", "speeds": {"float32": 18.0, "TF32": 120.0}}
    whole = {
        "peak": {"device": device, "forward": {"images_per_second": 6000.0, "gflop_per_image": 3.6}},
        "exact": {
            "first": training(2.0, [0.6, 0.5]),
            "again": training(1.0, [0.5, 0.5]),
            "anonymous_bytes_beyond_the_framework": 3e8,
        },
        "published": training(20.0, [10.0, 10.0], whole=True, torchvision="0.24", tensors_that_differ=0),
        "features": {"first_batch_seconds": 3.0, "again": training(1.0, [0.5, 0.1])},
    }
    return whole | changed


def test_rates_are_held_against_the_measured_and_the_stated_peak() -> None:
    rates = {rate["what"]: rate for rate in summarize(parts(), "cuda")["rates"]}
    assert set(rates) == {"bare network", "exact", "features", "published loop"}
    exact = rates["exact"]
    assert exact["teraflops"] == pytest.approx(18.0)
    assert exact["share_of_measured_peak"] == pytest.approx(18 / 120)
    assert exact["share_of_stated_peak"] == pytest.approx(18 / 156)
    assert rates["published loop"]["images_per_second"] == pytest.approx(270.0)


def test_whole_trainings_are_compared_and_targets_judged() -> None:
    summary = summarize(parts(), "cuda")
    compared = summary["published_loop"]
    assert (compared["times_as_fast"], compared["times_as_fast_with_warm_cache"]) == (10.0, 20.0)
    assert all(compared["identical"].values())
    assert [target["met"] for target in summary["targets"]] == [False, True, True]
    assert "whole training: 10.0 times as fast as published, metrics identical over 2 epochs" in lines(
        summary
    )


def test_a_published_loop_that_ran_out_of_time_is_compared_by_its_epochs() -> None:
    short = training(10.0, [10.0], whole=False, torchvision=None, tensors_that_differ=None)
    for name in ("training_loss", "training_correct", "validation_correct"):
        short[name] = short[name][:1]
    summary = summarize(parts(published=short), "cuda")
    compared = summary["published_loop"]
    assert compared["times_as_fast"] is None
    assert compared["times_as_fast_per_epoch"] == pytest.approx(10 / 0.55)
    assert compared["epochs_compared"] == 1 and all(compared["identical"].values())
    assert any("ran out of time" in line for line in lines(summary))


def test_metrics_that_differ_are_told() -> None:
    other = {**parts()["published"], "validation_correct": [260, 361]}
    summary = summarize(parts(published=other), "cuda")
    assert summary["published_loop"]["identical"]["validation_correct"] is False
    assert any("metrics NOT identical" in line for line in lines(summary))


def test_a_cpu_is_not_held_against_what_is_asked_of_a_gpu() -> None:
    targets = [target["what"] for target in summarize(parts(), "cpu")["targets"]]
    assert not any("times as fast" in what for what in targets)


def test_parts_that_are_missing_leave_no_figure() -> None:
    nothing = {"status": "skipped", "because": "the time was up (8 min)"}
    summary = summarize({part: nothing for part in figures.PARTS}, "cuda")
    assert summary == {"rates": [], "published_loop": None, "targets": []}


OPTIONS = argparse.Namespace(minutes=8.0, device="cpu", epochs=1)


def test_nothing_is_begun_when_time_is_up(tmp_path: Path) -> None:
    result = figures.run_part("exact", tmp_path, OPTIONS, time.monotonic() + 1)
    assert result == {"status": "skipped", "because": "the time was up (8 min)"}


def test_a_part_that_is_stopped_keeps_what_it_had_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "LEAST", 0.0)
    (tmp_path / "exact.json").write_text('{"first": 1}')  # by the part, before it is stopped
    result = figures.run_part("exact", tmp_path, OPTIONS, time.monotonic() + 0.3)
    assert result == {"status": "stopped", "because": "the time was up (8 min)", "first": 1}


def test_a_part_that_fails_says_why(tmp_path: Path) -> None:
    result = figures.run_part("exact", tmp_path, OPTIONS, time.monotonic() + 120)
    assert result["status"] == "failed"
    assert "there is no such folder" in result["because"] or "ValueError" in result["because"]


@pytest.mark.parametrize("real", [True, False])
def test_the_published_loop_ends_where_ours_does_with_and_without_torchvision(
    real: bool, torchvision: ModuleType, tmp_path: Path
) -> None:
    sources = Sources(
        make_eurosat(tmp_path, dict.fromkeys(COUNTS, 5)), make_weights(tmp_path), tmp_path / "cache"
    )
    settings = FinetuneSettings(epochs=1, batch_size=3, device="cpu", threads=1)
    ours = finetune(sources, settings, tmp_path / "out", report=lambda line: None)
    theirs = published_loop(sources, settings, torchvision if real else None)
    for name in ("training_loss", "training_correct", "validation_correct"):
        assert getattr(theirs, name) == ours[name], name


def test_resnet18_takes_3_6_gflop_per_image() -> None:
    # 1.81 billion multiplications with their additions [He et al. 2016, table 1: 1.8 × 10⁹]
    assert gflop_per_image() == pytest.approx(3.6, rel=0.02)


def test_digits_are_ten_files_each(tmp_path: Path) -> None:
    folder = ImageFolder.read(make_digits(tmp_path, share=0.001))
    assert len(folder) == 100
    assert folder.classes == tuple("0123456789")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell: no /proc")
def test_anonymous_memory_is_seen_while_it_is_used() -> None:
    size = 200_000_000
    before = AnonymousMemory()
    with AnonymousMemory() as memory:
        block = torch.ones(size, dtype=torch.uint8)
        time.sleep(0.2)
        del block
    assert before.peak is not None and memory.peak is not None
    assert 0.9 * size < memory.peak - before.peak < 2 * size
