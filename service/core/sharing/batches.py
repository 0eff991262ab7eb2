"""The rows that leave, as they leave: in batches, made anonymous.

Analyses come in the order of their pseudonyms, so that neither order nor batches tell which belong together. However
many rows there are, few are in memory at a time.
"""

import asyncio
import collections
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from uuid import UUID

import msgspec

from service.core.anonymous import Anonymised, SharedRow, Withheld, anonymise
from service.core.pseudonyms import Pseudonyms
from service.core.published import Catalogue
from service.errors import BadInput
from service.records import StatType
from service.storage import sharing as storage
from service.storage.sharing import Selection, Unsent

BATCH_ROWS = 500
BATCH_BYTES = 4 << 20
"""The most of a batch, unless a single row is more."""

KEPT_BYTES = 2 << 20
"""How much of what was made anonymous is kept: mostly the next day is the same."""

_encoder = msgspec.json.Encoder()


class Outgoing(msgspec.Struct, frozen=True):
    """A row as it leaves: its `uuid` there, and its JSON text. `withheld`: what of it stays here."""

    row: Unsent
    uuid: UUID
    text: bytes
    withheld: Sequence[Withheld]


class Batch(msgspec.Struct):
    """Rows to send at once, and those that cannot be made anonymous, with the reason."""

    rows: list[Outgoing] = msgspec.field(default_factory=list)
    unreadable: list[tuple[Unsent, str]] = msgspec.field(default_factory=list)
    size: int = 0

    def has_room(self, size: int) -> bool:
        """Whether a row of this size still goes into it."""
        return not self.rows or (len(self.rows) < BATCH_ROWS and self.size + size <= BATCH_BYTES)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What rows are taken from, and what they are made anonymous with. `server`: the number of the instance."""

    server: int
    wanted: Selection
    pseudonyms: Pseudonyms
    catalogue: Catalogue
    published_only: bool = False


async def batches(source: Source) -> AsyncGenerator[Batch, None]:
    """All rows of the source. Each batch is made ready while the one before it is made use of.

    A row that is deleted or replaced meanwhile may be left out: what it is now, the next push finds.
    """
    ready = _batches(source)
    ahead = asyncio.create_task(_next(ready))
    try:
        while batch := await ahead:
            ahead = asyncio.create_task(_next(ready))
            yield batch
    finally:
        await asyncio.gather(ahead, return_exceptions=True)  # not cancelled: it is using the database


async def _next(ready: AsyncIterator[Batch]) -> Batch | None:
    return await anext(ready, None)


async def _batches(source: Source) -> AsyncIterator[Batch]:
    batch = Batch()
    async for portion in _portions(source):
        batch.unreadable += portion.unreadable
        for outgoing in portion.rows:
            if not batch.has_room(len(outgoing.text)):
                yield batch
                batch = Batch()
            batch.rows.append(outgoing)
            batch.size += len(outgoing.text)
    if batch.rows or batch.unreadable:
        yield batch


async def _portions(source: Source) -> AsyncIterator[Batch]:
    """The rows, analysis by analysis, so few at a time that their data does not become much more than a batch's."""
    workshop = _Workshop(source)
    analyses = {
        source.pseudonyms.analysis(one.client, one.anr, one.generation): one
        for one in await storage.analyses(source.wanted.client)
    }
    for pseudonym in sorted(analyses):
        rows: Sequence[Unsent] = ()
        last = None
        while rows or (rows := await storage.unsent(source.server, analyses[pseudonym], source.wanted, last)):
            sizes = itertools.accumulate(row.size for row in rows)
            end = 1 + sum(size <= BATCH_BYTES for size in sizes)
            portion, rows = rows[:end], rows[end:]
            last = portion[-1].type, portion[-1].date
            yield await workshop.made(pseudonym, portion)


class _Workshop:
    """Makes rows anonymous, those of one payload once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._made: collections.OrderedDict[int, Anonymised | str] = collections.OrderedDict()
        self._size = 0

    async def made(self, analysis: UUID, rows: Sequence[Unsent]) -> Batch:
        """The rows of an analysis (by its pseudonym) as they leave, without those whose data is gone."""
        texts = await storage.texts({row.payload for row in rows if row.payload not in self._made})
        return await asyncio.to_thread(self._batch, analysis, rows, texts)

    def _batch(self, analysis: UUID, rows: Sequence[Unsent], texts: Mapping[int, bytes]) -> Batch:
        batch = Batch()
        for row in rows:
            made = self._of_payload(row, texts)
            if isinstance(made, Anonymised):
                batch.rows.append(self._outgoing(analysis, row, made))
            elif made is not None:
                batch.unreadable.append((row, made))
        while self._size > KEPT_BYTES:
            _, made = self._made.popitem(last=False)
            self._size -= _size(made)
        return batch

    def _of_payload(self, row: Unsent, texts: Mapping[int, bytes]) -> Anonymised | str | None:
        """What leaves of the row's data, or why nothing does; None where it is gone."""
        if row.payload not in self._made and row.payload in texts:
            made = self._anonymised(row.type, texts[row.payload])
            self._made[row.payload] = made
            self._size += _size(made)
        return self._made.get(row.payload)

    def _anonymised(self, stat_type: StatType, text: bytes) -> Anonymised | str:
        source = self._source
        try:
            return anonymise(stat_type, text, source.catalogue, source.pseudonyms, published_only=source.published_only)
        except BadInput as error:
            return f"It cannot be made anonymous: {error.message}"

    def _outgoing(self, analysis: UUID, row: Unsent, made: Anonymised) -> Outgoing:
        uuid = self._source.pseudonyms.row(analysis, row.type, row.date)
        shared = SharedRow(uuid=uuid, anr=analysis, type=row.type, date=row.date, data=msgspec.Raw(made.data))
        return Outgoing(row, uuid, _encoder.encode(shared), made.withheld)


def _size(made: Anonymised | str) -> int:
    return len(made) if isinstance(made, str) else len(made.data)
