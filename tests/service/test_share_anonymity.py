"""Every byte of a push: nothing in it tells of an account, an analysis or this installation, but for its token."""

import asyncio
import base64
import dataclasses
import hashlib
import json
import re
import socket
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.core import catalogue, clients
from service.core.published import Entry
from service.core.sharing.forget import forget
from service.storage import connection
from tests import samples
from tests.faults import Received, fault_proxy
from tests.samples import TYPES
from tests.servers import running_service
from tests.sharing import TODAY, House, house, row

pytestmark = pytest.mark.long_on_postgres

NAMES = ("Klinik Geheimnis «Süd» GmbH", "Ob's/Amt-für-Alles 007")
SECRETS = ("Filiale Esch-sur-Alzette", "Dr. Weiß kennt das Passwort", "GEHEIM-4711")
INSTANCE = "https://stats.klinik-geheimnis.example/figures"
PLACE = (49.611621, 6.131935)
HEADERS = {
    *("host", "accept", "accept-encoding", "connection", "user-agent", "x-api-key"),
    *("content-type", "content-length", "content-encoding"),
}
NUMBER = re.compile(r"\d+\.\d{2,6}")
LEVELS = {"Low risks", "Medium risks", "High risks"}


def published(kind: str) -> Entry:
    """An object that anybody may know."""
    return next(one for one in catalogue.shipped().values() if one.kind == kind)


def hostile(stat_type: str, name: str, client: str, anr: str) -> Any:
    """A payload that tells of whom it is wherever something can be told."""
    labels = {f"label{number}": f"{name} {SECRETS[number % 3]} {anr}" for number in range(1, 5)}
    beside = {"client": name, "uuid_of": client, "anr": anr, "when": f"{TODAY}T03:04:05Z", name: client}
    if stat_type in {"threat", "vulnerability"}:
        figures = {"count": 3, "maxRisk": "3", "averageRate": "2.50"}
        numbers = (anr, client.upper(), str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), published(stat_type).uuid)
        return [{"uuid": number, **labels, **figures, **beside} for number in numbers]
    if stat_type == "compliance":
        known = published("referential")
        private = {"code": f"{name} 1", "measure": client, "value": "0.20", **beside}
        renamed = {"code": SECRETS[2], "measure": next(iter(known.categories[0].controls)), "value": "0.20"}
        category = {**labels, "value": "0.20", "controls": [private, renamed], **beside}
        parts = {"current": [category], "target": [category], **beside}
        return [{"referential": number, **labels, **parts} for number in (anr, known.uuid)]
    data = samples.payload(stat_type)
    return data | beside | {"risks": data["risks"] | beside | {"current": data["risks"]["current"] | beside}}


class Installation:
    """Two accounts that share, and everything of them and the house that must not leave."""

    def __init__(self) -> None:
        self.numbers: list[str] = []
        self.texts = [*NAMES, *SECRETS, "Klinik", "Geheimnis", "Süd", "Amt-für-Alles", *map(str, PLACE)]
        self.texts += [INSTANCE, "klinik-geheimnis", socket.gethostname(), "python", "httpx", "T03:04:05"]

    async def fill(self, here: House) -> None:
        """Make the accounts, and post for them."""
        for name in NAMES:
            made, token = await clients.create(name)
            account = await clients.change(made.uuid, coordinates=PLACE)
            anrs = [uuid.uuid4() for _ in range(2)]
            payloads = [(anr, kind, hostile(kind, name, str(account.uuid), str(anr))) for anr in anrs for kind in TYPES]
            await here.post(account, *(row(anr, kind) | {"data": data} for anr, kind, data in payloads))
            self.numbers += [str(account.uuid), *map(str, anrs)]
            self.texts += [token, hashlib.sha256(token.encode()).hexdigest()]
            self.texts += [str(moment)[11:19] for moment in (account.created_at, account.updated_at)]
        rows = await connection.reading().fetch("SELECT uuid FROM stat")
        self.numbers += [str(one[0]) for one in rows]


def written(text: str) -> Iterator[bytes]:
    """A text as it may be hidden among bytes, in small letters."""
    for raw in (text.encode(), text.encode("utf-16-le"), text.encode("latin-1"), json.dumps(text)[1:-1].encode()):
        yield raw
        yield raw.hex().encode()
        yield from packed(raw)
    yield urllib.parse.quote(text).encode()
    yield text.encode("ascii", "ignore")


