"""A connection as ours: strict in what it takes for HTTP, and bounded in what a client that is slow may hold.

Sanic's own time-outs begin anew with every byte; here what is slow is told from what is idle:

- A request's line and headers have to be there within HEAD_SECONDS, as a whole. (A body: `Request.receive_body`.)
- Who does not read its answer is cut off, and so is the one that has waited longest where too much waits to be read.
- Where there are too many connections, those go that have waited longest for their clients.
"""

import heapq
import logging
import operator
import re
import resource
import time
from asyncio import TimerHandle
from typing import Any, ClassVar

import msgspec
from sanic.exceptions import BadRequest
from sanic.http import Http, Stage
from sanic.http.http1 import HTTP_CONTINUE
from sanic.server.protocols.http_protocol import HttpProtocol

log = logging.getLogger(__name__)

MOST = 2_000
"""How many connections a process has."""

OTHER_FILES = 256
"""How many more files a process has open at most: the database's, the log, SQLite's temporary ones."""

HEAD_SECONDS = 20.0
"""How long a request's line and headers may take. Sanic looks as often as half of the shortest of its times."""

IDLE_SECONDS = 75.0
"""How long a connection may do nothing."""

READING_SECONDS = 20.0
READING_BYTES = 64 << 10
"""A client that takes less than so many bytes of its answer in so many seconds is cut off."""

MOST_UNREAD = 256 << 20
"""The bytes of answers that wait to be read, of all connections together."""

_BUSY = msgspec.json.encode({"message": "The service has as many connections as it can: try again in some seconds."})
_REFUSED = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\ncache-control: no-store\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(_BUSY), _BUSY)
)

_CHUNK_HEAD = re.compile(rb"\r\n[0-9A-Fa-f]{1,16}(?:[\t ]*;[\t\x20-\x7e\x80-\xff]{0,200})?\r\n")
_LONGEST_CHUNK_HEAD = 256


class StrictHttp(Http):
    """HTTP without what one reader takes for the end of a request and another does not."""

    __slots__ = ("_may_follow",)

    upgrade_websocket = property(lambda _: False, lambda _, __: None)
    """Nobody speaks WebSocket here. Sanic believes every client that says it would, and forgets its time-outs then."""

    @property
    def keep_alive(self) -> bool:
        """Whether another request may follow. Not when the service stops: Sanic waits for it as long as it can."""
        return self._may_follow and not self.protocol.signal.stopped

    @keep_alive.setter
    def keep_alive(self, may: bool) -> None:
        self._may_follow = may

    async def read(self) -> bytes | None:
        """Read some bytes of the body. Raises BadRequest where a chunk does not begin as it has to."""
        body: Any = self.request_body  # Sanic's type lacks the word
        if body == "chunked" and not self.request_bytes_left:
            if self.expecting_continue:
                self.expecting_continue = False
                await self._send(HTTP_CONTINUE)
            await self._check_chunk()
        return await super().read()

    async def _check_chunk(self) -> None:
        buffer = self.recv_buffer
        while (end := buffer.find(b"\r\n", 2)) < 0 and len(buffer) < _LONGEST_CHUNK_HEAD:
            await self._receive_more()
        if not _CHUNK_HEAD.fullmatch(buffer, 0, end + 2):
            self.keep_alive = False
            raise BadRequest("Bad chunked encoding")

    def create_empty_request(self) -> None:
        """Make the stand-in for a request that could not be read; of that, too, the log says where it comes from."""
        super().create_empty_request()
        self.request.conn_info = self.protocol.conn_info

    @staticmethod
    def _safe_int(value: str, base: int = 10) -> int:
        """A length. Raises ValueError also for what `int` takes and other programs do not: 0x, +, _, digits of other
        scripts."""
        number = value.strip(" \t")
        if not re.fullmatch("[0-9A-Fa-f]{1,16}", number):
            raise ValueError
        return int(number, base)


class Connection(HttpProtocol):
    """What `App.run` is to be given as its protocol."""

    HTTP_CLASS = StrictHttp

    __slots__ = ("_unread", "_waiting")

    transport: Any

    most: ClassVar[int] = MOST
    """How many of them this process has."""

    _slow: ClassVar[dict[Any, None]] = {}
    """Those that wait for their clients to read, the one that has waited longest first."""

    @classmethod
    def make_possible(cls) -> None:
        """Let this process have as many open files as MOST connections need, or as few connections as it may have."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MOST + OTHER_FILES
        if 0 <= soft < wanted:  # a negative one is none
            soft = min(wanted, hard) if hard >= 0 else wanted
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            cls.most = max(soft - OTHER_FILES, 1)

    @property
    def waits(self) -> bool:
        """Whether there is nothing to do but to wait for the client."""
        http = self.http
        if http is None or http.stage is not Stage.HANDLER:
            return True
        return not http.request.at_work

    def connection_made(self, transport: Any) -> None:
        """Begin, if there is room or can be made."""
        self._waiting: TimerHandle | None = None
        self._unread = 0
        self._time = time.monotonic()
        if len(self.connections) >= self.most and not self._make_room():
            self.transport = transport
            transport.write(_REFUSED)
            transport.close()
        else:
            super().connection_made(transport)  # type: ignore[no-untyped-call]

    def _make_room(self) -> bool:
        """Cut off those that have waited longest, some at once: whoever opens many makes this happen often."""
        waiting = [each for each in self.connections if each.waits]
        longest = heapq.nsmallest(max(self.most // 20, 1), waiting, key=operator.attrgetter("_time"))
        log.warning("There are %d connections: %d that wait for clients are ended", len(self.connections), len(longest))
        for each in longest:
            self.connections.discard(each)
            if not each.close_if_idle():
                each.cut_off()
        return len(self.connections) < self.most

    def data_received(self, data: bytes) -> None:
        """Take what comes. Sanic measures HEAD_SECONDS from `_time`, which has to stand while a head arrives."""
        began = self._time
        super().data_received(data)
        http = self.http
        if http is not None and http.stage is Stage.REQUEST:
            self._time = began

    def pause_writing(self) -> None:
        """More waits to be read than ought to."""
        super().pause_writing()  # type: ignore[no-untyped-call]
        self._slow[self] = None
        self._watch()
        while len(self._slow) > 1 and sum(each._unread for each in self._slow) > MOST_UNREAD:  # noqa: SLF001 - our kind
            next(iter(self._slow)).cut_off()

    def _watch(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._waiting = self.loop.call_later(READING_SECONDS, self._look_again)

    def _look_again(self) -> None:
        if self.transport.get_write_buffer_size() > self._unread - READING_BYTES:
            self.cut_off()
        else:
            self._watch()

    def resume_writing(self) -> None:
        """The client has read nearly all, or is gone."""
        super().resume_writing()  # type: ignore[no-untyped-call]
        self._slow.pop(self, None)
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None

    def cut_off(self) -> None:
        """End the connection, and forget what is still to be read."""
        self.resume_writing()
        self.transport.abort()
