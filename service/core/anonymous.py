"""What of a payload may leave the house: built anew out of what is known to tell of nobody, never copied and trimmed.

- Members: those of `core.shapes`, in one order. All others stay.
- Numbers: written in one way only, so that they say their value and nothing else.
- Labels, codes and UUIDs: for an object of the catalogue of published ones, the catalogue's own, whatever the payload
  calls it. For all others an empty text and a pseudonym.
- Order: threats, vulnerabilities and referentials by UUID, controls by code. Only categories keep their places, since
  these are figures of theirs.

The figures (`core.payloads`) of what leaves are those of the payload, but for these names.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, TypeVar
from uuid import UUID

import msgspec

from service.core import shapes, values
from service.core.pseudonyms import Pseudonyms
from service.core.published import NO_LABELS, Catalogue, PublishedReferential, tidy
from service.core.shapes import Labels
from service.core.values import Refusal
from service.records import KINDS, LEVELS, MAX_UNITS, SCALES, UNIT, StatType

T = TypeVar("T")

WithheldKind = Literal["threat", "vulnerability", "referential", "category", "measure"]


class Withheld(msgspec.Struct, frozen=True):
    """Something that stays here: an object that is not published, or another name than the published one.

    `label`: what it is called (of a measure: its code); the first of its names that is not published. Never sent.
    """

    kind: WithheldKind
    uuid: str | None
    label: str


class Anonymised(msgspec.Struct, frozen=True):
    """What of a payload may leave (JSON text), and what does not."""

    data: bytes
    withheld: list[Withheld]


class SharedRow(msgspec.Struct, frozen=True):
    """What leaves of a row, and nothing else ever does. `uuid` and `anr` are pseudonyms."""

    uuid: UUID
    anr: UUID
    type: StatType
    date: dt.date
    data: msgspec.Raw


def anonymise(
    stat_type: StatType, data: bytes, catalogue: Catalogue, pseudonyms: Pseudonyms, *, published_only: bool = False
) -> Anonymised:
    """What may leave of the JSON text of a row's `data`.

    Objects that are not published go without their names or, with `published_only`, not at all. Raises `BadInput` for
    a text that is no payload of this type.
    """
    names = _Names(catalogue, pseudonyms, published_only=published_only)
    try:
        shared = _SHARED[stat_type](shapes.decode(stat_type, data), names)
    except Refusal as refusal:
        raise refusal.bad_input from None
    return Anonymised(data=_encoder.encode(shared), withheld=list(names.withheld))


_encoder = msgspec.json.Encoder()


# --- Names


class _Names:
    """Decides what things are called in what leaves, and notes what is withheld."""

    def __init__(self, catalogue: Catalogue, pseudonyms: Pseudonyms, *, published_only: bool) -> None:
        self.catalogue = catalogue
        self.withheld: dict[Withheld, None] = {}
        self._pseudonyms = pseudonyms
        self._published_only = published_only

    def of_object(
        self, kind: WithheldKind, uuid: str, labels: Labels, published: Labels | None
    ) -> tuple[str, Labels] | None:
        """The UUID and the labels that an object goes with; None where it stays here."""
        self._compare(kind, uuid, labels, published)
        if published is not None:
            return uuid, published
        return None if self._published_only else (self._pseudonyms.object(uuid), NO_LABELS)

    def of_category(self, labels: Labels, known: PublishedReferential) -> Labels | None:
        """The labels that a category goes with; None where it stays here.

        It is the published one that has the same label in one of the languages.
        """
        named = ((language, tidy(label)) for language, label in enumerate(labels) if label)
        published = next((known.categories[name] for name in named if name in known.categories), None)
        self._compare("category", None, labels, published)
        return NO_LABELS if published is None and not self._published_only else published

    def of_measure(self, uuid: str, code: str, known: PublishedReferential) -> tuple[str, str] | None:
        """The UUID and the code that a control goes with; None where it stays here."""
        published = known.measures.get(uuid)
        if code != published:
            self.withheld[Withheld("measure", uuid, code)] = None
        if published is not None:
            return uuid, published
        return None if self._published_only else (self._pseudonyms.object(uuid), "")

    def _compare(self, kind: WithheldKind, uuid: str | None, labels: Labels, published: Labels | None) -> None:
        """Note a thing that is not published, or has a label that the published one has not."""
        if labels == published:
            return
        unpublished = (
            label
            for language, label in enumerate(labels)
            if label and (published is None or tidy(label) != published[language])
        )
        label = next(unpublished, "")
        if label or (published is None and uuid is not None):
            self.withheld[Withheld(kind, uuid, label)] = None


# --- Numbers


@lru_cache(maxsize=16384)
def _two_decimals(units: int) -> str:
    """A decimal as MONARC writes averages and shares; with more than two places where it has them."""
    places = f"{units % UNIT:06d}".rstrip("0")
    return f"{units // UNIT}.{places:0<2}"


def _plain(units: int) -> int | float:
    """A decimal as MONARC writes the highest risk: a whole number, mostly."""
    return units / UNIT if units % UNIT else units // UNIT


# --- risk


def _risk(data: shapes.Risk, _names: _Names) -> Any:
    return {"risks": _states(data.risks, "risks", _levels), "total": _states(data.total, "total", _total)}


def _states(states: shapes.States[T] | list[Any], name: str, shared: Callable[..., Any]) -> Any:
    """The same tree, with what is `shared` of each leaf. An empty list that stands for a part of it stays."""
    if isinstance(states, list):
        return []
    return {
        state: []
        if isinstance(kinds, list)
        else {kind: shared(getattr(kinds, kind), name, state, kind) for kind in KINDS}
        for state, kinds in (("current", states.current), ("residual", states.residual))
    }


def _levels(levels: list[shapes.Level], *at: int | str) -> list[dict[str, Any]]:
    there = shapes.level_values(levels, *at)
    return [{"level": level, "value": there[level]} for level in LEVELS if there]


def _total(total: values.Number, *at: int | str) -> int:
    return values.whole(total, 0, *at)


# --- threat, vulnerability


class _SharedObject(msgspec.Struct, order=True, gc=False, rename="camel"):
    uuid: str
    label1: str
    label2: str
    label3: str
    label4: str
    count: int
    max_risk: int | float
    average_rate: str


def _threats(data: list[shapes.Object], names: _Names) -> Any:
    return _objects(data, "threat", names.catalogue.threats, names)


def _vulnerabilities(data: list[shapes.Object], names: _Names) -> Any:
    return _objects(data, "vulnerability", names.catalogue.vulnerabilities, names)


def _objects(
    data: list[shapes.Object], kind: WithheldKind, published: Mapping[str, Labels], names: _Names
) -> list[_SharedObject]:
    shared = []
    for place, item in enumerate(data):
        try:
            uuid = values.uuid(item.uuid)
            count, max_risk = values.count(item.count), _plain(values.max_risk(item.max_risk))
            average_rate = _two_decimals(values.average_rate(item.average_rate))
        except Refusal as refusal:
            raise refusal.within(place) from None
        name = names.of_object(kind, uuid, item.labels(), published.get(uuid))
        if name is not None:
            shared.append(_SharedObject(name[0], *name[1], count, max_risk, average_rate))
    return sorted(shared)


# --- cartography


def _cartography(data: shapes.Cartography, _names: _Names) -> Any:
    scales = {
        name: sorted({number for _, number in shapes.numbers(getattr(data.scales, name), -MAX_UNITS, "scales", name)})
        for name in SCALES
    }
    return {"scales": scales, "risks": _states(data.risks, "risks", _matrix)}


def _matrix(matrix: Any, *at: int | str) -> Any:
    rows = ((impact, _php_array(shapes.numbers(row, 0, *at, impact))) for impact, row in shapes.entries(matrix, *at))
    return _php_array(rows)


def _php_array(entries: Iterable[tuple[int | str, T]]) -> list[T] | dict[str, T]:
    """A PHP array by its keys: a list where they are 0..n-1."""
    array = sorted(((int(key), value) for key, value in entries), key=lambda entry: entry[0])
    if all(key == place for place, (key, _) in enumerate(array)):
        return [value for _, value in array]
    return {str(key): value for key, value in array}


# --- compliance


class _SharedControl(msgspec.Struct, gc=False):
    code: str
    measure: str
    value: str


class _SharedCategory(msgspec.Struct, gc=False):
    label1: str
    label2: str
    label3: str
    label4: str
    value: str
    controls: list[_SharedControl]


class _SharedReferential(msgspec.Struct, gc=False):
    referential: str
    label1: str
    label2: str
    label3: str
    label4: str
    current: list[_SharedCategory]
    target: list[_SharedCategory]


_UNKNOWN = PublishedReferential(NO_LABELS)


def _compliance(data: list[shapes.Referential], names: _Names) -> list[_SharedReferential]:
    shared = []
    for place, item in enumerate(data):
        try:
            uuid = values.referential(item.referential)
            known = names.catalogue.referentials.get(uuid)
            name = names.of_object("referential", uuid, item.labels(), known.labels if known else None)
            current = _categories("current", item.current, known or _UNKNOWN, names)
            target = _categories("target", item.target, known or _UNKNOWN, names)
        except Refusal as refusal:
            raise refusal.within(place) from None
        if name is not None:
            shared.append(_SharedReferential(name[0], *name[1], current, target))
    return sorted(shared, key=lambda referential: referential.referential)


def _categories(
    side: str, categories: list[shapes.Category], known: PublishedReferential, names: _Names
) -> list[_SharedCategory]:
    shared = []
    for place, category in enumerate(categories):
        try:
            value = _two_decimals(values.share(category.value))
            controls = _controls(category.controls, known, names)
        except Refusal as refusal:
            raise refusal.within(side, place) from None
        labels = names.of_category(category.labels(), known)
        if labels is not None:
            shared.append(_SharedCategory(*labels, value, controls))
    return shared


def _controls(controls: list[shapes.Control], known: PublishedReferential, names: _Names) -> list[_SharedControl]:
    shared = []
    for place, control in enumerate(controls):
        try:
            value = _two_decimals(values.share(control.value))
        except Refusal as refusal:
            raise refusal.within("controls", place) from None
        name = names.of_measure(control.measure.lower(), control.code, known)
        if name is not None:
            shared.append(_SharedControl(name[1], name[0], value))
    return sorted(shared, key=lambda control: (_natural(control.code), control.measure, control.value))


@lru_cache(maxsize=4096)
def _natural(code: str) -> str:
    """What codes are sorted by: 5.1.2 comes before 5.1.10."""
    return re.sub("[0-9]+", lambda number: number[0].zfill(9), code)


_SHARED: dict[StatType, Callable[[Any, _Names], Any]] = {
    StatType.RISK: _risk,
    StatType.THREAT: _threats,
    StatType.VULNERABILITY: _vulnerabilities,
    StatType.CARTOGRAPHY: _cartography,
    StatType.COMPLIANCE: _compliance,
}
