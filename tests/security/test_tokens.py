"""Tokens are nowhere but where they have to be, and open nothing once they are replaced.

They are looked up by their hash, so how long it takes to refuse one tells nothing of those that there are.
"""

import asyncio
import base64
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx

from service.app import ROUTES
from service.storage import connection
from tests.commands import Cli
from tests.samples import rows, stable_uuid
from tests.servers import ROOT, Service, running_service

MAY_HOLD_ONE = {
    ("POST", "/api/v1/client", 201),
    ("POST", "/api/v1/client/{uuid}/token", 201),
    ("GET", "/api/v1/client/me", 200),
    ("PATCH", "/api/v1/client/me", 201),
}
"""The answers that hold a token: the one that was made, or the one that was presented."""


def new_secret() -> str:
    """A token like those that the service makes."""
    return secrets.token_urlsafe(64)


class Secrets:
    """What must not be found, by what it is."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def add(self, name: str, secret: str = "") -> str:
        """Know one, or a new one; it is given back."""
        self.known[name] = secret or new_secret()
        return self.known[name]

    def found_in(self, where: str | bytes) -> list[str]:
        """Which are found, plain or written in another way that can be turned back."""
        text = where.encode() if isinstance(where, str) else where
        return [name for name, secret in self.known.items() if any(form in text for form in forms(secret))]


def forms(secret: str) -> tuple[bytes, ...]:
    """The beginning of a secret as it may be written: what is cut off somewhere tells enough."""
    beginning = secret.encode()[:24]
    return beginning, beginning.hex().encode(), base64.b64encode(beginning)


# --- a session over HTTP ---------------------------------------------------------------------------------------


def with_password(database_url: str, secret: str) -> str:
    """A PostgreSQL URL with a password, which a server that trusts everybody does not look at."""
    return database_url.replace("@", f":{secret}@", 1)


class Session:
    """Requests of all kinds with tokens of all kinds, and what the answers hold that they should not."""

    def __init__(self, service: Service, admin_token: str, known: Secrets) -> None:
        self.client = service.client_with(None)
        self.admin_token = admin_token
        self.known = known
        self.leaks: list[Any] = []

    def send(self, token: str | None, method: str, path: str, *, route: str = "", **more: Any) -> httpx.Response:
        """One request. Its answer may hold a token where `route`, if it is not the path, is one of those few."""
        headers = more.pop("headers", {}) | ({"X-API-KEY": token} if token else {})
        answer = self.client.request(method, path, headers=headers, **more)
        if (method, route or path, answer.status_code) not in MAY_HOLD_ONE:
            told = f"{answer.headers}{answer.text}"
            self.leaks += [(method, path, answer.status_code, name) for name in self.known.found_in(told)]
        return answer

    def make_account(self, name: str, **fields: Any) -> tuple[str, str]:
        """A new account: its token and its path."""
        made = self.send(self.admin_token, "POST", "/api/v1/client", json={"name": name} | fields).json()
        return self.known.add(name, made["token"]), f"/api/v1/client/{made['uuid']}"

    def present(self, token: str) -> None:
        """Use a token on every route: as it should be, with a body that is no good, and where it has no business."""
        for route in ROUTES:
            path = re.sub(r"\{\w+\}", stable_uuid("a"), route.path)
            self.send(token, route.method, path, route=route.path)
            for more in (
                {"content": b"{"},
                {"json": {"unknown": token}},
                {"json": {"name": "n", "type": "risk", "processor": "risk_averages", "token": [token]}},
                {"json": [{"anr": token}, {"uuid": token, "anr": stable_uuid("a"), "data": token}]},
                {"params": {"token": token}},
                {"headers": {"Authorization": f"Bearer {token}", "Cookie": f"token={token}", "User-Agent": token}},
                {"headers": {"X-Forwarded-For": token, "X-Request-ID": f"{token} {token}", "Content-Encoding": token}},
            ):
                self.send(token, route.method, path, route=route.path, **more)


def test_no_token_is_in_database_log_metrics_or_answers(database_url: str, tmp_path: Path) -> None:
    """After a session with good tokens, replaced ones, wrong ones and those of the settings, DEBUG being on; and after
    faults that nobody foresaw, whose causes are in the log.

    The log is text on SQLite and JSON on PostgreSQL: the two have nothing to do with each other.
    """
    known = Secrets()
    admin, remote = known.add("ADMIN_TOKEN"), known.add("REMOTE_STATS_TOKEN")
    on_postgres = "postgres" in database_url
    url = with_password(database_url, known.add("password")) if on_postgres else database_url
    settings = {"ADMIN_TOKEN": admin, "REMOTE_STATS_TOKEN": remote, "DEBUG": "1"}
    settings["LOG_FORMAT"] = "json" if on_postgres else "text"
    with running_service(url, tmp_path, **settings) as service:
        session = Session(service, admin, known)
        token, path = session.make_account("made")
        session.make_account("given", token=new_secret())
        session.send(token, "POST", "/api/v1/stats", json=rows(stable_uuid("a"), "2026-01-31")).raise_for_status()
        new = session.send(admin, "POST", f"{path}/token", route="/api/v1/client/{uuid}/token").json()["token"]
        for secret in (known.add("new", new), token, known.add("wrong"), admin):
            session.present(secret)
        bad = {"name": "bad", "token": known.add("bad", "a secret with blanks")}
        assert session.send(admin, "POST", "/api/v1/client", json=bad).status_code == 400
        assert session.leaks == []
        assert known.found_in(httpx.get(f"{service.url}/metrics").text) == []
        assert [line for line in command_lines() if known.found_in(line)] == []
        stored = asyncio.run(dumped(url)) if on_postgres else files_of(tmp_path)
        assert b"made" in stored  # it was looked for in the right place
        assert known.found_in(stored) == []
        for table, secret in (("stat", new), ("account", admin)):  # what nobody foresees: statements that fail
            asyncio.run(lose(url, table))
            session.present(secret)
        assert session.leaks == []
    log = service.log()
    assert log.count("/api/v1/stats") > 100
    assert all(
        f"{method} {path} 500 " in log for method, path in (("GET", "/api/v1/stats"), ("POST", "/api/v1/client"))
    )
    assert log.count("Traceback") > 100
    assert known.found_in(files_of(tmp_path)) == []


async def lose(url: str, table: str) -> None:
    """Take a table away from a running service."""
    async with connection.connected(url), connection.writing() as db:
        await db.execute(f"ALTER TABLE {table} RENAME TO lost_{table}")


def files_of(folder: Path) -> bytes:
    """All files of a folder: the database with its WAL, logs, what else was written."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def dumped(url: str) -> bytes:
    """All rows of all tables of a PostgreSQL database, and where it may be read the newest of its WAL."""
    database = await asyncpg.connect(url)
    try:
        names = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        texts = [
            await database.fetchval(f'SELECT string_agg(t::text, chr(10)) FROM "{name}" t')  # noqa: S608
            for (name,) in names
        ]
        assert len(texts) > 5
        wal = b""
        if await database.fetchval("SELECT usesuper FROM pg_user WHERE usename = current_user"):
            newest = "'pg_wal/' || pg_walfile_name(pg_current_wal_lsn())"
            wal = await database.fetchval(f"SELECT pg_read_binary_file({newest})")
        return "\n".join(text or "" for text in texts).encode() + wal
    finally:
        await database.close()


