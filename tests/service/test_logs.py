"""The log: its two forms, where it goes, and that a record stays one line."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from service import logs
from service.errors import SettingsError
from service.settings import Settings
from tests.servers import bare_environment

SCRIPT = """
import logging, sys
from service import logs
from service.settings import load

logs.configure(load())
log = logging.getLogger("service.api")
log.debug("only where DEBUG is set")
log.info("GET /caf\\u00e9\\nforged line \\x1b[2J", extra={"status": 200, "account": "NC3"})
logging.getLogger("tortoise").info("SELECT a whole payload")
logging.getLogger("sanic.error").warning("from a library")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("it failed")
"""


ROTATING = """
import logging, os
from service import logs
from service.settings import load

logs.configure(load())
log = logging.getLogger("service")
log.info("before")
os.rename(os.environ["LOG_PATH"], os.environ["LOG_PATH"] + ".1")
log.info("after")
"""


def logged(folder: Path, script: str = SCRIPT, **variables: str) -> str:
    """What a process with these settings writes to standard error when it runs the script."""
    environment = bare_environment(folder, **variables)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def test_a_record_is_one_line_of_text(tmp_path: Path) -> None:
    """Line breaks and escapes in a message cannot forge a line; letters of any language stay as they are."""
    first, *_ = logged(tmp_path).splitlines()
    time, level, name, message = first.split(" ", 3)
    assert len(time) == len("2026-01-31T00:05:01.250Z")
    assert (level, name) == ("INFO", "service.api:")
    assert message == r"GET /café\nforged line \x1b[2J"


def test_a_traceback_follows_its_line(tmp_path: Path) -> None:
    """An exception is in the log with its traceback."""
    assert "it failed\nTraceback (most recent call last):" in logged(tmp_path)


def test_only_our_loggers_speak_below_a_warning(tmp_path: Path) -> None:
    """What libraries tell could hold payloads: of them only warnings are logged, also with DEBUG."""
    for debug in ("0", "1"):
        text = logged(tmp_path, DEBUG=debug)
        assert "whole payload" not in text
        assert "from a library" in text
        assert ("only where DEBUG is set" in text) == (debug == "1")


def test_json_lines_hold_the_extras(tmp_path: Path) -> None:
    """With LOG_FORMAT=json each line is an object: time, level, logger, message and what was passed by extra."""
    lines = [json.loads(line) for line in logged(tmp_path, LOG_FORMAT="json").splitlines()]
    first = lines[0]
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "INFO",
        "logger": "service.api",
        "message": "GET /café\nforged line \x1b[2J",
        "status": 200,
        "account": "NC3",
    }
    assert "ZeroDivisionError" in lines[-1]["exception"]


def test_log_path_takes_the_log_and_survives_rotation(tmp_path: Path) -> None:
    """LOG_PATH gets the lines, in a folder that is made; a file that was moved away is left for a new one."""
    path = tmp_path / "var" / "log" / "stats.log"
    assert logged(tmp_path, ROTATING, LOG_PATH=str(path)) == ""
    assert path.read_text().endswith("INFO service: after\n")
    assert path.with_name("stats.log.1").read_text().endswith("INFO service: before\n")


def test_a_log_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path) -> None:
    """A LOG_PATH that is a folder stops the start and is named."""
    with pytest.raises(SettingsError, match=r"LOG_PATH.*cannot be written"):
        logs.configure(Settings(log_path=str(tmp_path)))


def test_lone_surrogates_do_not_break_a_line() -> None:
    """What no encoding can hold is escaped: a record is never lost over it."""
    record = logging.makeLogRecord({"name": "service", "msg": "a\ud800b", "levelname": "INFO"})
    assert logs.TextLine().format(record).endswith(r"a\ud800b")
    assert json.loads(logs.JsonLine().format(record))["message"] == "a\ud800b"
