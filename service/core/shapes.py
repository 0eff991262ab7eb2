"""The five shapes that `data` has (spec: payloads), and how JSON text becomes one of them.

A shape says which members there are and of which kinds; that their values are good is for those to see who use them
(`core.values`). Members that a shape lacks are allowed and ignored, since a newer MONARC may add some. The sender is
PHP, hence three habits: an array comes as a list or, where its keys are not 0..n-1, as an object; an empty one is
always `[]`, also where an object would stand; and numbers may be strings.
"""

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from service.core import strict, values
from service.core.values import Number, Refusal
from service.errors import BadInput
from service.records import KINDS, LEVELS, STATES, StatType

T = TypeVar("T")

Labels = tuple[str, str, str, str]
"""The same said in French, English, German and Dutch; "" where a language is missing."""

Empty = Annotated[list[Any], msgspec.Meta(max_length=0)]

_DEPTH = strict.MAX_DEPTH - 2  # a payload stands in a row, and the row in the body's list
_ARRAY_KEY = re.compile(r"0|-?[1-9][0-9]{0,14}")  # an integer key, as PHP writes it


# --- The shapes. They hold no reference cycles: gc=False spares the collector thousands of objects.


class Kinds(msgspec.Struct, Generic[T], gc=False):
    """Something of each kind of risks."""

    informational: T
    operational: T


class States(msgspec.Struct, Generic[T], gc=False):
    """The same before and after treatment."""

    current: Kinds[T] | Empty
    residual: Kinds[T] | Empty


class Level(msgspec.Struct, gc=False):
    """How many risks are of a level."""

    level: str
    value: Number


class Risk(msgspec.Struct, gc=False):
    """`data` of the type risk."""

    risks: States[list[Level]] | Empty
    total: States[Number] | Empty


class Scales(msgspec.Struct, gc=False):
    """The scales of an analysis, each a PHP array (`numbers`)."""

    impact: Any
    likelihood: Any
    probability: Any


class Cartography(msgspec.Struct, gc=False):
    """`data` of the type cartography. `risks`: PHP arrays of PHP arrays (`entries`, `numbers`)."""

    scales: Scales
    risks: States[Any] | Empty


class Labelled(msgspec.Struct, gc=False, kw_only=True):
    """What has a label in each language."""

    label1: str | UnsetType | None = UNSET
    label2: str | UnsetType | None = UNSET
    label3: str | UnsetType | None = UNSET
    label4: str | UnsetType | None = UNSET

    def lacks_labels(self) -> bool:
        """Whether one of the members is absent (null is not)."""
        return self.label1 is UNSET or self.label2 is UNSET or self.label3 is UNSET or self.label4 is UNSET

    def labels(self) -> Labels:
        """The labels; "" where one is null or absent."""
        return (self.label1 or "", self.label2 or "", self.label3 or "", self.label4 or "")


class Object(Labelled, gc=False, kw_only=True):
    """A threat or a vulnerability; a list of them is the `data` of these types."""

    uuid: str
    count: Number
    max_risk: Number = msgspec.field(name="maxRisk")
    average_rate: Number = msgspec.field(name="averageRate")


class Control(msgspec.Struct, gc=False):
    """A control (a measure) of a referential, and how far it is fulfilled."""

    code: str
    measure: str
    value: Number


class Category(Labelled, gc=False, kw_only=True):
    """The controls of a category."""

    value: Number
    controls: list[Control]


class Referential(Labelled, gc=False, kw_only=True):
    """A referential; a list of them is the `data` of the type compliance."""

    referential: str
    current: list[Category]
    target: list[Category]


# --- Reading


def decode(stat_type: StatType, raw: bytes) -> Any:
    """The payload that a row's `data` is: a `Risk`, `Cartography`, or a list of `Object` or `Referential`.

    `raw`: its JSON text. Raises `BadInput` where the text breaks a rule of `core.strict`, `Refusal` where it has not
    the type's shape.
    """
    reader = _READERS[stat_type]
    return _decode_fast(reader, raw) or _decode_exactly(reader, raw)


_UNDECIDED = -1


