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
from operator import add
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from service.core import strict, values
from service.core.values import Number, Refusal
from service.errors import BadInput
from service.records import KINDS, LEVELS, MAX_UNITS, SCALES, STATES, Figure, Key, StatType

T = TypeVar("T")

Empty = Annotated[list[Any], msgspec.Meta(max_length=0)]

MOST_FIGURES = 10_000
"""How many figures a payload may have. A rich one has some hundred; each costs a sum on every day of every chart."""


_DEPTH = strict.MAX_DEPTH - 2  # a payload stands in a row, and the row in the body's list
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
    except Refusal as refusal:
        raise BadInput(f"{refusal.field} {refusal.reason}.", {refusal.field: refusal.reason}) from None


_UNDECIDED = -1


class _Reader(NamedTuple):
    """How a type is read. `members`: how many members the data has, or fewer, but never more (`strict.holds_only`):
    the exact parser decides where there are labels missing, or where the shape leaves things open."""

    shape: Any
    decoder: msgspec.json.Decoder[Any]
    members: Callable[[Any], int]
    figures: Callable[[Any], list[Figure]]


def _bounded(figures: list[Figure]) -> list[Figure]:
    if len(figures) > MOST_FIGURES:
        raise Refusal(f"must have at most {MOST_FIGURES} elements")
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
        raise values.unfit(str(error)) from None


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
            raise Refusal(f"must be empty or hold each of {', '.join(LEVELS)} once", "risks", *at)
        for place, level in enumerate(levels):
            try:
                figures.append(Figure((*at, level.level), 1, (values.level_value(level.value),)))
            except Refusal as refusal:
                raise refusal.within("risks", *at, place) from None
    for (state, kind), total in _by_kind(data.total):
        try:
            values.whole(total)
        except Refusal as refusal:
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
            key = (values.uuid(item.uuid), *item.labels())
            sums = (values.count(item.count), values.max_risk(item.max_risk), values.average_rate(item.average_rate))
        except Refusal as refusal:
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
            raise Refusal(f"must be a number, not {values.NAMES[type(value)]}", *at, key)
        try:
            yield key, values.whole(value, least)
        except Refusal as refusal:
            raise refusal.within(*at, key) from None


def _entries(array: Any, *at: int | str) -> list[tuple[int | str, Any]]:
    """The entries of a PHP array that has integer keys, be it a list or an object."""
    if isinstance(array, list):
        return list(enumerate(array))
    if isinstance(array, dict):
        return [(key, value) for key, value in array.items() if _ARRAY_KEY.fullmatch(key)]
    raise Refusal(f"must be a list or an object, not {values.NAMES[type(array)]}", *at)


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
        except Refusal as refusal:
            raise refusal.within(place) from None
    return list(figures.values())


def _add_referential(figures: dict[Key, Figure], item: _Referential) -> None:
    uuid = values.referential(item.referential)
    _add(figures, ("referential", uuid, *item.labels()), ())
    for side, categories in (("current", item.current), ("target", item.target)):
        for place, category in enumerate(categories):
            try:
                value = _category_value(category)
            except Refusal as refusal:
                raise refusal.within(side, place) from None
            labels = category.labels()
            _add(figures, (side, uuid, *labels, "" if any(labels) else str(place)), (value, place))


def _category_value(category: _Category) -> int:
    for place, control in enumerate(category.controls):
        try:
            values.share(control.value)
        except Refusal as refusal:
            raise refusal.within("controls", place) from None
    return values.share(category.value)


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
