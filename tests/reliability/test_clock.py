"""A clock that is set back and forward while the service runs, and rows of the first and of the last day."""

import datetime as dt
import math
import shutil
import struct
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import samples
from tests.commands import Cli
from tests.naive import PROCESSORS, NaiveModel
from tests.reliability.offices import differences
from tests.servers import Service, running_service

ANR = str(uuid.UUID(int=1, version=4))
FIRST, LAST = "0001-01-01", "9999-12-31"


class Clock:
    """What the service takes for the time of day."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._file.write_bytes(bytes(8))
        library = folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_FILE": str(self._file)}

    def set(self, moment: str) -> None:
        """Set it; it goes on from there."""
        wrong_by = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC) - dt.datetime.now(dt.UTC)
        with self._file.open("r+b") as file:
            file.write(struct.pack("q", math.ceil(wrong_by.total_seconds())))


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """A clock that is right at first."""
    if shutil.which("cc") is None:
        pytest.skip("the wrong clock is made with a C compiler, and there is no `cc`")
    return Clock(tmp_path)


@pytest.fixture
def misled(clock: Clock, database_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service that believes the clock."""
    with running_service(database_url, tmp_path, **clock.environment) as service:
        yield service


def drawn(service: Service, processor: str, first: str, last: str) -> httpx.Response:
    """A chart of all rows between two days."""
    asked = {"type": processor.partition("_")[0], "processor": processor, "date_from": first, "date_to": last}
    return service.admin.request("GET", "/api/v1/stats/processed/", json=asked)


def test_the_clock_may_be_set_at_any_time(clock: Clock, misled: Service) -> None:
    """To before the first post, as a machine without a battery has it, past 2038, to the last whole year that 64 bits
    of nanoseconds reach, and back. Whatever it says, what is posted replaces what was there, charts and their versions
    follow, and "today" is what it says."""
    tags: list[str] = []
    day = "2026-03-01"
    moments = ["2026-11-01", "2026-10-31T12:00", "1970-01-01", "2038-01-19T03:14:07", "2261-12-30", "2026-11-01"]
    for variant, moment in enumerate(moments):
        clock.set(moment)
        rows = samples.rows(ANR, day, variant)
        today = [row | {"date": moment[:10]} for row in rows[:1]]
        assert misled.admin.post("/api/v1/stats/", json=rows + today).status_code == httpx.codes.CREATED
        model = NaiveModel()
        model.post({**row, "client": "admin", "local": True} for row in rows)
        for processor in PROCESSORS:
            answer = drawn(misled, processor, day, day)
            assert answer.json()["data"] == model.chart(processor), (moment, processor)
            tags.append(answer.headers["etag"])
        newest = misled.admin.get("/api/v1/stats/", params={"type": "risk"}).json()["data"][-1]
        assert newest["date"] == moment[:10]
        assert httpx.get(f"{misled.url}/ready").status_code == httpx.codes.OK
        assert httpx.get(f"{misled.url}/metrics").status_code == httpx.codes.OK
        assert misled.admin.get("/api/v1/client/").status_code == httpx.codes.OK
    assert len(set(tags)) == len(tags)  # no version has ever meant two contents
    (admin,) = misled.admin.get("/api/v1/client/").json()["data"]
    assert admin["activity"]["rows"] == 5 + len(set(moments))
    assert " ERROR " not in misled.log()
    assert misled.stop() == 0
    assert differences(misled.database_url) == []


def test_rows_of_the_first_and_the_last_day(service: Service, tmp_path: Path) -> None:
    """They are stored, given back, drawn by day and by any period, purged and deleted as others are."""
    naive = NaiveModel()
    rows = [row for number, day in enumerate((FIRST, LAST)) for row in samples.rows(ANR, day, number)]
    assert service.admin.post("/api/v1/stats/", json=rows).status_code == httpx.codes.CREATED
    naive.post({**row, "client": "admin", "local": True} for row in rows)
    asked = {"type": "risk", "date_from": FIRST, "date_to": LAST}
    found = service.admin.get("/api/v1/stats/", params=asked).json()["data"]
    assert [row["date"] for row in found] == [FIRST, LAST]
    for processor in PROCESSORS:
        assert drawn(service, processor, FIRST, LAST).json()["data"] == naive.chart(processor)
        periods = ("day", "week", "month", "quarter", "year") if processor.endswith("_on_date") else ()
        for period in periods:
            more = asked | {"type": processor.partition("_")[0], "processor": processor, "aggregation_period": period}
            answer = service.admin.get("/api/v1/stats/processed/", params=more)
            assert answer.json()["data"] == naive.chart(processor, period=period), (processor, period)
    for edge in ({"date_to": FIRST}, {"date_from": LAST, "date_to": LAST}, {"date_from": LAST}, {"get_last": "1"}):
        assert service.admin.get("/api/v1/stats/", params={"type": "risk"} | edge).status_code == httpx.codes.OK
    assert httpx.get(f"{service.url}/stats/risks.json", params={"days": "3650000"}).status_code in {200, 400}
    cli = Cli(service.database_url, tmp_path)
    assert cli.said("stats", "purge", "--older-than", "99999y", "--yes").startswith("Deleted 5 rows")
    assert differences(service.database_url) == []
    assert service.admin.delete(f"/api/v1/stats/{ANR}").status_code == httpx.codes.NO_CONTENT
    assert drawn(service, "risk_averages", FIRST, LAST).json()["data"] == []
    assert " ERROR " not in service.log()
