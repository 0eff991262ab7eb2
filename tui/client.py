"""The HTTP API, one method per call, answers typed. The only place that knows httpx: whatever goes wrong with it comes
out as one of `tui.errors`, whatever text comes in has been made harmless (`tui.wire`).
"""

import datetime as dt
import ssl
import time
from collections import OrderedDict
from typing import Any, TypeVar

import httpx
import msgspec

from tui import past, wire
from tui.errors import (
    ConnectionLost,
    DashboardError,
    NotAllowed,
    NotTrusted,
    NotUnderstood,
    Refused,
    ServerFault,
    SettingsError,
    TooMany,
)
from tui.scope import Aggregation, Ask

T = TypeVar("T")

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
KEPT_ANSWERS = 24
"""Answers kept with their ETag: figures that are the same as before are not sent again."""

OWN_SECONDS = 600
"""For how long it is taken as known which analyses are an account's own: to tell it the service sends the newest row of
each, whole and without an ETag."""

WAIT_SECONDS = (1.0, 30.0, 3600.0)
"""How long a service that answers 429 is left alone at least, where it does not say, and at most."""

NOBODY = "00000000-0000-0000-0000-000000000000"
"""An analysis that nobody has."""

PUBLIC = {
    "risk": "stats/risks.json",
    "threat": "stats/threats.json",
    "vulnerability": "stats/vulnerabilities.json",
    "cartography": "stats/cartography.json",
    "compliance": "stats/compliance.json",
}
"""The figures of a service that one has no account on."""


