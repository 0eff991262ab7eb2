"""Another Stats Service, ours or the old one, over a network that may fail.

`Peer` sends rows and says of each what became of it, reads rows, and deletes an analysis. It asks again where that may
help, which is harmless: rows have stable uuids, which our service replaces and the old one keeps. Only JSON that
accounts for each row counts as an answer to rows. Redirects are not followed and cookies not kept; of the headers only
the token's says who asks.
"""

import asyncio
import collections
import contextlib
import datetime as dt
import gzip
import re
from collections.abc import Awaitable, Callable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import msgspec

from service.peer import failures
from service.peer.answers import MAY_COUNT, Answer, Fates, RemoteRow, printable
from service.peer.failures import Refused
from service.peer.retries import Again, PeerUnusable, Retries, Unsure
from service.records import StatType

__all__ = ["Peer", "PeerUnusable", "Receipt", "RemoteRow", "Request", "Row"]

T = TypeVar("T")

Row = tuple[UUID, bytes]
"""A row to send: its uuid at the remote, and its JSON text with that uuid in it."""

ROWS = "/api/v1/stats/"  # the old service redirects where the slash is missing

CONNECT_SECONDS = 10.0

HAPLESS = 5
"""When so many single rows in turn get no good answer, the rows are not to blame."""

MOST_READ = 64 << 20
"""The most bytes of an answer that rows are read from."""

MOST_TOLD = 1 << 20
EXPANSION = 8
"""Other answers may have MOST_TOLD bytes and so many times those of the request: the rows come back, perhaps with each
letter as an escape."""

WORTH_PACKING = 1000
_JSON = {"Content-Type": "application/json"}

QUICK = 1
"""gzip's quickest level makes a third of rows. The slowest takes ten times as long for another sixth."""


class Receipt(msgspec.Struct):
    """What became of rows: the uuid of each that was to be sent stands in one of the four.

    `already_there`: the remote had the uuid and keeps what it has, as the old service does. `refused`: why it does not
    take a row. `left`: why it is not known to have a row, which has to be sent again. `bytes`: how many were sent in
    bodies, repetitions included.
    """

    stored: set[UUID] = msgspec.field(default_factory=set)
    already_there: set[UUID] = msgspec.field(default_factory=set)
    refused: dict[UUID, str] = msgspec.field(default_factory=dict)
    left: dict[UUID, str] = msgspec.field(default_factory=dict)
    bytes: int = 0


