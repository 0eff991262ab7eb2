"""The API client on a real service, and on things that only pretend to be one."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator

import pytest

from tests.servers import ADMIN_TOKEN, Service, free_port
from tui.client import Service as Client
from tui.desk import Desk, today
from tui.errors import ConnectionLost, DashboardError, NotAllowed, NotUnderstood, Refused, ServerFault
from tui.scope import Aggregation, Ask, Reach, Scope, Side
from tui.wire import Kind, Level, State


@pytest.fixture
def ask() -> Ask:
    """The last thirty days."""
    return Scope(days=30).ask(today())


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
    assert await client.own_analyses()


async def test_the_public_figures_are_the_same(demo: Service, client: Client, ask: Ask) -> None:
    """Without a token the same numbers come from the public addresses."""
    public = Client(demo.url)
    assert await public.risks(ask) == await client.risks(ask)
    assert await public.objects("threat", ask) == await client.objects("threat", ask)
    assert await public.cartography(ask) == await client.cartography(ask)
    assert await public.compliance(ask) == await client.compliance(ask)
    assert await public.me() is None
    await public.close()


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
    ],
)
async def test_what_is_no_good_answer_is_an_error_of_ours(answer: bytes, error: type[DashboardError]) -> None:
    """Whatever comes: never an exception of the HTTP library, and words that can be shown."""
    async with pretender(answer) as client:
        with pytest.raises(error) as caught:
            await client.accounts()
    assert caught.value.message.isprintable()


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
