"""How sharing with another instance stands, for admins. The push itself is a command of the service's machine."""

import datetime as dt
from uuid import UUID

from service.api import answers, examples
from service.api.answers import Answer
from service.api.request import Request
from service.api.routes import Documented, Nothing, Routes, Who
from service.core.sharing.status import RefusedRow, Run, SharedOf, Status, Waiting, status
from service.records import StatType

routes = Routes("Sharing")

_CLIENT = UUID("c08e380f-7ec0-43ff-bca2-4505856739e0")
_FIRST, _LAST = dt.date(2026, 1, 1), examples.DAY
_RUN = Run(
    server="https://dashboard.monarc.lu",
    started_at=dt.datetime(2026, 2, 1, 2, 17, tzinfo=dt.UTC),
    ended_at=dt.datetime(2026, 2, 1, 2, 17, 9, tzinfo=dt.UTC),
    sent=154,
    already_there=0,
    refused=1,
    left_over=0,
    bytes=1_640_200,
    error=None,
)
_SHARED = SharedOf(
    client=_CLIENT,
    name="NC3",
    shares=True,
    analyses=1,
    rows=154,
    kept_old=0,
    refused=1,
    first_date=_FIRST,
    last_date=_LAST,
)
_REFUSED = RefusedRow(
    client=_CLIENT,
    name="NC3",
    anr=examples.ANR,
    type=StatType.RISK,
    date=_LAST,
    reason="data.total is missing",
)
_WAITING = Waiting(
    client=_CLIENT, name="NC3", type=StatType.RISK, analyses=1, rows=31, first_date=_FIRST, last_date=_LAST
)
_EXAMPLE = Status(
    server=_RUN.server,
    has_token=True,
    running=False,
    last=_RUN,
    runs=[_RUN],
    shared=154,
    accounts=[_SHARED],
    refused_rows=1,
    refused=[_REFUSED],
    gone_analyses=0,
    gone=[],
    waiting=[_WAITING],
)


@routes.add(
    "GET",
    "/api/v1/sharing",
    who=Who.ADMIN,
    answers={200: Documented(text="How it stands", type=Status, example=_EXAMPLE)},
)
async def sharing(request: Request, _: Nothing) -> Answer:
    """How sharing with another instance stands.

    What was shared and what waits, account by account; how the last pushes went; and some of the rows that the other
    instance (REMOTE_STATS_SERVER) refused, with the reason.
    """
    return answers.value(await status(request.app.ctx.settings))
