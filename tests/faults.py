"""What stands at the other end when figures are shared: a network that fails, and the old service.

Both are real servers on loopback ports, each with a loop in a thread of its own: they serve tests with and without a
loop, and programs that tests start. Use them with `with` or with `async with`:

    with fault_proxy(global_service.url, [reset_answer(0.5), answer(503, retry_after="1")]) as proxy:
        ...                       # the first request loses half of its answer, the second gets a 503, others pass
    assert token not in b"".join(each.raw for each in proxy.requests)

    with fault_proxy(global_service.url, random_faults(seed)) as proxy: ...
    with OldService(breaks_on=lambda row: row["type"] == "threat") as old: old.url, old.rows, old.requests
"""

import asyncio
import collections
import contextlib
import enum
import gzip
import itertools
import json
import random
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.servers import HOST, free_port

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER's value for a connection that ends with a reset."""

PAGE = b"<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><h1>It works</h1></body></html>\n"
"""What a portal, a proxy or a web server that is set up wrongly answers."""


# --- what goes wrong ------------------------------------------------------------------------------------------


class Kind(enum.StrEnum):
    """What can become of a request."""

    PASS = enum.auto()
    """Nothing: it is passed on, and so is its answer."""
    REFUSE = enum.auto()
    """Its connection is reset, and for `seconds` nobody listens: further ones are refused."""
    RESET_REQUEST = enum.auto()
    """A part of it is passed on, then both connections are reset."""
    RESET_ANSWER = enum.auto()
    """It is passed on, a part of its answer comes back, then the connection is reset."""
    CUT_ANSWER = enum.auto()
    """As RESET_ANSWER, but the connection ends in good order."""
    TRUNCATE = enum.auto()
    """It is passed on; the answer is a whole one whose body is only a part of the real one's."""
    ANSWER = enum.auto()
    """It gets `reply`, whether it is passed on or not."""
    STALL = enum.auto()
    """It gets a part of its answer (none where it is not passed on), and nothing more for `seconds`."""


@dataclass(frozen=True)
class Fault:
    """What becomes of one request. `at`: up to where something comes through, as a share of its bytes. `forward`:
    whether the service gets the request although the answer does not tell."""

    kind: Kind
    at: float = 0.0
    forward: bool = False
    reply: bytes = b""
    seconds: float = 0.0


PASS = Fault(Kind.PASS)


def refuse(seconds: float = 0.05) -> Fault:
    """A reset, and nobody listens for a while."""
    return Fault(Kind.REFUSE, seconds=seconds)


def reset_request(at: float) -> Fault:
    """A reset while the request is sent."""
    return Fault(Kind.RESET_REQUEST, at=at)


def reset_answer(at: float = 0.0) -> Fault:
    """A reset while the answer is sent; the request was served."""
    return Fault(Kind.RESET_ANSWER, at=at, forward=True)


def cut_answer(at: float = 0.0) -> Fault:
    """The connection is closed while the answer is sent, or before (0); the request was served."""
    return Fault(Kind.CUT_ANSWER, at=at, forward=True)


def truncate(at: float) -> Fault:
    """A complete answer with a part of its JSON; the request was served."""
    return Fault(Kind.TRUNCATE, at=at, forward=True)


def stall(seconds: float, at: float = 0.0, *, forward: bool = False) -> Fault:
    """No answer, or a part of one, for so long; then the connection is closed."""
    return Fault(Kind.STALL, at=at, forward=forward or at > 0, seconds=seconds)


