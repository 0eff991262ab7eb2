"""Charts over HTTP: what processors make of the statistics."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from service.api import answers, examples, schemas
from service.api.answers import Answer
from service.api.request import Request
from service.api.routes import Documented, Nothing, Routes, Who
from service.core import charts, processors, publication
from service.core.periods import Period
from service.records import StatType

routes = Routes("Charts")


class ChartWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which chart is wanted."""

    type: Annotated[StatType, Meta(description="The kind of data", examples=["risk"])]
    processor: Annotated[schemas.ProcessorName, Meta(examples=["risk_averages"])]
    processor_params: Annotated[
        dict[str, Any] | None,
        Meta(description="The processor's own parameters", examples=[{"risks_type": "informational"}]),
    ] = None
    anrs: Annotated[
        list[UUID] | None,
        Meta(description="Only these analyses, if they are one's own (an admin's: any); by default everybody's"),
    ] = None
    date_from: Annotated[dt.date | None, Meta(description="The first day; by default three months back")] = None
    date_to: Annotated[dt.date | None, Meta(description="The last day; by default today")] = None
    local_stats_only: Annotated[bool, Meta(description="Without what other installations share with this one")] = False
    aggregation_period: Annotated[
        Period | None, Meta(description="The means of such periods and not of days; for processors `_on_date`")
    ] = None


@routes.add(
    "GET",
    "/api/v1/stats/processed",
    who=Who.ACCOUNT,
    parameters=ChartWanted,
    answers={
        200: Documented(
            text="The chart's data; `[]` where there is none",
            type=schemas.Processed,
            example=schemas.Processed(StatType.THREAT, "threat_average_on_date", examples.chart(StatType.THREAT)),
            headers=("ETag",),
        ),
        304: Documented(text="The data is what If-None-Match names", headers=("ETag",)),
    },
)
async def processed(request: Request, query: ChartWanted) -> Answer:
    """A processor's data, over all accounts' rows or over analyses of one's own. On a public instance users see of all
    accounts' rows what anybody may see."""
    chart = await charts.chart(
        charts.ChartQuery(
            type=query.type,
            processor=query.processor,
            params=query.processor_params,
            anrs=tuple(query.anrs) if query.anrs else None,
            date_from=query.date_from,
            date_to=query.date_to,
            local_only=query.local_stats_only,
            period=query.aggregation_period,
            account=request.asker,
            protection=None if request.asker.is_admin else publication.protection(request.app.ctx.settings),
        )
    )
    head = msgspec.json.encode({"type": query.type, "processor": query.processor})
    return answers.versioned(request, chart.version, b'%b,"data":%b}' % (head[:-1], chart.data))


@routes.add(
    "GET",
    "/api/v1/stats/processed/list",
    who=Who.ANYBODY,
    answers={200: Documented(text="The processors", type=list[schemas.Processor])},
)
async def listed(_request: Request, _: Nothing) -> Answer:
    """The processors that there are."""
    return answers.value([schemas.Processor(each.name, each.description) for each in processors.all()])
