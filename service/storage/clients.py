"""Accounts in the database."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from service.errors import Conflict
from service.records import Account, Activity, Role
from service.storage import totals
from service.storage.connection import as_date, as_moment, as_uuid, reading, translated, writing
from service.storage.models import Client
from service.storage.stats import lock_account

_COLUMNS = (
    "id, uuid, name, role, is_sharing_enabled, is_active, local, latitude, longitude, last_seen, created_at, updated_at"
)


def _account(row: Any) -> Account:
    return Account(
        id=row[0],
        uuid=as_uuid(row[1]),
        name=row[2],
        role=Role(row[3]),
        is_sharing_enabled=bool(row[4]),
        is_active=bool(row[5]),
        local=bool(row[6]),
        latitude=row[7],
        longitude=row[8],
        last_seen=as_moment(row[9]),
        created_at=as_moment(row[10]),
        updated_at=as_moment(row[11]),
    )


class _TokenLookUp:
    """Finds accounts by their token's hash, many requests with one query.

    What arrives while a query is under way waits for the next one, so each answer is as fresh as a query of its own;
    only the way to the database is shared (it costs several times the look-up itself).
    """

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Account | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def find(self, token_hash: str) -> Account | None:
        future = self._waiting.get(token_hash)
        if future is None:
            future = self._waiting[token_hash] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(future)

    async def _run(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting, {}
            try:
                rows = await reading().fetch_in(
                    f"SELECT {_COLUMNS}, token_hash FROM account WHERE token_hash IN (*)", asked
                )
                found = {row[12]: _account(row) for row in rows}
                for token_hash, future in asked.items():
                    future.set_result(found.get(token_hash))
            except Exception as error:  # noqa: BLE001 - handed on to each that asked
                for future in asked.values():
                    if not future.done():
                        future.set_exception(error)


_look_up = _TokenLookUp()


async def find_by_token_hash(token_hash: str) -> Account | None:
    """The account whose token has this SHA-256 (hexadecimal), active or not; None where there is none."""
    return await _look_up.find(token_hash)


async def find(*, uuid: uuid.UUID | None = None, name: str | None = None) -> Account | None:
    """The account with this UUID or this exact name; None where there is none."""
    column, value = ("uuid", str(uuid)) if uuid else ("name", name)
    rows = await reading().fetch(f"SELECT {_COLUMNS} FROM account WHERE {column} = ?", value)
    return _account(rows[0]) if rows else None


async def find_all() -> list[Account]:
    """All accounts, by name."""
    return [_account(row) for row in await reading().fetch(f"SELECT {_COLUMNS} FROM account ORDER BY name, id")]


async def last_posts() -> list[tuple[Role, dt.datetime | None]]:
    """The role of each active account, and when it last posted; None for never."""
    rows = await reading().fetch("SELECT role, last_post FROM account WHERE is_active")
    return [(Role(row[0]), as_moment(row[1])) for row in rows]


async def activities(ids: Iterable[int]) -> Mapping[int, Activity]:
    """What each of these accounts has sent, by the account's id."""
    wanted = list(ids)
    db = reading()
    counted = await db.fetch_in(
        "SELECT client_id, COUNT(*), COUNT(DISTINCT analysis_id), MAX(date) FROM stat "
        "WHERE analysis_id IN (SELECT id FROM analysis WHERE client_id IN (*)) GROUP BY client_id",
        wanted,
    )
    by_id = {row[0]: row for row in counted}
    posts = {row[0]: row[1] for row in await db.fetch_in("SELECT id, last_post FROM account WHERE id IN (*)", wanted)}
    return {
        number: Activity(
            rows=by_id[number][1] if number in by_id else 0,
            analyses=by_id[number][2] if number in by_id else 0,
            newest_date=as_date(by_id[number][3]) if number in by_id else None,
            last_post=as_moment(posts[number]),
        )
        for number in wanted
    }


async def insert(
    *, uuid: uuid.UUID, name: str, token_hash: str, role: Role, is_sharing_enabled: bool, local: bool
) -> Account:
    """Store a new account. Raises `Conflict` where its name, UUID or token is another's."""
    async with writing() as db:
        taken = await db.fetch(
            "SELECT name, uuid FROM account WHERE name = ? OR uuid = ? OR token_hash = ?",
            name,
            str(uuid),
            token_hash,
        )
        if taken:
            what = "name" if taken[0][0] == name else "UUID" if str(taken[0][1]) == str(uuid) else "token"
            raise Conflict(f"An account with this {what} exists already.", {what.lower(): "is taken"})
        with translated():
            await Client.create(
                uuid=uuid,
                name=name,
                token_hash=token_hash,
                role=role,
                is_sharing_enabled=is_sharing_enabled,
                local=local,
                using_db=db.connection,
            )
        rows = await db.fetch(f"SELECT {_COLUMNS} FROM account WHERE uuid = ?", str(uuid))
    return _account(rows[0])


async def update(account_id: int, **columns: Any) -> Account | None:
    """Change columns of an account; the account as it is then, None where it is gone meanwhile.

    Raises `Conflict` where a token is another's.
    """
    async with writing() as db:
        with translated():
            columns["updated_at"] = dt.datetime.now(dt.UTC)
            await Client.filter(id=account_id).using_db(db.connection).update(**columns)
        rows = await db.fetch(f"SELECT {_COLUMNS} FROM account WHERE id = ?", account_id)
    return _account(rows[0]) if rows else None


async def set_last_seen(seen: Mapping[int, dt.datetime]) -> None:
    """Note when accounts were last seen, by their ids."""
    async with writing() as db:
        await db.execute_many(
            "UPDATE account SET last_seen = ? WHERE id = ?",
            [(db.moment(moment), number) for number, moment in sorted(seen.items())],
        )


async def delete(account_id: int) -> int:
    """Delete an account and all that it sent; how many rows that were."""
    async with writing() as db:
        await lock_account(db, account_id)
        own = "analysis_id IN (SELECT id FROM analysis WHERE client_id = ?)"
        deleted = await db.execute(f"DELETE FROM stat WHERE {own}", account_id)
        await db.execute(f"DELETE FROM payload WHERE {own}", account_id)
        await db.execute("DELETE FROM analysis WHERE client_id = ?", account_id)
        days = await db.fetch("SELECT type, date FROM account_day WHERE client_id = ? ORDER BY type, date", account_id)
        await db.execute_many(  # in the order in which others take several of them
            "DELETE FROM account_day WHERE type = ? AND date = ? AND client_id = ?",
            [(day[0], day[1], account_id) for day in days],
        )
        await db.execute("DELETE FROM account WHERE id = ?", account_id)
        await totals.advance_fleet(db, {(day[0], day[1]) for day in days}, forget=True)
    return deleted
