"""The values of payloads: numbers and UUIDs as PHP sends them, and how it is said what is wrong with one."""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any, Self, TypeVar

from service.core import strict
from service.errors import BadInput
from service.records import MAX_UNITS, UNIT

T = TypeVar("T")

Number = int | float | str
"""How a number may be sent."""

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST_NUMBER = 40  # characters of a number in a string: more than any that makes sense
_MILLIONTH = Decimal(1) / UNIT
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Refusal(Exception):
    """What is wrong with a value, and the steps that lead to it: who lets it pass adds the steps that it knows."""

    def __init__(self, reason: str, *path: int | str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    def within(self, *path: int | str) -> Self:
        """The same, seen from further out: `path` leads to where it was seen from."""
        self.path = (*path, *self.path)
        return self

    @property
    def field(self) -> str:
        """The path of the field, such as `data[3].averageRate`."""
        return "data" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)

    @property
    def bad_input(self) -> BadInput:
        """The same for the caller who sent the value."""
        return BadInput(f"{self.field} {self.reason}.", {self.field: self.reason})


def whole(value: Number, least: int = 0, *path: int | str) -> int:
    """A whole number from `least` to MAX_UNITS, however it was sent. Raises `Refusal`; `path` is where it stands."""
    if isinstance(value, int) and least <= value <= MAX_UNITS:
        return value  # as nearly all are
    number = _decimal(value)
    if number is None or not least <= number <= MAX_UNITS or number != int(number):
        raise Refusal(f"must be a whole number from {least} to {MAX_UNITS}, not {_said(value)}", *path)
    return int(number)


def _millionths(value: Number, most: int = MAX_UNITS // UNIT) -> int:
    number = _decimal(value)
    if number is None or not 0 <= number <= most:
        raise Refusal(f"must be a number from 0 to {most}, not {_said(value)}")
    return int(number.quantize(_MILLIONTH, ROUND_HALF_EVEN) * UNIT)


def _decimal(value: Number) -> Decimal | None:
    """The number just as it was sent; None where a text is none."""
    if isinstance(value, str) and (len(value) > _LONGEST_NUMBER or not _NUMBER.fullmatch(value)):
        return None
    return Decimal(value) if isinstance(value, int) else Decimal(str(value))


def _said(value: Number) -> str:
    return strict.shown(value) if isinstance(value, str) else f"{_decimal(value):.12g}"


def _lower_uuid(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise Refusal(f"must be a UUID, not {strict.shown(text)}")
    return text.lower()


def _field(name: str, parse: Callable[[Any], T]) -> Callable[[Any], T]:
    """A parser of the field `name`. A night repeats some hundred values thousands of times, so it remembers them; what
    it keeps is bounded, since what is refused is not kept and what is accepted is short."""

    @lru_cache(maxsize=16384)
    def parsed(value: Any) -> T:
        try:
            return parse(value)
        except Refusal as refusal:
            raise refusal.within(name) from None

    return parsed


# The fields that are read thousands of times a night: each a parser that raises `Refusal` with its name.
uuid = _field("uuid", _lower_uuid)
referential = _field("referential", _lower_uuid)
count = _field("count", whole)
max_risk = _field("maxRisk", _millionths)
average_rate = _field("averageRate", _millionths)
share = _field("value", lambda value: _millionths(value, 1))


_MISSING = re.compile(r"Object missing required field `(\w+)`")
_WRONG_KIND = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_STEP = re.compile(r"\[(\d+)\]|\.(\w+)")
NAMES: dict[type | str, str] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
    "object": "an object",
    "array": "a list",
    "str": "a text",
    "bool": "a boolean",
    "int": "a number",
    "float": "a number",
    "null": "null",
    "str | null": "a text or null",
    "int | float | str": "a number",
    "object | array": "an object or an empty list",
}


def unfit(error: str) -> Refusal:
    """The refusal that ValidationError's text stands for ("Expected `array`, got `int` - at `$[0].current`"). It never
    repeats the value, and leads through lists and structs only."""
    what, _, where = error.partition(" - at `$")
    path = [int(index) if index else name for index, name in _STEP.findall(where)]
    if missing := _MISSING.fullmatch(what):
        return Refusal("is missing", *path, missing[1])
    if kinds := _WRONG_KIND.fullmatch(what):
        return Refusal(f"must be {NAMES[kinds[1]]}, not {NAMES[kinds[2]]}", *path)
    return Refusal(f"must be {NAMES['object | array']}, not a filled list", *path)
