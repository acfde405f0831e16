"""Progress of work on images."""

import time

from src.common.command import Report, duration

EVERY = 5.0  # seconds between two lines


class ProgressMeter:
    """Counts images as they pass, and tells rate and time left now and then."""

    def __init__(self, report: Report, images: int) -> None:
        """`images` are those that pass in the whole run, each as often as it does."""
        self._report = report
        self._left = images
        self._passed = 0
        self._begin = self._last = time.monotonic()
        self.begin("", 0)

    def begin(self, what: str, images: int) -> "ProgressMeter":
        """A new part of the work, such as the training of epoch 3/10, with so many images."""
        self._what, self._part, self._part_passed = what, images, 0
        return self

    def __call__(self, images: int) -> None:
        """So many images have passed."""
        self._left -= images
        self._passed += images
        self._part_passed += images
        if time.monotonic() - self._last >= EVERY and self._part_passed < self._part:
            self._last = time.monotonic()
            self._report(
                f"{self._what}: {self._part_passed:,} of {self._part:,} images, "
                f"{self.rate:,.0f} per second, {duration(self.left)} left"
            )

    @property
    def elapsed(self) -> float:
        """Seconds since the work began."""
        return time.monotonic() - self._begin

    @property
    def rate(self) -> float:
        """Images per second."""
        return self._passed / self.elapsed

    @property
    def left(self) -> float:
        """Seconds until all is done, at the rate so far."""
        return self._left / self.rate
