"""`stats-service share status`."""

import datetime as dt
from collections.abc import Sequence

from service.cli.db import database
from service.cli.terminal import AsJson, say, say_fields, say_json, say_table
from service.core.sharing.status import Run, Status
from service.core.sharing.status import status as standing
from service.settings import load


async def status(*, as_json: AsJson = False) -> None:
    """Say how sharing stands: what was shared, what waits, how the last pushes went. Nothing is asked there."""
    async with database():
        stands = await standing(load())
    if as_json:
        say_json(stands)
        return
    waiting = sum(one.rows for one in stands.waiting)
    say_fields(
        [
            ("Server", stands.server),
            ("Token", "yes" if stands.has_token else "no: REMOTE_STATS_TOKEN is not set"),
            ("Running", "yes" if stands.running else "no"),
            ("Shared", f"{stands.shared} rows"),
            ("Waiting", f"{waiting} rows"),
            ("Refused", f"{stands.refused_rows} rows"),
        ]
    )
    _say_runs(stands)
    _say_accounts(stands)
    _say_trouble(stands)


def _section(title: str, columns: Sequence[str], lines: Sequence[Sequence[object]], more: int = 0) -> None:
    """A table with a heading, if there is anything in it; `more` is how many lines are not shown."""
    if lines:
        say("")
        say(title)
        say_table(columns, lines, nothing="")
    if more > 0:
        say(f"... and {more} more.")


def _say_runs(stands: Status) -> None:
    lines = [
        (
            _moment(run.started_at),
            run.sent,
            run.already_there,
            run.refused,
            run.left_over,
            run.bytes,
            _end(run, running=stands.running and number == 0),
        )
        for number, run in enumerate(stands.runs)
    ]
    _section("The last pushes:", ["STARTED", "SENT", "THERE", "REFUSED", "LEFT", "BYTES", "END"], lines)


def _end(run: Run, *, running: bool) -> str:
    """How a push ended."""
    if run.ended_at is None:
        return "is running" if running else "was broken off"
    seconds = (run.ended_at - run.started_at).total_seconds()
    return f"after {seconds:.0f} s" + (f": {run.error}" if run.error else "")


def _say_accounts(stands: Status) -> None:
    _section(
        "Shared:",
        ["ACCOUNT", "SHARES", "ANALYSES", "ROWS", "OLDER", "REFUSED", "FROM", "TO", "UUID"],
        [
            (
                one.name or "(gone)",
                "yes" if one.shares else "no",
                one.analyses,
                one.rows,
                one.kept_old,
                one.refused,
                one.first_date,
                one.last_date,
                one.client,
            )
            for one in stands.accounts
        ],
    )
    _section(
        "The next push sends:",
        ["ACCOUNT", "TYPE", "ANALYSES", "ROWS", "FROM", "TO"],
        [(one.name, one.type, one.analyses, one.rows, one.first_date, one.last_date) for one in stands.waiting],
    )


def _say_trouble(stands: Status) -> None:
    _section(
        "Refused (sent again when they change, or with `share push --retry-refused`):",
        ["ACCOUNT", "ANALYSIS", "TYPE", "DATE", "WHY"],
        [(one.name or "(gone)", one.anr, one.type, one.date, one.reason) for one in stands.refused],
        stands.refused_rows - len(stands.refused),
    )
    _section(
        "Shared, and no longer here (`share forget ANALYSIS` deletes it there):",
        ["ANALYSIS", "ROWS", "ACCOUNT"],
        [(one.anr, one.rows, one.name or f"{one.client} (gone)") for one in stands.gone],
        stands.gone_analyses - len(stands.gone),
    )


def _moment(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"
