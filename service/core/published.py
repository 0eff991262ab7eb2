"""Published objects: what anybody may know that a house uses.

An `Entry` of the catalogue is one of them as it is kept; a `Catalogue` is all of them as anonymising looks things up.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

import msgspec

from service.core.shapes import Labels

Kind = Literal["threat", "vulnerability", "referential"]

NO_LABELS: Labels = ("", "", "", "")

_LINES = re.compile(r"[\t-\r\x85\u2028\u2029]+")


class Category(msgspec.Struct, frozen=True):
    """A category of a referential. `controls`: the codes of its measures by UUID."""

    labels: Labels
    controls: dict[str, str]


_NOTHING = Category(NO_LABELS, {})


class Entry(msgspec.Struct, frozen=True):
    """A published object. `uuid` is in lower case; only a referential has categories."""

    kind: Kind
    uuid: str
    labels: Labels
    categories: tuple[Category, ...] = ()


class PublishedReferential(msgspec.Struct, frozen=True):
    """A referential that is published. `categories`: their labels by language (0 to 3) and label; `measures`: the codes
    by UUID."""

    labels: Labels
    categories: Mapping[tuple[int, str], Labels] = {}
    measures: Mapping[str, str] = {}


class Catalogue(msgspec.Struct, frozen=True):
    """The published objects, by their UUIDs in lower case: the labels of threats and vulnerabilities, referentials."""

    threats: Mapping[str, Labels] = {}
    vulnerabilities: Mapping[str, Labels] = {}
    referentials: Mapping[str, PublishedReferential] = {}


def as_catalogue(entries: Iterable[Entry]) -> Catalogue:
    """The entries as anonymising looks things up in them."""
    made: dict[str, dict[str, Any]] = {kind: {} for kind in get_args(Kind)}
    for entry in entries:
        made[entry.kind][entry.uuid] = _referential(entry) if entry.kind == "referential" else entry.labels
    return Catalogue(made["threat"], made["vulnerability"], made["referential"])


def _referential(entry: Entry) -> PublishedReferential:
    categories: dict[tuple[int, str], Labels] = {}
    measures: dict[str, str] = {}
    for category in entry.categories:
        measures |= category.controls
        for language, label in enumerate(category.labels):
            if label:
                categories.setdefault((language, label), category.labels)
    return PublishedReferential(entry.labels, categories, measures)


def tidy(label: str) -> str:
    """A label as the catalogue writes it: on one line, without white space around it."""
    return label.strip() if label.isprintable() else _LINES.sub(" ", label).strip()


def is_printable(label: str) -> bool:
    """Whether a label holds nothing but letters, signs and blanks; French has blanks that do not break."""
    return label.replace("\xa0", " ").replace("\u202f", " ").isprintable()


# --- Several of one object


def merged(old: Entry, new: Entry) -> Entry:
    """One entry out of two of the same object: what both say is as the new one says it."""
    return Entry(
        old.kind, old.uuid, merged_labels(old.labels, new.labels), merged_categories(old.categories, new.categories)
    )


def merged_labels(old: Labels, new: Labels) -> Labels:
    """The new labels, and the old ones in languages that have no new one."""
    first, second, third, fourth = (label or before for before, label in zip(old, new, strict=True))
    return first, second, third, fourth


def merged_categories(old: tuple[Category, ...], new: Iterable[Category]) -> tuple[Category, ...]:
    """The same of categories. New ones come last; those of which nothing is known are left out."""
    categories = list(old)
    for category in new:
        if category == _NOTHING:
            continue
        likeness = [_likeness(known, category) for known in categories]
        best = max(likeness, default=0)
        if not best:
            categories.append(category)
            continue
        place = likeness.index(best)
        known = categories[place]
        labels = merged_labels(known.labels, category.labels)
        categories[place] = Category(labels, known.controls | category.controls)
    return tuple(categories)


def _likeness(one: Category, other: Category) -> int:
    """How sure it is that two are the same category; 0: they are not.

    They are where they have the same label in a language. Where they have no language in common (MOSP's objects are of
    one language each) they are where they have measures in common.
    """
    pairs = [(a, b) for a, b in zip(one.labels, other.labels, strict=True) if a and b]
    common = len(one.controls.keys() & other.controls.keys())
    if pairs:
        return 1 + len(one.controls) + common if any(a == b for a, b in pairs) else 0
    return common
