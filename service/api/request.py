"""A request as ours: its path is the one that the routes know, and it knows who asks.

Behind a reverse proxy the service lives under a prefix, which the proxy may pass on or strip, and Front Offices
join prefix and path with two slashes. Sanic chooses the route before any middleware runs, and a redirect would lose
a GET's body, so the path is put right here, when the request is made.
"""

import asyncio
import functools
import io
import ipaddress
import itertools
import re
import secrets
import time
from collections.abc import AsyncIterator, Hashable
from typing import Any

import msgspec
from sanic import Request as SanicRequest
from sanic import Sanic
from sanic.config import Config
from sanic.exceptions import BadRequest, PayloadTooLarge, RequestTimeout

from service.api import packing
from service.api.limits import SMALL, Limits, Share, network
from service.api.metrics import Metrics
from service.api.work import Work
from service.errors import BadInput, Unavailable
from service.records import Account
from service.settings import Settings

_NUMBERS = itertools.count(1)
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@functools.cache
def _process() -> str:
    """What begins the ids of this process. Made for the first request: a worker is forked after this is imported."""
    return secrets.token_hex(4)


LINGER_SECONDS = 5.0
"""How long a client may go on sending a body that nobody wants."""

BODY_SECONDS, STRANGERS_BODY_SECONDS = 120.0, 20.0
"""How long a body may take to arrive, from an account and from somebody who needs none."""

_HEAD = re.compile(rb"[!-~]++ [!-~]++ HTTP/1\.[01](?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+)*+")
"""A request's line and headers. What Sanic would take beyond this, others read differently: a blank before a colon, a
line that goes on in the next, a line feed or a zero in a header."""


class Context(msgspec.Struct, frozen=True):
    """What the whole application shares (`app.ctx`)."""

    settings: Settings
    limits: Limits
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


@functools.lru_cache(1024)
def _address(text: str) -> str:
    """An IP address as it is written shortest; "" for what is none."""
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return ""


@functools.lru_cache(4_096)
def is_in(address: str, networks: str) -> bool:
    """Whether an address is in one of the networks, as TRUSTED_PROXIES names them."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip  # IPv4, as a socket for both sees it
    return any(ip in ipaddress.ip_network(each) for each in networks.split(", "))


class Request(SanicRequest[App, Any]):
    """`account` is who asks, once the token was found; `id` names the request in the log and in its answer; `at_work`
    tells that what happens next is not up to the client."""

    __slots__ = ("_share", "account", "at_work", "began")

    app: App

    def __init__(self, url_bytes: bytes, headers: Any, version: str, method: str, *rest: Any, **named: Any) -> None:
        # Sanic makes a stand-in (method NONE) to answer a request that it could not read; its URL may be the very
        # reason, and failing over it again would leave the client without an answer.
        app: App = named["app"] if "app" in named else rest[1]
        prefix = app.ctx.settings.script_name.encode()
        url = b"/" if method == "NONE" else rewritten(url_bytes, prefix, app.ctx.first_parts)
        self.account: Account | None = None  # set before the handler of a route that asks for a token
        self.at_work = False
        self._share: Share | None = None
        self.began = time.perf_counter()
        super().__init__(url, headers, version, method, *rest, **named)
        if method != "NONE":
            self._check_head()

    def _check_head(self) -> None:
        hosts = len(self.headers.getall("host", ()))
        if hosts > 1 or (hosts == 0 and self.version == "1.1") or not _HEAD.fullmatch(self.head):
            raise BadRequest("Bad Request")
        if self.version == "1.0" and "transfer-encoding" in self.headers:
            raise BadRequest("Bad Request")

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
        """Where the request comes from. What is said of that (X-Forwarded-For) counts where FIX_PROXY is set and one of
        the TRUSTED_PROXIES says it; and of several addresses only the last, which that one has seen itself."""
        settings, peer = self.app.ctx.settings, str(self.ip or "unknown")
        said = self.headers.getall("x-forwarded-for", ()) if settings.fix_proxy else ()
        if not said or not is_in(peer, settings.trusted_proxies):
            return peer
        return _address(said[-1].rpartition(",")[2].strip()[:64]) or peer

    @property
    def network(self) -> Hashable:
        """What `limits` counts as the place where the request comes from."""
        return network(self.address)

    @property
    def has_body(self) -> bool:
        """Whether there is a body that was not read yet."""
        return self.stream is not None and bool(self.stream.request_body)

    @property
    def takes_gzip(self) -> bool:
        """Whether a body may be packed: some kilobytes can become many megabytes, which strangers are not given."""
        return self.account is not None

    @property
    def most_bytes(self) -> int:
        """How large its body may be: a stranger has but a few parameters to send."""
        return SMALL if self.account is None else self.app.ctx.settings.max_body_mb << 20

    async def receive_body(self) -> None:
        """Read the body, and unpack it where it comes as gzip. `let_go` has to follow, whatever comes of it.

        Raises PayloadTooLarge (also for what is too large once it is unpacked), UnknownCoding, BadInput where a gzip is
        damaged, RequestTimeout where it does not arrive in time, and `Unavailable` where there is no room for it.
        """
        stream: Any = self.stream  # Sanic's type lacks what its class has
        stream.request_max_size = self.most_bytes
        self._share = Share(self.app.ctx.limits.bodies)
        seconds = STRANGERS_BODY_SECONDS if self.account is None else BODY_SECONDS
        is_here = 0 < stream.request_bytes <= len(stream.recv_buffer)  # as most are: a deadline costs more than they do
        try:
            async with asyncio.timeout(None if is_here else seconds):
                self.at_work = True  # waiting for room is not the client's fault
                await self._share.cover(min(stream.request_bytes, self.most_bytes))
                self.at_work = False
                self.body = await self._read(stream, self._share)
        except (PayloadTooLarge, packing.UnknownCoding, BadInput, Unavailable, TimeoutError) as error:
            stream.request_max_size = self.app.config.REQUEST_MAX_SIZE
            stream.keep_alive = False
            if isinstance(error, TimeoutError):
                raise RequestTimeout("") from None
            raise

    async def _read(self, stream: Any, share: Share) -> bytes:
        """The parts are written into one growing buffer: Sanic's own way holds a large body twice."""
        buffer = io.BytesIO()
        async for part in self._unpacked(stream, self.most_bytes):
            await share.cover(buffer.tell() + len(part))
            buffer.write(part)
        return buffer.getvalue()

    def keep_body(self) -> None:
        """Keep the body in memory until there was one more `let_go`."""
        if self._share:
            self._share.keep()

    def let_go(self) -> None:
        """Forget the body, if nobody else keeps it: an idle connection would hold it."""
        if self._share and not self._share.let_go():
            self.body = b""

    def linger(self) -> None:
        """Let the client send what is left of a body that nobody wants, for a while. Sanic reads and drops it, once the
        answer is sent: were the connection closed on it at once, clients and proxies that are still sending would find
        it broken and no answer."""
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._close_if_unread)

    def _close_if_unread(self) -> None:
        stream: Any = self.stream
        if self.has_body and stream.protocol.transport:
            stream.protocol.transport.close()

    def _unpacked(self, parts: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
        """The parts of the body, unpacked where that is needed."""
        coding = ",".join(self.headers.getall("content-encoding", [])).strip().lower()
        if coding in {"", "identity"}:
            return parts
        if coding in packing.GZIP and self.takes_gzip:
            return packing.gunzipped(parts, most)
        raise packing.UnknownCoding
