"""The command line, run as operators and their scripts run it: a process of its own on a real database."""

import contextlib
import gzip
import json
import os
import pty
import re
import signal
import socket
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tortoise.exceptions import DBConnectionError

from service.__main__ import app
from service.core.periods import months_before
from service.errors import Unavailable
from service.storage import connection
from tests.commands import ANR, Cli, lines, rows
from tests.servers import ADMIN_TOKEN, HOST, Postgres, embedded_postgres, free_port

pytestmark = pytest.mark.long_on_postgres

TODAY = datetime.now(UTC).date()
STARTING_SECONDS = 30

OLD_NAMES = [
    "client_create",
    "client_list",
    "client_delete",
    "client_coordinates_set",
    "client_coordinates_unset",
    "client_sharing_activate",
    "client_sharing_deactivate",
    "stats_push",
    "stats_pull",
    "stats_delete",
    "stats_purge",
    "stats_remove_duplicate",
    "db_create",
    "db_init",
    "db_empty",
]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command line on a fresh SQLite database."""
    return Cli(f"sqlite:///{tmp_path / 'new' / 'folder' / 'stats.sqlite3'}", tmp_path)


@pytest.fixture
def heeded() -> Iterator[None]:
    """Ctrl-C reaches what is started, also where a shell runs the tests in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def either(database_url: str, tmp_path: Path) -> Cli:
    """The command line on a fresh database of each kind."""
    return Cli(database_url, tmp_path)


# --- accounts -----------------------------------------------------------------------------------------------


def test_an_account_is_made_on_a_fresh_database(either: Cli) -> None:
    """The lines, their order and form are those that scripts read; no start has to come first."""
    said = either.said("client", "create", "NC3")
    assert re.fullmatch(
        r"UUID: [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n"
        r"Name: NC3\n"
        r"Role: 1\n"
        r"Token: [A-Za-z0-9_-]{86}\n"
        r"Sharing Enabled: True\n"
        r"Created at: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\n",
        said,
    )
    shown = either.json("client", "show", "NC3")
    assert shown["uuid"] == lines(said)["UUID"]
    assert "token" not in json.dumps(shown)


def test_a_name_that_exists_is_refused(cli: Cli) -> None:
    """A second account of the name is refused with a message, and the first one stays as it is."""
    before = lines(cli.said("client", "create", "NC3"))
    assert "name exists" in cli.refused("client", "create", "NC3")
    assert [one["uuid"] for one in cli.json("client", "list")] == [before["UUID"]]


def test_the_old_command_prints_the_same(cli: Cli) -> None:
    """`client_create` takes the old options and prints the same lines."""
    number = "c08e380f-7ec0-43ff-bca2-4505856739e0"
    token = "-a-token-that-begins-with-a-dash"
    options = ["--name", "NC 3", "--uuid", number, "--token", token, "--role", "admin"]
    said = cli.said("client_create", *options)
    created = lines(said).pop("Created at")
    assert said == (
        f"UUID: {number}\nName: NC 3\nRole: 2\nToken: {token}\nSharing Enabled: True\nCreated at: {created}\n"
    )


def test_the_token_may_come_from_the_environment(cli: Cli) -> None:
    """A wrapper can hand a token over without putting it on a command line; an empty one is none."""
    token = "a-token-from-the-environment"
    said = lines(cli.said("client", "create", "A", STATS_CLIENT_TOKEN=token))
    assert said["Token"] == token
    assert len(lines(cli.said("client", "create", "B", STATS_CLIENT_TOKEN=""))["Token"]) == 86
    assert "token exists" in cli.refused("client", "create", "C", STATS_CLIENT_TOKEN=token)


def test_a_wrong_token_or_name_makes_no_account(cli: Cli) -> None:
    """What an account cannot have is refused in one line."""
    assert "16" in cli.refused("client", "create", "A", "--token", "short")
    assert "printable" in cli.refused("client", "create", "a\nb")
    assert cli.said("client", "list").startswith("There are no accounts.")


