"""Charts against the naive model, through the real database: whatever is posted, replaced, deleted, sums are exact."""

import asyncio
import datetime as dt
import json
import uuid
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.core import charts, clients, collect, processors, stats
from service.core.periods import Period
from service.core.verify import Verification
from service.records import Account, StatType
from service.storage import connection, migrate, selections, totals
from tests.naive import NaiveModel, Row
from tests.samples import rows as sample_rows

DAYS = [dt.date(2026, 1, 30), dt.date(2026, 1, 31), dt.date(2026, 2, 1), dt.date(2026, 2, 2), dt.date(2026, 4, 1)]
FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 12, 31)
ANRS = [str(uuid.UUID(int=number)) for number in range(1, 4)]
OBJECTS = [str(uuid.UUID(int=number)) for number in range(100, 103)]
STATES = ("current", "residual")
KINDS = ("informational", "operational")
LEVELS = ("Low risks", "Medium risks", "High risks")

counts = st.integers(0, 10**6) | st.integers(0, 9)
decimals = st.decimals(0, 1000, places=2).map(str) | st.integers(0, 50) | st.decimals(0, 5, places=6).map(float)
shares = st.decimals(0, 1, places=2).map(str)
labels = st.fixed_dictionaries(
    {f"label{n}": st.sampled_from(["", "Brand", "Feuer"]) for n in (1, 2)}
    | {f"label{n}": st.sampled_from([None, "vuur"]) for n in (3, 4)}
)


def _merged(*parts: Any) -> Any:
    return st.tuples(*parts).map(lambda dicts: {key: value for part in dicts for key, value in part.items()})


_object = _merged(
    st.fixed_dictionaries(
        {"uuid": st.sampled_from(OBJECTS), "count": counts, "maxRisk": decimals, "averageRate": decimals}
    ),
    labels,
)
_objects = st.lists(_object, max_size=3)