# --- commands --------------------------------------------------------------------------------------------------


def command_lines() -> Iterator[bytes]:
    """What everybody on this machine can read of what runs."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes()
        except OSError:  # it has just ended
            continue


class Watch(threading.Thread):
    """Reads the list of processes again and again within its block."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[bytes] = set()
        self._over = threading.Event()

    def run(self) -> None:
        """Read it until the block ends."""
        while not self._over.wait(0.01):
            self.seen |= set(command_lines())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def test_commands_show_no_token_but_the_one_they_make(tmp_path: Path) -> None:
    """Neither in the list of processes, nor in what they print and write: those of the service and the dashboard."""
    known = Secrets()
    url = f"sqlite:///{tmp_path}/stats.sqlite3"
    settings = {name: known.add(name) for name in ("ADMIN_TOKEN", "REMOTE_STATS_TOKEN")} | {"DEBUG": "1"}
    given = known.add("given")
    cli = Cli(url, tmp_path, **settings)
    file = tmp_path.with_name(f"{tmp_path.name}.token")
    with running_service(url, tmp_path, **settings) as service, Watch() as watch:
        made = cli.run("client", "create", "--name", "FO", STATS_CLIENT_TOKEN=given)
        assert made.stdout.count(given) == 1
        rotated = cli.json("client", "rotate-token", "FO")["token"]
        file.write_text(known.add("rotated", rotated))
        client = service.client_with(rotated)
        client.post("/api/v1/stats", json=rows(stable_uuid("a"), "2026-01-31")).raise_for_status()
        dashboard = [sys.executable, "-m", "tui", "snapshot", "accounts", "--json", "--server", service.url]
        printed = [
            made.stderr,
            text_of(cli.run("client", "list")),
            text_of(cli.run("share", "preview", "--dump", "-", "--date-from", "2026-01-01")),
            text_of(cli.run("share", "push", "--budget", "1", REMOTE_STATS_SERVER="http://127.0.0.1:9")),
            run([*dashboard, "--token-file", str(file)], cli.environment),
        ]
    assert [name for text in printed for name in known.found_in(text)] == []
    assert any(b"rotate-token" in line for line in watch.seen)
    assert [line for line in watch.seen if known.found_in(line)] == []
    assert known.found_in(files_of(tmp_path)) == []


