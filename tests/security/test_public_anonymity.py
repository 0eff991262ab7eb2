"""Attacks on what anybody may see: who was it that sent something, and what?

The attacker knows the accounts and what each is like, knows that somebody is about to send something, and asks for all
that anybody may ask for, before and after. On an instance that is not public he finds out both, each time; on a public
one what he sees is the same before and after, and he can but guess. Both instances are on the same database.
"""

import contextlib
import datetime as dt
import random
import secrets
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.servers import Service, running_service

pytestmark = pytest.mark.long_on_postgres

CANDIDATES = 3
LIMIT = 5
"""The least accounts that a public figure is made of."""

SIZE = 1_000_000_000
"""What a candidate sends is about as many times this as its number, so it shows from a value whose it is. The last
digits are like no other's."""

OBJECTS = [str(uuid.UUID(int=number)) for number in range(1, CANDIDATES + 2)]
"""The first is everybody's, the others are a candidate's each, and of four others: with it they are five."""

FIRST_DAY = 10_000
"""How many days ago the attacks began, each in a time of its own: what an account sends counts for a month."""

APART = 40

ANR = str(uuid.UUID(int=1))
PATHS = {name: f"/stats/{name}.json" for name in ("threats", "vulnerabilities", "risks", "cartography", "compliance")}

Cells = dict[tuple[Any, ...], float]
"""The means that anybody can read: by whose rows they are of (all or local), day, and what they are about."""


def ago(days: int) -> str:
    """A day of the past, as the service counts days (UTC)."""
    return str(dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days))


def sent(value: int, *objects: int) -> dict[str, Any]:
    """The data of a row of each type, that tells of a value; of everybody's object, category and cell, and others."""
    share, numbers = f"0.{value % 90 + 10}", sorted({0, *objects})
    labels = {each: dict.fromkeys(("label1", "label2", "label3", "label4"), f"label {each}") for each in numbers}
    found = [
        {"uuid": OBJECTS[each], **labels[each], "count": value, "maxRisk": 1, "averageRate": share} for each in numbers
    ]
    levels = [{"level": level, "value": value} for level in ("Low risks", "Medium risks", "High risks")]
    cells = {"0": {str(each): value for each in numbers}}
    none: dict[str, Any] = {"informational": [], "operational": []}
    categories = [{**labels[each], "value": share, "controls": []} for each in numbers]
    return {
        "threat": found,
        "vulnerability": found,
        "risk": {"risks": {"current": {"informational": levels, "operational": []}, "residual": []}, "total": []},
        "cartography": {
            "scales": {"impact": [0], "likelihood": numbers, "probability": []},
            "risks": {"current": none | {"informational": cells}, "residual": none},
        },
        "compliance": [{"referential": OBJECTS[0], **labels[0], "current": categories, "target": categories}],
    }


class Pair(NamedTuple):
    """Two instances on one database, of which one is public."""

    public: Service
    open: Service


class Account:
    """An account that has its place on the map, and sends rows of all types."""

    def __init__(self, service: Service, *objects: int, local: bool = True) -> None:
        self.http = service.admin
        made = self.http.post("/api/v1/client/", json={"name": str(uuid.uuid4()), "local": local})
        self.uuid = made.raise_for_status().json()["uuid"]
        where = {"latitude": 49.6, "longitude": 6.1}
        self.http.patch(f"/api/v1/client/{self.uuid}", json=where).raise_for_status()
        self.headers = {"X-API-KEY": made.json()["token"]}
        self.objects = objects
        self.local = local

    def post(self, day: int, value: int) -> None:
        """Send a value for a day; what was sent of it before is replaced."""
        data = sent(value, *self.objects)
        rows = [{"anr": ANR, "type": kind, "date": ago(day), "data": each} for kind, each in data.items()]
        self.http.post("/api/v1/stats/", json=rows, headers=self.headers).raise_for_status()

    def delete(self) -> None:
        """Delete all that it has sent."""
        self.http.delete(f"/api/v1/stats/{ANR}", headers=self.headers).raise_for_status()

    def leave(self) -> None:
        """Let the account itself be deleted."""
        self.http.delete(f"/api/v1/client/{self.uuid}").raise_for_status()


