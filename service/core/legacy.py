"""The move: accounts and statistics out of the old service's database, which may still be in use.

A run can be cut off and repeated at any time, and takes what is not here yet. Of the rows of an account's analysis,
type and day the newest that is well-formed is taken. It is not where the row here is that very row, nor where the row
here is none of them: a Front Office has sent that one here itself. Rows keep their uuids, data its text as PostgreSQL
writes it (the old service kept no other).

What the old service has of an account that shares it shares itself, under other uuids than we would: shared from here
too, it would be there twice. So it is noted up to which day it has rows (`moved_until`); a push sends later ones only.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec

from service.core import payloads
from service.core.collect import DUPLICATE
from service.core.intake import Incoming, take
from service.core.legacy_fields import Row, meet, read_account, read_row
from service.errors import BadInput, Conflict
from service.storage import clients
from service.storage import legacy as storage
from service.storage.legacy import NewAccount, OldAccount, OldDatabase, OldRow, Place
from service.storage.stats import PayloadKey, RowToStore

BATCH_ROWS = 1_000
PORTION_BYTES = 16 << 20
"""What is stored in one transaction: rows of one account, about so many, whose data is not much larger than this."""

MOST_BYTES = 64 << 20
"""The longest data that is taken: as long as a body may be."""

_NOT_TAKEN = "Its account was not taken."
_NO_ACCOUNT = "client_id: there is no such account"

HereByPlace = Mapping[Place, tuple[UUID, bytes]]


class Skipped(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was not taken, or not as it was there or here, in the old database's words, and why. `account`: the name of
    the account it belongs to."""

    what: Literal["account", "row"]
    uuid: str | None
    account: str | None = None
    anr: str | None = None
    type: str | None = None
    date: str | None = None
    why: str


class Moved(msgspec.Struct):
    """How many accounts were made, were here already, were refused; and what became of the rows that were read.

    They were `stored` (`replaced`: those that took another's place), are `here` already, are `newer_here` (a Front
    Office has sent that day here itself), are `older` than another one of their day, or were `refused`.
    """

    accounts_made: int = 0
    accounts_here: int = 0
    accounts_refused: int = 0
    rows: int = 0
    stored: int = 0
    replaced: int = 0
    here: int = 0
    newer_here: int = 0
    older: int = 0
    refused: int = 0


async def move(
    url: str, *, dry_run: bool, skipped: Callable[[Skipped], object], progress: Callable[[int, int], object]
) -> Moved:
    """Take accounts and statistics from the old database at `url`, or with `dry_run` find out what would be taken.

    `skipped` is told of all that is not taken as it should have been, `progress` how many rows of how many are read.
    Raises `BadInput` where `url` is none or leads to another database, `Unavailable` where one of the two cannot be
    reached or is busy, `StorageFull`: what was stored before stays.
    """
    async with storage.opened(url) as old:
        run = _Move(old, dry_run=dry_run, skipped=skipped)
        await run.take_accounts()
        await run.take_rows(progress)
        return run.moved


_Group = list[Row]
"""The rows of one place that may be taken, the newest first."""


class _Portion(msgspec.Struct, frozen=True):
    """What is stored at once, read from both databases. `account_id` is None where a dry run did not make it."""

    account_id: int | None
    groups: list[_Group]
    here: HereByPlace
    texts: dict[PayloadKey, bytes]


