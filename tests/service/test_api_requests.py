"""How a request may come: where its parameters stand and how they are written, its path, its sender's version."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.samples import rows
from tests.servers import ADMIN_TOKEN, Service, running_service

ROWS = "/api/v1/stats/"
PROCESSED = "/api/v1/stats/processed/"
ONE, TWO = (str(uuid.uuid5(uuid.NAMESPACE_URL, name)) for name in ("one", "two"))


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service under /dashboard, as ansible sets it up, with rows of two analyses."""
    folder = tmp_path_factory.mktemp("prefixed")
    with running_service(f"sqlite:///{folder}/stats.sqlite3", folder, SCRIPT_NAME="/dashboard") as running:
        running.admin.post(ROWS, json=rows(ONE, "2026-01-31") + rows(TWO, "2026-01-31")).raise_for_status()
        yield running


def analyses(answer: httpx.Response) -> set[str]:
    """The analyses in an answer that has to be good."""
    assert answer.status_code == 200, answer.text
    return {each["anr"] for each in answer.json()["data"]}


@pytest.mark.parametrize(
    "query",
    [
        f"anrs={ONE}&anrs={TWO}",
        f"anrs[]={ONE}&anrs[]={TWO}",
        f"anrs[0]={ONE}&anrs[1]={TWO}",
        f"anrs%5B0%5D={ONE}&anrs%5B7%5D={TWO}",
        f"anr=&anrs={ONE}&anrs={TWO}&limit=",
    ],
)
def test_a_list_in_a_query_has_many_forms(prefixed: Service, query: str) -> None:
    """And a parameter with an empty value counts as not given."""
    found = prefixed.admin.get(f"{ROWS}?type=risk&date_from=2026-01-01&{query}")
    assert analyses(found) == {ONE, TWO}
    assert analyses(prefixed.admin.get(f"{ROWS}?type=risk&date_from=2026-01-01&{query}".replace(TWO, ONE))) == {ONE}


def test_a_body_wins_over_the_query(prefixed: Service) -> None:
    """By parameter: what only the query has still counts."""
    answer = prefixed.admin.request("GET", f"{ROWS}?type=threat&get_last=1", json={"type": "risk", "anrs": [ONE]})
    assert [each["type"] for each in answer.json()["data"]] == ["risk"]


@pytest.mark.parametrize("yes", [True, 1, "1", "true", "True"])
@pytest.mark.parametrize("no", [False, 0, "0", "false", None])
def test_booleans_and_nulls_are_taken_as_php_sends_them(prefixed: Service, yes: object, no: object) -> None:
    """As words, digits and JSON's own; null is the default."""
    body = {"type": "risk", "date_from": "2020-01-01", "date_to": "2020-01-02", "offset": None}
    assert analyses(prefixed.admin.request("GET", ROWS, json=body | {"get_last": yes})) == {ONE, TWO}
    assert analyses(prefixed.admin.request("GET", ROWS, json=body | {"get_last": no})) == set()


@pytest.mark.parametrize(
    "given",
    [
        {"json": {"processor_params": {"risks_type": "operational"}}},
        {"json": {"processor_params": '{"risks_type": "operational"}'}},
        {"params": {"processor_params": '{"risks_type": ["operational"]}'}},
        {"params": {"processor_params[risks_type]": "operational"}},
    ],
)
def test_a_processors_parameters_have_many_forms(prefixed: Service, given: dict[str, Any]) -> None:
    """An object, JSON text, or a query with brackets."""
    params = {"type": "risk", "processor": "risk_averages", "date_from": "2026-01-01"} | given.get("params", {})
    answer = prefixed.admin.request("GET", PROCESSED, params=params, json=given.get("json"))
    assert answer.json()["data"]["current"].keys() == {"operational"}, answer.text


@pytest.mark.parametrize("nothing", [[], {}, None, "{}", "[]"])
def test_no_processor_parameters_have_many_forms_too(prefixed: Service, nothing: object) -> None:
    """PHP's empty array is a list."""
    body = {"type": "risk", "processor": "risk_averages", "date_from": "2026-01-01", "processor_params": nothing}
    answer = prefixed.admin.request("GET", PROCESSED, json=body)
    assert answer.json()["data"]["current"].keys() == {"informational", "operational"}, answer.text


