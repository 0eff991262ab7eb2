"""Speaking to another Stats Service: a real one of ours, the old one, and either behind a network that fails."""

import asyncio
import datetime as dt
import gzip
import itertools
import json
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from service.peer import Peer, PeerUnusable, Receipt, Row, retries
from service.records import StatType
from tests import faults
from tests.faults import FaultProxy, OldService, fault_proxy
from tests.samples import TYPES, payload
from tests.servers import HOST, Service, free_port, running_service

pytestmark = pytest.mark.long_on_postgres

DAY = dt.date(2026, 1, 31)
TOKEN = OldService.TOKEN
QUICKLY = {"budget": 20.0, "pause": 0.001}
"""How a Peer is made that has nobody to be considerate of."""


@pytest.fixture
def account(remote: Service) -> httpx.Client:
    """A new account there, for an installation."""
    return remote.client(f"installation {uuid.uuid4()}", local=False)


def token_of(account: httpx.Client) -> str:
    """The token that a client presents."""
    return account.headers["X-API-KEY"]


def made(count: int, *, variant: int = 0, anr: UUID | None = None, seed: str | int | None = None) -> list[Row]:
    """Rows to share: of one analysis, one a day. Those of one seed have the same uuids each time."""
    rng = random.Random(seed)
    anr = anr or UUID(int=rng.getrandbits(128), version=4)
    rows = []
    for place in range(count):
        number = UUID(int=rng.getrandbits(128), version=4)
        kind = TYPES[place % 5]
        day = DAY - dt.timedelta(days=place)
        row = {"uuid": str(number), "anr": str(anr), "type": kind, "date": str(day), "data": payload(kind, variant)}
        rows.append((number, json.dumps(row).encode()))
    return rows


def numbers(rows: Sequence[Row]) -> set[UUID]:
    """Their uuids."""
    return {number for number, _ in rows}


def there(account: httpx.Client) -> dict[UUID, Any]:
    """All rows that the account has at the remote, by uuid."""
    found: dict[UUID, Any] = {}
    for kind in TYPES:
        answer = account.request("GET", "/api/v1/stats/", json={"type": kind, "date_from": "2000-01-01"})
        found |= {UUID(row["uuid"]): row for row in answer.json()["data"]}
    return found


def parsed(rows: Sequence[Row]) -> dict[UUID, Any]:
    """Rows as they should be there."""
    return {number: json.loads(text) for number, text in rows}


async def post(url: str, rows: Sequence[Row], token: str = TOKEN, **how: Any) -> Receipt:
    """What became of rows that are sent in one call."""
    async with Peer(url, token, **(QUICKLY | how)) as peer:
        return await peer.post(rows)


def check(receipt: Receipt, rows: Sequence[Row]) -> None:
    """Each row is accounted for exactly once."""
    parts = [receipt.stored, receipt.already_there, set(receipt.refused), set(receipt.left)]
    assert sum(map(len, parts)) == len(rows)
    assert set().union(*parts) == numbers(rows)


# --- ours -----------------------------------------------------------------------------------------------------


async def test_rows_arrive_replace_come_back_and_go(service: Service) -> None:
    """With a real service of ours, on both databases: sent, sent again with other data, read, deleted."""
    account = service.client("installation")
    first = made(20, seed="a")
    async with Peer(service.url, token_of(account), **QUICKLY) as peer:
        assert (await peer.post([])) == Receipt()
        receipt = await peer.post(first)
        assert receipt.stored == numbers(first)
        check(receipt, first)
        again = made(20, seed="a", variant=1)
        assert (await peer.post(again)).stored == numbers(first)
        assert there(account) == parsed(again)
        read = await peer.rows(StatType.THREAT, DAY - dt.timedelta(days=20), DAY)
        wanted = [row for row in parsed(again).values() if row["type"] == "threat"]
        assert {str(row.uuid): json.loads(bytes(row.data)) for row in read} == {r["uuid"]: r["data"] for r in wanted}
        assert [row.date for row in read] == sorted(row.date for row in read)
        page = await peer.rows(StatType.THREAT, DAY - dt.timedelta(days=20), DAY, offset=1, limit=2)
        assert page == read[1:3]
        assert await peer.rows(StatType.RISK, DAY, DAY - dt.timedelta(days=1)) == []
        for _ in range(2):
            await peer.delete_analysis(read[0].anr)
        assert there(account) == {}


