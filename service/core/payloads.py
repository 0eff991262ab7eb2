"""The five kinds of `data`: what is accepted, and the figures that charts need of it (spec: payloads).

A payload is read once, when it is first seen. Members that a shape lacks are allowed and ignored, since a newer MONARC
may add some. The sender is PHP, hence three habits: an array comes as a list or, where its keys are not 0..n-1, as an
object; an empty one is always `[]`, also where an object would stand; and numbers may be strings.

Keys and sums of the figures, by type (a label that is null or absent is "" in a key; in UNIT: in millionths):

    risk            (state, kind, level)                                      value
    threat and      (uuid in lower case, label1, .., label4)                  count, maxRisk and averageRate in UNIT
    vulnerability
    cartography     ("rows",)                                                 none; once a payload (absent cells are 0)
                    ("scale", "impact" | "likelihood" | "probability", n)     none
                    (state, kind, impact, column)                             count
    compliance      ("referential", uuid in lower case, label1, .., label4)   none
                    ("current" | "target", uuid, label1, .., label4, "")      value in UNIT, place in the list
                    in the latter, the place instead of "" where a category has no labels

What stands twice under one key is one figure of two rows.
"""

import re
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from operator import add
from typing import Annotated, Any, Generic, NamedTuple, Self, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from service.core import strict
from service.errors import BadInput
from service.records import KINDS, LEVELS, MAX_UNITS, SCALES, STATES, UNIT, Figure, Key, StatType

T = TypeVar("T")

Number = int | float | str
Empty = Annotated[list[Any], msgspec.Meta(max_length=0)]

MOST_FIGURES = 10_000
"""How many figures a payload may have. A rich one has some hundred; each costs a sum on every day of every chart."""


_DEPTH = strict.MAX_DEPTH - 2  # a payload stands in a row, and the row in the body's list
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST_NUMBER = 40  # characters of a number in a string: more than any that makes sense
_MILLIONTH = Decimal(1) / UNIT
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ARRAY_KEY = re.compile(r"0|-?[1-9][0-9]{0,14}")  # an integer key, as PHP writes it


# --- The shapes. They hold no reference cycles: gc=False spares the collector thousands of objects.


class _Kinds(msgspec.Struct, Generic[T], gc=False):
    informational: T
    operational: T


class _States(msgspec.Struct, Generic[T], gc=False):
    current: _Kinds[T] | Empty
    residual: _Kinds[T] | Empty


class _Level(msgspec.Struct, gc=False):
    level: str
    value: Number


class _Risk(msgspec.Struct, gc=False):
    risks: _States[list[_Level]] | Empty
    total: _States[Number] | Empty


class _Scales(msgspec.Struct, gc=False):
    impact: Any
    likelihood: Any
    probability: Any


class _Cartography(msgspec.Struct, gc=False):
    scales: _Scales
    risks: _States[Any] | Empty


class _Labelled(msgspec.Struct, gc=False, kw_only=True):
    label1: str | UnsetType | None = UNSET
    label2: str | UnsetType | None = UNSET
    label3: str | UnsetType | None = UNSET
    label4: str | UnsetType | None = UNSET

    def lacks_labels(self) -> bool:
        return self.label1 is UNSET or self.label2 is UNSET or self.label3 is UNSET or self.label4 is UNSET

    def labels(self) -> tuple[str, str, str, str]:
        return (self.label1 or "", self.label2 or "", self.label3 or "", self.label4 or "")


class _Object(_Labelled, gc=False, kw_only=True):
    uuid: str
    count: Number
    max_risk: Number = msgspec.field(name="maxRisk")
    average_rate: Number = msgspec.field(name="averageRate")


class _Control(msgspec.Struct, gc=False):
    code: str
    measure: str
    value: Number


class _Category(_Labelled, gc=False, kw_only=True):
    value: Number
    controls: list[_Control]


class _Referential(_Labelled, gc=False, kw_only=True):
    referential: str
    current: list[_Category]
    target: list[_Category]


# --- Reading


def read(stat_type: StatType, raw: bytes) -> list[Figure]:
    """The figures of a payload, each key once.

    `raw`: the JSON text of a row's `data`. Raises `BadInput` where it breaks a rule of `core.strict` or has not the
    type's shape; `errors` then maps the path of the field, such as `data[3].averageRate`, to what is wrong with it.
    """
    reader = _READERS[stat_type]
    try:
        return _bounded(reader.figures(_read_fast(reader, raw) or _read_exactly(reader, raw)))
    except _Refusal as refusal:
        raise BadInput(f"{refusal.field} {refusal.reason}.", {refusal.field: refusal.reason}) from None


_UNDECIDED = -1


class _Reader(NamedTuple):
    """How a type is read. `members`: how many members the data has, or fewer, but never more (`strict.holds_only`):
    the exact parser decides where there are labels missing, or where the shape leaves things open."""

    shape: Any
    decoder: msgspec.json.Decoder[Any]
    members: Callable[[Any], int]
    figures: Callable[[Any], list[Figure]]


