"""What anybody may see: charts over everybody's rows, the map of contributors, and what this instance is.

Nothing here takes an account or an analysis: that would defeat what it is for.
"""

import datetime as dt
from typing import Annotated

import msgspec
from msgspec import Meta

import service
from service.api import answers, examples, schemas
from service.api.answers import Answer
from service.api.request import Request
from service.api.routes import Documented, Handler, Nothing, Routes, Who
from service.core import charts, contributors, processors, publication
from service.core.periods import Period
from service.records import StatType

routes = Routes("Public")

MOST_DAYS = 36_525
MAP_DAYS = 365


class PublicChart(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which chart is wanted."""

    days: Annotated[int, Meta(description="How many days back from today", ge=0, le=MOST_DAYS)] = 365
    processor: Annotated[
        schemas.ProcessorName | None, Meta(description="One of the type's; by default its own `_on_date`")
    ] = None
    last_stats: Annotated[bool, Meta(description="Only the newest figures")] = False
    local_stats_only: Annotated[bool, Meta(description="Without what other installations share with this one")] = False
    aggregation_period: Annotated[
        Period | None, Meta(description="The means of such periods and not of days; for processors `_on_date`")
    ] = None


PATHS = {
    "/stats/threats.json": StatType.THREAT,
    "/stats/vulnerabilities.json": StatType.VULNERABILITY,
    "/stats/risks.json": StatType.RISK,
    "/stats/cartography.json": StatType.CARTOGRAPHY,
    "/stats/compliance.json": StatType.COMPLIANCE,
}


def _chart_of(stat_type: StatType) -> Handler:
    """The handler of a type's public chart."""

    async def chart(request: Request, query: PublicChart) -> Answer:
        today = dt.datetime.now(dt.UTC).date()
        chart = await charts.chart(
            charts.ChartQuery(
                type=stat_type,
                processor=query.processor or processors.default_for(stat_type).name,
                date_from=today - dt.timedelta(days=query.days),
                date_to=today,
                local_only=query.local_stats_only,
                period=query.aggregation_period,
                newest_only=query.last_stats,
                protection=publication.protection(request.app.ctx.settings),
            )
        )
        return answers.versioned(request, chart.version, chart.data)

    chart.__name__ = f"{stat_type}_chart"
    chart.__doc__ = f"The data of a chart of type {stat_type}, over everybody's rows."
    return chart


for _path, _type in PATHS.items():
    routes.add(
        "GET",
        _path,
        who=Who.ANYBODY,
        parameters=PublicChart,
        answers={
            200: Documented(
                text="The processor's data; `[]` where there is none",
                type=schemas.data_of(_type),
                example=examples.chart(_type),
                headers=("ETag",),
            ),
            304: Documented(text="The data is what If-None-Match names", headers=("ETag",)),
        },
    )(_chart_of(_type))


@routes.add(
    "GET",
    "/map/clients.json",
    who=Who.ANYBODY,
    answers={
        200: Documented(text="The contributors", type=list[contributors.Contributor], headers=("ETag",)),
        304: Documented(text="They are what If-None-Match names", headers=("ETag",)),
    },
)
async def map_of_contributors(request: Request, _: Nothing) -> Answer:
    """Where those are who share their figures and told their coordinates, without names; on a public instance without
    figures too."""
    protection = publication.protection(request.app.ctx.settings)
    found = await contributors.contributors(MAP_DAYS, protection)
    return answers.versioned(request, found.version, found.data)


@routes.add("GET", "/about.json", who=Who.ANYBODY, answers={200: Documented(text="About it", type=schemas.About)})
async def about(request: Request, _: Nothing) -> Answer:
    """What this instance is."""
    settings = request.app.ctx.settings
    root = settings.instance_url or settings.script_name
    return answers.value(
        schemas.About(
            version=service.__version__,
            version_url=f"{root}/docs",
            api_v1_root=f"{root}/api/v1/",
            contact=settings.admin_email or settings.admin_url,
        )
    )
