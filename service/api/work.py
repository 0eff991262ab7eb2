"""Work that goes on to its end although the client that asked for it has left.

Sanic cancels a handler when its client leaves or its time is up. Cancelled amid a transaction, Tortoise leaks the
database connection or its lock, and the service hangs. So all work of a handler runs here, in a task of its own
that nobody cancels; only the waiting for it ends early.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, TypeVar

from service.errors import Unavailable

T = TypeVar("T")

MOST = 500
"""How many requests are at work at a time. Hundreds of Front Offices post in the same minute; what comes beyond so many
would be answered when nobody waits for it any more."""

log = logging.getLogger(__name__)


class Work:
    """The tasks under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def check(self) -> None:
        """Raises `Unavailable` where there is so much to do that nothing more can be begun."""
        if len(self._tasks) >= MOST:
            raise Unavailable("The service is asked more at a time than it can answer: try again in some seconds.")

    async def done(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do it, and give its result. Where the one who waits is cancelled, it is done all the same."""
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_report)
            raise

    async def steps(self, source: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """What `source` yields. A step that was begun is done to its end, and then the source is closed."""
        turn = asyncio.Lock()

        async def step() -> bytes | None:
            async with turn:
                return await anext(source, None)

        async def close() -> None:
            async with turn:
                if isinstance(source, AsyncGenerator):
                    await source.aclose()

        try:
            while (part := await self.done(step())) is not None:
                yield part
        finally:
            await self.done(close())

    async def finish(self, seconds: float) -> None:
        """Wait, at most so long, for all that is under way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)


def _report(task: asyncio.Task[Any]) -> None:
    """Log what went wrong where there is no client left to be told."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("A request failed whose client had left: %r", error)
