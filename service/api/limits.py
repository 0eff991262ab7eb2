"""How much one caller, and all callers together, may ask of this process, so that the others are served too.

All of it is kept in memory, by each process for itself, and is bounded whoever asks.
"""

import asyncio
import collections
import functools
import socket
from collections.abc import Hashable
from typing import TypeVar

from service.errors import Unavailable
from service.settings import Settings

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

MOST_KEYS = 20_000
"""How many addresses, or accounts, are remembered: those that were heard of last."""

MOST_BODIES = 128 << 20
"""The bytes of large bodies that are in memory at a time; room for two of the largest (MAX_BODY_MB) there is always."""

SLICE = 1 << 20
"""How much room a body is given at least at a time, where its size is not known from the beginning."""

SMALL = 64 << 10
"""A body of so many bytes needs no room among the large ones, and a stranger's has no more."""

PATIENCE = 20.0
"""Seconds that a body waits for room. A Front Office gives up after 30, and comes again in the next night only: so it
waits as long as that has a point."""

_MINUTE = 60.0
_ROUNDING = 0.001


@functools.lru_cache(4_096)
def network(address: str) -> Hashable:
    """What one caller has of the Internet: an IPv4 address, or the /64 of an IPv6 address; other text as it is."""
    address = address.strip("[]").partition("%")[0]
    if ":" not in address:
        return address
    try:
        packed = socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return address
    if packed.startswith(b"\0" * 10 + b"\xff\xff"):  # IPv4, as a socket for both sees it
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return packed[:8]


class Rate:
    """So many a minute for each key: a minute's worth may come at once, and what was used comes back evenly."""

    def __init__(self, per_minute: int) -> None:
        """0 is any number."""
        self.per_minute = per_minute
        self._interval = _MINUTE / per_minute if per_minute else 0.0
        # When each key will have its whole minute's worth again. Who was heard of last stands last.
        self._whole_at: collections.OrderedDict[Hashable, float] = collections.OrderedDict()

    def wait(self, key: Hashable, now: float) -> float:
        """Seconds until one more is allowed for the key; 0 where it is at `now`."""
        seconds = self._whole_at.get(key, 0.0) - now + self._interval - _MINUTE
        return seconds if seconds > _ROUNDING else 0.0

    def take(self, key: Hashable, now: float) -> float:
        """Count one for the key, if it is allowed. Otherwise the seconds until it is."""
        if not self.per_minute:
            return 0.0
        whole_at = max(self._whole_at.get(key, 0.0), now) + self._interval
        seconds = whole_at - now - _MINUTE
        if seconds > _ROUNDING:
            return seconds
        self._whole_at[key] = whole_at
        _keep(self._whole_at, key)
        return 0.0


class Room:
    """Room for large bodies, given in the order in which it was asked for."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: collections.deque[tuple[int, asyncio.Future[None]]] = collections.deque()

    async def take(self, size: int) -> None:
        """Wait for so many bytes of room, PATIENCE at most. Raises `Unavailable` where there is none by then."""
        if not self._waiting and size <= self._free:
            self._free -= size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            async with asyncio.timeout(PATIENCE):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.cancelled():
                self._next()
            else:  # it came just now
                self.give(size)
            if isinstance(error, TimeoutError):
                message = "The service receives more at a time than it has room for: try again in some seconds."
                raise Unavailable(message) from None
            raise

    def give(self, size: int) -> None:
        """Give so much room back."""
        self._free += size
        self._next()

    def _next(self) -> None:
        """Give room to those whose turn it is; those who have stopped waiting are passed over."""
        while self._waiting and (self._waiting[0][1].cancelled() or self._waiting[0][0] <= self._free):
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= size
                turn.set_result(None)


class Share:
    """What one body has of the room. It grows with the body, and is given back when nobody uses the body any more."""

    def __init__(self, room: Room) -> None:
        """For one who uses it."""
        self._room = room
        self._size = SMALL  # so much is free
        self._users = 1

    async def cover(self, size: int) -> None:
        """Wait until there is room for so many bytes of the body. Raises `Unavailable`."""
        if size > self._size:
            more = max(size - self._size, SLICE)
            await self._room.take(more)
            self._size += more

    def keep(self) -> None:
        """One more uses it."""
        self._users += 1

    def let_go(self) -> int:
        """One uses it no more; how many still do."""
        self._users -= 1
        if not self._users:
            self._room.give(self._size - SMALL)
        return self._users


class Limits:
    """The limits of one process."""

    def __init__(self, settings: Settings) -> None:
        self.addresses = Rate(settings.address_requests_per_minute)
        self.accounts = Rate(settings.account_requests_per_minute)
        self.wrong_tokens = Rate(settings.failed_logins_per_minute)
        self.bodies = Room(max(MOST_BODIES, 2 * settings.max_body_mb << 20))
        self._at_home: collections.OrderedDict[tuple[Hashable, int], None] = collections.OrderedDict()

    def unwelcome(self, where: Hashable, account: int, now: float) -> float:
        """How many seconds an account, whose token is right, has to wait until it may come in from a network.

        That is 0, but where too many wrong tokens came from: there only those accounts may that were there before. Were
        all of them let in, a right guess could be told from wrong ones, however many were tried. Were all kept out, one
        Front Office with a wrong token would lock out all others of its address.
        """
        seconds = self.wrong_tokens.wait(where, now)
        if seconds and (where, account) not in self._at_home:
            return seconds
        self._at_home[where, account] = None
        _keep(self._at_home, (where, account))
        return 0.0


def _keep(kept: collections.OrderedDict[Key, Value], key: Key) -> None:
    """Put the key last; forget the first where there are too many."""
    kept.move_to_end(key)
    if len(kept) > MOST_KEYS:
        kept.popitem(last=False)
