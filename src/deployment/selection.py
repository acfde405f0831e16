"""Which predictions the picture shows: mistakes first, and as many different classes as there are."""

from dataclasses import dataclass, field

from src.deployment.prediction import Prediction

MOST = 60
MOST_WRONG = MOST // 2


@dataclass
class Balanced:
    """At most `capacity` places, the first ones of each class: a folder that is sorted is shown whole."""

    capacity: int
    places: dict[str, list[int]] = field(default_factory=dict)
    count: int = 0

    def offer(self, place: int, name: str) -> int | None:
        """Takes a place of this class; returns the one that must go for it, if one must."""
        self.places.setdefault(name, []).append(place)
        self.count += 1
        return self.give_up() if self.count > self.capacity else None

    def give_up(self) -> int:
        """Removes the last place of the class that has the most, and returns it."""
        name = max(self.places, key=lambda name: len(self.places[name]))
        place = self.places[name].pop()
        if not self.places[name]:
            del self.places[name]  # so that there are never more classes to look through than places
        self.count -= 1
        return place

    def chosen(self) -> list[int]:
        """The places, in order."""
        return sorted(place for places in self.places.values() for place in places)


@dataclass
class Selection:
    """At most MOST places: wrong predictions up to MOST_WRONG, and others."""

    wrong: Balanced = field(default_factory=lambda: Balanced(MOST_WRONG))
    others: Balanced = field(default_factory=lambda: Balanced(MOST))

    def offer(self, place: int, prediction: Prediction) -> int | None:
        """Takes a place; returns the one that will not be shown for it, which may be the same."""
        if prediction.correct is not False:
            return self.others.offer(place, prediction.predicted)
        left_over = self.wrong.offer(place, str(prediction.label))
        return None if left_over is None else self.others.offer(left_over, str(prediction.label))

    def chosen(self) -> list[int]:
        """The wrong ones, then the others; each in order."""
        while self.wrong.count + self.others.count > MOST:
            self.others.give_up()
        return self.wrong.chosen() + self.others.chosen()