class _Move:
    def __init__(self, old: OldDatabase, *, dry_run: bool, skipped: Callable[[Skipped], object]) -> None:
        self.moved = Moved()
        self._old = old
        self._dry_run = dry_run
        self._skipped = skipped
        self._accounts: dict[str | None, int | None] = {}  # the numbers that they have there and here
        self._names: dict[str | None, str | None] = {}
        self._sharing: set[str | None] = set()
        self._moved_until: dict[int, dt.date] = {}

    # --- Accounts

    async def take_accounts(self) -> None:
        """Make the accounts that are not here yet, and find those that are."""
        met: set[tuple[str, object]] = set()
        for old in await self._old.accounts():
            self._names[old.id] = old.name
            try:
                account = read_account(old)
                meet(account, met)
                number = await self._account_here(old, account)
            except (BadInput, Conflict) as error:
                self.moved.accounts_refused += 1
                self._skip_account(old, error.message)
            else:
                self._accounts[old.id] = number
                if account.is_sharing_enabled:
                    self._sharing.add(old.id)
                if number and not self._dry_run:
                    await storage.set_moved_until(number, dt.date.min)
                if account.latitude is None and (old.latitude or old.longitude):
                    self._skip_account(old, "Its coordinates are not on Earth: it was taken without them.")

    async def _account_here(self, old: OldAccount, account: NewAccount) -> int | None:
        """The number of the account here, made if need be. Raises `Conflict` where another one is in its place."""
        alike = await storage.accounts_like(account)
        for here in alike:
            if here.uuid == account.uuid:
                self.moved.accounts_here += 1
                return here.id
            # The same name with the same token: made here before the move, by the ansible role or ADMIN_TOKEN.
            if (here.name, here.token_hash) == (account.name, account.token_hash):
                self.moved.accounts_here += 1
                await self._adapt(here.uuid, old, account)
                return here.id
        if alike:
            what = "name" if any(here.name == account.name for here in alike) else "token"
            raise Conflict(f"Another account here has the same {what}.")
        number = None if self._dry_run else await storage.insert_account(account)
        self.moved.accounts_made += 1
        return number

    async def _adapt(self, uuid: UUID, old: OldAccount, account: NewAccount) -> None:
        """Let what was refused there be refused by the account here, and give it its place on the map if it has none.
        (Whoever made it here could not know: the ansible role's accounts all share.) Only once: later it is decided
        here."""
        here = await clients.find(uuid=uuid)
        if here is None or await storage.was_moved(here.id):
            return
        changes: dict[str, Any] = {}
        said = []
        if here.is_sharing_enabled and not account.is_sharing_enabled:
            changes["is_sharing_enabled"] = False
            said.append("it does not share")
        if here.is_active and not account.is_active:
            changes["is_active"] = False
            said.append("it is not active")
        if here.latitude is None and account.latitude is not None:
            changes |= {"latitude": account.latitude, "longitude": account.longitude}
            said.append("it is on the map")
        if changes:
            now = "It would become" if self._dry_run else "Now it is"
            self._skip_account(old, f"It was made here before. {now} as there: {', '.join(said)}.")
            if not self._dry_run:
                await clients.update(here.id, **changes)

    def _skip_account(self, old: OldAccount, why: str) -> None:
        self._skipped(Skipped(what="account", uuid=old.uuid, account=old.name, why=why))

    # --- Rows

    async def take_rows(self, progress: Callable[[int, int], object]) -> None:
        """Store the rows of the accounts that were found or made."""
        total = await self._old.count_rows()
        progress(0, total)
        async with contextlib.aclosing(_ahead(self._portions(lambda: progress(self.moved.rows, total)))) as portions:
            async for portion in portions:
                await self._take(portion)

    async def _portions(self, progress: Callable[[], object]) -> AsyncGenerator[_Portion, None]:
        """What there is to store, read from both databases; what is not to be stored is counted here."""
        async for batch in self._old.batches(BATCH_ROWS):
            self.moved.rows += len(batch)
            owner = batch[0].client_id
            if owner in self._accounts:
                account_id = self._accounts[owner]
                groups = self._groups(batch)
                if account_id and owner in self._sharing and not self._dry_run:
                    await self._note_moved(account_id, {day for _, _, day in groups})
                here = await storage.rows_here(account_id, groups) if account_id else {}
                wanted = [group for place, group in groups.items() if self._is_news(group, here.get(place))]
                digests = await self._old.digests(row.old.ctid for group in wanted for row in group)
                for portion in _divided([_with_digests(group, digests) for group in wanted]):
                    texts = await self._texts(row for group in portion for row in group)
                    yield _Portion(account_id, portion, here, texts)
            else:
                is_known = owner in self._names
                for row in batch:
                    self._refuse(row, _NOT_TAKEN if is_known else _NO_ACCOUNT)
            progress()

    async def _note_moved(self, account_id: int, days: set[dt.date]) -> None:
        """Note up to which day the old service has rows, before one of them is here to be pushed. Days to come are
        mistakes: they must not keep back what Front Offices will send here."""
        today = dt.datetime.now(dt.UTC).date()
        last = max((day for day in days if day <= today), default=dt.date.min)
        if last > self._moved_until.get(account_id, dt.date.min):
            self._moved_until[account_id] = last
            await storage.set_moved_until(account_id, last)

    def _groups(self, batch: Iterable[OldRow]) -> dict[Place, _Group]:
        """The rows whose fields are good, by their place."""
        groups: dict[Place, _Group] = {}
        for old in batch:
            try:
                row = read_row(old)
            except BadInput as error:
                self._refuse(old, error.message)
            else:
                groups.setdefault(row.place, []).append(row)
        return groups

    def _is_news(self, group: _Group, here: tuple[UUID, bytes] | None) -> bool:
        """Whether a row of the group may have to be stored, seeing what is `here` in its place."""
        if here is None:
            return True
        if here[0] == group[0].uuid:
            self.moved.here += 1
        elif here[0] not in {row.uuid for row in group}:
            self.moved.newer_here += 1
        else:
            return True  # one of the older ones is here
        self.moved.older += len(group) - 1
        return False

    async def _texts(self, rows: Iterable[Row]) -> dict[PayloadKey, bytes]:
        """The data of the rows, each different one once; not of those that are too long."""
        ctids = {row.payload: row.old.ctid for row in rows if row.digest and row.size <= MOST_BYTES}
        texts = await self._old.texts(ctids.values())
        return {payload: texts[ctid] for payload, ctid in ctids.items()}

    async def _take(self, portion: _Portion) -> None:
        """Store of each group the first row that is well-formed."""
        groups = self._candidates(portion, portion.groups)
        while groups:
            rows = [_incoming(index, group[0], portion.texts) for index, group in enumerate(groups)]
            if portion.account_id is None or self._dry_run:
                refused = await asyncio.to_thread(_unreadable, rows)
                self.moved.stored += len(rows) - len(refused)
                kept = (group for index, group in enumerate(groups) if index not in refused)
                self.moved.replaced += sum(group[0].place in portion.here for group in kept)
            else:
                refused = await self._store(portion.account_id, groups, rows)
            for index, group in enumerate(groups):
                if index in refused:
                    self._refuse(group[0].old, refused[index])
                else:
                    self.moved.older += len(group) - 1
            groups = self._candidates(portion, [groups[index][1:] for index in refused])

    def _candidates(self, portion: _Portion, groups: Iterable[_Group]) -> list[_Group]:
        """The groups of which something is left to be stored."""
        found = []
        for rows in groups:
            group = rows
            while group and group[0].payload not in portion.texts:
                too_long = f"data: is longer than {MOST_BYTES >> 20} MB"
                self._refuse(group[0].old, too_long if group[0].digest else "data: is missing")
                group = group[1:]
            if group and portion.here.get(group[0].place, (None, b""))[1] == group[0].digest:
                self.moved.here += 1
                self.moved.older += len(group) - 1
            elif group:
                found.append(group)
        return found

    async def _store(self, account_id: int, groups: Sequence[_Group], rows: Sequence[Incoming]) -> dict[int, str]:
        """Store rows; those that are refused, and why."""
        posted = max(group[0].posted for group in groups)
        taken = await take(account_id, rows, posted)
        self.moved.stored += len(taken.outcome.stored)
        self.moved.replaced += len(taken.outcome.replaced)
        return taken.refused | dict.fromkeys(taken.outcome.duplicates, DUPLICATE)

    def _refuse(self, row: OldRow, why: str) -> None:
        self.moved.refused += 1
        self._skipped(
            Skipped(
                what="row",
                uuid=row.uuid,
                account=self._names.get(row.client_id),
                anr=row.anr,
                type=row.type,
                date=row.date,
                why=why,
            )
        )


