"""Pulling rows from another instance into an account here: a day and a type at a time, going on where it was.

Old instances give the rows of an answer in no order, so it is days that are read as a whole. Of each type one span of
days is noted that is complete (`storage.pulls`); it grows at its ends. Its last day is read again, as the other
instance may have got more rows of it since.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

import msgspec

from service.core.intake import Incoming, take
from service.core.stats import default_range
from service.peer import Peer, PeerUnusable, RemoteRow
from service.portions import portions
from service.records import Account, StatType
from service.storage import locks, pulls, sharing
from service.storage.pulls import Span
from service.storage.stats import RowToStore

DAY = dt.timedelta(days=1)

FIRST_DAY = dt.date(2000, 1, 1)
"""No day before it is asked for: MONARC is younger, and a slip of the pen would mean each day of two thousand years."""

BUDGET_SECONDS = 3_600.0
"""How long a pull may take. The next one goes on where it was."""

PORTION_BYTES = 8 << 20
"""About how much of the rows' data is stored in one transaction."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to pull: rows of these types, from and to these days (None: as in `default_range`), for an account here.

    `anew`: also what is known to be here.
    """

    account: Account
    types: Sequence[StatType] = tuple(StatType)
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    anew: bool = False


class NotTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the other instance that is not here, and why."""

    uuid: UUID
    anr: UUID
    type: StatType
    date: dt.date
    why: str


class Pulled(msgspec.Struct, kw_only=True):
    """What became of a pull.

    `server`: where from. `days`: how many days were read, each type by itself. Of the rows `read`, `stored` are here
    now, `replaced` of them in the place of another version or of the same, and `refused` are not. `error`: why it ended
    before all was read.
    """

    server: str
    days: int = 0
    read: int = 0
    stored: int = 0
    replaced: int = 0
    refused: int = 0
    error: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all that was wanted is here."""
        return self.error is None and not self.refused


async def pull(
    server: str,
    token: str,
    wanted: Wanted,
    *,
    refused: Callable[[NotTaken], object],
    progress: Callable[[int, int], object] = lambda _done, _total: None,
) -> Pulled:
    """Pull the rows that the other instance gives to this token.

    `refused` is told each row that cannot be here, `progress` how many days have been read and how many are to be, each
    type by itself. Raises `PeerUnusable` for an address or a token of the wrong form, `Conflict` where another pull is
    running, `Unavailable` where the database is busy: the days that were read whole until then are here, and noted.
    """
    pulled = Pulled(server=server)
    async with locks.only_one("pull"), Peer(server, token, budget=BUDGET_SECONDS) as peer:
        number = await sharing.server_id(server)
        if wanted.anew:
            await pulls.forget(number, wanted.account.uuid, wanted.types)
        plan = [(kind, *step) for kind in wanted.types for step in await _steps(number, wanted, kind)]
        try:
            for stat_type, day, known in plan:
                progress(pulled.days, len(plan))
                rows = await peer.rows(stat_type, day, day)
                await _Day(wanted.account, stat_type, day, pulled, refused).take(rows)
                await pulls.set_span(number, wanted.account.uuid, stat_type, known)
                pulled.days += 1
        except PeerUnusable as error:
            pulled.error = error.message
    return pulled


async def _steps(server: int, wanted: Wanted, stat_type: StatType) -> list[tuple[dt.date, Span]]:
    """The days of a type to read. None of days to come: noted as complete, they would never be read."""
    today = dt.datetime.now(dt.UTC).date()
    first, last = default_range(wanted.date_from, wanted.date_to, today)
    days = max(first, FIRST_DAY), min(last, today)
    return list(steps(days, await pulls.span(server, wanted.account.uuid, stat_type)))


def steps(wanted: Span, known: Span | None) -> Iterator[tuple[dt.date, Span]]:
    """The days to read, each with the span of days that is complete when it has been read.

    Of two spans with a gap between them only one can be noted: it is the wanted one then.
    """
    first, last = wanted
    if known is None or first > known[1] + DAY or last < known[0] - DAY:
        yield from ((day, (first, day)) for day in _days(first, last))
        return
    begin, end = known
    yield from ((day, (begin, day)) for day in _days(end, last))
    end = max(end, last)
    yield from ((day, (day, end)) for day in reversed(_days(first, begin - DAY)))


def _days(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + number * DAY for number in range((last - first).days + 1)]


class _Day:
    """The other instance's rows of a day and type on their way into an account."""

    def __init__(
        self, account: Account, stat_type: StatType, day: dt.date, pulled: Pulled, refused: Callable[[NotTaken], object]
    ) -> None:
        self._account = account
        self._type = stat_type
        self._day = day
        self._pulled = pulled
        self._refused = refused

    async def take(self, rows: Sequence[RemoteRow]) -> None:
        """Store them; of several of an analysis, as old instances have them, the last."""
        self._pulled.read += len(rows)
        for row in rows:
            if (row.type, row.date) != (self._type, self._day):
                self._refuse(row, f"{self._type} rows of {self._day} were asked for")
        fitting = {row.anr: row for row in rows if (row.type, row.date) == (self._type, self._day)}
        for portion in portions(fitting.values(), lambda row: len(memoryview(row.data)), PORTION_BYTES):
            await self._store(portion, keeping_uuids=True)

    async def _store(self, rows: Sequence[RemoteRow], *, keeping_uuids: bool) -> None:
        """Store a portion. A row whose uuid is another row's here gets one of its own."""
        incoming = [_incoming(index, row, row.uuid if keeping_uuids else None) for index, row in enumerate(rows)]
        # Nobody knows when the day's rows were posted; and a pull makes no account look fresher than it is.
        taken = await take(self._account.id, incoming, dt.datetime.combine(self._day, dt.time(), dt.UTC))
        self._pulled.stored += len(taken.outcome.stored)
        self._pulled.replaced += len(taken.outcome.replaced)
        for index, why in taken.refused.items():
            self._refuse(rows[index], why)
        if taken.outcome.duplicates:
            await self._store([rows[index] for index in sorted(taken.outcome.duplicates)], keeping_uuids=False)

    def _refuse(self, row: RemoteRow, why: str) -> None:
        self._pulled.refused += 1
        self._refused(NotTaken(uuid=row.uuid, anr=row.anr, type=row.type, date=row.date, why=why))


def _incoming(index: int, row: RemoteRow, uuid: UUID | None) -> Incoming:
    digest = hashlib.sha256(row.data).digest()
    head = RowToStore(index=index, uuid=uuid, anr=row.anr, type=row.type, date=row.date, digest=digest)
    return Incoming(head=head, data=row.data)
