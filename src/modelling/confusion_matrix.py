"""How often images of each class were taken for which class."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ConfusionMatrix:
    """`counts[label][predicted]` are images, by the classes' places in `classes`."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @classmethod
    def count(cls, pairs: Iterable[tuple[str, str]], classes: tuple[str, ...]) -> "ConfusionMatrix":
        """Of pairs of label and prediction."""
        tally = Counter(pairs)
        counts = tuple(tuple(tally[label, predicted] for predicted in classes) for label in classes)
        return cls(classes, counts)

    def images(self, place: int) -> int:
        """How many images have the class at this place as label."""
        return sum(self.counts[place])

    def correct(self, place: int) -> int:
        """How many of them were recognized."""
        return self.counts[place][place]

    def recall(self, place: int) -> float | None:
        """The same as a percentage with two decimals; None for a class without images."""
        images = self.images(place)
        return round(100 * self.correct(place) / images, 2) if images else None

    def mistakes(self) -> list[tuple[int, str, str]]:
        """Count, label and prediction of each confusion, the most frequent first."""
        found = [
            (count, self.classes[label], self.classes[predicted])
            for label, row in enumerate(self.counts)
            for predicted, count in enumerate(row)
            if count and label != predicted
        ]
        return sorted(found, key=lambda mistake: -mistake[0])

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Header and rows for a CSV file: a row for each label, a column for each prediction."""
        rows = [[name, *row] for name, row in zip(self.classes, self.counts, strict=True)]
        return ["label", *self.classes], rows