def test_an_account_is_changed_by_its_name_or_its_uuid(cli: Cli) -> None:
    """Every command that means an account takes either, and what it changes is there afterwards."""
    number = cli.json("client", "create", "NC3")["uuid"]
    cli.said("client", "locate", "NC3", "-33.5", "-70.25")
    cli.said("client", "unshare", number)
    cli.said("client", "deactivate", "NC3")
    shown = cli.json("client", "show", number)
    assert (shown["latitude"], shown["longitude"]) == (-33.5, -70.25)
    assert (shown["is_sharing_enabled"], shown["is_active"]) == (False, False)
    assert cli.json("client", "unlocate", number)["latitude"] is None
    assert cli.json("client", "share", "NC3")["is_sharing_enabled"] is True
    assert cli.json("client", "activate", number)["is_active"] is True


def test_an_account_that_is_not_there_is_said_to_be_missing(cli: Cli) -> None:
    """A wrong name or UUID is a failure, and names what was looked for."""
    assert "'nobody'" in cli.refused("client", "show", "nobody")
    assert str(ANR) in cli.refused("client", "share", str(ANR))


def test_coordinates_off_the_map_are_refused(cli: Cli) -> None:
    """A latitude beyond the poles is no place."""
    cli.said("client", "create", "NC3")
    assert "90" in cli.refused("client", "locate", "NC3", "91", "0")


def test_a_rotated_token_is_new(cli: Cli) -> None:
    """A new token is printed once; it is not the old one."""
    old = lines(cli.said("client", "create", "NC3"))["Token"]
    said = lines(cli.said("client", "rotate-token", "NC3"))
    assert list(said) == ["UUID", "Name", "Token"]
    assert said["Token"] != old
    assert cli.json("client", "rotate-token", "NC3")["token"] not in {old, said["Token"]}


def test_the_list_shows_whole_names_and_uuids_to_a_program(cli: Cli) -> None:
    """Where no terminal limits the width, nothing is cut off; brackets in a name are no markup."""
    name = "[red]" + "a long name " * 15 + "[/red]"
    number = cli.json("client", "create", name)["uuid"]
    row = cli.said("client", "list").splitlines()[1]
    assert name in row
    assert number in row


def test_a_name_that_is_no_text_does_nothing_to_a_terminal(cli: Cli) -> None:
    """Whatever stands in the database: control characters are blanks in what people read, and as they are in JSON."""
    name = "A\x1b[31m\x9b2J\nB"
    number = cli.json("client", "create", "A")["uuid"]
    with contextlib.closing(sqlite3.connect(cli.folder / "new/folder/stats.sqlite3", isolation_level=None)) as database:
        database.execute("UPDATE account SET name = ?", [name])
    asked = cli.refused("client", "delete", number, code=2)
    for said in (cli.said("client", "list"), cli.said("client", "show", number), asked):
        assert "A [31m 2J B" in said
    assert cli.said("client", "unshare", number).replace("\n", " ") == "A [31m 2J B does not share its statistics. "
    assert cli.json("client", "show", number)["name"] == name


def test_deleting_asks_for_yes_where_nobody_can_be_asked(cli: Cli) -> None:
    """Without a terminal and without --yes nothing is deleted; with it, the account is gone."""
    cli.said("client", "create", "NC3")
    assert "--yes" in cli.refused("client", "delete", "NC3", code=2)
    assert len(cli.json("client", "list")) == 1
    assert "NC3" in cli.said("client", "delete", "NC3", "--yes")
    assert cli.json("client", "list") == []


def test_deleting_asks_at_a_terminal(cli: Cli) -> None:
    """At a terminal the answer decides; anything but yes leaves the account."""
    cli.said("client", "create", "NC3")
    for typed in (b"n\n", b"\n", b"\x04"):
        code, shown = cli.on_a_terminal("client", "delete", "NC3", typed=typed)
        assert code == 1
        assert "Delete the account NC3" in shown
    assert len(cli.json("client", "list")) == 1
    code, _ = cli.on_a_terminal("client", "delete", "NC3", typed=b"y\n")
    assert code == 0
    assert cli.json("client", "list") == []


