"""Clients that send slowly, stall, idle or do not read: they are ended in time, memory is bounded, others are served.

Times and sizes are shorter here than the service's own (see `tests.constants`); what is tested is that they are kept.
"""

import asyncio
import contextlib
import json
import re
import resource
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.constants import changed
from tests.reliability.offices import differences
from tests.samples import payload
from tests.servers import ADMIN_TOKEN, ROOT, Postgres, Service, locked, running_service

DAY = "2026-01-31"
KEY = f"X-API-KEY: {ADMIN_TOKEN}\r\n".encode()
ALL_ROWS = (
    b"GET /api/v1/stats?type=compliance&date_from=2026-01-31&date_to=2026-01-31 HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n"
)
SHORT = {
    "service.api.connections.HEAD_SECONDS": 1.0,
    "service.api.connections.IDLE_SECONDS": 2.0,
    "service.api.connections.READING_SECONDS": 1.0,
    "service.api.request.BODY_SECONDS": 2.0,
    "service.api.request.STRANGERS_BODY_SECONDS": 1.0,
    "service.api.request.LINGER_SECONDS": 1.0,
}


@contextlib.contextmanager
def with_constants(url: str, folder: Path, constants: dict[str, float], **settings: str) -> Iterator[Service]:
    """A service with other constants than its own. Whatever clients did to it, its sums are right in the end."""
    with running_service(url, folder, **changed(folder / "constants", constants), **settings) as service:
        yield service
        assert differences(url) == []


def sqlite(folder: Path) -> str:
    """The URL of a new database."""
    return f"sqlite:///{folder}/stats.sqlite3"


def dial(service: Service) -> socket.socket:
    """A connection to the service, with a small buffer for what it answers."""
    url = httpx.URL(service.url)
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    wire.settimeout(30)
    wire.connect((url.host, url.port))
    return wire


def head(method: str, path: str, size: int, token: bytes = KEY) -> bytes:
    """What stands before a body of that size."""
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n".encode() + token + b"\r\n"


def rest(wire: socket.socket) -> bytes:
    """All that comes until the service ends the connection."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while part := wire.recv(1 << 16):
            answer += part
    return answer


def memory(service: Service) -> int:
    """The bytes of memory that the service's process has in use."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) << 10


def fill(service: Service, count: int) -> int:
    """That many rows of some 20 KB stored; the size of the answer that has them all."""
    batch = [
        {"anr": str(uuid.uuid4()), "type": "compliance", "date": DAY, "data": payload("compliance", number)}
        for number in range(count)
    ]
    assert service.admin.post("/api/v1/stats/", json=batch).status_code == 201
    query = {"type": "compliance", "date_from": DAY, "date_to": DAY}
    return len(service.admin.get("/api/v1/stats", params=query).content)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that gives its clients a second or two."""
    folder = tmp_path_factory.mktemp("hasty")
    with with_constants(sqlite(folder), folder, SHORT) as service:
        yield service


# --- who sends slowly ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "drop", "status", "seconds"),
    [
        pytest.param(b"", b"", b"", 2, id="says nothing"),
        pytest.param(b"GET /health HTTP/1.1\r\nX: ", b"a", b"408", 1, id="line and headers"),
        pytest.param(head("POST", "/api/v1/stats", 99_999), b" ", b"408", 2, id="body"),
        pytest.param(head("GET", "/stats/risks.json", 999, b""), b" ", b"408", 1, id="a stranger's body"),
        pytest.param(head("POST", "/api/v1/stats", 99_999, b""), b" ", b"401", 1, id="a body that nobody reads"),
        pytest.param(head("POST", "/nothing", 99_999, b""), b" ", b"404", 1, id="a body for nothing"),
        pytest.param(head("GET", "/nothing", 9, b"Upgrade: websocket\r\n"), b"", b"404", 1, id="no WebSocket"),
        pytest.param(
            b"POST /api/v1/stats HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + KEY + b"\r\n",
            b"1\r\n \r\n",
            b"408",
            2,
            id="chunks",
        ),
    ],
)
def test_who_sends_slowly_is_ended_in_time(
    hasty: Service, begin: bytes, drop: bytes, status: bytes, seconds: int
) -> None:
    """A byte now and then does not prolong the time that the whole has; the answer, if any, says what was wrong."""
    answer, began = b"", time.monotonic()
    with dial(hasty) as wire, contextlib.suppress(ConnectionError):
        wire.sendall(begin)
        wire.settimeout(0.05)
        while time.monotonic() < began + 10:
            with contextlib.suppress(TimeoutError):
                part = wire.recv(1 << 16)
                answer += part
                if not part:
                    break
            wire.sendall(drop)
    took = time.monotonic() - began
    assert (
        seconds - 0.2 < took < seconds + 2.5
    )  # it may look every half second, and listens for another one after a 408
    if status:
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["message"]
    assert hasty.admin.get("/health").status_code == 200
    assert " ERROR " not in hasty.log()


def test_who_pauses_between_requests_is_served(hasty: Service) -> None:
    """The time of a request's head begins with it and not with the connection."""
    with dial(hasty) as wire:
        for _ in range(3):
            wire.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.recv(9999).startswith(b"HTTP/1.1 200 ")
            time.sleep(1.3)