@pytest.mark.parametrize("body", [b"", b" \r\n", b"[]", b"{}", b"null"])
def test_an_empty_body_holds_no_parameters(prefixed: Service, body: bytes) -> None:
    """Whatever way it is empty."""
    answer = prefixed.admin.request("GET", f"{ROWS}?type=risk&get_last=1", content=body)
    assert analyses(answer) == {ONE, TWO}
    assert prefixed.admin.request("GET", "/api/v1/client/me", content=body).status_code == 200


@pytest.mark.parametrize(
    ("query", "body", "fields"),
    [
        ("", {}, {"type"}),
        ("", {"type": "risks"}, {"type"}),
        ("", {"type": ["risk"]}, {"type"}),
        ("", {"type": "risk", "anrs": ["x"]}, {"anrs"}),
        ("", {"type": "risk", "anrs": 7}, {"anrs"}),
        ("", {"type": "risk", "anrs": {"first": ONE}}, {"anrs"}),
        ("", {"type": "risk", "date_from": "31.01.2026"}, {"date_from"}),
        ("", {"type": "risk", "date_to": "2026-02-30"}, {"date_to"}),
        ("", {"type": "risk", "limit": -1}, {"limit"}),
        ("", {"type": "risk", "limit": 1.5}, {"limit"}),
        ("", {"type": "risk", "offset": 2**62}, {"offset"}),
        ("", {"type": "risk", "get_last": "perhaps", "limit": "many"}, {"get_last", "limit"}),
        ("", {"type": "risk", "foo": 1, "bar": None}, {"foo", "bar"}),
        ("type=risk&foo=1", None, {"foo"}),
        ("type=risk&foo", None, {"foo"}),
        ("type=risk&foo[bar]=1", None, {"foo[bar]"}),
        ("type=risk&type=threat", None, {"type"}),
        ("type[]=risk", None, {"type"}),
        ("type=risk&limit=1_0", None, {"limit"}),
        ("type=risk&anr=null", None, {"anr"}),
        ("", {"type": "risk", "date_from": "null"}, {"date_from"}),
    ],
)
def test_what_is_wrong_missing_or_unknown_is_named(prefixed: Service, query: str, body: Any, fields: set[str]) -> None:
    """400 with an entry for each such parameter, and a message that names them too."""
    answer = prefixed.admin.request("GET", f"{ROWS}?{query}", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == fields
    assert all(field in answer.json()["message"] for field in fields)


def test_unknown_parameters_are_named_as_the_old_service_named_them(prefixed: Service) -> None:
    """Word for word."""
    answer = prefixed.admin.get(f"{ROWS}?type=risk&foo=1")
    assert answer.json()["message"] == "Unknown arguments: foo"


def test_a_post_takes_nothing_from_its_query(prefixed: Service) -> None:
    """A token there would stand in every log on the way."""
    for path, body in (("/api/v1/client/?token=0123456789abcdef", {"name": "x"}), (f"{ROWS}?type=risk", [])):
        answer = prefixed.admin.post(path, json=body)
        assert (answer.status_code, "query" in str(answer.json()["errors"])) == (400, True)


def test_a_message_repeats_little_of_what_was_sent(prefixed: Service) -> None:
    """A stranger's megabyte does not come back."""
    long = "x" * 1_000_000
    for body in ({"type": long}, {long: 1}, {"type": "risk", "anrs": [long] * 3}, {f"{n}": 1 for n in range(100_000)}):
        answer = prefixed.admin.request("GET", ROWS, json=body)
        assert (answer.status_code, len(answer.content) < 10_000) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        b"7",
        b'"type"',
        b'[{"type": "risk"}]',
        b"{",
        b'{"type": NaN}',
        b"\xef\xbb\xbf{}",
        b'{"type": "risk", "type": "risk"}',
    ],
)
def test_a_body_that_is_no_object_is_refused(prefixed: Service, body: bytes) -> None:
    """400 with a message."""
    answer = prefixed.admin.request("GET", ROWS, content=body)
    assert (answer.status_code, "message" in answer.json()) == (400, True)


