"""Answers: JSON made of values, or put together from JSON that is there already, whole or in a stream."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from sanic import HTTPResponse

from service.api.request import Request

JSON = "application/json"

WHOLE = 1 << 20
"""Up to this many bytes an answer is sent in one piece."""

PRIVATE = {"cache-control": "no-store"}
"""For answers that only the one who asked may see: nobody on the way keeps them."""


class Stream(msgspec.Struct, frozen=True):
    """An answer whose body comes in parts, `size` bytes in all. The size is announced, so that one that is cut
    short (the source fails midway) does not look complete."""

    size: int
    parts: AsyncIterator[bytes]
    status: int = 200


Answer = HTTPResponse | Stream


def value(what: Any, status: int = 200, headers: Mapping[str, str] = PRIVATE) -> HTTPResponse:
    """An answer of JSON made from `what`."""
    return HTTPResponse(msgspec.json.encode(what), status, dict(headers), JSON)


def empty(status: int) -> HTTPResponse:
    """An answer without a body."""
    return HTTPResponse(status=status, headers=dict(PRIVATE))


def versioned(request: Request, version: str, body: bytes) -> HTTPResponse:
    """JSON that has a version (the ETag): 304 without a body to those who have it already."""
    headers = {"etag": f'"{version}"', "cache-control": "no-cache"}
    if _has(request.headers.get("if-none-match", ""), f'"{version}"'):
        return HTTPResponse(status=304, headers=headers)
    return HTTPResponse(body, 200, headers, JSON)


def _has(given: str, tag: str) -> bool:
    """Whether an If-None-Match names the tag. A proxy that compresses makes a weak one of it."""
    tags = {each.strip().removeprefix("W/") for each in given.split(",")}
    return "*" in tags or tag in tags


async def joined(size: int, parts: AsyncIterator[bytes], status: int = 200) -> Answer:
    """JSON from parts that hold `size` bytes in all: a small one whole, a large one as a stream."""
    if size > WHOLE:
        return Stream(size, parts, status)
    return HTTPResponse(b"".join([part async for part in parts]), status, dict(PRIVATE), JSON)
