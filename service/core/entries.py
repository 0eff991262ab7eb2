"""Published objects as entries of the catalogue, and the forms in which they come.

    our own         {"kind": "threat", "uuid", "label1", .., "label4"}; of a referential also "categories":
                    [{"label1", .., "label4", "controls": [{"code", "measure"}]}]
    payloads'       an element of a row's `data`, or rows as a Front Office posts them
    MOSP's          {"uuid", "label", "language"}, a language at a time; of a referential also "values":
                    [{"uuid", "code", "category"}]; bare, as `json_object`, or as its API lists them

Members that a form lacks are ignored. An entry that says its kind nowhere is of the kind that the caller names.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

import msgspec

from service.core import strict, values
from service.core.published import (
    NO_LABELS,
    Category,
    Entry,
    Kind,
    is_printable,
    merged_categories,
    merged_labels,
    tidy,
)
from service.core.shapes import Labelled, Labels
from service.core.values import Refusal
from service.errors import BadInput
from service.records import StatType

LANGUAGES = ("FR", "EN", "DE", "NL")
"""MOSP's names of the languages of label1 to label4."""

LONGEST_LABEL = 255
"""How many characters a label or a code may have: as many as in MONARC."""

_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}

_KIND_OF_TYPE: dict[str, Kind] = {
    StatType.THREAT: "threat",
    StatType.VULNERABILITY: "vulnerability",
    StatType.COMPLIANCE: "referential",
}


class Found(msgspec.Struct, frozen=True):
    """What may be an entry, where it stands, and the kind that it has if it says none itself."""

    place: str
    value: Any
    kind: Kind | None


# --- What may be an entry


def find(value: Any, kind: Kind | None, place: str = "") -> Iterator[Found]:
    """All in parsed JSON that may be an entry: in lists, in the rows of a Front Office, in what MOSP answers."""
    if isinstance(value, list):
        for number, element in enumerate(value):
            yield from find(element, kind, f"{place}[{number}]")
    elif isinstance(value, dict) and "data" in value:
        stat_type = value.get("type")
        if stat_type not in (StatType.RISK, StatType.CARTOGRAPHY):  # they hold no objects
            own = _KIND_OF_TYPE.get(stat_type) if isinstance(stat_type, str) else None
            yield from find(value["data"], own or kind, f"{place}.data")
    elif isinstance(value, dict) and "json_object" in value:
        yield from find(value["json_object"], kind, f"{place}.json_object")
    else:
        yield Found(place or "The entry", value, kind)


# --- The forms of one


class _Control(msgspec.Struct):
    code: str
    measure: str


class _Category(Labelled, kw_only=True):
    controls: Sequence[_Control] = ()


class _Value(msgspec.Struct):
    uuid: str
    code: str
    category: str


class _Entry(Labelled, kw_only=True):
    """All three forms at once."""

    kind: str | None = None
    uuid: str | None = None
    referential: str | None = None
    label: str | None = None
    language: str | None = None
    categories: Sequence[_Category] = ()
    current: Sequence[_Category] = ()
    target: Sequence[_Category] = ()
    values: Sequence[_Value] = ()


def read(value: Any, kind: Kind | None) -> Entry:
    """The entry that a value of parsed JSON is. Raises `BadInput` saying what is wrong with it."""
    if not isinstance(value, dict):
        raise BadInput("It must be an object.")
    try:
        form = msgspec.convert(value, _Entry)
    except msgspec.ValidationError as error:
        raise _bad_input(values.unfit(str(error))) from None
    try:
        return _entry(form, _kind(form, value, kind))
    except Refusal as refusal:
        raise _bad_input(refusal) from None


def made(kind: Kind, uuid: str, labels: Iterable[str]) -> Entry:
    """The entry of an object without categories. Raises `BadInput` where the UUID or a label is not good."""
    return read({"kind": kind, "uuid": uuid, **_labelled(labels)}, kind)


