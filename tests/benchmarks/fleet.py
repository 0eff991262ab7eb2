"""A fleet in the database: the demo's analyses, loaded through the storage layer (no HTTP, so that it does not take
hours)."""

import datetime as dt
import hashlib
import uuid
import zlib
from collections.abc import Iterator

from service import figures
from service.core import clients, payloads
from service.demo.fleet import analysis_days
from service.records import StatType
from service.storage import connection, keys, migrate, stats
from service.storage.stats import NewPayload, RowToStore

ANALYSES_PER_ACCOUNT = 50
DISTINCT = 100
"""How many different analyses there are; a larger fleet has several accounts with the same ones, each stored as its
own. (Making them is what takes long.)"""

Day = tuple[StatType, dt.date, bytes]


class Loaded:
    """What was loaded: the accounts' tokens, their analyses, and how many rows of how many bytes of JSON."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.analyses: list[list[uuid.UUID]] = []
        self.rows = 0
        self.json_bytes = 0


async def load(
    database_url: str,
    analyses: int,
    first: dt.date,
    last: dt.date,
    change_rate: float = 0.05,
    per_account: int = ANALYSES_PER_ACCOUNT,
) -> Loaded:
    """Fill an empty database with `analyses` analyses, each with all five types on every day (both inclusive)."""
    loaded = Loaded()
    stories = list(_stories(min(analyses, DISTINCT), first, last, change_rate))
    async with connection.connected(database_url):
        await migrate.upgrade(database_url)
        ready = await _ready(stories)
        for start in range(0, analyses, per_account):
            account, token = await clients.create(f"Front Office {start // per_account + 1}")
            own = [uuid.uuid4() for _ in range(start, min(start + per_account, analyses))]
            loaded.tokens.append(token)
            loaded.analyses.append(own)
            for number, anr in enumerate(own, start):
                await _store(account.id, anr, stories[number % len(stories)], ready, loaded)
    return loaded


def _stories(count: int, first: dt.date, last: dt.date, change_rate: float) -> Iterator[list[Day]]:
    for number in range(count):
        yield list(analysis_days(uuid.UUID(int=number + 1), first, last, change_rate=change_rate))


async def _ready(stories: list[list[Day]]) -> dict[bytes, NewPayload]:
    """All payloads of the stories as they are stored, by digest."""
    ready: dict[bytes, NewPayload] = {}
    for story in stories:
        for kind, _, data in story:
            digest = hashlib.sha256(data).digest()
            if digest not in ready:
                read = payloads.read(kind, data)
                numbers = await keys.numbers_of(figure.key for figure in read)
                packed = figures.pack({numbers[figure.key]: [figure.rows, *figure.sums] for figure in read})
                ready[digest] = NewPayload(data=zlib.compress(data, 1), size=len(data), figures=packed)
    return ready


async def _store(
    account_id: int, anr: uuid.UUID, story: list[Day], ready: dict[bytes, NewPayload], loaded: Loaded
) -> None:
    digests = {data: hashlib.sha256(data).digest() for _, _, data in story}
    rows = [
        RowToStore(index=index, uuid=None, anr=anr, type=kind, date=day, digest=digests[data])
        for index, (kind, day, data) in enumerate(story)
    ]
    new = {(anr, row.type, row.digest): ready[row.digest] for row in rows}
    await stats.store(account_id, rows, new, dt.datetime.now(dt.UTC))
    loaded.rows += len(rows)
    loaded.json_bytes += sum(len(data) for _, _, data in story)
