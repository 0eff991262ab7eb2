"""Recounting all that is kept beside the rows, and mending what differs.

What was sent is the truth; figures, sums, keys and sizes follow from it and can be made anew. What belongs to nothing
is deleted. What was sent and is damaged cannot be made anew: that is told, and stays as it is.
"""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from service import figures
from service.core import payloads
from service.errors import BadInput, Unavailable
from service.records import Figure, Figures, Key
from service.storage import clients, keys, recount
from service.storage import verify as storage
from service.storage.models import TYPES
from service.storage.verify import PayloadRow, Place

ATTEMPTS = 5

MOST_REMEMBERED = 50_000
"""How many keys' numbers are remembered; then it begins anew."""

_STRAYS = {
    "analysis": "Analyses of an account that does not exist",
    "account_day": "Sums of days of an account that does not exist",
    "stat": "Rows of an analysis that does not exist",
    "payload": "Payloads of an analysis that does not exist",
}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it should be: `what`, and what was `done` about it; None for nothing.

    Where: the account's name and the analysis, type and days, as far as it concerns one. Sums of no account are those
    of all accounts together.
    """

    what: str
    account: str | None = None
    anr: str | None = None
    type: str | None = None
    date: str | None = None
    done: str | None = None


class Counted(msgspec.Struct):
    """How much was looked at."""

    accounts: int = 0
    analyses: int = 0
    rows: int = 0
    payloads: int = 0


class _Fault(msgspec.Struct, frozen=True):
    """A difference and what mends it, which tells how much it changed: 0 where, on looking again, all is well."""

    difference: Difference
    mend: Callable[[], Awaitable[int]] | None = None
    done: str = "Deleted"


class Verification:
    """Looks at everything once, and mends what it can if `repair`. `counted`: how much it has looked at by now."""

    def __init__(self, *, repair: bool) -> None:
        self.counted = Counted()
        self._repair = repair
        self._numbers: dict[Key, int | None] = {}
        self._damaged_keys: dict[str, int] = {}
        self._key_texts: dict[str, str] = {}

    async def differences(self) -> AsyncIterator[Difference]:
        """All that differs. Raises `Unavailable` where the database is busy; what was mended by then stays it."""
        damage = await storage.file_damage()
        for line in damage:
            yield Difference(what=f"The database file is damaged, restore a backup: {line}")
        if damage:
            return  # nothing that is read from it tells anything
        async for fault in self._faults():
            if not self._repair or fault.mend is None:
                yield fault.difference
            elif await fault.mend():
                yield msgspec.structs.replace(fault.difference, done=fault.done)

    async def _faults(self) -> AsyncIterator[_Fault]:
        """All faults. Each is mended before the next is looked for, which may follow from it."""
        names = {account.id: account.name for account in await clients.find_all()}
        async for number, digest, text in storage.key_texts():
            if hashlib.sha256(text.encode()).hexdigest() != digest:
                self._damaged_keys[digest] = number
        for table, what in _STRAYS.items():
            for place, count in await storage.strays(table):
                account = names.get(place.account, f"number {place.account}")
                difference = Difference(what=f"{what}: {count}", account=account)
                yield _Fault(difference, partial(storage.delete_strays, table, place))
        for number, name in names.items():
            self.counted.accounts += 1
            for analysis, anr in await storage.analyses(number):
                async for fault in self._analysis(Place(number, analysis), Difference(what="", account=name, anr=anr)):
                    yield fault
        for fault in self._keys():
            yield fault
        async for fault in self._days(names):
            yield fault

    async def _analysis(self, place: Place, where: Difference) -> AsyncIterator[_Fault]:
        self.counted.analyses += 1
        self.counted.rows += await storage.row_count(place)
        for uuid, code, date in await storage.rows_without_payload(place):
            at = _at(where, f"The data of row {uuid} is gone", code, [date])
            yield _Fault(at, partial(storage.delete_row, place, uuid, code, date), "Deleted the row")
        for code, date, count in await storage.double_rows(place):
            at = _at(where, f"Rows of one type and day: {count}", code, [date])
            done = "Deleted all but the one whose data was stored last"
            yield _Fault(at, partial(storage.delete_double_rows, place, code, date), done)
        if unused := await storage.unused_payloads(place):
            at = msgspec.structs.replace(where, what=f"Payloads that no row has: {unused}")
            yield _Fault(at, partial(storage.delete_unused_payloads, place))
        if await storage.is_empty(place):
            at = msgspec.structs.replace(where, what="An analysis without rows")
            yield _Fault(at, partial(storage.delete_if_empty, place))
        async for portion in storage.payloads(place):
            self.counted.payloads += len(portion)
            for row, read in await asyncio.to_thread(_examined, portion):
                async for fault in self._payload(place, where, row, read):
                    yield fault

    async def _payload(
        self, place: Place, where: Difference, row: PayloadRow, read: "_Read | str"
    ) -> AsyncIterator[_Fault]:
        if isinstance(read, str):
            yield _Fault(_at(where, read, row.code, await storage.days_of(place, row.id)))
            return
        if row.size != read.size:
            what = f"The size of the data is said to be {row.size} bytes, and is {read.size}"
            at = _at(where, what, row.code, await storage.days_of(place, row.id))
            yield _Fault(at, partial(storage.set_size, place, row.id, read.size), "Mended")
        if await self._differs(row, read.figures):
            at = _at(where, "The figures are not those of the data", row.code, await storage.days_of(place, row.id))
            yield _Fault(at, partial(_set_figures, place, row, read.figures), "Mended")

    async def _differs(self, row: PayloadRow, read: Iterable[Figure]) -> bool:
        """Whether the figures of a payload are others than those that were read from its data."""
        wanted = {figure.key for figure in read}
        await self._learn(wanted - self._numbers.keys())
        if _is_as_read(row, read, self._numbers):
            return False
        # Since a number was learnt, the last payload that had its key may have gone, and the key have got another one.
        # The keys of a payload stay as long as it does: so the payload is asked for last.
        await self._learn(wanted)
        again = await storage.payload(row.id)
        return again is not None and not _is_as_read(again, read, self._numbers)

    async def _learn(self, wanted: Iterable[Key]) -> None:
        """Learn the numbers of these keys."""
        digests = {keys.digest_of(key): key for key in wanted}
        if len(self._numbers) > MOST_REMEMBERED:
            self._numbers.clear()
        numbers = await storage.key_numbers(digests)
        for digest, key in digests.items():
            self._numbers[key] = numbers.get(digest)
            if digest in self._damaged_keys:
                self._key_texts[digest] = msgspec.json.encode(key).decode()

    def _keys(self) -> Iterable[_Fault]:
        """The damaged keys, when all payloads were read: what they are about is known from those that have them."""
        for digest, number in self._damaged_keys.items():
            difference = Difference(what=f"The key {number} of figures (an object and its labels) is damaged")
            if text := self._key_texts.get(digest):
                done = "Mended; a service that runs has to be started anew"
                yield _Fault(difference, partial(storage.set_key, number, text), done)
            else:
                yield _Fault(difference, partial(_remove_unused_keys), "Removed the keys that no payload has")

    async def _days(self, names: Mapping[int, str]) -> AsyncIterator[_Fault]:
        for code, first, last in await recount.days():
            for wrong in await recount.wrong_days(code, first, last):
                account = None if wrong.account is None else names.get(wrong.account, f"number {wrong.account}")
                at = _at(Difference(what="", account=account), wrong.what, code, [wrong.date])
                mend = partial(recount.make_anew, wrong.account, code, wrong.date)
                yield _Fault(at, mend, "It is made anew when it is next asked for")


class _Read(msgspec.Struct, frozen=True):
    """What a payload's data says: its size, and its figures."""

    size: int
    figures: list[Figure]


