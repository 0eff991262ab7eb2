"""Clients that leave, sources that fail and a stop: nobody else notices, and nothing looks whole that is not."""

import json
import random
import socket
import struct
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.reliability.offices import differences
from tests.samples import payload, rows
from tests.servers import ADMIN_TOKEN, Service

DAY = "2026-01-31"
ABORTS = 1_000
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER's value for a connection that ends with a reset."""


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """A request's bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: stats\r\nX-API-KEY: {ADMIN_TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def connected(service: Service) -> socket.socket:
    """A connection to the service."""
    url = httpx.URL(service.url)
    return socket.create_connection((url.host, url.port or 80), timeout=30)


def abort(service: Service, rng: random.Random) -> None:
    """Begin a request of any kind, and leave at any moment: before it is sent, while it is answered."""
    anr = str(uuid.UUID(int=rng.randrange(20), version=4))
    sent = rng.choice(
        [
            request("POST", "/api/v1/stats/", json.dumps(rows(anr, DAY, rng.randrange(5))).encode()),
            request("GET", "/api/v1/stats/?type=compliance&date_from=2026-01-01"),
            request("GET", f"/stats/threats.json?days={rng.randrange(1000)}"),
            request("GET", "/api/v1/client/me"),
            request("DELETE", f"/api/v1/stats/{anr}"),
        ]
    )
    with connected(service) as connection:
        connection.sendall(sent if rng.random() < 0.7 else sent[: rng.randrange(len(sent))])
        time.sleep(rng.random() * 0.01)
        if rng.random() < 0.5:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


@pytest.mark.long
def test_a_thousand_aborted_requests_leave_the_service_well(service: Service) -> None:
    """It answers as before, on all its database connections, and what it stores and sums is right."""
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201 - shown where the test fails
    rng = random.Random(seed)
    for _ in range(ABORTS):
        abort(service, rng)

    def ask(number: int) -> int:
        post = service.admin.post("/api/v1/stats/", json=rows(str(uuid.UUID(int=number, version=4)), DAY))
        return post.status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(20))) == {201}
    query = {"type": "risk", "processor": "risk_averages", "date_from": DAY, "date_to": DAY}
    averages = service.admin.get("/api/v1/stats/processed/", params=query).json()["data"]["current"]["operational"]
    levels = payload("risk")["risks"]["current"]["operational"]
    assert averages == {level["level"]: float(level["value"]) for level in levels}
    assert differences(service.database_url) == []
    assert " ERROR " not in service.log()


def fill(client: httpx.Client, count: int) -> None:
    """That many rows of some 20 KB each, of as many analyses, stored for the client's account."""
    batch = [
        {"anr": str(uuid.uuid4()), "type": "compliance", "date": DAY, "data": payload("compliance", number)}
        for number in range(count)
    ]
    assert client.post("/api/v1/stats/", json=batch).status_code == 201


WHOLE = f"/api/v1/stats/?type=compliance&date_from={DAY}"


def test_an_answer_whose_source_fails_midway_is_cut(service: Service) -> None:
    """The account is deleted while its rows are sent: the connection ends before the announced size is reached."""
    client = service.client("leaver")
    fill(client, 600)  # more than the system's buffers hold, so that most is not read yet when the account goes
    (number,) = (
        each["uuid"] for each in service.admin.get("/api/v1/client/").json()["data"] if each["name"] == "leaver"
    )
    with connected(service) as connection:
        connection.sendall(request("GET", WHOLE).replace(ADMIN_TOKEN.encode(), client.headers["X-API-KEY"].encode()))
        head, _, body = connection.recv(4096).partition(b"\r\n\r\n")
        assert service.admin.delete(f"/api/v1/client/{number}").status_code == 204
        size = len(body)
        while part := connection.recv(1 << 16):
            size += len(part)
    (announced,) = (int(line.split()[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    assert 0 < size < announced
    assert service.admin.get("/health").status_code == 200


def test_a_client_that_leaves_amid_an_answer_is_forgotten(service: Service) -> None:
    """The service goes on, and the whole answer is there for the next one."""
    fill(service.admin, 300)
    for _ in range(20):
        with connected(service) as connection:
            connection.sendall(request("GET", WHOLE))
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    assert len(service.admin.get(WHOLE).json()["data"]) == 300
    assert " ERROR " not in service.log()


def test_a_stop_finishes_what_is_under_way(service: Service) -> None:
    """A post whose body is still arriving when the service is told to stop is stored and answered; exit code 0."""
    body = json.dumps(rows(str(uuid.uuid4()), DAY)).encode()
    whole = request("POST", "/api/v1/stats/", body)
    with connected(service) as connection:
        connection.sendall(whole[:-1000])
        time.sleep(0.3)
        stopping = threading.Thread(target=service.stop)
        stopping.start()
        time.sleep(0.5)
        connection.sendall(whole[-1000:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 201 ")
    stopping.join()
    assert service.process is not None
    assert service.process.returncode == 0
