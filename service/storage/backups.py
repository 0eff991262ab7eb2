"""Copying an SQLite database while others write to it."""

import contextlib
import os
import sqlite3
import urllib.parse
from pathlib import Path

from service.errors import BadInput, Conflict, NotFound
from service.storage.connection import BUSY_MILLISECONDS, translated


def copy(database: Path, file: Path) -> int:
    """Copy the database into a new file, as it is at one moment; the copy's size in bytes, all of it on the disk.

    What was deleted from the database is not in the copy. Whoever may read the database may read it, nobody else.
    Raises `NotFound` where there is no database, `Conflict` where there is a file already, `BadInput` where none can
    be made, `StorageFull`.
    """
    if not database.is_file():
        raise NotFound(f"There is no database {database}.")
    part = file.with_name(f"{file.name}.part")
    try:
        _create(file)  # so that the name is ours; it stays empty until all is there
    except FileExistsError:
        raise Conflict(f"{file} is there already: a backup replaces nothing.") from None
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}") from None
    try:
        part.unlink(missing_ok=True)  # of a copy that was broken off
        _create(part)
        _vacuum(database, part)
        part.chmod(database.stat().st_mode & 0o777)
        _sync(part)
        part.replace(file)
        _sync(file.parent)
    except BaseException:
        for made in (part, file):
            made.unlink(missing_ok=True)
        raise
    return file.stat().st_size


def _create(file: Path) -> None:
    """An empty file that only its owner may read. Raises `FileExistsError`."""
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _vacuum(database: Path, file: Path) -> None:
    uri = f"file:{urllib.parse.quote(str(database.absolute()))}?mode=rw"
    with translated(), contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        connection.execute("VACUUM INTO ?", (str(file),))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
