"""Charts over HTTP: what is asked for reaches the processor, and who sees whose rows in it."""

import uuid
from typing import Any

import httpx
import pytest

from tests.naive import NaiveModel
from tests.samples import TYPES, payload
from tests.servers import Service

PROCESSED = "/api/v1/stats/processed/"
DAYS = ["2026-01-30", "2026-01-31", "2026-02-01"]
PROCESSORS = [
    "cartography_average",
    "cartography_average_on_date",
    "compliance_average",
    "compliance_average_on_date",
    "risk_averages",
    "risk_averages_on_date",
    "threat_average_on_date",
    "vulnerability_average_on_date",
]


class Fleet:
    """Two accounts of this house and one of another, each with an analysis of its own, and the same in plain Python."""

    def __init__(self, service: Service) -> None:
        self.admin = service.admin
        self.model = NaiveModel()
        self.clients: dict[str, httpx.Client] = {}
        self.anrs = {name: str(uuid.uuid4()) for name in ("one", "two", "far")}
        for place, (name, anr) in enumerate(self.anrs.items()):
            self.clients[name] = service.client(name, local=name != "far")
            rows = [
                {"anr": anr, "type": kind, "date": day, "data": payload(kind, place * 10 + number)}
                for number, day in enumerate(DAYS)
                for kind in TYPES
            ]
            self.clients[name].post("/api/v1/stats/", json=rows).raise_for_status()
            self.model.post({"client": name, "local": name != "far", **row} for row in rows)

    def asked(self, name: str, processor: str, **more: Any) -> Any:
        """The chart's data as the account gets it, over the days of the fleet."""
        body = {"type": processor.partition("_")[0], "processor": processor, "date_from": DAYS[0], "date_to": DAYS[2]}
        client = self.admin if name == "admin" else self.clients[name]
        answer = client.request("GET", PROCESSED, json=body | more)
        assert answer.status_code == 200, answer.text
        assert answer.json().keys() == {"type", "processor", "data"}
        return answer.json()["data"]


@pytest.fixture(scope="module")
def fleet(module_service: Service) -> Fleet:
    """The accounts and their rows."""
    return Fleet(module_service)


@pytest.mark.parametrize("processor", PROCESSORS)
def test_without_analyses_a_chart_spans_everybodys_rows(fleet: Fleet, processor: str) -> None:
    """For users as for admins: that is what it is for. The figures are the naive model's, to the last bit."""
    expected = fleet.model.chart(processor)
    assert fleet.asked("one", processor) == fleet.asked("admin", processor) == expected
    local = fleet.model.chart(processor, local_only=True)
    assert fleet.asked("two", processor, local_stats_only=1) == local != expected


@pytest.mark.parametrize("processor", PROCESSORS)
def test_with_analyses_a_user_reaches_only_their_own(fleet: Fleet, processor: str) -> None:
    """Another's are as if they were not there; an admin reaches any."""
    both = [fleet.anrs["one"], fleet.anrs["two"]]
    own = fleet.model.chart(processor, anrs=both, client="one")
    assert fleet.asked("one", processor, anrs=both) == own
    assert fleet.asked("admin", processor, anrs=both) == fleet.model.chart(processor, anrs=both)
    assert fleet.asked("one", processor, anrs=[fleet.anrs["two"]]) == []


@pytest.mark.parametrize("processor", PROCESSORS)
def test_analyses_can_be_asked_for_without_what_others_share(fleet: Fleet, processor: str) -> None:
    """`anrs` and `local_stats_only` stand side by side, for an admin as for the other installation's own account."""
    anrs = list(fleet.anrs.values())
    local = fleet.model.chart(processor, anrs=anrs, local_only=True)
    assert fleet.asked("admin", processor, anrs=anrs, local_stats_only=1) == local
    assert fleet.asked("admin", processor, anrs=anrs) == fleet.model.chart(processor, anrs=anrs) != local
    assert fleet.asked("far", processor, anrs=anrs, local_stats_only=1) == []
    assert fleet.asked("far", processor, anrs=anrs, local_stats_only=0) != []


