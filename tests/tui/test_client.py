"""The API client on a real service, and on things that only pretend to be one."""

import asyncio
import contextlib
import datetime as dt
import shutil
import ssl
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.servers import ADMIN_TOKEN, Service, free_port
from tui.client import Service as Client
from tui.desk import Desk, today
from tui.errors import (
    ConnectionLost,
    DashboardError,
    NotAllowed,
    NotTrusted,
    NotUnderstood,
    Refused,
    ServerFault,
    SettingsError,
    TooMany,
)
from tui.scope import Aggregation, Ask, Reach, Scope, Side
from tui.wire import Kind, Level, State


@pytest.fixture
def ask() -> Ask:
    """The last thirty days."""
    return Scope(days=30).ask(today())


@pytest.fixture
async def public(demo: Service) -> AsyncIterator[Client]:
    """The API of the demo's service without a token."""
    service = Client(demo.url)
    yield service
    await service.close()


@contextlib.asynccontextmanager
async def pretender(answer: bytes) -> AsyncIterator[Client]:
    """A client of something that answers these bytes, whatever it is asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "token")
    async with server:
        yield client
        await client.close()


def http(status: str, body: bytes, *headers: str) -> bytes:
    """An HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_every_answer_is_understood(client: Client, ask: Ask) -> None:
    """Each call of the API, on the demo's figures."""
    risks = await client.risks(ask)
    assert len(risks[State.CURRENT][Kind.INFORMATIONAL][Level.HIGH]) == 31
    for kind in ("threat", "vulnerability"):
        objects = await client.objects(kind, ask)
        assert len(objects) > 10
        assert objects[0].values[0].date >= ask.date_from
        assert objects[0].labels.label2
    cartography = await client.cartography(ask)
    assert cartography is not None
    assert cartography.scales.impact == sorted(cartography.scales.impact)
    assert cartography.risks[State.RESIDUAL][Kind.OPERATIONAL]
    assert (await client.compliance(ask))[0].current[0].values
    places = await client.places()
    assert places
    assert all(-90 <= place.latitude <= 90 for place in places)
    accounts = await client.accounts()
    assert {"operator", "admin"} <= {account.name for account in accounts}
    assert any(account.activity and account.activity.rows for account in accounts)
    me = await client.me()
    assert me is not None
    assert me.is_admin
    assert (await client.about()).version
    assert await client.own_analyses("compliance")


async def test_the_public_figures_are_the_same(public: Client, client: Client, ask: Ask) -> None:
    """Without a token the same numbers come from the public addresses."""
    assert await _all_figures(public, ask) == await _all_figures(client, ask)
    assert await public.me() is None


@pytest.mark.parametrize("aggregation", Aggregation)
async def test_a_period_that_is_over_is_the_same_in_public(
    public: Client, client: Client, aggregation: Aggregation
) -> None:
    """The public addresses reach up to today: what comes after the period's end is no part of any figure. (Means over
    several days differ a little, since a day with few rows counts as much as one with many.)"""
    last = today() - dt.timedelta(days=20)
    ask = Ask(last - dt.timedelta(days=15), last, aggregation)
    assert _plain(await _all_figures(public, ask)) == _about(_plain(await _all_figures(client, ask)))
    future = Ask(today() + dt.timedelta(days=1), today() + dt.timedelta(days=9))
    assert await public.risks(future) == {}


async def _all_figures(service: Client, ask: Ask) -> list[object]:
    return [
        await service.risks(ask),
        await service.objects("threat", ask),
        await service.cartography(ask),
        await service.compliance(ask),
    ]


def _plain(answer: object) -> object:
    return msgspec.to_builtins(answer, enc_hook=str, str_keys=True)


def _about(plain: object) -> object:
    """What equals it, but for two per cent."""
    if isinstance(plain, dict):
        return {key: _about(part) for key, part in plain.items()}
    if isinstance(plain, list):
        return [_about(part) for part in plain]
    return pytest.approx(plain, rel=0.02) if isinstance(plain, float) else plain


