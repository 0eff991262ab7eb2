"""SIGTERM under load: what was begun is finished, nobody is left with half an answer, and the exit code is 0."""

import contextlib
import json
import random
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests import samples
from tests.reliability.offices import Offices
from tests.servers import Service
from tests.service.test_api_aborts import connected, request

pytestmark = pytest.mark.long_on_postgres

AT_MOST = 10.0
"""How many seconds a stop takes when nobody is slow; the grace time is for those who are."""


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service that is started and stopped by the test."""
    with contextlib.closing(Service(database_url, tmp_path)) as made:
        yield made


def night() -> bytes:
    """A batch that takes a while."""
    return json.dumps([row for _ in range(20) for row in samples.rows(str(uuid.uuid4()), "2026-06-01")]).encode()


@pytest.mark.parametrize("stops", [1, pytest.param(50, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])])
def test_a_stop_under_load_loses_nothing(service: Service, rng: random.Random, stops: int) -> None:
    """One process, or several in turn, that post and draw charts on new connections: the requests under way are
    answered, those that come too late are refused, no answer is torn, and all that was acknowledged is there."""
    service.start("--workers", "2")
    offices = Offices(service, kept=False)
    client = service.client("large")
    for number in range(stops):
        with offices, ThreadPoolExecutor(2) as pool:
            offices.until_answered(rng.randrange(1, 10))
            under_way = [pool.submit(client.post, "/api/v1/stats/", content=night()) for _ in range(2)]
            time.sleep(0.1 + rng.random() / 10)  # they have arrived by now
            began = time.monotonic()
            assert service.stop() == 0
            assert time.monotonic() - began < AT_MOST
            assert [post.result().status_code for post in under_way] == [httpx.codes.CREATED] * 2
        service.start(*(["--workers", "2"] if number % 2 else []))
        offices.check_posts()
    service.stop()
    assert offices.answers.keys() <= {200, 201, 503}
    assert offices.unclear == []
    assert offices.torn == 0
    assert " ERROR " not in service.log()


def test_a_kept_connection_does_not_hold_up_a_stop(service: Service) -> None:
    """A post that ends when the service is already told to stop is answered, and told that the connection is not kept;
    that its client stays connected holds up nothing."""
    service.start()
    sent = request("POST", "/api/v1/stats/", night())
    with connected(service) as connection, ThreadPoolExecutor(1) as pool:
        connection.sendall(sent[:-1])
        time.sleep(0.3)
        began = time.monotonic()
        stopped = pool.submit(service.stop)
        time.sleep(0.5)
        connection.sendall(sent[-1:])
        answer = connection.recv(500).lower()
        assert answer.startswith(b"http/1.1 201 ")
        assert b"\r\nconnection: close\r\n" in answer
        assert stopped.result() == 0
        assert time.monotonic() - began < AT_MOST