def _tree(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    kinds = st.fixed_dictionaries(dict.fromkeys(KINDS, leaf))
    return st.fixed_dictionaries(dict.fromkeys(STATES, kinds))


_levels = st.tuples(counts, counts, counts).map(
    lambda values: [{"level": level, "value": value} for level, value in zip(LEVELS, values, strict=True)]
)
_risk = st.fixed_dictionaries({"risks": _tree(_levels | st.just([])), "total": _tree(counts)})
_matrix = st.dictionaries(
    st.sampled_from(["0", "1", "4"]),
    st.lists(counts, max_size=2) | st.dictionaries(st.sampled_from(["1", "3", "20"]), counts, min_size=1),
    max_size=2,
)
_scales = st.fixed_dictionaries(
    {name: st.lists(st.integers(0, 5), unique=True, max_size=3) for name in ("impact", "likelihood", "probability")}
)
_cartography = st.fixed_dictionaries({"scales": _scales, "risks": _tree(_matrix)})
_category = _merged(labels, st.fixed_dictionaries({"value": shares, "controls": st.just([])}))
_compliance = st.lists(
    _merged(
        labels,
        st.fixed_dictionaries(
            {
                "referential": st.sampled_from(OBJECTS),
                "current": st.lists(_category, max_size=3),
                "target": st.lists(_category, max_size=2),
            }
        ),
    ),
    max_size=2,
)
_payloads = {
    "risk": _risk,
    "threat": _objects,
    "vulnerability": _objects,
    "cartography": _cartography,
    "compliance": _compliance,
}
_row = st.sampled_from(sorted(_payloads)).flatmap(
    lambda kind: st.fixed_dictionaries(
        {
            "anr": st.sampled_from(ANRS),
            "type": st.just(kind),
            "date": st.sampled_from(DAYS).map(str),
            "data": _payloads[kind],
        }
    )
)
_who = st.sampled_from(["mine", "yours", "theirs"])
_step = st.one_of(
    st.tuples(st.just("post"), _who, st.lists(_row, min_size=1, max_size=6)),
    st.tuples(st.just("post"), _who, st.lists(_row, min_size=1, max_size=6)),
    st.tuples(st.just("delete analysis"), _who, st.sampled_from(ANRS)),
    st.tuples(st.just("delete account"), _who, st.none()),
    st.tuples(st.just("purge"), st.just("mine"), st.sampled_from(DAYS)),
)


class Both:
    """The service and the naive model, told the same things. The account `theirs` is another installation's."""

    def __init__(self) -> None:
        self.naive = NaiveModel()
        self.accounts: dict[str, Account] = {}

    async def take(self, step: tuple[str, str, Any]) -> None:
        """Do one step in both."""
        what, who, about = step
        if who not in self.accounts:
            self.accounts[who], _ = await clients.create(who, local=who != "theirs")
        account = self.accounts[who]
        if what == "post":
            await self._post(account, about)
        elif what == "delete analysis":
            await stats.delete_analysis(account, uuid.UUID(about))
            self.naive.delete_analysis(who, about)
        elif what == "purge":
            await clients.purge(about)
            self.naive.purge(about.isoformat())
        else:
            await clients.delete(self.accounts.pop(who).uuid)
            self.naive.delete_client(who)

    async def _post(self, account: Account, rows: list[Row]) -> None:
        result = await collect.collect(account, json.dumps(rows).encode())
        assert not result.refused
        self.naive.post({**row, "client": account.name, "local": account.local} for row in rows)

    async def compare(self, **how: Any) -> None:
        """Hold the answers of all processors to the naive model's."""
        for processor in processors.all():
            period = how.get("period") if processor.on_date else None
            chart = await charts.chart(
                charts.ChartQuery(
                    type=processor.stat_type,
                    processor=processor.name,
                    date_from=how.get("first", FIRST),
                    date_to=how.get("last", LAST),
                    anrs=how.get("anrs"),
                    account=how.get("account"),
                    local_only=how.get("local_only", False),
                    period=period,
                )
            )
            anrs, account = how.get("anrs"), how.get("account")
            expected = self.naive.chart(
                processor.name,
                anrs=None if anrs is None else [str(anr) for anr in anrs],
                client=None if account is None else account.name,
                date_from=how.get("first", FIRST).isoformat(),
                date_to=how.get("last", LAST).isoformat(),
                local_only=how.get("local_only", False),
                period=period,
            )
            assert json.loads(chart.data) == json.loads(json.dumps(expected)), (processor.name, how)

    async def compare_all(self, anrs: list[str], period: Period, *, local_only: bool) -> None:
        """Anybody's analyses, as an administrator sees them, and an account's own; the whole fleet or this house alone,
        and part of its days in periods."""
        chosen = tuple(map(uuid.UUID, anrs))
        await self.compare(anrs=chosen, local_only=local_only, period=period)
        for account in self.accounts.values():
            await self.compare(anrs=chosen, account=account, local_only=local_only)
        await self.compare(local_only=local_only)
        await self.compare(first=DAYS[1], last=DAYS[3], period=period)


class Story(NamedTuple):
    """What happens, and what is looked at after each step."""

    steps: list[tuple[str, str, Any]]
    anrs: list[str]
    period: Period
    local_only: bool


_story = st.builds(
    Story,
    steps=st.lists(_step, min_size=1, max_size=8),
    anrs=st.lists(st.sampled_from(ANRS), unique=True),
    period=st.sampled_from(Period),
    local_only=st.booleans(),
)


async def play(database_url: str, story: Story) -> None:
    """After every step, every processor says what plain Python makes of the rows that are left."""
    async with connection.connected(database_url):
        await migrate.upgrade(database_url)
        both = Both()
        try:
            for step in story.steps:
                await both.take(step)
                await both.compare_all(story.anrs, story.period, local_only=story.local_only)
        finally:
            for account, _ in await clients.list_all():
                await clients.delete(account.uuid)
        await Both().compare()


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(story=_story)
def test_sums_are_what_a_recount_gives(database_url: str, story: Story) -> None:
    """Whatever happens."""
    asyncio.run(play(database_url, story))


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(story=_story)
def test_sums_of_many_stories(database_url: str, story: Story) -> None:
    """The same, 200 times."""
    asyncio.run(play(database_url, story))


def test_an_administrators_chart_leaves_each_account_its_own_sums(database_url: str) -> None:
    """What is stored in passing, of days that nobody had asked for yet, is each account's own."""
    chosen = tuple(map(uuid.UUID, ANRS[:2]))

    async def play() -> None:
        both = Both()
        async with connection.connected(database_url):
            await migrate.upgrade(database_url)
            for place, who in enumerate(("mine", "yours")):
                await both.take(("post", who, sample_rows(ANRS[place], str(DAYS[0]), place)))
            await both.compare(anrs=chosen)
        async with connection.connected(database_url):  # when it was closed, all was stored
            for account in both.accounts.values():
                await both.compare(anrs=chosen, account=account)
            assert [found async for found in Verification(repair=False).differences()] == []

    asyncio.run(play())


def test_a_chart_made_while_rows_are_deleted_lacks_no_others(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking which of the fleet's sums hold and reading them an account's rows go, and the sums with them."""
    read = totals._read_fleet  # noqa: SLF001 - the moment in between

    async def play() -> None:
        async with connection.connected(database_url):
            await migrate.upgrade(database_url)
            both = Both()
            for place, who in enumerate(("mine", "yours")):
                await both.take(("post", who, sample_rows(ANRS[place], str(DAYS[0]), place)))
            await both.compare()
        async with connection.connected(database_url):  # all is stored, and nothing remembered

            async def delete_and_read(*asked: Any) -> Any:
                if "yours" in both.accounts:
                    await both.take(("delete account", "yours", None))
                return await read(*asked)

            monkeypatch.setattr(totals, "_read_fleet", delete_and_read)
            await both.compare()

    asyncio.run(play())


def test_a_chart_made_while_rows_come_is_not_kept_for_what_was_there_before(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When they have been purged, the account's days are what they were: its chart is too."""
    chosen, days_of = (uuid.UUID(ANRS[0]),), selections.days

    async def play() -> None:
        async with connection.connected(database_url):
            await migrate.upgrade(database_url)
            both = Both()
            await both.take(("post", "mine", sample_rows(ANRS[0], str(DAYS[2]))))

            async def days_after_a_post(*asked: Any, **how: Any) -> Any:
                await both.take(("post", "mine", sample_rows(ANRS[0], str(DAYS[0]), 1)))
                return await days_of(*asked, **how)

            monkeypatch.setattr(selections, "days", days_after_a_post)
            await charts.chart(
                charts.ChartQuery(
                    type=StatType.RISK,
                    processor="risk_averages",
                    anrs=chosen,
                    date_from=FIRST,
                    date_to=LAST,
                    account=both.accounts["mine"],
                )
            )
            monkeypatch.undo()
            await both.compare(anrs=chosen, account=both.accounts["mine"])
            await both.take(("purge", "mine", DAYS[1]))
            await both.compare(anrs=chosen, account=both.accounts["mine"])

    asyncio.run(play())