# --- who does not read --------------------------------------------------------------------------------------


def test_who_does_not_read_is_cut_off_and_who_reads_slowly_is_not(hasty: Service) -> None:
    """The one finds too little when it looks at last; the other gets all, though it takes longer than the limit."""
    whole = fill(hasty, 400)
    with dial(hasty) as stalled, dial(hasty) as slow:
        stalled.sendall(ALL_ROWS)
        slow.sendall(ALL_ROWS)
        got, began = 0, time.monotonic()
        longest = 3 * SHORT["service.api.connections.READING_SECONDS"]
        while got < whole:
            part = slow.recv(1 << 14)
            assert part, f"{got} of {whole} bytes came"
            got += len(part)
            time.sleep(max(began + longest * got / whole - time.monotonic(), 0))
        assert time.monotonic() - began > 2 * SHORT["service.api.connections.READING_SECONDS"]
        assert 0 < len(rest(stalled)) < whole


def test_what_waits_to_be_read_is_bounded(tmp_path: Path) -> None:
    """Of many who do not read, those that have waited longest are cut off, and the last one still gets all."""
    with with_constants(sqlite(tmp_path), tmp_path, {"service.api.connections.MOST_UNREAD": 1 << 18}) as service:
        whole = fill(service, 300)
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(dial(service)) for _ in range(15)]
            for wire in wires:
                wire.sendall(ALL_ROWS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                time.sleep(0.03)
            sizes = [len(rest(wire)) for wire in reversed(wires)]
        assert sizes[0] > whole
        assert sum(size < whole for size in sizes) >= 10


# --- who does nothing ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service as it is."""
    folder = tmp_path_factory.mktemp("plain")
    with with_constants(sqlite(folder), folder, {}) as service:
        yield service


def test_a_thousand_idle_connections_leave_others_served(plain: Service) -> None:
    """As fast as before, none of the thousand is ended, and each costs less than 32 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(2_000, hard)), hard))
    plain.admin.get("/health")
    before = memory(plain)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(dial(plain)) for _ in range(1_000)]
        for wire in idle[:500]:  # half of them have been served before
            wire.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.recv(9999).startswith(b"HTTP/1.1 200 ")
        each = (memory(plain) - before) / len(idle)
        print(f"{each / 1024:.1f} KiB for each idle connection")  # noqa: T201 - the figure that is stated
        began = time.monotonic()
        for _ in range(20):
            assert httpx.get(f"{plain.url}/health").status_code == 200
        assert time.monotonic() - began < 5
        for wire in idle[::100]:
            wire.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.recv(9999).startswith(b"HTTP/1.1 200 ")
    assert each < 32 << 10


def test_idle_connections_do_not_keep_what_they_sent(plain: Service) -> None:
    """Twenty that have posted 4 MB each and stay open cost nothing like it."""
    body = b"[" + b" " * (4 << 20) + b"]"
    plain.admin.post("/api/v1/stats/", content=body)
    before = memory(plain)
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            wire = stack.enter_context(dial(plain))
            wire.sendall(head("POST", "/api/v1/stats", len(body)) + body)
            assert wire.recv(9999).startswith(b"HTTP/1.1 201 ")
        assert memory(plain) - before < 5 * len(body)


def test_beyond_the_most_connections_those_go_that_waited_longest(tmp_path: Path) -> None:
    """Whoever opens many, and sends nothing or half a request, makes room for those who come to be served."""
    with with_constants(sqlite(tmp_path), tmp_path, {"service.api.connections.Connection.most": 40}) as service:
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(dial(service)) for _ in range(100)]
            for number, wire in enumerate(wires):
                with contextlib.suppress(ConnectionError):
                    wire.sendall((b"", b"GET /health", head("POST", "/api/v1/stats", 99) + b"[")[number % 3])
            assert all(httpx.get(f"{service.url}/health").status_code == 200 for _ in range(10))
            for wire in wires:
                wire.settimeout(0.01)
            deadline = time.monotonic() + 5  # the last of them may only just be told
            while any(_is_open(wire) for wire in wires[:50]):
                assert time.monotonic() < deadline
            assert sum(map(_is_open, wires[50:])) >= 30
        assert service.admin.get("/health").status_code == 200
        assert " ERROR " not in service.log()


@pytest.mark.parametrize(
    ("soft", "hard", "files", "connections"),
    [(1_024, 4_096, 2_256, 2_000), (64, 500, 500, 244), (3_000, 3_000, 3_000, 2_000)],
)
def test_there_are_as_many_connections_as_files_may_be_open(soft: int, hard: int, files: int, connections: int) -> None:
    """A process asks for what it needs, and makes do with what it gets: it never runs out of files."""
    program = (
        "import resource as r; from service.api.connections import Connection as C;"
        f"r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard})); C.make_possible();"
        "print(*r.getrlimit(r.RLIMIT_NOFILE), C.most)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(files), str(hard), str(connections)]


def _is_open(wire: socket.socket) -> bool:
    try:
        return wire.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


# --- too much at a time -------------------------------------------------------------------------------------


async def _begun(client: httpx.AsyncClient, count: int) -> list[asyncio.Task[httpx.Response]]:
    """Requests that are at work, and stay so while the table of the accounts is locked."""
    tasks = [asyncio.create_task(client.get("/api/v1/client/me")) for _ in range(count)]
    await asyncio.sleep(0.5)
    return tasks


@pytest.mark.parametrize("constant", ["service.api.work.MOST", "service.api.connections.Connection.most"])
async def test_more_than_can_be_done_at_a_time_is_refused_at_once(
    postgres: Postgres, tmp_path: Path, constant: str
) -> None:
    """503 with Retry-After and a reason, while those that were begun before go on and are answered."""
    with postgres.database() as url, with_constants(url, tmp_path, {constant: 6}) as service:
        how: dict[str, Any] = {"base_url": service.url, "headers": {"X-API-KEY": ADMIN_TOKEN}, "timeout": 30}
        async with httpx.AsyncClient(**how) as client:
            async with locked(url, "account"):
                tasks = await _begun(client, 6)
                began = time.monotonic()
                refused = await client.get("/api/v1/client/me")
                assert time.monotonic() - began < 1
                assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
                assert "try again" in refused.json()["message"]
                if constant == "service.api.work.MOST":
                    assert (await client.get("/health")).status_code == 200
            assert [(await task).status_code for task in tasks] == [200] * 6
            assert (await client.get("/api/v1/client/me")).status_code == 200


def posted(service: Service, size: int, sent: int) -> socket.socket:
    """A connection on which so much of a body of that size is sent: an empty batch with many blanks."""
    wire = dial(service)
    wire.sendall(head("POST", "/api/v1/stats", size) + (b"[" + b" " * (size - 2) + b"]")[:sent])
    return wire


def status(wire: socket.socket, seconds: float) -> bytes:
    """The status that is answered within so many seconds; b"" where nothing is."""
    wire.settimeout(seconds)
    try:
        return wire.recv(9999)[9:12]
    except TimeoutError:
        return b""


def test_large_bodies_wait_for_room(tmp_path: Path) -> None:
    """A body that finds no room waits for it, and is told to come again where there is none in time.

    Small ones pass. A client that leaves leaves its room.
    """
    size = 1 << 20
    constants = {"service.api.limits.MOST_BODIES": 2 * size, "service.api.limits.PATIENCE": 1.5}
    with with_constants(sqlite(tmp_path), tmp_path, constants, MAX_BODY_MB="1") as service:
        first, second = (posted(service, size, size // 2) for _ in range(2))
        time.sleep(0.2)
        third = posted(service, size, size)
        assert status(third, 0.3) == b""
        assert service.admin.post("/api/v1/stats/", content=b"[]").status_code == 201
        first.sendall(b" " * (size // 2 - 1) + b"]")
        assert [status(first, 5), status(third, 5)] == [b"201"] * 2
        fourth, fifth = (posted(service, size, size // 2), posted(service, size, size))
        time.sleep(0.2)
        assert status(fifth, 5) == b"503"
        for wire in (second, fourth):
            wire.close()
        with posted(service, size, size) as sixth:
            assert status(sixth, 1) == b"201"
        for wire in (first, third, fifth):
            wire.close()
