"""Tables and pictures as files: CSV for spreadsheets, JSON for scripts, SVG for mails."""

import csv
import datetime as dt
import io
import re

import msgspec

from tui.charts.base import Cell, Table

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet takes for a formula. Labels come from others: such a one gets an apostrophe."""

FONTS = "DejaVu Sans Mono, Noto Sans Mono, Menlo, Consolas, monospace"


def to_csv(table: Table) -> str:
    """A table as CSV: a header, also where there are no rows; dates as YYYY-MM-DD; texts that begin like a formula
    made inert."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([inert(column) for column in table.columns])
    writer.writerows([[_csv_cell(cell) for cell in row] for row in table.rows])
    return buffer.getvalue()


def to_json(view: str, about: dict[str, str], tables: list[Table]) -> bytes:
    """A view's tables as JSON: `{"view", "about": {...}, "tables": [{"title", "columns", "rows": [[...]]}]}`."""
    answer = {"view": view, "about": about, "tables": [msgspec.to_builtins(table, enc_hook=_plain) for table in tables]}
    return msgspec.json.format(msgspec.json.encode(answer), indent=1) + b"\n"


def tidy_svg(svg: str) -> str:
    """A screenshot that fetches nothing: no web fonts, but fonts that have braille and blocks."""
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
    return re.sub(r"font-family:\s*(Fira Code|arial)[^;]*;", f"font-family: {FONTS};", svg)


def _plain(value: object) -> str:
    """A kind of text (such as `wire.Clean`) as a plain one; nothing else is in a table that JSON does not know."""
    if not isinstance(value, str):
        raise NotImplementedError(type(value))
    return str(value)


def inert(text: str) -> str:
    """A text that no spreadsheet computes."""
    return f"'{text}" if text.startswith(FORMULA) else text


def file_stem(text: str) -> str:
    """A title as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "table"


def _csv_cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return inert(cell) if isinstance(cell, str) else str(cell)
