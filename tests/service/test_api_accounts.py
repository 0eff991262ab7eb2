"""Accounts over HTTP: one's own, those that admins make and change, and who may do what."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.samples import rows
from tests.servers import ADMIN_TOKEN, Service, running_service

ANR = "b4e2a1f0-5c1d-4c43-9a57-0d2f1b6a9c11"


def unique(name: str) -> str:
    """A name that no other test of the module has taken."""
    return f"{name} {uuid.uuid4().hex[:8]}"


def made(service: Service, **fields: Any) -> dict[str, Any]:
    """A new account, as the admin who made it saw it."""
    answer = service.admin.post("/api/v1/client/", json={"name": unique("made")} | fields)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_me_echoes_the_token_that_was_presented(module_service: Service) -> None:
    """A Front Office checks that `token` is its own key; `role` is text."""
    name = unique("NC3")
    client = module_service.client(name)
    assert client.get("/api/v1/client/me").json() == {
        "name": name,
        "token": client.headers["X-API-KEY"],
        "role": "1",
        "is_sharing_enabled": True,
    }


def test_the_admin_of_the_settings_is_made_at_the_start(module_service: Service) -> None:
    """ADMIN_TOKEN makes an admin account called admin."""
    me = module_service.admin.get("/api/v1/client/me").json()
    assert (me["name"], me["token"], me["role"]) == ("admin", ADMIN_TOKEN, "2")


@pytest.mark.parametrize("sent", [False, 0, "0", "false", "False"])
def test_an_account_turns_its_sharing_off_and_on(module_service: Service, sent: object) -> None:
    """PATCH answers 201 and the account, takes booleans as PHP sends them, and what it says holds."""
    client = module_service.client(unique("sharer"))
    answer = client.patch("/api/v1/client/me", json={"is_sharing_enabled": sent})
    assert (answer.status_code, answer.json()["is_sharing_enabled"]) == (201, False)
    assert client.get("/api/v1/client/me").json()["is_sharing_enabled"] is False
    assert client.patch("/api/v1/client/me", json={"is_sharing_enabled": "1"}).json()["is_sharing_enabled"] is True


@pytest.mark.parametrize("body", [{}, [], {"is_sharing_enabled": None}, {"is_sharing_enabled": "maybe"}])
def test_a_patch_without_a_usable_flag_is_refused(module_service: Service, body: object) -> None:
    """400 that names the field where it is missing, null or no boolean."""
    answer = module_service.client(unique("sharer")).patch("/api/v1/client/me", json=body)
    assert answer.status_code == 400
    assert "is_sharing_enabled" in answer.json()["errors"]


def test_an_account_is_made_with_the_token_that_was_asked_for(module_service: Service) -> None:
    """As the ansible role does it: 201 the first time, 304 without a body for the same name or the same token."""
    token = uuid.uuid4().hex
    body = {"name": unique("FO"), "is_sharing_enabled": True, "token": token}
    first = module_service.admin.post("/api/v1/client/", json=body)
    assert first.status_code == 201
    assert first.json()["token"] == token
    assert module_service.client_with(token).get("/api/v1/client/me").json()["name"] == body["name"]
    for again in (body, body | {"name": unique("FO")}, body | {"token": uuid.uuid4().hex}):
        answer = module_service.admin.post("/api/v1/client/", json=again)
        assert (answer.status_code, answer.content) == (304, b"")


def test_a_token_is_made_where_none_is_given(module_service: Service) -> None:
    """86 URL-safe characters: 64 random bytes."""
    assert re.fullmatch("[A-Za-z0-9_-]{86}", made(module_service)["token"])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\tb"}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a", "token": "short"}, "token"),
        ({"name": "a", "token": "sixteen chars é!"}, "token"),
        ({"name": "a", "role": "3"}, "role"),
        ({"name": "a", "uuid": ANR}, "uuid"),
    ],
)
def test_a_bad_account_is_refused_by_field(module_service: Service, fields: dict[str, Any], field: str) -> None:
    """Names, tokens and roles that cannot be are 400, and so are fields that there are not."""
    answer = module_service.admin.post("/api/v1/client/", json=fields)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that takes no accounts over HTTP."""
    folder = tmp_path_factory.mktemp("closed")
    with running_service(f"sqlite:///{folder}/stats.sqlite3", folder, CLIENT_REGISTRATION_OPEN="0") as running:
        yield running


