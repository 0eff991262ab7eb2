"""SIGTERM under load: what was begun is finished, nobody is left with half an answer, and the exit code is 0."""

import contextlib
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests import samples
from tests.reliability.offices import Offices, differences, new_uuid
from tests.servers import Service
from tests.service.test_api_aborts import connected, request

pytestmark = pytest.mark.long_on_postgres

AT_MOST = 10.0
"""How many seconds a stop takes when nobody is slow; the grace time is for those who are."""

MOMENT = 0.3
"""What was sent so many seconds before a stop has reached the service, and has to be answered; so many seconds after it
nobody is let in. (Both are some milliseconds, where the machine has nothing else to do; where it has, what an ordinary
request takes comes on top.)"""

CLIENTS = 3
"""Of each kind: two that post, and one that draws charts."""


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service that is started and stopped by the test; it is killed in the end where it still runs."""
    with contextlib.closing(Service(database_url, tmp_path)) as made:
        yield made


def night(rng: random.Random) -> bytes:
    """A batch that takes a while."""
    return json.dumps([row for _ in range(20) for row in samples.rows(new_uuid(rng), "2026-06-01")]).encode()


@pytest.mark.parametrize("stops", [1, pytest.param(50, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])])
def test_a_stop_under_load_loses_nothing(service: Service, rng: random.Random, stops: int) -> None:
    """Several processes, or one in turn, that post and draw charts, on new connections and on kept ones: the requests
    under way are answered, those that come too late are refused, no answer is torn, and all that was acknowledged is
    there.

    What is sent in the very moment of the stop may get no answer: nobody can tell a client that is about to send that
    its connection, or its place in the queue of new ones, is about to be closed. That is rare, each client meets it
    once at most, and of what it sent nothing is there, or all."""
    service.start("--workers", "2")
    both = [Offices(service, rng, CLIENTS - 1, kept=kept) for kept in (False, True)]
    client = service.client("large")
    with both[0], both[1]:
        both[0].until_answered(5)
    ordinary = max(offices.slowest for offices in both)
    for number in range(stops):
        before = [len(offices.dropped) for offices in both]
        with both[0], both[1], ThreadPoolExecutor(2) as pool:
            both[number % 2].until_answered(rng.randrange(1, 10))
            under_way = [pool.submit(client.post, "/api/v1/stats/", content=night(rng)) for _ in range(2)]
            time.sleep(max(0.1, ordinary) + rng.random() / 10)  # they have arrived by now
            began = time.monotonic()
            assert service.stop() == 0
            assert time.monotonic() - began < AT_MOST
            assert [post.result().status_code for post in under_way] == [httpx.codes.CREATED] * 2
            time.sleep(0.1)  # everybody tries once more
        for offices, known in zip(both, before, strict=True):
            moments = [when - began for when in offices.dropped[known:]]
            assert len(moments) <= CLIENTS
            assert all(abs(when) < MOMENT + ordinary for when in moments), (moments, ordinary)
        service.start(*(["--workers", "2"] if number % 2 else []))
        for offices in both:
            offices.check_posts()
    service.stop()
    for offices in both:
        print(offices.answers, offices.refused, len(offices.dropped), offices.slowest)  # noqa: T201 - as above
        assert offices.answers.keys() <= {200, 201, 207, 503}
        assert offices.refused
        assert len(offices.dropped) <= stops + CLIENTS
        assert offices.unclear == []
        assert offices.torn == 0
    assert " ERROR " not in service.log()


def test_a_kept_connection_does_not_hold_up_a_stop(service: Service, rng: random.Random) -> None:
    """A post that ends when the service is already told to stop is answered, and told that the connection is not kept;
    that its client stays connected holds up nothing."""
    service.start()
    sent = request("POST", "/api/v1/stats/", night(rng))
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
    assert differences(service.database_url) == []
