"""A small HTTP client over a plain socket: what httpx costs per request is more than what is measured here."""

import asyncio
import time

import msgspec


class Connection:
    """One kept connection to a service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str | None) -> None:
        self._reader, self._writer = reader, writer
        self._key = f"X-API-KEY: {token}\r\n" if token else ""

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request and read the whole answer: status, headers (lower case), body."""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{self._key}{headers}"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self._writer.write(f"{head}{length}\r\n".encode() + body)
        await self._writer.drain()
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        found = {name.lower(): value for line in lines[1:] if line for name, _, value in [line.partition(": ")]}
        answer = await self._reader.readexactly(int(found.get("content-length", 0)))
        return int(lines[0].split()[1]), found, answer

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


async def connect(url: str, token: str | None = None, address: str | None = None) -> Connection:
    """A connection to the service at `url` (`http://host:port`) that presents `token`, if any, from that address."""
    host, _, port = url.removeprefix("http://").partition(":")
    source = (address, 0) if address else None
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20, local_addr=source)
    return Connection(reader, writer, token)


async def quickest(
    times: int, url: str, method: str, path: str, body: object = None, token: str | None = None
) -> float:
    """The least seconds of `times` requests one after another over one connection; all must succeed."""
    connection = await connect(url, token)
    text = b"" if body is None else msgspec.json.encode(body)
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        status, _, _ = await connection.ask(method, path, text)
        spent.append(time.perf_counter() - start)
        assert status in {200, 201}, status
    connection.close()
    return min(spent)


async def rate(seconds: float, connections: int, url: str, path: str, token: str | None = None) -> float:
    """Requests per second of GET `path` over that many connections at once."""
    end = time.perf_counter() + seconds

    async def ask_on() -> int:
        connection = await connect(url, token)
        count = 0
        while time.perf_counter() < end:
            status, _, _ = await connection.ask("GET", path)
            assert status == 200, status
            count += 1
        connection.close()
        return count

    return sum(await asyncio.gather(*(ask_on() for _ in range(connections)))) / seconds
