"""The access log: a line for each request, and never what must not be in it."""

import json
from pathlib import Path

from tests.samples import rows
from tests.servers import ADMIN_TOKEN, Service, running_service

ANR = "b4e2a1f0-5c1d-4c43-9a57-0d2f1b6a9c11"


def test_a_line_tells_method_path_status_time_and_account(service: Service) -> None:
    """The query is left out, and so are token and payload."""
    client = service.client('NC3 "quoted" Zürich')
    client.get("/api/v1/stats/", params={"type": "risk", "anrs": ANR}, headers={"X-Request-ID": "night-1"})
    client.post("/api/v1/stats/", json=rows(ANR, "2026-01-31"))
    service.admin.get("/nothing")
    log = service.log()
    line = next(line for line in log.splitlines() if "night-1" in line)
    assert "GET /api/v1/stats 200 " in line
    assert " ms for 'NC3 \"quoted\" Zürich' from 127.0.0.1 " in line
    assert "GET /nothing 404 " in log
    for secret in (ADMIN_TOKEN, client.headers["X-API-KEY"], ANR, "averageRate"):
        assert secret not in log


def test_as_json_a_line_has_fields(tmp_path: Path) -> None:
    """LOG_FORMAT=json, for machines that read logs."""
    with running_service(f"sqlite:///{tmp_path}/stats.sqlite3", tmp_path, LOG_FORMAT="json") as service:
        service.admin.get("/api/v1/client/me?x=1", headers={"X-Request-ID": "night-2"})
        lines = [json.loads(line) for line in service.log().splitlines() if line.startswith("{")]
    line = next(line for line in lines if line.get("request") == "night-2")
    expected = {"method": "GET", "path": "/api/v1/client/me", "status": 400, "account": "admin", "address": "127.0.0.1"}
    assert expected.items() <= line.items()
    assert 0 <= line["ms"] < 10_000


def test_a_line_cannot_be_forged(service: Service) -> None:
    """A path is one line of printable characters, and not endless."""
    service.admin.get("/a%0aGET /forged 200" + "x" * 5_000)
    lines = [line for line in service.log().splitlines() if "/a%0a" in line]
    assert [len(line) < 500 for line in lines] == [True]


def test_a_proxys_word_counts_where_the_settings_say_so(service: Service, tmp_path: Path) -> None:
    """X-Forwarded-For is anybody's to send."""
    stranger = {"X-Forwarded-For": "203.0.113.9", "X-Request-ID": "forwarded"}
    service.admin.get("/about.json", headers=stranger)
    folder = tmp_path / "behind"
    folder.mkdir()
    with running_service(f"sqlite:///{folder}/stats.sqlite3", folder, FIX_PROXY="1") as behind:
        behind.admin.get("/about.json", headers=stranger)
        line = next(line for line in behind.log().splitlines() if "forwarded" in line)
    assert "from 203.0.113.9 " in line
    assert "203.0.113.9" not in service.log()
