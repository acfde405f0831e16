"""What differs in each run by its nature: the clock, and what the system draws."""

from __future__ import annotations

CLOCK = frozenset(
    [
        "time.time",
        "time.time_ns",
        "time.monotonic",
        "time.perf_counter",
        "time.perf_counter_ns",
        "time.strftime",
        "time.localtime",
        "time.ctime",
        "time.asctime",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "datetime.date.today",
    ]
)

SYSTEM = frozenset(
    [
        "os.urandom",
        "os.getpid",
        "uuid.uuid1",
        "uuid.uuid4",
        "secrets.randbits",
        "secrets.randbelow",
        "secrets.token_bytes",
        "random.SystemRandom",
    ]
)


def is_clock(name: str | None) -> bool:
    return name in CLOCK


def is_drawn(name: str | None) -> bool:
    return name in CLOCK or name in SYSTEM
