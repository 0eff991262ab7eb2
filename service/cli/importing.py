"""Rows from a file into accounts: JSON Lines or a JSON array, plain or gzipped, in bounded memory for the first."""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from typing import cast
from uuid import UUID

import msgspec

from service.cli.files import Source
from service.cli.terminal import note, progress
from service.core import clients
from service.core.collect import collect
from service.errors import BadInput, NotFound
from service.records import Account
from service.settings import load

BATCH_ROWS = 500
BATCH_BYTES = 8 << 20
"""What is stored at a time, in one transaction: at most so many rows, and about so many bytes."""

EXPORTED = frozenset({"client"})
"""What an exported row has beyond one that a Front Office posts: whose it is."""

ROOM = 64 << 10
"""How much longer a line may be than what the HTTP API takes: an exported row has more to it."""

Place = str
"""Where a row stands in the file: "line 3", or "row 3" of an array."""


class Whose(msgspec.Struct, frozen=True):
    """The account that an exported row names."""

    uuid: UUID | None = None
    name: str | None = None

    def __str__(self) -> str:
        return f"with the UUID {self.uuid} or the name {self.name!r}"


class _Named(msgspec.Struct):
    client: Whose | None = None


class Row(msgspec.Struct):
    """A row of the file as JSON text, and whose it says that it is."""

    place: Place
    text: bytes
    whose: Whose | None


_named = msgspec.json.Decoder(_Named)


class Done(msgspec.Struct):
    """How many rows were read, stored (and of those took another's place), refused.

    Of two rows of the same analysis, type and date within a portion only the last is stored.
    """

    read: int = 0
    stored: int = 0
    replaced: int = 0
    refused: int = 0


async def import_rows(account: Account | None, source: Source) -> Done:
    """Store the file's rows, naming on standard error each that is refused and why.

    They become rows of `account`, or (None) of the accounts that they name. Raises BadInput for a file that is neither
    JSON Lines nor a JSON array; what was stored before stays.
    """
    done = Done()
    owners = _Owners()
    with progress() as display:
        task = display.add_task("Importing", total=source.size)
        for batch in _batches(_rows(source, done, named=account is None)):
            owner = account or await owners.find(batch, done)
            if owner:
                await _store(owner, batch, done)
            if source.size is not None:
                display.update(task, completed=source.raw.tell())
    return done


class _Owners:
    """The accounts that rows name, each looked up once."""

    def __init__(self) -> None:
        self._found: dict[Whose, Account | None] = {}

    async def find(self, batch: list[Row], done: Done) -> Account | None:
        """The account that these rows name, all the same one. None where there is none: they are refused then."""
        whose = batch[0].whose
        if whose is None:
            for row in batch:
                _refuse(done, row.place, "The row names no account: say whose it is with --client.")
            return None
        if whose not in self._found:
            self._found[whose] = await self._look_up(whose)
            if self._found[whose] is None:
                note(f"{batch[0].place}: There is no account {whose}: none of its rows is stored.")
        if self._found[whose] is None:
            done.refused += len(batch)
        return self._found[whose]

    async def _look_up(self, whose: Whose) -> Account | None:
        """The account with that UUID, or else the one with that name."""
        if whose.uuid:
            try:
                return await clients.get(whose.uuid)
            except NotFound:
                pass
        return await clients.find_by_name(whose.name) if whose.name else None


def _rows(source: Source, done: Done, *, named: bool) -> Iterator[Row]:
    """The rows of the file; lines that are none are refused here. `named`: whether it matters whose they are."""
    longest = (load().max_body_mb << 20) + ROOM
    try:
        stream = _unpacked(cast(io.BufferedReader, source.raw))
        for place, text in _texts(stream, longest):
            if not text.strip():
                continue
            done.read += 1
            if fault := _fault(text, longest):
                _refuse(done, place, fault)
            else:
                yield Row(place=place, text=text, whose=_whose(text) if named else None)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise BadInput(f"The file is damaged: {error}. Part of it is stored; repeating that is harmless.") from None


def _texts(stream: io.BufferedReader, longest: int) -> Iterator[tuple[Place, bytes]]:
    """The elements of the JSON array that the stream is, or else its lines, cut off behind `longest` bytes and one."""
    if stream.peek(64).lstrip()[:1] == b"[":
        for number, row in enumerate(_array(stream.read()), 1):
            yield f"row {number}", bytes(row)
        return
    number = 0
    while line := stream.readline(longest + 1):
        number += 1
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(1 << 20)
        yield f"line {number}", line


def _fault(text: bytes, longest: int) -> str:
    """Why the text cannot be a row, or nothing."""
    if len(text) > longest:
        return "The row is longer than MAX_BODY_MB allows."
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"This is no JSON: {error}"
    return ""


def _whose(text: bytes) -> Whose | None:
    """The account that a row names; None where it names none, or is no row at all."""
    try:
        return _named.decode(text).client
    except (msgspec.ValidationError, RecursionError):
        return None


def _unpacked(raw: io.BufferedReader) -> io.BufferedReader:
    """The stream, decompressed where it is gzipped."""
    is_gzip = raw.peek(2)[:2] == b"\x1f\x8b"
    return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=raw))) if is_gzip else raw


def _array(text: bytes) -> list[msgspec.Raw]:
    """The elements of a JSON array as they are written."""
    try:
        return msgspec.json.decode(text, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"The file is no JSON array: {error}. Nothing was stored.") from None


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows in portions, each of one account, of at most BATCH_ROWS, and BATCH_BYTES give or take a row."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        if batch and (len(batch) == BATCH_ROWS or size >= BATCH_BYTES or row.whose != batch[0].whose):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += len(row.text)
    if batch:
        yield batch


async def _store(account: Account, batch: list[Row], done: Done) -> None:
    """Store a portion. One that is refused as a whole is halved until the row to blame is found."""
    try:
        result = await collect(account, b"[" + b",".join(row.text for row in batch) + b"]", passed_over=EXPORTED)
    except BadInput as error:
        if len(batch) == 1:
            _refuse(done, batch[0].place, error.message)
            return
        middle = len(batch) // 2
        await _store(account, batch[:middle], done)
        await _store(account, batch[middle:], done)
        return
    done.stored += len(result.stored)
    done.replaced += len(result.replaced)
    for refusal in result.refused:
        _refuse(done, batch[refusal.index].place, refusal.message)


def _refuse(done: Done, place: Place, message: str) -> None:
    done.refused += 1
    note(f"{place}: {message}")
