"""The dashboard in a browser, by textual-serve: a process of the dashboard for each page that is open.

textual-serve asks nobody who they are and believes any page. So it listens on the loopback interface only, answers only
what comes under its own name (a foreign page that makes a name of its own point here does not) and from its own pages,
and is read-only and without an administrator's token unless told otherwise.
"""

import asyncio
import os
import shlex
import sys
from collections.abc import Awaitable, Callable

from aiohttp import web
from textual_serve.server import Server

from tui.desk import Desk
from tui.errors import SettingsError
from tui.settings import Settings

HOST = "127.0.0.1"

POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page fetches nothing from elsewhere (textual-serve's would fetch a font), and nobody puts it into theirs."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LocalServer(Server):
    """textual-serve's server, for pages of this machine."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self.guard)
        app.on_response_prepare.append(self.seal)
        return app

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what comes under another name than ours, or from another's page."""
        names = {f"{HOST}:{self.port}", f"localhost:{self.port}"}
        origin = request.headers.get("Origin")
        ours = origin in {f"http://{name}" for name in names} or (origin is None and request.path != "/ws")
        if request.headers.get("Host") not in names or not ours:
            raise web.HTTPForbidden(text="This dashboard is for pages of its own, on its own machine.\n")
        return await handler(request)

    async def seal(self, request: web.Request, response: web.StreamResponse) -> None:
        """Tell the browser what the page may do."""
        del request
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"


def run(settings: Settings, port: int, *, allow_admin: bool, allow_changes: bool) -> None:
    """Serve until Ctrl-C. Raises SettingsError where the token is an administrator's and that is not allowed, or where
    the port is taken, and the other errors of asking the service whose token it is."""
    if not allow_admin and asyncio.run(_is_admin(settings)):
        raise SettingsError(
            "The token is an administrator's, and everybody on this machine could use the page.",
            "Take a user's token or none, or say --allow-admin.",
        )
    read_only = settings.read_only or not allow_changes
    if settings.token is not None:  # for the processes of the pages; an argument could be read by everybody
        os.environ["STATS_TOKEN"] = settings.token.reveal()
    server = LocalServer(command(settings, read_only=read_only), HOST, port, title="MONARC statistics")
    try:
        server.serve()
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise SettingsError(f"Port {port} cannot be listened on: {why}.", "Say --port N.") from error


def command(settings: Settings, *, read_only: bool) -> str:
    """What a page's process is started with, for a shell."""
    words = [sys.executable, "-m", "tui", "--server", settings.url, "--refresh", str(settings.refresh)]
    words += ["--global", settings.world] if settings.world else []
    words += ["--read-only"] if read_only else []
    return shlex.join(words)


async def _is_admin(settings: Settings) -> bool:
    desk = Desk.of(settings)
    try:
        await desk.arrive()
    finally:
        await desk.close()
    return desk.is_admin
