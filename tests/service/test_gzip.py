"""Bodies that come packed as gzip: taken like any other, and no way to cost more than they weigh."""

import gzip
import json
import socket
import statistics
import time
import uuid
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.samples import rows
from tests.servers import ADMIN_TOKEN, Service, running_service

pytestmark = pytest.mark.long_on_postgres

ROWS = "/api/v1/stats/"
DAY = "2026-01-31"
MB = 1 << 20


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that takes bodies of up to 8 MiB."""
    folder = tmp_path_factory.mktemp("gzip")
    with running_service(f"sqlite:///{folder}/stats.sqlite3", folder, MAX_BODY_MB="8") as service:
        yield service


def packed(client: httpx.Client, body: bytes, coding: str = "gzip", **more: Any) -> httpx.Response:
    """The answer to a POST of rows with a Content-Encoding."""
    return client.post(ROWS, content=body, headers={"Content-Encoding": coding}, **more)


def batch() -> list[dict[str, Any]]:
    """Rows of a new analysis."""
    return rows(str(uuid.uuid4()), DAY)


@pytest.mark.parametrize("coding", ["gzip", "GZip", "x-gzip"])
def test_rows_may_come_packed(running: Service, coding: str) -> None:
    """201 and the rows, as if they had come plain; they are stored."""
    sent = batch()
    answer = packed(running.admin, gzip.compress(json.dumps(sent).encode()), coding)
    assert answer.status_code == 201, answer.text
    assert [each["data"] for each in answer.json()["data"]] == [each["data"] for each in sent]
    assert len(running.admin.get(f"{ROWS}{sent[0]['anr']}").json()) == 5


def test_packed_rows_may_come_in_chunks(running: Service) -> None:
    """A body of unknown size, a few bytes at a time, unpacked to several megabytes."""
    sent = [row for _ in range(60) for row in batch()]
    body = gzip.compress(json.dumps(sent).encode())
    parts = (body[start : start + 997] for start in range(0, len(body), 997))
    answer = running.admin.post(ROWS, content=parts, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["metadata"]["count"]) == (201, "300")


def test_a_gets_parameters_may_come_packed(running: Service) -> None:
    """All bodies of those who present a token are read alike."""
    sent = batch()
    running.admin.post(ROWS, json=sent).raise_for_status()
    wanted = gzip.compress(json.dumps({"type": "risk", "anrs": [sent[0]["anr"]], "get_last": 1}).encode())
    answer = running.admin.request("GET", ROWS, content=wanted, headers={"Content-Encoding": "gzip"})
    assert answer.json()["metadata"]["count"] == "1"


def test_identity_is_as_good_as_nothing(running: Service) -> None:
    """A body that says it is not packed is plain."""
    assert packed(running.admin, json.dumps(batch()).encode(), "identity").status_code == 201
    assert packed(running.admin, json.dumps(batch()).encode(), "").status_code == 201


def test_answers_say_that_bodies_may_be_packed(running: Service) -> None:
    """In Accept-Encoding, to good requests and bad ones of those with a token, and to nobody else."""
    for answer in (
        running.admin.post(ROWS, json=batch()),
        running.admin.post(ROWS, json=[{}]),
        running.admin.post(ROWS, json=[row for _ in range(60) for row in batch()]),  # large enough to be a stream
        running.admin.get(ROWS, params={"type": "risk"}),
    ):
        assert answer.headers["Accept-Encoding"] == "gzip", answer
    nobody = running.client_with(None)
    for answer in (nobody.post(ROWS, json=[]), nobody.get("/about.json")):
        assert "Accept-Encoding" not in answer.headers


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, br", "identity, gzip", "gzi", "*"])
def test_other_ways_to_pack_are_refused(running: Service, coding: str) -> None:
    """415, in JSON and in Accept-Encoding says what is taken; nothing is stored."""
    sent = batch()
    answer = packed(running.admin, gzip.compress(json.dumps(sent).encode()), coding)
    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "gzip")
    assert "gzip" in answer.json()["message"]
    assert running.admin.get(f"{ROWS}{sent[0]['anr']}").json() == []


def test_a_stranger_sends_nothing_packed(running: Service) -> None:
    """401 where a token is asked for; 415 that takes only identity on a public path."""
    body = gzip.compress(b"{}")
    nobody = running.client_with(None)
    assert packed(nobody, body).status_code == 401
    answer = nobody.request("GET", "/stats/threats.json", content=body, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "identity")
    assert "gzip" not in answer.json()["message"]


GOOD = gzip.compress(b"[]")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "end is missing"),
        (GOOD[:-1], "end is missing"),
        (GOOD[:5], "end is missing"),
        (gzip.compress(b"[" + b" " * MB + b"]")[:-9], "end is missing"),
        (b"[]", "does not fit"),
        (zlib.compress(b"[]"), "does not fit"),
        (GOOD[:-8] + b"\0" * 8, "does not fit"),
        (b"\x1f\x8b" + b"\xff" * 100, "does not fit"),
        (GOOD + b"\0", "follows"),
        (GOOD + GOOD, "follows"),
        (GOOD + b"x" * 300_000, "follows"),
    ],
    ids=range(11),
)
def test_a_gzip_that_is_not_whole_is_refused(running: Service, body: bytes, why: str) -> None:
    """400 that says what is wrong: cut short, damaged, something else, something after its end (a second one, too)."""
    answer = packed(running.admin, body)
    assert (answer.status_code, "gzip" in answer.json()["message"]) == (400, True), answer.text
    assert why in answer.json()["message"]


def test_what_is_in_a_gzip_is_checked_as_ever(running: Service) -> None:
    """No JSON, or a row that is none: the usual messages."""
    for body in (b"[", b"{}"):
        assert packed(running.admin, gzip.compress(body)).json() == running.admin.post(ROWS, content=body).json()
    errors = packed(running.admin, gzip.compress(b'[{"anr": "none"}]')).json()["errors"]
    assert errors[0]["index"] == 0


def test_the_limit_is_for_what_is_unpacked(running: Service) -> None:
    """Just below MAX_BODY_MB it is taken, just above it is 413, and says so like a plain one."""
    fits = b"[" + b" " * (8 * MB - 2) + b"]"
    assert packed(running.admin, gzip.compress(fits)).status_code == 201
    for body in (gzip.compress(fits + b" "), gzip.compress(fits + b" " * MB)):
        answer = packed(running.admin, body)
        assert (answer.status_code, "8 MiB" in answer.json()["message"]) == (413, True)
    assert running.admin.post(ROWS, content=fits + b" ").status_code == 413


def bomb(megabytes: int) -> bytes:
    """A gzip that becomes so many megabytes, and is a thousandth of it. (Its end, which nobody sees, is wrong.)"""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    first, other = (pack.compress(b" " * MB) + pack.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + other * (megabytes - 1) + pack.flush()


def resident(service: Service) -> int:
    """The most memory that the service has had so far, in bytes."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def test_a_bomb_costs_neither_memory_nor_time(running: Service) -> None:
    """Four gigabytes in five megabytes are given up after the limit, however often they come; others are served
    meanwhile."""
    body = bomb(4096)
    assert len(body) < 5 * MB
    packed(running.admin, body)
    before, began = resident(running), time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        bombs = [pool.submit(packed, running.client_with(ADMIN_TOKEN), body) for _ in range(10)]
        waited = []
        while not all(each.done() for each in bombs):
            asked = time.perf_counter()
            running.client_with(None).get("/health").raise_for_status()
            waited.append(time.perf_counter() - asked)
    assert {each.result().status_code for each in bombs} == {413}
    assert time.perf_counter() - began < 20
    assert statistics.median(waited) < 0.5
    assert resident(running) - before < 64 * MB
    assert running.admin.post(ROWS, json=batch()).status_code == 201


