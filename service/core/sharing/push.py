"""Sending rows to another instance, each once: what it has acknowledged is not sent again until it changes.

Before a batch is sent it is noted that it is, afterwards what became of each row. So a push may be killed at any time:
the next one sends again what is not known to have arrived, and rows have stable uuids, so that this is harmless.
"""

import contextlib
import datetime as dt
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from service.core import catalogue
from service.core.pseudonyms import Pseudonyms
from service.core.sharing.batches import Batch, Outgoing, Source, batches
from service.core.sharing.status import LOCK, ROWS_SHOWN
from service.core.stats import default_range
from service.errors import SettingsError, StatsServiceError
from service.peer import Peer, PeerUnusable, Receipt
from service.settings import Settings
from service.storage import locks, share_records
from service.storage import sharing as storage
from service.storage.share_records import Counts, RefusedRow
from service.storage.sharing import Selection, State, Unsent

BUDGET_SECONDS = 3600
"""How long a push may take; what is left then, it leaves for the next one."""

Progress = Callable[[int, int], object]
"""Is told how many rows were dealt with, and of how many."""

Outcome = tuple[Unsent, State, str | None]
"""What is known now of a row, and the reason where it was refused."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to share: rows of these days (None: as in `default_range`, without those days up to which the old service
    has shared an account's rows), of one account (None: of all that share).

    `published_only`: objects that are not published are left out altogether. `again`: also what the other instance
    refused, or has an older version of, though it has not changed since.
    """

    client: UUID | None = None
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    published_only: bool = False
    again: bool = False


class Pushed(Counts, kw_only=True):
    """What became of a push to `server`. `kept_old`: of how many rows an older version is there, which is not replaced;
    `moved`: how many were left to the old service; `refusals`: some of the rows that were refused."""

    server: str
    kept_old: int = 0
    moved: int = 0
    refusals: list[RefusedRow] = msgspec.field(default_factory=list)


async def source_of(server: int, wanted: Wanted) -> Source:
    """What a push to the instance of this number takes rows from."""
    date_from, date_to = default_range(wanted.date_from, wanted.date_to)
    return Source(
        server=server,
        wanted=Selection(
            date_from=date_from,
            date_to=date_to,
            client=wanted.client,
            again=wanted.again,
            moved=wanted.date_from is not None,
        ),
        pseudonyms=Pseudonyms(await storage.secret()),
        catalogue=await catalogue.load(),
        published_only=wanted.published_only,
    )


async def push(
    settings: Settings,
    wanted: Wanted,
    *,
    token: str = "",
    budget: float = BUDGET_SECONDS,
    progress: Progress = lambda _done, _total: None,
) -> Pushed:
    """Send to REMOTE_STATS_SERVER what it is not known to have. `token`: instead of REMOTE_STATS_TOKEN.

    `budget`: the seconds that it may take. Where the other instance cannot be used (any more), `error` says so, and
    what remains is `left`. Raises `SettingsError` where there is nobody to send to, `Conflict` where another push is
    running, `Unavailable` and `StorageFull` of the database here.
    """
    token = token or settings.remote_stats_token
    check(settings, token)
    async with locks.only_one(LOCK):
        server = await storage.server_id(settings.remote_stats_server)
        source = await source_of(server, wanted)
        pushed = Pushed(
            server=settings.remote_stats_server, left=await waiting(source), moved=await left_to_the_old(source)
        )
        run = await share_records.start_run(server, pushed.left)
        try:
            async with Peer(pushed.server, token, budget=budget) as peer:
                await _Push(source, peer, pushed, run, progress).send_all()
        except PeerUnusable as error:
            pushed.error = error.message
            pushed.left = await waiting(source)
        except StatsServiceError as error:
            pushed.error = error.message
            with contextlib.suppress(StatsServiceError):
                await share_records.note_run(run, pushed, ended=True)
            raise
        await share_records.note_run(run, pushed, ended=True)
    return pushed


