"""Random percentages and the counts that they stand for, told with exact fractions.

An implementation of its own of what tasks/lib/verdict/counts.ts does: the test compares the two. Each line
is a percentage as some program writes it, the decimals of the claim, the number of samples, and the first
and last count.
"""

import random
import struct
import sys
from fractions import Fraction


def single(value: float) -> float:
    """The nearest number of single precision."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def shortest_single(value: float) -> str:
    """The fewest digits that read as this number of single precision."""
    return next(text for digits in range(1, 10) if single(float(text := f"{value:.{digits}g}")) == value)


def written(draw: random.Random, percentage: float) -> str:
    """A percentage in one of the ways in which programs write it."""
    decimals = draw.randrange(5)
    rounded = round(percentage, decimals)
    return draw.choice(
        [
            lambda: repr(percentage),
            lambda: repr(single(percentage)),
            lambda: f"{percentage:.{decimals}f}",
            lambda: repr(rounded),  # also 58.0
            lambda: f"{rounded:.18e}",  # numpy.savetxt
            lambda: repr(single(rounded)),
            lambda: f"{percentage:.6g}",
            lambda: str(int(percentage)),
        ]
    )()


def rounded_to(text: str) -> tuple[Fraction, int]:
    """The number that was written, and its decimals, without digits that come of how it is written."""
    digits = len(text.lower().partition("e")[0].replace(".", "").replace("-", "").lstrip("0"))
    value = float(text)
    if digits > 9 and single(value) == value:
        text = shortest_single(value)
    elif digits > 15:
        text = repr(value)
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
    exact = Fraction(text)
    return exact, 0 if exact.denominator == 1 else max(decimals, 0)


def printed_as(value: Fraction, decimals: int, n: int) -> list[int]:
    """The counts whose percentage is within half a unit of the last decimal; a tie is both."""
    over, under = value.as_integer_ratio()
    unit = 2 * 10**decimals
    divisor = 100 * unit * under
    first = -((under - unit * over) * n // divisor)
    last = (unit * over + under) * n // divisor
    return [max(first, 0), min(last, n)]


def counts(text: str, claimed_decimals: int, n: int) -> list[int]:
    """The first and last count of n that the text may stand for; the first is larger where there is none."""
    over, under = Fraction(text).as_integer_ratio()
    nearest = (2 * over * n + 100 * under) // (200 * under)
    error = min(max(1e-6, 4 * n / 2**24), 0.25)
    if 0 <= nearest <= n and abs(over * n - 100 * under * nearest) <= error * 100 * under:
        return [nearest, nearest]
    rounded, decimals = rounded_to(text)
    first, last = printed_as(rounded, max(decimals, claimed_decimals), n)
    return [first, last] if first == last else printed_as(rounded, decimals, n)


def main() -> None:
    """Print so many cases from a seed."""
    draw = random.Random(int(sys.argv[1]))
    lines = []
    for _ in range(int(sys.argv[2])):
        n = draw.choice([draw.randint(1, 100), draw.randint(1, 3000), draw.randint(1, 100_000)])
        # Half are counts, the others any number.
        percentage = 100 * draw.randint(0, n) / n if draw.random() < 0.5 else draw.uniform(-1, 101)
        text, decimals = written(draw, percentage), draw.randrange(5)
        lines.append(" ".join(map(str, [text, decimals, n, *counts(text, decimals, n)])))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
