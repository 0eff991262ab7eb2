"""What the tests of abuse share."""

from collections.abc import Iterator

import pytest

from tests.servers import Service, running_service


@pytest.fixture(scope="module")
def abused(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that takes what comes; alive to the end of the module, and without a fault in its log."""
    with running_service(module_database_url, tmp_path_factory.mktemp("abused")) as running:
        yield running
        assert running.client_with(None).get("/ready").status_code == 200
        assert "Traceback" not in running.log()
