"""Sharing as the view shows it: what waits, how the last pushes went, and what there is to do. Pure."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from tui.accounts import moment
from tui.charts.base import Cell, Table, number
from tui.charts.facts import Fact, Facts
from tui.widgets.rows import Column, Line
from tui.wire import SharePush, ShareRefused, ShareWaiting, Sharing

TYPES = ("risk", "threat", "vulnerability", "cartography", "compliance")

STALE_DAYS = 2
"""After how many days without a push one is missed: it is done nightly."""

ROOMY, SPACIOUS = 110, 140
"""From how many cells on there are more columns; one per type."""

NOT_SET_UP = (
    "Not set up. Ask the operator of {server} for a token (another instance: REMOTE_STATS_SERVER), set"
    " REMOTE_STATS_TOKEN and start the service again.\n"
    "`stats-service share preview` then says what would leave, `stats-service share push` sends it;"
    " monarc-stats-share.timer or cron (contrib/) do so nightly."
)

KB, MB = 1_000, 1_000_000


class Part(msgspec.Struct, frozen=True):
    """What was shared of an account, and what waits of each type. `name` is None where it is gone."""

    client: str
    name: str | None
    shared: int
    waiting: dict[str, ShareWaiting]

    @property
    def rows(self) -> int:
        """How many wait."""
        return sum(one.rows for one in self.waiting.values())

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Who, what was shared, what waits; of this at least how many analyses it has and its days, and each type."""
        waiting = self.waiting.values()
        return (
            self.name or f"deleted here: {self.client}",
            self.shared,
            self.rows,
            max((one.analyses for one in waiting), default=None),
            min((one.first_date for one in waiting), default=None),
            max((one.last_date for one in waiting), default=None),
            *(self.waiting[kind].rows if kind in self.waiting else None for kind in TYPES),
        )


def parts(data: Sharing) -> list[Part]:
    """Account by account, those with most waiting first."""
    names = {str(one.client): one.name and str(one.name) for one in data.accounts}
    names |= {str(one.client): str(one.name) for one in data.waiting}
    shared = {str(one.client): one.rows for one in data.accounts}
    found = {client: Part(client, name, shared.get(client, 0), {}) for client, name in names.items()}
    for one in data.waiting:
        found[str(one.client)].waiting[str(one.type)] = one
    return sorted(found.values(), key=lambda part: -part.rows)


def facts(data: Sharing, now: dt.datetime) -> Facts:
    """With whom, how much was shared and waits, and when the last push was."""
    last = data.runs[0] if data.runs else None
    known = [
        Fact("global instance", str(data.server)),
        Fact("rows shared", data.shared),
        Fact("waiting", sum(one.rows for one in data.waiting)),
        Fact("refused", data.refused_rows, alert=bool(data.refused_rows)),
    ]
    if data.running:
        known.append(Fact("push", "running"))
    elif last is not None:
        known.append(Fact("last push", moment(last.started_at), alert=not last.is_whole or is_stale(data, now)))
    return Facts("Sharing", tuple(known))


def is_stale(data: Sharing, now: dt.datetime) -> bool:
    """Whether rows wait and no push has been started for days."""
    started = data.runs[0].started_at if data.runs else now
    return bool(data.waiting) and now - started > dt.timedelta(days=STALE_DAYS)


def advice(data: Sharing, now: dt.datetime) -> list[str]:
    """What there is to do, most urgent first; that there is nothing, where all is well."""
    if not data.has_token:
        return [NOT_SET_UP.format(server=data.server)]
    if data.running:
        return ["A push is running. What it has sent so far does not wait any more."]
    return _problems(data, now) or ["The next push sends what waits." if data.waiting else "All is shared."]


def is_well(data: Sharing, now: dt.datetime) -> bool:
    """Whether there is nothing to do but to wait for the next push."""
    return data.has_token and (data.running or not _problems(data, now))


def _problems(data: Sharing, now: dt.datetime) -> list[str]:
    last = data.runs[0] if data.runs else None
    stopped = [one for one in data.accounts if one.rows and not one.shares and one.name is not None]
    said = []
    if last is None and data.waiting:
        said.append("Not pushed yet: `share preview` says what would leave, `share push` sends it.")
    if last is None and not data.waiting:
        said.append("There is nothing to share: no active account that shares has sent figures.")
    if last is not None and not last.is_whole:
        said.append(f"Last push: {went(last)}. `share push` goes on where it was.")
    if is_stale(data, now):
        said.append(f"No push for {STALE_DAYS} days or more: do monarc-stats-share.timer or cron still run?")
    if data.refused_rows:
        said.append("Refused rows go again when they change, or by `share push --retry-refused`.")
    if stopped:
        said.append(f"{len(stopped)} stopped sharing: `share forget --client UUID` deletes what is there.")
    if data.gone_analyses:
        said.append(f"{data.gone_analyses} analyses are there, not here: `share status` says how to delete them.")
    return said


def went(push: SharePush) -> str:
    """How a push went, in a few words."""
    if push.error:
        return f"failed: {str(push.error).rstrip('.')}"
    if push.ended_at is None:
        return "was broken off"
    left = [f"{number(push.left_over)} rows left"] if push.left_over else []
    return " and ".join(left + ([f"{number(push.refused)} refused"] if push.refused else [])) or "✔ whole"


# --- tables ---------------------------------------------------------------------------------------------------


