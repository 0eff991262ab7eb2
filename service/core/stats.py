"""Rows as they were sent: reading and deleting them, each account its own and an administrator all."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Sequence

import msgspec

from service.core.periods import months_before
from service.records import Account
from service.storage import rows as storage
from service.storage import stats as stored
from service.storage.rows import RowHead, RowQuery

__all__ = ["RowPage", "RowQuery", "count", "default_range", "delete_analysis", "export", "find", "rows_of"]

MONTHS_BY_DEFAULT = 3

_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")


class RowPage:
    """Rows found, as JSON text.

    `count`: how many rows match, whatever `offset` and `limit`; `size`: how many bytes `chunks` gives in all.
    """

    def __init__(self, count: int, query: RowQuery, heads: list[RowHead]) -> None:
        self.count = count
        self.offset = query.offset
        self.limit = query.limit
        self.size = sum(len(_opening(head)) + head.size + 1 for head in heads) + max(len(heads) - 1, 0)
        self._heads = heads
        self._rows: list[tuple[RowHead, bytes]] | None = None

    async def read(self) -> None:
        """Read the rows' data at once, where it is no more than is read at a time. Raises `RowReplaced`."""
        if self.size <= storage.PORTION_BYTES:
            self._rows = [row async for row in storage.read(self._heads)]

    async def chunks(self) -> AsyncIterator[bytes]:
        """The rows' JSON objects, with commas between them. Raises `RowReplaced` where they are not read yet and one
        was replaced meanwhile."""
        comma = b""
        async for head, data in storage.read(self._heads) if self._rows is None else _each(self._rows):
            yield b"".join((comma, _opening(head), data, b"}"))
            comma = b","


async def _each(rows: list[tuple[RowHead, bytes]]) -> AsyncIterator[tuple[RowHead, bytes]]:
    for row in rows:
        yield row


def _opening(head: RowHead) -> bytes:
    text = f'{{"uuid":"{head.uuid}","anr":"{head.anr}","type":"{head.type}","date":"{head.date}","data":'
    return text.encode()


def default_range(
    date_from: dt.date | None, date_to: dt.date | None, today: dt.date | None = None
) -> tuple[dt.date, dt.date]:
    """The range of days meant (both inclusive): by default the last three months, up to today (UTC)."""
    last = date_to or today or dt.datetime.now(dt.UTC).date()
    return date_from or months_before(last, MONTHS_BY_DEFAULT), last


async def find(account: Account, query: RowQuery) -> RowPage:
    """The rows that match, of the account or, for an administrator, of all. Missing dates as in `default_range`."""
    if not query.newest_only:
        date_from, date_to = default_range(query.date_from, query.date_to)
        query = msgspec.structs.replace(query, date_from=date_from, date_to=date_to)
    return await _page(account, query)


async def rows_of(account: Account, anr: uuid.UUID) -> RowPage:
    """All rows of an analysis, of the account or, for an administrator, of whoever has it."""
    return await _page(account, RowQuery(anrs=(anr,)))


async def _page(account: Account, query: RowQuery) -> RowPage:
    """Rows that are replaced while they are being found are looked for again. Raises `RowReplaced` in the end."""
    failures = 0
    while True:
        count, heads = await storage.heads(query, None if account.is_admin else account.id)
        page = RowPage(count, query, heads)
        try:
            await page.read()
        except storage.RowReplaced:
            failures += 1
            if failures == storage.ATTEMPTS:
                raise
        else:
            return page


async def delete_analysis(account: Account, anr: uuid.UUID) -> int:
    """Delete the rows of an analysis, the account's own or, for an administrator, everybody's; how many."""
    return await stored.delete_analysis(anr, None if account.is_admin else account.id)


async def count(accounts: Sequence[Account], query: RowQuery) -> int:
    """How many rows of these accounts match. Without dates: of all days."""
    return sum([await storage.count(query, account.id) for account in accounts])


async def export(accounts: Sequence[Account], query: RowQuery) -> AsyncIterator[bytes]:
    """The rows of these accounts that match, as lines of JSON: each as the API gives it, and whose it is (`client`).

    Without dates: of all days. Few are in memory at a time; one that is replaced meanwhile comes as it was or as it is.
    """
    for account in accounts:
        client = msgspec.json.encode({"name": account.name, "uuid": account.uuid})
        async for head, data in storage.read_all(query, account.id):
            # Line breaks stand between JSON's tokens only: in its strings they are escaped.
            line = data.translate(_ONE_LINE)
            yield b"".join((_opening(head), line, b',"client":', client, b"}\n"))
