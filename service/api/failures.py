"""What went wrong, as an answer. This is the one place that turns errors into statuses and JSON.

Every error answers `{"message": "<one sentence>", "errors": {"<field>": "<what and why>"}}`, the second where a
field is to blame. What nobody foresaw is a 500 that tells nothing of its cause; the log has it, by the request's id.
"""

import asyncio
import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from sanic import HTTPResponse
from sanic.exceptions import RequestCancelled, SanicException
from sanic.handlers import ErrorHandler
from sanic.response.types import BaseHTTPResponse

from service.api.request import Request
from service.errors import (
    BadInput,
    Conflict,
    Forbidden,
    NotFound,
    StatsServiceError,
    StorageFull,
    Unauthenticated,
    Unavailable,
)

log = logging.getLogger(__name__)


class Outdated(StatsServiceError):
    """The MONARC that asks is too old."""


class TooMany(StatsServiceError):
    """More was asked than one may ask. `retry_after`: seconds until more is allowed."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = math.ceil(retry_after)


STATUSES: Mapping[type[StatsServiceError], int] = {
    BadInput: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Outdated: 426,
    TooMany: 429,
    Unavailable: 503,
    StorageFull: 507,
}
"""The status of each kind of error; any other is a 500."""

_OLD_KEY = {
    Unauthenticated: "Unauthorized - Authentication required.",
    Forbidden: "Forbidden - Access denied.",
}
"""What clients of the old service still read under "Error"."""

CLIENT_LEFT = 499
"""What stands in the log, as other servers write it; nobody is left to read the answer."""

_SANIC = {
    400: "This is no valid HTTP request.",
    404: "There is nothing at this path: /docs lists the paths that there are.",
    408: "The request did not arrive in time.",
    414: "The address is too long.",
    417: "Of the header Expect only 100-continue is understood.",
    431: "The request's headers are too large.",
    CLIENT_LEFT: "The client left before it was answered.",
    503: "The answer took too long, or the service is being stopped: try again later.",
}
"""Our words for what Sanic itself refuses; its own repeat parts of the request."""


class Failures(ErrorHandler):
    """Sanic's way of telling us about an error."""

    def response(self, request: Request, exception: BaseException) -> BaseHTTPResponse:
        """The answer to a request that ended in `exception`."""
        if isinstance(exception, StatsServiceError) and (status := _status(exception)):
            return _answer(status, _body(exception), _headers(exception))
        if isinstance(exception, asyncio.CancelledError):
            return _refusal(request, CLIENT_LEFT if isinstance(exception, RequestCancelled) else 503, {})
        if isinstance(exception, SanicException) and exception.status_code != HTTPStatus.INTERNAL_SERVER_ERROR:
            return _refusal(request, exception.status_code, exception.headers)
        log.error("Request %s failed", request.id, exc_info=exception, extra={"request": request.id})
        message = f"The service failed; its log says why, under the request's id {request.id}."
        return _answer(500, {"message": message})


def _status(error: StatsServiceError) -> int | None:
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), None)


def _headers(error: StatsServiceError) -> dict[str, str]:
    if isinstance(error, Unavailable | TooMany):
        return {"retry-after": str(error.retry_after)}
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": "X-API-KEY"}
    return {}


def _body(error: StatsServiceError) -> dict[str, Any]:
    body: dict[str, Any] = {"message": error.message}
    if type(error) in _OLD_KEY:
        body["Error"] = _OLD_KEY[type(error)]
    if error.errors:
        body["errors"] = error.errors
        if "processor" in error.errors:  # the old service told of a wrong processor under this key
            body["Error"] = error.message
    return body


def _refusal(request: Request, status: int, headers: Mapping[str, str]) -> HTTPResponse:
    """The answer to what Sanic refused or gave up. A request that it could not read has the method NONE."""
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and request.method == "NONE":
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    kept = {name.lower(): value for name, value in headers.items() if name.lower() == "allow"}
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        kept["accept-encoding"] = "gzip" if request.takes_gzip else "identity"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        kept["retry-after"] = "5"
    limit = f"{request.most_bytes >> 20} MiB" if request.most_bytes >> 20 else f"{request.most_bytes >> 10} KiB"
    message = {
        405: f"{request.method[:20]} is not possible here; the header Allow says what is.",
        413: f"The request's body is larger than the {limit} that are taken: send it in several parts.",
        415: f"The body's Content-Encoding is not taken: it has to be {'gzip or ' * request.takes_gzip}identity.",
        **_SANIC,
    }.get(status, "The request was refused.")
    return _answer(status, {"message": message}, kept)


def _answer(status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> HTTPResponse:
    return HTTPResponse(
        msgspec.json.encode(body), status, {"cache-control": "no-store", **(headers or {})}, "application/json"
    )