Make = Callable[..., Account]


@contextlib.contextmanager
def making_accounts(service: Service) -> Iterator[Make]:
    """Makes accounts that are gone after the block, with all they sent: another attack begins anew."""
    made = []

    def make(*objects: int, local: bool = True) -> Account:
        made.append(Account(service, *objects, local=local))
        return made[-1]

    yield make
    for account in made:
        account.leave()


class Attacker:
    """Somebody who asks an instance, anonymously and with an account of his own, and draws conclusions."""

    def __init__(self, service: Service) -> None:
        self.anybody = service.client_with(None)
        self.account = Account(service)

    def everything(self, day: int) -> list[tuple[str, str]]:
        """All answers to be had up to a day of the past, to the ETag. Each chart and the map tell something then; of
        metrics there are none for a stranger."""
        asked = []
        for path in PATHS.values():
            options: list[dict[str, Any]] = [{"days": n, "local_stats_only": n % 2} for n in range(day - 1, day + 3)]
            options += [{"days": day + 1, "last_stats": 1}, {"days": FIRST_DAY + APART, "aggregation_period": "month"}]
            asked += (answers := [self.anybody.get(path, params=each) for each in options])
            assert any(ago(day) in each.text for each in answers), path
        asked += [self.anybody.get(path) for path in ("/map/clients.json", "/about.json", "/metrics")]
        assert "latitude" in asked[-3].text
        for name in ("threat_average_on_date", "risk_averages", "compliance_average"):
            query = {"type": name.partition("_")[0], "processor": name, "date_from": ago(day + 1)}
            asked.append(self.anybody.get("/api/v1/stats/processed/", params=query, headers=self.account.headers))
        assert [each.url.path for each in asked if not each.is_success] == ["/metrics"]
        return [(each.headers.get("etag", ""), each.text) for each in asked]

    def cells(self, *days: int) -> Cells:
        """The means of these days."""
        wanted = {ago(day) for day in days}
        return {
            (local, value["date"], each["object"]): value["count"]
            for local in (0, 1)
            for each in self.anybody.get(PATHS["threats"], params={"days": max(days), "local_stats_only": local}).json()
            for value in each["values"]
            if value["date"] in wanted
        }


class Conclusion(NamedTuple):
    """What the attacker makes of what has changed: whose it seems to be, and the values that may have been sent."""

    candidate: int | None
    values: set[int]


def conclude(before: Cells, after: Cells) -> Conclusion:
    """Who has sent something between two looks, and what. A mean times the number of rows is a sum; how many rows there
    are the attacker finds out, since sums are whole numbers."""
    values: set[int] = set()
    votes = []
    for cell in before.keys() | after.keys():
        one, other = before.get(cell, 0.0), after.get(cell, 0.0)
        if one == other:
            continue
        if cell[-1] != OBJECTS[0]:
            votes.append(OBJECTS.index(cell[-1]))
        for rows in range(21):
            for more in (rows - 1, rows, rows + 1):
                sums = one * rows, other * more
                if all(abs(each - round(each)) < 0.001 for each in sums):
                    values.add(abs(round(sums[1]) - round(sums[0])))
    return Conclusion(max(votes, key=votes.count) if votes else None, values - {0})


