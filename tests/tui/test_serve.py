"""The dashboard in a browser: who gets it, and that a real browser shows it."""

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.servers import ADMIN_TOKEN, ROOT, Service, bare_environment, free_port
from tests.tui.conftest import PATIENCE
from tui import serve
from tui.settings import Secret, Settings

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextlib.asynccontextmanager
async def serving(demo: Service, home: Path, **variables: str) -> AsyncIterator[str]:
    """`stats-tui serve` as a process; where its page is."""
    port = free_port()
    command = [sys.executable, "-m", "tui", "serve", "--server", demo.url, "--port", str(port)]
    environment = bare_environment(home, **variables)
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=ROOT, stdout=quiet, stderr=quiet)
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    async with session.get(url):
                        break
                await asyncio.sleep(0.05)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def test_only_its_own_pages_reach_it(demo: Service, tmp_path: Path) -> None:
    """Another page, a page without a name, and a foreign name that points here are refused; its own page is shown the
    figures, and told that it is read-only."""
    async with serving(demo, tmp_path) as url, aiohttp.ClientSession() as session:
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
            async with session.get(url, headers=headers) as answer:
                assert answer.status == 403
        for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": url.replace("http", "https")}):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"{url}/ws", headers=headers)
        async with session.get(url) as answer:
            assert answer.status == 200
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        async with asyncio.timeout(PATIENCE), session.ws_connect(f"{url}/ws?width=120&height=35", origin=url) as socket:
            seen = ""
            while not ("informational" in seen and "read-only" in seen):
                message = await socket.receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", message.data.decode("utf-8", "replace"))


async def test_an_administrators_token_is_refused(demo: Service, tmp_path: Path) -> None:
    """Unless it is allowed in so many words."""
    command = [sys.executable, "-m", "tui", "serve", "--server", demo.url, "--port", str(free_port())]
    environment = bare_environment(tmp_path, STATS_TOKEN=ADMIN_TOKEN)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=ROOT, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(PATIENCE):
        said, wrong = await process.communicate()
    assert process.returncode == 2
    assert b"--allow-admin" in wrong
    assert ADMIN_TOKEN.encode() not in said + wrong


async def test_a_port_that_is_taken_is_told(demo: Service, tmp_path: Path) -> None:
    """In a line that says what to do."""
    port = demo.url.rpartition(":")[2]
    command = [sys.executable, "-m", "tui", "serve", "--server", demo.url, "--port", port]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, env=bare_environment(tmp_path), cwd=ROOT, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(PATIENCE):
        _, wrong = await process.communicate()
    assert process.returncode == 2
    assert wrong.decode() == f"stats-tui: Port {port} cannot be listened on: Address already in use. Say --port N.\n"


def test_a_pages_process_gets_no_token_as_an_argument() -> None:
    """Only what everybody may read, quoted for the shell."""
    settings = Settings("http://here", Secret(ADMIN_TOKEN), "http://world/a b;c")
    command = serve.command(settings, read_only=True)
    assert ADMIN_TOKEN not in command
    assert command.endswith("--global 'http://world/a b;c' --read-only")
    assert "--read-only" not in serve.command(settings, read_only=False)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
async def test_a_real_browser_shows_it(demo: Service, tmp_path: Path) -> None:
    """Chromium draws the dashboard, with the figures, and nothing is fetched from elsewhere."""
    async with serving(demo, tmp_path) as url, chromium(tmp_path) as page:
        await page.call("Network.enable")
        await page.call("Page.navigate", url=url)
        seen = ""
        fetched = []
        async with asyncio.timeout(4 * PATIENCE):
            while "informational" not in seen:
                event = await page.event()
                if event["method"] == "Network.webSocketFrameReceived":
                    frame = event["params"]["response"]
                    if frame["opcode"] == 2:
                        seen += base64.b64decode(frame["payloadData"]).decode("utf-8", "replace")
                elif event["method"] == "Network.responseReceived":
                    fetched.append(event["params"]["response"]["url"])
            shown = ""
            while "-first-byte" not in shown:
                answer = await page.call("Runtime.evaluate", expression="document.body.className")
                shown = answer["result"]["value"]
    assert fetched
    assert [one for one in fetched if not one.startswith((url, "data:"))] == []


class Page:
    """A page of Chromium, by its debugging protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._events: list[dict[str, Any]] = []

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method; its result."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json()
            if message.get("id") == self._number:
                result: dict[str, Any] = message["result"]
                return result
            self._events.append(message)

    async def event(self) -> dict[str, Any]:
        """The next event."""
        if self._events:
            return self._events.pop(0)
        message: dict[str, Any] = await self._socket.receive_json()
        return message


async def debugging_port(path: Path) -> str:
    """The port that Chromium writes into a file of its profile once it listens."""

    def written() -> str:
        return path.read_text().partition("\n")[0] if path.exists() else ""

    async with asyncio.timeout(4 * PATIENCE):
        while not (port := await asyncio.to_thread(written)):  # noqa: ASYNC110  # a file tells nobody
            await asyncio.sleep(0.05)
    return port


@contextlib.asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Page]:
    """A headless Chromium with an empty profile, and its page."""
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += [
        "--disable-component-update",
        "--disable-sync",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}/b",
    ]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        str(BROWSER), *flags, "about:blank", stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        port = await debugging_port(folder / "b" / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = json.loads(await answer.text())
            where = next(one["webSocketDebuggerUrl"] for one in pages if one["type"] == "page")
            async with session.ws_connect(where, max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