@pytest.mark.usefixtures("heeded")
def test_ctrl_c_at_a_question_is_exit_code_130(cli: Cli) -> None:
    """At once, without a traceback, and nothing is deleted."""
    cli.said("client", "create", "NC3")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        cli.command("client", "delete", "NC3"), env=cli.environment, stdin=theirs, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        try:
            while process.stderr.read(1) not in {b"]", b""}:  # the end of the question
                pass
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130
            assert process.stderr.read().strip() == b""
        finally:
            process.kill()
    os.close(theirs)
    os.close(ours)
    assert len(cli.json("client", "list")) == 1


# --- statistics ---------------------------------------------------------------------------------------------


def packed(kind: str, these: list[bytes]) -> bytes:
    """Rows as a file of the kind holds them."""
    text = b" \n[%b]\n" % b", ".join(these) if kind.startswith("array") else b"\n\n".join(these)
    return gzip.compress(text) if kind.endswith("gz") else text


def facts(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """What a row says, its data as text."""
    return row["date"], row["type"], row["anr"], json.dumps(row["data"])


def test_rows_are_imported_from_each_kind_of_file(cli: Cli) -> None:
    """JSON Lines and arrays, plain and gzipped, from a file and from standard input, store the same rows."""
    these = rows(TODAY - timedelta(days=3), TODAY)
    file = cli.folder / "rows"
    cli.said("client", "create", "NC3")
    file.write_bytes(packed("lines", these))
    first = cli.json("stats", "import", str(file), "--client", "NC3")
    assert first == {"read": 20, "stored": 20, "replaced": 0, "refused": 0}
    file.write_bytes(packed("array.gz", these))
    assert cli.json("stats", "import", str(file), "--client", "NC3") == first | {"replaced": 20}
    for dash, kind in (("-", "array"), ("--", "lines.gz")):
        said = cli.said("stats", "import", "--client", "NC3", dash, stdin=packed(kind, these))
        assert said == "Read 20 rows: stored 20, 20 of them in the place of others; refused 0.\n"
    listed = cli.json("stats", "list", "--client", "NC3")
    assert sorted(map(facts, listed)) == sorted(facts(json.loads(row)) for row in these)


def test_an_import_names_the_rows_that_it_refuses(cli: Cli) -> None:
    """Bad rows are named with their lines and reasons, the good ones around them are stored, the exit code is 1."""
    good = rows(TODAY, TODAY)
    half = good[0][: len(good[0]) // 2]
    twice = good[0][:-1] + b',"date":"2020-01-01"}'
    text = b"\n".join([good[0], half, good[1], b'{"anr": 5}', good[2], twice, good[3] + b"," + good[4]])
    cli.said("client", "create", "NC3")
    done = cli.run("stats", "import", "--client", "NC3", stdin=text)
    assert done.returncode == 1
    assert done.stdout.startswith("Read 7 rows: stored 3,")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "line 2",
        "line 7",
        "line 4",
        "line 6",
    ]
    assert len(cli.json("stats", "list")) == 3


@pytest.mark.parametrize("text", [b"[1, 2", b"[}", gzip.compress(b'{"anr": 1}\n' * 9999)[:-9], b"\x1f\x8bnonsense"])
def test_a_damaged_file_is_a_message(cli: Cli, text: bytes) -> None:
    """A file that ends too early or is no JSON fails without a traceback."""
    cli.said("client", "create", "NC3")
    done = cli.run("stats", "import", "--client", "NC3", stdin=text)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("stats-service: The file is ")


def test_an_import_without_its_file_or_account_stores_nothing(cli: Cli) -> None:
    """A missing file, an account that is not there, and rows that name none are failures."""
    assert "nothing.jsonl" in cli.refused("stats", "import", "nothing.jsonl", "--client", "NC3")
    assert "'NC3'" in cli.refused("stats", "import", "--client", "NC3")
    done = cli.run("stats", "import", stdin=rows(TODAY, TODAY)[0])
    assert (done.returncode, done.stdout) == (
        1,
        "Read 1 rows: stored 0, 0 of them in the place of others; refused 1.\n",
    )
    assert done.stderr.startswith("line 1: ")
    assert "--client" in done.stderr


def test_rows_are_listed_by_what_is_asked_for(cli: Cli) -> None:
    """Account, type, analysis, dates, newest, offset and limit each narrow the list down."""
    other = uuid.UUID("99999999-2222-4333-8444-555555555555")
    begin = TODAY - timedelta(days=9)
    for name, anr in (("A", ANR), ("B", other)):
        cli.said("client", "create", name)
        cli.said("stats", "import", "--client", name, stdin=b"\n".join(rows(begin, TODAY, anr)))

    def dates(*options: str) -> list[tuple[str, str]]:
        return [(one["date"], one["anr"]) for one in cli.json("stats", "list", "--type", "risk", *options)]

    everything = [(str(begin + timedelta(days=n)), str(anr)) for n in range(10) for anr in (ANR, other)]
    assert dates() == everything
    assert dates("--client", "B") == dates("--anr", str(other)) == everything[1::2]
    assert dates("--date-from", str(begin), "--date-to", str(begin + timedelta(days=1))) == everything[:4]
    assert dates("--newest") == everything[-2:]
    assert dates("--offset", "3", "--limit", "2") == everything[3:5]
    done = cli.run("stats", "list", "--limit", "2")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["DATE", str(begin), str(begin)]
    assert "2 of 100 rows" in done.stderr


def test_the_statistics_of_an_account_are_deleted_and_it_stays(cli: Cli) -> None:
    """`stats delete` takes an analysis or all of one account, and touches no other account's."""
    for name in ("A", "B"):
        cli.said("client", "create", name)
        cli.said("stats", "import", "--client", name, stdin=b"\n".join(rows(TODAY, TODAY)))
    assert "--yes" in cli.refused("stats", "delete", "A", code=2)
    assert cli.said("stats", "delete", "A", "--anr", str(ANR), "--yes") == "Deleted 5 rows of the account A.\n"
    assert cli.said("stats", "delete", "A", "--yes") == "Deleted 0 rows of the account A.\n"
    activity = {one["name"]: one["activity"]["rows"] for one in cli.json("client", "list")}
    assert activity == {"A": 0, "B": 5}
    number = cli.json("client", "show", "B")["uuid"]
    assert cli.said("stats_delete", "--client-uuid", number, "-y") == "Deleted 5 rows of the account B.\n"


def test_a_purge_keeps_the_day_that_is_just_old_enough(cli: Cli) -> None:
    """Rows from before the day so many months ago go, those of that day stay; cron's old command does not ask."""
    edge = months_before(TODAY, 36)
    cli.said("client", "create", "NC3")
    text = b"\n".join(rows(edge - timedelta(days=1), edge))
    cli.said("stats", "import", "--client", "NC3", stdin=text)
    assert "--yes" in cli.refused("stats", "purge", code=2)
    assert cli.said("stats", "purge", "--older-than", "37m", "--yes").startswith("Deleted 0 rows")
    assert cli.said("stats_purge", "--nb-month", "36") == f"Deleted 5 rows from before {edge}.\n"
    assert cli.json("client", "show", "NC3")["activity"]["rows"] == 5
    assert cli.said("stats", "purge", "--older-than", "2y", "--client", "NC3", "-y").startswith("Deleted 5 rows")


@pytest.mark.parametrize("age", ["36", "m", "0m", "-1m", "1.5y", "36 m", "36w"])
def test_an_age_that_is_none_is_a_wrong_usage(cli: Cli, age: str) -> None:
    """What --older-than cannot mean deletes nothing."""
    assert "--older-than" in cli.refused("stats", "purge", f"--older-than={age}", "--yes", code=2)


def test_an_import_shows_its_progress_on_a_terminal(cli: Cli) -> None:
    """At a terminal an import shows how far it is; elsewhere (the other tests) it is silent."""
    cli.said("client", "create", "NC3")
    file = cli.folder / "rows"
    file.write_bytes(b"\n".join(rows(TODAY, TODAY)))
    code, shown = cli.on_a_terminal("stats", "import", str(file), "--client", "NC3", typed=b"")
    assert code == 0
    assert "Importing" in shown
    assert "Read 5 rows" in shown


# --- the database -------------------------------------------------------------------------------------------


def test_the_state_of_the_database_is_told(either: Cli) -> None:
    """`db status` fails while there is something to do, `db upgrade` does it, and again it is harmless."""
    done = either.run("db", "status", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["up_to_date"] is False
    assert "Applied 0_" in either.said("db", "upgrade")
    assert either.said("db", "upgrade").splitlines()[-1].endswith("is up to date.")
    assert either.json("db", "status")["pending"] == []


def test_the_old_commands_of_the_database_work(cli: Cli) -> None:
    """`db_create` and `db_init` make the tables, `db_empty` deletes all accounts if it is told so twice."""
    cli.said("db_create")
    cli.said("db_init")
    cli.said("client", "create", "NC3")
    assert "--yes" in cli.refused("db_empty", code=2)
    assert cli.said("db_empty", "-y") == "Deleted 1 accounts and 0 rows.\n"
    assert cli.json("client_list") == []


def test_the_other_old_commands_work(cli: Cli) -> None:
    """Each of the old service's commands does what it did, under its old options."""
    number = cli.json("client_create", "--name", "NC3")["uuid"]
    cli.said("client_coordinates_set", "--uuid", number, "--latitude", "-33.5", "--longitude", "7")
    cli.said("client_sharing_deactivate", "--uuid", number)
    shown = cli.json("client", "show", "NC3")
    assert (shown["latitude"], shown["longitude"], shown["is_sharing_enabled"]) == (-33.5, 7, False)
    cli.said("client_coordinates_unset", "--uuid", number)
    cli.said("client_sharing_activate", "--uuid", number)
    shown = cli.json("client", "show", "NC3")
    assert (shown["latitude"], shown["is_sharing_enabled"]) == (None, True)
    assert "no duplicates" in cli.said("stats_remove_duplicate")
    assert "NC3" in cli.said("client_list")
    assert "NC3" in cli.said("client_delete", "--uuid", number, "-y")


def test_a_database_that_cannot_be_reached_is_a_message(tmp_path: Path) -> None:
    """A command says in one line which database it could not reach and why, without its password."""
    port = free_port()
    away = Cli(f"postgres://user:hunter2@{HOST}:{port}/stats", tmp_path)
    message = away.refused("client", "list")
    assert f"postgres://user@{HOST}:{port}/stats cannot be reached" in message
    assert "hunter2" not in message


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """Host and port of a PostgreSQL that asks the user `known` for a password, `right`; one database is `1/2 %41`."""
    with embedded_postgres("fsync=off") as server:
        server.execute("CREATE ROLE known LOGIN PASSWORD 'right'")
        server.execute('CREATE DATABASE "1/2 %41" OWNER known')
        server.execute(
            "DO $$ BEGIN EXECUTE format('COPY (VALUES (''host all known all scram-sha-256''), "
            "(''host all all all trust'')) TO %L', current_setting('hba_file')); END $$"
        )
        server.execute("SELECT pg_reload_conf()")
        yield server.url.rpartition("@")[2].rpartition("/")[0]


def test_a_database_that_lets_nobody_in_is_a_message(guarded: str, tmp_path: Path) -> None:
    """A wrong password, an unknown user and an unknown database are each named, without the password; a start waits
    for them to be mended."""
    for url, reason in (
        (f"postgres://known:hunter2@{guarded}/postgres", 'password authentication failed for user "known"'),
        (f"postgres://nobody:hunter2@{guarded}/postgres", 'role "nobody" does not exist'),
        (f"postgres://postgres:hunter2@{guarded}/nothing", 'database "nothing" does not exist'),
    ):
        message = Cli(url, tmp_path).refused("client", "list")
        assert message.rstrip().endswith(f" cannot be reached: {reason}")
        assert "hunter2" not in message
    done = Cli(url, tmp_path, DB_WAIT_SECONDS="1").run("serve", "--port", "0")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "Waiting up to 1 s for the database",
        "stats-service",
    ]


def test_a_database_is_found_by_its_parts(guarded: str, tmp_path: Path) -> None:
    """Its name may have characters that a URL may not. A user and a password that the settings do not name are those of
    PostgreSQL's own variables and files."""
    host, port = guarded.split(":")
    parts = Cli("", tmp_path, DB_HOSTNAME=host, DB_PORT=port, DB_NAME="1/2 %41")
    assert parts.said("db", "upgrade", DB_USERNAME="known", DB_PASSWORD="right").endswith(" is up to date.\n")
    assert 'password authentication failed for user "known"' in parts.refused("db", "status", PGUSER="known")
    assert parts.said("client", "create", "NC3", PGUSER="known", PGPASSWORD="right").startswith("UUID: ")
    passwords = tmp_path / ".pgpass"
    passwords.write_text(f"{guarded}:*:known:right\n")
    passwords.chmod(0o600)
    assert "NC3" in parts.said("client", "list", PGUSER="known")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (asyncpg.InvalidPasswordError("x"), "user or the password"),
        (asyncpg.InvalidAuthorizationSpecificationError("x"), "user or the password"),
        (asyncpg.InvalidCatalogNameError("x"), "no database of the name"),
        (DBConnectionError("x"), "no database of the name"),
        (ConnectionRefusedError("x"), "cannot be reached"),
    ],
)
def test_why_a_database_is_unavailable_is_told(error: Exception, words: str) -> None:
    """What PostgreSQL says of a user, a password or a name that is wrong becomes a message that says which setting is
    to blame, and not an unforeseen failure."""
    with pytest.raises(Unavailable, match=words), connection.translated():
        raise error


