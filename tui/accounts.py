"""Accounts as the view shows them, and what is checked before the service is asked. Pure."""

import datetime as dt
from collections.abc import Sequence

from tui.charts.base import Table
from tui.dialogs.form import Values
from tui.widgets.rows import Column, Line
from tui.wire import Account

MAX_NAME = 255


def columns(width: int) -> list[Column]:
    """The table's columns for a width in cells; the name gets what the others leave."""
    fixed = [
        Column("Role", 5),
        Column("Active", 6),
        Column("Shares", 6),
        Column("Analyses", 8, right=True),
        Column("Rows", 8, right=True),
        Column("Newest", 10),
    ]
    wide = [Column("Coordinates", 16), Column("Last seen (UTC)", 16), Column("Here", 5)] if width >= 130 else []  # noqa: PLR2004
    rest = width - sum(column.width + 2 for column in (*fixed, *wide)) - 4
    return [Column("Name", max(min(rest, 60), 14)), *fixed, *wide]


def lines(accounts: Sequence[Account], columns: Sequence[Column]) -> list[Line]:
    """A line per account, by its uuid."""
    return [Line(str(one.uuid), row(one)[: len(columns)]) for one in accounts]


def row(one: Account) -> tuple[str | int | None, ...]:
    """An account's cells, in the order of the columns."""
    activity = one.activity
    return (
        str(one.name),
        "admin" if one.role == "2" else "user",
        yes(one.is_active),
        yes(one.is_sharing_enabled),
        activity.analyses if activity else None,
        activity.rows if activity else None,
        activity.newest_date.isoformat() if activity and activity.newest_date else "never",
        coordinates(one),
        moment(one.last_seen),
        "yes" if one.local else "no",
    )


def table(accounts: Sequence[Account]) -> Table:
    """The accounts for an export, with their uuids and dates in full."""
    heads = (
        "Name",
        "UUID",
        "Role",
        "Active",
        "Shares",
        "Analyses",
        "Rows",
        "Newest",
        "Coordinates",
        "Last seen (UTC)",
        "Local",
    )
    body = tuple((cells[0], str(one.uuid), *cells[1:]) for one in accounts for cells in [row(one)])
    return Table("Accounts", heads, body)


def yes(value: bool) -> str:  # noqa: FBT001  # it is all there is
    """A yes or no that can be told apart without colour and at a glance."""
    return "✔ yes" if value else "✘ no"


def coordinates(one: Account) -> str:
    """Latitude and longitude, or nothing."""
    if one.latitude is None or one.longitude is None:
        return ""
    return f"{one.latitude:.3f}, {one.longitude:.3f}"


def moment(value: dt.datetime | None) -> str:
    """A moment to the minute, in UTC; `never` where there was none."""
    return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M") if value else "never"


def check_name(values: Values) -> str | None:
    """What is wrong with a new account's name; None where nothing is."""
    name = str(values["name"])
    if not name:
        return "A name is needed."
    return f"A name has at most {MAX_NAME} characters." if len(name) > MAX_NAME else None


def check_place(values: Values) -> str | None:
    """What is wrong with coordinates; None where nothing is. Both empty means none."""
    try:
        place_of(values)
    except ValueError:
        return "Latitude is a number from -90 to 90 and longitude from -180 to 180; leave both empty for none."
    return None


def place_of(values: Values) -> tuple[float, float] | None:
    """The coordinates of an answer, None where both are empty. Raises ValueError."""
    texts = str(values["latitude"]), str(values["longitude"])
    if texts == ("", ""):
        return None
    latitude, longitude = float(texts[0].replace(",", ".")), float(texts[1].replace(",", "."))
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # noqa: PLR2004  # degrees
        raise ValueError(texts)
    return latitude, longitude
