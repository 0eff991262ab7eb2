"""What all tests share: an environment without the developer's settings, fresh databases, running services.

`database_url` and `service` are new for each test, `module_database_url` and `module_service` for each module:
take those where tests do not mind each other's accounts. A test that uses any of the four runs twice, on SQLite
and on PostgreSQL.
"""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import Postgres, Service, embedded_postgres, running_service

GIVEN_DATABASE = os.environ.get("DATABASE_URL", "")
"""The caller's: where it is a PostgreSQL server, tests use that one."""

KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PIP_", "PYTEST_", "COLUMNS")
"""What stays of the caller's environment, by the names' beginnings."""

# How long an example takes says more of the machine's other business than of ours.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --long."""
    parser.addoption("--long", action="store_true", help="run the tests marked `long` too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that take long, unless they are asked for."""
    if not config.getoption("--long"):
        config.hook.pytest_deselected(items=[item for item in items if _is_long(item)])
        items[:] = [item for item in items if not _is_long(item)]


def _is_long(item: pytest.Item) -> bool:
    if item.get_closest_marker("long_on_postgres") and isinstance(item, pytest.Function):
        given = item.callspec.params if hasattr(item, "callspec") else {}
        if "postgres" in (given.get("database_url"), given.get("module_database_url")):
            return True
    return item.get_closest_marker("long") is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the services of a failed test printed."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for name, value in item.funcargs.items():
            if isinstance(value, Service):
                report.sections.append((f"log of {name}", value.log()[-5_000:]))
    return report


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment without the developer's settings; its home folder, empty at first."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if not name.startswith(KEPT_VARIABLES):
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("TERM", "xterm-256color")
        yield home


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server: the one that DATABASE_URL names, or one that is started for the tests."""
    if GIVEN_DATABASE.startswith("postgres"):
        yield Postgres(GIVEN_DATABASE)
        return
    with embedded_postgres("fsync=off") as server:  # what a power cut would lose is of no interest here
        yield server


def _fresh_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{folder / 'stats.sqlite3'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind, without tables, for one test."""
    yield from _fresh_database(request, tmp_path)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def module_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database of each kind, without tables, for the tests of a module."""
    yield from _fresh_database(request, tmp_path_factory.mktemp("database"))


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """A running service for one test."""
    with running_service(database_url, tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def module_service(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service for the tests of a module."""
    with running_service(module_database_url, tmp_path_factory.mktemp("service")) as running:
        yield running
