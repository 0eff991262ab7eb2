"""`/health` and `/ready`: whether a process has to be started anew, and whether requests may be sent to it."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

import service as package
from service.storage import connection
from tests.servers import Postgres, Service, embedded_postgres, locked, running_service


def query(database_url: str, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a statement that a connection of our own runs in a service's database."""

    async def run() -> list[tuple[Any, ...]]:
        async with connection.connected(database_url):
            return [tuple(row) for row in await connection.main().fetch(sql, *parameters)]

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_all_is_well(module_service: Service, path: str) -> None:
    """200 for anybody, with the version and the kind of the database."""
    kind = "sqlite" if module_service.database_url.startswith("sqlite") else "postgres"
    answer = module_service.client_with(None).get(path)
    expected = {"status": "ok", "version": package.__version__, "database": kind}
    assert (answer.status_code, answer.json()) == (200, expected)


def test_not_ready_while_the_database_lacks_migrations(service: Service) -> None:
    """503 that names them, as when the service runs on a backup of an older version; alive all the same."""
    last = query(service.database_url, "SELECT id, version FROM aerich ORDER BY id DESC")[0]
    query(service.database_url, "UPDATE aerich SET app = 'none' WHERE id = ?", last[0])
    answer = service.admin.get("/ready")
    assert (answer.status_code, answer.json()["errors"].keys()) == (503, {"migrations"})
    assert last[1].removesuffix(".py") in answer.json()["message"]
    assert service.admin.get("/health").status_code == 200
    query(service.database_url, "UPDATE aerich SET app = 'models' WHERE id = ?", last[0])
    assert service.admin.get("/ready").status_code == 200


def test_not_ready_while_the_database_is_away(tmp_path: Path) -> None:
    """503 that says so and when to come back, as for all that needs the database. The rest goes on, `/health` too."""
    with contextlib.ExitStack() as database:
        server = database.enter_context(embedded_postgres("fsync=off"))
        with running_service(server.url, tmp_path) as service:
            database.close()
            answer = service.client_with(None).get("/ready")
            assert (answer.status_code, answer.json()["errors"].keys()) == (503, {"database"})
            assert int(answer.headers["Retry-After"]) > 0
            assert service.admin.get("/api/v1/client/me").status_code == 503
            assert service.admin.get("/about.json").status_code == 200
            assert service.admin.get("/health").status_code == 200


async def test_not_ready_while_the_database_hangs(postgres: Postgres, tmp_path: Path) -> None:
    """503 within seconds and not when the prober has given up; ready again with the database."""
    with postgres.database() as url, running_service(url, tmp_path) as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
            async with locked(url, "aerich"):
                began = time.monotonic()
                answer = await client.get("/ready")
                assert (answer.status_code, answer.json()["errors"].keys()) == (503, {"database"})
                assert 1.5 < time.monotonic() - began < 5
                assert (await client.get("/health")).status_code == 200
            assert (await client.get("/ready")).status_code == 200


def test_ready_in_the_midst_of_a_long_transaction(module_service: Service) -> None:
    """A writer that takes its time is no reason to send requests elsewhere."""

    async def run() -> httpx.Response:
        async with connection.connected(module_service.database_url), connection.writing() as db:
            await db.execute("UPDATE account SET updated_at = updated_at")
            async with httpx.AsyncClient(base_url=module_service.url, timeout=30) as client:
                return await client.get("/ready")

    assert asyncio.run(run()).status_code == 200
