"""A request as ours: its path is the one that the routes know, and it knows who asks.

Behind a reverse proxy the service lives under a prefix, which the proxy may pass on or strip, and Front Offices
join prefix and path with two slashes. Sanic chooses the route before any middleware runs, and a redirect would lose
a GET's body, so the path is put right here, when the request is made.
"""

import asyncio
import functools
import io
import itertools
import re
import secrets
import time
from typing import Any

import msgspec
from sanic import Request as SanicRequest
from sanic import Sanic
from sanic.config import Config
from sanic.exceptions import PayloadTooLarge

from service.api.metrics import Metrics
from service.api.work import Work
from service.records import Account
from service.settings import Settings

_NUMBERS = itertools.count(1)
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@functools.cache
def _process() -> str:
    """What begins the ids of this process. Made for the first request: a worker is forked after this is imported."""
    return secrets.token_hex(4)


LINGER_SECONDS = 5.0
"""How long a client may go on sending a body that has been refused as too large."""


class Context(msgspec.Struct, frozen=True):
    """What the whole application shares (`app.ctx`)."""

    settings: Settings
    work: Work
    metrics: Metrics
    first_parts: frozenset[bytes]
    """The first parts of all paths that there are, such as b"api"."""
    background: set[asyncio.Task[None]] = msgspec.field(default_factory=set)
    """What runs beside the requests from start to stop."""


App = Sanic[Config, Context]


def rewritten(url: bytes, prefix: bytes, first_parts: frozenset[bytes]) -> bytes:
    """The URL of a request line as the routes know it: without host, prefix, doubled and trailing slashes.

    `prefix` begins with a slash, or is empty. It is only taken off where a path of ours remains: under the prefix
    `/stats` the path `/stats/threats.json` means that file, and no `threats.json`.
    """
    if url[:1] != b"/" and b"://" in url:
        url = b"/" + url.split(b"://", 1)[1].partition(b"/")[2]
    path, mark, query = url.partition(b"#")[0].partition(b"?")
    parts = [part for part in path.split(b"/") if part]
    before = [part for part in prefix.split(b"/") if part]
    if before and parts[: len(before)] == before and first_parts.intersection(parts[len(before) : len(before) + 1]):
        parts = parts[len(before) :]
    return b"/" + b"/".join(parts) + mark + query


class Request(SanicRequest[App, Any]):
    """`account` is who asks, once the token was found; `id` names the request in the log and in its answer."""

    __slots__ = ("account", "began")

    app: App

    def __init__(self, url_bytes: bytes, headers: Any, version: str, method: str, *rest: Any, **named: Any) -> None:
        # Sanic makes a stand-in (method NONE) to answer a request that it could not read; its URL may be the very
        # reason, and failing over it again would leave the client without an answer.
        app: App = named["app"] if "app" in named else rest[1]
        prefix = app.ctx.settings.script_name.encode()
        url = b"/" if method == "NONE" else rewritten(url_bytes, prefix, app.ctx.first_parts)
        super().__init__(url, headers, version, method, *rest, **named)
        self.account: Account | None = None  # set before the handler of a route that asks for a token
        self.began = time.perf_counter()

    @property
    def id(self) -> str:
        """The client's X-Request-ID where it is a plain word, or one made here."""
        if self._id is None:
            given = self.headers.get("x-request-id", "")
            self._id = given if _GIVEN_ID.fullmatch(given) else f"{_process()}-{next(_NUMBERS):x}"
        return str(self._id)

    @property
    def asker(self) -> Account:
        """The account that asks, for handlers of routes that want a token."""
        if self.account is None:
            raise RuntimeError("the route of this handler has to ask for a token")
        return self.account

    @property
    def address(self) -> str:
        """Where the request comes from; what a proxy says of that counts where FIX_PROXY is set."""
        forwarded = self.remote_addr if self.app.ctx.settings.fix_proxy else ""
        return str(forwarded or self.ip or "unknown")

    @property
    def has_body(self) -> bool:
        """Whether there is a body that was not read yet."""
        return self.stream is not None and bool(self.stream.request_body)

    async def receive_body(self) -> None:
        """Read the body.

        Raises PayloadTooLarge. The parts are written into one growing buffer: Sanic's own way holds a large body
        twice.
        """
        stream: Any = self.stream  # Sanic's type lacks what its class has
        stream.request_max_size = self.app.ctx.settings.max_body_mb << 20
        buffer = io.BytesIO()
        try:
            async for part in stream:
                buffer.write(part)
        except PayloadTooLarge:
            # What is still on its way Sanic reads and drops, once the answer is sent. Were the connection closed on
            # it at once, clients and proxies that are still sending would find it broken and no answer.
            stream.request_max_size = self.app.config.REQUEST_MAX_SIZE
            asyncio.get_running_loop().call_later(LINGER_SECONDS, stream.protocol.transport.close)
            raise
        self.body = buffer.getvalue()
