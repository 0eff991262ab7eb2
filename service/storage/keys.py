"""The keys of figures and their numbers.

Keys are only ever added, so a process may remember them: a number means the same key for good.
"""

import hashlib
import weakref
from collections.abc import Iterable, Mapping

import msgspec
from tortoise.backends.base.client import BaseDBAsyncClient

from service.records import Key
from service.storage.connection import reading, writing

MOST_REMEMBERED = 50_000
"""How many keys a process remembers (a MONARC catalogue has some hundreds); then it begins anew."""

_decoder = msgspec.json.Decoder(Key)


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
    """The numbers of these keys; those that have none yet are given one."""
    memory = _memory()
    numbers = {key: memory.ids.get(key, 0) for key in keys}
    missing = {_digest(key): key for key, number in numbers.items() if not number}
    if missing:
        await _load(memory, missing, numbers)
    unknown = {digest: key for digest, key in missing.items() if not numbers[key]}
    if unknown:
        async with writing() as db:
            await db.execute_many(
                "INSERT INTO figure_key (digest, key) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING",
                [(digest, msgspec.json.encode(unknown[digest]).decode()) for digest in sorted(unknown)],
            )
        await _load(memory, unknown, numbers)
    return numbers


async def _load(memory: _Memory, wanted: Mapping[str, Key], numbers: dict[Key, int]) -> None:
    for number, digest in await reading().fetch_in("SELECT id, digest FROM figure_key WHERE digest IN (*)", wanted):
        memory.learn(number, wanted[digest])
        numbers[wanted[digest]] = number


async def keys_of(numbers: Iterable[int]) -> Mapping[int, Key]:
    """The keys that these numbers stand for."""
    memory = _memory()
    wanted = set(numbers)
    missing = wanted - memory.keys.keys()
    found = {number: memory.keys[number] for number in wanted - missing}
    for number, text in await reading().fetch_in("SELECT id, key FROM figure_key WHERE id IN (*)", missing):
        found[number] = _decoder.decode(text)
        memory.learn(number, found[number])
    return found


def _digest(key: Key) -> str:
    return hashlib.sha256(msgspec.json.encode(key)).hexdigest()
