"""Where the log goes and what a line of it looks like: text by default, JSON by LOG_FORMAT.

Only our own loggers ("service...") speak below a warning: the database driver's would print whole payloads,
others whole addresses. What a record's `extra` holds stands in a JSON line as fields of its own; a line of
text is the message alone. A record is one line whatever its message holds, a traceback in text excepted.
"""

import datetime as dt
import functools
import json
import logging
import logging.handlers
import sys
from pathlib import Path

from service.errors import SettingsError
from service.settings import Settings

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""The attributes that every record has; all others came in by `extra`."""


def configure(settings: Settings) -> None:
    """Send this process's log to LOG_PATH, or to standard error, in the form that LOG_FORMAT names.

    Raises SettingsError where the file cannot be written. What was configured before is replaced.
    """
    handler = _handler(settings.log_path)
    handler.setFormatter(JsonLine() if settings.log_format == "json" else TextLine())
    # Who wrote a line is asked of the system for each; no line says it.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("service").setLevel(logging.DEBUG if settings.debug else logging.INFO)


def _handler(path: str) -> logging.Handler:
    """A handler for standard error, or for a file that may be rotated under our feet."""
    if not path:
        return logging.StreamHandler(sys.stderr)
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return logging.handlers.WatchedFileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        message = f"LOG_PATH: {path} cannot be written: {error.strerror}"
        raise SettingsError(message, {"LOG_PATH": message}) from None


def _time(record: logging.LogRecord) -> str:
    """When a record was made, UTC, to the millisecond."""
    seconds, rest = divmod(record.created, 1)
    return f"{_second(int(seconds))}.{int(rest * 1000):03}Z"


@functools.lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=None).isoformat()


def _one_line(text: str) -> str:
    """`text` with line breaks and other control characters as escapes, so that nobody can forge a line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class TextLine(logging.Formatter):
    """`2026-01-31T00:05:01.250Z INFO service.api: message`, and a traceback below it where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        line = f"{_time(record)} {record.levelname} {record.name}: {_one_line(record.getMessage())}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLine(logging.Formatter):
    """`{"time": ..., "level": ..., "logger": ..., "message": ...}`, the record's extras and "exception"."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a JSON object on one line."""
        line = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
