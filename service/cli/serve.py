"""`stats-service serve`: serving until SIGTERM or SIGINT, in one process or several."""

import asyncio
import dataclasses
import functools
import gc
import shutil
import signal
import socket
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

import service
from service import logs
from service.cli.db import prepare
from service.cli.shared import shared_folder
from service.cli.terminal import say, stop
from service.cli.workers import STOPPING, become_workers, tie
from service.settings import Settings, described, load

BACKLOG = 1024
"""How many connections may wait to be accepted."""


def _settings_help() -> str:
    """The settings, as the end of the help text."""
    lines = ["Settings, from the environment or the file that STATS_CONFIG names:", ""]
    for one in described():
        lines.append(f"{one.name} (default: {one.default})")
        lines += textwrap.wrap(one.text, 78, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


app = App(
    name="serve",
    help="Serve until SIGTERM or Ctrl-C.",
    help_epilogue=_settings_help(),
    help_format="plaintext",
)


@app.default
def serve(
    *,
    host: str | None = None,
    port: Annotated[int | None, Parameter(validator=Number(gte=0, lte=65535))] = None,
    workers: Annotated[int, Parameter(validator=Number(gte=1, lte=100))] = 1,
    migrate: bool = True,
) -> None:
    """Serve the HTTP API in the foreground until SIGTERM or Ctrl-C; requests under way are finished then.

    :param host: The address to listen on, instead of HOST.
    :param port: The port to listen on, instead of PORT.
    :param workers: How many processes serve. With more than one, another process replaces those that die.
    :param migrate: Bring the tables up to date first. Without it, a start is refused while they are not.
    """
    settings = load()
    wanted: dict[str, Any] = {"host": host, "port": port}
    settings = dataclasses.replace(settings, **{name: v for name, v in wanted.items() if v is not None})
    logs.configure(settings)
    asyncio.run(prepare(settings, migrations=migrate))
    listening = _listen(settings)
    import service.app  # noqa: F401, PLC0415 - here, so that --help need not wait for it, and workers share it

    gc.freeze()  # what is imported stays: nobody need look through it, and workers go on sharing it
    line = _announcement(settings, listening)
    if workers == 1:
        _run(settings, listening, lambda _: _announce(line))
        return
    folder = shared_folder()
    try:
        tether = become_workers(workers, listening, lambda: _announce(f"{line}, in {workers} processes"))
    except SystemExit:  # the supervisor's, when no worker is left
        shutil.rmtree(folder, ignore_errors=True)
        raise
    with tether:
        _run(settings, listening, functools.partial(tie, tether), folder)


def _listen(settings: Settings) -> socket.socket:
    """A socket at the address of the settings; ends the command where it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        stop(f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}")


def _announcement(settings: Settings, listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}{settings.script_name}/"
    return f"Stats Service {service.__version__} listens on {where} with {settings.database_shown}"


def _announce(line: str) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    say(line)
    sys.stdout.flush()


def _run(
    settings: Settings,
    listening: socket.socket,
    begun: Callable[[Callable[[], None]], None],
    shared: Path | None = None,
) -> None:
    """Serve on the socket until a signal says stop, or what `begun` is given, when it serves, is called."""
    from service.api.connections import Connection  # noqa: PLC0415 - as above
    from service.app import create_app  # noqa: PLC0415

    Connection.make_possible()
    server = create_app(settings, shared)

    # A signal that arrives while Sanic has its handlers but is not yet serving would be lost: it waits meanwhile.
    async def hold_signals(*_: object) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)

    async def watch(*_: object) -> None:
        server.add_task(serving())

    async def serving() -> None:
        while not server.state.is_running:  # noqa: ASYNC110 - Sanic offers no event for it
            await asyncio.sleep(0)
        begun(functools.partial(server.stop, terminate=False))

    server.register_listener(hold_signals, "before_server_start")
    server.register_listener(watch, "after_server_start")
    server.run(sock=listening, backlog=BACKLOG, protocol=Connection, single_process=True, access_log=False, motd=False)
