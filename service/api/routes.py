"""The routes of the API, each declared once, and what happens to every request of theirs.

A module of handlers makes a `Routes` and decorates its handlers with it. A handler gets the request, its parameters
as the declared struct, and the UUIDs in its path by their names; `install` puts all of them into the application and
`openapi` describes them.
"""

import contextlib
import enum
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from sanic import HTTPResponse
from sanic.constants import HTTP_METHODS
from sanic.exceptions import MethodNotAllowed, RequestCancelled
from sanic.router import Router as SanicRouter

from service.api import answers, auth, parameters
from service.api.answers import Answer, Stream
from service.api.request import App, Request
from service.errors import BadInput, StatsServiceError

log = logging.getLogger(__name__)


class Who(enum.Enum):
    """Who may call a route."""

    ANYBODY = enum.auto()
    ACCOUNT = enum.auto()
    ADMIN = enum.auto()


class Nothing(msgspec.Struct):
    """The parameters of a route that has none."""


class Documented(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it is described: what it means, the type and an example of its content, the headers of note."""

    text: str
    type: Any = None
    example: Any = None
    media: str = answers.JSON
    headers: tuple[str, ...] = ()


Handler = Callable[..., Awaitable[Answer]]
Served = Callable[..., Coroutine[Any, Any, HTTPResponse | None]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A method on a path (`/api/v1/stats/{anr}`; every part in braces is a UUID), and all that is said of it.

    `body`: the type of a body that the handler reads by itself, from `request.body`; the parameters are not read then.
    `limited`: whether it is refused to those who ask too often, and where the service has too much to do.
    """

    method: str
    path: str
    handler: Handler
    who: Who
    parameters: type[msgspec.Struct]
    body: Any
    answers: Mapping[int, Documented]
    tag: str
    limited: bool

    @property
    def versioned(self) -> bool:
        """Whether the route is for Front Offices, and so has to be called by a MONARC that is new enough."""
        return self.path.startswith("/api/")


class Routes:
    """The routes of one module, under one heading of the documentation."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.all: list[Route] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        who: Who,
        answers: Mapping[int, Documented],
        parameters: type[msgspec.Struct] = Nothing,
        body: Any = None,
        limited: bool = True,
    ) -> Callable[[Handler], Handler]:
        """Decorates a handler: see `Route`."""

        def declare(handler: Handler) -> Handler:
            route = Route(
                method=method,
                path=path,
                handler=handler,
                who=who,
                parameters=parameters,
                body=body,
                answers=answers,
                tag=self.tag,
                limited=limited,
            )
            self.all.append(route)
            return handler

        return declare


class Router(SanicRouter):
    """Sanic's, for which a word that is no method is one that the path has not: Sanic itself does not know then which
    methods the path has."""

    def get(  # type: ignore[override] # as Sanic's own does
        self, path: str, method: str, host: str | None
    ) -> tuple[Any, Any, dict[str, Any]]:
        """The route, its handler, and the parts in braces. Raises what Sanic's own raises."""
        try:
            return super().get(path, method, host)
        except MethodNotAllowed:
            return super().get(path, "OPTIONS", host)


def install(app: App, routes: Iterable[Route]) -> None:
    """Put the routes into the application. HEAD goes wherever GET goes, and OPTIONS tells the methods of a path."""
    methods: dict[str, list[str]] = {}
    for route in routes:
        own = ["GET", "HEAD"] if route.method == "GET" else [route.method]
        methods.setdefault(route.path, []).extend(own)
        name = f"{route.method.lower()}_{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}"
        served = _served(route)
        app.add_route(served, _sanic(route.path), methods=own, name=name, stream=True, ctx_limited=route.limited)
    for number, (path, own) in enumerate(methods.items()):
        other = sorted(set(HTTP_METHODS).difference(own))
        answer = _other_methods([*own, "OPTIONS"])
        app.add_route(answer, _sanic(path), methods=other, name=f"other_{number}", stream=True)


def _sanic(path: str) -> str:
    return path.replace("{", "<").replace("}", ":str>")


def _other_methods(allowed: list[str]) -> Served:
    """What answers the methods that a path has not: Sanic itself does not tell of paths with parts in braces which
    methods they have."""

    async def answer(request: Request, **_path: str) -> HTTPResponse:
        if request.method == "OPTIONS":
            return HTTPResponse(status=204, headers={"allow": ", ".join(allowed)})
        raise MethodNotAllowed("", method=request.method, allowed_methods=allowed)

    return answer


def _served(route: Route) -> Served:
    """What Sanic calls for a route. Nobody's body is read before it is known who sends it."""

    async def served(request: Request, **path: str) -> HTTPResponse | None:
        work = request.app.ctx.work
        if route.limited:
            work.check()
        if route.versioned:
            auth.check_version(request)
        try:
            if request.has_body:
                await work.done(_admit(route, request))
                await request.receive_body()
            request.at_work = True
            answer = await work.done(_answered(route, request, path))
            request.at_work = False
            if isinstance(answer, HTTPResponse):
                return answer
            await _send(request, answer)
        finally:
            request.let_go()
        return None

    return served


async def _admit(route: Route, request: Request) -> None:
    if route.who is not Who.ANYBODY and request.account is None:
        request.account = await auth.admit(request, only_admins=route.who is Who.ADMIN)


async def _answered(route: Route, request: Request, path: Mapping[str, str]) -> Answer:
    """What the handler answers. It goes on where the client leaves, and the body is kept that long."""
    request.keep_body()
    try:
        await _admit(route, request)
        given = parameters.read(route.parameters, request, read_body=route.body is None)
        return await route.handler(request, given, **{name: _uuid(name, text) for name, text in path.items()})
    finally:
        request.let_go()


def _uuid(name: str, text: str) -> UUID:
    with contextlib.suppress(msgspec.ValidationError):
        return msgspec.convert(text, UUID)
    raise BadInput(f"{name} in the path has to be a UUID.", {name: "has to be a UUID"})


async def _send(request: Request, answer: Stream) -> None:
    """Send a stream. Where its source fails, too little is sent and the connection is cut."""
    headers = {"content-length": str(answer.size), "cache-control": "no-store"}
    response = await request.respond(HTTPResponse(None, answer.status, headers, answers.JSON))
    try:
        async with contextlib.aclosing(request.app.ctx.work.steps(answer.parts)) as parts:
            if request.method != "HEAD":
                async for part in parts:
                    await response.send(part)
        await response.eof()
    except StatsServiceError as error:
        said = {"request": request.id}
        log.warning("The answer to request %s was cut short: %s", request.id, error.message, extra=said)
        raise RequestCancelled from error  # Sanic ends the connection then, and nothing else
