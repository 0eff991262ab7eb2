"""Sharing: what is sent arrives once, what is noted of it is true, it can be looked at before, and taken back."""

import contextlib
import itertools
import json
import uuid
import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from service.core import clients, stats
from service.core.sharing import batches
from service.core.sharing.forget import forget
from service.core.sharing.preview import preview
from service.core.sharing.push import Wanted, push
from service.core.sharing.status import shared_of, status
from service.errors import Conflict
from service.peer import Peer, Receipt, Row
from service.records import Account, StatType
from service.storage import connection, locks, share_records, sharing
from service.storage.sharing import State
from tests import samples
from tests.faults import PASS, OldService, answer, fault_proxy, reset_answer
from tests.servers import Service
from tests.sharing import House, arrived, compact, day, hasten, house, row

ANRS = [uuid.UUID(int=number, version=4) for number in range(1, 9)]
TYPES = tuple(StatType)


@pytest.fixture
def there(remote: Service) -> httpx.Client:
    """The installation's account at the other instance."""
    return remote.client(f"installation {uuid.uuid4()}")


@pytest.fixture
async def here(module_database_url: str, remote: Service, there: httpx.Client) -> AsyncIterator[House]:
    """An installation with an account and two analyses of all types, some of which are shared already."""
    async with house(module_database_url, remote.url, there.headers["X-API-KEY"]) as installation:
        yield installation


@contextlib.asynccontextmanager
async def old_house(database_url: str) -> AsyncIterator[tuple[House, OldService]]:
    """An installation that shares with an old service."""
    with OldService() as old:
        async with house(database_url, old.url, OldService.TOKEN) as installation:
            yield installation, old


def deleted_all(there: httpx.Client) -> None:
    """Delete all that an account has at the other instance."""
    for anr in {place.anr for place in arrived(there)}:
        there.delete(f"/api/v1/stats/{anr}").raise_for_status()


def held_by(old: OldService) -> dict[str, Any]:
    """Uuid and data of what the old service has."""
    return {number: compact(one["data"]) for number, one in old.rows.items()}


async def filled(here: House, name: str = "NC3") -> Account:
    """An account with two analyses: all types, of two days."""
    account = await here.account(name)
    await here.post(account, *(row(anr, kind, ago, ago) for anr in ANRS[:2] for kind in TYPES for ago in (0, 1)))
    return account


async def states(here: House) -> set[State]:
    """What is noted of rows, in whatever number."""
    return {one.state for one in (await here.record()).values()}


# --- what is sent -------------------------------------------------------------------------------------------


async def test_what_accounts_share_arrives_and_nothing_else(here: House, there: httpx.Client) -> None:
    """Rows of the last three months of active accounts of this house that share; each as it may leave."""
    account = await filled(here)
    await here.post(account, row(ANRS[0], "risk", 300))
    for name, changes in (("off", {"is_sharing_enabled": False}), ("inactive", {"is_active": False})):
        await here.post(await here.account(name, **changes), row(ANRS[2]))
    other, _ = await clients.create("another installation", local=False)
    await here.post(other, row(ANRS[3]))
    old = (await here.to_share()).keys()
    pushed = await here.push()
    wanted = {place: found for place, found in (await here.to_share()).items() if place.date >= str(day(120))}
    assert len(old) == len(wanted) + 1
    assert arrived(there) == wanted
    assert (pushed.sent, pushed.left, pushed.refused, pushed.error) == (20, 0, 0, None)
    assert {(one.state, one.is_current) for one in (await here.record()).values()} == {(State.THERE, True)}


async def test_what_is_there_is_not_sent_again_until_it_changes(here: House, there: httpx.Client) -> None:
    """The second push sends nothing; a row that has changed is sent again, and takes the place of what is there."""
    account = await filled(here)
    await here.push()
    assert (await here.push()).sent == 0
    await here.post(account, row(ANRS[0], "threat", 0, 77))
    assert (await here.push()).sent == 1
    assert arrived(there) == await here.to_share()