@pytest.mark.parametrize("query", ["type=%FF", "anrs=%ED%A0%80", "&" * 12_000])
def test_a_query_that_cannot_be_read_is_refused(prefixed: Service, query: str) -> None:
    """Broken UTF-8, and more parameters than anybody needs."""
    answer = prefixed.admin.get(httpx.URL(prefixed.url, path=ROWS, query=query.encode()))
    assert (answer.status_code, "UTF-8" in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize("prefix", ["", "/", "/dashboard", "//dashboard", "/dashboard/", "//dashboard//"])
@pytest.mark.parametrize("path", ["/api/v1/stats", "/api/v1/stats/", "/api//v1/stats//"])
def test_all_forms_of_a_path_reach_the_same_handler(prefixed: Service, prefix: str, path: str) -> None:
    """With the prefix or without it, slashes doubled or not, one at the end or none; a GET's body arrives with it."""
    body = b'{"type": "risk", "get_last": 1, "anrs": ["%b"]}' % ONE.encode()
    # Not through httpx's own joining of base and path, which would mend the slashes.
    url = httpx.URL(prefixed.url, raw_path=f"{prefix}{path}".encode())
    answer = httpx.request("GET", url, content=body, headers={"X-API-KEY": ADMIN_TOKEN})
    assert analyses(answer) == {ONE}


@pytest.mark.parametrize(
    "path", ["/dashboard", "/dashboard/nothing", "/dashboard/dashboard/health", "/Dashboard/health"]
)
def test_other_paths_are_not_there(prefixed: Service, path: str) -> None:
    """404: the prefix counts once, as it is written."""
    assert prefixed.admin.get(path).status_code == 404


def test_a_prefix_may_be_the_first_part_of_a_path_of_ours(tmp_path: Any) -> None:
    """Under the prefix /stats, /stats/risks.json is still that file."""
    with running_service(f"sqlite:///{tmp_path}/stats.sqlite3", tmp_path, SCRIPT_NAME="/stats") as service:
        for path in ("/stats/risks.json", "/stats/stats/risks.json", "/stats/health", "/health"):
            assert service.admin.get(path).status_code == 200, path


@pytest.mark.parametrize("agent", ["MONARC/2.10.1", "MONARC/2.9.13", "MONARC/2.10", "MONARC/1", "MONARC/2.10.1 (PHP)"])
def test_an_old_monarc_is_told_what_it_needs(prefixed: Service, agent: str) -> None:
    """426, before anything else is looked at."""
    answer = prefixed.client_with(None).get("/api/v1/client/me", headers={"User-Agent": agent})
    assert (answer.status_code, "2.10.2" in answer.json()["message"]) == (426, True)


@pytest.mark.parametrize(
    "agent",
    [
        "MONARC/2.10.2",
        "MONARC/2.13.3-p1",
        "MONARC/dev",
        "MONARC/",
        "MONARC/3",
        "MONARC/v2.9",
        "curl/1.0",
        "GuzzleHttp/7",
        f"MONARC/{'9' * 5000}",
    ],
)
def test_other_versions_and_programs_are_let_through(prefixed: Service, agent: str) -> None:
    """What cannot be read is no reason to refuse."""
    assert prefixed.admin.get("/api/v1/client/me", headers={"User-Agent": agent}).status_code == 200


def test_head_is_get_without_a_body_and_options_tells_the_methods(prefixed: Service) -> None:
    """On every kind of path."""
    got = prefixed.admin.get("/about.json")
    head = prefixed.admin.head("/about.json")
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(got.content)))
    for path, methods in (
        ("/api/v1/stats", {"GET", "HEAD", "POST"}),
        (f"/api/v1/stats/{ONE}", {"GET", "HEAD", "DELETE"}),
    ):
        answer = prefixed.admin.options(path)
        assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (204, methods | {"OPTIONS"})


@pytest.mark.parametrize(
    ("given", "kept"),
    [("night-42.a_B", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("é", False), ("", False)],
)
def test_a_request_has_an_id(prefixed: Service, given: str, kept: bool) -> None:  # noqa: FBT001
    """The client's own where it is a plain word, else one of ours; errors have it too."""
    for path in ("/health", "/nothing"):
        answer = prefixed.admin.get(path, headers=[(b"X-Request-ID", given.encode())])
        assert (answer.headers["X-Request-ID"] == given) is kept
        assert answer.headers["X-Request-ID"].isascii()
