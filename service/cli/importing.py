"""Rows from a file into an account: JSON Lines or a JSON array, plain or gzipped, in bounded memory for the first."""

import contextlib
import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from service.cli.terminal import note, progress
from service.core.collect import collect
from service.errors import BadInput
from service.records import Account

BATCH_ROWS = 500
BATCH_BYTES = 8 << 20
"""What is stored at a time, in one transaction: at most so many rows, and about so many bytes."""

Place = str
"""Where a row stands in the file: "line 3", or "row 3" of an array."""


class Source(msgspec.Struct):
    """A file to import. `raw` is where it is read from, `size` how long that is (None: nobody knows)."""

    raw: BinaryIO
    size: int | None


class Done(msgspec.Struct):
    """How many rows were read, stored (and of those took another's place), refused.

    Of two rows of the same analysis, type and date within a portion only the last is stored.
    """

    read: int = 0
    stored: int = 0
    replaced: int = 0
    refused: int = 0


@contextlib.contextmanager
def opened_file(path: Path) -> Iterator[Source]:
    """The file at `path` (`-`: standard input) for reading. Raises BadInput where it cannot be opened."""
    if str(path) == "-":
        yield Source(raw=sys.stdin.buffer, size=None)
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    with file:
        yield Source(raw=file, size=os.fstat(file.fileno()).st_size)


async def import_rows(account: Account, source: Source) -> Done:
    """Store the file's rows for `account`, naming on standard error each that is refused and why.

    Raises BadInput for a file that is neither JSON Lines nor a JSON array; what was stored before stays.
    """
    done = Done()
    with progress() as display:
        task = display.add_task("Importing", total=source.size)
        for batch in _batches(_rows(source, done)):
            await _store(account, batch, done)
            if source.size is not None:
                display.update(task, completed=source.raw.tell())
    return done


def _rows(source: Source, done: Done) -> Iterator[tuple[Place, bytes]]:
    """The rows of the file as JSON texts; lines that are none are refused here."""
    try:
        stream = _unpacked(cast(io.BufferedReader, source.raw))
        if stream.peek(64).lstrip()[:1] == b"[":
            for number, row in enumerate(_array(stream.read()), 1):
                done.read += 1
                yield f"row {number}", bytes(row)
            return
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            done.read += 1
            try:
                msgspec.json.decode(line, type=msgspec.Raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                _refuse(done, f"line {number}", f"This is no JSON: {error}")
            else:
                yield f"line {number}", line
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise BadInput(f"The file is damaged: {error}. Part of it is stored; repeating that is harmless.") from None


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


def _batches(rows: Iterable[tuple[Place, bytes]]) -> Iterator[list[tuple[Place, bytes]]]:
    """The rows in portions of at most BATCH_ROWS, and BATCH_BYTES give or take a row."""
    batch: list[tuple[Place, bytes]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row[1])
        if len(batch) == BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _store(account: Account, batch: list[tuple[Place, bytes]], done: Done) -> None:
    """Store a portion. One that is refused as a whole is halved until the row to blame is found."""
    try:
        result = await collect(account, b"[" + b",".join(row for _, row in batch) + b"]")
    except BadInput as error:
        if len(batch) == 1:
            _refuse(done, batch[0][0], error.message)
            return
        middle = len(batch) // 2
        await _store(account, batch[:middle], done)
        await _store(account, batch[middle:], done)
        return
    done.stored += len(result.stored)
    done.replaced += len(result.replaced)
    for refusal in result.refused:
        _refuse(done, batch[refusal.index][0], refusal.message)


def _refuse(done: Done, place: Place, message: str) -> None:
    done.refused += 1
    note(f"{place}: {message}")
