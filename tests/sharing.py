"""An installation that shares, in the tests' own process: what it holds, what it pushes, and what arrives."""

import contextlib
import dataclasses
import datetime as dt
import functools
import json
import uuid
import zlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from service.core import catalogue, clients, collect
from service.core.anonymous import anonymise
from service.core.pseudonyms import Pseudonyms
from service.core.sharing import forget as forgetting
from service.core.sharing import push as pushing
from service.core.sharing.push import Pushed, Wanted
from service.peer import Peer
from service.records import Account, StatType
from service.settings import Settings
from service.storage import connection, migrate, sharing
from service.storage.models import TYPES
from tests import samples

TODAY = dt.datetime.now(dt.UTC).date()
ALL_DAYS = {"date_from": "2000-01-01", "date_to": "2100-01-01"}
TABLES = (
    *("stat", "payload", "analysis", "account_day", "fleet_day", "account", "published_object"),
    *("share_row", "share_series", "share_server", "share_run", "share_secret"),
)


class Place(NamedTuple):
    """Where a row is at the other instance."""

    anr: str
    type: str
    date: str


class Record(NamedTuple):
    """What is noted of a row, and whether the payload that it was sent with is still the row's."""

    state: sharing.State
    is_current: bool


def day(number: int) -> dt.date:
    """The day that was so many days ago."""
    return TODAY - dt.timedelta(days=number)


def row(anr: uuid.UUID, stat_type: str = "risk", ago: int = 0, variant: int = 0) -> dict[str, Any]:
    """A row as a Front Office posts it, not a long one."""
    return {"anr": str(anr), "type": stat_type, "date": str(day(ago)), "data": _short(stat_type, variant)}


@functools.lru_cache(maxsize=1000)
def _short(stat_type: str, variant: int) -> Any:
    """A payload without most of its elements."""
    data = samples.payload(stat_type, variant)
    if isinstance(data, list):
        del data[2:]
    if stat_type == "compliance":
        data = [part | {"current": part["current"][:1], "target": part["target"][:1]} for part in data]
    return data


def arrived(client: httpx.Client) -> dict[Place, tuple[str, bytes]]:
    """Uuid and JSON text of what an account has at the other instance. That nothing is twice is asserted."""
    found: dict[Place, tuple[str, bytes]] = {}
    for kind in StatType:
        answer = client.get("/api/v1/stats/", params={"type": kind.value} | ALL_DAYS).raise_for_status()
        for one in msgspec.json.decode(answer.content)["data"]:
            place = Place(one["anr"], one["type"], one["date"])
            assert place not in found
            found[place] = one["uuid"], compact(one["data"])
    return found


def compact(data: Any) -> bytes:
    """Data in one form, to be compared."""
    return json.dumps(data, sort_keys=True).encode()


class House:
    """An installation with an empty database, which is open, and what it shares with."""

    def __init__(self, database_url: str, server: str, token: str) -> None:
        self.settings = Settings(database_url=database_url, remote_stats_server=server, remote_stats_token=token)

    def share_with(self, server: str, token: str | None = None) -> None:
        """Share with another address from now on, perhaps under another account."""
        token = token or self.settings.remote_stats_token
        self.settings = dataclasses.replace(self.settings, remote_stats_server=server, remote_stats_token=token)

    async def account(self, name: str, **changes: Any) -> Account:
        """A new account. `changes`: as `core.clients.change` takes them."""
        account, _ = await clients.create(name)
        return await clients.change(account.uuid, **changes) if changes else account

    async def post(self, account: Account, *rows: dict[str, Any]) -> None:
        """What a Front Office sends."""
        collected = await collect.collect(account, json.dumps(rows).encode())
        assert not collected.refused

    async def push(self, budget: float = 60, **wanted: Any) -> Pushed:
        """A push; with `Wanted`'s fields."""
        return await pushing.push(self.settings, Wanted(**wanted), budget=budget)

    async def to_share(self) -> dict[Place, tuple[str, bytes]]:
        """Uuid and JSON text of all rows of accounts that share, as they should be at the other instance."""
        pseudonyms, published = Pseudonyms(await sharing.secret()), await catalogue.load()
        found = {}
        for client, anr, generation, code, date, text in await connection.reading().fetch(
            "SELECT c.uuid, a.anr, COALESCE(x.generation, 0), s.type, s.date, p.data "
            "FROM account c JOIN analysis a ON a.client_id = c.id JOIN stat s ON s.analysis_id = a.id "
            "JOIN payload p ON p.id = s.payload_id "
            "LEFT JOIN share_series x ON x.client_uuid = c.uuid AND x.anr = a.anr "
            "WHERE c.is_active AND c.is_sharing_enabled AND c.local"
        ):
            pseudonym = pseudonyms.analysis(uuid.UUID(str(client)), uuid.UUID(str(anr)), generation)
            made = anonymise(TYPES[code], zlib.decompress(text), published, pseudonyms)
            number = pseudonyms.row(pseudonym, TYPES[code], connection.as_date(date))
            place = Place(str(pseudonym), TYPES[code], str(date))
            found[place] = str(number), compact(json.loads(made.data))
        return found

    async def record(self) -> dict[Place, Record]:
        """What is noted of rows that were sent, by where they are, or should be, at the other instance."""
        pseudonyms = Pseudonyms(await sharing.secret())
        found = {}
        for client, anr, generation, code, date, state, is_current in await connection.reading().fetch(
            "SELECT x.client_uuid, x.anr, x.generation, r.type, r.date, r.state, EXISTS (SELECT 1 FROM account c "
            "JOIN analysis a ON a.client_id = c.id JOIN stat s ON s.analysis_id = a.id "
            "JOIN payload p ON p.id = s.payload_id "
            "WHERE c.uuid = x.client_uuid AND a.anr = x.anr AND s.type = r.type AND s.date = r.date "
            "AND p.digest = r.digest) FROM share_row r JOIN share_series x ON x.id = r.series_id"
        ):
            pseudonym = pseudonyms.analysis(uuid.UUID(str(client)), uuid.UUID(str(anr)), generation)
            place = Place(str(pseudonym), TYPES[code], str(date))
            found[place] = Record(sharing.State(state), bool(is_current))
        return found


@contextlib.asynccontextmanager
async def house(database_url: str, server: str, token: str) -> AsyncIterator[House]:
    """An installation on the database, which is emptied first."""
    async with connection.connected(database_url):
        await migrate.upgrade(database_url)
        async with connection.writing() as db:
            for table in TABLES:
                await db.execute(f"DELETE FROM {table}")  # noqa: S608 - of this module
        yield House(database_url, server, token)


def hasten(patch: pytest.MonkeyPatch) -> None:
    """Let what this process asks of another instance be asked again at once, and not for long."""
    quick = functools.partial(Peer, pause=0.002, patience=5)
    patch.setattr(pushing, "Peer", quick)
    patch.setattr(forgetting, "Peer", quick)
    patch.setattr(forgetting, "BUDGET_SECONDS", 2)