def _with_digests(group: _Group, digests: Mapping[str, tuple[bytes, int]]) -> _Group:
    found = [(row, digests.get(row.old.ctid, (b"", 0))) for row in group]
    return [msgspec.structs.replace(row, digest=digest, size=size) for row, (digest, size) in found]


def _divided(groups: Sequence[_Group]) -> Iterator[list[_Group]]:
    """The groups in portions whose data is not much longer than PORTION_BYTES, each payload counting once."""
    portion: list[_Group] = []
    counted: set[PayloadKey] = set()
    total = 0
    for group in groups:
        portion.append(group)
        for row in group:
            if row.size <= MOST_BYTES and row.payload not in counted:
                counted.add(row.payload)
                total += row.size
        if total >= PORTION_BYTES:
            yield portion
            portion, counted, total = [], set(), 0
    if portion:
        yield portion


# --- Storing


def _incoming(index: int, row: Row, texts: Mapping[PayloadKey, bytes]) -> Incoming:
    anr, stat_type, day = row.place
    head = RowToStore(index=index, uuid=row.uuid, anr=anr, type=stat_type, date=day, digest=row.digest)
    return Incoming(head=head, data=texts[row.payload])


def _unreadable(rows: Sequence[Incoming]) -> dict[int, str]:
    """The rows that would be refused, and why."""
    bad: dict[PayloadKey, str | None] = {}
    for row in rows:
        if row.payload not in bad:
            try:
                payloads.read(row.head.type, bytes(row.data))
            except BadInput as error:
                bad[row.payload] = error.message
            else:
                bad[row.payload] = None
    return {row.head.index: why for row in rows if (why := bad[row.payload])}


async def _ahead(portions: AsyncGenerator[_Portion, None]) -> AsyncGenerator[_Portion, None]:
    """The portions; while one is being stored, the next is read."""

    async def read() -> _Portion | None:
        return await anext(portions, None)

    task = asyncio.create_task(read())
    try:
        while portion := await task:
            task = asyncio.create_task(read())
            yield portion
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
