"""What another Stats Service answers, and what its answers tell of rows."""

import contextlib
import datetime as dt
import math
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from uuid import UUID

import httpx
import msgspec

from service.records import StatType

T = TypeVar("T")

LONGEST_MESSAGE = 300

MAY_COUNT = frozenset({200, 201, 207})
"""The statuses of answers that may account for rows."""

_PART = 207


class RemoteRow(msgspec.Struct, frozen=True):
    """A row as another service gives it."""

    uuid: UUID
    anr: UUID
    type: StatType
    date: dt.date
    data: msgspec.Raw


class Fates(msgspec.Struct, frozen=True):
    """What became of each row of a request."""

    stored: set[UUID]
    already_there: set[UUID]
    refused: dict[UUID, str]


class _Stored(msgspec.Struct):
    uuid: UUID


class _RowError(msgspec.Struct):
    message: str
    index: int = -1
    uuid: str | None = None


class _Batch(msgspec.Struct):
    data: list[_Stored]
    errors: list[_RowError] | None = None


class _Failure(msgspec.Struct):
    message: Any = None
    errors: list[_RowError] | dict[str, Any] | None = None
    error: Any = msgspec.field(default=None, name="Error")


class _Page(msgspec.Struct):
    data: list[RemoteRow]


class Answer(msgspec.Struct, frozen=True):
    """A whole answer. `body` is empty where it came packed, which nobody asked for."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON."""
        return self._read(msgspec.Raw) is not None

    @property
    def takes_gzip(self) -> bool:
        """Whether the remote says that bodies may come as gzip (RFC 7694)."""
        named = (each.partition(";") for each in self.headers.get("accept-encoding", "").lower().split(","))
        return any(name.strip() == "gzip" and _weight(more) > 0 for name, _, more in named)

    @property
    def wait(self) -> float:
        """The seconds that Retry-After names, as a number or as a date; 0 where it names none."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        # A date is by the remote's clock: ours may be another one.
        until, now = _date(text), _date(self.headers.get("date", "")) or dt.datetime.now(dt.UTC)
        return max(0.0, (until - now).total_seconds()) if until else 0.0

    def rows(self) -> list[RemoteRow] | None:
        """The rows in it; None where there is anything else."""
        page = self._read(_Page)
        return page.data if page else None

    def fates(self, sent: Sequence[UUID]) -> Fates | None:
        """What became of the rows sent; None where the answer does not tell of each.

        Our service names those that it refuses in `errors`. The old one passes over those whose uuid it has.
        """
        batch = self._read(_Batch) if self.status in MAY_COUNT else None
        if batch is None:
            return self._all_refused(sent)
        stored = {row.uuid for row in batch.data}
        refused = _by_row(batch.errors or [], sent)
        rest = set(sent) - stored - refused.keys()
        if not stored <= set(sent) or stored & refused.keys():
            return None
        if self.status == _PART and batch.errors is None:
            return Fates(stored, rest, {})
        return None if rest else Fates(stored, set(), refused)

    def _all_refused(self, sent: Sequence[UUID]) -> Fates | None:
        said = self._read(_Failure) if self.status == httpx.codes.BAD_REQUEST else None
        if said is None or not isinstance(said.errors, list):
            return None
        refused = _by_row(said.errors, sent)
        return Fates(set(), set(), refused) if refused.keys() == set(sent) else None

    def words(self, token: str) -> str:
        """What the remote says of a failure, fit to be printed, without the token; or what else it sent."""
        said = self._read(_Failure)
        parts = [each for each in (said.message, said.error) if isinstance(each, str)] if said else []
        if said and isinstance(said.errors, dict):
            parts = [*parts[:1], *(f"{name}: {why}" for name, why in said.errors.items() if isinstance(why, str))]
        text = "; ".join(parts)
        return printable(text, token) if text else f"status {self.status}, {'JSON' if self.is_json else 'no JSON'}"

    def _read(self, kind: type[T]) -> T | None:
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(self.body, type=kind)
        return None


def printable(text: str, token: str) -> str:
    """A stranger's text, without what moves a terminal's cursor, not too long, and without the token."""
    text = "".join(letter if letter.isprintable() else " " for letter in text.replace(token, "..."))
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}..."


def _by_row(errors: list[_RowError], sent: Sequence[UUID]) -> dict[UUID, str]:
    """Messages by the rows that they are about, which they name by uuid or by place."""
    known = {str(number): number for number in sent}
    found = {}
    for error in errors:
        number = known.get(error.uuid or "") or (sent[error.index] if 0 <= error.index < len(sent) else None)
        if number:
            found[number] = error.message
    return found


def _weight(parameters: str) -> float:
    """The `q` of a header's element."""
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    with contextlib.suppress(ValueError):
        return 0.0 if math.isnan(number := float(value)) else number
    return 0.0


def _date(text: str) -> dt.datetime | None:
    with contextlib.suppress(ValueError, OverflowError):
        date = parsedate_to_datetime(text)
        return date if date.tzinfo else date.replace(tzinfo=dt.UTC)
    return None