async def test_a_bad_row_does_not_hold_back_the_others(remote: Service, account: httpx.Client) -> None:
    """Ours names it: it is refused with the remote's words, in the same request that stores the others."""
    rows = made(8)
    bad = json.loads(rows[3][1]) | {"data": "nothing"}
    taken = made(1)
    assert (await post(remote.url, taken, token_of(remote.admin))).stored == numbers(taken)
    foreign = json.loads(rows[5][1]) | {"uuid": str(taken[0][0])}
    rows[3], rows[5] = (rows[3][0], json.dumps(bad).encode()), (taken[0][0], json.dumps(foreign).encode())
    with fault_proxy(remote.url) as proxy:
        receipt = await post(proxy.url, rows, token_of(account))
        only_bad = await post(proxy.url, [rows[3], rows[5]], token_of(account))
    check(receipt, rows)
    assert set(receipt.refused) == set(only_bad.refused) == {rows[3][0], rows[5][0]}
    assert receipt.refused == only_bad.refused
    assert "data" in receipt.refused[rows[3][0]]
    assert "uuid" in receipt.refused[rows[5][0]]
    assert receipt.stored == numbers(rows) - set(receipt.refused)
    assert len(proxy.requests) == 2


async def test_only_the_token_says_who_asks(remote: Service, account: httpx.Client) -> None:
    """The headers are those of HTTP and the token's; a cookie is not sent back."""
    cookie = faults.answer(503, set_cookie="id=7; Path=/", retry_after="0")
    with fault_proxy(remote.url, [cookie]) as proxy:
        await post(proxy.url, made(1), token_of(account))
        async with Peer(proxy.url, token_of(account), **QUICKLY) as peer:
            await peer.rows(StatType.RISK, DAY, DAY)
            await peer.delete_analysis(uuid.uuid4())
    own = {"x-api-key": token_of(account), "user-agent": "stats-service", "content-type": "application/json"}
    http = {"host": proxy.url.removeprefix("http://"), "accept": "*/*", "accept-encoding": "identity"}
    http |= {"connection": "keep-alive"}
    for request in proxy.requests:
        expected = own | http | {"content-length": str(len(request.sent_body))}
        if request.method == "DELETE":
            del expected["content-length"], expected["content-type"]
        assert request.headers == expected
    assert [request.method for request in proxy.requests] == ["POST", "POST", "GET", "DELETE"]
    assert [request.path for request in proxy.requests[:3]] == ["/api/v1/stats/"] * 3


async def test_bodies_are_packed_once_the_remote_says_that_it_takes_them(
    remote: Service, account: httpx.Client
) -> None:
    """The first one is plain, the next ones gzip; `bytes` counts what was sent."""
    rows = made(30)
    with fault_proxy(remote.url) as proxy:
        async with Peer(proxy.url, token_of(account), **QUICKLY) as peer:
            receipts = [await peer.post(rows[start : start + 10]) for start in range(0, 30, 10)]
    assert [request.headers.get("content-encoding") for request in proxy.requests] == [None, "gzip", "gzip"]
    assert [receipt.bytes for receipt in receipts] == [len(request.sent_body) for request in proxy.requests]
    assert receipts[1].bytes < receipts[0].bytes / 2
    assert there(account) == parsed(rows)
    # Nothing but the bytes: no file name, no time.
    assert all(request.sent_body[3:8] == b"\0" * 5 for request in proxy.requests[1:])


async def test_a_remote_that_takes_no_gzip_after_all_gets_plain_bodies(remote: Service, account: httpx.Client) -> None:
    """415 is answered at once with the plain body, and nothing is packed any more, whatever it says."""
    with fault_proxy(remote.url, [faults.PASS, faults.answer(415, accept_encoding="gzip")]) as proxy:
        async with Peer(proxy.url, token_of(account), budget=20, pause=10) as peer:
            for _ in range(3):
                assert len((await peer.post(made(5))).stored) == 5
    packed = [request.headers.get("content-encoding") for request in proxy.requests]
    assert packed == [None, "gzip", None, None]


