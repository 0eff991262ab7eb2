"""The dashboard on a real service: one filled with the demo's figures to look at, empty ones to change things on."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from textual.pilot import Pilot

from tests.servers import ADMIN_TOKEN, Service, running_service
from tui.app import Dashboard
from tui.client import Service as Client
from tui.desk import Desk
from tui.memory import Memory
from tui.scope import Scope
from tui.screens.base import ViewScreen
from tui.session import Session
from tui.settings import Secret, Settings
from tui.snapshot import text_of

PATIENCE = 15.0
"""Seconds after which what should have happened by now will not."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the demo's figures of 60 days. Tests only look at it."""
    folder = tmp_path_factory.mktemp("demo")
    service = Service(f"sqlite:///{folder / 'stats.sqlite3'}", folder)
    command = [sys.executable, "-m", "service", "demo", "--accounts", "4", "--analyses", "6", "--days", "60", "--json"]
    made = subprocess.run(command, cwd=folder, env=service.environment, check=True, capture_output=True)
    json.loads(made.stdout)
    try:
        service.start()
        yield service
    finally:
        service.stop()
        service.close()


@pytest.fixture
def blank(tmp_path: Path) -> Iterator[Service]:
    """A service without figures, for one test to do with as it likes."""
    with running_service(f"sqlite:///{tmp_path / 'stats.sqlite3'}", tmp_path) as service:
        yield service


class Driver:
    """A running dashboard, and how a test waits for it: by looking, never by sleeping blindly."""

    def __init__(self, app: Dashboard, pilot: "Pilot[None]") -> None:
        self.app = app
        self.pilot = pilot

    @property
    def view(self) -> "ViewScreen":  # type: ignore[type-arg]  # of whatever data
        """The view that is shown, under a dialog as well."""
        return next(screen for screen in reversed(self.app.screen_stack) if isinstance(screen, ViewScreen))

    @property
    def text(self) -> str:
        """What the screen says."""
        return text_of(self.app)

    async def until(self, true: Callable[[], object], what: str = "") -> None:
        """Wait until it holds; fail with what the screen says."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not true():
                    await self.pilot.pause(0.02)
        except TimeoutError:
            raise AssertionError(f"{what or true} never came true:\n{self.text}") from None

    async def settled(self) -> None:
        """Wait until the view shows its data, or why there is none."""
        await self.until(lambda: self.view.is_settled, "the view's data")
        await self.pilot.pause()

    async def says(self, text: str) -> None:
        """Wait until the screen says this."""
        await self.until(lambda: text in self.text, repr(text))

    async def press(self, *keys: str) -> None:
        """Press keys, then wait until the view has settled."""
        await self.pilot.press(*keys)
        await self.settled()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.pilot.press(*(" " if sign == " " else sign for sign in text))


@contextlib.asynccontextmanager
async def dashboard(
    url: str,
    view: str = "overview",
    *,
    token: str | None = ADMIN_TOKEN,
    world: str | None = None,
    scope: Scope | None = None,
    size: tuple[int, int] = (120, 35),
    read_only: bool = False,
    folder: Path | None = None,
    patient: bool = True,
    refresh: int = 0,
    keys: Mapping[str, str] | None = None,
) -> AsyncIterator[Driver]:
    """The dashboard on a service, at a view of it. With a `folder` it remembers and exports there; `patient`: with
    its data there."""
    settings = Settings(
        url=url,
        token=Secret(token) if token else None,
        world=world,
        read_only=read_only,
        refresh=refresh,
        keys=keys or {},
        export_dir=folder or Path("/nonexistent"),
    )
    memory = Memory(folder / "state.json" if folder else None)
    memory.change(view=view, scope=scope or Scope(days=30))
    app = Dashboard(Session(Desk.of(settings), settings, memory))
    async with app.run_test(size=size, notifications=True) as pilot:
        driver = Driver(app, pilot)
        await driver.until(lambda: isinstance(app.screen, ViewScreen), "a view")
        if patient:
            await driver.settled()
        yield driver


class SlowRoad:
    """A way to a service, byte by byte the same but for one thing: while `is_open` is not set answers wait."""

    def __init__(self, service: Service) -> None:
        self._there = urlsplit(service.url)
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.url = ""

    @contextlib.asynccontextmanager
    async def built(self) -> AsyncIterator["SlowRoad"]:
        """Within the block one gets there by `url`."""
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self
            self.is_open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, onward = await asyncio.open_connection(self._there.hostname, self._there.port)
        with contextlib.suppress(OSError, asyncio.CancelledError):  # the client left, or the test is over
            await asyncio.gather(self._carry(reader, onward), self._carry(answers, writer, self.is_open))

    @staticmethod
    async def _carry(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: asyncio.Event | None = None
    ) -> None:
        try:
            while part := await reader.read(1 << 16):
                if is_open:
                    await is_open.wait()
                writer.write(part)
                await writer.drain()
        finally:
            writer.close()


@pytest.fixture
async def client(demo: Service) -> AsyncIterator[Client]:
    """The API of the demo's service, as its administrator."""
    service = Client(demo.url, ADMIN_TOKEN)
    yield service
    await service.close()