class World:
    """Accounts that sent something of days of the past. Nobody but themselves knows what."""

    def __init__(self, make: Make, chance: random.Random, *days: int) -> None:
        self.chance = chance
        self.days = days
        local = chance.random() < 0.5
        numbers = range(1, CANDIDATES + 1)
        self.candidates = [make(number, local=local) for number in numbers]
        self.crowd = [make(*numbers, local=local) for _ in range(LIMIT - 1)]
        self.plain = [make(local=local) for _ in range(LIMIT)]
        self.others = [make(local=not local) for _ in range(LIMIT)]
        self.sent: dict[int, int] = {}
        self.who = chance.randrange(CANDIDATES)
        self.actor = self.candidates[self.who]

    def begin(self, *, without_actor: bool = False) -> None:
        """Let all send something, the same for all days."""
        for account in [*self.candidates, *self.crowd, *self.plain, *self.others]:
            if not (without_actor and account is self.actor):
                self.post(account, *self.days)

    def post(self, account: Account, *days: int) -> int:
        """Let an account send something for days; by how much sums become other than by what it sent before."""
        size = account.objects[0] if len(account.objects) == 1 else self.chance.randint(1, CANDIDATES)
        value = size * SIZE + self.chance.randrange(SIZE)
        for day in days:
            account.post(day, value)
        before = self.sent.get(id(account), 0)
        self.sent[id(account)] = value
        return abs(value - before)

    def act(self, kind: str) -> int:
        """Let the one whom it is about do something; by how much sums become other ones."""
        if kind == "goes":
            self.actor.delete()
            return self.sent[id(self.actor)]
        if kind == "is alone":
            self.sent[id(self.actor)] = 0
            return self.post(self.actor, self.days[-1] + 1)
        return self.post(self.actor, self.days[-1])


