"""What tests of sharing have in common."""

from collections.abc import Iterator

import pytest

from tests.servers import Service, running_service


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Another instance, which figures are shared with or pulled from."""
    folder = tmp_path_factory.mktemp("remote")
    with running_service(f"sqlite:///{folder}/stats.sqlite3", folder) as service:
        yield service
