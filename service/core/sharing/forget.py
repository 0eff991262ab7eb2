"""Having deleted at another instance what was shared, and giving up the pseudonyms that it was shared under."""

import contextlib
from uuid import UUID

import msgspec

from service.core.pseudonyms import Pseudonyms
from service.core.sharing.push import check
from service.core.sharing.status import LOCK
from service.errors import Conflict
from service.peer import Peer, PeerUnusable
from service.settings import Settings
from service.storage import locks, share_records
from service.storage import sharing as storage
from service.storage.share_records import Series

BUDGET_SECONDS = 600


class Forgotten(msgspec.Struct, kw_only=True):
    """What became of a forget at `server`.

    `analyses`: of how many nothing is there any more; `rows`: how many rows it was that were there, or may have been;
    `left`: of how many analyses there may still be something, as `error` says why. `elsewhere`: what other instances
    have, by their addresses: how many rows. `shares`: whether the next push sends rows of them again.
    """

    server: str
    analyses: int = 0
    rows: int = 0
    left: int = 0
    error: str | None = None
    elsewhere: dict[str, int] = msgspec.field(default_factory=dict)
    shares: bool = False


async def count(*, anr: UUID | None = None, client: UUID | None = None) -> int:
    """Of how many analyses `forget` would delete what was shared."""
    return len(await share_records.series(client=client, anr=anr))


async def forget(settings: Settings, *, anr: UUID | None = None, client: UUID | None = None) -> Forgotten:
    """Delete at REMOTE_STATS_SERVER what was shared of an analysis, of an account, or of an analysis of an account; and
    change the pseudonyms, so that what is shared from now on cannot be connected with it.

    They need not be here any more, and to do it again is harmless. Raises `SettingsError` and `Conflict` as
    `push` does.
    """
    check(settings, settings.remote_stats_token)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(locks.only_one(LOCK))
        except Conflict:
            raise Conflict("A push is running, or another forget: try again when it has ended.") from None
        forgotten = Forgotten(server=settings.remote_stats_server)
        series = await share_records.series(client=client, anr=anr)
        if series:
            await _delete(settings, series, forgotten)
        forgotten.left = len(series) - forgotten.analyses
        forgotten.elsewhere = await share_records.rows_by_server(series)
        forgotten.elsewhere.pop(forgotten.server, None)
        shared = {(one.client, one.anr) for one in await storage.analyses(client)}
        forgotten.shares = any((one.client, one.anr) in shared for one in series)
    return forgotten


async def _delete(settings: Settings, series: list[Series], forgotten: Forgotten) -> None:
    server = await storage.server_id(forgotten.server)
    pseudonyms = Pseudonyms(await storage.secret())
    try:
        async with Peer(forgotten.server, settings.remote_stats_token, budget=BUDGET_SECONDS) as peer:
            for one in series:
                await share_records.note_deleting(server, one)
                for generation in range(one.generation + 1):
                    await peer.delete_analysis(pseudonyms.analysis(one.client, one.anr, generation))
                forgotten.rows += await share_records.note_deleted(server, one)
                forgotten.analyses += 1
    except PeerUnusable as error:
        forgotten.error = error.message
