"""Who may do what to whose: each route, asked by everybody there is about an account and an analysis of somebody.

`TABLE` has a line for each route that the application has, wherever it was added. One without a line there fails the
first test.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import msgspec
import pytest

from service.app import create_app
from service.settings import Settings
from tests.samples import payload
from tests.servers import ADMIN_TOKEN, Service

WHO = ("nobody", "bad token", "inactive", "another", "owner", "admin")
DAY = "2026-01-31"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What a request about the owner's account or analysis does, by who sends it.

    `statuses`: in the order of WHO; `sees`: whose answer tells of the owner's; `changes`: whose request changes it.
    """

    statuses: tuple[int, int, int, int, int, int]
    sees: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    query: Mapping[str, str] = {}
    body: Any = None


def public(**more: Any) -> Line:
    """For everybody, and of nobody."""
    return Line(statuses=(200,) * 6, **more)


def for_admins(status: int, *, sees: bool = False, changes: bool = False, body: Any = None) -> Line:
    """For admins only."""
    admin = frozenset({"admin"})
    no = frozenset[str]()
    statuses = (401, 403, 403, 403, 403, status)
    return Line(statuses=statuses, sees=admin if sees else no, changes=admin if changes else no, body=body)


def for_accounts(another: int, owner: int, admin: int, *, sees: str = "", changes: str = "", **more: Any) -> Line:
    """For all who have a token."""
    statuses = (401, 403, 403, another, owner, admin)
    return Line(statuses=statuses, sees=frozenset(sees.split()), changes=frozenset(changes.split()), **more)


ROW = {"uuid": "ROW", "anr": "ANR", "type": "threat", "date": DAY, "data": []}
"""The owner's row again, with other data."""

CHART = {"type": "threat", "processor": "threat_average_on_date", "date_from": DAY, "anrs": "ANR"}

TABLE = {
    "GET /api/v1/client/me": for_accounts(200, 200, 200, sees="owner"),
    "PATCH /api/v1/client/me": for_accounts(
        *(201, 201, 201), sees="owner", changes="owner", body={"is_sharing_enabled": False}
    ),
    "GET /api/v1/client": for_admins(200, sees=True),
    "POST /api/v1/client": for_admins(304, body={"name": "NAME", "is_sharing_enabled": False}),
    "GET /api/v1/client/{uuid}": for_admins(200, sees=True),
    "PATCH /api/v1/client/{uuid}": for_admins(200, sees=True, changes=True, body={"latitude": 1, "longitude": 2}),
    "POST /api/v1/client/{uuid}/token": for_admins(201, sees=True, changes=True),
    "DELETE /api/v1/client/{uuid}": for_admins(204, changes=True),
    "POST /admin/client_sharing_activate.json/{uuid}": for_admins(200),
    "POST /admin/client_sharing_deactivate.json/{uuid}": for_admins(200, changes=True),
    # Whoever is refused is told of the row that they sent, not of the one that is there.
    "POST /api/v1/stats": for_accounts(400, 201, 400, sees="another owner admin", changes="owner", body=[ROW]),
    "GET /api/v1/stats": for_accounts(200, 200, 200, sees="owner admin", query={"type": "threat", "get_last": "1"}),
    "GET /api/v1/stats/{anr}": for_accounts(200, 200, 200, sees="owner admin"),
    "DELETE /api/v1/stats/{anr}": for_accounts(204, 204, 204, changes="owner admin"),
    "GET /api/v1/stats/processed": for_accounts(200, 200, 200, sees="owner admin", query=CHART),
    "GET /api/v1/sharing": for_admins(200),
    **dict.fromkeys(
        (
            *("GET /api/v1/stats/processed/list", "GET /map/clients.json", "GET /about.json"),
            *("GET /stats/threats.json", "GET /stats/vulnerabilities.json", "GET /stats/risks.json"),
            *("GET /stats/cartography.json", "GET /stats/compliance.json"),
            *("GET /health", "GET /ready", "GET /metrics", "GET /openapi.json", "GET /docs", "GET /docs/start.js"),
            *("GET /docs/swagger-ui-bundle.js", "GET /docs/swagger-ui.css", "GET /docs/favicon-32x32.png"),
        ),
        public(),
    ),
}


