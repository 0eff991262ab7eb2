"""Whether this instance works: `/health` for who restarts it, `/ready` for who sends requests to it."""

import asyncio

import service
from service.api import answers, schemas
from service.api.answers import Answer
from service.api.request import Request
from service.api.routes import Documented, Nothing, Routes, Who
from service.core import state
from service.errors import MigrationsPending, Unavailable

routes = Routes("Operation")

PATIENCE = 2
"""Seconds that `/ready` waits for the database."""

RETRY_AFTER = 5

_WELL = Documented(text="All is well", type=schemas.Health, example=schemas.Health("ok", service.__version__, "sqlite"))


@routes.add("GET", "/health", who=Who.ANYBODY, answers={200: _WELL})
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
            example=schemas.Failure(
                "The database cannot be reached: try again in some seconds.",
                {"database": "The database cannot be reached: try again in some seconds."},
            ),
            headers=("Retry-After",),
        ),
    },
)
async def ready(request: Request, _: Nothing) -> Answer:
    """Whether the service can do its work: its database answers, and has the tables of this version."""
    try:
        check = state.check_database(request.app.ctx.settings.database_url)
        await asyncio.wait_for(request.app.ctx.work.done(check), PATIENCE)
    except Unavailable as error:
        return _not_ready("database", error.message)
    except TimeoutError:
        return _not_ready("database", f"The database has not answered within {PATIENCE} s.")
    except MigrationsPending as error:
        return _not_ready("migrations", error.message)
    return _well(request)


def _well(request: Request) -> Answer:
    database: schemas.Database = "sqlite" if request.app.ctx.settings.sqlite_path else "postgres"
    return answers.value(schemas.Health("ok", service.__version__, database))


def _not_ready(what: str, why: str) -> Answer:
    headers = {**answers.PRIVATE, "retry-after": str(RETRY_AFTER)}
    return answers.value(schemas.Failure(why, {what: why}), 503, headers)
