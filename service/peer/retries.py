"""Asking again: what may go better in a while, how long to wait for it, and when to give up."""

import asyncio
import collections
import contextlib
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import ClassVar, TypeVar

from service.errors import StatsServiceError

T = TypeVar("T")

LONGEST_PAUSE = 30.0

_random = random.SystemRandom()  # installations that wake at the same minute had better differ


class PeerUnusable(StatsServiceError):
    """The remote service cannot be used: it does not take the token, it is none of ours, or the time is up."""


class Again(Exception):
    """Something went wrong that may go better in a while. `wait`: for how many seconds the remote asked, if it did.

    `most`: how often a request may end like this until it is given up; by default as often as the time allows.
    """

    most: ClassVar[float] = math.inf

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.message = message
        self.wait = wait


class Misnamed(Again):
    """The remote's name or certificate is not right: mostly that is a mistake, seldom a bad moment."""

    most = 4


class Unsure(Again):
    """No answer came, or none to go by. It may be the network, or something in the request that the remote stumbles
    over."""

    most = 8


class Stumbled(Unsure):
    """The remote says that it failed. It will again, mostly."""

    most = 2


class Retries:
    """`insist` asks until it is answered or the time is up; `one_request` bounds each request's own time.

    `budget`: the seconds for all of it, from `start` on, pauses included. `patience`: those for one request. `pause`:
    the longest time before the first repetition; it doubles with each further one up to LONGEST_PAUSE. The time waited
    is anything up to that: whoever failed together does not come back together.
    """

    def __init__(self, remote: str, budget: float, patience: float, pause: float) -> None:
        self._remote = remote
        self._budget = budget
        self._patience = patience
        self._pause = pause
        self._deadline = -math.inf

    def start(self) -> None:
        """The time runs from now on."""
        self._deadline = self._now() + self._budget

    @contextlib.asynccontextmanager
    async def one_request(self) -> AsyncIterator[None]:
        """Bounds what happens within. Raises Unsure where it takes too long."""
        try:
            async with asyncio.timeout_at(min(self._deadline, self._now() + self._patience)):
                yield
        except TimeoutError:
            raise Unsure(f"{self._remote} does not answer in time.") from None

    async def insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` gives in the end.

        Raises Unsure where it has ended so as often as it may, and PeerUnusable where that is hopeless, or where the
        time does not suffice for a further try; what else `ask` raises goes through.
        """
        seen: collections.Counter[type[Again]] = collections.Counter()
        while True:
            try:
                return await ask()
            except Unsure as failure:
                last: Again = failure
            except Again as failure:
                last = failure
            seen[type(last)] += 1
            if seen[type(last)] >= last.most:
                raise last if isinstance(last, Unsure) else PeerUnusable(last.message)
            await self._wait(seen.total(), last)

    async def _wait(self, tries: int, last: Again) -> None:
        most = min(LONGEST_PAUSE, self._pause * 2 ** min(tries - 1, 30))
        seconds = max(_random.uniform(0, most), last.wait)
        if self._now() + seconds >= self._deadline:
            raise PeerUnusable(f"The {self._budget:g} seconds that it may take do not suffice. {last.message}")
        await asyncio.sleep(seconds)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