def _bad_input(refusal: Refusal) -> BadInput:
    field = refusal.field.removeprefix("data").removeprefix(".") or "It"
    return BadInput(f"{field} {refusal.reason}.")


def _kind(form: _Entry, value: dict[str, Any], kind: Kind | None) -> Kind:
    if form.kind is not None:
        if form.kind not in _KINDS:
            raise Refusal(f"must be one of {', '.join(_KINDS)}", "kind")
        return _KINDS[form.kind]
    if value.keys() & {"categories", "current", "target", "values"}:
        return "referential"
    if value.keys() & {"theme", "c", "i", "a"}:  # of MOSP's objects, threats have these
        return "threat"
    if kind is None:
        raise Refusal("could be a threat or a vulnerability: say which with --kind")
    return kind


def _entry(form: _Entry, kind: Kind) -> Entry:
    uuid = form.referential if form.uuid is None else form.uuid
    if uuid is None:
        raise Refusal("is missing", "uuid")
    language = _language(form)
    labels = _checked_labels(form.labels())
    if form.label is not None:
        labels = merged_labels(labels, _in(language, _checked(form.label, "label")))
    if labels == NO_LABELS:
        raise Refusal("has no label")
    categories: tuple[Category, ...] = ()
    if kind == "referential":
        listed = [_category(category) for category in (*form.categories, *form.current, *form.target)]
        categories = merged_categories((), (*listed, *_mosp_categories(form.values, language)))
    return Entry(kind, values.uuid(uuid), labels, categories)


def _language(form: _Entry) -> int:
    """The place of an MOSP object's language among the labels."""
    language = (form.language or "EN").upper()
    if form.label is not None and language not in LANGUAGES:
        raise Refusal(f"is {strict.shown(language)}: labels are in {', '.join(LANGUAGES)}", "language")
    return LANGUAGES.index(language) if language in LANGUAGES else 0


def _category(category: _Category) -> Category:
    controls = {_uuid(control.measure, "measure"): _checked(control.code, "code") for control in category.controls}
    return Category(_checked_labels(category.labels()), controls)


def _mosp_categories(measures: Sequence[_Value], language: int) -> Iterator[Category]:
    categories: dict[str, dict[str, str]] = {}
    for place, measure in enumerate(measures):
        try:
            label = _checked(measure.category, "category")
            categories.setdefault(label, {})[_uuid(measure.uuid, "uuid")] = _checked(measure.code, "code")
        except Refusal as refusal:
            raise refusal.within("values", place) from None
    return (Category(_in(language, label), controls) for label, controls in categories.items())


def _uuid(text: str, field: str) -> str:
    try:
        return values.uuid(text)
    except Refusal as refusal:
        raise Refusal(refusal.reason, field) from None


def _checked_labels(labels: Labels) -> Labels:
    first, second, third, fourth = (_checked(label, f"label{place}") for place, label in enumerate(labels, 1))
    return first, second, third, fourth


def _checked(text: str, field: str) -> str:
    text = tidy(text)
    if len(text) > LONGEST_LABEL or not is_printable(text):
        raise Refusal(f"must be at most {LONGEST_LABEL} printable characters", field)
    return text


def _in(language: int, label: str) -> Labels:
    first, second, third, fourth = (label if place == language else "" for place in range(len(LANGUAGES)))
    return first, second, third, fourth


# --- What they become


def written(entry: Entry) -> dict[str, Any]:
    """The entry in our own form."""
    said: dict[str, Any] = {"kind": entry.kind, "uuid": entry.uuid, **_labelled(entry.labels)}
    if entry.kind == "referential":
        said["categories"] = [
            {
                **_labelled(category.labels),
                "controls": [{"code": code, "measure": measure} for measure, code in category.controls.items()],
            }
            for category in entry.categories
        ]
    return said


def _labelled(labels: Iterable[str]) -> dict[str, str]:
    return {f"label{place}": label for place, label in enumerate(labels, 1)}