@pytest.mark.parametrize("processor", [name for name in PROCESSORS if name.endswith("_on_date")])
@pytest.mark.parametrize("period", ["day", "week", "month", "quarter", "year"])
def test_days_are_merged_into_periods(fleet: Fleet, processor: str, period: str) -> None:
    """Each named by its first day."""
    assert fleet.asked("one", processor, aggregation_period=period) == fleet.model.chart(processor, period=period)


@pytest.mark.parametrize("period", [None, "month"])
def test_in_a_period_too_the_newest_labels_are_shown(fleet: Fleet, period: str | None) -> None:
    """Those of its last day, not of several days' labels any one."""
    anr = str(uuid.uuid4())
    rows = [
        {"anr": anr, "type": kind, "date": day, "data": [each | {"label2": label} for each in payload(kind)]}
        for day, label in zip(DAYS, ("Zebra", "Ape", "Bear"), strict=True)
        for kind in ("threat", "compliance")
    ]
    fleet.clients["two"].post("/api/v1/stats/", json=rows).raise_for_status()
    for processor in ("threat_average_on_date", "compliance_average_on_date"):
        for last, label in ((DAYS[1], "Ape"), (DAYS[2], "Bear")):
            data = fleet.asked("two", processor, anrs=[anr], date_to=last, aggregation_period=period)
            assert {each["labels"]["label2"] for each in data} == {label}
    fleet.clients["two"].delete(f"/api/v1/stats/{anr}").raise_for_status()


def test_a_period_wants_a_processor_with_dates(fleet: Fleet) -> None:
    """400 that says which one has; and a period that there is not is 400."""
    for processor, period in (("risk_averages", "week"), ("risk_averages_on_date", "fortnight")):
        query = {"type": "risk", "processor": processor, "aggregation_period": period}
        answer = fleet.admin.get(PROCESSED, params=query)
        assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"aggregation_period"})


def test_dates_are_inclusive(fleet: Fleet) -> None:
    """Both ends."""
    expected = fleet.model.chart("risk_averages_on_date", date_from=DAYS[1], date_to=DAYS[1])
    assert fleet.asked("one", "risk_averages_on_date", date_from=DAYS[1], date_to=DAYS[1]) == expected


def test_no_rows_are_an_empty_list(fleet: Fleet) -> None:
    """Whatever the processor."""
    for processor in PROCESSORS:
        assert fleet.asked("one", processor, date_from="2019-01-01", date_to="2019-12-31") == []


def test_risks_can_be_chosen_by_kind_and_state(fleet: Fleet) -> None:
    """What was not asked for is left out of the tree."""
    params = {"risks_type": "operational", "risks_state": "current,residual"}
    data = fleet.asked("one", "risk_averages", processor_params=params)
    assert {state: set(kinds) for state, kinds in data.items()} == {
        "current": {"operational"},
        "residual": {"operational"},
    }


@pytest.mark.parametrize(
    ("body", "field", "named"),
    [
        ({"type": "risk", "processor": "risk_process"}, "processor", "risk_averages_on_date"),
        ({"type": "threat", "processor": "threat_process"}, "processor", "threat_average_on_date"),
        ({"type": "risk"}, "processor", "missing"),
        ({"processor": "risk_averages"}, "type", "missing"),
        (
            {"type": "risk", "processor": "risk_averages", "processor_params": {"x": 1}},
            "processor_params",
            "risks_type",
        ),
        ({"type": "risk", "processor": "risk_averages", "processor_params": [1]}, "processor_params", "object"),
        ({"type": "risk", "processor": "risk_averages", "processor_params": "{"}, "processor_params", "object"),
        (
            {"type": "threat", "processor": "threat_average_on_date", "processor_params": {"x": 1}},
            "processor_params",
            "x",
        ),
        ({"type": "risk", "processor": "risk_averages", "nbdays": 3}, "nbdays", "aggregation_period"),
    ],
)
def test_what_is_wrong_is_named_with_what_there_is(fleet: Fleet, body: dict[str, Any], field: str, named: str) -> None:
    """400; Front Offices still offer two processors that no version has any more."""
    answer = fleet.admin.request("GET", PROCESSED, json=body)
    assert answer.status_code == 400, answer.text
    assert named in answer.json()["errors"][field]