class _Refusal(Exception):
    """What is wrong with a value, and the steps that lead to it: who lets it pass adds the steps that it knows."""

    def __init__(self, reason: str, *path: int | str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    def within(self, *path: int | str) -> Self:
        self.path = (*path, *self.path)
        return self

    @property
    def field(self) -> str:
        return "data" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)


def _bounded(figures: list[Figure]) -> list[Figure]:
    if len(figures) > MOST_FIGURES:
        raise _Refusal(f"must have at most {MOST_FIGURES} elements")
    return figures


def _read_fast(reader: _Reader, raw: bytes) -> Any:
    """The data where it can be told in a hurry that the text keeps all rules, else None."""
    try:
        data = reader.decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return data if strict.holds_only(raw, reader.members(data)) else None


def _read_exactly(reader: _Reader, raw: bytes) -> Any:
    """The same data, or what is wrong with the text."""
    try:
        value = strict.decode(raw, _DEPTH)
    except BadInput as error:
        raise BadInput(f"data: {error.message}", {"data": error.message}) from None
    try:
        return msgspec.convert(value, reader.shape)
    except msgspec.ValidationError as error:
        raise _unfit(str(error)) from None


# --- risk


def _risk_members(data: _Risk) -> int:
    levels = sum(len(levels) for _, levels in _by_kind(data.risks))
    return 2 + _state_members(data.risks) + 2 * levels + _state_members(data.total)


def _state_members(states: _States[T] | list[Any]) -> int:
    if isinstance(states, list):
        return 0
    return 2 + sum(2 for kinds in (states.current, states.residual) if not isinstance(kinds, list))


def _risk_figures(data: _Risk) -> list[Figure]:
    figures = []
    for at, levels in _by_kind(data.risks):
        if levels and sorted(level.level for level in levels) != sorted(LEVELS):
            raise _Refusal(f"must be empty or hold each of {', '.join(LEVELS)} once", "risks", *at)
        for place, level in enumerate(levels):
            try:
                figures.append(Figure((*at, level.level), 1, (_level_value(level.value),)))
            except _Refusal as refusal:
                raise refusal.within("risks", *at, place) from None
    for (state, kind), total in _by_kind(data.total):
        try:
            _whole(total)
        except _Refusal as refusal:
            raise refusal.within("total", state, kind) from None
    return figures


def _by_kind(states: _States[T] | list[Any]) -> Iterator[tuple[tuple[str, str], T]]:
    """What stands under each state and kind; nothing where an empty list stands for them."""
    if isinstance(states, list):
        return
    for state in STATES:
        kinds = getattr(states, state)
        if not isinstance(kinds, list):
            for kind in KINDS:
                yield (state, kind), getattr(kinds, kind)


# --- threat, vulnerability


def _object_members(data: list[_Object]) -> int:
    return _UNDECIDED if any(item.lacks_labels() for item in data) else 8 * len(data)


def _object_figures(data: list[_Object]) -> list[Figure]:
    figures: dict[Key, Figure] = {}
    for place, item in enumerate(data):
        try:
            key = (_uuid(item.uuid), *item.labels())
            sums = (_count(item.count), _max_risk(item.max_risk), _average_rate(item.average_rate))
        except _Refusal as refusal:
            raise refusal.within(place) from None
        _add(figures, key, sums)
    return list(figures.values())


# --- cartography


def _cartography_members(_data: _Cartography) -> int:
    return _UNDECIDED


def _cartography_figures(data: _Cartography) -> list[Figure]:
    figures = [Figure(("rows",), 1, ())]
    for name in SCALES:
        values = {str(number) for _, number in _numbers(getattr(data.scales, name), -MAX_UNITS, "scales", name)}
        figures += [Figure(("scale", name, value), 1, ()) for value in values]
    for (state, kind), matrix in _by_kind(data.risks):
        for impact, row in _entries(matrix, "risks", state, kind):
            figures += [
                Figure((state, kind, str(impact), str(column)), 1, (count,))
                for column, count in _numbers(row, 0, "risks", state, kind, impact)
            ]
    return figures


def _numbers(array: Any, least: int, *at: int | str) -> Iterator[tuple[int | str, int]]:
    """The entries of an array of whole numbers."""
    for key, value in _entries(array, *at):
        if type(value) not in (int, float, str):
            raise _Refusal(f"must be a number, not {_NAMES[type(value)]}", *at, key)
        try:
            yield key, _whole(value, least)
        except _Refusal as refusal:
            raise refusal.within(*at, key) from None


def _entries(array: Any, *at: int | str) -> list[tuple[int | str, Any]]:
    """The entries of a PHP array that has integer keys, be it a list or an object."""
    if isinstance(array, list):
        return list(enumerate(array))
    if isinstance(array, dict):
        return [(key, value) for key, value in array.items() if _ARRAY_KEY.fullmatch(key)]
    raise _Refusal(f"must be a list or an object, not {_NAMES[type(array)]}", *at)