async def test_periods_are_aggregated(client: Client, ask: Ask) -> None:
    """Weeks are named by their Monday."""
    weekly = Ask(ask.date_from, ask.date_to, Aggregation.WEEK)
    risks = await client.risks(weekly)
    dates = [one.date for one in risks[State.CURRENT][Kind.INFORMATIONAL][Level.LOW]]
    assert {date.weekday() for date in dates} == {0}


async def test_nothing_found_is_empty(client: Client) -> None:
    """A period before all figures: no error, and no figures."""
    ask = Ask(dt.date(2001, 1, 1), dt.date(2001, 1, 2))
    assert await client.risks(ask) == {}
    assert await client.objects("threat", ask) == []
    assert await client.cartography(ask) is None
    assert await client.compliance(ask) == []


async def test_an_unchanged_answer_is_not_sent_again(client: Client, ask: Ask) -> None:
    """The second time it is the same object: the service said 304."""
    assert await client.objects("threat", ask) == await client.objects("threat", ask)
    about = await client.risks(ask)
    assert await client.risks(ask) == about


async def test_a_user_sees_its_own_analyses_as_local(demo: Service) -> None:
    """And everybody's as global: a user's token must never make Local mean everybody."""
    with demo.client("A user of the dashboard") as account:
        token = account.headers["X-API-KEY"]
    desk = Desk(Client(demo.url, token))
    await desk.arrive()
    assert not desk.is_admin
    answers = await desk.gather(Scope(Reach.COMPARE, 30), lambda service, ask: service.risks(ask))
    assert answers.values[Side.LOCAL] == {}
    assert answers.values[Side.GLOBAL] != {}
    with pytest.raises(NotAllowed):
        await desk.local.accounts()
    await desk.close()


async def test_a_user_sees_analyses_that_have_sent_no_risks(blank: Service) -> None:
    """A Front Office may have posted threats alone, as the README's first example does."""
    thing = {"uuid": str(uuid.uuid4()), **{f"label{n}": "Thing" for n in range(1, 5)}}
    threat = {**thing, "count": 1, "maxRisk": 1, "averageRate": "1.00"}
    row = {"anr": str(uuid.uuid4()), "type": "threat", "date": today().isoformat(), "data": [threat]}
    with blank.client("Threats only") as account:
        assert account.post("/api/v1/stats/", json=[row]).status_code == 201
        desk = Desk(Client(blank.url, account.headers["X-API-KEY"]))
    found = await desk.gather(Scope(days=30), lambda service, ask: service.objects("threat", ask))
    assert [one.object for one in found.values[Side.LOCAL]] == [thing["uuid"]]
    await desk.close()


async def test_one_side_that_fails_leaves_the_other(demo: Service) -> None:
    """Comparing with a global service that is away shows the local figures, and says what is missing."""
    desk = Desk(Client(demo.url, ADMIN_TOKEN), Client(f"http://127.0.0.1:{free_port()}"))
    answers = await desk.gather(Scope(Reach.COMPARE, 30), lambda service, ask: service.risks(ask))
    assert list(answers.values) == [Side.LOCAL]
    assert isinstance(answers.problems[Side.GLOBAL], ConnectionLost)
    with pytest.raises(ConnectionLost):
        await desk.gather(Scope(Reach.GLOBAL, 30), lambda service, ask: service.risks(ask))
    await desk.close()


async def test_accounts_are_made_changed_and_deleted(blank: Service) -> None:
    """Each operation of the accounts' view, as the service then tells it."""
    client = Client(blank.url, ADMIN_TOKEN)
    made = await client.create_account("NC3", is_sharing_enabled=False)
    assert len(made.token) > 20
    with pytest.raises(Refused, match="exists already"):
        await client.create_account("NC3", is_sharing_enabled=False)
    changed = await client.change_account(made.uuid, {"latitude": 49.6, "longitude": 6.1})
    assert (changed.latitude, changed.longitude, changed.is_sharing_enabled) == (49.6, 6.1, False)
    assert (await client.change_account(made.uuid, {"latitude": None, "longitude": None})).latitude is None
    assert (await client.rotate_token(made.uuid)).token != made.token
    await client.delete_account(made.uuid)
    assert "NC3" not in {account.name for account in await client.accounts()}
    with pytest.raises(Refused):
        await client.delete_account(made.uuid)
    await client.close()


