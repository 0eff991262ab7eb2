"""How this instance is: `/health` for who restarts it, `/ready` for who sends it requests, `/metrics` for Prometheus.

What comes out of the database is asked for each time, and kept nowhere.
"""

import asyncio
import platform
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

from prometheus_client import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily
from sanic import HTTPResponse

import service
from service.api import answers, schemas
from service.api.answers import Answer
from service.api.request import Request
from service.api.routes import Documented, Nothing, Routes, Who
from service.core import state
from service.errors import MigrationsPending, NotFound, Unavailable
from service.records import Role

T = TypeVar("T")

routes = Routes("Operation")

PATIENCE = 2
"""Seconds that the database is given to answer: those who ask give up soon themselves."""

RETRY_AFTER = 5

_WELL = Documented(text="All is well", type=schemas.Health, example=schemas.Health("ok", service.__version__, "sqlite"))
_AWAY = "The database cannot be reached: try again in some seconds."

_METRICS = """\
# HELP monarc_stats_http_requests_total Requests that were answered.
# TYPE monarc_stats_http_requests_total counter
monarc_stats_http_requests_total{method="POST",route="/api/v1/stats",status="201"} 12.0
"""


@routes.add("GET", "/health", who=Who.ANYBODY, answers={200: _WELL}, limited=False)
async def health(request: Request, _: Nothing) -> Answer:
    """Whether the service is alive.

    It says nothing of its database: starting the service anew would not bring that back.
    """
    return _well(request)


@routes.add(
    "GET",
    "/ready",
    who=Who.ANYBODY,
    answers={
        200: _WELL,
        503: Documented(
            text="What fails, `database` or `migrations`",
            type=schemas.Failure,
            example=schemas.Failure(_AWAY, {"database": _AWAY}),
            headers=("Retry-After",),
        ),
    },
    limited=False,
)
async def ready(request: Request, _: Nothing) -> Answer:
    """Whether the service can do its work: its database answers, and has the tables of this version."""
    try:
        await _soon(request, state.check_database(request.app.ctx.settings.database_url))
    except Unavailable as error:
        return _not_ready("database", error.message)
    except MigrationsPending as error:
        return _not_ready("migrations", error.message)
    return _well(request)


@routes.add(
    "GET",
    "/metrics",
    who=Who.ANYBODY,
    answers={
        200: Documented(text="The metrics", type=str, example=_METRICS, media="text/plain"),
        404: Documented(text="They are not turned on (METRICS), or a reverse proxy asks", type=schemas.Failure),
    },
)
async def metrics(request: Request, _: Nothing) -> Answer:
    """What this service counted since it started, and the state of its accounts and of sharing, for Prometheus.

    Only for those who ask this service itself: what a reverse proxy passes on comes from outside.
    """
    if not request.app.ctx.settings.metrics:
        raise NotFound("There are no metrics here: METRICS=1 turns them on.")
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        raise NotFound("There are no metrics for those who come through a proxy: ask the service itself.")
    about = {"version": service.__version__, "python": platform.python_version(), "database": _database(request)}
    further = [InfoMetricFamily("monarc_stats_build", "What is running.", about), *await _state(request)]
    # Hundreds of series, written by Python: in a thread, requests go on meanwhile.
    text = await asyncio.to_thread(request.app.ctx.metrics.text, further)
    return HTTPResponse(text, 200, dict(answers.PRIVATE), CONTENT_TYPE_PLAIN_0_0_4)


async def _state(request: Request) -> list[Metric]:
    """What the database tells now, and whether it does. Without an answer of it, the accounts are left out."""
    up = GaugeMetricFamily("monarc_stats_database_up", "Whether the database answers.")
    try:
        found, push = await _soon(request, _asked())
    except Unavailable:
        up.add_metric([], 0)
        return [up]
    up.add_metric([], 1)
    text = "Active accounts by when they last posted: at most so long ago and longer than the one before."
    accounts = GaugeMetricFamily("monarc_stats_accounts", text, labels=["role", "last_post"])
    for role in Role:
        for freshness in state.FRESHNESS:
            accounts.add_metric([role.name.lower(), freshness], found[role, freshness])
    return [up, accounts, *_of_push(push)]


async def _asked() -> tuple[Counter[tuple[Role, str]], state.Run | None]:
    return await state.freshness(), await state.last_push()


def _of_push(push: state.Run | None) -> list[Metric]:
    """What the last push did; nothing where there was none."""
    if push is None or push.ended_at is None:
        return []
    text = "When the last push to another instance ended."
    ended = GaugeMetricFamily("monarc_stats_push_ended_timestamp_seconds", text)
    ended.add_metric([], push.ended_at.timestamp())
    complete = GaugeMetricFamily("monarc_stats_push_complete", "Whether it left nothing for the next one.")
    complete.add_metric([], not (push.error or push.left_over))
    rows = GaugeMetricFamily(
        "monarc_stats_push_rows", "What became of the rows that it had to send.", labels=["outcome"]
    )
    for outcome in ("sent", "already_there", "refused", "left_over"):
        rows.add_metric([outcome], getattr(push, outcome))
    return [ended, complete, rows]


async def _soon(request: Request, asking: Coroutine[Any, Any, T]) -> T:
    """What the database answers. Raises `Unavailable`, also where it does not answer soon."""
    try:
        return await asyncio.wait_for(request.app.ctx.work.done(asking), PATIENCE)
    except TimeoutError:
        raise Unavailable(f"The database has not answered within {PATIENCE} s.") from None


def _database(request: Request) -> schemas.Database:
    return "sqlite" if request.app.ctx.settings.sqlite_path else "postgres"


def _well(request: Request) -> Answer:
    return answers.value(schemas.Health("ok", service.__version__, _database(request)))


def _not_ready(what: str, why: str) -> Answer:
    headers = {**answers.PRIVATE, "retry-after": str(RETRY_AFTER)}
    return answers.value(schemas.Failure(why, {what: why}), 503, headers)
