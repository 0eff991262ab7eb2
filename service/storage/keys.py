"""The keys of figures and their numbers.

A number is given out once and means the same key for good, so processes remember them. Keys that no payload uses any
more are removed (`remove_unused`): a payload may only be stored after `hold` has found its numbers in place, in the
same transaction. What gives keys to a payload that is stored already does it within `no_removal`, too.
"""

import contextlib
import hashlib
import weakref
from collections.abc import Collection, Iterable, Mapping

import msgspec
from tortoise.backends.base.client import BaseDBAsyncClient

from service import figures
from service.errors import Unavailable
from service.records import Key
from service.storage.connection import Db, reading, writing, writing_a_portion
from service.storage.locks import only_one

MOST_REMEMBERED = 50_000
"""How many keys a process remembers (a MONARC catalogue has some hundreds); then it begins anew."""

PAYLOADS_AT_ONCE = 1_000
"""How many payloads' figures are looked at in one go, to find the keys in use."""

REMOVED_AT_ONCE = 1_000
"""How many keys are removed in one transaction, while no payload can be stored."""

ATTEMPTS = 5

PATIENCE_SECONDS = 60.0
"""How long a removal is waited for by another, or by a repair."""

_LOCK = 0x57A76  # PostgreSQL's; any number, as long as all processes take the same
_decoder = msgspec.json.Decoder(Key)


class KeysGone(Exception):
    """Keys were removed meanwhile: ask for their numbers again, after `forget_numbers`."""


class _Memory:
    def __init__(self) -> None:
        self.ids: dict[Key, int] = {}
        self.keys: dict[int, Key] = {}

    def learn(self, number: int, key: Key) -> None:
        if len(self.keys) >= MOST_REMEMBERED:
            self.ids.clear()
            self.keys.clear()
        self.ids[key] = number
        self.keys[number] = key


_memories: weakref.WeakKeyDictionary[BaseDBAsyncClient, _Memory] = weakref.WeakKeyDictionary()


def _memory() -> _Memory:
    return _memories.setdefault(reading().connection, _Memory())


async def numbers_of(keys: Iterable[Key]) -> Mapping[Key, int]:
    """The numbers of these keys; those that have none yet are given one. They last until `hold` says otherwise."""
    memory = _memory()
    numbers = {key: memory.ids.get(key, 0) for key in keys}
    for _ in range(ATTEMPTS):
        missing = {digest_of(key): key for key, number in numbers.items() if not number}
        if not missing:
            return numbers
        await _load(memory, missing, numbers)
        unknown = {digest: key for digest, key in missing.items() if not numbers[key]}
        if unknown:
            async with writing() as db:
                await db.execute_many(
                    "INSERT INTO figure_key (digest, key) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING",
                    [(digest, msgspec.json.encode(unknown[digest]).decode()) for digest in sorted(unknown)],
                )
            await _load(memory, unknown, numbers)
    raise Unavailable("Keys are being removed: try again in some seconds.")


async def _load(memory: _Memory, wanted: Mapping[str, Key], numbers: dict[Key, int]) -> None:
    for number, digest in await reading().fetch_in("SELECT id, digest FROM figure_key WHERE digest IN (*)", wanted):
        memory.learn(number, wanted[digest])
        numbers[wanted[digest]] = number


async def keys_of(numbers: Iterable[int]) -> Mapping[int, Key]:
    """The keys that these numbers stand for.

    Raises `Unavailable` where one was removed between the reading of the figures that it is from and now.
    """
    memory = _memory()
    wanted = set(numbers)
    missing = wanted - memory.keys.keys()
    found = {number: memory.keys[number] for number in wanted - missing}
    for number, text in await reading().fetch_in("SELECT id, key FROM figure_key WHERE id IN (*)", missing):
        found[number] = _decoder.decode(text)
        memory.learn(number, found[number])
    if len(found) < len(wanted):
        raise Unavailable("These figures were purged while they were being read: try again.", retry_after=1)
    return found


async def hold(db: Db, numbers: Collection[int]) -> None:
    """Keep the keys of these numbers in place until the transaction `db` ends.

    Raises `KeysGone` where one was removed after its number was asked for.
    """
    if db.postgres:  # on SQLite no other transaction writes meanwhile
        await db.fetch("SELECT pg_advisory_xact_lock_shared(?)", _LOCK)
    found = await db.fetch_in("SELECT COUNT(*) FROM figure_key WHERE id IN (*)", numbers)
    if sum(row[0] for row in found) < len(numbers):
        raise KeysGone


def forget_numbers() -> None:
    """Ask the database again for every key's number. To be called outside of transactions, after `KeysGone`."""
    _memory().ids.clear()


def no_removal() -> contextlib.AbstractAsyncContextManager[None]:
    """No keys are removed within the block. Entering it raises `Conflict` where a removal takes long."""
    return only_one("upkeep", PATIENCE_SECONDS)


async def remove_unused() -> int:
    """Remove the keys that no payload uses any more; how many. What is being stored meanwhile keeps its keys, and so
    does what a public instance tells. Raises `Conflict` where another removal takes long."""
    async with no_removal():
        return await _remove_unused()


async def _remove_unused() -> int:
    async with writing() as db:
        await _wait_for_holders(db)
        # Payloads that come later have higher numbers than this one, and those up to it are all there.
        newest = await _newest(db, "payload")
        last_key = await _newest(db, "figure_key")
    db = reading()
    unused = {row[0] for row in await db.fetch("SELECT id FROM figure_key WHERE id <= ?", last_key)}
    await _take_out_used(db, unused, 0, newest)
    removed = 0
    while unused:
        async with writing_a_portion() as db:
            await _wait_for_holders(db)
            last = await _newest(db, "payload")
            await _take_out_used(db, unused, newest, last)
            await _take_out_told(db, unused)
            newest = last
            portion = [unused.pop() for _ in range(min(REMOVED_AT_ONCE, len(unused)))]
            await db.execute_many("DELETE FROM figure_key WHERE id = ?", [(number,) for number in portion])
        removed += len(portion)
    return removed


async def _wait_for_holders(db: Db) -> None:
    """Wait until the transactions that hold keys have ended, and let no other begin to before this one ends."""
    if db.postgres:
        await db.fetch("SELECT pg_advisory_xact_lock(?)", _LOCK)


async def _newest(db: Db, table: str) -> int:
    number: int = (await db.fetch(f"SELECT COALESCE(MAX(id), 0) FROM {table}"))[0][0]
    return number


async def _take_out_used(db: Db, unused: set[int], after: int, last: int) -> None:
    """Take those numbers out of `unused` that payloads after the one numbered `after` and up to `last` use."""
    while unused:
        rows = await db.fetch(
            "SELECT id, figures FROM payload WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
            after,
            last,
            PAYLOADS_AT_ONCE,
        )
        if not rows:
            return
        for row in rows:
            unused.difference_update(figures.unpack(row[1]))
        after = rows[-1][0]


async def _take_out_told(db: Db, unused: set[int]) -> None:
    """Take those numbers out of `unused` that a public instance tells something of."""
    after = 0
    while unused:
        rows = await db.fetch(
            "SELECT id, all_figures FROM public_day WHERE id > ? ORDER BY id LIMIT ?", after, PAYLOADS_AT_ONCE
        )
        if not rows:
            return
        for row in rows:
            unused.difference_update(figures.unpack(row[1]))
        after = rows[-1][0]


def digest_of(key: Key) -> str:
    """The SHA-256 by which a key is found, hexadecimal."""
    return hashlib.sha256(msgspec.json.encode(key)).hexdigest()