@pytest.mark.parametrize(
    ("token", "error"), [("nobody-has-this-token", NotAllowed), ("", NotAllowed)], ids=["unknown", "none"]
)
async def test_a_token_that_does_not_open_is_told(demo: Service, token: str, error: type[DashboardError]) -> None:
    """As something to do about the token."""
    client = Client(demo.url, token or None)
    with pytest.raises(error):
        await client.accounts()
    await client.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", ConnectionLost),
        (b"SSH-2.0-OpenSSH\r\n", ConnectionLost),
        (http("200 OK", b"<html>"), NotUnderstood),
        (http("200 OK", b"{}"), NotUnderstood),
        (http("200 OK", b'{"data": [{"uuid": 5}]}'), NotUnderstood),
        (http("200 OK", b"[" * 100_000), NotUnderstood),
        (http("200 OK", b'"\xff"'), NotUnderstood),
        (http("200 OK", b"x", "Content-Encoding: gzip"), NotUnderstood),
        (http("200 OK", b"{}")[:-1], ConnectionLost),
        (http("302 Found", b"", "Location: http://elsewhere/"), NotUnderstood),
        (http("404 Not Found", b"nothing here"), NotUnderstood),
        (http("503 Busy", b'{"message": "The database is busy."}'), ServerFault),
        (http("400 Bad", b'{"message": "No.", "errors": {"name": "too long"}}'), Refused),
        (http("400 Bad", b'{"message": 5}'), Refused),
        (http("429 Too Many", b"", "Retry-After: 99999999999"), TooMany),
        (http("429 Too Many", b"", "Retry-After: Tue, 24 Nov 2026 12:00:00 GMT"), TooMany),
    ],
)
async def test_what_is_no_good_answer_is_an_error_of_ours(answer: bytes, error: type[DashboardError]) -> None:
    """Whatever comes: never an exception of the HTTP library, and words that can be shown."""
    async with pretender(answer) as client:
        with pytest.raises(error) as caught:
            await client.accounts()
    assert caught.value.message.isprintable()


async def test_a_certificate_that_nobody_vouches_for_is_told(tmp_path: Path) -> None:
    """As what it is, and with where to name one that does."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    both = tmp_path / "both.pem"
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    made += " -addext subjectAltName=IP:127.0.0.1"
    command = [openssl, *made.split(), "-keyout", str(both), "-out", str(tmp_path / "c")]
    assert await (await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)).wait() == 0
    both.write_bytes(both.read_bytes() + (tmp_path / "c").read_bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(both)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    client = Client(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        with pytest.raises(NotTrusted, match="self-signed certificate") as caught:
            await client.about()
    assert "SSL_CERT_FILE" in caught.value.hint
    await client.close()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ("ALL_PROXY", "ftp://127.0.0.1:1"),
        ("SSL_CERT_FILE", "/nonexistent/authority.pem"),
    ],
)
async def test_a_variable_that_cannot_be_used_is_named(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that the HTTP library reads, too: with the error, on the screen."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        await Client("http://127.0.0.1:1").about()


async def test_the_services_own_words_are_passed_on() -> None:
    """The message, and what is wrong with which field; made harmless."""
    body = b'{"message": "Bad \\u001b[31mname.", "errors": {"name": "is taken"}}'
    async with pretender(http("400 Bad", body)) as client:
        with pytest.raises(Refused) as caught:
            await client.create_account("x", is_sharing_enabled=True)
    assert caught.value.message == "Bad \ufffd[31mname. name: is taken."


@pytest.mark.parametrize(("status", "word"), [("304 Not Modified", "exists already"), ("204 No Content", "takes no")])
async def test_a_registration_refused_without_a_word_is_explained(status: str, word: str) -> None:
    """The contract answers both with an empty body."""
    async with pretender(f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode()) as client:
        with pytest.raises(Refused, match=word):
            await client.create_account("x", is_sharing_enabled=True)
