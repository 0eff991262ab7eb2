"""What anybody may see, without a token: charts over everybody's rows, the map, what this instance is."""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.naive import NaiveModel
from tests.samples import TYPES, payload
from tests.servers import Service, running_service

CHARTS = {
    "/stats/threats.json": "threat_average_on_date",
    "/stats/vulnerabilities.json": "vulnerability_average_on_date",
    "/stats/risks.json": "risk_averages_on_date",
    "/stats/cartography.json": "cartography_average_on_date",
    "/stats/compliance.json": "compliance_average_on_date",
}


def ago(days: int) -> str:
    """A day of the past, as the service counts days (UTC)."""
    return str(dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days))


class Open:
    """A service with rows of today, of a month and of 400 days ago; `public` has no token."""

    def __init__(self, service: Service) -> None:
        self.public = service.client_with(None)
        self.admin = service.admin
        self.model = NaiveModel()
        for name, local in (("home", True), ("far", False)):
            anr = str(uuid.uuid4())
            rows = [
                {"anr": anr, "type": kind, "date": ago(days), "data": payload(kind, days + local)}
                for days in (0, 30, 400)
                for kind in TYPES
            ]
            service.client(name, local=local).post("/api/v1/stats/", json=rows).raise_for_status()
            self.model.post({"client": name, "local": local, **row} for row in rows)

    def get(self, path: str, **query: object) -> Any:
        """The JSON at a path."""
        answer = self.public.get(path, params={name: str(value) for name, value in query.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def opened(module_service: Service) -> Open:
    """The service and its rows."""
    return Open(module_service)


@pytest.mark.parametrize(("path", "processor"), CHARTS.items())
def test_a_chart_is_the_types_own_over_a_year_bare(opened: Open, path: str, processor: str) -> None:
    """The processor's data and nothing around it; `days` says how far back."""
    year = opened.model.chart(processor, date_from=ago(365))
    assert opened.get(path) == year
    assert opened.get(path, days=500) == opened.model.chart(processor) != year
    assert opened.get(path, days=0) == opened.model.chart(processor, date_from=ago(0))
    assert opened.get(path, last_stats=1, days=500) == opened.model.chart(processor, date_from=ago(0))
    assert opened.get(path, local_stats_only=1) == opened.model.chart(processor, date_from=ago(365), local_only=True)
    assert opened.get(path, aggregation_period="year", days=500) == opened.model.chart(processor, period="year")


def test_another_processor_of_the_type_can_be_named(opened: Open) -> None:
    """One of another type, or one that does not exist, is 400."""
    assert opened.get("/stats/risks.json", processor="risk_averages", days=500) == opened.model.chart("risk_averages")
    for processor in ("threat_average_on_date", "risk_process"):
        answer = opened.public.get("/stats/risks.json", params={"processor": processor})
        assert (answer.status_code, "processor" in answer.json()["errors"]) == (400, True)


@pytest.mark.parametrize("path", [*CHARTS, "/map/clients.json"])
@pytest.mark.parametrize("name", ["anrs", "anr", "client", "account", "uuid", "date_from"])
def test_nothing_narrows_it_down_to_somebody(opened: Open, path: str, name: str) -> None:
    """400, in the query as in a body."""
    given = {name: str(uuid.uuid4())}
    for answer in (opened.public.get(path, params=given), opened.public.request("GET", path, json=given)):
        assert (answer.status_code, name in answer.json()["errors"]) == (400, True)


@pytest.mark.parametrize("days", ["-1", "x", "1000000", "9" * 30])
def test_a_number_of_days_has_limits(opened: Open, days: str) -> None:
    """400 beyond them."""
    assert opened.public.get("/stats/risks.json", params={"days": days}).status_code == 400


def test_a_chart_that_has_not_changed_is_not_sent_again(opened: Open) -> None:
    """304 to If-None-Match."""
    tag = opened.public.get("/stats/threats.json").headers["ETag"]
    again = opened.public.get("/stats/threats.json", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_the_map_shows_who_shares_and_said_where_without_a_name(service: Service) -> None:
    """Only those who do both; what threatens them most is a mean count and an object's uuid."""
    places = {"both": (True, 49.6), "no place": (True, None), "no sharing": (False, 10.0)}
    for name, (sharing, latitude) in places.items():
        client = service.client(name, is_sharing_enabled=sharing)
        uuids = {each["name"]: each["uuid"] for each in service.admin.get("/api/v1/client/").json()["data"]}
        if latitude is not None:
            where = {"latitude": latitude, "longitude": 6.1}
            service.admin.patch(f"/api/v1/client/{uuids[name]}", json=where).raise_for_status()
        rows = [
            {"anr": str(uuid.uuid4()), "type": kind, "date": ago(0), "data": payload(kind)}
            for kind in ("threat", "vulnerability")
        ]
        client.post("/api/v1/stats/", json=rows).raise_for_status()
    answer = service.client_with(None).get("/map/clients.json")
    (shown,) = answer.json()
    assert shown.keys() == {"latitude", "longitude", "max_threat", "max_vulnerability"}
    assert (shown["latitude"], shown["longitude"]) == (49.6, 6.1)
    for key, kind in (("max_threat", "threat"), ("max_vulnerability", "vulnerability")):
        most = max(element["count"] for element in payload(kind))
        assert shown[key][0] == float(most)
        assert shown[key][1] in {each["uuid"] for each in payload(kind) if each["count"] == most}
    assert "both" not in answer.text


def test_the_map_has_the_means_of_many_days_and_is_sent_only_when_it_changes(service: Service) -> None:
    """Of several accounts, each its own; 304 until somebody posts something else."""
    clients = [service.client(f"account {number}", is_sharing_enabled=True) for number in range(3)]
    expected = [_commonest_threat(client, number) for number, client in enumerate(clients)]
    for each in service.admin.get("/api/v1/client/").json()["data"]:
        where = {"latitude": 49.6, "longitude": 6.1}
        service.admin.patch(f"/api/v1/client/{each['uuid']}", json=where).raise_for_status()
    public = service.client_with(None)
    answer = public.get("/map/clients.json")
    assert sorted(each["max_threat"] for each in answer.json() if each["max_threat"]) == sorted(expected)
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert public.get("/map/clients.json", headers=tag).status_code == 304
    _commonest_threat(clients[0], 7)
    assert public.get("/map/clients.json", headers=tag).status_code == 200


def _commonest_threat(client: httpx.Client, variant: int) -> list[Any]:
    """Post an analysis of a few days of a year; the mean count of its commonest threat, and which that is."""
    anr = str(uuid.uuid4())
    rows = [
        {"anr": anr, "type": "threat", "date": ago(back), "data": payload("threat", variant + back)}
        for back in (0, 40, 364)
    ]
    client.post("/api/v1/stats/", json=rows).raise_for_status()
    asked = {"type": "threat", "processor": "threat_average_on_date", "date_from": ago(365), "anrs": [anr]}
    chart = client.request("GET", "/api/v1/stats/processed/", json=asked).json()["data"]
    return max([each["averages"]["count"], each["object"]] for each in chart)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose operator said all there is to say."""
    folder = tmp_path_factory.mktemp("described")
    with running_service(
        f"sqlite:///{folder}/stats.sqlite3",
        folder,
        INSTANCE_URL="https://stats.example.org/dashboard",
        SCRIPT_NAME="/dashboard",
        ADMIN_EMAIL="operator@example.org",
    ) as running:
        yield running


def test_about_tells_what_the_settings_say(described: Service, module_service: Service) -> None:
    """Version, where the API is, and whom to write to."""
    about = httpx.get(f"{described.url}/about.json").json()
    assert about.keys() == {"version", "version_url", "api_v1_root", "contact"}
    assert about["api_v1_root"] == "https://stats.example.org/dashboard/api/v1/"
    assert about["contact"] == "operator@example.org"
    assert module_service.client_with(None).get("/about.json").json()["api_v1_root"] == "/api/v1/"
