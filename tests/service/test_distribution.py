"""contrib/citus.sql: the schema can be distributed by account, and the service works on what comes of it.

There is no Citus among what pip installs. What it demands of a table, that all unique constraints hold the column by
which it is distributed, PostgreSQL itself demands of a table that is partitioned by a column's hash. So here the tables
are partitioned where Citus would distribute them, and the rest of the file runs as it is. (Of reference tables Citus
demands nothing. What it makes of queries cannot be tried here.)
"""

import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests import samples
from tests.commands import Cli
from tests.naive import NaiveModel
from tests.servers import ROOT, Postgres, Service, running_service

PARTITIONED = """
CREATE FUNCTION create_distributed_table(whole text, by text, colocate_with text DEFAULT 'default') RETURNS void AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I RENAME TO %I', whole, whole || '_whole');
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY HASH (%I)', whole, whole || '_whole', by);
    FOR part IN 0..3 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS 4, REMAINDER %s)',
            whole || part, whole, part);
    END LOOP;
    EXECUTE format('INSERT INTO %I SELECT * FROM %I', whole, whole || '_whole');
    EXECUTE format('DELETE FROM %I', whole || '_whole');
END $$ LANGUAGE plpgsql;
CREATE FUNCTION create_reference_table(copied regclass) RETURNS void AS 'SELECT' LANGUAGE sql
"""
DISTRIBUTED = ("analysis", "payload", "stat", "account_day")
PROCESSORS = ("risk_averages", "threat_average_on_date", "cartography_average", "compliance_average_on_date")
DAYS = ("2024-03-05", "2024-03-06")


def _run(database_url: str, *scripts: str) -> None:
    """Run SQL scripts one after the other, outside any transaction of ours."""

    async def run() -> None:
        connection = await asyncpg.connect(database_url)
        try:
            for script in scripts:
                await connection.execute(script)
        finally:
            await connection.close()

    asyncio.run(run())


class Fleet:
    """Some Front Offices before a service, and the naive model of what they sent."""

    def __init__(self, service: Service) -> None:
        """Makes their accounts."""
        self.offices = {name: service.client(name) for name in ("A", "B", "C", "D", "E")}
        self.anrs = {name: [str(uuid.uuid4()) for _ in range(2)] for name in self.offices}
        self.model = NaiveModel()

    def post(self, name: str, date: str, variant: int) -> None:
        """Post a day of all analyses of one of them."""
        rows = [row for anr in self.anrs[name] for row in samples.rows(anr, date, variant)]
        answer = self.offices[name].post("/api/v1/stats/", json=rows)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        self.model.post({"client": name, "local": True} | row for row in rows)

    def check_charts(self) -> None:
        """Compare charts over everybody's rows and over one's own with the model's."""
        for processor in PROCESSORS:
            assert self._chart(processor) == self.model.chart(processor)
            own = self.anrs["A"]
            assert self._chart(processor, anrs=own) == self.model.chart(processor, anrs=own, client="A")

    def _chart(self, processor: str, **parameters: Any) -> Any:
        asked = {"type": processor.partition("_")[0], "processor": processor, "date_from": DAYS[0], "date_to": DAYS[-1]}
        answer = self.offices["A"].request("GET", "/api/v1/stats/processed/", json=asked | parameters)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()["data"]


@pytest.fixture
def migrated(postgres: Postgres, tmp_path: Path) -> Iterator[str]:
    """A database with the service's tables, and what distributes them here."""
    with postgres.database() as database_url:
        with running_service(database_url, tmp_path):
            pass
        _run(database_url, PARTITIONED)
        yield database_url


@pytest.mark.parametrize("table", DISTRIBUTED)
def test_the_keys_of_the_migrations_do_not_suffice(migrated: str, table: str) -> None:
    """Without the file's changes of keys a table cannot be distributed: the stand-in demands what Citus does."""
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="must include all partitioning columns"):
        _run(migrated, f"SELECT create_distributed_table('{table}', 'client_id')")


@pytest.fixture
def service(migrated: str, tmp_path: Path) -> Iterator[Service]:
    """A service on that database, which is ended with the test."""
    with contextlib.closing(Service(migrated, tmp_path)) as service:
        service.start()
        yield service
        service.stop()


def test_the_service_on_distributed_tables(migrated: str, service: Service, remote: Service, tmp_path: Path) -> None:
    """What was stored before is there after; posting, replacing, reading, charts, deleting and sharing go on, sums
    exact."""
    fleet = Fleet(service)
    for variant, name in enumerate(fleet.offices):
        fleet.post(name, DAYS[0], variant)
    service.stop()
    _run(migrated, (ROOT / "contrib" / "citus.sql").read_text())
    service.start()

    fleet.check_charts()
    for variant, name in enumerate(fleet.offices, 10):
        fleet.post(name, DAYS[1], variant)
    fleet.post("A", DAYS[0], 20)  # replaces
    fleet.check_charts()

    asked = {"type": "risk", "date_from": DAYS[0], "date_to": DAYS[1]}
    own = fleet.offices["A"].request("GET", "/api/v1/stats/", json=asked).json()["data"]
    assert {(row["anr"], row["date"]) for row in own} == {(anr, day) for anr in fleet.anrs["A"] for day in DAYS}
    stolen = fleet.offices["B"].post("/api/v1/stats/", json=[own[0]])
    assert (stolen.status_code, "uuid" in stolen.text) == (400, True)

    anr = fleet.anrs["B"][0]
    assert fleet.offices["B"].delete(f"/api/v1/stats/{anr}").status_code == httpx.codes.NO_CONTENT
    fleet.model.delete_analysis("B", anr)
    accounts = service.admin.get("/api/v1/client/").json()["data"]
    number = next(account["uuid"] for account in accounts if account["name"] == "C")
    assert service.admin.delete(f"/api/v1/client/{number}").status_code == httpx.codes.NO_CONTENT
    fleet.model.delete_client("C")
    fleet.check_charts()

    token = remote.client("an installation", local=False).headers["X-API-KEY"]
    cli = Cli(migrated, tmp_path, REMOTE_STATS_SERVER=remote.url, REMOTE_STATS_TOKEN=token)
    rows = _row_count(service)
    assert cli.json("share", "push", "--date-from", DAYS[0])["sent"] == rows
    assert _row_count(remote) == rows


def _row_count(service: Service) -> int:
    """How many rows a service has, of all accounts."""
    accounts = service.admin.get("/api/v1/client/").json()["data"]
    return sum(account["activity"]["rows"] for account in accounts)
