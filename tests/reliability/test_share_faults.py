"""Whatever happens between two instances, and whenever a push is killed: each row is there once, and what is noted of
it is true.

A random run is made of its seed, which a failure names. With --long there are hundreds.
"""

import asyncio
import contextlib
import itertools
import random
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.core import clients, stats
from service.core.sharing import batches
from service.core.sharing.forget import Forgotten, forget
from service.records import Account
from service.storage.sharing import State
from tests.commands import Cli
from tests.faults import OldService, fault_proxy, random_faults
from tests.reliability.offices import new_uuid
from tests.servers import Postgres, Service
from tests.sharing import House, arrived, compact, hasten, house, row

pytestmark = pytest.mark.long_on_postgres

ANRS = [uuid.UUID(int=number, version=4) for number in (1, 2)]
MOST_FAULTS = 30
MOST_PUSHES = 3 * MOST_FAULTS
"""So many pushes at most until all is there: each fault may end one."""

KILLS = 25


@pytest.fixture(scope="module")
def here_url(
    module_database_url: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The installation's database, of the same kind as the other instance's; each run empties it."""
    if module_database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path_factory.mktemp('here')}/stats.sqlite3"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


def of_kind(here_url: str, sqlite: range, postgres: range) -> range:
    """More seeds on SQLite than on PostgreSQL, where all takes longer."""
    return sqlite if here_url.startswith("sqlite") else postgres


class Story:
    """What happens to an installation of two accounts: figures come in, accounts leave and return, pushes fail."""

    def __init__(self, here: House, rng: random.Random) -> None:
        self._here, self._rng = here, rng
        self._accounts: list[Account] = []
        self._deleted: set[tuple[uuid.UUID, uuid.UUID]] = set()

    async def begin(self) -> None:
        """Make the accounts."""
        self._accounts = [await self._here.account(name) for name in ("A", "B")]

    async def go_on(self) -> None:
        """A night: something comes in, perhaps something is taken back, and something is sent."""
        rng = self._rng
        await self._post()
        if rng.random() < 0.3:
            await self._leave()
        if rng.random() < 0.3:
            await self._delete()
        pushing = self._here.push(budget=rng.choice([0.05, 0.2, 1.0]), again=rng.random() < 0.2)
        await (asyncio.gather(pushing, self._post()) if rng.random() < 0.3 else pushing)

    async def end(self) -> None:
        """Push, and forget what is not to be there, until nothing is left. The network recovers meanwhile."""
        for _ in range(MOST_PUSHES):
            done = [await self._forget(client=one.uuid) for one in self._accounts if not await self._shares(one)]
            done += [await self._forget(client=client, anr=anr) for client, anr in self._deleted]
            pushed = await self._here.push()
            if not pushed.left and not any(one.left for one in done):
                return
        pytest.fail("It does not come to an end.")

    async def _post(self) -> None:
        rng = self._rng
        account = rng.choice(self._accounts)
        places = [(anr, kind, ago) for anr in ANRS for kind in ("risk", "threat") for ago in range(4)]
        chosen = rng.sample(places, rng.randint(1, len(places)))
        await self._here.post(account, *(row(anr, kind, ago, rng.randrange(3)) for anr, kind, ago in chosen))

    async def _leave(self) -> None:
        account = self._rng.choice(self._accounts)
        shares = await self._shares(account)
        await clients.change(account.uuid, is_sharing_enabled=not shares)
        if shares and self._rng.random() < 0.7:
            await self._forget(client=account.uuid)

    async def _delete(self) -> None:
        account, anr = self._rng.choice(self._accounts), self._rng.choice(ANRS)
        await stats.delete_analysis(account, anr)
        self._deleted.add((account.uuid, anr))
        if self._rng.random() < 0.5:
            await self._forget(anr=anr)

    async def _shares(self, account: Account) -> bool:
        return (await clients.get(account.uuid)).is_sharing_enabled

    async def _forget(self, **what: uuid.UUID) -> Forgotten:
        return await forget(self._here.settings, **what)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Pushes and forgets that ask again at once, and what sets the size of batches."""
    hasten(monkeypatch)
    return monkeypatch


@contextlib.contextmanager
def named(seed: int) -> Iterator[None]:
    """A failure within says which seed it is of."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"seed {seed}")
        raise


async def run(here_url: str, remote: Service, seed: int, patch: pytest.MonkeyPatch) -> None:
    """A story with faults, which ends with all that should be shared at the other instance, and nothing else."""
    rng = random.Random(seed)
    patch.setattr(batches, "BATCH_ROWS", rng.choice([3, 7, 500]))
    there = remote.client(f"run {seed} {uuid.uuid4()}")
    faults = itertools.islice(random_faults(seed), rng.randrange(MOST_FAULTS))
    with fault_proxy(remote.url, faults) as proxy:
        async with house(here_url, proxy.url, there.headers["X-API-KEY"]) as here:
            await tell(here, rng)
            wanted = await here.to_share()
            assert arrived(there) == wanted
            record = await here.record()
    assert record.keys() == wanted.keys()
    assert {(one.state, one.is_current) for one in record.values()} <= {(State.THERE, True)}


async def run_with_old(here_url: str, seed: int, patch: pytest.MonkeyPatch) -> None:
    """The same with an old service: it has a version of each row, the newest one unless it is noted that it has not."""
    rng = random.Random(seed)
    patch.setattr(batches, "BATCH_ROWS", rng.choice([3, 7, 500]))
    faults = itertools.islice(random_faults(seed), rng.randrange(MOST_FAULTS))
    with OldService() as old, fault_proxy(old.url, faults) as proxy:
        async with house(here_url, proxy.url, OldService.TOKEN) as here:
            await tell(here, rng)
            wanted, record = await here.to_share(), await here.record()
    assert old.rows.keys() == {number for number, _ in wanted.values()}
    assert record.keys() == wanted.keys()
    for place, one in record.items():
        number, data = wanted[place]
        assert one.is_current
        assert one.state is State.KEPT_OLD or (one.state, compact(old.rows[number]["data"])) == (State.THERE, data)


async def tell(here: House, rng: random.Random) -> None:
    """A story from its beginning to its end."""
    story = Story(here, rng)
    await story.begin()
    for _ in range(rng.randint(1, 4)):
        await story.go_on()
    await story.end()


async def test_random_faults(here_url: str, module_service: Service, hasty: pytest.MonkeyPatch) -> None:
    """In the end what should be shared is there, none twice, none missing, and the record says so."""
    for seed in of_kind(here_url, range(8), range(3)):
        with named(seed):
            await run(here_url, module_service, seed, hasty)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(10))
async def test_many_random_faults(here_url: str, module_service: Service, hasty: pytest.MonkeyPatch, part: int) -> None:
    """The same, in all 500 times on SQLite and 100 times on PostgreSQL."""
    for seed in of_kind(here_url, range(50 * part, 50 * part + 50), range(10 * part, 10 * part + 10)):
        with named(seed):
            await run(here_url, module_service, seed, hasty)


async def test_random_faults_before_an_old_service(here_url: str, hasty: pytest.MonkeyPatch) -> None:
    """Nothing is twice, nothing is missing, and what it keeps an older version of is known."""
    for seed in of_kind(here_url, range(4), range(2)):
        with named(seed):
            await run_with_old(here_url, seed, hasty)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_many_random_faults_before_an_old_service(here_url: str, hasty: pytest.MonkeyPatch) -> None:
    """The same, many times."""
    for seed in of_kind(here_url, range(100), range(20)):
        with named(seed):
            await run_with_old(here_url, seed, hasty)


async def test_kill(here_url: str, module_service: Service, tmp_path: Path, rng: random.Random) -> None:
    """A push that is killed at any moment holds nothing up: the next one goes on at once, and all is there once."""
    await killed(here_url, module_service, tmp_path, rng, len(of_kind(here_url, range(3), range(1))))


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(4))
async def test_many_kills(
    here_url: str, module_service: Service, tmp_path: Path, rng: random.Random, part: int
) -> None:
    """The same, a hundred times."""
    del part
    await killed(here_url, module_service, tmp_path, rng, KILLS)


async def killed(here_url: str, remote: Service, folder: Path, rng: random.Random, times: int) -> None:
    """Push 600 changed rows, kill the push at a random moment, and let the next one end it; again and again."""
    there = remote.client(f"killed {new_uuid(rng)}")
    with fault_proxy(remote.url) as proxy:
        async with house(here_url, proxy.url, there.headers["X-API-KEY"]) as here:
            account = await here.account("A")
            cli = Cli(here_url, folder, REMOTE_STATS_SERVER=proxy.url, REMOTE_STATS_TOKEN=there.headers["X-API-KEY"])
            for number in range(times):
                rows = [row(uuid.UUID(int=anr), "risk", ago, number) for anr in range(10) for ago in range(60)]
                await here.post(account, *rows)
                proxy.requests.clear()
                await asyncio.to_thread(kill, cli, lambda: bool(proxy.requests), rng)
                pushed = await here.push()
                assert (pushed.left, pushed.error) == (0, None)
                wanted = await here.to_share()
                assert arrived(there) == wanted
                record = await here.record()
                assert record.keys() == wanted.keys()
                assert {(one.state, one.is_current) for one in record.values()} == {(State.THERE, True)}


def kill(cli: Cli, has_begun: Callable[[], bool], rng: random.Random) -> None:
    """Start a push, and kill it at a random moment, mostly when it has begun to send."""
    command = cli.command("share", "push")
    process = subprocess.Popen(command, cwd=cli.folder, env=cli.environment, stdout=subprocess.DEVNULL)
    if rng.random() < 0.2:
        time.sleep(rng.uniform(0.2, 1))
    else:
        while process.poll() is None and not has_begun():
            time.sleep(0.002)
        time.sleep(rng.choice([0, rng.uniform(0, 0.3)]))
    process.kill()
    process.wait()
