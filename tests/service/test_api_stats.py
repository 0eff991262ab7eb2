"""Rows over HTTP: a batch in, the same rows out, and who reaches which."""

import datetime as dt
import json
import uuid
from typing import Any

import httpx
import pytest

from service.core.periods import months_before
from tests.samples import TYPES, payload, php, rows
from tests.servers import Service

ROWS = "/api/v1/stats/"
DAY = "2026-01-31"


def fresh() -> str:
    """An analysis that nobody has sent yet."""
    return str(uuid.uuid4())


@pytest.fixture
def client(module_service: Service) -> httpx.Client:
    """A Front Office's client, its account new."""
    return module_service.client(f"FO {uuid.uuid4()}")


def row(anr: str, stat_type: str = "risk", date: str = DAY, variant: int = 0, **more: Any) -> dict[str, Any]:
    """A row to send."""
    return {"anr": anr, "type": stat_type, "date": date, "data": payload(stat_type, variant)} | more


def found(client: httpx.Client, **wanted: Any) -> list[dict[str, Any]]:
    """The rows that a GET with a JSON body gives, as a Front Office asks for them."""
    answer = client.request("GET", ROWS, json={"type": "risk", "date_from": "2020-01-01"} | wanted)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def test_a_batch_is_answered_with_its_rows(client: httpx.Client) -> None:
    """201; `metadata` holds text; each row is there as sent, with a uuid that the service made."""
    sent = rows(fresh(), DAY)
    answer = client.post(ROWS, json=sent)
    assert answer.status_code == 201
    assert answer.json()["metadata"] == {"count": "5", "offset": "0", "limit": "0"}
    stored = answer.json()["data"]
    assert [{key: value for key, value in each.items() if key != "uuid"} for each in stored] == sent
    assert len({uuid.UUID(each["uuid"]) for each in stored}) == 5


def test_an_empty_batch_is_stored(client: httpx.Client) -> None:
    """201 with count "0"."""
    answer = client.post(ROWS, content=b"[]")
    assert (answer.status_code, answer.json()) == (
        201,
        {"metadata": {"count": "0", "offset": "0", "limit": "0"}, "data": []},
    )


@pytest.mark.parametrize("stat_type", TYPES)
@pytest.mark.parametrize("escape", [True, False])
def test_data_comes_back_byte_for_byte(client: httpx.Client, stat_type: str, escape: bool) -> None:  # noqa: FBT001
    """PHP's spelling of JSON (escapes, number forms, order of names) is in the answer and in what is read later."""
    anr = fresh()
    data = php(payload(stat_type), escape=escape)
    body = b'[{"anr":"%b","type":"%b","date":"%b","data":%b}]' % (anr.encode(), stat_type.encode(), DAY.encode(), data)
    assert b'"data":' + data + b"}" in client.post(ROWS, content=body).content
    for answer in (
        client.request("GET", ROWS, json={"type": stat_type, "anrs": [anr], "get_last": 1}),
        client.get(f"{ROWS}{anr}"),
    ):
        assert b'"data":' + data + b"}" in answer.content
        answer.json()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"])
def test_a_json_body_is_one_whatever_its_content_type_says(client: httpx.Client, content_type: str) -> None:
    """Posts and GETs alike."""
    anr = fresh()
    headers = {"Content-Type": content_type}
    assert client.post(ROWS, content=json.dumps([row(anr)]), headers=headers).status_code == 201
    wanted = json.dumps({"type": "risk", "anrs": [anr], "get_last": 1})
    answer = client.request("GET", ROWS, content=wanted, headers=headers)
    assert answer.json()["metadata"]["count"] == "1"


def test_collecting_twice_on_a_day_replaces(client: httpx.Client) -> None:
    """201 again; the row keeps its uuid and has the new data."""
    anr = fresh()
    first = client.post(ROWS, json=[row(anr, variant=1)]).json()["data"][0]
    answer = client.post(ROWS, json=[row(anr, variant=2)])
    assert answer.status_code == 201
    assert found(client, anrs=[anr]) == [first | {"data": payload("risk", 2)}]


