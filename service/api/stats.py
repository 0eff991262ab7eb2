"""Statistics over HTTP: taking in batches of rows, giving rows back, deleting an analysis."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.api import answers, examples, row_schemas, schemas
from service.api.answers import Answer
from service.api.request import Request
from service.api.routes import Documented, Nothing, Routes, Who
from service.core import collect, stats
from service.records import StatType

routes = Routes("Statistics")

ROWS = "/api/v1/stats"
ANALYSIS = "/api/v1/stats/{anr}"

PIECE = 1 << 18
"""The least bytes of an answer that are sent at once."""

MOST_ROWS = 1_000_000_000

_STORED = row_schemas.Rows(schemas.Metadata("1"), [examples.stored()])


class RowsWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which rows are wanted."""

    type: Annotated[StatType, Meta(description="The kind of data", examples=["risk"])]
    anrs: Annotated[list[UUID] | None, Meta(description="Only these analyses")] = None
    anr: Annotated[UUID | None, Meta(description="Only this analysis")] = None
    date_from: Annotated[dt.date | None, Meta(description="The first day; by default three months back")] = None
    date_to: Annotated[dt.date | None, Meta(description="The last day; by default today")] = None
    get_last: Annotated[
        bool, Meta(description="The newest row of each analysis; dates, `offset` and `limit` do not count then")
    ] = False
    offset: Annotated[int, Meta(description="How many rows to pass over", ge=0, le=MOST_ROWS)] = 0
    limit: Annotated[int, Meta(description="The most rows to give; 0 is all", ge=0, le=MOST_ROWS)] = 0
    group_by_anr: Annotated[bool, Meta(description="Accepted, and without effect")] = False


@routes.add(
    "POST",
    ROWS,
    who=Who.ACCOUNT,
    body=list[row_schemas.Row],
    answers={
        201: Documented(text="All rows are stored", type=row_schemas.Rows, example=_STORED),
        207: Documented(
            text="Some rows are stored",
            type=row_schemas.PartOfBatch,
            example=row_schemas.PartOfBatch(_STORED.metadata, _STORED.data, [examples.refused()]),
        ),
        400: Documented(
            text="No row is stored",
            type=row_schemas.BatchRefused,
            example=row_schemas.BatchRefused("None of the 1 rows could be stored.", [examples.refused()]),
        ),
    },
)
async def post(request: Request, _: Nothing) -> Answer:
    """Store rows.

    A row of the same account, analysis, type and date is replaced, and keeps its uuid. Each row is stored as a whole
    or not at all; what is wrong with one does not keep the others out.
    """
    collected = await collect.collect(request.asker, request.body)
    request.app.ctx.metrics.count_rows(collected)
    if collected.refused and not collected.stored:
        message = f"None of the {len(collected.refused)} rows could be stored: errors says what to mend in each."
        return answers.value(row_schemas.BatchRefused(message, collected.refused), 400)
    return await _batch(collected)


@routes.add(
    "GET",
    ROWS,
    who=Who.ACCOUNT,
    parameters=RowsWanted,
    answers={200: Documented(text="The rows, by date and analysis", type=row_schemas.Rows, example=_STORED)},
)
async def find(request: Request, query: RowsWanted) -> Answer:
    """Rows as they were sent: one's own, for an admin everybody's."""
    page = await stats.find(
        request.asker,
        stats.RowQuery(
            type=query.type,
            anrs=_analyses(query),
            date_from=query.date_from,
            date_to=query.date_to,
            newest_only=query.get_last,
            offset=0 if query.get_last else query.offset,
            limit=0 if query.get_last else query.limit,
        ),
    )
    count, offset, limit = (str(number) for number in (page.count, page.offset, page.limit))
    opening = b'{"metadata":' + msgspec.json.encode(schemas.Metadata(count, offset, limit)) + b',"data":['
    return await _rows(page, opening, b"]}")


@routes.add(
    "GET",
    ANALYSIS,
    who=Who.ACCOUNT,
    answers={200: Documented(text="The rows, none for an unknown analysis", type=list[row_schemas.Row])},
)
async def rows_of(request: Request, _: Nothing, anr: UUID) -> Answer:
    """All rows of an analysis: one's own, for an admin everybody's."""
    return await _rows(await stats.rows_of(request.asker, anr), b"[", b"]")


@routes.add("DELETE", ANALYSIS, who=Who.ACCOUNT, answers={204: Documented(text="There are no such rows any more")})
async def delete(request: Request, _: Nothing, anr: UUID) -> Answer:
    """Delete all rows of an analysis: one's own, for an admin everybody's."""
    await stats.delete_analysis(request.asker, anr)
    return answers.empty(204)


def _analyses(query: RowsWanted) -> tuple[UUID, ...] | None:
    """The analyses that `anrs` and `anr` leave; None for all. PHP's empty array is no filter."""
    if query.anr is None:
        return tuple(query.anrs) if query.anrs else None
    return (query.anr,) if not query.anrs or query.anr in query.anrs else ()


async def _rows(page: stats.RowPage, opening: bytes, closing: bytes) -> Answer:
    async def parts() -> AsyncIterator[bytes]:
        yield opening
        async for part in page.chunks():
            yield part
        yield closing

    return await answers.joined(len(opening) + page.size + len(closing), parts())


async def _batch(collected: collect.Collected) -> Answer:
    """The answer to a batch. The rows' data is put in as it came, and read nowhere in between."""
    metadata = msgspec.json.encode(schemas.Metadata(str(len(collected.stored))))
    parts: list[bytes | msgspec.Raw] = [b'{"metadata":', metadata, b',"data":[']
    for row in collected.stored:
        comma = "" if row is collected.stored[0] else ","
        head = f'{comma}{{"uuid":"{row.uuid}","anr":"{row.anr}","type":"{row.type}","date":"{row.date}","data":'
        parts += (head.encode(), row.data, b"}")
    parts.append(b"]")
    if collected.refused:
        parts += (b',"errors":', msgspec.json.encode(collected.refused))
    parts.append(b"}")
    size = sum(len(memoryview(part)) for part in parts)
    return await answers.joined(size, _pieces(parts), 207 if collected.refused else 201)


async def _pieces(parts: list[bytes | msgspec.Raw]) -> AsyncIterator[bytes]:
    """The parts, joined to pieces that are worth sending."""
    piece = bytearray()
    for part in parts:
        piece += part
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
