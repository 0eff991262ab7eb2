"""What the demonstration's analyses are about: objects named in four languages, each with a UUID of its own.

The tables are text, so that a translator can read them: blocks parted by an empty line, in each a heading and
four labels (French, English, German, Dutch). A heading is a name and a number: what it counts, the table's module
says. The words are this project's own. They come from no standard and from no MONARC catalogue.
"""

import uuid
from typing import Final

import msgspec

_NAMESPACE: Final = uuid.UUID("0f6a7a4c-6d0b-4f63-9d53-6c4a1d1f2b90")
_LANGUAGES: Final = 4


class Entry(msgspec.Struct, frozen=True):
    """An object of the catalogue. `labels` are ready for a payload: `label1` (French) to `label4` (Dutch)."""

    name: str
    uuid: str
    number: int
    labels: dict[str, str | None]


def identity(kind: str, name: str) -> str:
    """The UUID of the object: always the same for the same kind and name, so that all analyses share it."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{name}"))


def entries(kind: str, table: str) -> list[Entry]:
    """The objects of a table (see above). A label that is `-` is null: its author wrote in one language only."""
    return [_entry(kind, block.strip().splitlines()) for block in table.strip().split("\n\n")]


def _entry(kind: str, lines: list[str]) -> Entry:
    heading, *labels = lines
    if len(labels) != _LANGUAGES:
        raise ValueError(f"{kind} {heading!r} has {len(labels)} labels instead of {_LANGUAGES}")
    name, number = heading.split()
    texts = {f"label{place}": None if label == "-" else label for place, label in enumerate(labels, start=1)}
    return Entry(name=name, uuid=identity(kind, name), number=int(number), labels=texts)