def account_columns(width: int) -> list[Column]:
    """The columns of the accounts for a width in cells; the name gets what the others leave."""
    fixed = [
        Column("Shared", 9, right=True),
        Column("Waiting", 9, right=True),
        Column("Analyses", 8, right=True),
        Column("From", 10),
        Column("To", 10),
        *([Column(kind.capitalize(), max(len(kind), 7), right=True) for kind in TYPES] if width >= SPACIOUS else []),
    ]
    rest = width - sum(column.width + 2 for column in fixed) - 4
    return [Column("Account", max(min(rest, 60), 14)), *fixed]


def account_lines(data: Sharing, columns: Sequence[Column]) -> list[Line]:
    """A line per account, by its uuid."""
    return [Line(part.client, part.cells[: len(columns)]) for part in parts(data)]


def by_type(data: Sharing, client: str, width: int) -> str:
    """What waits of an account, type by type, in as few words as the width wants."""
    waiting = [one for one in data.waiting if one.client == client]
    if width < SPACIOUS:
        return " · ".join(f"{one.type} {number(one.rows)}" for one in waiting)
    return " · ".join(
        f"{one.type} {number(one.rows)} of {number(one.analyses)} analyses, {one.first_date} to {one.last_date}"
        for one in waiting
    )


def push_columns(width: int) -> list[Column]:
    """The columns of the pushes; how each went gets what the others leave."""
    fixed = [
        Column("Push (UTC)", 16),
        Column("Took", 7, right=True),
        Column("Sent", 9, right=True),
        Column("There", 7, right=True),
        *([Column("Bytes", 8, right=True)] if width >= ROOMY else []),
    ]
    return [*fixed, Column("How it went", max(width - sum(column.width + 2 for column in fixed) - 6, 14))]


def push_lines(data: Sharing, columns: Sequence[Column]) -> list[Line]:
    """A line per push, newest first, by when it was started."""
    return [
        Line(
            push.started_at.isoformat(),
            (
                moment(push.started_at),
                took(push),
                push.sent,
                push.already_there,
                *([size(push.bytes)] if any(column.title == "Bytes" for column in columns) else []),
                ("" if push.server == data.server else f"to {push.server}: ")
                + ("running" if place == 0 and data.running else went(push)),
            ),
        )
        for place, push in enumerate(data.runs)
    ]


def took(push: SharePush) -> str:
    """How long a push took."""
    if push.ended_at is None:
        return ""
    seconds = round((push.ended_at - push.started_at).total_seconds())
    return f"{seconds} s" if seconds < 100 else f"{round(seconds / 60)} min"  # noqa: PLR2004  # two digits


def size(count: int) -> str:
    """So many bytes, in two or three digits."""
    return f"{count / MB:,.1f} MB" if count >= MB else f"{count / KB:,.1f} kB"


def refused_columns(width: int) -> list[Column]:
    """The columns of what was refused; the reason gets what the others leave."""
    fixed = [
        Column("Refused", 13),
        Column("Date", 10),
        *([Column("Account", 22)] if width >= ROOMY else []),
        *([Column("Analysis", 36)] if width >= SPACIOUS else []),
    ]
    return [*fixed, Column("Why", width - sum(column.width + 2 for column in fixed) - 6)]


def refused_key(one: ShareRefused) -> str:
    """What says which row it is."""
    return f"{one.client} {one.anr} {one.type} {one.date}"


def refused_lines(data: Sharing, columns: Sequence[Column]) -> list[Line]:
    """A line per row. Account and analysis are found also where there is no room to show them."""
    heads = {column.title for column in columns}
    lines = []
    for one in data.refused:
        name = one.name or f"deleted here: {one.client}"
        cells = (
            str(one.type),
            one.date.isoformat(),
            *([name] if "Account" in heads else []),
            *([one.anr] if "Analysis" in heads else []),
            str(one.reason or "without a reason"),
        )
        lines.append(Line(refused_key(one), cells, unseen=(name, one.anr)))
    return lines


def tables(data: Sharing) -> list[Table]:
    """All of it for an export: what waits by account and type, what was shared, the pushes, what was refused, and the
    state."""
    return [
        Table(
            "Waiting",
            ("Account", "UUID", "Type", "Analyses", "Rows", "From", "To"),
            tuple(
                (str(one.name), str(one.client), str(one.type), one.analyses, one.rows, one.first_date, one.last_date)
                for one in data.waiting
            ),
        ),
        Table(
            "Shared",
            ("Account", "UUID", "Shares", "Analyses", "Rows", "Older version there", "Refused", "From", "To"),
            tuple(
                (
                    *map(str, (one.name or "", one.client, "yes" if one.shares else "no")),
                    *(one.analyses, one.rows, one.kept_old, one.refused, one.first_date, one.last_date),
                )
                for one in data.accounts
            ),
        ),
        Table(
            "Pushes",
            ("To", "Started (UTC)", "Ended (UTC)", "Sent", "Already there", "Refused", "Left", "Bytes", "Error"),
            tuple(
                (
                    str(one.server),
                    moment(one.started_at),
                    moment(one.ended_at) if one.ended_at else None,
                    *(one.sent, one.already_there, one.refused, one.left_over, one.bytes),
                    str(one.error) if one.error else None,
                )
                for one in data.runs
            ),
        ),
        Table(
            "Refused",
            ("Account", "UUID", "Analysis", "Type", "Date", "Why"),
            tuple(
                (*map(str, (one.name or "", one.client, one.anr, one.type)), one.date, str(one.reason or ""))
                for one in data.refused
            ),
        ),
        Table(
            "State",
            ("Server", "Token", "Running", "Shared", "Refused", "Analyses gone"),
            (
                (
                    str(data.server),
                    *("yes" if one else "no" for one in (data.has_token, data.running)),
                    *(data.shared, data.refused_rows, data.gone_analyses),
                ),
            ),
        ),
    ]