class Request(msgspec.Struct, frozen=True):
    """A request as it is sent, but for the token. `body`: before it is packed."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


class Peer:
    """A remote service, within an `async with` block.

    `budget`: how many seconds all of it may take, from the block's beginning, pauses included. `patience`: how many one
    request may. `pause`: how many the first repetition waits at most; each further one, twice as long.
    """

    def __init__(self, url: str, token: str, *, budget: float, patience: float = 120.0, pause: float = 0.5) -> None:
        """`url` may end with the path that the service lives under. Raises PeerUnusable where it is no address, or the
        token can be none."""
        if not re.fullmatch("[!-~]+", token):
            raise PeerUnusable("The token for the remote service is missing, or has characters that no token has.")
        self.name = _name(url)
        """The remote as messages name it."""
        self.over: str | None = None
        """Why no more rows can be sent, once that is so."""
        self._url = url.rstrip("/")
        self._token = token
        self._retries = Retries(self.name, budget, patience, pause)
        self._gzip: bool | None = None  # not known yet
        self._hapless = 0
        self._http: httpx.AsyncClient

    async def __aenter__(self) -> Self:
        self._http = httpx.AsyncClient(
            headers={"X-API-KEY": self._token, "User-Agent": "stats-service", "Accept-Encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            follow_redirects=False,
        )
        self._retries.start()
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def post(self, rows: Sequence[Row]) -> Receipt:
        """Send rows, in as many requests as it takes.

        Raises PeerUnusable where the remote cannot be used. If that turns out after some of the rows were settled, the
        others are `left` instead, `over` says why, and the next call raises.
        """
        if self.over:
            raise PeerUnusable(self.over)
        receipt = Receipt()
        todo = collections.deque([rows] if rows else [])
        try:
            while todo:
                parts = await self._settle(todo[0], receipt)
                todo.popleft()
                todo.extendleft(reversed(parts))
        except PeerUnusable as error:
            self.over = error.message
            if not (receipt.stored or receipt.already_there or receipt.refused):
                raise
            receipt.left |= {number: error.message for batch in todo for number, _ in batch}
        return receipt

    def request(self, rows: Sequence[Row]) -> Request:
        """The request with which `post` sends rows for the first time."""
        body = _body(rows)
        made = self._http.build_request("POST", self._url + ROWS, content=body, headers=_JSON)
        headers = {name.decode(): value.decode() for name, value in made.headers.raw if name.lower() != b"x-api-key"}
        return Request(made.method, str(made.url), headers, body)

    async def delete_analysis(self, anr: UUID) -> None:
        """Delete the rows of an analysis at the remote, where there may be none.

        Raises PeerUnusable where they may be still there.
        """

        async def ask() -> None:
            answer = await self._ask("DELETE", f"{ROWS}{anr}", most=MOST_TOLD)
            if answer.status == httpx.codes.NO_CONTENT or (answer.status == httpx.codes.OK and answer.is_json):
                return
            if answer.status in {httpx.codes.FORBIDDEN, httpx.codes.METHOD_NOT_ALLOWED}:
                raise PeerUnusable(f"{self.name} does not let this token delete: {answer.words(self._token)}")
            raise self._failure(answer)

        await self._insist(ask)

    async def rows(
        self, stat_type: StatType, date_from: dt.date, date_to: dt.date, *, offset: int = 0, limit: int = 0
    ) -> list[RemoteRow]:
        """The token's rows of a type, both days included; at most `limit` (0: all) from the `offset`th on.

        Raises PeerUnusable, also where they are more than MOST_READ bytes.
        """
        wanted = {"type": stat_type, "date_from": date_from, "date_to": date_to, "offset": offset, "limit": limit}

        async def ask() -> list[RemoteRow]:
            answer = await self._ask("GET", ROWS, msgspec.json.encode(wanted), most=MOST_READ)
            if answer.status != httpx.codes.OK:
                raise self._failure(answer)
            if (rows := answer.rows()) is None:
                raise Unsure(f"{self.name} answers with something else than rows.")
            return rows

        return await self._insist(ask)

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._retries.insist(ask)
        except (Unsure, Refused) as failure:
            raise PeerUnusable(failure.message) from None

    # --- batches -------------------------------------------------------------------------------------------------

    async def _settle(self, batch: Sequence[Row], receipt: Receipt) -> list[Sequence[Row]]:
        """Send a batch and note what became of it. Where that is not known of each row, its halves are to be sent."""
        try:
            fates = await self._retries.insist(lambda: self._send(batch, receipt))
        except (Unsure, Refused) as failure:
            if len(batch) > 1:
                middle = len(batch) // 2
                return [batch[:middle], batch[middle:]]
            self._settle_single(batch[0][0], failure, receipt)
            return []
        self._hapless = 0
        receipt.stored |= fates.stored
        receipt.already_there |= fates.already_there
        receipt.refused |= {number: printable(why, self._token) for number, why in fates.refused.items()}
        return []

    def _settle_single(self, number: UUID, failure: Unsure | Refused, receipt: Receipt) -> None:
        if isinstance(failure, Refused) and failure.final:
            self._hapless = 0
            receipt.refused[number] = failure.message
            return
        receipt.left[number] = failure.message
        self._hapless += 1
        if self._hapless >= HAPLESS:
            raise PeerUnusable(f"It went wrong for {HAPLESS} rows in turn, one by one. {failure.message}")

    async def _send(self, batch: Sequence[Row], receipt: Receipt) -> Fates:
        """One request. Raises Again, PeerUnusable, and Refused for the batch as a whole."""
        body = _body(batch)
        most = MOST_TOLD + EXPANSION * len(body)
        packed = None
        if self._gzip and len(body) >= WORTH_PACKING:
            packed = await asyncio.to_thread(gzip.compress, body, QUICK, mtime=0)
        receipt.bytes += len(packed or body)
        answer = await self._ask("POST", ROWS, packed or body, most=most, packed=packed is not None)
        if packed is not None and answer.status == httpx.codes.UNSUPPORTED_MEDIA_TYPE:
            self._gzip = False
            return await self._send(batch, receipt)
        if fates := answer.fates([number for number, _ in batch]):
            return fates
        if answer.status in MAY_COUNT:
            raise Unsure(f"{self.name} answers with something that does not account for the rows.")
        raise self._failure(answer)

    # --- requests ------------------------------------------------------------------------------------------------

    async def _ask(self, method: str, path: str, body: bytes = b"", *, most: int, packed: bool = False) -> Answer:
        """One request, and its answer of at most so many bytes. Raises Again where there is none."""
        headers = dict(_JSON) if body else {}
        headers |= {"Content-Encoding": "gzip"} if packed else {}
        try:
            async with (
                self._retries.one_request(),
                self._http.stream(method, self._url + path, content=body or None, headers=headers) as response,
            ):
                answer = Answer(response.status_code, response.headers, await self._content(response, most))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise failures.of_connection(self.name, error) from None
        except httpx.TransportError:
            raise Unsure(f"The connection to {self.name} broke.") from None
        if self._gzip is None and answer.takes_gzip:
            self._gzip = True
        return answer

    async def _content(self, response: httpx.Response, most: int) -> bytes:
        content = bytearray()
        async for part in response.aiter_raw():
            content += part
            if len(content) > most:
                raise PeerUnusable(f"{self.name} answers with more than {most >> 20} MiB.")
        coding = response.headers.get("content-encoding", "identity").lower()
        return bytes(content) if coding == "identity" else b""

    def _failure(self, answer: Answer) -> Again | Refused | PeerUnusable:
        return failures.of_answer(self.name, answer, self._token)


def _body(batch: Sequence[Row]) -> bytes:
    return b"[" + b",".join(text for _, text in batch) + b"]"


def _name(url: str) -> str:
    """Host, port and path of an address, where it is one, and has nothing else."""
    with contextlib.suppress(httpx.InvalidURL, ValueError):
        parts, port = httpx.URL(url), urlsplit(url).port
        more = parts.userinfo or parts.query or parts.fragment
        if parts.scheme in {"http", "https"} and parts.host and port != 0 and not more:
            return parts.netloc.decode() + parts.path.rstrip("/")
    raise PeerUnusable("The address of the remote service has to be like https://example.org.")
