"""The wiring: settings, database and HTTP interface, put together to one application."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from sanic import Sanic
from sanic.config import Config

from service.api import access, auth, clients, connections, docs, health, processed, public, routes, sharing, stats
from service.api.failures import Failures
from service.api.limits import Limits
from service.api.metrics import Metrics
from service.api.request import App, Context, Request
from service.api.work import Work
from service.core import clients as accounts
from service.errors import MigrationsPending
from service.settings import Settings
from service.storage import connection, migrate

log = logging.getLogger(__name__)

FLUSH_SECONDS = 60
"""How often it is stored when accounts were last seen."""

GRACE_SECONDS = 30.0
"""How long a stop waits for requests that are under way."""

ROUTES = [route for module in (clients, stats, processed, sharing, public, health) for route in module.routes.all]


def create_app(settings: Settings, shared: Path | None = None) -> App:
    """The application, ready to be served. It opens the database when it starts.

    `shared`: a folder that all processes behind one port have in common, if there are several.
    Its start raises `Unavailable` where the database cannot be reached, and `MigrationsPending`.
    """
    context = Context(
        settings=settings,
        limits=Limits(settings),
        work=Work(),
        metrics=Metrics(shared),
        first_parts=frozenset(_first_parts()),
    )
    app: App = Sanic(
        "stats-service",
        config=_config(settings),
        ctx=context,
        router=routes.Router(),
        request_class=Request,  # type: ignore[arg-type] # Sanic types it for its own context only
        error_handler=Failures(),
        configure_logging=False,
    )
    routes.install(app, ROUTES)
    docs.install(app, ROUTES)
    app.register_middleware(auth.check_address, "request")
    app.register_middleware(access.finish, "response")
    app.register_listener(_start, "before_server_start")
    app.register_listener(_stop, "after_server_stop")
    return app


def _config(settings: Settings) -> Config:
    config = Config(env_prefix=None)  # the environment is read in `settings` alone
    config.update(
        {
            "AUTO_EXTEND": False,
            "MOTD": False,
            # How much is read to be dropped; how much is taken, `Request.receive_body` decides.
            "REQUEST_MAX_SIZE": settings.max_body_mb << 22,
            "REQUEST_MAX_HEADER_SIZE": 16_384,
            "REQUEST_TIMEOUT": connections.HEAD_SECONDS,
            # A large batch, behind another one, on a slow disk. Beyond it the client is told to come back.
            "RESPONSE_TIMEOUT": 120,
            "KEEP_ALIVE_TIMEOUT": connections.IDLE_SECONDS,
            "GRACEFUL_SHUTDOWN_TIMEOUT": GRACE_SECONDS,
        }
    )
    return config


def _first_parts() -> Iterator[bytes]:
    """The first part of every path (see `service.api.request.rewritten`)."""
    for path in [*(route.path for route in ROUTES), docs.PAGE_PATH, docs.DOCUMENT_PATH]:
        yield path.split("/")[1].encode()


async def _start(app: App) -> None:
    settings = app.ctx.settings
    await connection.open_database(settings.database_url)
    try:
        await _check(settings)
        app.ctx.background.add(asyncio.create_task(_flush_regularly(app.ctx.work)))
        app.ctx.background.add(asyncio.create_task(connection.watch()))
    except BaseException:
        await connection.close_database()  # SQLite's threads would keep the process from ending
        raise


async def _check(settings: Settings) -> None:
    if names := await migrate.pending(settings.database_url):
        raise MigrationsPending(
            f"The database lacks {len(names)} migrations: run `stats-service db upgrade`, then start again."
        )
    if settings.admin_token:
        await accounts.ensure_admin(settings.admin_token)


async def _flush_regularly(work: Work) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        try:
            await work.done(accounts.flush_seen())
        except Exception:
            log.exception("When accounts were last seen could not be stored")


async def _stop(app: App) -> None:
    """When no connection is left: finish what was begun for clients that left, and close the database."""
    await app.ctx.work.finish(GRACE_SECONDS)
    with contextlib.suppress(Exception):
        await accounts.flush_seen()
    for task in app.ctx.background:  # what watches the database does so to the end
        task.cancel()
    await connection.close_database()