def test_a_file_in_the_place_of_a_folder_is_a_message(tmp_path: Path) -> None:
    """Where the database's folder cannot be made, one line says so."""
    (tmp_path / "var").write_text("in the way")
    stuck = Cli("sqlite:///var/stats.sqlite3", tmp_path)
    assert "sqlite:///var/stats.sqlite3 cannot be reached" in stuck.refused("client", "list")
    assert "sqlite:///var/stats.sqlite3 cannot be reached" in stuck.refused("serve", "--port", "0")


def test_wrong_settings_are_listed(cli: Cli) -> None:
    """Wrong variables stop a command with a line each, and nothing is touched."""
    done = cli.run("client", "list", PORT="x", LOG_FORMAT="xml")
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["PORT", "LOG_FORMAT"]
    assert not (cli.folder / "new").exists()


# --- the demonstration --------------------------------------------------------------------------------------


def test_the_demonstration_fills_an_empty_database_only(cli: Cli) -> None:
    """The fleet is there with its days and places, with an admin's token; a second one is refused."""
    size = ["--accounts", "3", "--analyses", "4", "--days", "2"]
    made = cli.json("demo", *size)
    assert made["rows"] == 4 * 2 * 5
    accounts = {one["name"]: one for one in cli.json("client", "list")}
    operator = accounts.pop(made["name"])
    assert operator["role"] == "2"
    assert len(accounts) == 3
    assert all(one["latitude"] is not None for one in accounts.values())
    assert sum(one["activity"]["rows"] for one in accounts.values()) == made["rows"]
    assert max(one["activity"]["newest_date"] for one in accounts.values()) == str(TODAY)
    assert "client create NAME --role admin" in cli.refused("demo", *size)
    with cli.serving("--port", "0") as (_, line):
        url = re.search(r"http://\S+", line)
        assert url
        me = httpx.get(f"{url[0]}api/v1/client/me", headers={"X-API-KEY": made["token"]})
        assert me.json()["role"] == "2"


