"""What the measured parts say together; pure functions over what part.py writes."""

from statistics import median
from typing import Any

from src.hardware.stated_peaks import stated_peak

# Of the whole training over the published loop's, on a GPU; seconds; bytes. What the project asks for.
LEAST_SPEEDUP = 8.0
MOST_FIRST_BATCH = 2.0
MOST_ANONYMOUS = 1e9
TRAININGS = {  # name: part, training in it
    "exact": ("exact", "again"),
    "features": ("features", "again"),
    "digits, exact": ("digits", "exact"),
    "digits, features": ("digits", "features"),
}
METRICS = ("training_loss", "training_correct", "validation_correct")


def summarize(parts: dict[str, dict[str, Any]], device: str) -> dict[str, Any]:
    """Rates, the comparison with the published loop, and what was asked for beside what was measured."""
    compared = compare(parts)
    return {"rates": rates(parts), "published_loop": compared, "targets": targets(parts, compared, device)}


def rates(parts: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Images per second of everything that was measured, and its share of the device's peak.

    The peak is that of large matrix products in TF32, which convolutions use by default, or else in float32.
    """
    peak = parts.get("peak", {})
    forward = peak.get("forward")
    measured = {name: parts.get(part, {}).get(key) for name, (part, key) in TRAININGS.items()}
    found = {
        "bare network": forward and forward["images_per_second"],
        **{name: training and training["images_per_second"] for name, training in measured.items()},
        "published loop": published_rate(parts),
    }
    return [_rate(name, value, peak) for name, value in found.items() if value]


def published_rate(parts: dict[str, dict[str, Any]]) -> float | None:
    epochs = parts.get("published", {}).get("seconds_per_epoch")
    first = parts.get("exact", {}).get("first")
    return first["images"] / median(epochs[1:] or epochs) if epochs and first else None


def _rate(name: str, images_per_second: float, peak: dict[str, Any]) -> dict[str, Any]:
    rate: dict[str, Any] = {"what": name, "images_per_second": images_per_second}
    if "forward" not in peak:
        return rate
    device = peak["device"]
    kind = "TF32" if "TF32" in device["speeds"] else "float32"
    teraflops = images_per_second * peak["forward"]["gflop_per_image"] / 1000
    stated = stated_peak(device["name"], kind)
    return {
        **rate,
        "teraflops": teraflops,
        "peak": kind,
        "share_of_measured_peak": teraflops / device["speeds"][kind],
        "share_of_stated_peak": None if stated is None else teraflops / stated,
    }


def compare(parts: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """How many times as fast ours is as the published loop, and whether the metrics are the same.

    A loop that ran out of time is compared by its epochs alone.
    """
    ours, theirs = parts.get("exact", {}), parts.get("published", {})
    if "first" not in ours or "seconds" not in theirs:
        return None
    epochs, first = len(theirs["seconds_per_epoch"]), ours["first"]
    again = ours.get("again")
    whole = theirs["whole"]
    return {
        "torchvision": theirs["torchvision"],
        "epochs_compared": epochs,
        "times_as_fast": theirs["seconds"] / first["seconds"] if whole else None,
        "times_as_fast_with_warm_cache": theirs["seconds"] / again["seconds"] if whole and again else None,
        "times_as_fast_per_epoch": median(theirs["seconds_per_epoch"]) / median(first["seconds_per_epoch"]),
        "identical": {name: first[name][:epochs] == theirs[name] for name in METRICS},
        "tensors_that_differ": theirs["tensors_that_differ"],
    }


def targets(
    parts: dict[str, dict[str, Any]], compared: dict[str, Any] | None, device: str
) -> list[dict[str, Any]]:
    """What was asked for, for the parts that were measured; the speedup is asked for on a GPU only."""
    batch = parts.get("features", {}).get("first_batch_seconds")
    memory = parts.get("exact", {}).get("anonymous_bytes_beyond_the_framework")
    speedup = compared and compared["times_as_fast"]
    rows = [
        ("first batch with a warm cache, seconds", batch, MOST_FIRST_BATCH, "most"),
        ("anonymous memory beyond the framework's, bytes", memory, MOST_ANONYMOUS, "most"),
    ]
    if device == "cuda":
        rows.append(("whole training, times as fast as published", speedup, LEAST_SPEEDUP, "least"))
    return [
        {"what": what, "measured": value, bound: target, "met": (value <= target) == (bound == "most")}
        for what, value, target, bound in rows
        if value is not None
    ]


def lines(summary: dict[str, Any]) -> list[str]:
    """For the terminal."""
    shown = [_rate_line(rate) for rate in summary["rates"]]
    if (compared := summary["published_loop"]) is not None:
        shown.append(_comparison_line(compared))
    for target in summary["targets"]:
        bound = "most" if "most" in target else "least"
        met = "met" if target["met"] else "missed"
        shown.append(f"{target['what']}: {target['measured']:.3g} (at {bound} {target[bound]:.3g}: {met})")
    return shown


def _rate_line(rate: dict[str, Any]) -> str:
    line = f"{rate['what']}: {rate['images_per_second']:,.0f} images per second"
    if "teraflops" in rate:
        share = f"{rate['share_of_measured_peak']:.0%} of the measured {rate['peak']} peak"
        line += f", {rate['teraflops']:.3g} TFLOP/s, {share}"
    return line


def _comparison_line(compared: dict[str, Any]) -> str:
    fast = compared["times_as_fast"]
    what = "whole training" if fast else "an epoch (the published loop ran out of time)"
    same = "identical" if all(compared["identical"].values()) else "NOT identical"
    times = fast or compared["times_as_fast_per_epoch"]
    epochs = compared["epochs_compared"]
    return f"{what}: {times:.1f} times as fast as published, metrics {same} over {epochs} epochs"