def test_of_rows_of_one_day_in_a_batch_the_last_good_one_is_stored(client: httpx.Client) -> None:
    """What is refused takes no good row's place: not for its data, and not for a uuid that is another row's."""
    anr, other = fresh(), fresh()
    taken = client.post(ROWS, json=[row(other)]).json()["data"][0]["uuid"]
    batch = [row(anr), row(anr, variant=1), row(anr) | {"data": []}, row(anr, variant=2, uuid=taken)]
    answer = client.post(ROWS, json=batch)
    assert answer.status_code == 207
    assert [error["index"] for error in answer.json()["errors"]] == [2, 3]
    assert [each["data"] for each in answer.json()["data"]] == [payload("risk", 1)]
    assert [each["data"] for each in found(client, anrs=[anr])] == [payload("risk", 1)]


def test_a_row_that_comes_with_its_uuid_keeps_it(client: httpx.Client) -> None:
    """As another Stats Service pushes it; sent again with the same uuid it replaces."""
    anr, number = fresh(), str(uuid.uuid4())
    for variant in (1, 2):
        answer = client.post(ROWS, json=[row(anr, variant=variant, uuid=number)])
        assert (answer.status_code, answer.json()["data"][0]["uuid"]) == (201, number)
    assert [each["data"] for each in found(client, anrs=[anr])] == [payload("risk", 2)]


def test_good_rows_are_kept_where_others_are_refused(client: httpx.Client, module_service: Service) -> None:
    """207 that says of each refused row its place, what it was and why: a bad field, bad data, another's uuid."""
    taken = module_service.client(f"other {uuid.uuid4()}").post(ROWS, json=[row(fresh())]).json()["data"][0]["uuid"]
    anr = fresh()
    batch = [
        row(anr),
        row("none"),
        row(anr, "threat") | {"data": [{"uuid": "x"}]},
        row(anr, date="2026-01-30", uuid=taken),
        row(anr, "vulnerability"),
    ]
    answer = client.post(ROWS, json=batch)
    assert (answer.status_code, answer.json()["metadata"]["count"]) == (207, "2")
    assert [each["type"] for each in answer.json()["data"]] == ["risk", "vulnerability"]
    errors = answer.json()["errors"]
    assert [each["index"] for each in errors] == [1, 2, 3]
    assert "anr" in errors[0]["message"]
    assert "data" in errors[1]["message"]
    assert errors[2]["uuid"] == taken
    assert [each["anr"] for each in errors] == [None, anr, anr]
    assert len(client.get(f"{ROWS}{anr}").json()) == 2


def test_what_is_wrong_with_a_row_is_said_of_it_alone(client: httpx.Client) -> None:
    """A field is judged by what it holds itself, whatever `data` holds; a name stands once; a stranger's is shortened;
    and half a character in one row keeps no other out."""
    anr = fresh()
    start = f'{{"anr":"{anr}","type":"threat","date":"{DAY}","data":'
    texts = {
        start + "[]}": None,
        start.replace("threat", "risk") + '"risk"}': "data must be an object",
        start + "2}": "data must be a list",
        start.replace("{", '{"uuid":[],', 1) + "[]}": "uuid: must be a UUID",
        start + '[],"data" : []}': '"data" stands twice',
        start + r'[],"\u0061nr":"x"}': '"anr" stands twice',
        start + '[],"' + "x" * 9_999 + r'\n":1}': "xxx...",
        start + r'[{"label1":"\ud800"}]}': "half a surrogate pair",
        start.replace(DAY, r"\udc00") + "[]}": "half a surrogate pair",
        '{"anr":"' + anr + r'","type":"vulnerability","date":"2026-01-30","data":[],"\ud83d\ude00":1}': r"\ud83d\ude00",
    }
    answer = client.post(ROWS, content="[" + ",".join(texts) + "]")
    assert (answer.status_code, answer.json()["metadata"]["count"]) == (207, "1"), answer.text
    errors = answer.json()["errors"]
    assert [each["index"] for each in errors] == list(range(1, len(texts)))
    for error, said in zip(errors, list(texts.values())[1:], strict=True):
        assert said is not None
        assert said in error["message"]
        assert len(error["message"]) < 250
        assert error["anr"] in {anr, None}