@pytest.fixture(scope="module")
def pair(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A public instance, and one that is not."""
    folder = tmp_path_factory.mktemp("pair")
    with (
        running_service(module_database_url, folder, PUBLIC_INSTANCE="1") as public,
        running_service(module_database_url, folder) as opened,
    ):
        yield Pair(public, opened)


@pytest.fixture
def make(pair: Pair) -> Iterator[Make]:
    """Makes accounts for a test."""
    with making_accounts(pair.public) as make:
        yield make


class Attackers(NamedTuple):
    """One on each instance."""

    public: Attacker
    open: Attacker


@pytest.fixture(scope="module")
def attackers(pair: Pair) -> Attackers:
    """The attackers, each with an account of his own."""
    return Attackers(Attacker(pair.public), Attacker(pair.open))


def asked_twice(make: Make, attackers: Attackers, chance: random.Random, day: int) -> None:
    """Somebody comes, changes, goes or sends something of a day of which nobody else has, after at most three others
    did. On the open instance it is known who it was, and what. On the public one nothing is other than it was. When
    enough others have changed something, it moves; only not with the object of which there are too few, and none of its
    movements tells what the one has sent."""
    kind = chance.choice(("comes", "changes", "goes", "is alone"))
    world = World(make, chance, day)
    world.begin(without_actor=kind == "comes")
    first, exact = attackers.public.cells(day), attackers.open.cells(day)
    assert first.keys() >= {(0, ago(day), each) for each in OBJECTS} - {(0, ago(day), OBJECTS[world.who + 1])}
    assert all(mean == exact[cell] for cell, mean in first.items())
    for account in world.crowd[: chance.randrange(LIMIT - 1)]:
        world.post(account, day)
    before, known = attackers.public.everything(day), attackers.open.cells(day, day + 1)
    change = world.act(kind)
    assert attackers.public.everything(day) == before
    found = conclude(known, attackers.open.cells(day, day + 1))
    assert (found.candidate, change in found.values) == (world.who + 1, True)
    for accounts in (world.plain, world.crowd):
        for account in accounts:
            world.post(account, day)
        last = attackers.public.cells(day)
        found = conclude(first, last)
        assert last != first
        assert change not in found.values
        assert found.candidate is None or accounts is world.crowd


def asked_of_two_days(make: Make, attackers: Attackers, chance: random.Random, day: int) -> None:
    """On the second of two days all send what they sent on the first, but for one that changes, or comes. On the open
    instance the days' difference is what the one has sent. On the public one there is none."""
    world = World(make, chance, day + 1, day)
    world.begin(without_actor=chance.random() < 0.5)
    change = world.act("changes")
    for attacker, is_public in ((attackers.public, True), (attackers.open, False)):
        cells = attacker.cells(day, day + 1)
        one, other = (
            {(cell[0], cell[2]): mean for cell, mean in cells.items() if cell[1] == each}
            for each in (ago(day + 1), ago(day))
        )
        if is_public:
            assert one == other != {}
        else:
            found = conclude(one, other)
            assert (found.candidate, change in found.values) == (world.who + 1, True)


def attack(pair: Pair, attackers: Attackers, seed: int, rounds: int) -> None:
    """Rounds of attacks, each in a time of its own: a month after somebody sent something, it is gone."""
    chance = random.Random(seed)
    for turn in range(rounds):
        what = asked_of_two_days if turn % 3 == 2 else asked_twice
        print(f"seed {seed}, round {turn}: {what.__name__}")  # noqa: T201 - shown where the test fails
        with making_accounts(pair.public) as make:
            what(make, attackers, chance, FIRST_DAY - turn * APART)


def test_nobody_is_picked_out(pair: Pair, attackers: Attackers) -> None:
    """Neither by asking for everything before and after, nor by asking of several days."""
    attack(pair, attackers, seed=6, rounds=3)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nobody_is_picked_out_in_many_rounds(pair: Pair, attackers: Attackers) -> None:
    """The same, many times, with chances of its own each time."""
    attack(pair, attackers, seed=secrets.randbelow(1 << 32), rounds=100)


def test_who_is_among_few_others_does_not_follow_from_all_and_this_house(make: Make, attackers: Attackers) -> None:
    """Of all the sum, less that of this house's own accounts: on the open instance it is what the only other sent."""
    day = FIRST_DAY + 1 * APART
    for number in range(LIMIT):
        make().post(day, SIZE + number)
    make(local=False).post(day, secret := 3 * SIZE + 12_345)
    all_of_them, ours = (cells := attackers.open.cells(day))[0, ago(day), OBJECTS[0]], cells[1, ago(day), OBJECTS[0]]
    assert round(all_of_them * (LIMIT + 1)) - round(ours * LIMIT) == secret
    told = attackers.public.cells(day)
    assert told[0, ago(day), OBJECTS[0]] == told[1, ago(day), OBJECTS[0]] == ours


def test_what_most_of_a_sum_is_made_of_is_not_told(make: Make, attackers: Attackers) -> None:
    """Neither where one has sent more than all the others, nor where one has changed more than they. On the open
    instance both are known but for a hundredth."""
    day = FIRST_DAY + 3 * APART
    accounts = [make() for _ in range(2 * LIMIT)]
    for account in accounts:
        account.post(day, SIZE)
        account.post(day + 1, SIZE)
    accounts[0].post(day + 1, 1000 * SIZE)
    cells, told = attackers.open.cells(day, day + 1), attackers.public.cells(day, day + 1)
    assert cells[0, ago(day + 1), OBJECTS[0]] * 2 * LIMIT == pytest.approx(1000 * SIZE, rel=0.01)
    assert told == {(local, ago(day), OBJECTS[0]): SIZE for local in (0, 1)}
    for account in accounts[1 : LIMIT + 1]:
        account.post(day, SIZE + 1_000)
    accounts[0].post(day, 2 * SIZE)
    changes = [
        (attacker.cells(day)[0, ago(day), OBJECTS[0]] - SIZE) * 2 * LIMIT
        for attacker in (attackers.open, attackers.public)
    ]
    assert changes == [pytest.approx(SIZE, rel=0.01), pytest.approx(LIMIT * 1_000)]


def test_going_and_coming_back_uncovers_nobody_who_has_changed_meanwhile(make: Make, attackers: Attackers) -> None:
    """Enough go, and come back as they were. On the open instance what has changed is what another one sent."""
    day = FIRST_DAY + 5 * APART
    accounts = {make(): SIZE + number * 1_000_003 for number in range(2 * LIMIT)}
    victim, *others = accounts
    for account, value in accounts.items():
        account.post(day, value)
    before = attackers.public.cells(day), attackers.open.cells(day)
    for account in others[:LIMIT]:
        account.delete()
    assert attackers.public.cells(day) != before[0]
    for account in others[:LIMIT]:
        account.post(day, accounts[account])
    victim.post(day, SIZE + (secret := 87_654_321))
    assert secret in conclude(before[1], attackers.open.cells(day)).values
    told = attackers.public.cells(day)
    assert secret not in conclude(before[0], told).values