@pytest.mark.parametrize(
    ("said", "packed"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.0, br", False), ("br", False),
     ("gzip;q=x", False), ("gzip;q=nan", False), ("", False)],
)  # fmt: skip
async def test_accept_encoding_is_read_as_it_is_meant(said: str, packed: bool) -> None:  # noqa: FBT001
    """Several codings, weights, none."""
    first = made(3)
    body = json.dumps({"data": [{"uuid": str(number)} for number in numbers(first)]}).encode()
    with OldService() as old, fault_proxy(old.url, [faults.answer(201, body, accept_encoding=said)]) as proxy:
        async with Peer(proxy.url, TOKEN, **QUICKLY) as peer:
            await peer.post(first)
            await peer.post(made(3))  # which the old service cannot read if it is packed
    assert ("content-encoding" in proxy.requests[1].headers) is packed


# --- failures that pass ---------------------------------------------------------------------------------------

PASSING = [
    faults.refuse(),
    faults.reset_request(0.1),
    faults.reset_request(0.9),
    faults.reset_answer(),
    faults.reset_answer(0.5),
    faults.cut_answer(),
    faults.cut_answer(0.9),
    faults.truncate(0),
    faults.truncate(0.99),
    faults.stall(60),
    faults.stall(60, 0.5),
    *(faults.answer(status) for status in (408, 425, 429, 500, 501, 502, 503, 504, 507, 511)),
    *(faults.html(status, forward=True) for status in (200, 201, 207, 202, 204)),
    faults.answer(201, b"{}"),
    faults.answer(201, b"[]"),
    faults.answer(201, b'{"metadata": {"count": "0"}, "data": []}'),
    faults.answer(200, b'{"data": [{"uuid": "267fc596-f705-11e8-b555-0800279aaa2b"}]}'),
    faults.answer(207, b'{"data": [{"uuid": "267fc596-f705-11e8-b555-0800279aaa2b"}]}'),
    faults.answer(207, b'{"data": [], "errors": []}'),
    faults.answer(207, b'{"data": [], "errors": [{"index": 7000, "message": "x"}]}'),
    faults.answer(201, b'{"data": [{"uuid": "\xff"}]}'),
    faults.answer(201, b"[" * 100_000),
    faults.answer(200, bytes(range(256))),
    faults.answer(201, gzip.compress(b"{}"), content_encoding="gzip"),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.kind} {fault.at:g} {fault.reply[:20]!r}")
async def test_after_a_failure_it_is_asked_again(remote: Service, account: httpx.Client, fault: faults.Fault) -> None:
    """Whatever it was: all rows are there once in the end, and nothing was counted that had not arrived."""
    rows = made(3)
    with fault_proxy(remote.url, [fault]) as proxy:
        receipt = await post(proxy.url, rows, token_of(account), patience=1.0)
    assert receipt.stored == numbers(rows)
    check(receipt, rows)
    assert [request.status for request in proxy.requests if request.fault == faults.PASS] == [201]
    assert there(account) == parsed(rows)


@pytest.mark.parametrize("fault", [faults.reset_answer(0.5), faults.answer(503), faults.html(200), faults.stall(60)])
async def test_reading_and_deleting_is_tried_again_too(
    remote: Service, account: httpx.Client, fault: faults.Fault
) -> None:
    """As sending is."""
    rows = made(5)
    await post(remote.url, rows, token_of(account))
    with fault_proxy(remote.url, [fault, faults.PASS, fault]) as proxy:
        async with Peer(proxy.url, token_of(account), **QUICKLY, patience=1.0) as peer:
            (read,) = await peer.rows(StatType.RISK, DAY - dt.timedelta(days=5), DAY)
            assert read.uuid == rows[0][0]
            await peer.delete_analysis(read.anr)
    assert there(account) == {}
    assert len(proxy.requests) == 4