@pytest.mark.usefixtures("heeded")
def test_a_demonstration_that_is_broken_off_has_told_the_token(cli: Cli) -> None:
    """Whoever has no patience reaches what there is by then. Ctrl-C is exit code 130, without a traceback."""
    with subprocess.Popen(
        cli.command("demo"), env=cli.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout
        shown = lines((run.stdout.readline() + run.stdout.readline()).decode())
        run.send_signal(signal.SIGINT)
        _, noted = run.communicate()
    assert (run.returncode, noted) == (130, b"This account reaches all that is made now:\n")
    assert len(shown["Token"]) == 86
    assert cli.json("client", "show", shown["Name"])["role"] == "2"


# --- usage --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["client", "create"],
        ["client", "create", "A", "B"],
        ["client", "create", "A", "--role", "boss"],
        ["client", "locate", "A", "north", "0"],
        ["client", "list", "--jsno"],
        ["serve", "--port", "70000"],
        ["stats", "list", "--type", "riks"],
        ["stats", "list", "--date-from", "yesterday"],
        ["stats_purge", "--nb-month", "0"],
        ["client_delete"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(cli: Cli, arguments: list[str]) -> None:
    """A slip of the pen is said in one line, with the exit code that scripts know for it."""
    cli.refused(*arguments, code=2)
    assert not (cli.folder / "new").exists()


def test_help_names_every_command(cli: Cli) -> None:
    """Each level of help lists what there is below it, and every command explains itself."""
    wanted = {
        (): ["serve", "client", "stats", "db", "demo", "--install-completion"],
        ("client",): [
            "create",
            "list",
            "show",
            "delete",
            "locate",
            "unlocate",
            "share",
            "unshare",
            "rotate-token",
            "activate",
            "deactivate",
        ],
        ("stats",): ["list", "delete", "purge", "export", "import"],
        ("db",): ["upgrade", "status", "backup"],
    }
    for path, names in wanted.items():
        text = cli.said(*path, "--help")
        assert [name for name in names if not re.search(rf"│ {name} +\S", text)] == []


def test_old_names_are_there_but_not_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    """Each old command explains itself; the list of commands is spared of them. (All in this process: none does more
    here than to tell of itself.)"""

    def said(*arguments: str) -> str:
        app([*arguments, "--help"], result_action="return_value")
        return capsys.readouterr().out

    listed = said()
    assert "│ client " in listed
    assert [name for name in OLD_NAMES if f"stats-service {name}" not in said(name)] == []
    assert [name for name in OLD_NAMES if f"│ {name} " in listed] == []


def test_completion_is_installed_for_a_shell(cli: Cli) -> None:
    """--install-completion writes a script that knows our commands."""
    cli.said("--install-completion", "--shell", "bash")
    [script] = (cli.folder / ".local").rglob("stats-service")
    assert "rotate-token" in script.read_text()


def test_output_may_be_cut_short(cli: Cli) -> None:
    """A reader that has seen enough (`| head`) is no error to complain of."""
    with subprocess.Popen(
        cli.command("serve", "--help"),
        env=cli.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.close()
        _, errors = process.communicate()
    assert errors == b""


# --- serving ------------------------------------------------------------------------------------------------


def test_serve_says_where_it_listens_and_ends_well(either: Cli) -> None:
    """One line tells address and database, without a password; SIGTERM and SIGINT end it with exit code 0."""
    for stop in (signal.SIGTERM, signal.SIGINT):
        with either.serving("--port", "0") as (process, line):
            url = re.fullmatch(rf"Stats Service \S+ listens on (http://{HOST}:\d+/) with (\S+)\n", line)
            assert url, line
            assert httpx.get(f"{url[1]}health").status_code == 200
            process.send_signal(stop)
            assert process.wait(STARTING_SECONDS) == 0


def test_a_request_under_way_is_finished_before_the_end(cli: Cli) -> None:
    """A post that is half sent when SIGTERM arrives is taken whole, answered, and stored."""
    token = lines(cli.said("client", "create", "NC3"))["Token"]
    body = b"[" + b",".join(rows(TODAY, TODAY)) + b"]"
    head = f"POST /api/v1/stats/ HTTP/1.1\r\nHost: x\r\nX-API-KEY: {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    port = free_port()
    with cli.serving("--port", str(port)) as (process, _), socket.create_connection((HOST, port)) as wire:
        wire.sendall(head.encode() + body[:1000])
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        wire.sendall(body[1000:])
        assert wire.recv(65536).startswith(b"HTTP/1.1 201 ")
        wire.close()
        assert process.wait(STARTING_SECONDS) == 0
    assert len(cli.json("stats", "list")) == 5


def test_serve_takes_its_address_from_options_before_settings(cli: Cli) -> None:
    """--host and --port stand in the place of HOST and PORT; the prefix is part of the address that is told."""
    port = free_port()
    cli.environment |= {"HOST": "192.0.2.1", "PORT": "1", "SCRIPT_NAME": "/dashboard"}
    with cli.serving("--host", HOST, "--port", str(port)) as (_, line):
        assert f"http://{HOST}:{port}/dashboard/ " in line


def test_a_port_that_is_taken_is_a_message(cli: Cli) -> None:
    """A second service on the same port says so in one line and ends."""
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"port {port}" in cli.refused("serve", "--port", port)


def test_without_migrate_a_start_waits_for_nobody(cli: Cli) -> None:
    """--no-migrate refuses a database that lacks migrations, and starts on one that does not."""
    assert "db upgrade" in cli.refused("serve", "--port", "0", "--no-migrate")
    cli.said("db", "upgrade")
    with cli.serving("--port", "0", "--no-migrate") as (_, line):
        assert "listens on" in line


def test_the_admin_of_the_settings_is_made_at_the_start(cli: Cli) -> None:
    """ADMIN_TOKEN gives an admin's account, and it is printed nowhere."""
    cli.environment["ADMIN_TOKEN"] = ADMIN_TOKEN
    with cli.serving("--port", "0") as (process, line):
        process.terminate()
        out, errors = process.communicate()
    assert ADMIN_TOKEN not in line + out + errors
    [admin] = cli.json("client", "list")
    assert (admin["name"], admin["role"]) == ("admin", "2")


def test_a_start_gives_up_waiting_after_a_while(tmp_path: Path) -> None:
    """A database that never comes ends the start, saying for what it waited."""
    url = f"postgres://user:hunter2@{HOST}:{free_port()}/stats"
    done = Cli(url, tmp_path, DB_WAIT_SECONDS="1").run("serve", "--port", "0")
    assert done.returncode == 1
    assert done.stderr.startswith("Waiting up to 1 s for the database: postgres://user@")
    assert done.stderr.splitlines()[-1].startswith("stats-service: ")
    assert "hunter2" not in done.stderr


def test_a_start_waits_for_its_database(postgres: Postgres, tmp_path: Path) -> None:
    """A database that comes up after the service is waited for, migrated and used."""
    with postgres.database() as url:
        name = url.rpartition("/")[2]
        postgres.execute(f"DROP DATABASE {name}")
        waiting = Cli(url, tmp_path)
        with subprocess.Popen(
            waiting.command("serve", "--port", "0"),
            env=waiting.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout
                assert process.stderr
                assert "Waiting up to 60 s" in process.stderr.readline()
                postgres.execute(f"CREATE DATABASE {name}")
                assert "listens on" in process.stdout.readline()
            finally:
                process.kill()


def test_help_of_serve_shows_every_setting(cli: Cli) -> None:
    """The help names all settings with their defaults, also on a narrow terminal."""
    text = cli.said("serve", "--help", COLUMNS="80")
    assert "PORT (default: 5005)\n" in text
    assert "DATABASE_URL (default: sqlite:///var/stats.sqlite3)\n" in text
    assert "STATS_CONFIG (default: none)\n" in text