class _Reader(NamedTuple):
    """How a type is read. `members`: how many members the data has, or fewer, but never more (`strict.holds_only`):
    the exact parser decides where there are labels missing, or where the shape leaves things open."""

    shape: Any
    decoder: msgspec.json.Decoder[Any]
    members: Callable[[Any], int]


def _decode_fast(reader: _Reader, raw: bytes) -> Any:
    """The data where it can be told in a hurry that the text keeps all rules, else None."""
    try:
        data = reader.decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return data if strict.holds_only(raw, reader.members(data)) else None


def _decode_exactly(reader: _Reader, raw: bytes) -> Any:
    """The same data, or what is wrong with the text."""
    try:
        value = strict.decode(raw, _DEPTH)
    except BadInput as error:
        raise BadInput(f"data: {error.message}", {"data": error.message}) from None
    try:
        return msgspec.convert(value, reader.shape)
    except msgspec.ValidationError as error:
        raise values.unfit(str(error)) from None


# --- How many members they have


def _risk_members(data: Risk) -> int:
    levels = sum(len(levels) for _, levels in by_kind(data.risks))
    return 2 + _state_members(data.risks) + 2 * levels + _state_members(data.total)


def _state_members(states: States[T] | list[Any]) -> int:
    if isinstance(states, list):
        return 0
    return 2 + sum(2 for kinds in (states.current, states.residual) if not isinstance(kinds, list))


def _object_members(data: list[Object]) -> int:
    return _UNDECIDED if any(item.lacks_labels() for item in data) else 8 * len(data)


def _cartography_members(_data: Cartography) -> int:
    return _UNDECIDED


def _compliance_members(data: list[Referential]) -> int:
    categories = [category for item in data for side in (item.current, item.target) for category in side]
    if any(element.lacks_labels() for element in (*data, *categories)):
        return _UNDECIDED
    return 7 * len(data) + 6 * len(categories) + 3 * sum(len(category.controls) for category in categories)


_READERS = {
    stat_type: _Reader(shape, msgspec.json.Decoder(shape), members)
    for stat_type, shape, members in (
        (StatType.RISK, Risk, _risk_members),
        (StatType.THREAT, list[Object], _object_members),
        (StatType.VULNERABILITY, list[Object], _object_members),
        (StatType.CARTOGRAPHY, Cartography, _cartography_members),
        (StatType.COMPLIANCE, list[Referential], _compliance_members),
    )
}


# --- What they hold


def by_kind(states: States[T] | list[Any]) -> Iterator[tuple[tuple[str, str], T]]:
    """What stands under each state and kind; nothing where an empty list stands for them."""
    if isinstance(states, list):
        return
    for state in STATES:
        kinds = getattr(states, state)
        if not isinstance(kinds, list):
            for kind in KINDS:
                yield (state, kind), getattr(kinds, kind)


def level_values(levels: list[Level], *at: int | str) -> dict[str, int]:
    """How many risks are of each level; nothing where the list is empty. `at`: where it stands, for the `Refusal`."""
    if levels and sorted(level.level for level in levels) != sorted(LEVELS):
        raise Refusal(f"must be empty or hold each of {', '.join(LEVELS)} once", *at)
    return {level.level: values.whole(level.value, 0, *at, place, "value") for place, level in enumerate(levels)}


def numbers(array: Any, least: int, *at: int | str) -> Iterator[tuple[int | str, int]]:
    """The entries of an array of whole numbers."""
    for key, value in entries(array, *at):
        if type(value) not in (int, float, str):
            raise Refusal(f"must be a number, not {values.NAMES[type(value)]}", *at, key)
        yield key, values.whole(value, least, *at, key)


def entries(array: Any, *at: int | str) -> list[tuple[int | str, Any]]:
    """The entries of a PHP array that has integer keys, be it a list or an object."""
    if isinstance(array, list):
        return list(enumerate(array))
    if isinstance(array, dict):
        return [(key, value) for key, value in array.items() if _ARRAY_KEY.fullmatch(key)]
    raise Refusal(f"must be a list or an object, not {values.NAMES[type(array)]}", *at)
