"""How sharing stands: what was shared and what waits, how the last pushes went, and what there is to mend."""

from uuid import UUID

import msgspec

from service.core.stats import default_range
from service.settings import Settings
from service.storage import locks, share_records
from service.storage import sharing as storage
from service.storage.share_records import GoneAnalysis, RefusedRow, Run, SharedOf
from service.storage.sharing import Selection, Waiting

__all__ = ["GoneAnalysis", "RefusedRow", "Run", "SharedOf", "Status", "Waiting", "shared_of", "status"]

LOCK = "push"
"""What only one process does at a time: push or forget."""

RUNS_SHOWN = 10
ROWS_SHOWN = 20


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How sharing with `server` stands.

    `has_token`: whether there is one to share with. `running`: whether a push (or a forget) is under way. `last`: the
    last push, whichever instance it was to, `runs` the last ones, the newest first. `shared`: how many rows are there
    or may be, `accounts`: of which accounts. `refused_rows`: how many the instance does not take, `refused`: some of
    them. `gone_analyses`: how many are there and no longer here, `gone`: some of them. `waiting`: what the next push
    would send.
    """

    server: str
    has_token: bool
    running: bool
    last: Run | None
    runs: list[Run]
    shared: int
    accounts: list[SharedOf]
    refused_rows: int
    refused: list[RefusedRow]
    gone_analyses: int
    gone: list[GoneAnalysis]
    waiting: list[Waiting]


async def status(settings: Settings) -> Status:
    """How sharing with REMOTE_STATS_SERVER stands. Nothing is changed or sent, and the other instance not asked."""
    server = await storage.known_server(settings.remote_stats_server)
    runs = await share_records.runs(RUNS_SHOWN)
    accounts = await share_records.shared_of_accounts(server)
    refused_rows = sum(account.refused for account in accounts)
    gone = await share_records.gone(server)
    date_from, date_to = default_range(None, None)
    return Status(
        server=settings.remote_stats_server,
        has_token=bool(settings.remote_stats_token),
        running=await locks.is_held(LOCK),
        last=runs[0] if runs else None,
        runs=runs,
        shared=sum(account.rows for account in accounts),
        accounts=accounts,
        refused_rows=refused_rows,
        refused=await share_records.refused(server, ROWS_SHOWN) if refused_rows else [],
        gone_analyses=len(gone),
        gone=gone[:ROWS_SHOWN],
        waiting=await storage.waiting(server, Selection(date_from=date_from, date_to=date_to)),
    )


async def shared_of(client: UUID) -> dict[str, int]:
    """How many rows of an account are, or may be, at which instances (by their addresses): what `forget` is for."""
    return await share_records.rows_by_server(await share_records.series(client=client))
