"""Errors over HTTP: always JSON with a message, whatever the client did, and the service well afterwards."""

import gzip
import json
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.failures import STATUSES
from service.errors import StatsServiceError
from tests.servers import ADMIN_TOKEN, Service, free_port, running_service


def exchange(service: Service, request: bytes) -> tuple[int, dict[str, str], Any]:
    """What the service answers to these bytes, and that it ends the connection then: status, headers, JSON."""
    url = httpx.URL(service.url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(request)
        connection.settimeout(10)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return int(first.split()[1]), headers, json.loads(body)


END = b"Host: stats\r\nConnection: close\r\n\r\n"
KEY = b"X-API-KEY: " + ADMIN_TOKEN.encode() + b"\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\n" + END, 404),
        (b"GET / HTTP/1.1\r\n" + END, 404),
        (b"GET /%00%0d%0a HTTP/1.1\r\n" + END, 404),
        (b"GET /../../etc/passwd HTTP/1.1\r\n" + END, 404),
        (b"GET http://[ HTTP/1.1\r\n" + END, 404),
        (b"GET ?x HTTP/1.1\r\n" + END, 404),
        (b"OPTIONS * HTTP/1.1\r\n" + END, 404),
        (b"PUT /api/v1/stats/ HTTP/1.1\r\n" + END, 405),
        (b"BREW /api/v1/stats/x HTTP/1.1\r\n" + END, 405),
        (b"BREW /docs HTTP/1.1\r\n" + END, 405),
        (b"BREW /nothing HTTP/1.1\r\n" + END, 404),
        (b"GET /a\x00b HTTP/1.1\r\n" + END, 400),
        (b"GET /\xff HTTP/1.1\r\n" + END, 400),
        (b"GET /he\x1b[31malth HTTP/1.1\r\n" + END, 400),
        (b"GET / TEA/1.1\r\n" + END, 400),
        (b"\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nno colon\r\n" + END, 400),
        (b"GET /health HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n" + END, 431),
        (b"GET /health?" + b"x" * 70_000 + b" HTTP/1.1\r\n" + END, 431),
        (b"POST /api/v1/stats HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n" + END, 400),
        (b"POST /api/v1/stats HTTP/1.1\r\nContent-Length: -2\r\n" + END, 400),
        (b"POST /api/v1/stats HTTP/1.1\r\nExpect: tea\r\nContent-Length: 2\r\n" + END, 417),
        (b"POST /api/v1/stats HTTP/1.1\r\n" + KEY + b"Transfer-Encoding: chunked\r\n" + END + b"no size\r\n", 400),
        (b"GET /api/v1/client/me HTTP/1.1\r\nX-API-KEY: \xff\xfe\r\n" + END, 403),
    ],
)
def test_what_cannot_be_served_is_answered_in_json(module_service: Service, request_bytes: bytes, status: int) -> None:
    """A status that fits, one sentence, and nothing of the request in it."""
    answered, headers, body = exchange(module_service, request_bytes)
    assert (answered, headers["content-type"]) == (status, "application/json")
    assert body.keys() <= {"message", "Error"}
    assert headers["x-request-id"]
    assert ("allow" in headers) is (status == 405)
    assert module_service.admin.get("/health").status_code == 200


@pytest.mark.parametrize("framing", [b"Content-Length: 99999999999\r\n", b"Content-Length: 70000000\r\n"])
def test_a_body_that_is_too_large_is_refused_before_it_is_sent(module_service: Service, framing: bytes) -> None:
    """413 that names the limit, as soon as its size is known."""
    status, _, body = exchange(module_service, b"POST /api/v1/stats HTTP/1.1\r\n" + KEY + framing + END)
    assert (status, "64 MiB" in body["message"]) == (413, True)


@pytest.mark.parametrize("path", ["/api/v1/stats", f"/api/v1/stats/{uuid.UUID(int=1)}", "/docs", "/health"])
@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_of_a_wrong_method_no_body_is_read(module_service: Service, path: str, coding: str) -> None:
    """405 whatever is sent: that the body could not have been taken is of no interest. The connection stays of use."""
    answer = module_service.admin.put(path, content=gzip.compress(b"[]"), headers={"Content-Encoding": coding})
    assert (answer.status_code, "GET" in answer.headers["Allow"]) == (405, True)
    assert answer.headers["Connection"] == "keep-alive"


def test_a_body_of_unknown_size_is_refused_once_it_is_too_large(tmp_path: Path) -> None:
    """413 for a chunked body too, at the limit of the settings; one just below it is read."""
    with running_service(f"sqlite:///{tmp_path}/stats.sqlite3", tmp_path, MAX_BODY_MB="1") as service:
        megabytes = [b" " * (1 << 20)] * 2
        assert service.admin.post("/api/v1/stats/", content=iter(megabytes)).status_code == 413
        fits = b"[" + b" " * ((1 << 20) - 2) + b"]"
        assert service.admin.post("/api/v1/stats/", content=fits).status_code == 201
        assert service.admin.post("/api/v1/stats/", content=fits + b" ").status_code == 413


def test_a_strangers_body_is_not_read(module_service: Service) -> None:
    """401 while the body is still to come: nobody fills the memory without a token."""
    request = b"POST /api/v1/stats HTTP/1.1\r\nContent-Length: 60000000\r\nHost: stats\r\n\r\n"
    url = httpx.URL(module_service.url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(request)
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("processor", ["risk_averages", "risk_process", "no such one"])
def test_an_old_key_and_a_new_one_tell_of_a_wrong_processor(module_service: Service, processor: str) -> None:
    """The old service's words, under its key and under `message`, for every name that does not begin with the type."""
    query = {"type": "threat", "processor": processor}
    answer = module_service.admin.get("/api/v1/stats/processed/", params=query)
    sentence = f"Processor '{processor}' can not be used with type 'threat'."
    assert (answer.status_code, answer.json()["Error"], answer.json()["message"]) == (400, sentence, sentence)


def test_every_error_of_the_domain_has_a_status() -> None:
    """Only what cannot happen while the service runs is left to be a 500."""
    at_start = {"MigrationsPending", "SettingsError"}
    of_commands = {"MospUnusable", "PeerUnusable"}  # known where their modules were imported
    missing = {kind.__name__ for kind in StatsServiceError.__subclasses__()} - {kind.__name__ for kind in STATUSES}
    assert missing - of_commands == at_start


BROKEN = """
import sys
from service import app, logs, settings
from service.core import clients

async def broken(_token):
    raise RuntimeError("the secret cause")

clients.authenticate = broken
settings = settings.load()
logs.configure(settings)
app.create_app(settings).run(port=int(sys.argv[1]), single_process=True)
"""
"""A service with a fault in it, to see what a fault that nobody foresaw looks like from outside."""


def test_a_fault_of_ours_tells_nothing_and_is_in_the_log(tmp_path: Path, module_service: Service) -> None:
    """500 with the id under which the log has the cause."""
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-c", BROKEN, str(port)]
    environment = module_service.environment | {"LOG_FORMAT": "json"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        answer = _first_answer(f"http://127.0.0.1:{port}/api/v1/client/me")
    finally:
        process.terminate()
        process.wait(30)
    assert answer.status_code == 500
    assert answer.json().keys() == {"message"}
    assert "secret" not in answer.text
    assert answer.headers["X-Request-ID"] in answer.json()["message"]
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    cause = next(line for line in lines if "the secret cause" in line.get("exception", ""))
    assert cause["request"] == answer.headers["X-Request-ID"]


def _first_answer(url: str) -> httpx.Response:
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
