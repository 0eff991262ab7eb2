"""Bodies that come packed: gzip, unpacked piece by piece, so that a small one that becomes a huge one costs little."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from sanic.exceptions import PayloadTooLarge, SanicException

from service.errors import BadInput

GZIP = frozenset({"gzip", "x-gzip"})
"""How Content-Encoding names it."""

PIECE = 1 << 20
"""How much is unpacked until other requests have their turn."""

_ZLIBS_GZIP = 16 + zlib.MAX_WBITS


class UnknownCoding(SanicException):
    """The body is packed in a way that is not taken."""

    status_code = 415
    quiet = True


async def gunzipped(parts: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """What a gzip holds, in pieces.

    It has to have one member, as all that compress a body make it: thousands of empty ones would cost much and say
    nothing. Raises PayloadTooLarge as soon as it is more than `most` bytes, and BadInput where it is damaged.
    """
    unpack = zlib.decompressobj(_ZLIBS_GZIP)
    async for part in parts:
        rest = part
        while rest:
            if unpack.eof:
                raise _damaged("something follows after its end")
            piece = _next(unpack, rest)
            most -= len(piece)
            if most < 0:
                raise PayloadTooLarge("")
            yield piece
            rest = unpack.unconsumed_tail or unpack.unused_data
            await asyncio.sleep(0)
    if not unpack.eof:
        raise _damaged("its end is missing")


def _next(unpack: "zlib._Decompress", rest: bytes) -> bytes:
    try:
        return unpack.decompress(rest, PIECE)
    except zlib.error:
        raise _damaged("its content does not fit together") from None


def _damaged(what: str) -> BadInput:
    return BadInput(f"The body is no whole gzip, which its Content-Encoding says it is: {what}.")
