"""How many images the model takes at once: found while it works, and less where memory is short."""

from src.common.failure import UnavailableError

FIRST = 4
MOST = 1024
TRIES = 2  # of each size: the first batch of a new size also pays for choosing algorithms
GAIN = 1.05  # a size that is not faster than half of it by this factor is not worth its memory


class BatchSize:
    """The size to use `now`. One that is found starts small and doubles while that makes it faster."""

    def __init__(self, given: int | None = None) -> None:
        self.now = given or FIRST
        self.settled = given is not None
        self.too_many = 0  # images that memory was not enough for
        self._times = 0  # that the present size has been tried
        self._rates: dict[int, float] = {}

    def worked(self, images: int, seconds: float) -> None:
        """The model took so long for a batch. A smaller one than asked for, as the last, tells nothing."""
        if self.settled or images < self.now:
            return
        self._rates[self.now] = max(images / seconds, self._rates.get(self.now, 0))
        self._times += 1
        if self._times == TRIES:
            self._times = 0
            self._grow_or_settle()

    def _grow_or_settle(self) -> None:
        faster = self._rates[self.now] >= GAIN * self._rates.get(self.now // 2, 0)
        self.settled = not faster or self.now >= MOST
        self.now = self.now * 2 if not self.settled else max(self._rates, key=lambda size: self._rates[size])

    def out_of_memory(self, images: int, device: str) -> None:
        """So many images were too many: half of them from now on. Raises UnavailableError for one image."""
        if images == 1:
            raise UnavailableError(too_little(device))
        self.now, self.too_many = images // 2, images
        self.settled = True

    @property
    def tried(self) -> list[int]:
        """The sizes that were compared."""
        return list(self._rates)


def too_little(device: str) -> str:
    """The message where not even one image at a time fits."""
    remedy = "Free the GPU's memory, or use --device cpu" if device == "cuda" else "Free memory"
    return f"Cannot predict on {device}: its memory is not enough for a single image. {remedy}"
