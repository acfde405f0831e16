"""The speed of matrix products, with whatever multiplies them."""

import time
from collections.abc import Callable

GPU_EDGE = 8192  # rows and columns; large enough that a GPU is not waiting for its orders
CPU_EDGE = 1024
ROUND = 0.1  # seconds, so that reading the clock takes no part


def teraflops(multiply: Callable[[], object], wait: Callable[[], object], edge: int, seconds: float) -> float:
    """TFLOP/s of the fastest round, in about so many seconds, of products of square matrices of that edge.

    `multiply` starts one product, and `wait` waits for all that are started. The first product is not
    counted: libraries are loaded then. Raises what `multiply` raises.
    """
    multiply()
    wait()
    count, best = 1, float("inf")
    end = time.perf_counter() + seconds
    while True:
        took = _round(multiply, wait, count)
        best = min(best, took / count)
        if time.perf_counter() >= end:
            return 2 * edge**3 / best / 1e12
        if took < ROUND:
            count *= 2


def _round(multiply: Callable[[], object], wait: Callable[[], object], count: int) -> float:
    begin = time.perf_counter()
    for _ in range(count):
        multiply()
    wait()
    return time.perf_counter() - begin