def check(settings: Settings, token: str) -> None:
    """Raise `SettingsError` where nothing can be shared: without a token, or with this very instance."""
    url = settings.remote_stats_server
    if not token:
        message = f"REMOTE_STATS_TOKEN is not set: it is the token that the operator of {url} gave to this instance."
        raise SettingsError(message, {"REMOTE_STATS_TOKEN": message})
    if settings.instance_url and _address(settings.instance_url) == _address(url):
        message = f"REMOTE_STATS_SERVER is {url}, as is INSTANCE_URL: an instance does not share with itself."
        raise SettingsError(message, {"REMOTE_STATS_SERVER": message})


def _address(url: str) -> tuple[str | None, int | None, str]:
    """What two ways to write an address have in common. (Who listens to HTTP and to HTTPS is mostly the same.)"""
    parts = urlsplit(url)
    port = None if parts.port in {80, 443} else parts.port
    return parts.hostname, port, parts.path.rstrip("/")


async def waiting(source: Source) -> int:
    """How many rows there are to send."""
    return sum(one.rows for one in await storage.waiting(source.server, source.wanted))


async def left_to_the_old(source: Source) -> int:
    """How many rows there would be more to send, were they not of days up to which the old service has rows."""
    if source.wanted.moved or not await storage.has_moved():
        return 0
    wanted = msgspec.structs.replace(source.wanted, moved=True)
    return await waiting(msgspec.structs.replace(source, wanted=wanted)) - await waiting(source)


class _Push:
    """A push under way; what becomes of it is written to `pushed`."""

    def __init__(self, source: Source, peer: Peer, pushed: Pushed, run: int, progress: Progress) -> None:
        self._source, self._peer, self._pushed = source, peer, pushed
        self._run, self._progress = run, progress

    async def send_all(self) -> None:
        """Send all rows of the source. Raises `PeerUnusable`."""
        done, left, total = 0, 0, self._pushed.left
        async with contextlib.aclosing(batches(self._source)) as ready:
            async for batch in ready:
                self._progress(done, max(total, done))
                left += await self._send(batch)
                done += len(batch.rows) + len(batch.unreadable)
                self._pushed.left = max(total - done, 0) + left
                await share_records.note_run(self._run, self._pushed)
                if self._peer.over:
                    raise PeerUnusable(self._peer.over)
        self._pushed.left = left

    async def _send(self, batch: Batch) -> int:
        """Send a batch, and note what became of it; how many of its rows are left."""
        server = self._source.server
        rows = [one.row for one in batch.rows] + [row for row, _ in batch.unreadable]
        noted = set(await storage.note_sending(server, rows))
        going = [one for one in batch.rows if one.row in noted]
        receipt = await self._peer.post([(one.uuid, one.text) for one in going])
        outcomes: list[Outcome] = [(row, State.REFUSED, why) for row, why in batch.unreadable if row in noted]
        outcomes += filter(None, (_outcome(one, receipt) for one in going))
        await storage.note_outcome(server, outcomes)
        self._count(outcomes, receipt)
        return len(noted) - len(outcomes)

    def _count(self, outcomes: Sequence[Outcome], receipt: Receipt) -> None:
        pushed = self._pushed
        kept_old = sum(state is State.KEPT_OLD for _, state, _ in outcomes)
        refusals = [refusal(row, why) for row, state, why in outcomes if state is State.REFUSED]
        pushed.bytes += receipt.bytes
        pushed.sent += len(receipt.stored)
        pushed.already_there += len(receipt.already_there) - kept_old
        pushed.kept_old += kept_old
        pushed.refused += len(refusals)
        pushed.refusals += refusals[: ROWS_SHOWN - len(pushed.refusals)]


def _outcome(one: Outgoing, receipt: Receipt) -> Outcome | None:
    """What became of a row; None where no more is known than before."""
    if one.uuid in receipt.stored:
        return one.row, State.THERE, None
    if one.uuid in receipt.already_there:  # that is, a version of it
        return one.row, State.THERE if one.row.sending is State.SENDING else State.KEPT_OLD, None
    return (one.row, State.REFUSED, receipt.refused[one.uuid]) if one.uuid in receipt.refused else None


def refusal(row: Unsent, why: str | None) -> RefusedRow:
    """A row that is refused, and why."""
    analysis = row.analysis
    return RefusedRow(
        client=analysis.client, name=analysis.name, anr=analysis.anr, type=row.type, date=row.date, reason=why
    )
