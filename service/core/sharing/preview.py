"""What the next push would send, without sending it."""

import collections
import contextlib
import datetime as dt
from collections.abc import Callable
from typing import get_args
from uuid import UUID

import msgspec

from service.core.anonymous import Withheld, WithheldKind
from service.core.sharing.batches import Batch, Outgoing, batches
from service.core.sharing.push import Progress, Wanted, check, left_to_the_old, refusal, source_of, waiting
from service.core.sharing.status import ROWS_SHOWN
from service.peer import Peer, Request
from service.records import StatType
from service.settings import Settings
from service.storage import sharing as storage
from service.storage.share_records import RefusedRow

_IN_ITS_PLACE = "-"  # a token is left out of what is shown, and need not be there yet


class Part(msgspec.Struct, kw_only=True):
    """What would be sent of an account's analysis and type. `bytes`: of the rows' JSON, as long as it is not packed."""

    client: UUID
    name: str
    anr: UUID
    type: StatType
    first_date: dt.date
    last_date: dt.date
    rows: int = 0
    bytes: int = 0


class WithheldLabel(msgspec.Struct, frozen=True):
    """A label that stays here, and in how many rows it is."""

    kind: str
    uuid: str | None
    label: str
    rows: int


class Preview(msgspec.Struct, kw_only=True):
    """What a push to `server` would send: in all, and by analysis and type (in the order of the accounts' names).

    `moved`: how many rows are left to the old service. `withheld`: what of the others stays here. `refused`: how many
    rows would not be sent, as they cannot be made anonymous, and `refusals` some of them.
    """

    server: str
    rows: int = 0
    bytes: int = 0
    moved: int = 0
    parts: list[Part] = msgspec.field(default_factory=list)
    withheld: list[WithheldLabel] = msgspec.field(default_factory=list)
    refused: int = 0
    refusals: list[RefusedRow] = msgspec.field(default_factory=list)


async def preview(
    settings: Settings,
    wanted: Wanted,
    *,
    dump: Callable[[bytes], object] | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Preview:
    """What a push would send to REMOTE_STATS_SERVER as things are.

    `dump` is given its requests one by one, as lines of JSON: method, url, headers without the token, and as `body` the
    body itself, as it is where it is not packed. Raises `SettingsError` as `push` does, but for a missing token.
    """
    token = settings.remote_stats_token or _IN_ITS_PLACE
    check(settings, token)
    seen = Preview(server=settings.remote_stats_server)
    source = await source_of(await storage.known_server(seen.server), wanted)
    total = await waiting(source)
    seen.moved = await left_to_the_old(source)
    tally = _Tally(seen)
    async with Peer(seen.server, token, budget=0) as peer, contextlib.aclosing(batches(source)) as ready:
        async for batch in ready:
            progress(seen.rows, max(total, seen.rows))
            tally.add(batch)
            if dump and batch.rows:
                dump(_line(peer.request([(one.uuid, one.text) for one in batch.rows])))
    tally.finish()
    return seen


def _line(request: Request) -> bytes:
    said = {"method": request.method, "url": request.url, "headers": request.headers, "body": msgspec.Raw(request.body)}
    return msgspec.json.encode(said) + b"\n"


class _Tally:
    """Counts what is in batches, for a preview."""

    def __init__(self, seen: Preview) -> None:
        self._seen = seen
        self._parts: dict[tuple[UUID, UUID, StatType], Part] = {}
        self._withheld: collections.Counter[Withheld] = collections.Counter()

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        for one in batch.rows:
            self._count(one)
            self._withheld.update(one.withheld)
        self._seen.rows += len(batch.rows)
        self._seen.bytes += batch.size
        self._seen.refused += len(batch.unreadable)
        refusals = [refusal(row, why) for row, why in batch.unreadable]
        self._seen.refusals += refusals[: ROWS_SHOWN - len(self._seen.refusals)]

    def _count(self, one: Outgoing) -> None:
        row, analysis = one.row, one.row.analysis
        part = self._parts.setdefault(
            (analysis.client, analysis.anr, row.type),
            Part(
                client=analysis.client,
                name=analysis.name,
                anr=analysis.anr,
                type=row.type,
                first_date=row.date,
                last_date=row.date,
            ),
        )
        part.rows += 1
        part.bytes += len(one.text)
        part.last_date = row.date  # they come by date

    def finish(self) -> None:
        """Put in order what was counted."""
        types = list(StatType)
        self._seen.parts = sorted(self._parts.values(), key=lambda part: (part.name, part.anr, types.index(part.type)))
        kinds = get_args(WithheldKind)
        self._seen.withheld = [
            WithheldLabel(kind=one.kind, uuid=one.uuid, label=one.label, rows=rows)
            for one, rows in sorted(
                self._withheld.items(), key=lambda item: (kinds.index(item[0].kind), -item[1], item[0].label)
            )
        ]
