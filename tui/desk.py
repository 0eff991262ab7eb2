"""Which service answers for which side of the Local | Global | Compare switch.

Local is the service whose token one has: an administrator sees the accounts that post to it directly, a user its own
analyses, nobody (no token) its public figures. Global is the other service's public figures where one is named, else
everything that the own service holds, what other installations have pushed to it included.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from tui.client import Service
from tui.errors import DashboardError
from tui.scope import Ask, Scope, Side
from tui.settings import Settings
from tui.wire import Me

T = TypeVar("T")


class Answers(msgspec.Struct, Generic[T], frozen=True):
    """What each side answered, and what went wrong where one did not. At least one answered."""

    values: Mapping[Side, T]
    problems: Mapping[Side, DashboardError]


class Desk:
    """The services at hand."""

    def __init__(self, local: Service, world: Service | None = None) -> None:
        """`world` is the global service, or None."""
        self.local = local
        self.world = world
        self.me: Me | None = None

    @staticmethod
    def of(settings: Settings) -> "Desk":
        """The services that the settings name."""
        token = settings.token.reveal() if settings.token else None
        return Desk(Service(settings.url, token), Service(settings.world) if settings.world else None)

    async def arrive(self) -> None:
        """Find out whose token it is. Raises what `Service.me` raises."""
        self.me = await self.local.me()

    async def close(self) -> None:
        """Close all connections."""
        await self.local.close()
        if self.world is not None:
            await self.world.close()

    @property
    def is_admin(self) -> bool:
        """Whether the token may see and change accounts. False until `arrive`."""
        return self.me is not None and self.me.is_admin

    def name(self, side: Side) -> str:
        """Whose figures a side shows, in words."""
        if side is Side.LOCAL:
            return self.local.name
        return self.world.name if self.world else "all accounts here"

    def tells_all(self, side: Side) -> bool:
        """Whether what a side has answered is all that there is. A public instance withholds figures, but not from
        administrators, nor from an account that asks for its own analyses."""
        if side is Side.GLOBAL:
            return self.world is None and self.is_admin
        return self.me is not None

    async def gather(self, scope: Scope, fetch: Callable[[Service, Ask], Awaitable[T]]) -> Answers[T]:
        """Ask all sides of the scope at once. Raises the first side's error where none answered."""
        sides = scope.reach.sides
        results = await asyncio.gather(*(self._fetch(side, scope, fetch) for side in sides))
        both = list(zip(sides, results, strict=True))
        values = {side: got.value for side, got in both if isinstance(got, _Got)}
        problems = {side: got for side, got in both if isinstance(got, DashboardError)}
        if not values:
            raise problems[sides[0]]
        return Answers(values, problems)

    async def _fetch(
        self, side: Side, scope: Scope, fetch: Callable[[Service, Ask], Awaitable[T]]
    ) -> "_Got[T] | DashboardError":
        ask = scope.ask(today())
        try:
            if side is Side.GLOBAL and self.world is not None:
                return _Got(await fetch(self.world, ask))
            if self.local.has_token and self.me is None:
                await self.arrive()
            return _Got(await fetch(self.local, self._local(ask) if side is Side.LOCAL else ask))
        except DashboardError as error:
            return error

    def _local(self, ask: Ask) -> Ask:
        """What makes a question a local one."""
        if self.me is None or self.me.is_admin:
            return msgspec.structs.replace(ask, local_only=True)
        return msgspec.structs.replace(ask, own_only=True)


class _Got(msgspec.Struct, Generic[T], frozen=True):
    """An answer, told apart from an error by its type."""

    value: T


def today() -> dt.date:
    """The day it is, in UTC: the service's days."""
    return dt.datetime.now(dt.UTC).date()