async def test_who_turns_sharing_off_during_a_push_is_left_out_from_then_on(
    here: House, there: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the batches that are still to go, the one that is ready too; the others' rows go on."""
    monkeypatch.setattr(batches, "BATCH_ROWS", 5)
    first = await filled(here, "A")
    await filled(here, "B")
    post = Peer.post

    async def post_and_turn_off(peer: Peer, rows: Sequence[Row]) -> Receipt:
        receipt = await post(peer, rows)
        await clients.change(first.uuid, is_sharing_enabled=False)
        return receipt

    monkeypatch.setattr(Peer, "post", post_and_turn_off)
    pushed = await here.push()
    assert pushed.left == 0
    assert 20 <= pushed.sent <= 25  # one batch may be theirs
    assert arrived(there).items() >= (await here.to_share()).items()


async def test_a_push_is_narrowed_down(here: House, there: httpx.Client) -> None:
    """Days (both included) and an account each leave only what they say."""
    first, second = await filled(here, "A"), await filled(here, "B")
    assert (await here.push(client=first.uuid, date_from=day(1), date_to=day(1))).sent == 10
    assert {place.date for place in arrived(there)} == {str(day(1))}
    assert (await here.push(client=first.uuid)).sent == 10
    await here.post(second, row(ANRS[0], "risk", 300))
    assert (await here.push(date_from=day(365))).sent == 21
    assert arrived(there) == await here.to_share()


async def test_batches_are_bounded_and_tell_nothing_of_what_belongs_together(
    here: House, there: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In rows and in bytes; analyses come by their pseudonyms, whosever they are."""
    assert (batches.BATCH_ROWS, batches.BATCH_BYTES) == (500, 4 << 20)
    monkeypatch.setattr(batches, "BATCH_ROWS", 50)
    monkeypatch.setattr(batches, "BATCH_BYTES", 200_000)
    for number, name in enumerate(("A", "B")):
        few = [row(anr, "risk", ago) for anr in ANRS[number::2] for ago in range(20)]
        large = [row(ANRS[number], "compliance", ago) | {"data": samples.payload("compliance")} for ago in range(20)]
        await here.post(await here.account(name), *few, *large)
    with fault_proxy(here.settings.remote_stats_server) as proxy:
        here.share_with(proxy.url)
        await here.push()
    sent = [one.rows for one in proxy.requests]
    sizes = [len(one.body) for one in proxy.requests]
    assert max(sizes) <= 200_000 + 50 + 1
    assert max(map(len, sent)) == 50
    assert all(len(rows) == 50 or size > 150_000 for rows, size in zip(sent[:-1], sizes, strict=False))
    anrs = [one["anr"] for rows in sent for one in rows]
    assert anrs == sorted(anrs)
    assert arrived(there) == await here.to_share()


async def test_a_row_that_is_replaced_while_it_is_read_is_no_fault(
    here: House, there: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left for the next push, as is what comes in while one runs."""
    account = await filled(here)
    read = sharing.texts

    async def replaced_first(payloads: Any) -> dict[int, bytes]:
        monkeypatch.setattr(sharing, "texts", read)
        await here.post(account, row(ANRS[0], "risk", 0, 55), row(ANRS[1], "risk", 0, 56))
        return await read(payloads)

    monkeypatch.setattr(sharing, "texts", replaced_first)
    pushed = await here.push()
    assert pushed.error is None
    assert pushed.sent < 20
    assert (await here.push()).sent == 20 - pushed.sent
    assert arrived(there) == await here.to_share()


async def test_what_cannot_be_made_anonymous_stays(here: House, there: httpx.Client) -> None:
    """It is noted as refused with the reason, keeps nothing else from being sent, and is not tried again in vain."""
    await filled(here)
    assert await connection.main().execute("UPDATE payload SET data = ? WHERE type = 1", zlib.compress(b'["no risk"]'))
    pushed = await here.push()
    assert (pushed.sent, pushed.refused, pushed.left) == (16, 4, 0)
    assert {one.type for one in pushed.refusals} == {StatType.RISK}
    assert all("anonymous" in (one.reason or "") for one in pushed.refusals)
    assert {place.type for place in arrived(there)} == set(TYPES[1:])
    assert (await here.push()).refused == 0
    assert (await here.push(again=True)).refused == 4


# --- what comes back ----------------------------------------------------------------------------------------


async def test_an_old_service_keeps_what_it_has_and_that_is_said(module_database_url: str) -> None:
    """A changed row is sent once, found not to be replaced, and not sent again before it changes once more."""
    async with old_house(module_database_url) as (here, old):
        account = await filled(here)
        assert (await here.push()).sent == 20
        before = held_by(old)
        assert before == dict((await here.to_share()).values())
        await here.post(account, row(ANRS[0], "risk", 0, 77))
        pushed = await here.push()
        assert (pushed.sent, pushed.already_there, pushed.kept_old, pushed.left) == (0, 0, 1, 0)
        assert held_by(old) == before
        assert await states(here) == {State.THERE, State.KEPT_OLD}
        assert (await here.push()).kept_old == 0
        assert (await here.push(again=True)).kept_old == 1
        await here.post(account, row(ANRS[0], "risk", 0, 78))
        assert (await here.push()).kept_old == 1


async def test_what_arrived_without_an_answer_is_known_to_be_there(
    module_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old service says that it has it. Where it has changed since, an older version may be there: that is noted."""
    hasten(monkeypatch)
    async with old_house(module_database_url) as (here, old):
        account = await filled(here)
        broken = [True]
        with fault_proxy(old.url, (reset_answer() if broken else PASS for _ in itertools.count())) as proxy:
            here.share_with(proxy.url)
            while not old.rows:
                pushed = await here.push(budget=0.2)
                assert (pushed.sent, pushed.left) == (0, 20)
                assert pushed.error
            assert await states(here) == {State.SENDING}
            await here.post(account, row(ANRS[0], "risk", 0, 77))
            broken.clear()
            pushed = await here.push()
        assert (pushed.sent, pushed.already_there, pushed.kept_old, pushed.left) == (0, 19, 1, 0)
        record = await here.record()
        assert [one.state for one in record.values()].count(State.KEPT_OLD) == 1
        wanted = await here.to_share()
        for place, one in record.items():
            number, data = wanted[place]
            assert (held_by(old)[number] == data) == (one.state is State.THERE)


async def test_what_is_refused_is_named_and_holds_nothing_back(
    here: House, there: httpx.Client, remote: Service
) -> None:
    """The reason is the other instance's. It is tried again when it has changed, or when that is asked for."""
    account = await filled(here)
    await here.push(date_to=day(1))
    other = remote.client(f"another {uuid.uuid4()}")
    with fault_proxy(remote.url) as proxy:
        here.share_with(proxy.url, other.headers["X-API-KEY"])
        pushed = await here.push()
        assert (pushed.sent, pushed.refused, pushed.left, pushed.error) == (10, 10, 0, None)
        assert {(one.date, one.name, one.client) for one in pushed.refusals} == {(day(1), "NC3", account.uuid)}
        assert all("is the uuid of another row" in (one.reason or "") for one in pushed.refusals)
        assert (await here.push()).refused == 0
        await here.post(account, row(ANRS[0], "risk", 1, 77))
        assert (await here.push()).refused == 1
        stands = await status(here.settings)
        assert (stands.shared, stands.refused_rows, len(stands.refused)) == (10, 10, 10)
        deleted_all(there)
        pushed = await here.push(again=True)
        assert (pushed.sent, pushed.refused) == (10, 0)
    assert arrived(other) == await here.to_share()


async def test_a_push_that_ends_early_says_what_is_left(
    here: House, there: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the other instance has taken until then is noted; the next push sends the rest."""
    monkeypatch.setattr(batches, "BATCH_ROWS", 6)
    await filled(here)
    told: list[tuple[int, int]] = []
    refusing = answer(403, b'{"message": "This token is nobody\'s."}')
    with fault_proxy(here.settings.remote_stats_server, [PASS, PASS, refusing]) as proxy:
        here.share_with(proxy.url)
        pushed = await push(here.settings, Wanted(), progress=lambda done, total: told.append((done, total)))
        assert (pushed.sent, pushed.left) == (12, 8)
        assert "does not take the token: This token is nobody's." in (pushed.error or "")
        assert told == [(0, 20), (6, 20), (12, 20)]
        last = (await status(here.settings)).last
        assert last
        assert (last.server, last.sent, last.left_over, last.error) == (proxy.url, 12, 8, pushed.error)
        assert last.ended_at
        assert (await here.push()).sent == 8
    assert arrived(there) == await here.to_share()


async def test_one_push_at_a_time(here: House) -> None:
    """A second one leaves at once, and so does a forget; when the first has ended nothing is in the way."""
    await filled(here)
    async with locks.only_one("push"):
        assert (await status(here.settings)).running
        with pytest.raises(Conflict, match="Another push is running"):
            await here.push()
        with pytest.raises(Conflict):
            await forget(here.settings, anr=ANRS[0])
    assert not (await status(here.settings)).running
    assert (await here.push()).sent == 20
    if connection.main().postgres:  # another process would find out by being kept out
        assert await connection.reading().fetch("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'") == []


# --- looking at it ------------------------------------------------------------------------------------------


async def test_a_preview_shows_what_a_push_sends(here: House, there: httpx.Client) -> None:
    """Account by account, analysis by analysis, type by type; and its dump is the very requests."""
    account = await filled(here)
    lines: list[bytes] = []
    with fault_proxy(here.settings.remote_stats_server) as proxy:
        here.share_with(proxy.url)
        seen = await preview(here.settings, Wanted(), dump=lines.append)
        assert not proxy.requests
        await here.push()
    assert arrived(there) == await here.to_share()
    assert [(part.name, part.client, part.anr, part.type, part.rows) for part in seen.parts] == [
        ("NC3", account.uuid, anr, kind, 2) for anr in ANRS[:2] for kind in TYPES
    ]
    assert {(part.first_date, part.last_date) for part in seen.parts} == {(day(1), day(0))}
    assert (seen.rows, seen.bytes) == (20, sum(part.bytes for part in seen.parts))

    (line,), (request,) = lines, proxy.requests
    dumped = json.loads(line)
    assert line.endswith(b',"body":' + request.body + b"}\n")
    assert f"{dumped['method']} {dumped['url']}" == f"{request.method} {proxy.url}{request.path}"
    sent = dict(request.headers)
    assert sent.pop("x-api-key") == here.settings.remote_stats_token
    assert {name.lower(): value for name, value in dumped["headers"].items()} == sent


async def test_a_preview_says_which_names_stay(here: House) -> None:
    """What is not published, by kind and name, and in how many rows; nothing is left to say with the names left out."""
    account = await here.account("NC3")
    await here.post(account, *(row(ANRS[0], kind, ago) for kind in TYPES for ago in (0, 1)))
    seen = await preview(here.settings, Wanted())
    labels = [(one.kind, one.label, one.rows) for one in seen.withheld]
    assert ("threat", "Vol de matériel", 2) in labels
    assert {kind for kind, _, _ in labels} == {"threat", "vulnerability", "referential", "category", "measure"}
    bare = await preview(here.settings, Wanted(published_only=True))
    assert bare.withheld == seen.withheld
    assert bare.bytes < seen.bytes
    assert (await status(here.settings)).runs == []


async def test_the_state_of_sharing(here: House, remote: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there of whom, what waits, what is no longer here, and how the last pushes went."""
    account, _ = await filled(here), await filled(here, "off")
    fresh = await status(here.settings)
    assert (fresh.shared, fresh.accounts, fresh.last, fresh.has_token) == (0, [], None, True)
    assert [(one.name, one.type, one.analyses, one.rows) for one in fresh.waiting] == [
        (name, kind, 2, 4) for name in ("NC3", "off") for kind in TYPES
    ]
    assert {(one.first_date, one.last_date) for one in fresh.waiting} == {(day(1), day(0))}
    await here.push()
    off = await clients.find_by_name("off")
    assert off
    await clients.change(off.uuid, is_sharing_enabled=False)
    await stats.delete_analysis(account, ANRS[0])
    monkeypatch.setattr(share_records, "RUNS_KEPT", 12)
    for _ in range(12):
        await here.push()
    stands = await status(here.settings)
    assert (stands.server, stands.shared, stands.waiting, stands.refused_rows) == (remote.url, 40, [], 0)
    assert [(one.name, one.shares, one.analyses, one.rows) for one in stands.accounts] == [
        ("NC3", True, 2, 20),
        ("off", False, 2, 20),
    ]
    assert [(one.anr, one.name, one.rows) for one in stands.gone] == [(ANRS[0], "NC3", 10)]
    assert (stands.gone_analyses, len(stands.runs), stands.last) == (1, 10, stands.runs[0])
    assert len(await share_records.runs(1000)) == 12


async def test_purging_purges_what_is_noted(here: House) -> None:
    """What is noted of rows goes with them; of younger ones, and of other accounts', it stays."""
    first, _ = await filled(here, "A"), await filled(here, "B")
    await here.push()
    assert await clients.purge(day(0), first.uuid) == 10
    assert list((await shared_of(first.uuid)).values()) == [10]
    assert (await status(here.settings)).shared == 30
    assert (await here.push()).sent == 0


# --- taking it back -----------------------------------------------------------------------------------------


async def test_what_was_shared_of_an_analysis_is_taken_back(here: House, there: httpx.Client) -> None:
    """It is deleted there; what is shared from then on has pseudonyms that have nothing to do with the earlier ones."""
    account = await filled(here)
    await here.push()
    before = arrived(there)
    forgotten = await forget(here.settings, anr=ANRS[0])
    assert (forgotten.analyses, forgotten.rows, forgotten.left, forgotten.shares) == (1, 10, 0, True)
    assert arrived(there).items() <= before.items()
    assert len(arrived(there)) == 10
    assert (await here.push()).sent == 10
    after = arrived(there)
    assert after == await here.to_share()
    assert len({place.anr for place in before} & {place.anr for place in after}) == 1
    assert len({uuid for uuid, _ in before.values()} & {uuid for uuid, _ in after.values()}) == 10
    for _ in range(2):
        assert (await forget(here.settings, client=account.uuid)).left == 0
        assert arrived(there) == {}
    assert (await shared_of(account.uuid)) == {}
    assert (await here.push()).sent == 20
    assert arrived(there) == await here.to_share()


async def test_what_is_gone_here_is_taken_back_too(here: House, there: httpx.Client) -> None:
    """An analysis, and an account, that were deleted; whatever name was never shared is no failure."""
    account = await filled(here)
    other = await filled(here, "other")
    await here.push()
    await stats.delete_analysis(account, ANRS[0])
    await clients.delete(other.uuid)
    assert await shared_of(other.uuid) == {here.settings.remote_stats_server: 20}
    forgotten = await forget(here.settings, client=other.uuid)
    assert (forgotten.analyses, forgotten.rows, forgotten.shares) == (2, 20, False)
    assert (await forget(here.settings, client=account.uuid, anr=ANRS[0])).analyses == 1
    assert arrived(there) == await here.to_share()
    assert (await forget(here.settings, anr=uuid.uuid4())).analyses == 0


async def test_a_forget_that_fails_says_what_is_left(here: House, there: httpx.Client) -> None:
    """What may be there still is not said to be gone. A push before the next forget makes it whole again."""
    await filled(here)
    with fault_proxy(
        here.settings.remote_stats_server, [PASS, PASS, answer(405, b'{"message": "Not here."}')]
    ) as proxy:
        here.share_with(proxy.url)
        await here.push()
        forgotten = await forget(here.settings, anr=ANRS[0])
        assert (forgotten.analyses, forgotten.left) == (1, 0)
        forgotten = await forget(here.settings, anr=ANRS[1])
        assert (forgotten.analyses, forgotten.left) == (0, 1)
        assert "does not let this token delete: Not here." in (forgotten.error or "")
        stands = await status(here.settings)
        assert stands.shared == 10
        assert sum(one.rows for one in stands.waiting) == 20
        assert (await here.push()).sent == 20
        assert arrived(there) == await here.to_share()
        assert (await forget(here.settings, anr=ANRS[1])).left == 0
    assert len(arrived(there)) == 10


async def test_what_another_instance_has_under_earlier_pseudonyms_is_left_alone(
    here: House, there: httpx.Client
) -> None:
    """It would be there twice otherwise: it stays as it is until it is forgotten there too."""
    account = await filled(here)
    await here.push()
    first = here.settings.remote_stats_server
    with OldService() as old:
        here.share_with(old.url, OldService.TOKEN)
        await here.push()
        forgotten = await forget(here.settings, client=account.uuid)
        assert old.rows == {}
        assert forgotten.elsewhere == {first: 20}
    before = arrived(there)
    here.share_with(first, there.headers["X-API-KEY"])
    await here.post(account, row(ANRS[0], "risk", 0, 77), row(ANRS[0], "risk", 5))
    assert (await here.push()).sent == 1
    assert arrived(there).items() >= before.items()
    assert (await forget(here.settings, client=account.uuid)).left == 0
    assert arrived(there) == {}
    assert (await here.push()).sent == 21
    assert arrived(there) == await here.to_share()
