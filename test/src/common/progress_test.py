"""Progress of long work: what has passed, how fast, and how long it still takes."""

import pytest

from src.common import progress as module
from src.common.command import duration
from src.common.progress import ProgressMeter


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (119.4, "119 s"),
        (120, "2 min"),
        (3569, "59 min"),
        (3571, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Clock:
    """Stands for the real one, which a test would have to wait for."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_pace_tells_of_slow_work_every_five_seconds_and_not_at_its_end(clock: Clock) -> None:
    lines: list[str] = []
    meter = ProgressMeter(lines.append, images=2 * 2160).begin("epoch 1/2, training", 2160)
    for _ in range(9):
        clock.now += 4
        meter(240)
    assert lines == [
        "epoch 1/2, training: 480 of 2,160 images, 60 per second, 64 s left",
        "epoch 1/2, training: 960 of 2,160 images, 60 per second, 56 s left",
        "epoch 1/2, training: 1,440 of 2,160 images, 60 per second, 48 s left",
        "epoch 1/2, training: 1,920 of 2,160 images, 60 per second, 40 s left",
    ]
    assert (meter.elapsed, meter.rate, meter.left) == (36, 60, 36)


def test_pace_says_nothing_of_quick_work(clock: Clock) -> None:
    lines: list[str] = []
    meter = ProgressMeter(lines.append, images=100).begin("Decoding", 100)
    for _ in range(100):
        clock.now += 0.01
        meter(1)
    assert lines == []
