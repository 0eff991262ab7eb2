"""Sums of figures: adding, packing, and summing over days.

A `Figures` maps a key's number to `[rows, sum, ...]`. Everything is an integer, so sums are exact and the order in
which they are added does not matter.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from service.records import Figure, Figures, Key

Day = TypeVar("Day", bound=Any)
"""A date, however it is written; days are compared with each other."""

Number = TypeVar("Number")

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(dict[int, list[int]])


def pack(figures: Figures) -> bytes:
    """Figures as they are stored (MessagePack)."""
    return _encoder.encode(figures)


def unpack(packed: bytes) -> Figures:
    """The reverse of `pack`."""
    return _decoder.decode(packed)


def numbered(figures: Iterable[Figure], numbers: Mapping[Key, Number]) -> dict[Number, list[int]]:
    """What a payload says, under the numbers of its keys. Raises `KeyError` for a key that is not in `numbers`."""
    return {numbers[figure.key]: [figure.rows, *figure.sums] for figure in figures}


def add(total: Figures, figures: Figures) -> None:
    """Add `figures` to `total` in place. `figures` is left as it was, and shares nothing with `total` afterwards."""
    for key, numbers in figures.items():
        sums = total.get(key)
        total[key] = list(numbers) if sums is None else [a + b for a, b in zip(sums, numbers, strict=True)]


def exchange(total: Figures, old: Figures, new: Figures) -> None:
    """Take `old` out of `total`, in which it is, and put `new` in. What no row is left of goes."""
    for key, numbers in new.items():
        before = old.get(key)
        if before is None:
            add(total, {key: numbers})
        elif before != numbers:
            total[key] = [a - b + c for a, b, c in zip(total[key], before, numbers, strict=True)]
    for key in old.keys() - new.keys():
        left = [a - b for a, b in zip(total[key], old[key], strict=True)]
        if left[0]:
            total[key] = left
        else:
            del total[key]


def total_of(parts: Iterable[Figures]) -> Figures:
    """The sum of all `parts`, a new value."""
    total: Figures = {}
    for part in parts:
        add(total, part)
    return total


def sum_days(days: Mapping[Day, Mapping[int, int]], figures_of: Mapping[int, Figures]) -> dict[Day, Figures]:
    """For each day the sum of the figures of its payloads.

    `days`: for each day the number of the payload of each analysis (by its number); `figures_of`: the payloads'
    figures. Most payloads last for weeks, and what changes are a few figures of a few analyses, so a day is made from
    the day before it by what has changed.
    """
    sums: dict[Day, Figures] = {}
    running: Figures = {}
    before: Mapping[int, int] = {}
    for day in sorted(days):
        today = days[day]
        for analysis, payload in before.items():
            new = today.get(analysis)
            if new != payload:
                exchange(running, figures_of[payload], {} if new is None else figures_of[new])
        for analysis in today.keys() - before.keys():
            add(running, figures_of[today[analysis]])
        before = today
        sums[day] = running.copy()  # its lists are never changed, only replaced
    return sums
