"""Taking in a batch of rows: each is checked by itself, and all good ones are stored at once."""

import asyncio
import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from uuid import UUID

import msgspec

from service.core import strict
from service.core.intake import Incoming, take
from service.errors import BadInput
from service.records import Account, Refusal, StatType
from service.storage.stats import RowToStore

DUPLICATE = "uuid: is the uuid of another row, which this one does not replace"

_FIELDS = frozenset({"uuid", "anr", "type", "date", "data"})
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TYPES = frozenset(StatType)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

_batch = msgspec.json.Decoder(list[msgspec.Raw])
_row = msgspec.json.Decoder(dict[str, msgspec.Raw])


class StoredRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the batch as it is stored now: its place in the batch, and its data's JSON text as it came."""

    index: int
    uuid: UUID
    anr: UUID
    type: StatType
    date: dt.date
    data: bytes | msgspec.Raw


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch. `replaced`: the indexes of those stored rows that took another's place.
    `refused_types`: of what type refused rows said they were, by index; a row that named none is not there."""

    stored: list[StoredRow]
    refused: list[Refusal]
    replaced: set[int]
    refused_types: dict[int, StatType]


async def collect(account: Account, body: bytes, passed_over: frozenset[str] = frozenset()) -> Collected:
    """Store the rows of a JSON array for the account. `passed_over`: fields that they may have and that mean nothing.

    Of several good rows of one anr, type and date the last is taken. Good rows are stored also where others are
    refused; they are durable when this returns. Raises `BadInput` where the body is no JSON array, `Unavailable` where
    the database is busy, `StorageFull`; nothing is stored then.
    """
    rows, refused, types = await asyncio.to_thread(_read_batch, body, _FIELDS | passed_over)
    types |= {row.head.index: row.head.type for row in rows}
    taken = await take(account.id, rows)
    refused += [_refusal(row.head, taken.refused[row.head.index]) for row in rows if row.head.index in taken.refused]
    refused += [_refusal(row.head, DUPLICATE) for row in rows if row.head.index in taken.outcome.duplicates]
    stored = taken.outcome.stored
    return Collected(
        stored=[
            StoredRow(
                index=row.head.index,
                uuid=stored[row.head.index],
                anr=row.head.anr,
                type=row.head.type,
                date=row.head.date,
                data=row.data,
            )
            for row in rows
            if row.head.index in stored
        ],
        refused=sorted(refused, key=lambda refusal: refusal.index),
        replaced=taken.outcome.replaced,
        refused_types={refusal.index: types[refusal.index] for refusal in refused if refusal.index in types},
    )


def _refusal(head: RowToStore, message: str) -> Refusal:
    number = str(head.uuid) if head.uuid else None
    return Refusal(index=head.index, uuid=number, anr=str(head.anr), message=message)


def _read_batch(body: bytes, fields: frozenset[str]) -> tuple[list[Incoming], list[Refusal], dict[int, StatType]]:
    """The rows whose fields are good, why others are not, and the types that these name, by index."""
    rows = []
    refused = []
    types = {}
    for index, raw in enumerate(_raws(body)):
        said: dict[str, msgspec.Raw] = {}
        try:
            said = _row.decode(raw)
            row = _read_row(index, bytes(raw), said, fields)
        except (BadInput, msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            message = error.message if isinstance(error, BadInput) else "a row must be a JSON object"
            refused.append(
                Refusal(index=index, uuid=_shown(said.get("uuid")), anr=_shown(said.get("anr")), message=message)
            )
            if (said_type := _unquoted(said.get("type"))) in _TYPES:
                types[index] = StatType(said_type)
        else:
            rows.append(row)
    return rows, refused, types


def _raws(body: bytes) -> list[msgspec.Raw]:
    """The texts of the rows, read by nobody yet."""
    try:
        return _batch.decode(body)
    except msgspec.ValidationError:
        raise BadInput("The body must be a JSON array of rows.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        if (whole := strict.without_halves(body)) != body:
            return _raws(whole)  # for one row's half a character not all need be refused
        strict.decode(body)  # says the same of all bodies
        raise BadInput("The body is no JSON.") from error


def _read_row(index: int, raw: bytes, said: Mapping[str, msgspec.Raw], fields: frozenset[str]) -> Incoming:
    """Raises `BadInput` that names the field."""
    if unknown := sorted(said.keys() - fields):
        raise BadInput(f"{strict.shown(unknown[0])} is unknown; a row has uuid, anr, type, date and data")
    for name in ("anr", "type", "date", "data"):
        if name not in said:
            raise _bad(name, "is missing")
    # No known name holds a colon: where one stands twice, there are more than those of the members that were kept.
    if raw.count(b":") != sum(1 + bytes(value).count(b":") for value in said.values()):
        strict.decode(raw)  # says which
    data = said["data"]
    others = [name for name in said if name != "data"]
    values = strict.decode(b"[" + b",".join(said[name] for name in others) + b"]")
    envelope = dict(zip(others, values, strict=True))
    number = envelope.get("uuid")
    return Incoming(
        head=RowToStore(
            index=index,
            uuid=None if number is None else read_uuid("uuid", number),
            anr=read_uuid("anr", envelope["anr"]),
            type=read_type(envelope["type"]),
            date=read_date("date", envelope["date"]),
            digest=hashlib.sha256(data).digest(),
        ),
        data=data,
    )


def read_uuid(name: str, value: object) -> UUID:
    """A UUID with its hyphens. Raises `BadInput` naming the field `name` for anything else."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise _bad(name, "must be a UUID like 267fc596-f705-11e8-b555-0800279aaa2b")
    return UUID(value)


def read_type(value: object) -> StatType:
    """One of the five types. Raises `BadInput` naming the field `type` for anything else."""
    if not isinstance(value, str) or value not in _TYPES:
        raise _bad("type", f"must be one of {', '.join(StatType)}")
    return StatType(value)


def read_date(name: str, value: object) -> dt.date:
    """A date written YYYY-MM-DD. Raises `BadInput` naming the field `name` for anything else."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass
    raise _bad(name, "must be a date written YYYY-MM-DD")


def _bad(name: str, what: str) -> BadInput:
    return BadInput(f"{name}: {what}", {name: what})


def _shown(raw: msgspec.Raw | None) -> str | None:
    """What a refused row said it was, if that is a UUID: nothing else is worth repeating."""
    text = _unquoted(raw)
    return text if _UUID.fullmatch(text) else None


def _unquoted(raw: msgspec.Raw | None) -> str:
    """The text of a plain JSON string, of any length; something else of no meaning where it is none."""
    return bytes(raw or b"").strip(b'" \t\r\n').decode("ascii", "replace")