def test_an_answer_that_has_not_changed_is_not_sent_again(fleet: Fleet) -> None:
    """304 to If-None-Match, weak or among others; another question or new rows are another version."""
    client = fleet.clients["one"]
    body = {"type": "risk", "processor": "risk_averages", "date_from": DAYS[0], "date_to": DAYS[2]}

    def ask(tag: str, **more: Any) -> httpx.Response:
        return client.request("GET", PROCESSED, json=body | more, headers={"If-None-Match": tag})

    first = ask('"another"')
    tag = first.headers["ETag"]
    assert (first.status_code, first.headers["Cache-Control"], tag[0] + tag[-1]) == (200, "no-cache", '""')
    for given in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        again = ask(given)
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    for more in ({"date_from": DAYS[1]}, {"processor_params": {"risks_type": "operational"}}, {"local_stats_only": 1}):
        assert ask(tag, **more).status_code == 200
    anr = str(uuid.uuid4())
    row = {"anr": anr, "type": "risk", "date": DAYS[1], "data": payload("risk", 99)}
    client.post("/api/v1/stats/", json=[row]).raise_for_status()
    assert ask(tag).json() != first.json()
    client.delete(f"/api/v1/stats/{anr}").raise_for_status()
    assert ask(tag).json() == first.json()


@pytest.mark.parametrize("who", ["one", "admin"])
def test_only_what_a_chart_of_analyses_is_made_of_makes_it_another(fleet: Fleet, who: str) -> None:
    """Another account's rows do not; one's own do, whatever becomes of them, and so does who has the analysis, and
    which are asked for."""
    anr, another = str(uuid.uuid4()), str(uuid.uuid4())
    one, two = fleet.clients["one"], fleet.clients["two"]
    asker = fleet.admin if who == "admin" else one
    body: dict[str, Any] = {"type": "risk", "processor": "risk_averages", "date_from": DAYS[0], "date_to": DAYS[2]}
    body["anrs"] = [anr]
    last = '"none"'

    def post(client: httpx.Client, anr: str, variant: int, day: str = DAYS[1]) -> None:
        row = {"anr": anr, "type": "risk", "date": day, "data": payload("risk", variant)}
        client.post("/api/v1/stats/", json=[row]).raise_for_status()

    def delete(client: httpx.Client, anr: str) -> None:
        client.delete(f"/api/v1/stats/{anr}").raise_for_status()

    def is_another() -> bool:
        """Whether the chart is another than the last time."""
        nonlocal last
        answer = asker.request("GET", PROCESSED, json=body, headers={"If-None-Match": last})
        before, last = last, answer.headers["ETag"]
        assert answer.status_code == (304 if last == before else 200)
        return last != before

    assert is_another()
    post(one, anr, 1)
    assert is_another()
    post(two, another, 2)
    post(fleet.clients["far"], another, 3)
    post(one, anr, 1)
    post(one, anr, 4, "2026-03-01")
    assert not is_another()
    for anrs in ([anr, fleet.anrs["one"]], [fleet.anrs["one"]], [anr]):
        body["anrs"] = anrs
        assert is_another()
    post(two, anr, 5)
    assert is_another() == (who == "admin")
    delete(two, anr)
    assert is_another() == (who == "admin")
    for client, name in ((two, another), (fleet.clients["far"], another)):
        delete(client, name)
    assert not is_another()
    post(one, anr, 4)
    assert is_another()
    post(one, anr, 1)
    assert is_another()
    post(one, anr, 4, DAYS[2])
    assert is_another()
    delete(one, anr)
    assert is_another()
    post(one, anr, 1)
    assert is_another()
    delete(one, anr)
    assert is_another()


def test_the_list_of_processors_is_public(module_service: Service) -> None:
    """Name and description of each."""
    answer = module_service.client_with(None).get("/api/v1/stats/processed/list")
    assert [each["name"] for each in answer.json()] == PROCESSORS
    assert all(each.keys() == {"name", "description"} and each["description"] for each in answer.json())