async def test_nobody_listens_for_a_while(remote: Service, account: httpx.Client) -> None:
    """Refused connections are tried for as long as the time allows; then it goes on."""
    rows = made(2)
    with fault_proxy(remote.url, [faults.refuse(1.0)]) as proxy:
        receipt = await post(proxy.url, rows, token_of(account), pause=0.01)
    assert receipt.stored == numbers(rows)
    with pytest.raises(PeerUnusable, match="refused"):
        await post(f"http://{HOST}:{free_port()}", rows, budget=1.0)


def http_date(seconds: float, now: dt.datetime) -> str:
    """The time in so many seconds, as HTTP writes it."""
    return format_datetime(now + dt.timedelta(seconds=seconds), usegmt=True)


REMOTE_NOW = dt.datetime(2020, 2, 29, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"retry_after": "1"}, 1.0),
        ({"retry_after": http_date(1, REMOTE_NOW), "date": http_date(0, REMOTE_NOW)}, 1.0),
        ({"retry_after": http_date(-5, REMOTE_NOW), "date": http_date(0, REMOTE_NOW)}, 0.0),
        ({"retry_after": "-1"}, 0.0),
        ({"retry_after": "soon"}, 0.0),
        ({"retry_after": "1.5"}, 0.0),
        ({"retry_after": "Sat, 29 Feb 2020 99:99:99 GMT"}, 0.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(headers: dict[str, Any], least: float, status: int) -> None:
    """Seconds, or a date by the remote's clock. What cannot be read counts as nothing."""
    with OldService() as old, fault_proxy(old.url, [faults.answer(status, **headers)]) as proxy:
        assert len((await post(proxy.url, made(1))).stored) == 1
    waited = proxy.requests[1].when - proxy.requests[0].when
    assert least <= waited < least + 2.5


async def test_without_a_date_of_the_remote_our_clock_counts() -> None:
    """A time of the day in Retry-After, in two or three seconds."""
    until = http_date(3, dt.datetime.now(dt.UTC))
    with OldService() as old, fault_proxy(old.url, [faults.answer(503, retry_after=until)]) as proxy:
        await post(proxy.url, made(1))
    assert 1.5 < proxy.requests[1].when - proxy.requests[0].when < 3.5


@pytest.mark.parametrize("asked", ["60", "999999999999999999999999", "in an hour"])
async def test_nobody_waits_for_what_comes_too_late(asked: str) -> None:
    """A Retry-After beyond the time that is left ends it at once, with the remote's words."""
    if asked == "in an hour":
        asked = http_date(3600, dt.datetime.now(dt.UTC))
    began = time.monotonic()
    with (
        OldService() as old,
        fault_proxy(old.url, [faults.answer(429, retry_after=asked)] * 9) as proxy,
        pytest.raises(PeerUnusable, match=r"20 seconds .* Not now\."),
    ):
        await post(proxy.url, made(1))
    assert time.monotonic() - began < 2
    assert len(proxy.requests) == 1


class Dice(random.Random):
    """Always throws the most, in hundredths; remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        """The upper end, a hundredth of it."""
        self.asked.append((a, b))
        return b / 100


async def test_pauses_grow_and_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nth is anything up to `pause` times 2^(n-1), and up to half a minute."""
    dice = Dice()
    monkeypatch.setattr(retries, "_random", dice)
    with OldService() as old, fault_proxy(old.url, [faults.answer(503)] * 8) as proxy:
        assert len((await post(proxy.url, made(1), pause=1)).stored) == 1
    assert dice.asked == [(0, most) for most in (1, 2, 4, 8, 16, 30, 30, 30)]
    gaps = [later.when - earlier.when for earlier, later in itertools.pairwise(proxy.requests)]
    assert all(gap >= most / 100 for gap, (_, most) in zip(gaps, dice.asked, strict=True))


@pytest.mark.parametrize("fault", [faults.stall(30), faults.answer(503), faults.refuse(30), faults.reset_request(0.5)])
async def test_the_time_is_kept(fault: faults.Fault) -> None:
    """Requests that hang, pauses and repetitions included; the reason is named, and the next call asks nobody."""
    with OldService() as old, fault_proxy(old.url, itertools.repeat(fault)) as proxy:
        began = time.monotonic()
        async with Peer(proxy.url, TOKEN, budget=1.0, pause=0.05) as peer:
            with pytest.raises(PeerUnusable) as caught:
                await peer.post(made(1))
            assert time.monotonic() - began < 3.0
            asked = len(proxy.requests)
            with pytest.raises(PeerUnusable):
                await peer.post(made(1))
            assert len(proxy.requests) == asked
    assert proxy.url.removeprefix("http://") in caught.value.message
    assert old.rows == {}


async def test_what_was_settled_before_the_end_is_told() -> None:
    """The token is taken from it amid a batch that had to be split: some rows are there, the others are left."""
    rows = made(4)
    most = sum(len(text) for _, text in rows[:2]) + 100
    plan = [faults.PASS, faults.PASS, faults.answer(403)]
    with OldService(most=most) as old, fault_proxy(old.url, plan) as proxy:
        async with Peer(proxy.url, TOKEN, **QUICKLY) as peer:
            receipt = await peer.post(rows)
            check(receipt, rows)
            assert (receipt.stored, set(receipt.left)) == (numbers(rows[:2]), numbers(rows[2:]))
            assert peer.over is not None
            assert set(receipt.left.values()) == {peer.over}
            with pytest.raises(PeerUnusable, match="token"):
                await peer.post(rows)
    assert len(proxy.requests) == 3


# --- failures that stay ---------------------------------------------------------------------------------------

HOPELESS = [
    (faults.answer(401), "token"),
    (faults.answer(403), "token"),
    (faults.html(403), "token"),
    (faults.answer(404), "address"),
    (faults.html(404), "address"),
    (faults.answer(405), "address"),
    (faults.answer(407), "address"),
    (faults.answer(415), "address"),
    (faults.answer(418), "address"),
    (faults.answer(426), "version"),
    *((faults.redirect(status), "redirects to /elsewhere") for status in (301, 302, 303, 307, 308)),
    (faults.redirect(300, ""), "redirects"),
    (faults.answer(304, b""), "redirects"),
]


@pytest.mark.parametrize(("fault", "why"), HOPELESS, ids=lambda each: str(getattr(each, "reply", each)[:16]))
@pytest.mark.parametrize("what", ["post", "rows", "delete"])
async def test_what_cannot_get_better_ends_it_at_once(fault: faults.Fault, why: str, what: str) -> None:
    """One request, no row is marked, a redirect is not followed; the message names the remote and says why."""
    with OldService() as old, fault_proxy(old.url, itertools.repeat(fault)) as proxy:
        async with Peer(proxy.url, TOKEN, **QUICKLY) as peer:
            calls: dict[str, Callable[[], Any]] = {
                "post": lambda: peer.post(made(4)),
                "rows": lambda: peer.rows(StatType.RISK, DAY, DAY),
                "delete": lambda: peer.delete_analysis(uuid.uuid4()),
            }
            with pytest.raises(PeerUnusable) as caught:
                await calls[what]()
    assert proxy.url.removeprefix("http://") in caught.value.message
    assert why in caught.value.message or what == "delete"
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("status", [201, 404, 500])
async def test_an_answer_without_end_is_not_read(status: int) -> None:
    """More than rows could come back as, or than the most that rows are read from: it ends, whatever the status."""
    with OldService() as old, fault_proxy(old.url, itertools.repeat(faults.answer(status, b" " * (3 << 20)))) as proxy:
        with pytest.raises(PeerUnusable, match="more than 1 MiB"):
            await post(proxy.url, made(1))
        async with Peer(proxy.url, TOKEN, **QUICKLY) as peer:
            with pytest.raises(PeerUnusable, match="more than 1 MiB"):
                await peer.delete_analysis(uuid.uuid4())
    with OldService() as old, fault_proxy(old.url, [faults.answer(200, b" " * (65 << 20))]) as proxy:
        async with Peer(proxy.url, TOKEN, **QUICKLY) as peer:
            with pytest.raises(PeerUnusable, match="more than 64 MiB"):
                await peer.rows(StatType.RISK, DAY, DAY)


@pytest.mark.parametrize("status", [403, 405])
async def test_a_remote_may_not_let_delete(status: int) -> None:
    """That is said so."""
    with OldService() as old, fault_proxy(old.url, [faults.answer(status, b'{"message": "Admins do."}')]) as proxy:
        async with Peer(proxy.url, TOKEN, **QUICKLY) as peer:
            with pytest.raises(PeerUnusable, match=r"does not let this token delete: Admins do\."):
                await peer.delete_analysis(uuid.uuid4())


async def test_a_page_is_no_word_for_deleted() -> None:
    """Neither with 200 nor with 404: who says that a person's figures are gone has to know it."""
    for fault in (faults.html(200), faults.html(404), faults.answer(404), faults.answer(200, b"")):
        with OldService() as old, fault_proxy(old.url, itertools.repeat(fault)) as proxy:
            async with Peer(proxy.url, TOKEN, **QUICKLY) as peer:
                with pytest.raises(PeerUnusable):
                    await peer.delete_analysis(uuid.uuid4())


@pytest.mark.parametrize(
    ("url", "token", "why"),
    [
        ("ftp://example.org", TOKEN, "https://"),
        ("example.org", TOKEN, "https://"),
        ("http://", TOKEN, "https://"),
        ("http://[", TOKEN, "https://"),
        ("http://example.org:99999999", TOKEN, "https://"),
        ("http://example.org:0", TOKEN, "https://"),
        ("http://xn--a.invalid", TOKEN, "https://"),
        ("http://me@example.org", TOKEN, "https://"),
        ("http://me:secret@example.org", TOKEN, "https://"),
        ("http://example.org/?secret=1", TOKEN, "https://"),
        ("http://example.org/#secret", TOKEN, "https://"),
        ("http://example.org", "", "token"),
        ("http://example.org", "secret\nX-Evil: 1", "token"),
        ("http://example.org", "sécret", "token"),
    ],
)
def test_what_can_be_no_address_or_token_is_refused(url: str, token: str, why: str) -> None:
    """Before anything is sent, and without repeating the token."""
    with pytest.raises(PeerUnusable) as caught:
        Peer(url, token, budget=1)
    assert why in caught.value.message
    assert "cret" not in caught.value.message


async def test_a_port_without_tls_is_not_asked_for_long() -> None:
    """It may be a bad moment, so a few times; then it ends, long before the time is up."""
    tries = 0

    async def refuse_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    port = free_port()
    async with await asyncio.start_server(refuse_tls, HOST, port):
        with pytest.raises(PeerUnusable, match="by TLS"):
            await post(f"https://{HOST}:{port}", made(1))
    assert tries == 4


async def test_a_name_that_nobody_has_is_named() -> None:
    """How long it is tried depends on what the system says of the name."""
    with pytest.raises(PeerUnusable, match=r"nobody\.invalid cannot be reached"):
        await post("http://nobody.invalid", made(1), budget=2)


async def test_what_the_remote_says_is_made_harmless() -> None:
    """No control characters or turned writing, not too long, and not the token if it repeats it."""
    evil = f"{TOKEN} \x1b]0;owned\x07 \u202egnp.exe \n" + "x" * 5000
    body = json.dumps({"message": evil, "errors": {"a": evil}}).encode()
    rows = made(1)
    with OldService() as old:
        refusal = json.dumps({"message": "no", "errors": [{"index": 0, "message": evil}]}).encode()
        plan = [faults.answer(400, body), faults.answer(400, refusal), faults.answer(403, body)]
        plan.append(faults.redirect(302, f"http://x/{TOKEN}"))
        with fault_proxy(old.url, plan) as proxy:
            said = [next(iter((await post(proxy.url, rows)).refused.values())) for _ in range(2)]
            for _ in range(2):
                with pytest.raises(PeerUnusable) as caught:
                    await post(proxy.url, rows)
                said.append(caught.value.message)
    for message in said:
        assert message.isprintable()
        assert TOKEN not in message
        assert len(message) < 500
    assert "owned" in said[0]


# --- batches that have to be split ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 409, 422])
@pytest.mark.parametrize("bad", [{0}, {15}, {3, 4, 11}, set(range(16))], ids=str)
async def test_offending_rows_are_found(status: int, bad: set[int]) -> None:
    """A batch that is refused is split until it is one row, which gets the remote's words; the others go through."""
    rows = made(16)
    offending = {str(rows[place][0]) for place in bad}
    with OldService(lambda row: row["uuid"] in offending, status) as old:
        receipt = await post(old.url, rows)
    check(receipt, rows)
    assert {str(number) for number in receipt.refused} == offending
    assert all(f"No good: {number}" in message for number, message in receipt.refused.items())
    assert old.rows.keys() == {str(number) for number, _ in rows} - offending
    assert receipt.stored | receipt.already_there == numbers(rows) - set(receipt.refused)
    assert len(old.requests) <= 2 * len(bad) * 5 + 1


async def test_a_refusal_that_does_not_tell_of_each_row_is_split() -> None:
    """A 400 that names but one row says nothing of the others."""
    rows = made(4)
    told = json.dumps({"message": "no", "errors": [{"index": 0, "message": "bad"}]}).encode()
    with OldService() as old, fault_proxy(old.url, [faults.answer(400, told)]) as proxy:
        receipt = await post(proxy.url, rows)
    assert receipt.stored == numbers(rows)
    assert [len(request.rows) for request in proxy.requests] == [4, 2, 2]


async def test_a_row_that_breaks_the_remote_is_left() -> None:
    """A 500 for the batch is tried twice and split; the row is left, since a later version may take it."""
    rows = made(16)
    broken = str(rows[6][0])
    with OldService(lambda row: row["uuid"] == broken) as old:
        receipt = await post(old.url, rows)
    check(receipt, rows)
    assert {str(number) for number in receipt.left} == {broken}
    assert old.rows.keys() == {str(number) for number, _ in rows} - {broken}
    sizes = [len(request.rows) for request in old.requests]
    assert sizes == [16, 16, 8, 8, 4, 4, 4, 2, 2, 2, 1, 1, 1, 8]


async def test_many_rows_that_break_the_remote_hold_back_nobody() -> None:
    """Every other row: all the others are there, since some go through in between."""
    rows = made(16)
    broken = {str(number) for number, _ in rows[::2]}
    with OldService(lambda row: row["uuid"] in broken) as old:
        receipt = await post(old.url, rows)
    check(receipt, rows)
    assert {str(number) for number in receipt.left} == broken
    assert old.rows.keys() == {str(number) for number, _ in rows[1::2]}


async def test_a_remote_that_breaks_on_everything_counts_as_broken() -> None:
    """After five single rows in turn it is left alone; no row counts as refused."""
    rows = made(64)
    with OldService(lambda _: True) as old:
        async with Peer(old.url, TOKEN, **QUICKLY) as peer:
            with pytest.raises(PeerUnusable, match="5 rows"):
                await peer.post(rows)
    assert len(old.requests) < 30


async def test_pages_with_400_are_nobodys_refusal() -> None:
    """Some proxy answers to everything: no row is marked as refused, and it ends soon."""
    with (
        OldService() as old,
        fault_proxy(old.url, itertools.repeat(faults.html(400))) as proxy,
        pytest.raises(PeerUnusable, match="5 rows"),
    ):
        await post(proxy.url, made(64))
    assert len(proxy.requests) < 30


async def test_batches_are_made_as_small_as_the_remote_takes_them() -> None:
    """413 splits; a row that is too large by itself is refused, and the others are sent."""
    rows = made(8)
    large = max(range(8), key=lambda place: len(rows[place][1]))
    most = len(rows[large][1])
    with OldService(most=most) as old:
        receipt = await post(old.url, rows)
    check(receipt, rows)
    too_large = {number for number, text in rows if len(text) + 2 > most}
    assert set(receipt.refused) == too_large >= {rows[large][0]}
    assert receipt.stored == numbers(rows) - too_large


async def test_our_own_limit_splits_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    """413 of a real service of ours, whose limit is for what is unpacked."""
    folder = tmp_path_factory.mktemp("small")
    with running_service(f"sqlite:///{folder}/stats.sqlite3", folder, MAX_BODY_MB="1") as small:
        account = small.client("installation")
        async with Peer(small.url, token_of(account), **QUICKLY) as peer:
            for _ in range(2):
                rows = made(150)
                assert sum(len(text) for _, text in rows) > 1 << 20
                receipt = await peer.post(rows)
                assert receipt.stored == numbers(rows)
        assert len(there(account)) == 300


# --- the old service ------------------------------------------------------------------------------------------


async def test_the_old_service_keeps_what_it_has() -> None:
    """201 with the rows; then 207 without them; 207 with those that were new."""
    rows = made(6, seed=1)
    with OldService() as old:
        async with Peer(old.url, TOKEN, **QUICKLY) as peer:
            assert (await peer.post(rows[:4])).stored == numbers(rows[:4])
            again = await peer.post(made(6, seed=1, variant=1)[:4])
            assert (again.stored, again.already_there) == (set(), numbers(rows[:4]))
            rest = await peer.post(rows)
            assert (rest.stored, rest.already_there) == (numbers(rows[4:]), numbers(rows[:4]))
            read = await peer.rows(StatType.RISK, DAY - dt.timedelta(days=10), DAY)
            assert {row.uuid for row in read} == {rows[0][0], rows[5][0]}
            await peer.delete_analysis(read[0].anr)
        assert old.rows == {}
    assert all("content-encoding" not in request.headers for request in old.requests)


@pytest.mark.parametrize("fault", [faults.reset_answer(), faults.cut_answer(0.5), faults.html(502, forward=True)])
async def test_what_the_old_service_took_before_the_answer_was_lost_is_there(fault: faults.Fault) -> None:
    """The repetition is told so by 207."""
    rows = made(3)
    with OldService() as old, fault_proxy(old.url, [fault]) as proxy:
        receipt = await post(proxy.url, rows)
        assert receipt.already_there == numbers(rows)
        assert old.rows == {str(number): row for number, row in parsed(rows).items()}


# --- all of it together ---------------------------------------------------------------------------------------


async def attempts(proxy: FaultProxy, rows: Sequence[Row], token: str) -> AsyncIterator[tuple[list[Row], Receipt]]:
    """Send rows in batches until none is left, each time with a new Peer as after a crash."""
    todo = list(rows)
    for _ in range(200):
        if not todo:
            return
        batch = todo[:7]
        try:
            receipt = await post(proxy.url, batch, token, patience=0.15)
        except PeerUnusable:
            continue
        check(receipt, batch)
        yield batch, receipt
        todo = [row for row in todo if row[0] not in receipt.stored | receipt.already_there]
    raise AssertionError(f"{len(todo)} rows are still left")


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_fails_every_row_arrives_once(remote: Service, account: httpx.Client, seed: int) -> None:
    """At random, but the same for each seed: what a receipt says is true at the remote at that moment."""
    rows = made(20, seed=f"rows {seed} {account.headers['X-API-KEY']}")
    with fault_proxy(remote.url, faults.random_faults(seed)) as proxy:
        async for _, receipt in attempts(proxy, rows, token_of(account)):
            assert receipt.stored <= there(account).keys()
            assert not receipt.refused
    assert there(account) == parsed(rows)
    assert all(request.path == "/api/v1/stats/" for request in proxy.requests)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_fails_the_old_service_has_every_row(seed: int) -> None:
    """The same with the old service, which commits row by row and breaks on one of them."""
    rows = made(20, seed=seed)
    broken = str(rows[9][0])
    with (
        OldService(lambda row: row["uuid"] == broken, status=400) as old,
        fault_proxy(old.url, faults.random_faults(seed)) as proxy,
    ):
        good = [row for row in rows if str(row[0]) != broken]
        async for _, receipt in attempts(proxy, good, TOKEN):
            assert {str(number) for number in receipt.stored | receipt.already_there} <= old.rows.keys()
        assert old.rows == {str(number): row for number, row in parsed(good).items()}