def _examined(portion: Iterable[PayloadRow]) -> list[tuple[PayloadRow, _Read | str]]:
    return [(row, _read(row)) for row in portion]


def _read(row: PayloadRow) -> _Read | str:
    """What the data says, or what is wrong with it."""
    stat_type = TYPES.get(row.code)
    if stat_type is None:
        return f"The data is of type number {row.code}, which does not exist"
    try:
        text = zlib.decompress(row.data)
    except zlib.error:
        return "The data is damaged: it cannot be unpacked"
    if hashlib.sha256(text).digest() != row.digest:
        return "The data is damaged: it is not what was sent"
    try:
        return _Read(len(text), payloads.read(stat_type, text))
    except BadInput as error:
        return f"The data is not what this version takes: {error.message}"


def _is_as_read(row: PayloadRow, read: Iterable[Figure], numbers: Mapping[Key, int | None]) -> bool:
    try:
        stored: Figures = figures.unpack(row.figures)
    except msgspec.MsgspecError:
        return False
    return stored == figures.numbered(read, numbers)


async def _set_figures(place: Place, row: PayloadRow, read: Iterable[Figure]) -> int:
    for _ in range(ATTEMPTS):
        numbers = await keys.numbers_of(figure.key for figure in read)
        try:
            return await storage.set_figures(place, row.id, figures.numbered(read, numbers))
        except keys.KeysGone:
            keys.forget_numbers()
    raise Unavailable("Keys are being removed: try again in some seconds.")


async def _remove_unused_keys() -> int:
    await keys.remove_unused()
    return 1


def _at(where: Difference, what: str, code: int, dates: list[Any]) -> Difference:
    """A difference at an account or analysis, of a type, and of one or more days in order."""
    days = [str(date) for date in dates]
    shown = " to ".join(days[:: len(days) - 1] if len(days) > 1 else days) or None
    return msgspec.structs.replace(where, what=what, type=str(TYPES.get(code, code)), date=shown)
