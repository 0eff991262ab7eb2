"""Taking in rows whose fields are good: reading their payloads, and storing rows and payloads together.

What a Front Office posts (`core.collect`), what is imported and what another instance sends all come in through here.
"""

import asyncio
import datetime as dt
import zlib
from collections.abc import Mapping, Sequence

import msgspec

from service import figures
from service.core import payloads
from service.errors import BadInput, Conflict, Unavailable
from service.portions import portions
from service.records import Figure
from service.storage import keys as key_storage
from service.storage import stats as storage
from service.storage.stats import NewPayload, Outcome, PayloadKey, RowToStore

ATTEMPTS = 5

PORTION_BYTES = 4 << 20
"""How much of the rows' data is read before what was read of it is packed: bounds memory."""


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A row whose fields are good, but for its data, the JSON text of which is not read yet."""

    head: RowToStore
    data: bytes | msgspec.Raw

    @property
    def payload(self) -> PayloadKey:
        """What makes its payload the same as another within an account."""
        return self.head.anr, self.head.type, self.head.digest


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of rows. `outcome`: of those that were well-formed; `refused`: why the others are not, by index."""

    outcome: Outcome
    refused: dict[int, str]


async def take(account_id: int, rows: Sequence[Incoming], posted: dt.datetime | None = None) -> Taken:
    """Store rows of an account, all that are well-formed in one transaction. They are durable when this returns.

    No two rows may be of the same anr, type and date. `posted`: when the account sent them, if not now; it counts
    unless the account has posted since. Raises `Unavailable` where the database is busy, `StorageFull`, `Forbidden`
    where the account is gone; nothing is stored then.
    """
    new: dict[PayloadKey, NewPayload] = {}
    refused: dict[int, str] = {}
    for _ in range(ATTEMPTS):
        known = await storage.known_payloads(account_id, (row.payload for row in rows))
        bad = await _read([row for row in rows if row.payload not in known and row.payload not in new], new)
        refused |= {row.head.index: bad[row.payload] for row in rows if row.payload in bad}
        rows = [row for row in rows if row.payload not in bad]
        if not rows:
            return Taken(outcome=Outcome(stored={}, replaced=set(), duplicates=set()), refused=refused)
        try:
            outcome = await storage.store(account_id, [row.head for row in rows], new, posted)
        except (storage.PayloadsMissing, Conflict):
            continue  # another writer was quicker: look again
        except key_storage.KeysGone:
            key_storage.forget_numbers()  # a purge was quicker: what is packed with them stands for nothing now
            new.clear()
        else:
            return Taken(outcome=outcome, refused=refused)
    raise Unavailable("These analyses are being written to: try again in some seconds.")


async def _read(rows: Sequence[Incoming], new: dict[PayloadKey, NewPayload]) -> dict[PayloadKey, str]:
    """Read the payloads of rows into `new`; those that are refused, and why."""
    bad: dict[PayloadKey, str] = {}
    texts = {row.payload: row.data for row in rows}
    for items in portions(texts.items(), lambda item: len(memoryview(item[1])), PORTION_BYTES):
        portion = dict(items)
        found, refused = await asyncio.to_thread(_read_portion, portion)
        bad |= refused
        numbers = await key_storage.numbers_of({figure.key for read, _ in found.values() for figure in read})
        for payload, (read, deflated) in found.items():
            packed = figures.pack(figures.numbered(read, numbers))
            new[payload] = NewPayload(data=deflated, size=len(memoryview(portion[payload])), figures=packed)
    return bad


def _read_portion(
    texts: Mapping[PayloadKey, bytes | msgspec.Raw],
) -> tuple[dict[PayloadKey, tuple[list[Figure], bytes]], dict[PayloadKey, str]]:
    read: dict[PayloadKey, tuple[list[Figure], bytes]] = {}
    bad: dict[PayloadKey, str] = {}
    for payload, text in texts.items():
        try:
            read[payload] = payloads.read(payload[1], bytes(text)), zlib.compress(text, 1)
        except BadInput as error:
            bad[payload] = error.message
    return read, bad