class Asking:
    """Requests with any token or none, through one client: to make clients takes longer than to ask."""

    def __init__(self, service: Service) -> None:
        self._client = service.client_with(None)

    def __call__(self, token: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer to somebody's request."""
        return self._client.request(method, path, headers={"X-API-KEY": token} if token else {}, **more)


class Owner:
    """An account, an analysis with a row, and what tells of them."""

    def __init__(self, ask: Asking) -> None:
        self.ask = ask
        self.name = f"owner {uuid.uuid4()}"
        self.anr = str(uuid.uuid4())
        self.label = f"label {uuid.uuid4()}"
        made = ask(ADMIN_TOKEN, "POST", "/api/v1/client", json={"name": self.name}).json()
        self.uuid: str = made["uuid"]
        self.token: str = made["token"]
        row = {"anr": self.anr, "type": "threat", "date": DAY, "data": [dict(payload("threat")[0], label1=self.label)]}
        self.row = ask(self.token, "POST", "/api/v1/stats", json=[row]).json()["data"][0]["uuid"]

    def filled(self, text: str) -> str:
        """A text of the table with what is the owner's."""
        known = {"{uuid}": self.uuid, "{anr}": self.anr, "ANR": self.anr, "ROW": self.row, "NAME": self.name}
        for hole, value in known.items():
            text = text.replace(hole, value)
        return text

    def seen_in(self, answer: httpx.Response, *, public: bool) -> bool:
        """Whether the answer tells of the owner. (That there is such a threat somewhere, public charts may say.)"""
        marks = [self.name, self.anr, self.uuid, self.row] + ([] if public else [self.label])
        return any(mark in answer.text for mark in marks)

    def state(self) -> Any:
        """All there is of the account but when it was last heard of, its token's power included."""
        account = self.ask(ADMIN_TOKEN, "GET", f"/api/v1/client/{self.uuid}").json()
        kept = {name: value for name, value in account.items() if name not in {"last_seen", "activity", "updated_at"}}
        rows = self.ask(ADMIN_TOKEN, "GET", f"/api/v1/stats/{self.anr}").json()
        return kept, rows, self.ask(self.token, "GET", "/api/v1/client/me").status_code

    def token_of(self, who: str) -> str | None:
        """What somebody presents."""
        if who not in {"another", "inactive"}:
            return {"owner": self.token, "admin": ADMIN_TOKEN, "bad token": "no token of anybody's"}.get(who)
        other = Owner(self.ask)
        if who == "inactive":
            path = f"/api/v1/client/{other.uuid}"
            self.ask(ADMIN_TOKEN, "PATCH", path, json={"is_active": False}).raise_for_status()
        return other.token


@pytest.fixture(scope="module")
def ask(abused: Service) -> Asking:
    """A way to ask the service."""
    return Asking(abused)


def routed() -> Iterator[str]:
    """All that the application's router has a handler for. HEAD goes with GET, and what answers the methods that a path
    has not is for `test_api_openapi`."""
    for route in create_app(Settings()).router.routes:
        if route.handler.__qualname__ != "_other_methods.<locals>.answer":
            path = re.sub(r"<(\w+)[^>]*>", r"{\1}", f"/{route.path}")
            methods = set(route.methods)
            yield from (f"{method} {path}" for method in (methods - {"HEAD"} if "GET" in methods else methods))


def test_every_route_has_its_line() -> None:
    """And no line is of a route that is gone."""
    assert sorted(routed()) == sorted(TABLE)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("route", TABLE)
def test_everybody_does_what_they_may(ask: Asking, route: str, who: str) -> None:
    """The status of the table; nothing foreign in the answer; nothing foreign changed or deleted."""
    line = TABLE[route]
    owner = Owner(ask)
    token = owner.token_of(who)
    before = owner.state()
    method, path = route.split()
    body = None if line.body is None else msgspec.json.decode(owner.filled(msgspec.json.encode(line.body).decode()))
    query = {name: owner.filled(value) for name, value in line.query.items()}
    answer = ask(token, method, owner.filled(path), params=query, json=body)
    assert answer.status_code == line.statuses[WHO.index(who)], answer.text
    assert owner.seen_in(answer, public=line == public()) is (who in line.sees), answer.text
    assert (owner.state() != before) is (who in line.changes)


@pytest.mark.parametrize("route", [route for route in TABLE if route.startswith("GET ")])
def test_head_opens_nothing_that_get_does_not(ask: Asking, route: str) -> None:
    """The same status without a token, and no body."""
    answer = ask(None, "HEAD", Owner(ask).filled(route.removeprefix("GET ")))
    assert (answer.status_code, answer.content) == (TABLE[route].statuses[0], b"")