def test_a_refused_sender_may_finish_and_reads_why(running: Service) -> None:
    """Who goes on sending after 413 or 415 gets the answer, and the connection ends then."""
    url = httpx.URL(running.url)
    for coding, status in ((b"br", b"415"), (b"gzip", b"413")):
        head = b"POST %b HTTP/1.1\r\nHost: stats\r\nX-API-KEY: %b\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n"
        body = bomb(64)
        body += b"\0" * (4 * MB - len(body))
        with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
            connection.sendall(head % (ROWS.encode(), ADMIN_TOKEN.encode(), coding, len(body)))
            for start in range(0, len(body), 64 << 10):
                connection.sendall(body[start : start + (64 << 10)])
            answer = b""
            while part := connection.recv(65_536):
                answer += part
        assert answer.startswith(b"HTTP/1.1 " + status + b" ")
        assert b"connection: close" in answer


def test_it_is_documented(running: Service) -> None:
    """The header where there is a body and a token, and 415."""
    paths = running.client_with(None).get("/openapi.json").json()["paths"]
    operation = paths["/api/v1/stats"]["post"]
    (header,) = (each for each in operation["parameters"] if each["in"] == "header")
    assert (header["name"], header["schema"]["enum"]) == ("Content-Encoding", ["identity", "gzip"])
    assert "Accept-Encoding" in operation["responses"]["415"]["headers"]
    assert all(each["in"] != "header" for each in paths["/stats/threats.json"]["get"]["parameters"])
