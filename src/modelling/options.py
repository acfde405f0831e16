"""What the options of the commands that train have in common."""

import argparse
from collections.abc import Callable

MOST_THREADS = 1024  # PyTorch crashes where the system refuses it more; 8,192 were fine, 16,384 were not


def number(kind: type, least: float, most: float, wanted: str) -> Callable[[str], float]:
    """An argparse type: a number within bounds, or a message that says what is wanted."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f'must be {wanted}, current value is "{text}"')
        return value

    return parse