def text_of(done: subprocess.CompletedProcess[str]) -> str:
    """All that a command printed, which has to be something."""
    assert done.stdout + done.stderr
    return done.stdout + done.stderr


def run(command: list[str], environment: dict[str, str]) -> str:
    """What a program prints."""
    return text_of(subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT))


DOCUMENTED = [ROOT / "README.md", *(path for path in (ROOT / "contrib").rglob("*") if path.is_file())]


def test_no_documented_command_has_a_token_or_a_password_as_an_argument() -> None:
    """Whoever follows the documentation leaves none in the shell's history or the list of processes. (The form of
    DATABASE_URL, which may hold one, stands in the table of the settings.)"""
    assert len(DOCUMENTED) > 10
    for path in DOCUMENTED:
        for line in path.read_text().splitlines():
            assert not re.search(r"--(remote-)?token[= ]", line), (path, line)
            assert not re.search(r"X-API-KEY: *[A-Za-z0-9_-]{16}", line), (path, line)
            assert "X-API-KEY: $" not in line or ">key" in line, (path, line)
            assert line.startswith("| `DATABASE_URL`") or not re.search(r"postgres\w*://[^ :/]+:[^@ ]+@", line), (
                path,
                line,
            )


# --- replaced tokens -------------------------------------------------------------------------------------------


def test_a_replaced_token_is_dead_at_once_everywhere(database_url: str, tmp_path: Path) -> None:
    """In every process on the database, whoever replaced it and whoever has just let it in: over HTTP by one of two
    services, by a command; and so is one whose account was locked or deleted."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with (
        running_service(database_url, folders[0]) as one,
        running_service(database_url, folders[1]) as two,
    ):
        made = one.admin.post("/api/v1/client", json={"name": "FO"}).json()
        path, token = f"/api/v1/client/{made['uuid']}", made["token"]
        cli = Cli(database_url, tmp_path)

        def let_in(token: str) -> set[int]:
            asked = [one.client_with(token), two.client_with(token)]
            return {client.get("/api/v1/client/me").status_code for client in asked for _ in range(3)}

        for by_command in (False, True):
            assert let_in(token) == {200}
            new = cli.json("client", "rotate-token", "FO") if by_command else two.admin.post(f"{path}/token").json()
            assert (let_in(token), let_in(new["token"])) == ({403}, {200})
            token = new["token"]
        one.admin.patch(path, json={"is_active": False}).raise_for_status()
        assert let_in(token) == {403}
        one.admin.patch(path, json={"is_active": True}).raise_for_status()
        assert let_in(token) == {200}
        two.admin.delete(path).raise_for_status()
        assert let_in(token) == {403}