# --- compliance


def _compliance_members(data: list[_Referential]) -> int:
    categories = [category for item in data for side in (item.current, item.target) for category in side]
    if any(element.lacks_labels() for element in (*data, *categories)):
        return _UNDECIDED
    return 7 * len(data) + 6 * len(categories) + 3 * sum(len(category.controls) for category in categories)


def _compliance_figures(data: list[_Referential]) -> list[Figure]:
    figures: dict[Key, Figure] = {}
    for place, item in enumerate(data):
        try:
            _add_referential(figures, item)
        except _Refusal as refusal:
            raise refusal.within(place) from None
    return list(figures.values())


def _add_referential(figures: dict[Key, Figure], item: _Referential) -> None:
    uuid = _referential(item.referential)
    _add(figures, ("referential", uuid, *item.labels()), ())
    for side, categories in (("current", item.current), ("target", item.target)):
        for place, category in enumerate(categories):
            try:
                value = _category_value(category)
            except _Refusal as refusal:
                raise refusal.within(side, place) from None
            labels = category.labels()
            _add(figures, (side, uuid, *labels, "" if any(labels) else str(place)), (value, place))


def _category_value(category: _Category) -> int:
    for place, control in enumerate(category.controls):
        try:
            _share(control.value)
        except _Refusal as refusal:
            raise refusal.within("controls", place) from None
    return _share(category.value)


def _add(figures: dict[Key, Figure], key: Key, sums: tuple[int, ...]) -> None:
    """Put a figure of one row under its key, or add the row to the figure that is there."""
    there = figures.get(key)
    if there is None:
        figures[key] = Figure(key, 1, sums)
    else:
        figures[key] = Figure(key, there.rows + 1, tuple(map(add, there.sums, sums)))


_READERS = {
    stat_type: _Reader(shape, msgspec.json.Decoder(shape), members, figures)
    for stat_type, shape, members, figures in (
        (StatType.RISK, _Risk, _risk_members, _risk_figures),
        (StatType.THREAT, list[_Object], _object_members, _object_figures),
        (StatType.VULNERABILITY, list[_Object], _object_members, _object_figures),
        (StatType.CARTOGRAPHY, _Cartography, _cartography_members, _cartography_figures),
        (StatType.COMPLIANCE, list[_Referential], _compliance_members, _compliance_figures),
    )
}


# --- Values


def _whole(value: Number, least: int = 0) -> int:
    if isinstance(value, int) and least <= value <= MAX_UNITS:
        return value  # as nearly all are
    number = _decimal(value)
    if number is None or not least <= number <= MAX_UNITS or number != int(number):
        raise _Refusal(f"must be a whole number from {least} to {MAX_UNITS}, not {_said(value)}")
    return int(number)


def _millionths(value: Number, most: int = MAX_UNITS // UNIT) -> int:
    number = _decimal(value)
    if number is None or not 0 <= number <= most:
        raise _Refusal(f"must be a number from 0 to {most}, not {_said(value)}")
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
        raise _Refusal(f"must be a UUID, not {strict.shown(text)}")
    return text.lower()


def _field(name: str, parse: Callable[[Any], T]) -> Callable[[Any], T]:
    """A parser of the field `name`. A night repeats some hundred values thousands of times, so it remembers them; what
    it keeps is bounded, since what is refused is not kept and what is accepted is short."""

    @lru_cache(maxsize=16384)
    def parsed(value: Any) -> T:
        try:
            return parse(value)
        except _Refusal as refusal:
            raise refusal.within(name) from None

    return parsed


_uuid = _field("uuid", _lower_uuid)
_referential = _field("referential", _lower_uuid)
_count = _field("count", _whole)
_max_risk = _field("maxRisk", _millionths)
_average_rate = _field("averageRate", _millionths)
_level_value = _field("value", _whole)
_share = _field("value", lambda value: _millionths(value, 1))


# --- What msgspec says, in our words


_MISSING = re.compile(r"Object missing required field `(\w+)`")
_WRONG_KIND = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_STEP = re.compile(r"\[(\d+)\]|\.(\w+)")
_NAMES: dict[type | str, str] = {
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


def _unfit(error: str) -> _Refusal:
    """The refusal that ValidationError's text stands for ("Expected `array`, got `int` - at `$[0].current`"). It never
    repeats the value, and leads through lists and structs only."""
    what, _, where = error.partition(" - at `$")
    path = [int(index) if index else name for index, name in _STEP.findall(where)]
    if missing := _MISSING.fullmatch(what):
        return _Refusal("is missing", *path, missing[1])
    if kinds := _WRONG_KIND.fullmatch(what):
        return _Refusal(f"must be {_NAMES[kinds[1]]}, not {_NAMES[kinds[2]]}", *path)
    return _Refusal(f"must be {_NAMES['object | array']}, not a filled list", *path)
