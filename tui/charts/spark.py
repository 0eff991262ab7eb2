"""Sparklines: a trend in a few cells of text, for a table's cell."""

from collections.abc import Sequence

TICKS = "▁▂▃▄▅▆▇█"

LEAST_SPAN = 0.2
"""How much of the value the whole height stands for at least."""


def spark(values: Sequence[float | None], width: int) -> str:
    """A trend as at most `width` ticks. More values than that are averaged in groups; None leaves a blank;
    a trend that does not change is drawn at half height, so that it is not taken for zero, and one that hardly changes
    is drawn close to it, so that it is not taken for a landslide."""
    grouped = _grouped(values, width)
    known = [value for value in grouped if value is not None]
    if not known:
        return ""
    middle = (min(known) + max(known)) / 2
    half = max((max(known) - min(known)) / 2, abs(middle) * LEAST_SPAN / 2)
    low, high = middle - half, middle + half
    return "".join(" " if value is None else _tick(value, low, high) for value in grouped)


def _tick(value: float, low: float, high: float) -> str:
    if high <= low:
        return TICKS[0]  # zero throughout
    return TICKS[min(int((value - low) / (high - low) * len(TICKS)), len(TICKS) - 1)]


def _grouped(values: Sequence[float | None], width: int) -> list[float | None]:
    """The values in at most `width` groups of (almost) equal size, each as its mean."""
    size = len(values)
    if size <= width:
        return list(values)
    groups = (values[i * size // width : (i + 1) * size // width] for i in range(width))
    return [_mean([value for value in group if value is not None]) for group in groups]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
