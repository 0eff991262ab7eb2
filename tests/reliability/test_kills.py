"""kill -9: whatever process dies at whatever moment, what was acknowledged is there, and nothing by half."""

import contextlib
import os
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.reliability.offices import Offices
from tests.servers import Service

pytestmark = pytest.mark.long_on_postgres

LONG = (pytest.mark.long, pytest.mark.timeout(3_600))
WORKERS = 3


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service that is started and ended by the test; it is killed in the end where it still runs."""
    with contextlib.closing(Service(database_url, tmp_path)) as made:
        yield made


@pytest.mark.parametrize("kills", [1, pytest.param(200, marks=LONG)])
def test_a_killed_service_has_lost_nothing(service: Service, rng: random.Random, kills: int) -> None:
    """It is killed amid posts again and again. Each time, when it is back: every batch that was acknowledged is there,
    none by half, charts are a recount of the rows, and `db verify` finds nothing."""
    service.start()
    offices = Offices(service, rng)
    for _ in range(kills):
        with offices:
            offices.until_answered(rng.randrange(1, 10))
            time.sleep(rng.random() * 0.05)
            service.process.kill()
            service.process.wait()
        service.start()
        offices.check()
    assert offices.answers.keys() == {200, 201, 207}
    assert service.stop() == 0


def serving(service: Service) -> set[int]:
    """The workers that live and serve."""
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    return set(map(int, children)) & {int(number) for number in re.findall(r"Worker (\d+) serves", service.log())}


def until_all_serve(service: Service, gone: int = 0) -> None:
    """Wait until there are as many workers as there have to be, without the one that is gone."""
    deadline = time.monotonic() + 60
    while len(serving(service) - {gone}) < WORKERS:
        assert time.monotonic() < deadline, service.log()[-2_000:]
        time.sleep(0.02)


@pytest.mark.parametrize("kills", [1, pytest.param(50, marks=LONG)])
def test_a_killed_worker_is_replaced_and_nothing_is_lost(service: Service, rng: random.Random, kills: int) -> None:
    """One of several workers is killed amid posts, and now and then the supervisor, which is then started anew. The
    others go on, all soon serve again, and what was acknowledged is there as above."""
    service.start("--workers", str(WORKERS))
    until_all_serve(service)
    offices = Offices(service, rng)
    for number in range(kills):
        with offices:
            offices.until_answered(rng.randrange(1, 10))
            if number % 5 == 1:
                service.process.kill()
                service.process.wait()
                service.start("--workers", str(WORKERS))
                until_all_serve(service)
            else:
                victim, broken = rng.choice(sorted(serving(service))), offices.broken
                os.kill(victim, signal.SIGKILL)
                offices.until_answered(5)  # by the others, or by the one that takes its place
                until_all_serve(service, gone=victim)
                assert offices.broken - broken <= len(offices.offices) + 1  # nobody is refused, at most cut off once
        offices.check()
    assert offices.answers.keys() == {200, 201, 207}
    assert httpx.get(f"{service.url}/ready").status_code == httpx.codes.OK
    assert service.stop() == 0
