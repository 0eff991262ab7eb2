"""What this service counts, and `/metrics`, where Prometheus fetches it.

The workers of one `serve --workers` share a port, and a scrape reaches any of them: there the library keeps the
numbers in files of a common folder, which PROMETHEUS_MULTIPROC_DIR names before this module is imported, and whoever
answers adds them up. What comes out of the database is asked for at each scrape, and kept nowhere.
"""

import asyncio
import fcntl
import functools
import itertools
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, disable_created_metrics, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sanic import HTTPResponse
from sanic.constants import HTTP_METHODS

import service
from service.api.answers import PRIVATE, Answer
from service.api.request import Request
from service.api.routes import Documented, Nothing, Routes, Who
from service.core import state
from service.core.collect import Collected
from service.errors import NotFound, Unavailable
from service.records import Role, StatType

routes = Routes("Operation")

PATIENCE = 2
"""Seconds that a scrape waits for the database before it is called down."""

FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
"""The library's own variable; empty in a process that serves alone."""

OTHER = "other"
"""The label of paths, methods and types that are none of ours: nobody can make new series by sending nonsense."""


@functools.cache
def _number_of(_pid: int) -> int:
    """A number that only this process has: the least that no living process has in the folder.

    By it and not by its process id, as the library would, a worker names its files: the one that takes a dead one's
    place counts on in the files of that one, and there are never more of them than there were workers at a time.
    """
    for number in itertools.count():
        lock = os.open(Path(FOLDER) / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held, and so open, as long as the process lives
        except BlockingIOError:
            os.close(lock)
        else:
            return number
    raise AssertionError("there is no last number")


disable_created_metrics()  # type: ignore[no-untyped-call]
if FOLDER:
    values.ValueClass = values.MultiProcessValue(lambda: _number_of(os.getpid()))  # type: ignore[no-untyped-call]

_registry = CollectorRegistry()

REQUESTS = Counter(
    "monarc_stats_http_requests",
    "Requests that were answered.",
    ["method", "route", "status"],
    registry=_registry,
)
DURATION = Histogram(
    "monarc_stats_http_request_duration_seconds",
    "Time from a request's headers to the beginning of its answer.",
    ["method", "route"],
    registry=_registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),  # a Front Office gives up after 30 s
)
STORED, REPLACED, REFUSED = (
    Counter(f"monarc_stats_rows_{what}", text, ["type"], registry=_registry)
    for what, text in (
        ("stored", "Rows that were posted and stored, replaced ones included."),
        ("replaced", "Rows that were posted and took the place of an earlier one."),
        ("refused", "Rows that were posted and not stored."),
    )
)
for _each in (STORED, REPLACED, REFUSED):  # from the beginning, so that the first one is a rise from 0
    for _type in StatType:
        _each.labels(_type)
REFUSED.labels(OTHER)


def count_answer(request: Request, status: int, seconds: float) -> None:
    """Count a request that is about to be answered."""
    method = request.method if request.method in HTTP_METHODS else OTHER
    requests, duration = _series(method, request.route.path if request.route else None, status)
    requests.inc()
    duration.observe(seconds)


@functools.cache
def _series(method: str, path: str | None, status: int) -> tuple[Counter, Histogram]:
    """The counters of one kind of request. `path`: as Sanic writes it, `api/v1/stats/<anr:str>`."""
    route = OTHER if path is None else "/" + re.sub(r"<(\w+)[^>]*>", r"{\1}", path)
    return REQUESTS.labels(method, route, status), DURATION.labels(method, route)


def count_rows(collected: Collected) -> None:
    """Count the rows of a batch."""
    for row in collected.stored:
        STORED.labels(row.type).inc()
        if row.index in collected.replaced:
            REPLACED.labels(row.type).inc()
    for refusal in collected.refused:
        REFUSED.labels(collected.refused_types.get(refusal.index, OTHER)).inc()


_EXAMPLE = """\
# HELP monarc_stats_http_requests_total Requests that were answered.
# TYPE monarc_stats_http_requests_total counter
monarc_stats_http_requests_total{method="POST",route="/api/v1/stats",status="201"} 12.0
"""


@routes.add(
    "GET",
    "/metrics",
    who=Who.ANYBODY,
    answers={
        200: Documented(text="The metrics", type=str, example=_EXAMPLE, media="text/plain"),
        404: Documented(text="They are turned off (METRICS), or a reverse proxy asks"),
    },
)
async def metrics(request: Request, _: Nothing) -> Answer:
    """What this service counted since it started, and the state of its accounts, for Prometheus.

    Only for those who ask this service itself: what a reverse proxy passes on comes from outside.
    """
    settings = request.app.ctx.settings
    if not settings.metrics:
        raise NotFound("There are no metrics here: METRICS is 0.")
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        raise NotFound("There are no metrics for those who come through a proxy: ask the service itself.")
    kind = "sqlite" if settings.sqlite_path else "postgres"
    about = {"version": service.__version__, "python": platform.python_version(), "database": kind}
    families = [InfoMetricFamily("monarc_stats_build", "What is running.", about), *await _state(request)]
    # Hundreds of series, written by Python: in a thread, requests go on meanwhile.
    text = await asyncio.to_thread(generate_latest, _Scrape(families))
    return HTTPResponse(text, 200, dict(PRIVATE), CONTENT_TYPE_PLAIN_0_0_4)


async def _state(request: Request) -> list[Metric]:
    """What the database tells now, and whether it does. Without an answer of it, the accounts are left out."""
    up = GaugeMetricFamily("monarc_stats_database_up", "Whether the database answers.")
    try:
        found = await asyncio.wait_for(request.app.ctx.work.done(state.freshness()), PATIENCE)
    except (Unavailable, TimeoutError):
        up.add_metric([], 0)
        return [up]
    up.add_metric([], 1)
    text = "Active accounts by when they last posted: at most so long ago and longer than the one before."
    accounts = GaugeMetricFamily("monarc_stats_accounts", text, labels=["role", "last_post"])
    for role in Role:
        for freshness in state.FRESHNESS:
            accounts.add_metric([role.name.lower(), freshness], found[role, freshness])
    return [up, accounts]


class _Scrape(Collector):
    """All that one scrape is told: what the processes counted, and what is true now."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterable[Metric]:
        """The metrics, one by one."""
        if FOLDER:
            yield from MultiProcessCollector(None, FOLDER).collect()  # type: ignore[no-untyped-call]
        else:
            yield from _registry.collect()
        yield from self.families
