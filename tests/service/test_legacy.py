"""The move from the old service: its tables on a real PostgreSQL, with all that can be wrong in them."""

import asyncio
import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from service.core import charts, clients, legacy, processors, stats
from service.core.collect import collect
from service.core.legacy import Moved, Skipped
from service.core.sharing.preview import preview
from service.core.sharing.push import Wanted
from service.core.sharing.status import status
from service.errors import BadInput, Forbidden, Unavailable
from service.records import Account, Role
from service.settings import Settings
from service.storage import connection, migrate
from tests.naive import NaiveModel
from tests.old_service import (
    ANRS,
    DAYS,
    LOOSE_TABLES,
    NAMES,
    STATS_COLUMNS,
    TOKENS,
    YEAR,
    Old,
    Row,
    dirt,
    filled,
    fleet,
    row,
)
from tests.samples import payload
from tests.servers import Postgres, bare_environment, free_port

HOUR = dt.timedelta(hours=1)
FIRST, LAST = YEAR


@pytest.fixture
def old_url(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database for the old service's tables."""
    with postgres.database() as url:
        yield url


@pytest.fixture
async def old(old_url: str) -> Old:
    """The old service's database: three accounts, the last one an admin's, and no rows."""
    there = Old(old_url)
    await there.make()
    return there


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[str]:
    """Our database, open and without accounts; its URL."""
    async with connection.connected(database_url):
        await migrate.upgrade(database_url)
        yield database_url


async def move(old: Old, *, dry_run: bool = False) -> tuple[Moved, list[Skipped]]:
    """Import, and see to it that each row that was read is accounted for."""
    skipped: list[Skipped] = []
    progress: list[tuple[int, int]] = []
    moved = await legacy.move(
        old.url,
        dry_run=dry_run,
        skipped=skipped.append,
        progress=lambda read, total: progress.append((read, total)),
    )
    assert moved.stored + moved.here + moved.newer_here + moved.older + moved.refused == moved.rows
    assert moved.refused == sum(one.what == "row" for one in skipped)
    assert (progress[-1], progress) == ((moved.rows, moved.rows), sorted(progress))
    return moved, skipped


async def rows_of(name: str, anr: str | None = None) -> list[Row]:
    """What an account has here."""
    account = await clients.find_by_name(name)
    assert account
    query = stats.RowQuery(date_from=FIRST, date_to=LAST, anrs=(uuid.UUID(anr),) if anr else None)
    own = msgspec.structs.replace(account, role=Role.USER)
    page = await stats.find(own, query)
    rows: list[Row] = json.loads(b"[" + b"".join([chunk async for chunk in page.chunks()]) + b"]")
    return rows


async def post(account: Account, *rows: Row) -> None:
    """Post rows as a Front Office does."""
    sent = [{name: one[name] for name in ("anr", "type", "data")} | {"date": str(one["date"])} for one in rows]
    assert not (await collect(account, json.dumps(sent).encode())).refused


async def compare_charts(expected: list[Row], kind: str = "") -> None:
    """Hold the answers of all processors (of a type) against the naive model's for the `expected` rows."""
    naive = NaiveModel()
    naive.post(
        {**one, "client": NAMES[one["client_id"]], "local": one["client_id"] != 2, "date": str(one["date"])}
        for one in expected
    )
    for processor in (one for one in processors.all() if one.name.startswith(kind)):
        for local_only in (False, True):
            query = charts.ChartQuery(
                type=processor.stat_type,
                processor=processor.name,
                date_from=FIRST,
                date_to=LAST,
                local_only=local_only,
            )
            answer = json.loads((await charts.chart(query)).data)
            wanted = naive.chart(processor.name, date_from=str(FIRST), date_to=str(LAST), local_only=local_only)
            assert answer == json.loads(json.dumps(wanted)), processor.name


@pytest.mark.usefixtures("here")
async def test_accounts_are_as_they_were_and_their_tokens_open(old: Old) -> None:
    """Name, uuid, role, coordinates, sharing, locality and dates are kept; each token opens its account."""
    moved, skipped = await move(old)
    assert (moved.accounts_made, moved.accounts_here, moved.accounts_refused, skipped) == (3, 0, 0, [])
    first, second, admin = [await clients.authenticate(token) for token in TOKENS.values()]
    assert [one.name for one in (first, second, admin)] == list(NAMES.values())
    assert [one.uuid.int for one in (first, second, admin)] == [1001, 1002, 1003]
    assert [one.role for one in (first, second, admin)] == [Role.USER, Role.USER, Role.ADMIN]
    assert (first.latitude, first.longitude, second.latitude) == (49.6, 6.1, None)
    assert [one.is_sharing_enabled for one in (first, second)] == [True, False]
    assert [one.local for one in (first, second)] == [True, False]
    assert first.created_at == first.updated_at == dt.datetime(2021, 1, 1, 12, 51, 18, 776037, tzinfo=dt.UTC)
    assert (first.last_seen, second.last_seen) == (dt.datetime(2026, 2, 3, 4, 5, tzinfo=dt.UTC), None)


@pytest.mark.usefixtures("here")
async def test_an_inactive_account_stays_shut_out(old: Old) -> None:
    """An account that was switched off there is switched off here."""
    await old.account(4, is_active=False)
    await move(old)
    with pytest.raises(Forbidden):
        await clients.authenticate("token of 4")


@pytest.mark.usefixtures("here")
async def test_rows_keep_uuid_and_data_and_charts_are_exact(old: Old) -> None:
    """All rows are here under their uuids with equal data, and every processor says what the naive model says."""
    rows = fleet()
    await old.rows(*rows)
    moved, skipped = await move(old)
    assert (moved.rows, moved.stored, moved.replaced, skipped) == (len(rows), len(rows), 0, [])
    for owner in (1, 2):
        found = await rows_of(NAMES[owner])
        wanted = {one["uuid"]: one["data"] for one in rows if one["client_id"] == owner}
        assert {one["uuid"]: one["data"] for one in found} == wanted
    await compare_charts(rows)


@pytest.mark.usefixtures("here")
async def test_the_last_post_is_the_newest_row_of_the_old_service(old: Old) -> None:
    """An account that was silent there does not look as if it had just posted."""
    await old.rows(row(date=DAYS[1]), row(date=DAYS[0]))
    await move(old)
    account = await clients.authenticate(TOKENS[1])
    _, activity = await clients.show(account.uuid)
    assert activity.last_post == dt.datetime.combine(DAYS[1], dt.time(0, 5), dt.UTC)
    await post(account, row(date=DAYS[2]))
    _, activity = await clients.show(account.uuid)
    posted = activity.last_post
    await old.rows(row(date=DAYS[3]))
    await move(old)
    _, activity = await clients.show(account.uuid)
    assert (activity.rows, activity.last_post) == (4, posted)


@pytest.mark.usefixtures("here")
async def test_of_a_day_the_newest_row_is_taken(old: Old) -> None:
    """Of several rows of an account, analysis, type and day the one made last is taken, whatever their order."""
    day = dt.datetime.combine(DAYS[0], dt.time(0, 5))
    newest = row(variant=3, created_at=day + 2 * HOUR)
    await old.rows(row(variant=1, created_at=day + HOUR), newest, row(variant=2, created_at=day), row(created_at=None))
    await old.rows(row(client_id=2, variant=7))  # the same of another account is no duplicate
    moved, skipped = await move(old)
    assert (moved.rows, moved.stored, moved.older, skipped) == (5, 2, 3, [])
    [found] = await rows_of(NAMES[1])
    assert (found["uuid"], found["data"]) == (newest["uuid"], newest["data"])


@pytest.mark.usefixtures("here")
async def test_where_the_newest_is_broken_the_newest_good_one_is_taken(old: Old) -> None:
    """A broken row is reported and takes no good one of its day along; the next run says the same."""
    day = dt.datetime.combine(DAYS[0], dt.time(0, 5))
    broken = [row(data={}, created_at=day + 3 * HOUR), row(data=None, created_at=day + 2 * HOUR)]
    good = row(variant=1, created_at=day + HOUR)
    await old.rows(*broken, good, row(data=[], created_at=day))
    for stored in (1, 0):
        moved, skipped = await move(old)
        assert (moved.stored, moved.here, moved.older, moved.refused) == (stored, 1 - stored, 1, 2)
        assert {one.uuid for one in skipped} == {one["uuid"] for one in broken}
        assert [one["uuid"] for one in await rows_of(NAMES[1])] == [good["uuid"]]


@pytest.mark.usefixtures("here")
async def test_bad_rows_are_reported_one_by_one_and_good_ones_taken(old: Old) -> None:
    """Each bad row is named with the reason, none stops the good ones, and nothing of their payloads is repeated."""
    rows, bad_rows = fleet(), dirt()
    await old.rows(*rows[:30], *[bad for bad, _ in bad_rows], *rows[30:])
    moved, skipped = await move(old)
    assert (moved.rows, moved.stored, moved.refused) == (len(rows) + len(bad_rows), len(rows), len(bad_rows))
    why = {one.uuid: one.why for one in skipped}
    for bad, reason in bad_rows:
        assert why[bad["uuid"]].startswith(reason), (reason, why[bad["uuid"]])
    said = json.dumps(msgspec.to_builtins(skipped))
    assert "Theft" not in said
    assert not any(token in said for token in TOKENS.values())
    await compare_charts(rows)


@pytest.mark.usefixtures("here")
async def test_columns_of_other_types_are_understood(old_url: str) -> None:
    """Where the tables were made by hand, with text for UUIDs, times for dates and time zones, what can be read is
    taken, and what cannot be is named."""
    old = Old(old_url)
    await old.execute(LOOSE_TABLES)
    zone = dt.timezone(2 * HOUR)
    made = dt.datetime(2021, 1, 1, 12, tzinfo=zone)
    same = {"token": "t1", "created_at": made, "uuid": str(uuid.UUID(int=7)).upper()}
    await old.account(1, **same, role="ADMIN", latitude="49.6", longitude="6.1")
    await old.account(2, role=None, uuid="no-uuid", created_at=made)
    await old.account(3, role="user", latitude="91", longitude="0", created_at=None, is_sharing_enabled=None)
    day = dt.datetime.combine(DAYS[0], dt.time(23, 30))
    evening = row(variant=2, date=day, anr=ANRS[0].upper(), created_at=made + HOUR)
    bad = {
        "broken": row(date=day, uuid="broken", created_at=made),
        "anr": row(date=day, anr=ANRS[1].replace("-", ""), created_at=made),
        "account": row(date=day, client_id=2, created_at=made),
    }
    await old.rows(row(variant=1, date=day - HOUR, created_at=made), evening, *bad.values())
    moved, skipped = await move(old)
    assert (moved.accounts_made, moved.accounts_refused, moved.stored, moved.older) == (2, 1, 1, 1)
    why = {one.uuid: one.why for one in skipped}
    assert why["no-uuid"].startswith("uuid: must be a UUID")
    assert why[str(uuid.UUID(int=1003))].startswith("Its coordinates are not on Earth")
    assert why["broken"].startswith("uuid: must be a UUID")
    assert why[bad["anr"]["uuid"]].startswith("anr: must be a UUID")
    assert why[bad["account"]["uuid"]] == "Its account was not taken."
    assert len(why) == len(skipped) == 5
    account = await clients.authenticate("t1")
    assert (account.uuid.int, account.role, account.latitude) == (7, Role.ADMIN, 49.6)
    assert account.created_at == made
    other = await clients.authenticate(TOKENS[3])
    assert (other.role, other.latitude, other.is_sharing_enabled) == (Role.USER, None, False)
    [found] = await rows_of(NAMES[1])
    assert (found["uuid"], found["anr"], found["date"]) == (evening["uuid"], ANRS[0], str(DAYS[0]))


@pytest.mark.usefixtures("here")
async def test_accounts_in_the_way_are_reported_and_their_rows_not_taken(old: Old) -> None:
    """An account whose name or token is another one's here is refused with all of its rows; nothing is mixed up."""
    await clients.create(NAMES[1], token="another-token-than-there")
    await clients.create("somebody else", token=TOKENS[3])
    await old.account(4, name="\x1b[31mred")
    await old.account(5, name=" ")
    await old.account(6, token="")
    await old.account(7, token="token of 2", name="seven")
    await old.account(8, token="token of 2", name="eight")
    await old.rows(*[row(client_id=number) for number in range(1, 9)])
    moved, skipped = await move(old)
    assert (moved.accounts_made, moved.accounts_refused) == (2, 6)
    whys = {one.account: one.why for one in skipped if one.what == "account"}
    assert whys[NAMES[1]] == "Another account here has the same name."
    assert whys[NAMES[3]] == "Another account here has the same token."
    assert whys["eight"] == "Another account of the old service has the same token."
    assert (moved.stored, moved.refused) == (2, 6)
    assert {one.account for one in skipped if one.what == "row"} == set(whys)
    assert all(one.why == "Its account was not taken." for one in skipped if one.what == "row")
    assert [await rows_of(NAMES[1]), await rows_of("somebody else")] == [[], []]


@pytest.mark.usefixtures("here")
async def test_an_account_made_here_before_with_name_and_token_is_the_same_one(old: Old) -> None:
    """Where the ansible role or ADMIN_TOKEN has made the account already, the rows go there."""
    account, _ = await clients.create(NAMES[3], token=TOKENS[3], role=Role.ADMIN)
    await old.rows(row(client_id=3))
    for stored in (1, 0):
        moved, skipped = await move(old)
        assert (moved.accounts_refused, moved.stored, skipped) == (0, stored, [])
    assert (await clients.authenticate(TOKENS[3])).uuid == account.uuid
    assert len(await rows_of(NAMES[3])) == 1


@pytest.mark.usefixtures("here")
async def test_an_account_made_here_before_refuses_what_it_refused_there(old: Old) -> None:
    """The ansible role makes accounts that share: one that did not, or was shut out, does not and is here either. It
    gets its place on the map, and keeps one that it has got here. All of it is reported, whatever the run."""
    await old.account(4, is_sharing_enabled=False, is_active=False, latitude=-1.5, longitude=30.0)
    await old.execute(
        "UPDATE client SET token = 'the-token-of-number-' || id; UPDATE client SET latitude = 1 WHERE id = 1"
    )
    names = (NAMES[1], NAMES[2], NAMES[3], "account 4")
    made = [await clients.create(name, token=f"the-token-of-number-{place}") for place, name in enumerate(names, 1)]
    await clients.change(made[0][0].uuid, coordinates=(50.0, 7.0))
    accounts = [await clients.get(one.uuid) for one, _ in made]
    foretold = await move(old, dry_run=True)
    assert [await clients.get(one.uuid) for one in accounts] == accounts
    done = await move(old)
    assert done[0] == foretold[0]
    assert (foretold[0].accounts_here, foretold[0].accounts_refused) == (4, 0)
    for (_, told), now in ((foretold, "It would become"), (done, "Now it is")):
        assert [(one.what, one.account, one.why) for one in told] == [
            ("account", NAMES[2], f"It was made here before. {now} as there: it does not share."),
            (
                "account",
                "account 4",
                f"It was made here before. {now} as there: it does not share, it is not active, it is on the map.",
            ),
        ]
    first, second, third, fourth = [await clients.get(one.uuid) for one in accounts]
    assert (first, third) == (accounts[0], accounts[2])
    assert (second.is_sharing_enabled, second.is_active, second.latitude) == (False, True, None)
    assert (fourth.is_sharing_enabled, fourth.is_active) == (False, False)
    assert (fourth.latitude, fourth.longitude) == (-1.5, 30.0)
    decided = await clients.change(fourth.uuid, is_sharing_enabled=True, is_active=True, coordinates=None)
    assert (await move(old))[1] == []
    assert await clients.get(fourth.uuid) == decided


async def test_what_the_old_service_has_to_share_is_not_shared_again(old: Old, here: str) -> None:
    """It goes under other uuids from here: pushes, previews and the status leave out the days up to the last one of
    which the old service has rows, changed or not, unless days are asked for. A day to come keeps nothing back."""
    today = dt.datetime.now(dt.UTC).date()
    days = [today - dt.timedelta(days=ago) for ago in (3, 2, 1, 0)]
    settings = Settings(database_url=here)

    async def to_share(**wanted: Any) -> list[dt.date]:
        """The first and the last day of what a push would send."""
        parts = (await preview(settings, Wanted(**wanted))).parts
        return [min(one.first_date for one in parts), max(one.last_date for one in parts)] if parts else []

    await old.rows(*[row(date=day, variant=ago) for ago, day in enumerate(days[:2])])
    await old.rows(row(date=today + dt.timedelta(days=30)), row(date=days[3], client_id=2))
    await move(old)
    assert (await to_share(), (await status(settings)).waiting) == ([], [])
    left_out = [(await preview(settings, Wanted(date_from=day))).moved for day in (None, days[0])]
    assert left_out == [2, 0]
    account = await clients.authenticate(TOKENS[1])
    await post(account, *[row(date=day, variant=9) for day in days[1:]])
    assert await to_share() == days[2:]
    assert [(one.name, one.rows, one.first_date) for one in (await status(settings)).waiting] == [
        (NAMES[1], 2, days[2])
    ]
    assert await to_share(date_from=days[0]) == [days[0], days[3]]
    await old.rows(row(date=days[2]))  # it was switched over a day later, and has this day from both
    await move(old)
    await old.execute("DELETE FROM stats")
    await move(old)
    assert await to_share() == [days[3], days[3]]


async def test_what_was_not_shared_there_is_shared_from_here_by_who_shares_now(old: Old, here: str) -> None:
    """All of it: the other instance has nothing of it."""
    today = dt.datetime.now(dt.UTC).date()
    await old.account(4, is_sharing_enabled=False)
    await old.rows(row(date=today, client_id=4))
    await move(old)
    (moved,) = [account for account in await clients.get_all() if account.name == "account 4"]
    await clients.change(moved.uuid, is_sharing_enabled=True)
    seen = await preview(Settings(database_url=here), Wanted())
    assert ([one.name for one in seen.parts], seen.moved) == (["account 4"], 0)


@pytest.mark.usefixtures("here")
async def test_a_second_run_takes_only_what_is_new(old: Old) -> None:
    """Nothing is taken twice; later rows, and later duplicates of a day that is here, are."""
    rows = fleet()
    await old.rows(*rows)
    await move(old)
    moved, skipped = await move(old)
    assert (moved.accounts_here, moved.stored, moved.here, skipped) == (3, 0, len(rows), [])
    again = row(variant=50, date=DAYS[0], created_at=dt.datetime.combine(DAYS[0], dt.time(9)))
    more = row(variant=51, date=DAYS[3] + dt.timedelta(days=1))
    await old.rows(again, more)
    moved, skipped = await move(old)
    assert (moved.stored, moved.replaced, moved.older, skipped) == (2, 1, 1, [])
    moved, skipped = await move(old)
    assert (moved.stored, moved.here, moved.older, skipped) == (0, len(rows) + 1, 1, [])
    gone = [one for one in rows if [one[name] for name in ("client_id", "anr", "type", "date")] != _of(again)]
    assert len(gone) == len(rows) - 1
    await compare_charts([*gone, again, more])


def _of(one: Row) -> list[Any]:
    return [one[name] for name in ("client_id", "anr", "type", "date")]


@pytest.mark.usefixtures("here")
async def test_what_a_front_office_has_sent_here_is_not_overwritten(old: Old) -> None:
    """Neither a row that was sent here first, nor one that was imported and then collected here again."""
    before, after = row(date=DAYS[0]), row(date=DAYS[1])
    await old.rows(after)
    await move(old)
    account = await clients.authenticate(TOKENS[1])
    await post(account, {**before, "data": payload("risk", 1)}, {**after, "data": payload("risk", 2)})
    await old.rows(before)
    moved, skipped = await move(old)
    assert (moved.stored, moved.newer_here, moved.here, skipped) == (0, 1, 1, [])
    assert [one["data"] for one in await rows_of(NAMES[1])] == [payload("risk", 1), payload("risk", 2)]


@pytest.mark.usefixtures("here")
async def test_an_account_changed_here_stays_as_it_is(old: Old) -> None:
    """A second run neither opens what was closed here nor gives an old token back."""
    await move(old)
    account = await clients.authenticate(TOKENS[1])
    await clients.change(account.uuid, is_sharing_enabled=False)
    await clients.rotate_token(account.uuid)
    await move(old)
    assert not (await clients.get(account.uuid)).is_sharing_enabled
    with pytest.raises(Forbidden):
        await clients.authenticate(TOKENS[1])


@pytest.mark.usefixtures("here")
async def test_a_uuid_of_another_row_here_is_refused(old: Old) -> None:
    """A row whose uuid another account's row bears here is reported, and both rows stay what they are."""
    number = str(uuid.uuid4())
    account, _ = await clients.create("elsewhere")
    sent = {"uuid": number, "anr": ANRS[1], "type": "risk", "date": str(DAYS[0]), "data": payload("risk")}
    assert (await collect(account, json.dumps([sent]).encode())).stored
    await old.rows(row(uuid=number), row(date=DAYS[1]))
    moved, [skipped] = await move(old)
    assert (moved.stored, moved.refused, skipped.uuid) == (1, 1, number)
    assert skipped.why.startswith("uuid: is the uuid of another row")


async def test_a_dry_run_foretells_and_changes_nothing(old: Old, here: str) -> None:
    """A dry run counts and reports the same as the real one after it, and leaves no row in any table."""
    account, _ = await clients.create(NAMES[3], token=TOKENS[3])
    rows = fleet()
    await old.rows(*rows, *[bad for bad, _ in dirt()], row(created_at=None), row(client_id=3))
    await post(account, row("threat", date=DAYS[1]))
    await old.rows(row("threat", date=DAYS[1], client_id=3))
    before = await _tables(here)
    foretold = await move(old, dry_run=True)
    assert await _tables(here) == before
    assert await move(old) == foretold
    assert foretold[0].stored == len(rows) + 1
    after = await _tables(here)
    foretold = await move(old, dry_run=True)
    assert (foretold[0].stored, foretold[0].here) == (0, len(rows) + 1)
    assert await _tables(here) == after


async def _tables(url: str) -> dict[str, list[str]]:
    """All that is in all tables of the open database."""
    tables = ("account", "analysis", "payload", "stat", "figure_key", "account_day", "fleet_day")
    db = connection.reading()
    assert db.postgres == url.startswith("postgres")
    return {name: sorted(str(tuple(one)) for one in await db.fetch(f"SELECT * FROM {name}")) for name in tables}  # noqa: S608


async def test_both_services_tables_may_stand_in_one_database(old: Old) -> None:
    """A start on the old service's own database makes our tables beside its own, and moves over from there."""
    await old.rows(*fleet())
    async with connection.connected(old.url):
        assert await migrate.upgrade(old.url)
        moved, skipped = await move(old)
        assert (moved.accounts_made, moved.refused, skipped) == (3, 0, [])
        assert (await clients.authenticate(TOKENS[1])).name == NAMES[1]
        await compare_charts(fleet())
        again, _ = await move(old)
        assert (again.stored, again.rows) == (0, moved.rows)


@pytest.mark.usefixtures("here")
async def test_the_right_to_read_is_enough(old: Old, postgres: Postgres) -> None:
    """The old database is only read: an account that may do nothing else there can do the whole move."""
    await old.rows(*fleet())
    name = f"reader_{uuid.uuid4().hex}"
    await old.execute(f"CREATE ROLE {name} LOGIN; GRANT SELECT ON client, stats TO {name}")
    try:
        host = old.url.rpartition("@")[2]
        moved, skipped = await move(Old(f"postgresql://{name}@{host}"))
        assert (moved.stored, skipped) == (len(fleet()), [])
    finally:
        await old.execute(f"DROP OWNED BY {name}")
        postgres.execute(f"DROP ROLE {name}")


@pytest.mark.usefixtures("here")
async def test_the_old_service_may_go_on_writing(old: Old) -> None:
    """Nobody waits for the import, and what is written meanwhile is taken by the next run; nothing is lost."""
    await old.rows(*fleet())
    written: list[Row] = []
    begun, done = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        db = await asyncpg.connect(old.url, command_timeout=5)
        try:
            while not done.is_set() or len(written) < 20:
                one = row(variant=len(written), date=DAYS[0] - dt.timedelta(days=1 + len(written)), client_id=2)
                values = [json.dumps(one[name]) if name == "data" else one[name] for name in STATS_COLUMNS]
                await db.execute("INSERT INTO stats VALUES ($1, $2, $3, $4, $5, $6, $7)", *values)
                await db.execute("DELETE FROM stats WHERE uuid = $1", one["uuid"])
                await db.execute("INSERT INTO stats VALUES ($1, $2, $3, $4, $5, $6, $7)", *values)
                written.append(one)
                begun.set()
        finally:
            await db.close()

    writer = asyncio.create_task(write())
    await begun.wait()
    moved, skipped = await move(old)
    done.set()
    await writer
    assert (len(fleet()) <= moved.stored < len(fleet()) + len(written), skipped) == (True, [])
    rest, _ = await move(old)
    assert moved.stored + rest.stored == len(fleet()) + len(written)


async def test_a_very_large_payload_is_refused(old: Old, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that no body could hold is not even fetched; large data is stored a few rows at a time."""
    assert here
    monkeypatch.setattr(legacy, "MOST_BYTES", 100_000)
    monkeypatch.setattr(legacy, "PORTION_BYTES", 150_000)
    large = [row("threat", date=day, data=payload("threat", place) * 12) for place, day in enumerate(DAYS)]
    assert all(50_000 < len(json.dumps(one["data"])) < 100_000 for one in large)
    huge = row("threat", anr=ANRS[1], data=payload("threat") * 30)
    await old.rows(*large, huge)
    moved, [skipped] = await move(old)
    assert (moved.stored, skipped.uuid, skipped.why[:20]) == (4, huge["uuid"], "data: is longer than")


async def _wrong_sources(old: Old, here: str) -> dict[str, type[Exception]]:
    host = old.url.rpartition("/")[0]
    return {
        "nonsense": BadInput,
        "http://127.0.0.1/old": BadInput,
        f"postgresql://me:secret@127.0.0.1:{free_port()}/old": Unavailable,
        "postgresql://me:secret@127.0.0.1:99999/old": BadInput,
        f"{host}/there_is_no_such_database": Unavailable,
        **({here: BadInput} if here.startswith("postgres") else {}),
    }


async def test_another_database_is_told_from_the_old_one(old: Old, here: str) -> None:
    """A wrong URL, an absent server, a database of something else, even our own: a clear error without a password."""
    for url, error in (await _wrong_sources(old, here)).items():
        with pytest.raises(error) as caught:
            await move(Old(url))
        assert "secret" not in str(caught.value)
        assert str(caught.value)


# --- The command


class Command:
    """`stats-service import-legacy` on a database, as a process."""

    def __init__(self, url: str, database_url: str, folder: Path) -> None:
        """Takes the old database's URL, ours, and a folder to run in."""
        self.line = [sys.executable, "-m", "service", "import-legacy", url]
        self.how: dict[str, Any] = {"cwd": folder, "env": bare_environment(folder, DATABASE_URL=database_url)}

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run([*self.line, *options], capture_output=True, text=True, check=False, **self.how)

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start it; its output goes nowhere."""
        line = [*self.line, *options]
        process: subprocess.Popen[bytes] = subprocess.Popen(
            line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.how
        )
        return process


@pytest.fixture
def command(old: Old, database_url: str, tmp_path: Path) -> Command:
    """The command, on a database that has no tables yet."""
    return Command(old.url, database_url, tmp_path)


async def test_the_command_reports_and_says_so_by_its_exit_code(old: Old, command: Command, tmp_path: Path) -> None:
    """0 where all is here, 1 where something was refused; --json counts, --report names; no token anywhere."""
    await old.rows(*fleet())
    done = await asyncio.to_thread(command.run, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["stored"] == len(fleet())
    await old.account(4, name="\x1b]0;title\x07")
    await old.rows(row("nonsense\x1b[2J"))
    done = await asyncio.to_thread(command.run, "--report", "bad.jsonl")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        "Accounts: 0 made, 3 here already, 1 refused.",
        (
            f"Rows: {len(fleet()) + 1} read; 0 stored, 0 of them in the place of others; {len(fleet())} here already, "
            "0 sent here by a Front Office meanwhile, 0 older than another of their day, 1 refused."
        ),
    ]
    report = (tmp_path / "bad.jsonl").read_text()
    account, bad = [json.loads(line) for line in report.splitlines()]
    assert (account["what"], account["account"], bad["type"]) == ("account", "\x1b]0;title\x07", "nonsense\x1b[2J")
    assert bad["why"].startswith("type: must be one of")
    again = await asyncio.to_thread(command.run)
    assert (again.returncode, again.stderr) == (1, report)
    for text in (done.stdout, report):
        assert "\x1b" not in text
        assert not any(token in text for token in (*TOKENS.values(), "token of 4"))


async def test_the_command_tells_a_dry_run_and_its_failures(old: Old, command: Command) -> None:
    """A dry run says that it is one; what cannot be done is one line on standard error."""
    await old.rows(*fleet())
    done = await asyncio.to_thread(command.run, "--dry-run")
    assert done.returncode == 0
    assert done.stdout.startswith("A dry run: nothing was changed.")
    assert f"{len(fleet())} stored" in done.stdout
    done = await asyncio.to_thread(command.run, "--report", "/no/such/folder/report")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "stats-service: /no/such/folder/report cannot be written: No such file or directory\n"
    await old.execute("DROP TABLE stats")
    done = await asyncio.to_thread(command.run, "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'stats-service: This is not the old service\'s database: relation "stats" does not exist.\n'


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Our database, open; a way to ask how many rows it holds."""
    async with connection.connected(url):
        await migrate.upgrade(url)

        async def count() -> int:
            return int((await connection.reading().fetch("SELECT COUNT(*) FROM stat"))[0][0])

        yield count


async def test_a_run_that_is_killed_is_made_up_for_by_the_next(old: Old, command: Command, database_url: str) -> None:
    """A kill -9 at any moment leaves whole batches, and the next run completes them: nothing twice, nothing missing."""
    total = await old.fill(10, 120)
    async with opened(database_url) as count:
        for part in (0, total // 3):
            process = command.start()
            while await count() <= part:
                assert process.poll() is None
                await asyncio.sleep(0.005)
            process.kill()
            process.wait()
            assert part < await count() < total
        done = await asyncio.to_thread(command.run, "--json")
        moved = json.loads(done.stdout)
        assert (done.returncode, moved["here"] + moved["stored"], await count()) == (0, total, total)
        assert moved["here"] > total // 3
        assert moved["stored"] > 0


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_hundred_thousand_rows_in_bounded_memory(old: Old, command: Command, database_url: str) -> None:
    """A whole old service with all kinds of dirt: within 250 MB at 3,000 rows/s (a third of that, where the machine is
    busy with other things), and charts are exact afterwards."""
    total = await old.fill(56, 365)
    await old.rows(*[bad for bad, _ in dirt()])
    await old.fill_again()
    start = time.monotonic()
    process = command.start("--report", "bad.jsonl")
    _, status, usage = await asyncio.to_thread(os.wait4, process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 1
    assert usage.ru_maxrss < 250_000, "KB"
    assert total / seconds > 1_000
    lines = (Path(command.how["cwd"]) / "bad.jsonl").read_text().splitlines()
    whys = Counter(json.loads(line)["why"].partition(" ")[0] for line in lines)
    assert whys == Counter(reason.partition(" ")[0] for _, reason in dirt())
    async with opened(database_url) as count:
        assert await count() == total
        await compare_charts(filled("risk", 56, 365), "risk")
