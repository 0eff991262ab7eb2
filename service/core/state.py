"""The state of this instance, for those who watch it: whether its database can be used, who has fallen silent, and how
sharing goes."""

import datetime as dt
from collections import Counter

from service.errors import MigrationsPending
from service.records import Role
from service.storage import clients as storage
from service.storage import migrate, share_records
from service.storage.share_records import Run

__all__ = ["FRESHNESS", "Run", "check_database", "freshness", "last_push"]

NEVER = "never"
OLDER = "older"
LATEST = {"1d": dt.timedelta(days=1), "7d": dt.timedelta(days=7), "30d": dt.timedelta(days=30)}
"""Names for how long ago an account last posted: at most so long, and longer than what stands before."""

FRESHNESS = (*LATEST, OLDER, NEVER)


async def check_database(database_url: str) -> None:
    """Raise `Unavailable` where the open database does not answer, `MigrationsPending` where its tables are too old."""
    if names := await migrate.pending(database_url):
        raise MigrationsPending(f"The database lacks {', '.join(names)}: run `stats-service db upgrade`.")


async def freshness() -> Counter[tuple[Role, str]]:
    """How many active accounts of each role last posted when (`FRESHNESS`). Raises `Unavailable`."""
    now = dt.datetime.now(dt.UTC)
    return Counter((role, _freshness(last, now)) for role, last in await storage.last_posts())


async def last_push() -> Run | None:
    """The last push to another instance that has ended; None where there is none. Raises `Unavailable`."""
    return next((run for run in await share_records.runs(share_records.RUNS_KEPT) if run.ended_at), None)


def _freshness(last_post: dt.datetime | None, now: dt.datetime) -> str:
    if last_post is None:
        return NEVER
    return next((name for name, most in LATEST.items() if now - last_post <= most), OLDER)
