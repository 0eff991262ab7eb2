"""Sums of figures: adding, packing, and summing over days.

A `Figures` maps a key's number to `[rows, sum, ...]`. Everything is an integer, so sums are exact and the order in
which they are added does not matter.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

import msgspec

from service.records import Figures

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(dict[int, list[int]])


def pack(figures: Figures) -> bytes:
    """Figures as they are stored (MessagePack)."""
    return _encoder.encode(figures)


def unpack(packed: bytes) -> Figures:
    """The reverse of `pack`."""
    return _decoder.decode(packed)


def add(total: Figures, figures: Figures, sign: int = 1) -> None:
    """Add `figures` to `total` in place (or take them away, `sign` -1; what no row is left of goes).

    `figures` is left as it was, and shares nothing with `total` afterwards.
    """
    for key, numbers in figures.items():
        sums = total.get(key)
        if sums is None:
            total[key] = [sign * number for number in numbers]
        else:
            for place, number in enumerate(numbers):
                sums[place] += sign * number
            if not sums[0]:
                del total[key]


def total_of(parts: Iterable[Figures]) -> Figures:
    """The sum of all `parts`, a new value."""
    total: Figures = {}
    for part in parts:
        add(total, part)
    return total


def sum_days(
    payloads_by_day: Mapping[dt.date, Iterable[int]], figures_of: Mapping[int, Figures]
) -> dict[dt.date, Figures]:
    """For each day the sum of the figures of its payloads.

    `payloads_by_day`: the numbers of the payloads that hold on a day, each once; `figures_of`: their figures. Most
    payloads last for weeks, so a day is made from the day before it by what has changed.
    """
    sums: dict[dt.date, Figures] = {}
    running: Figures = {}
    before: set[int] = set()
    for day in sorted(payloads_by_day):
        today = set(payloads_by_day[day])
        if len(today ^ before) > len(today):
            running = total_of(figures_of[number] for number in today)
        else:
            for number in before - today:
                add(running, figures_of[number], -1)
            for number in today - before:
                add(running, figures_of[number])
        before = today
        sums[day] = {key: list(numbers) for key, numbers in running.items()}
    return sums
