"""A period of one's own."""

import datetime as dt

from tui.dialogs.form import Field, Form, Values
from tui.scope import Scope


def ask_period(scope: Scope, today: dt.date) -> Form:
    """Asks for the first and the last day, both inclusive. `period_of` reads the answer."""
    ask = scope.ask(today)
    fields = [
        Field("from", "From", ask.date_from.isoformat(), "YYYY-MM-DD"),
        Field("to", "To", ask.date_to.isoformat(), "YYYY-MM-DD"),
    ]
    hint = "First and last day. Public figures (without a token) of a period that is over are means of its days' means."
    return Form(hint, "Show", fields, _wrong)


def period_of(values: Values) -> tuple[dt.date, dt.date]:
    """The two dates of an answer. Raises ValueError where one is none."""
    return dt.date.fromisoformat(str(values["from"])), dt.date.fromisoformat(str(values["to"]))


def _wrong(values: Values) -> str | None:
    try:
        first, last = period_of(values)
    except ValueError:
        return "A date is written YYYY-MM-DD, e.g. 2026-01-31."
    return "The first day is after the last one." if first > last else None
