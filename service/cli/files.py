"""The files that rows come from and go to, plain or gzipped."""

import contextlib
import gzip
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from service.errors import BadInput

GZIP_LEVEL = 6
"""The lowest that finds how much rows are like those of the day before (measured: 1/80 against 1/10 at level 3)."""


class Source(msgspec.Struct):
    """A file to import. `raw` is where it is read from, `size` how long that is (None: nobody knows)."""

    raw: BinaryIO
    size: int | None


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


@contextlib.contextmanager
def written_file(path: Path, *, gzipped: bool) -> Iterator[BinaryIO]:
    """The file at `path` (`-`: standard output) for writing, compressed where asked for or its name ends in `.gz`.

    It is there, and takes the place of another, only when the block has ended well. Raises BadInput where it cannot be
    written.
    """
    with contextlib.ExitStack() as stack:
        if str(path) == "-":
            raw: BinaryIO = sys.stdout.buffer
            stack.callback(raw.flush)
        else:
            raw = stack.enter_context(_replaced(path))
        if gzipped or path.suffix == ".gz":
            packed = gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=GZIP_LEVEL)
            raw = cast(BinaryIO, stack.enter_context(io.BufferedWriter(packed, 1 << 20)))
        yield raw


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of the one at `path` when the block has ended well."""
    part = path.with_name(f"{path.name}.part")
    try:
        if path.exists() and not path.is_file():  # a pipe or a device is written to as it is
            part = path
        file = part.open("wb")
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None
    try:
        with file:
            yield file
        if part != path:
            part.replace(path)
    except BaseException:
        if part != path:
            part.unlink(missing_ok=True)
        raise
