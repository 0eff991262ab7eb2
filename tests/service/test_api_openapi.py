"""The documentation: valid, complete, true of what the service answers, and shown without anything from elsewhere."""

import re
import uuid
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import openapi_spec_validator
import pytest

from tests.samples import TYPES, empty, payload, rows
from tests.servers import Service, running_service

METHODS = {"get", "post", "put", "patch", "delete"}
ANR = "b4e2a1f0-5c1d-4c43-9a57-0d2f1b6a9c11"


class Document:
    """The service's description of itself, and what of it is not kept."""

    def __init__(self, service: Service) -> None:
        self.json: dict[str, Any] = service.client_with(None).get("/openapi.json").json()

    @property
    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Method, path and description of all."""
        return [(method, path, each) for path, item in self.json["paths"].items() for method, each in item.items()]

    def check(self, schema: dict[str, Any], value: Any) -> None:
        """Raise `jsonschema.ValidationError` where a value does not keep a schema."""
        whole = schema | {"components": self.json["components"]}
        jsonschema.Draft202012Validator(whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(
            value
        )

    def check_answer(self, path: str, answer: httpx.Response) -> None:
        """The status of an answer is described, and its JSON keeps the schema of it."""
        described = self.json["paths"][path][answer.request.method.lower()]["responses"]
        assert str(answer.status_code) in described, (path, answer.status_code)
        content = described[str(answer.status_code)].get("content")
        if content is None:
            assert answer.content == b""
        else:
            self.check(content["application/json"]["schema"], answer.json())


@pytest.fixture(scope="module")
def document(module_service: Service) -> Document:
    """The document as it is served."""
    return Document(module_service)


def test_the_document_is_valid_openapi(document: Document) -> None:
    """By the validator that others use."""
    openapi_spec_validator.validate(document.json)


def test_every_operation_says_what_a_client_has_to_know(document: Document) -> None:
    """A summary, an id of its own, parameters with descriptions, its errors, and whether it wants a token."""
    ids = [each["operationId"] for _, _, each in document.operations]
    assert len(set(ids)) == len(ids) > 20
    for method, path, each in document.operations:
        assert each["summary"], (method, path)
        assert {"400", "500", "503"} <= each["responses"].keys(), (method, path)
        assert ("security" in each) is ("401" in each["responses"]) is ("403" in each["responses"])
        assert ("426" in each["responses"]) is path.startswith("/api/")
        for parameter in each["parameters"]:
            assert parameter["in"] == "path" or parameter["description"], (method, path, parameter["name"])
        if method in {"get", "delete"}:
            in_query = {p["name"] for p in each["parameters"] if p["in"] == "query"}
            assert bool(in_query) is ("requestBody" in each), (method, path)


def test_what_is_described_is_there_and_nothing_else(document: Document, module_service: Service) -> None:
    """Each method of each path is served, each other one is 405."""
    for path, item in document.json["paths"].items():
        real = re.sub(r"\{\w+\}", str(uuid.uuid4()), path)
        for method in METHODS:
            status = module_service.client_with(None).request(method, real).status_code
            assert (status == 405) is (method not in item), (method, path, status)
            assert status != 404


def test_examples_keep_their_schemas(document: Document) -> None:
    """Those of requests and of answers."""
    checked = 0
    for _, _, each in document.operations:
        contents = [answer.get("content") for answer in each["responses"].values()]
        for content in [*contents, each.get("requestBody", {}).get("content")]:
            for described in (content or {}).values():
                if "example" in described:
                    document.check(described["schema"], described["example"])
                    checked += 1
    assert checked > 15


def test_the_example_of_a_batch_is_taken(document: Document, module_service: Service) -> None:
    """All five rows of it."""
    content = document.json["paths"]["/api/v1/stats"]["post"]["requestBody"]["content"]["application/json"]
    answer = module_service.client(f"example {uuid.uuid4()}").post("/api/v1/stats", json=content["example"])
    assert (answer.status_code, answer.json()["metadata"]["count"]) == (201, "5")


def test_rows_keep_their_schema(document: Document) -> None:
    """With real payloads and empty ones of all types; with no type's data they do not."""
    body = document.json["paths"]["/api/v1/stats"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    for kind in TYPES:
        row = {"anr": ANR, "type": kind, "date": "2026-01-31"}
        for data in (*(payload(kind, variant) for variant in range(5)), empty(kind)):
            document.check(schema, [row | {"data": data}])
        with pytest.raises(jsonschema.ValidationError):
            document.check(schema, [row | {"data": {"risks": 7}}])


def test_a_body_may_be_written_as_php_writes_it(document: Document, module_service: Service) -> None:
    """Numbers and booleans as text, lists as objects, null for nothing: what is taken is described, the rest is not."""
    schema = {"$ref": "#/components/schemas/RowsWanted"}
    for more in (
        {"get_last": "1", "limit": "10", "anrs": {"0": ANR}, "anr": None},
        {"get_last": 0, "limit": None, "anrs": [ANR], "date_to": None},
    ):
        document.check(schema, {"type": "risk"} | more)
        assert module_service.admin.request("GET", "/api/v1/stats", json={"type": "risk"} | more).status_code == 200
    for wrong in ({"get_last": "perhaps"}, {"limit": "many"}, {"anrs": {"first": ANR}}, {"type": None}, {"foo": 1}):
        with pytest.raises(jsonschema.ValidationError):
            document.check(schema, {"type": "risk"} | wrong)
        assert module_service.admin.request("GET", "/api/v1/stats", json={"type": "risk"} | wrong).status_code == 400


def test_answers_are_as_described(document: Document, module_service: Service) -> None:
    """Good ones and refusals of every kind that can be had."""
    admin, client = module_service.admin, module_service.client(f"described {uuid.uuid4()}")
    old, nobody = {"User-Agent": "MONARC/2.0.0"}, module_service.client_with(None)
    made = admin.post("/api/v1/client", json={"name": f"made {uuid.uuid4()}"})
    number = made.json()["uuid"]
    one = f"/api/v1/client/{number}"
    chart = {"type": "risk", "processor": "risk_averages", "date_from": "2026-01-01", "date_to": "2026-12-31"}
    batch = rows(ANR, "2026-01-31")
    stored = client.post("/api/v1/stats", json=batch)
    tag = {"If-None-Match": client.get("/api/v1/stats/processed", params=chart).headers["ETag"]}
    one_path, row_path = "/api/v1/client/{uuid}", "/api/v1/stats/{anr}"
    for path, answer in [
        ("/api/v1/client", made),
        ("/api/v1/client", admin.post("/api/v1/client", json={"name": made.json()["name"]})),
        ("/api/v1/client", admin.post("/api/v1/client", json={})),
        ("/api/v1/client", admin.get("/api/v1/client")),
        ("/api/v1/client", client.get("/api/v1/client")),
        ("/api/v1/sharing", admin.get("/api/v1/sharing")),
        ("/api/v1/client/me", client.get("/api/v1/client/me")),
        ("/api/v1/client/me", client.patch("/api/v1/client/me", json={"is_sharing_enabled": True})),
        ("/api/v1/client/me", nobody.get("/api/v1/client/me")),
        ("/api/v1/client/me", client.get("/api/v1/client/me", headers=old)),
        (one_path, admin.get(one)),
        (one_path, admin.patch(one, json={"latitude": 1, "longitude": 2})),
        (one_path, admin.get(f"/api/v1/client/{uuid.uuid4()}")),
        (f"{one_path}/token", admin.post(f"{one}/token")),
        (
            "/admin/client_sharing_activate.json/{uuid}",
            admin.post(f"/admin/client_sharing_activate.json/{number}"),
        ),
        (one_path, admin.delete(one)),
        ("/api/v1/stats", stored),
        ("/api/v1/stats", client.post("/api/v1/stats", json=[*batch, {}])),
        ("/api/v1/stats", client.post("/api/v1/stats", json=[{}])),
        ("/api/v1/stats", client.post("/api/v1/stats", json={})),
        ("/api/v1/stats", client.get("/api/v1/stats?type=risk&date_from=2026-01-01")),
        (row_path, client.get(f"/api/v1/stats/{ANR}")),
        (row_path, client.get("/api/v1/stats/none")),
        ("/api/v1/stats/processed", client.get("/api/v1/stats/processed", params=chart)),
        ("/api/v1/stats/processed", client.get("/api/v1/stats/processed", params=chart, headers=tag)),
        ("/api/v1/stats/processed", client.get("/api/v1/stats/processed")),
        ("/api/v1/stats/processed/list", nobody.get("/api/v1/stats/processed/list")),
        *((path, nobody.get(path)) for path in document.json["paths"] if path.endswith((".json", "/health", "/ready"))),
        (row_path, client.delete(f"/api/v1/stats/{ANR}")),
    ]:
        document.check_answer(path, answer)


@pytest.mark.parametrize("kind", ["threats", "vulnerabilities", "risks", "cartography", "compliance"])
def test_charts_are_as_described(document: Document, service: Service, kind: str) -> None:
    """With data in them, by the schema that the processor's own types make."""
    service.admin.post("/api/v1/stats", json=rows(ANR, "2026-01-31")).raise_for_status()
    answer = service.client_with(None).get(f"/stats/{kind}.json?days=36000")
    assert answer.json() != []
    document.check_answer(f"/stats/{kind}.json", answer)


@pytest.mark.parametrize("prefix", ["", "/dashboard"])
def test_the_page_loads_nothing_from_elsewhere(tmp_path: Any, prefix: str) -> None:
    """All that it names is served here, under the prefix, and a policy forbids the rest."""
    with running_service(f"sqlite:///{tmp_path}/stats.sqlite3", tmp_path, SCRIPT_NAME=prefix) as service:
        client = service.client_with(None)
        page = client.get(f"{prefix}/docs/")
        assert page.headers["Content-Type"].startswith("text/html")
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        named = re.findall(r'(?:src|href|data-document)="([^"]+)"', page.text)
        assert len(named) == 5
        for path in named:
            assert path.startswith(f"{prefix}/")
            assert client.get(path).status_code == 200, path
        assert client.get(f"{prefix}/openapi.json").json()["servers"] == [{"url": prefix or "/"}]
