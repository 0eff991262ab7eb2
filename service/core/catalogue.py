"""The catalogue of published objects: those that are shipped, and those that the operator added.

What is in it may leave the house under its UUID and labels (`core.anonymous`). A shipped entry stays as it is; of one
that was added, what is said of it last counts.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from pathlib import Path

import msgspec

from service import mosp
from service.core import entries, published, strict
from service.core.entries import Found
from service.core.published import Catalogue, Entry, Kind
from service.errors import BadInput, Conflict, NotFound
from service.storage import catalogue as storage
from service.storage.catalogue import Stored

SHIPPED = Path(__file__).with_name("published.json")
"""The shipped entries in our own form: all objects of an analysis of MONARC's own catalogue."""

MOST_BYTES = 64 << 20
"""How long a file of entries may be."""

SCHEMAS: dict[str, Kind] = {
    "Threats": "threat",
    "Vulnerabilities": "vulnerability",
    "Security referentials": "referential",
}
"""The schemas of MOSP that the catalogue has objects of, by the names that https://objects.monarc.lu gives them."""


class Listed(msgspec.Struct, frozen=True):
    """An entry of the catalogue, and whether it came with the service."""

    entry: Entry
    is_shipped: bool


class Refused(msgspec.Struct, frozen=True):
    """What was not taken: where it stands, and why."""

    place: str
    why: str


class Taken(msgspec.Struct, kw_only=True):
    """What became of entries: how many are new, changed, were there already (shipped or just so), were refused."""

    added: int = 0
    changed: int = 0
    there: int = 0
    refused: list[Refused]


# --- Reading


@cache
def shipped() -> Mapping[str, Entry]:
    """The shipped entries by UUID."""
    found = (entries.read(value, None) for value in strict.decode(SHIPPED.read_bytes()))
    return {entry.uuid: entry for entry in found}


async def load() -> Catalogue:
    """The catalogue as anonymising wants it."""
    return published.as_catalogue(listed.entry for listed in await find())


async def find(text: str = "", kind: Kind | None = None) -> list[Listed]:
    """The entries by kind and UUID: all, or those of a kind, and with `text` in the UUID or a label."""
    added = [Listed(_entry(stored), is_shipped=False) for stored in await storage.find_all()]
    listed = [Listed(entry, is_shipped=True) for entry in shipped().values()]
    listed += (one for one in added if one.entry.uuid not in shipped())
    wanted = text.casefold()
    return sorted(
        (
            one
            for one in listed
            if kind in (None, one.entry.kind)
            and (wanted in one.entry.uuid or any(wanted in label.casefold() for label in one.entry.labels))
        ),
        key=lambda one: (one.entry.kind, one.entry.uuid),
    )


async def get(uuid: str) -> Listed:
    """The entry of this UUID. Raises `NotFound`."""
    for one in await find():
        if one.entry.uuid == uuid.lower():
            return one
    raise NotFound(f"The catalogue has no entry with the UUID {uuid}.")


# --- Changing


async def take(kind: Kind | None, text: bytes) -> Taken:
    """Add the entries of a file's JSON text, in any form of `core.entries`. `kind`: of those that say none themselves.

    Those that are not good are refused. Raises `BadInput` where the text is no JSON at all.
    """
    return await _take(list(entries.find(strict.decode(text), kind)))


async def add(entry: Entry) -> Taken:
    """Add an entry, or to an entry. Raises `Conflict` where its UUID is that of an object of another kind."""
    taken = Taken(refused=[])
    await _put([("", entry)], taken)
    for refused in taken.refused:
        raise Conflict(refused.why)
    return taken


async def fetch(mosp_url: str, progress: Callable[[int, int], object]) -> Taken:
    """Add the objects that are published on MOSP; nothing is added before all are read.

    `progress` is told how many of how many of a schema are read. Raises `mosp.MospUnusable`.
    """
    found: list[Found] = []
    unread: list[Refused] = []
    for schema, kind in SCHEMAS.items():
        texts = await mosp.objects(mosp_url, schema, progress)
        for place, text in enumerate(reversed(texts)):  # those that were changed last come last, and win
            name = f"{schema}[{len(texts) - 1 - place}]"
            try:
                found.append(Found(name, strict.decode(text), kind))
            except BadInput as error:
                unread.append(Refused(name, error.message))
    taken = await _take(found)
    taken.refused += unread
    return taken


async def remove(uuid: str) -> Entry:
    """Take an added entry out; what it was. Raises `NotFound`, and `Conflict` for a shipped one."""
    one = await get(uuid)
    if one.is_shipped:
        raise Conflict(f"{one.entry.uuid} ships with the service and cannot be removed.")
    await storage.delete(one.entry.uuid)
    return one.entry


async def _take(found: Collection[Found]) -> Taken:
    """Add what of these are entries."""
    taken = Taken(refused=[])
    good: list[tuple[str, Entry]] = []
    for one in found:
        try:
            good.append((one.place, entries.read(one.value, one.kind)))
        except BadInput as error:
            taken.refused.append(Refused(one.place, error.message))
    await _put(good, taken)
    return taken


async def _put(placed: Iterable[tuple[str, Entry]], taken: Taken) -> None:
    """Store entries, and count them by UUID. What they say of an object is put together."""
    new: dict[str, Entry] = {}
    for place, entry in placed:
        known = new.get(entry.uuid) or shipped().get(entry.uuid)
        if known and known.kind != entry.kind:
            taken.refused.append(Refused(place, f"{entry.uuid} is a {known.kind}."))
        else:
            new[entry.uuid] = published.merged(new[entry.uuid], entry) if entry.uuid in new else entry
    taken.there += len(new.keys() & shipped().keys())
    ours = {uuid: entry for uuid, entry in new.items() if uuid not in shipped()}
    if ours:
        await storage.change(ours, lambda stored: _changed(ours, stored, taken))


def _changed(new: Mapping[str, Entry], stored: Mapping[str, Stored], taken: Taken) -> list[Stored]:
    """What has to be stored so that the new entries are there as well."""
    changes = []
    for uuid, entry in sorted(new.items()):
        if uuid not in stored:
            taken.added += 1
            changes.append(_stored(entry))
            continue
        old = _entry(stored[uuid])
        both = published.merged(old, entry)
        if old.kind != entry.kind:
            taken.refused.append(Refused(uuid, f"{uuid} is a {old.kind}: remove it first."))
        elif both == old:
            taken.there += 1
        else:
            taken.changed += 1
            changes.append(_stored(both))
    return changes


def _entry(stored: Stored) -> Entry:
    return entries.read(strict.decode(stored.content.encode()), None)


def _stored(entry: Entry) -> Stored:
    return Stored(entry.uuid, entry.kind, msgspec.json.encode(entries.written(entry)).decode())
