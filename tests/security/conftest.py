"""What the tests of abuse share: a service that does not count requests, since they make more than anybody may."""

from collections.abc import Iterator

import pytest

from tests.servers import Service, running_service

UNLIMITED = {f"{limit}_PER_MINUTE": "0" for limit in ("ACCOUNT_REQUESTS", "ADDRESS_REQUESTS", "FAILED_LOGINS")}


@pytest.fixture(scope="module")
def unlimited(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service without limits on requests; alive to the end of the module, and without a fault in its log."""
    with running_service(module_database_url, tmp_path_factory.mktemp("unlimited"), **UNLIMITED) as running:
        yield running
        assert running.client_with(None).get("/ready").status_code == 200
        assert "Traceback" not in running.log()
