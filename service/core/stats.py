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
        self._heads = heads
        self.size = sum(len(_opening(head)) + head.size + 1 for head in heads) + max(len(heads) - 1, 0)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The rows' JSON objects, with commas between them. Raises `Unavailable` where one was replaced meanwhile."""
        comma = b""
        async for head, data in storage.read(self._heads):
            yield b"".join((comma, _opening(head), data, b"}"))
            comma = b","


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
    return RowPage(*await _heads(account, query))


async def rows_of(account: Account, anr: uuid.UUID) -> RowPage:
    """All rows of an analysis, of the account or, for an administrator, of whoever has it."""
    return RowPage(*await _heads(account, RowQuery(anrs=(anr,))))


async def _heads(account: Account, query: RowQuery) -> tuple[int, RowQuery, list[RowHead]]:
    count, heads = await storage.heads(query, None if account.is_admin else account.id)
    return count, query, heads


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
