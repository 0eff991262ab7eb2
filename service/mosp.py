"""The HTTP of MOSP, the platform on which MONARC's objects are published (https://objects.monarc.lu, API v2)."""

import asyncio
from collections.abc import Callable

import httpx
import msgspec

from service.errors import StatsServiceError

PER_PAGE = 500
MOST_OBJECTS = 100_000
MOST_BYTES = 64 << 20
"""The most that is read of a schema: more than ten times what MONARC's own objects are."""

SILENCE_SECONDS = 30
PAGE_SECONDS = 300
"""How long the platform may say nothing, and how long a page may take."""

_REDIRECTS = range(300, 400)
_SHOWN = 200  # characters of an answer that a message repeats


class MospUnusable(StatsServiceError):
    """The platform cannot be reached, or does not answer as it should."""


class _Item(msgspec.Struct):
    json_object: msgspec.Raw = msgspec.Raw(b"null")


class _Metadata(msgspec.Struct):
    count: int | str


class _Page(msgspec.Struct):
    metadata: _Metadata
    data: list[_Item]


_decoder = msgspec.json.Decoder(_Page)


async def objects(url: str, schema: str, progress: Callable[[int, int], object]) -> list[bytes]:
    """The JSON texts of all objects of a schema ("Threats"), those first that were changed last.

    `progress` is told how many of how many are read. Raises `MospUnusable`.
    """
    found: list[bytes] = []
    room = MOST_BYTES
    async with httpx.AsyncClient(headers={"User-Agent": "stats-service"}, timeout=SILENCE_SECONDS) as client:
        for number in range(1, MOST_OBJECTS):
            text = await _get(client, url, {"schema": schema, "page": number, "per_page": PER_PAGE}, room)
            room -= len(text)
            items, count = _decoded(text, url)
            found += items
            progress(len(found), count)
            if not items or len(found) >= count:
                break
            if len(found) > MOST_OBJECTS:
                raise MospUnusable(f"{url} has more than {MOST_OBJECTS} objects of the schema {schema}.")
    return found


async def _get(client: httpx.AsyncClient, url: str, parameters: dict[str, str | int], most: int) -> bytes:
    """A page of the list of objects, if it is no longer than `most` bytes."""
    address = f"{url}/api/v2/object/"
    try:
        async with asyncio.timeout(PAGE_SECONDS), client.stream("GET", address, params=parameters) as response:
            if response.status_code in _REDIRECTS:
                where = _shown(response.headers.get("Location", ""))
                raise MospUnusable(f"{address} leads on to {where}: MOSP_URL has to be the address itself.")
            if response.status_code != httpx.codes.OK:
                raise MospUnusable(f"{address} answers with status {response.status_code}: try again later.")
            text = bytearray()
            async for part in response.aiter_bytes():
                text += part
                if len(text) > most:
                    raise MospUnusable(f"{address} answers with too much: more than {MOST_BYTES >> 20} MiB in all.")
            return bytes(text)
    except TimeoutError:
        raise MospUnusable(f"{address} takes longer than {PAGE_SECONDS} seconds: try again later.") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = _shown(str(error)) or type(error).__name__
        raise MospUnusable(f"{address} cannot be read: {reason}") from None


def _decoded(text: bytes, url: str) -> tuple[list[bytes], int]:
    """The objects of a page, and how many there are on all pages."""
    try:
        page = _decoder.decode(text)
        count = int(page.metadata.count)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        beginning = _shown(text[:_SHOWN].decode(errors="replace"))
        raise MospUnusable(f"{url} does not answer as MOSP's API does: {beginning}") from None
    return [bytes(item.json_object) for item in page.data], count


def _shown(text: str) -> str:
    """What a stranger said, fit for a message."""
    line = " ".join(text[:_SHOWN].split())
    return "".join(character for character in line if character.isprintable())