def answer(
    status: int,
    body: bytes = b'{"message": "Not now."}',
    *,
    media: str = "application/json",
    forward: bool = False,
    **headers: str,
) -> Fault:
    """An answer that the service did not give. Names of `headers` have `_` for `-`: `retry_after="3"`."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Fault(Kind.ANSWER, forward=forward, reply=http_answer(status, body, {"Content-Type": media, **named}))


def html(status: int, *, forward: bool = False) -> Fault:
    """A page where JSON is expected."""
    return answer(status, PAGE, media="text/html", forward=forward)


def redirect(status: int = 302, location: str = "/elsewhere") -> Fault:
    """A redirect. The proxy serves, and records, any path: whoever follows it is seen in `requests`."""
    return answer(status, b"", media="text/html", location=location)


def random_faults(
    seed: int, share: float = 0.5, *, stall_seconds: float = 0.2, redirects: bool = True
) -> Iterator[Fault]:
    """Faults without end, always the same for a seed. `share`: how many of the requests meet one."""
    rng = random.Random(seed)
    replies: list[Callable[[bool], Fault]] = [
        *(lambda forward, status=status: answer(status, forward=forward) for status in (408, 425, 500, 502, 504)),
        *(lambda forward, status=status: answer(status, forward=forward, retry_after="0") for status in (429, 503)),
        lambda forward: html(200, forward=forward),
        lambda forward: html(502, forward=forward),
        lambda forward: answer(201, b"{}", forward=forward),
        lambda forward: answer(201, b'{"metadata": {"count": "0"}, "data": []}', forward=forward),
        lambda forward: answer(200, bytes(rng.randrange(256) for _ in range(200)), forward=forward),
    ]
    if redirects:
        replies.append(lambda _: redirect(rng.choice([301, 302, 303, 307, 308])))
    faults: list[Callable[[], Fault]] = [
        refuse,
        lambda: reset_request(rng.random()),
        lambda: reset_answer(rng.random()),
        lambda: cut_answer(rng.random()),
        lambda: truncate(rng.random()),
        lambda: stall(stall_seconds, rng.choice([0, rng.random()]), forward=rng.random() < 0.5),
        *[lambda: rng.choice(replies)(rng.random() < 0.5)] * 4,
    ]
    while True:
        yield rng.choice(faults)() if rng.random() < share else PASS


# --- HTTP, as far as it is needed -----------------------------------------------------------------------------


@dataclass
class Received:
    """A request as it came in: all bytes that were read of it, what became of it, and when (monotonic)."""

    raw: bytes
    method: str
    path: str
    headers: Mapping[str, str]
    """By names in small letters."""
    fault: Fault = PASS
    status: int | None = None
    """Of the answer that the service gave; None where there was none."""
    when: float = field(default_factory=time.monotonic)

    @property
    def sent_body(self) -> bytes:
        """The body as it came over the wire."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def body(self) -> bytes:
        """The body, unpacked where it came as gzip and whole."""
        packed = self.headers.get("content-encoding") == "gzip"
        return gzip.decompress(self.sent_body) if packed else self.sent_body

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows that it brings, parsed."""
        rows: list[dict[str, Any]] = json.loads(self.body)
        return rows


def http_answer(status: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    """The bytes of an answer."""
    phrase = HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    if status in {204, 304}:  # which have none
        return "\r\n".join([*lines, "", ""]).encode()
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def _head(raw: bytes) -> tuple[str, dict[str, str]]:
    """The first line, and the headers by names in small letters."""
    first, *lines = raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _share(raw: bytes, at: float) -> bytes:
    return raw[: int(len(raw) * at)]


# --- servers --------------------------------------------------------------------------------------------------


class _Server:
    """A server on a port of its own, in a thread of its own. `requests` holds all that came in."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.requests: list[Received] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name=type(self).__name__)
        self._ready = threading.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    async def _run(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        await self._listen()
        self._ready.set()
        await self._ended.wait()
        self._listening.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _listen(self) -> None:
        self._listening = await asyncio.start_server(self._connected, HOST, self.port, limit=1 << 20)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            while not reader.at_eof() and not writer.is_closing():
                await self._request(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left, or the test is over
        finally:
            self._connections.discard(task)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request: read it to its end, answer it."""
        raise NotImplementedError

    def _received(self, raw: bytes, fault: Fault = PASS) -> Received:
        first, headers = _head(raw)
        method, path, _ = first.split(" ")
        received = Received(raw, method, path, headers, fault)
        self.requests.append(received)
        return received


class FaultProxy(_Server):
    """Passes requests on to a service, except those that meet a fault. See `fault_proxy`."""

    def __init__(self, target: str, plan: Iterable[Fault]) -> None:
        super().__init__()
        self.counts: collections.Counter[Kind] = collections.Counter()
        """How many requests met what."""
        self._target = urlsplit(target)
        self._plan = itertools.chain(plan, itertools.repeat(PASS))

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fault = next(self._plan)
        self.counts[fault.kind] += 1
        received = self._received(head, fault)
        whole = len(head) + int(received.headers.get("content-length", "0"))
        wanted = int(whole * fault.at) if fault.kind is Kind.RESET_REQUEST else whole
        if fault.kind is Kind.REFUSE:
            return await self._refuse(writer, fault.seconds)
        if wanted > len(head):
            received.raw += await reader.readexactly(wanted - len(head))
        if fault.kind is Kind.RESET_REQUEST:
            async with self._connection() as (_, onward):
                onward.write(received.raw[:wanted])
                await onward.drain()
                _reset(onward)
            return _reset(writer)
        real = await self._passed_on(received) if fault.forward or fault.kind is Kind.PASS else b""
        return await self._answer(writer, fault, real)

    async def _refuse(self, writer: asyncio.StreamWriter, seconds: float) -> None:
        self._listening.close()
        _reset(writer)
        await asyncio.sleep(seconds)
        if not self._ended.is_set() and not self._listening.is_serving():
            await self._listen()

    async def _answer(self, writer: asyncio.StreamWriter, fault: Fault, real: bytes) -> None:
        """Send what the fault leaves of the real answer, or puts in its place."""
        if fault.kind is Kind.TRUNCATE:
            first, headers = _head(real)
            kept = {name: value for name, value in headers.items() if name not in {"content-length", "connection"}}
            sent = http_answer(int(first.split(" ")[1]), _share(real.partition(b"\r\n\r\n")[2], fault.at), kept)
        elif fault.kind is Kind.ANSWER:
            sent = fault.reply
        else:
            sent = real if fault.kind is Kind.PASS else _share(real, fault.at)
        writer.write(sent)
        await writer.drain()
        if fault.kind is Kind.STALL:
            await asyncio.sleep(fault.seconds)
        if fault.kind is Kind.RESET_ANSWER:
            _reset(writer)
        elif fault.kind in {Kind.CUT_ANSWER, Kind.STALL}:
            writer.close()

    async def _passed_on(self, received: Received) -> bytes:
        """The bytes of the service's answer; those of a 502 where the service is away."""
        try:
            async with self._connection() as (reader, writer):
                writer.write(received.raw)
                head = await reader.readuntil(b"\r\n\r\n")
                first, headers = _head(head)
                length = int(headers.get("content-length", "0"))
                body = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            return http_answer(502, PAGE, {"Content-Type": "text/html"})
        received.status = int(first.split(" ")[1])
        return head + body

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self._target.hostname, self._target.port, limit=1 << 20)
        try:
            yield reader, writer
        finally:
            writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


def fault_proxy(target: str, plan: Iterable[Fault] = ()) -> FaultProxy:
    """A proxy in front of the service at `target`. Each request meets the next fault of the plan; when that is at its
    end, all pass. `url` is where it listens; `requests` are all that came in, `counts` what became of them."""
    return FaultProxy(target, plan)


class OldService(_Server):
    """The old service, as far as sharing meets it.

    It keeps rows by their uuid and never replaces one: 207, without a word, where it had some of a batch. It commits
    row by row, and a row that it cannot take (`breaks_on`) is a page with 500 for the whole batch; what came before
    it is stored. A path without its slash is a redirect. `status`: what it, or what stands before it, answers instead
    of 500 (5xx are pages). `most`: a proxy before it takes bodies of so many bytes; others are 413.
    """

    TOKEN = "the-token-of-an-installation"

    def __init__(
        self, breaks_on: Callable[[dict[str, Any]], bool] = lambda _: False, status: int = 500, most: int = 1 << 30
    ) -> None:
        super().__init__()
        self._status, self._most = status, most
        self.rows: dict[str, dict[str, Any]] = {}
        """What is stored, by uuid."""
        self._breaks_on = breaks_on

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        received = self._received(head)
        received.raw += await reader.readexactly(int(received.headers.get("content-length", "0")))
        status, answered, *more = self._answered(received)
        received.status = status
        if isinstance(answered, bytes):
            headers = {"Content-Type": "text/html; charset=utf-8"}
        else:
            headers, answered = {"Content-Type": "application/json"}, json.dumps(answered).encode() + b"\n"
        writer.write(http_answer(status, answered, headers | dict(more)))
        await writer.drain()

    def _answered(self, received: Received) -> tuple[Any, ...]:
        """Status, content (bytes are a page), more headers."""
        path, token = received.path.partition("?")[0], received.headers.get("x-api-key")
        if path == "/api/v1/stats":
            return 308, _page(308), ("Location", f"{self.url}{path}/")
        if not path.startswith("/api/v1/stats/"):
            return 404, _page(404)
        if token != self.TOKEN:
            return (403, {"Error": "Forbidden - Access denied."}) if token else (401, {"Error": "Unauthorized"})
        if "content-encoding" in received.headers:
            return 500, _page(500)  # it takes all that it gets for JSON
        handlers = {"POST": self._stored, "GET": self._found, "DELETE": self._deleted}
        return handlers[received.method](received)

    def _deleted(self, received: Received) -> tuple[Any, ...]:
        anr = received.path.rpartition("/")[2]
        self.rows = {number: row for number, row in self.rows.items() if row["anr"] != anr}
        return 204, b""

    def _stored(self, received: Received) -> tuple[Any, ...]:
        if len(received.sent_body) > self._most:
            return 413, _page(413)
        stored, sent = [], received.rows
        for row in sent:
            if self._breaks_on(row):
                paged = self._status >= 500
                return self._status, _page(self._status) if paged else {"message": f"No good: {row['uuid']}"}
            if row["uuid"] not in self.rows:
                self.rows[row["uuid"]] = row
                stored.append(row)
        return 201 if len(stored) == len(sent) else 207, _rows(stored)

    def _found(self, received: Received) -> tuple[Any, ...]:
        wanted = json.loads(received.body)
        first, last = wanted.get("date_from", ""), wanted.get("date_to", "9")
        rows = [row for row in self.rows.values() if row["type"] == wanted["type"] and first <= row["date"] <= last]
        offset, limit = int(wanted.get("offset") or 0), int(wanted.get("limit") or 0)
        return 200, _rows(rows[offset : offset + limit if limit else None], offset, limit)


def _rows(rows: list[dict[str, Any]], offset: int = 0, limit: int = 0) -> dict[str, Any]:
    return {"metadata": {"count": str(len(rows)), "offset": str(offset), "limit": str(limit)}, "data": rows}


def _page(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase
    return f"<!doctype html>\n<title>{status} {phrase}</title>\n<h1>{phrase}</h1>\n<p>It did not work.</p>\n".encode()