def test_closed_registration_answers_204_and_makes_nothing(closed: Service) -> None:
    """As the old service does, so that its ansible role goes on."""
    answer = closed.admin.post("/api/v1/client/", json={"name": "NC3"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert [each["name"] for each in closed.admin.get("/api/v1/client/").json()["data"]] == ["admin"]


def test_admins_see_all_accounts_and_what_they_sent(service: Service) -> None:
    """By name, with counts of analyses and rows, the newest day and the last post; never a token."""
    client = service.client("NC3")
    client.post("/api/v1/stats/", json=[*rows(ANR, "2026-01-30"), *rows(ANR, "2026-01-31")]).raise_for_status()
    answer = service.admin.get("/api/v1/client/")
    assert answer.json()["metadata"] == {"count": "2", "offset": "0", "limit": "0"}
    nc3, admin = answer.json()["data"]
    assert (nc3["name"], admin["name"]) == ("NC3", "admin")
    sent = {key: value for key, value in nc3["activity"].items() if key != "last_post"}
    assert sent == {"analyses": 1, "rows": 10, "newest_date": "2026-01-31"}
    assert nc3["activity"]["last_post"].endswith("Z")
    assert admin["activity"] == {"analyses": 0, "rows": 0, "newest_date": None, "last_post": None}
    assert "token" not in answer.text
    assert service.admin.get(f"/api/v1/client/{nc3['uuid']}").json() == nc3


def test_an_account_has_the_fields_that_the_dashboard_shows(module_service: Service) -> None:
    """All of them, with UTC times, the role as text and nothing of a token."""
    new = made(module_service, role="2", is_sharing_enabled=False, local=False)
    shown = module_service.admin.get(f"/api/v1/client/{new['uuid']}").json()
    assert {key: value for key, value in shown.items() if key not in {"created_at", "updated_at", "activity"}} == {
        "uuid": new["uuid"],
        "name": new["name"],
        "role": "2",
        "is_sharing_enabled": False,
        "is_active": True,
        "local": False,
        "latitude": None,
        "longitude": None,
        "last_seen": None,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", shown["created_at"])


def test_when_an_account_was_last_seen_outlives_a_stop(service: Service) -> None:
    """It is kept in memory while requests come, and stored at the latest when the service ends."""
    service.client("seen").get("/api/v1/client/me").raise_for_status()
    service.client("unseen")
    assert service.stop() == 0
    service.start()
    accounts = service.client_with(ADMIN_TOKEN).get("/api/v1/client/").json()["data"]
    seen = {each["name"]: each["last_seen"] for each in accounts}
    assert seen["seen"] is not None
    assert seen["unseen"] is None


def test_admins_put_an_account_on_the_map_and_take_it_off(module_service: Service) -> None:
    """Both coordinates together, or null for both."""
    path = f"/api/v1/client/{made(module_service)['uuid']}"
    placed = module_service.admin.patch(path, json={"latitude": 49.61, "longitude": "6.13"})
    assert (placed.status_code, placed.json()["latitude"], placed.json()["longitude"]) == (200, 49.61, 6.13)
    taken = module_service.admin.patch(path, json={"latitude": None, "longitude": None}).json()
    assert (taken["latitude"], taken["longitude"]) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        {"latitude": 49.6},
        {"longitude": 6.1},
        {"latitude": 49.6, "longitude": None},
        {"latitude": 91, "longitude": 0},
        {"latitude": 0, "longitude": -181},
        {"latitude": "nan", "longitude": 0},
        {"latitude": "north", "longitude": 0},
    ],
)
def test_half_or_impossible_coordinates_are_refused(module_service: Service, body: dict[str, Any]) -> None:
    """400, and nothing has moved."""
    path = f"/api/v1/client/{made(module_service)['uuid']}"
    answer = module_service.admin.patch(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"].keys() <= {"latitude", "longitude"}
    assert module_service.admin.get(path).json()["latitude"] is None


def test_a_deactivated_account_stays_out_until_it_is_active_again(module_service: Service) -> None:
    """403 with its token meanwhile."""
    client = module_service.client(name := unique("leaver"))
    found = next(a for a in module_service.admin.get("/api/v1/client/").json()["data"] if a["name"] == name)
    path = f"/api/v1/client/{found['uuid']}"
    assert module_service.admin.patch(path, json={"is_active": False}).json()["is_active"] is False
    assert client.get("/api/v1/client/me").status_code == 403
    module_service.admin.patch(path, json={"is_active": True}).raise_for_status()
    assert client.get("/api/v1/client/me").status_code == 200


def test_a_rotated_token_is_dead_at_once(module_service: Service) -> None:
    """The new one opens, the old one does not."""
    new = made(module_service)
    answer = module_service.admin.post(f"/api/v1/client/{new['uuid']}/token")
    assert (answer.status_code, answer.json()["name"]) == (201, new["name"])
    assert module_service.client_with(answer.json()["token"]).get("/api/v1/client/me").status_code == 200
    assert module_service.client_with(new["token"]).get("/api/v1/client/me").status_code == 403


def test_a_deleted_account_takes_its_rows_along(module_service: Service) -> None:
    """204, then 404; its token opens nothing and its rows are gone for admins too."""
    new = made(module_service)
    client = module_service.client_with(new["token"])
    anr = str(uuid.uuid4())
    client.post("/api/v1/stats/", json=rows(anr, "2026-01-31")).raise_for_status()
    path = f"/api/v1/client/{new['uuid']}"
    assert module_service.admin.delete(path).status_code == 204
    assert module_service.admin.delete(path).status_code == 404
    assert client.get("/api/v1/client/me").status_code == 403
    assert module_service.admin.get(f"/api/v1/stats/{anr}").json() == []


def test_admins_cannot_lock_themselves_out(service: Service) -> None:
    """409 for deleting or deactivating the account that asks."""
    (admin,) = service.admin.get("/api/v1/client/").json()["data"]
    path = f"/api/v1/client/{admin['uuid']}"
    assert service.admin.delete(path).status_code == 409
    assert service.admin.patch(path, json={"is_active": "false"}).status_code == 409
    assert service.admin.get("/api/v1/client/me").status_code == 200


@pytest.mark.parametrize(("word", "after"), [("activate", True), ("deactivate", False)])
def test_the_old_admin_paths_take_post_only(module_service: Service, word: str, after: bool) -> None:  # noqa: FBT001
    """They change state, so a GET is 405 and says what is possible."""
    new = made(module_service, is_sharing_enabled=not after)
    path = f"/admin/client_sharing_{word}.json/{new['uuid']}"
    refused = module_service.admin.get(path)
    assert (refused.status_code, "POST" in refused.headers["Allow"]) == (405, True)
    assert module_service.admin.post(path).json() == {"result": "OK"}
    shown = module_service.admin.get(f"/api/v1/client/{new['uuid']}").json()
    assert shown["is_sharing_enabled"] is after


ADMINS_ONLY = [
    ("GET", "/api/v1/client/"),
    ("POST", "/api/v1/client/"),
    ("GET", f"/api/v1/client/{ANR}"),
    ("PATCH", f"/api/v1/client/{ANR}"),
    ("DELETE", f"/api/v1/client/{ANR}"),
    ("POST", f"/api/v1/client/{ANR}/token"),
    ("POST", f"/admin/client_sharing_activate.json/{ANR}"),
    ("POST", f"/admin/client_sharing_deactivate.json/{ANR}"),
]


@pytest.mark.parametrize(("method", "path"), ADMINS_ONLY)
def test_what_is_for_admins_is_closed_to_others(module_service: Service, method: str, path: str) -> None:
    """401 without a token, 403 with another's or nobody's; both keep the old key beside the message."""
    nobody = module_service.client_with(None).request(method, path)
    assert nobody.status_code == 401
    assert nobody.json()["Error"] == "Unauthorized - Authentication required."
    assert nobody.json()["message"]
    for client in (module_service.client(unique("user")), module_service.client_with("no token of anybody's")):
        refused = client.request(method, path)
        assert refused.status_code == 403
        assert refused.json().keys() == {"Error", "message"}


@pytest.mark.parametrize(("method", "path"), [each for each in ADMINS_ONLY if ANR in each[1]])
def test_an_unknown_account_is_404(module_service: Service, method: str, path: str) -> None:
    """And a path that holds no UUID is 400."""
    body = {"is_active": True} if method == "PATCH" else {}
    answer = module_service.admin.request(method, path, json=body)
    assert (answer.status_code, "message" in answer.json()) == (404, True)
    assert module_service.admin.request(method, path.replace(ANR, "none"), json=body).status_code == 400


def test_an_empty_token_counts_as_none(module_service: Service) -> None:
    """401, as without the header."""
    assert httpx.get(f"{module_service.url}/api/v1/client/me", headers={"X-API-KEY": ""}).status_code == 401