class Service:
    """One service, with an account's token or without. Requests are made in the app's loop; `close` at its end."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """`url` is the service's address with its prefix, if it has one. The token is sent nowhere else: redirects
        are not followed."""
        self.url = url.rstrip("/")
        self._token = token
        self._http: httpx.AsyncClient | None = None
        self._closed = False
        self._kept: OrderedDict[str, tuple[str, object]] = OrderedDict()
        self._own: dict[str, tuple[float, tuple[str, ...]]] = {}

    @property
    def has_token(self) -> bool:
        """Whether it is asked as an account."""
        return self._token is not None

    @property
    def name(self) -> str:
        """The address without its scheme, for a line on the screen."""
        return self.url.partition("://")[2]

    async def close(self) -> None:
        """Close the connections, for good: a request that comes after this (a view that was still loading when the
        dashboard ended) must not open one that nobody closes."""
        self._closed = True
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    # --- figures -----------------------------------------------------------------------------------------

    async def risks(self, ask: Ask) -> wire.RiskSeries:
        """Mean numbers of risks by state, kind and level, by date. Empty where there are no figures."""
        found = await self._processed("risk", "risk_averages_on_date", ask, wire.RiskSeries) or {}
        return past.risks(found, ask) if self._is_over(ask) else found

    async def objects(self, kind: str, ask: Ask) -> list[wire.ObjectSeries]:
        """Threats or vulnerabilities (`kind`: "threat", "vulnerability") over time."""
        found = await self._processed(kind, f"{kind}_average_on_date", ask, list[wire.ObjectSeries]) or []
        return past.objects(found, ask) if self._is_over(ask) else found

    async def cartography(self, ask: Ask) -> wire.Cartography | None:
        """The mean heat maps of the period; None where there are no figures."""
        ask = msgspec.structs.replace(ask, aggregation=Aggregation.DAY)
        if self._is_over(ask):
            days = await self._processed("cartography", "cartography_average_on_date", ask, wire.CartographyOnDate)
            return past.cartography(days, ask) if days else None
        return await self._processed("cartography", "cartography_average", ask, wire.Cartography)

    async def compliance(self, ask: Ask) -> list[wire.ComplianceSeries]:
        """Fulfilment by referential and category, over time."""
        series = list[wire.ComplianceSeries]
        found = await self._processed("compliance", "compliance_average_on_date", ask, series) or []
        return past.compliance(found, ask) if self._is_over(ask) else found

    async def own_analyses(self, kind: str) -> tuple[str, ...]:
        """The analyses that the token's account has figures of this kind of, as they were OWN_SECONDS ago at most;
        where there was none, as they are."""
        asked_at, known = self._own.get(kind, (0.0, ()))
        if known and time.monotonic() - asked_at < OWN_SECONDS:
            return known
        page = await self._call("GET", "api/v1/stats/", wire.RowPage, {"type": kind, "get_last": True})
        known = tuple(sorted({str(row.anr) for row in page.data}))
        self._own[kind] = (time.monotonic(), known)
        return known

    def forget_analyses(self) -> None:
        """Ask anew which analyses are the account's own."""
        self._own.clear()

    async def places(self) -> list[wire.MapPlace]:
        """Who shares and has coordinates; no names."""
        return await self._call("GET", "map/clients.json", list[wire.MapPlace])

    # --- the service and its accounts --------------------------------------------------------------------

    async def about(self) -> wire.About:
        """What the service says of itself."""
        return await self._call("GET", "about.json", wire.About)

    async def me(self) -> wire.Me | None:
        """The token's account; None without a token."""
        return await self._call("GET", "api/v1/client/me", wire.Me) if self._token else None

    async def accounts(self) -> list[wire.Account]:
        """All accounts, by name (administrators only)."""
        return (await self._call("GET", "api/v1/client/", wire.AccountPage)).data

    async def create_account(self, name: str, *, is_sharing_enabled: bool) -> wire.NewToken:
        """A new account with a token that the service makes. Raises Refused where it exists or registration is
        closed (the service answers both without a word)."""
        body = {"name": name, "is_sharing_enabled": is_sharing_enabled}
        response = await self._send("POST", "api/v1/client/", body)
        if response.status_code == httpx.codes.NOT_MODIFIED:
            raise Refused(f"An account named {name} exists already.", "Choose another name.")
        if response.status_code == httpx.codes.NO_CONTENT:
            hint = "Set CLIENT_REGISTRATION_OPEN=1, or use contrib/create_client.sh on its machine."
            raise Refused("This service takes no registrations over HTTP.", hint)
        return self._read(response, wire.NewToken)

    async def change_account(self, uuid: str, changes: dict[str, object]) -> wire.Account:
        """Change `is_sharing_enabled`, `is_active`, or `latitude` and `longitude` together; the account as it is
        then."""
        return await self._call("PATCH", f"api/v1/client/{uuid}", wire.Account, changes)

    async def rotate_token(self, uuid: str) -> wire.NewToken:
        """A new token; the old one is dead at once."""
        return await self._call("POST", f"api/v1/client/{uuid}/token", wire.NewToken)

    async def delete_account(self, uuid: str) -> None:
        """Delete an account and all that it has sent."""
        self._check(await self._send("DELETE", f"api/v1/client/{uuid}"))

    async def sharing(self) -> wire.Sharing:
        """The state of sharing with another instance (administrators only). Raises NotUnderstood where the service
        is too old to tell of it."""
        response = await self._send("GET", "api/v1/sharing")
        if response.status_code == httpx.codes.NOT_FOUND:
            raise NotUnderstood(f"{self.name} does not tell of sharing.", "It is an older version: update it.")
        return self._read(response, wire.Sharing)

    # --- how -----------------------------------------------------------------------------------------------

    def _is_over(self, ask: Ask) -> bool:
        """Whether what is asked for ends before today while the answer, a public one, does not."""
        return not self._token and ask.date_to < _today()

    async def _processed(self, kind: str, processor: str, ask: Ask, answer: type[T]) -> T | None:
        """A processor's data: as an account with exact dates; else the public figures, which always reach up to today
        (of a period that is over all days up to today, for `past` to make the period's figures of). None where there
        are none (the service then answers `[]`, whatever the processor)."""
        parameters: dict[str, object] = {"processor": processor}
        if ask.aggregation is not Aggregation.DAY and not self._is_over(ask):
            parameters["aggregation_period"] = ask.aggregation.value
        if ask.local_only:
            parameters["local_stats_only"] = 1
        if not self._token:
            days = (_today() - ask.date_from).days
            if days < 0:
                return None
            raw = await self._call("GET", PUBLIC[kind], msgspec.Raw, parameters | {"days": days})
        else:
            dates = {"date_from": ask.date_from.isoformat(), "date_to": ask.date_to.isoformat()}
            parameters |= {"type": kind, **dates}
            if ask.own_only:  # by name; where there are none a name that nobody has, since none would mean everybody's
                parameters["anrs"] = list(await self.own_analyses(kind) or (NOBODY,))
            path = "api/v1/stats/processed/"
            raw = (await self._call("GET", path, wire.Processed, parameters)).data
        return None if bytes(raw).strip() == b"[]" else self._decode(bytes(raw), answer)

    async def _call(self, method: str, path: str, answer: type[T], body: dict[str, Any] | None = None) -> T:
        """Ask, and read the answer, or take it from what is kept where it has not changed."""
        key = f"{path}{msgspec.json.encode(body, order='sorted').decode()}"
        kept = self._kept.get(key) if method == "GET" else None
        response = await self._send(method, path, body, kept[0] if kept else None)
        if kept and response.status_code == httpx.codes.NOT_MODIFIED:
            self._kept.move_to_end(key)
            return kept[1]  # type: ignore[return-value]  # the key says which type it has
        read = self._read(response, answer)
        etag = response.headers.get("etag")
        if method == "GET" and etag:
            self._kept[key] = (etag, read)
            while len(self._kept) > KEPT_ANSWERS:
                self._kept.popitem(last=False)
        return read

    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, etag: str | None = None
    ) -> httpx.Response:
        """One request. Parameters go as JSON in the body, of GET too: that is the service's contract, and a long list
        of analyses fits in no address. The public paths take them from the query string."""
        if self._closed:
            raise ConnectionLost(f"The connection to {self.name} is closed.")
        if self._http is None:
            self._http = _opened(self._token)
        in_query = method == "GET" and not path.startswith("api/")
        try:
            return await self._http.request(
                method,
                f"{self.url}/{path}",
                params=body if in_query else None,
                json=None if in_query else body,
                headers={"If-None-Match": etag} if etag else None,
            )
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise NotUnderstood(f"{self.url} is no address.") from error
        except httpx.TimeoutException as error:
            raise ConnectionLost(f"{self.name} does not answer in time.") from error
        except httpx.DecodingError as error:
            raise NotUnderstood(f"{self.name} sends what cannot be read.") from error
        except httpx.HTTPError as error:
            if reason := _distrust(error):
                raise NotTrusted(f"The certificate of {self.name} is not trusted: {reason}.") from error
            raise ConnectionLost(f"Nobody answers at {self.name}.") from error

    def _read(self, response: httpx.Response, answer: type[T]) -> T:
        self._check(response)
        return self._decode(response.content, answer)

    def _decode(self, raw: bytes, answer: type[T]) -> T:
        try:
            return wire.decode(raw, answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise NotUnderstood(f"{self.name} answers something else than expected: {error}") from error

    def _check(self, response: httpx.Response) -> None:
        """Raise what the answer's status means, in the service's own words where it has some."""
        status = response.status_code
        if status < httpx.codes.MULTIPLE_CHOICES:
            return
        if status < httpx.codes.BAD_REQUEST:
            raise NotUnderstood(f"{self.name} answers with a redirect ({status}).")
        said = self._problem(response.content)
        if status == httpx.codes.NOT_FOUND and not said:
            raise NotUnderstood(f"{self.name} has no {response.url.path}.")
        said = said or f"{self.name} answers {status}."
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise TooMany(said, _wait(response.headers.get("retry-after", "")))
        raise error_for(status)(said)

    def _problem(self, raw: bytes) -> str:
        """An error's message and what is wrong with which field; empty where the answer is no error of ours."""
        try:
            problem = wire.decode(raw, wire.Problem)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
        fields = problem.errors if isinstance(problem.errors, dict) else {}
        return " ".join([problem.message, *(f"{field}: {why}." for field, why in fields.items())])


def error_for(status: int) -> type[DashboardError]:
    """Which error a status of 400 and above stands for."""
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return NotAllowed
    return Refused if status < httpx.codes.INTERNAL_SERVER_ERROR else ServerFault


def _opened(token: str | None) -> httpx.AsyncClient:
    """The connections, as the environment says. Raises SettingsError where that cannot be done."""
    headers = {"X-API-KEY": token} if token else {}
    headers["User-Agent"] = "stats-tui"
    try:
        return httpx.AsyncClient(timeout=TIMEOUT, headers=headers)
    except (OSError, ssl.SSLError) as error:
        message = f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read: {error}."
        raise SettingsError(message, "It has to be a PEM file, or a folder of such.") from error
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        message = "The proxy that ALL_PROXY, HTTPS_PROXY or HTTP_PROXY names cannot be used."
        hint = "It has to be an http:// or https:// address; NO_PROXY names services that need none."
        raise SettingsError(message, hint) from error


def _distrust(error: BaseException | None) -> str:
    """Why a certificate is not trusted; empty where that is not what went wrong."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return "" if error is None else error.verify_message


def _wait(said: str) -> float:
    """The seconds of a Retry-After."""
    least, usual, most = WAIT_SECONDS
    return min(max(float(said), least), most) if said.isdecimal() else usual


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