def packed(raw: bytes) -> Iterator[bytes]:
    """Bytes as base64, wherever in a longer text they begin: without the first and the last letters, which depend on
    what stands beside them."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw).rstrip(b"=")
        for letters in (encoded, encoded.translate(bytes.maketrans(b"+/", b"-_"))):
            yield letters[2 * (offset > 0) + (offset > 1) : -1]


def numbered(number: str) -> Iterator[bytes]:
    """A UUID as it may be hidden among bytes."""
    one = uuid.UUID(number)
    yield from written(str(one))
    for raw in (one.bytes, one.bytes_le):
        yield raw
        yield from packed(raw)
    yield one.hex.encode()
    yield str(one.int).encode()


def told(request: Received) -> list[bytes]:
    """All that a request says: as it came, unpacked, and with its escapes read. In small letters, too."""
    head = request.raw.partition(b"\r\n\r\n")[0]
    read = json.dumps(json.loads(request.body or b"null"), ensure_ascii=False).encode()
    return [one for text in (head, request.sent_body, request.body, read) for one in (text, text.lower())]


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """What a JSON value holds in the end, each with the key that it stands under."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part, key)
    else:
        yield key, value


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, str, list[Received]]:
    """An installation, its token at the other one, and its requests: a push, a forget, and another push."""
    here, there = (tmp_path_factory.mktemp(name) for name in ("here", "there"))
    installation = Installation()

    async def share(url: str, token: str) -> None:
        async with house(f"sqlite:///{here}/stats.sqlite3", url, token) as shares:
            shares.settings = dataclasses.replace(shares.settings, instance_url=INSTANCE)
            await installation.fill(shares)
            assert (await shares.push()).sent == 2 * 2 * 5
            assert (await forget(shares.settings, anr=uuid.UUID(installation.numbers[1]))).rows == 5
            assert (await shares.push()).sent == 5

    with running_service(f"sqlite:///{there}/stats.sqlite3", there) as remote, fault_proxy(remote.url) as proxy:
        token = str(remote.client("an installation").headers["X-API-KEY"])
        asyncio.run(share(proxy.url, token))
    return installation, token, proxy.requests


def test_no_byte_tells_who_shares(pushed: tuple[Installation, str, list[Received]]) -> None:
    """No name, UUID, place, time, token, address or private label, in whatever way it may be written."""
    installation, _, requests = pushed
    known = Path(catalogue.SHIPPED).read_text().lower()
    hidden = {form for text in installation.texts if text.lower() not in known for form in written(text)}
    hidden |= {form for number in installation.numbers for form in numbered(number)}
    hidden = {form for form in hidden if len(form) > 3}
    assert len(hidden) > 500
    for request in requests:
        for said in told(request):
            assert [form for form in hidden if form in said or form.lower() in said] == []


def test_what_could_be_found_is_found() -> None:
    """The test above is one: each way to write something is recognised in the midst of other bytes."""
    for offset in range(3):
        raw = base64.b64encode(b"x" * offset + "Klinik Süd".encode() + b"y" * 4)
        assert any(form in raw for form in packed("Klinik Süd".encode()))
    one = uuid.uuid4()
    for raw in (one.bytes, str(one).encode(), one.hex.encode(), base64.urlsafe_b64encode(b"a" + one.bytes)):
        assert any(form in raw for form in numbered(str(one).upper()))


def test_headers_say_nothing_but_the_token(pushed: tuple[Installation, str, list[Received]]) -> None:
    """They are those that HTTP needs; the token stands in its own, and nowhere else."""
    _, token, requests = pushed
    posts = [request for request in requests if request.method == "POST"]
    assert len(posts) == 2
    for request in requests:
        assert request.headers.keys() <= HEADERS
        assert request.headers["user-agent"] == "stats-service"
        assert request.headers["x-api-key"] == token
        assert b"".join(told(request)[::2]).count(token.encode()) == 1
    assert {(request.method, request.path) for request in posts} == {("POST", "/api/v1/stats/")}


def test_bodies_hold_nothing_but_what_is_allowed(pushed: tuple[Installation, str, list[Received]]) -> None:
    """The other way round: each text in them is a pseudonym, a type, a date, a figure, or published."""
    installation, _, requests = pushed
    published_labels = {label for entry in catalogue.shipped().values() for label in entry.labels}
    published_labels |= {
        label for entry in catalogue.shipped().values() for one in entry.categories for label in one.labels
    }
    measures = {
        number: code
        for entry in catalogue.shipped().values()
        for one in entry.categories
        for number, code in one.controls.items()
    }
    rows = [row for request in requests if request.method == "POST" for row in request.rows]
    assert {frozenset(row) for row in rows} == {frozenset({"uuid", "anr", "type", "date", "data"})}
    for key, value in leaves(rows):
        if isinstance(value, int | float):
            continue
        if key in {"uuid", "anr", "referential", "measure"}:
            assert value not in installation.numbers
            assert uuid.UUID(value).version == 4 or value in catalogue.shipped() or value in measures
        elif key.startswith("label"):
            assert value == "" or value in published_labels
        else:
            allowed = {"type": TYPES, "date": {str(TODAY)}, "level": LEVELS, "code": {"", *measures.values()}}
            assert value in allowed[key] if key in allowed else NUMBER.fullmatch(value)