def test_a_batch_without_a_good_row_is_refused_as_a_whole(client: httpx.Client) -> None:
    """400 with the same `errors`, and a message for the Front Office's log."""
    answer = client.post(ROWS, json=[row("none"), row(fresh(), "unknown"), 7])
    assert answer.status_code == 400
    assert [each["index"] for each in answer.json()["errors"]] == [0, 1, 2]
    assert answer.json()["message"]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"7", b"null", b"[", b"\xff", b"\xef\xbb\xbf[]", b"[" * 100_000, b'["\\ud800"]']
)
def test_a_body_that_is_no_array_of_rows_is_refused(client: httpx.Client, body: bytes) -> None:
    """400 with a message."""
    answer = client.post(ROWS, content=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"]


def test_rows_come_by_date_then_analysis_and_in_pages(client: httpx.Client) -> None:
    """`offset` works without `limit`; `count` is of all that match; numbers may come as text."""
    first, second = sorted((fresh(), fresh()))
    days = ["2026-01-29", "2026-01-30"]
    client.post(ROWS, json=[row(anr, date=day) for anr in (second, first) for day in days]).raise_for_status()
    places = [(each["date"], each["anr"]) for each in found(client)]
    assert places == [(days[0], first), (days[0], second), (days[1], first), (days[1], second)]
    for page, expected in (({"offset": "1"}, places[1:]), ({"offset": 1, "limit": "2"}, places[1:3])):
        answer = client.request("GET", ROWS, json={"type": "risk", "date_from": "2020-01-01"} | page)
        assert [(each["date"], each["anr"]) for each in answer.json()["data"]] == expected
        metadata = {"count": "4", "offset": "1", "limit": str(page.get("limit", 0))}
        assert answer.json()["metadata"] == metadata


def test_an_admins_pages_are_in_order_too(module_service: Service) -> None:
    """Rows of one day and analysis come by account, whichever posted first: each is on one page."""
    names = [f"FO {uuid.uuid4()}" for _ in range(3)]
    offices = [module_service.client(name) for name in names]
    anr = fresh()
    for variant, office in reversed(list(enumerate(offices))):
        office.post(ROWS, json=[row(anr, variant=variant)]).raise_for_status()
    pages = [found(module_service.admin, anr=anr, offset=place, limit=1) for place in range(3)]
    assert [page[0]["data"] for page in pages] == [payload("risk", variant) for variant in range(3)]


def test_dates_are_inclusive_and_default_to_three_months(client: httpx.Client) -> None:
    """Both ends count; what is years old is not there unless it is asked for."""
    anr = fresh()
    days = ["2020-05-01", "2020-05-02", "2020-05-03"]
    client.post(ROWS, json=[row(anr, date=day) for day in days]).raise_for_status()
    assert [r["date"] for r in found(client, date_from=days[1], date_to=days[2])] == days[1:]
    assert [r["date"] for r in found(client, date_from=days[1], date_to=days[1])] == days[1:2]
    assert client.get(ROWS, params={"type": "risk"}).json()["data"] == []
    assert [r["date"] for r in found(client, date_from=None, date_to=days[1])] == days[:2]


def test_without_dates_the_last_three_months_up_to_today_are_meant(client: httpx.Client) -> None:
    """Of rows and of charts alike: no row of tomorrow, and none of a day more than three months ago."""
    anr, today = fresh(), dt.datetime.now(dt.UTC).date()
    first = months_before(today, 3)
    days = [today - dt.timedelta(days=123), first - dt.timedelta(days=1), first, today, today + dt.timedelta(days=1)]
    client.post(ROWS, json=[row(anr, date=str(day)) for day in days]).raise_for_status()
    meant = [str(first), str(today)]
    assert [each["date"] for each in found(client, date_from=None)] == meant
    asked = {"type": "risk", "processor": "risk_averages_on_date", "anrs": [anr]}
    drawn = client.request("GET", f"{ROWS}processed/", json=asked).json()["data"]
    leaves = [leaf for kinds in drawn.values() for levels in kinds.values() for leaf in levels.values()]
    assert [[value["date"] for value in leaf] for leaf in leaves] == [meant] * 12


def test_the_newest_row_of_each_analysis(client: httpx.Client) -> None:
    """With `get_last` neither dates nor pages count, and `metadata` is count, "0", "0"."""
    old, new = fresh(), fresh()
    client.post(
        ROWS, json=[row(old, date="2020-05-01"), row(new, date="2020-05-01"), row(new, date="2020-05-02")]
    ).raise_for_status()
    for more in ({"date_from": "2026-01-01"}, {"offset": 1}, {"limit": "1"}):
        answer = client.request("GET", ROWS, json={"type": "risk", "get_last": "1"} | more)
        assert {each["anr"]: each["date"] for each in answer.json()["data"]} == {old: "2020-05-01", new: "2020-05-02"}
        assert answer.json()["metadata"] == {"count": "2", "offset": "0", "limit": "0"}


def test_filters_by_analysis(client: httpx.Client) -> None:
    """`anrs` as list or, from PHP, as object; `anr` filters too; both together leave what is in both."""
    one, two, three = fresh(), fresh(), fresh()
    client.post(ROWS, json=[row(anr) for anr in (one, two, three)]).raise_for_status()

    def chosen(**wanted: Any) -> set[str]:
        return {each["anr"] for each in found(client, **wanted)}

    assert chosen(anrs=[one, two]) == {one, two}
    assert chosen(anrs={"0": one, "2": three}) == {one, three}
    assert chosen(anrs=[]) == chosen(anrs=None) == {one, two, three}
    assert chosen(anr=one, group_by_anr=1) == {one}
    assert chosen(anr=one, anrs=[one, two]) == {one}
    assert chosen(anr=one, anrs=[two]) == set()


def test_an_account_reaches_its_own_rows_only(module_service: Service) -> None:
    """Reading, listing and deleting another's analysis finds nothing; an admin reaches both."""
    mine, other = (module_service.client(f"FO {uuid.uuid4()}") for _ in range(2))
    anr = fresh()
    mine.post(ROWS, json=[row(anr)]).raise_for_status()
    other.post(ROWS, json=[row(anr, variant=1)]).raise_for_status()
    for client, variants in ((mine, [0]), (other, [1])):
        expected = [payload("risk", variant) for variant in variants]
        assert [r["data"] for r in found(client, anrs=[anr])] == expected
        assert [r["data"] for r in client.get(f"{ROWS}{anr}").json()] == expected
    assert len(found(module_service.admin, anrs=[anr])) == 2
    assert mine.delete(f"{ROWS}{anr}").status_code == 204
    assert (len(found(mine, anrs=[anr])), len(found(other, anrs=[anr]))) == (0, 1)
    assert module_service.admin.delete(f"{ROWS}{anr}").status_code == 204
    assert found(other, anrs=[anr]) == []


def test_deleting_what_is_not_there_is_204_too(client: httpx.Client) -> None:
    """And an analysis that is no UUID is 400, for reading and deleting."""
    assert client.delete(f"{ROWS}{fresh()}").status_code == 204
    assert client.get(f"{ROWS}{fresh()}").json() == []
    for method in ("GET", "DELETE"):
        answer = client.request(method, f"{ROWS}none")
        assert (answer.status_code, "anr" in answer.json()["errors"]) == (400, True)


def test_a_large_batch_and_a_large_answer_are_whole(client: httpx.Client) -> None:
    """Several megabytes, sent in pieces with their size announced."""
    batch = [row(fresh(), "compliance", variant=number) for number in range(150)]
    answer = client.post(ROWS, json=batch)
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert len(answer.content) > 3 << 20
    assert [each["data"] for each in answer.json()["data"]] == [each["data"] for each in batch]
    got = client.request("GET", ROWS, json={"type": "compliance", "date_from": DAY})
    assert got.headers["Content-Length"] == str(len(got.content))
    by_anr = {each["anr"]: each["data"] for each in got.json()["data"]}
    assert by_anr == {each["anr"]: each["data"] for each in batch}
    head = client.head(f"{ROWS}?type=compliance&date_from={DAY}")
    assert (head.headers["Content-Length"], head.content) == (got.headers["Content-Length"], b"")
