"""The catalogue of published objects: what ships, what an operator adds, and what is fetched from MOSP."""

import asyncio
import contextlib
import json
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from service import mosp
from service.core import catalogue, entries
from service.core.catalogue import Refused
from service.core.published import Entry, Kind, PublishedReferential, as_catalogue, merged
from service.errors import BadInput, Conflict, NotFound
from service.storage import connection, migrate
from tests import samples
from tests.commands import Cli

pytestmark = pytest.mark.long_on_postgres

ERROR_IN_USE = "b402d4e0-4576-11e9-9173-0800277f0571"
ISO_27002 = "98ca84fb-db87-11e8-ac77-0800279aaa2b"
UUID, OTHER, MEASURE, MEASURE_2, MEASURE_3 = (
    f"{number}{number}{number}aaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee" for number in range(1, 6)
)
WARNING = "What is in the catalogue is shared with its UUIDs and labels: `share catalogue remove` takes it out again."


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[None]:
    """A migrated database that is open in this process."""
    async with connection.connected(database_url):
        await migrate.upgrade(database_url)
        yield


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command line on a fresh SQLite database."""
    return Cli(f"sqlite:///{tmp_path / 'stats.sqlite3'}", tmp_path)


def labelled(*labels: str | None) -> dict[str, Any]:
    """label1 and so on."""
    return {f"label{place}": label for place, label in enumerate(labels, 1)}


def threat(number: str = UUID, *labels: str | None, **more: Any) -> dict[str, Any]:
    """A threat in our own form."""
    return {"kind": "threat", "uuid": number, **labelled(*labels), **more}


def standard(number: str = UUID, **more: Any) -> dict[str, Any]:
    """A referential as MOSP has it, in English: two categories of two measures and one."""
    values = [
        {"uuid": MEASURE, "code": "1.1", "category": "Access", "label": "Doors", "referential": number},
        {"uuid": MEASURE_2, "code": "1.2", "category": "Access", "label": "Keys", "referential": number},
        {"uuid": MEASURE_3, "code": "2.1", "category": "Network", "label": "Cables", "referential": number},
    ]
    return {"uuid": number, "label": "Standard", "version": 1, "values": values} | more


async def take(value: Any, kind: Kind | None = None) -> tuple[int, int, int, list[Refused]]:
    """Add what a file holds: how many were added, changed, there already, and what was refused."""
    taken = await catalogue.take(kind, samples.php(value))
    return taken.added, taken.changed, taken.there, taken.refused


# --- The shipped entries --------------------------------------------------------------------------------------


def test_the_shipped_entries_are_good() -> None:
    """The file that ships is what `list --json` would print of it: every entry is whole, in all four languages."""
    written = json.loads(catalogue.SHIPPED.read_text(encoding="utf-8"))
    shipped = list(catalogue.shipped().values())
    assert [entries.written(entry) for entry in shipped] == written
    kinds = [entry.kind for entry in shipped]
    assert [kinds.count(kind) for kind in ("threat", "vulnerability", "referential")] == [22, 59, 1]
    assert all(all(entry.labels) for entry in shipped)
    iso = catalogue.shipped()[ISO_27002]
    assert [len(category.controls) for category in iso.categories] == [2, 7, 6, 10, 14, 2, 15, 14, 7, 13, 5, 7, 4, 8]
    assert len(as_catalogue([iso]).referentials[ISO_27002].measures) == 114


def test_nothing_of_the_demonstration_is_published() -> None:
    """The demonstration's objects are invented: were they in the catalogue, nobody could see in it what is withheld."""
    from service.demo.threats import THREATS  # noqa: PLC0415 - the one test that looks at them
    from service.demo.vulnerabilities import VULNERABILITIES  # noqa: PLC0415

    invented = {entry.uuid for entry in (*THREATS, *VULNERABILITIES)}
    assert invented
    assert not invented & catalogue.shipped().keys()


# --- The forms of an entry --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "entry"),
    [
        (threat(UUID.upper(), "Feu", None, " Feuer\n", ""), None, Entry("threat", UUID, ("Feu", "", "Feuer", ""))),
        (threat(UUID, "Feu\xa0: \r\nvif"), "vulnerability", Entry("threat", UUID, ("Feu\xa0:  vif", "", "", ""))),
        ({"uuid": UUID, "label": "Fire", "theme": "", "c": True}, None, Entry("threat", UUID, ("", "Fire", "", ""))),
        ({"uuid": UUID, "label": "Tür", "language": "DE"}, "threat", Entry("threat", UUID, ("", "", "Tür", ""))),
        (threat(label="", language="nl", label4="a"), None, Entry("threat", UUID, ("", "", "", "a"))),
    ],
)  # fmt: skip
def test_an_entry_is_read_in_all_its_forms(value: Any, kind: Kind | None, entry: Entry) -> None:
    """Ours with four labels, MOSP's in one language (English where it says none); labels on one line, and trimmed."""
    assert entries.read(value, kind) == entry


def test_a_referential_is_read_in_all_its_forms() -> None:
    """A Front Office's with its two sides, MOSP's with its list of measures and our own have the same in them."""
    sent = {
        "referential": UUID,
        **labelled("", "Standard"),
        "current": [
            {**labelled("", "Access"), "value": "0.20", "controls": [{"code": "1.1", "measure": MEASURE, "value": 1}]},
            {**labelled("", "Network"), "value": 0, "controls": [{"code": "2.1", "measure": MEASURE_3, "value": 1}]},
        ],
        "target": [
            {
                **labelled("", "Access"),
                "value": "0.20",
                "controls": [{"code": "1.2", "measure": MEASURE_2, "value": 1}],
            },
            {**labelled("", None), "value": "0.20", "controls": []},
        ],
    }
    entry = entries.read(sent, None)
    assert entry == entries.read(standard(), None) == entries.read(entries.written(entry), None)
    assert as_catalogue([entry]).referentials == {
        UUID: PublishedReferential(
            ("", "Standard", "", ""),
            {(1, "Access"): ("", "Access", "", ""), (1, "Network"): ("", "Network", "", "")},
            {MEASURE: "1.1", MEASURE_2: "1.2", MEASURE_3: "2.1"},
        )
    }


@pytest.mark.parametrize(
    ("value", "kind", "why"),
    [
        ("x", None, "It must be an object."),
        ({}, "threat", "uuid is missing."),
        (threat("x", "a"), None, 'uuid must be a UUID, not "x".'),
        (threat(5, "a"), None, "uuid must be a text or null, not a number."),  # type: ignore[arg-type]
        (threat(), None, "It has no label."),
        (threat(UUID, " \n", None), None, "It has no label."),
        (threat(UUID, "a" * 256), None, "label1 must be at most 255 printable characters."),
        (threat(UUID, "a", "\x1b[31m"), None, "label2 must be at most 255 printable characters."),
        (threat(UUID, "\u202eab"), None, "label1 must be at most 255 printable characters."),
        (threat(UUID, "a", kind="asset"), None, "kind must be one of threat, vulnerability, referential."),
        ({"uuid": UUID, "label1": "a"}, None, "It could be a threat or a vulnerability: say which with --kind."),
        ({"uuid": UUID, "label": "a", "language": "ES"}, "threat", 'language is "ES": labels are in FR, EN, DE, NL.'),
        (standard(values=[{"uuid": MEASURE, "code": "1"}]), None, "values[0].category is missing."),
        (standard(values=[{"uuid": "", "code": "1", "category": ""}]), None, 'values[0].uuid must be a UUID, not "".'),
        (standard(values={}), None, "values must be a list, not an object."),
    ],
)
def test_what_is_no_entry_is_refused(value: Any, kind: Kind | None, why: str) -> None:
    """Labels are printable and bounded, like an account's name; what is wrong is said with the field."""
    with pytest.raises(BadInput) as caught:
        entries.read(value, kind)
    assert caught.value.message == why


def test_entries_of_one_object_become_one() -> None:
    """MOSP has an object once for each language: its labels come together, its categories by the measures in them."""
    english = entries.read(standard(), None)
    french = standard(label="Norme", language="FR")
    for value in french["values"]:
        value["category"] = {"Access": "Accès", "Network": "Réseau"}[value["category"]]
    both = merged(english, entries.read(french, None))
    assert both.labels == ("Norme", "Standard", "", "")
    assert [category.labels for category in both.categories] == [
        ("Accès", "Access", "", ""),
        ("Réseau", "Network", "", ""),
    ]
    assert [list(category.controls) for category in both.categories] == [[MEASURE, MEASURE_2], [MEASURE_3]]
    newer = standard(label="Standard 2")
    newer["values"] = [{"uuid": MEASURE_2, "code": "1.20", "category": "Keys"}, newer["values"][0]]
    later = merged(both, entries.read(newer, None))
    assert later.labels == ("Norme", "Standard 2", "", "")
    assert [category.labels[1] for category in later.categories] == ["Access", "Network", "Keys"]
    assert as_catalogue([later]).referentials[UUID].measures == {MEASURE: "1.1", MEASURE_2: "1.20", MEASURE_3: "2.1"}
    assert merged(later, entries.read(newer, None)) == later


# --- What the operator adds ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("opened")
async def test_entries_are_added_once() -> None:
    """The same again is harmless, more labels are put together with those that are there, and shipped ones stay."""
    assert await take([threat(UUID, "Feu"), threat(UUID.upper(), "", "Fire")]) == (1, 0, 0, [])
    assert await take(threat(UUID, "", "Fire")) == (0, 0, 1, [])
    assert await take([threat(UUID, "", "Fires"), threat(OTHER, "Eau")]) == (1, 1, 0, [])
    assert await take(threat(ERROR_IN_USE, "Something else")) == (0, 0, 1, [])
    published = await catalogue.load()
    assert published.threats[UUID] == ("Feu", "Fires", "", "")
    assert published.threats[ERROR_IN_USE] == catalogue.shipped()[ERROR_IN_USE].labels
    assert len(published.threats) == 22 + 2
    assert [one.entry.uuid for one in await catalogue.find("FIRES")] == [UUID]
    assert [one.is_shipped for one in await catalogue.find(UUID[:8].upper(), "threat")] == [False]
    assert await catalogue.find(UUID, "vulnerability") == []


@pytest.mark.usefixtures("opened")
async def test_an_object_has_one_kind() -> None:
    """What is there as something else is refused and named, be it shipped, stored, or in the same file."""
    await catalogue.add(entries.made("threat", UUID, ["Feu"]))
    door = {"kind": "vulnerability", **labelled("Porte")}
    added, changed, there, refused = await take(
        [door | {"uuid": number} for number in (UUID, ERROR_IN_USE, OTHER)] + [threat(OTHER, "x")]
    )
    assert (added, changed, there) == (1, 0, 0)
    assert sorted(refused, key=lambda one: one.place) == [
        Refused(UUID, f"{UUID} is a threat: remove it first."),
        Refused("[1]", f"{ERROR_IN_USE} is a threat."),
        Refused("[3]", f"{OTHER} is a vulnerability."),
    ]
    with pytest.raises(Conflict, match="is a threat: remove it first"):
        await catalogue.add(entries.made("vulnerability", UUID, ["Porte"]))


@pytest.mark.usefixtures("opened")
async def test_an_entry_is_removed() -> None:
    """What was added goes, what is shipped stays, what is not there is said to be not."""
    await take(standard())
    assert UUID in (await catalogue.load()).referentials
    assert (await catalogue.remove(UUID.upper())).uuid == UUID
    assert UUID not in (await catalogue.load()).referentials
    with pytest.raises(NotFound):
        await catalogue.remove(UUID)
    with pytest.raises(Conflict, match="ships with the service"):
        await catalogue.remove(ISO_27002)


@pytest.mark.usefixtures("opened")
async def test_labels_that_are_added_at_once_all_count() -> None:
    """Two commands that add labels to the same object wait for each other: none of the labels is lost."""
    labels = ("Feu", "Fire", "Feuer", "Brand")
    alone = [
        entries.made("threat", UUID, [label if place == at else "" for place in range(4)])
        for at, label in enumerate(labels)
    ]
    await asyncio.gather(*(catalogue.add(entry) for entry in alone))
    assert (await catalogue.load()).threats[UUID] == labels


# --- Commands ------------------------------------------------------------------------------------------------------


def test_commands_look_after_the_catalogue(cli: Cli) -> None:
    """list, show, add and remove, from an empty database on; whoever adds is told that it leaves."""
    listed = cli.said("share", "catalogue", "list").splitlines()
    assert len(listed) == 1 + 82
    assert cli.said("share", "catalogue", "list", "error IN", "--kind", "threat").split()[4:] == [
        "threat", ERROR_IN_USE, "yes", "Erreur", "d'utilisation",
    ]  # fmt: skip
    add = ("share", "catalogue", "add", UUID, "--kind", "threat", "--label2")
    assert cli.said(*add, "-Fire").splitlines() == [f"Added the threat {UUID}.", WARNING]
    assert cli.json("share", "catalogue", "list", UUID) == [threat(UUID, "", "-Fire", "", "", is_shipped=False)]
    shown = cli.said("share", "catalogue", "show", ISO_27002)
    assert "Label1: ISO 27002\n" in shown
    assert "Category: Cryptographie (2 controls: 10.1.1, 10.1.2)\n" in shown
    assert f"Remove the threat {UUID} (-Fire)? Nothing" in cli.refused("share", "catalogue", "remove", UUID, code=2)
    assert cli.said("share", "catalogue", "remove", UUID, "--yes") == f"Removed the threat {UUID} (-Fire).\n"
    assert "no entry" in cli.refused("share", "catalogue", "remove", UUID)
    assert "ships with the service" in cli.refused("share", "catalogue", "remove", ISO_27002)
    assert "no label" in cli.refused("share", "catalogue", "add", UUID, "--kind", "threat")


def test_a_file_is_imported(cli: Cli) -> None:
    """The good entries of a file are taken, the others are named, and the exit code says that there were some.

    What `list --json` prints is taken back, and so are rows as they are posted.
    """
    rows = samples.rows(UUID, "2026-01-31")
    mosp_answer = {"metadata": {"count": "1"}, "data": [{"id": 5, "name": "x", "json_object": standard(OTHER)}]}
    file = [*rows, threat(UUID), mosp_answer, 5]
    done = cli.run("share", "catalogue", "import", "-", stdin=samples.php(file))
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [f"[2].data[{place}]: It has no label." for place in (10, 21, 32, 43, 54)]
        + ["[4].data[1]: It has no label.", "[5]: It has no label.", "[7]: It must be an object."],
    )
    objects = len(rows[1]["data"]) + len(rows[2]["data"]) - 5 + len(rows[4]["data"]) - 1 + 1
    assert done.stdout.splitlines() == [f"{objects} added, 0 changed, 0 there already, 8 refused.", WARNING]
    everything = cli.said("share", "catalogue", "list", "--json").encode()
    again = cli.said("share", "catalogue", "import", "-", "--json", stdin=everything)
    assert json.loads(again) == {"added": 0, "changed": 0, "there": 82 + objects, "refused": []}
    assert "Nothing was sent" in cli.refused("share", "catalogue", "import", "/dev/null")
    assert "cannot be read" in cli.refused("share", "catalogue", "import", "/nowhere")


# --- MOSP ----------------------------------------------------------------------------------------------------------

Answer = Callable[[BaseHTTPRequestHandler, dict[str, str]], None]


class Mosp:
    """A server on a loopback port that answers as MOSP's API does, from the objects that it is given by schema.

    `answer` takes the place of that for a test; `asked` are the requests, each with its headers.
    """

    def __init__(self) -> None:
        self.objects: dict[str, list[Any]] = {}
        self.most_per_page = 1_000
        self.answer: Answer = self.page
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    def page(self, handler: BaseHTTPRequestHandler, parameters: dict[str, str]) -> None:
        """The page that was asked for: every member is there that the platform gives, numbers are texts."""
        objects = self.objects.get(parameters["schema"], [])
        size = min(int(parameters["per_page"]), self.most_per_page)
        start = (int(parameters["page"]) - 1) * size
        data = [
            {
                "id": start + place,
                "name": "a name",
                "description": "",
                "schema_id": 15,
                "org_id": 1,
                "last_updated": "2021-01-01T00:00:00",
                "json_object": value,
                "organization": {"id": 1, "name": "MONARC", "organization_type": "Non-Profit"},
                "licences": [{"license_id": "CC0-1.0"}],
            }
            for place, value in enumerate(objects[start : start + size])
        ]
        metadata = {"count": str(len(objects)), "offset": str(start // size), "limit": str(size)}
        send(handler, json.dumps({"metadata": metadata, "data": data}).encode())


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """Answer with this body."""
    handler.send_response(status)
    for name, value in ({"Content-Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    with contextlib.suppress(OSError):  # who asked may have seen enough
        handler.wfile.write(body)


@pytest.fixture
def platform() -> Iterator[Mosp]:
    """MOSP, with two threats in several languages, a vulnerability and a referential."""
    there = Mosp()
    there.objects = {
        "Threats": [
            {"uuid": UUID, "code": "T1", "label": "Fire", "language": "EN", "theme": "", "a": True},
            {"uuid": UUID, "code": "T1", "label": "Feu\n\n", "language": "FR", "theme": ""},
            {"uuid": UUID, "code": "T1", "label": "Old fire", "language": "EN", "theme": ""},
            {"uuid": ERROR_IN_USE, "code": "MA11", "label": "Renamed", "language": "EN", "theme": ""},
            {"uuid": UUID, "code": "T1", "label": "Fuego", "language": "ES", "theme": ""},
            {"uuid": OTHER, "code": "T2", "label": "Water \0", "theme": ""},
        ],
        "Vulnerabilities": [{"uuid": OTHER, "code": "V1", "label": "Door", "description": "", "mode": 0}],
        "Security referentials": [standard(str(uuid.UUID(int=9)))],
        "Assets": [{"uuid": str(uuid.UUID(int=10)), "label": "Building", "language": "EN"}],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there.asked.append((self.path, dict(self.headers)))
            parameters = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            there.answer(self, parameters)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield there
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("per_page", [1, 2, 1_000])
@pytest.mark.usefixtures("opened")
async def test_published_objects_are_fetched(platform: Mosp, per_page: int) -> None:
    """All pages of the three schemas are read, languages put together, the newest label wins; nothing is asked for
    twice, and a request tells nothing of this instance."""
    platform.most_per_page = per_page
    told: list[tuple[int, int]] = []
    taken = await catalogue.fetch(platform.url, lambda done, of: told.append((done, of)))
    assert (taken.added, taken.changed, taken.there) == (3, 0, 1)
    assert sorted(one.place for one in taken.refused) == ["Threats[4]", "Threats[5]"]
    assert told[-1] == (1, 1)
    published = await catalogue.load()
    assert published.threats[UUID] == ("Feu", "Fire", "", "")
    assert published.vulnerabilities[OTHER] == ("", "Door", "", "")
    assert published.referentials[str(uuid.UUID(int=9))].measures[MEASURE] == "1.1"
    assert len(platform.asked) == len({path for path, _ in platform.asked}) == -(-6 // per_page) + 2
    assert all(path.startswith("/api/v2/object/?schema=") for path, _ in platform.asked)
    headers = {(name.lower(), value) for _, given in platform.asked for name, value in given.items()}
    assert {name for name, _ in headers} == {"host", "accept", "accept-encoding", "connection", "user-agent"}
    assert ("user-agent", "stats-service") in headers
    again = await catalogue.fetch(platform.url, lambda *_: None)
    assert (again.added, again.changed, again.there) == (0, 0, 4)


def _later(schema: str, answer: Answer) -> Callable[[Mosp], Answer]:
    """Answers well up to this schema."""
    return lambda there: lambda handler, asked: (answer if asked["schema"] == schema else there.page)(handler, asked)


def _cut(handler: BaseHTTPRequestHandler, _: dict[str, str]) -> None:
    send(handler, b'{"metadata":{"count":"5"},"da', Content_Length="5000")
    handler.close_connection = True


FAULTS: list[tuple[Callable[[Mosp], Answer], str]] = [
    (_later("Vulnerabilities", lambda handler, _: send(handler, b"", 502)), "answers with status 502"),
    (_later("Security referentials", lambda handler, _: send(handler, b"no", 404)), "answers with status 404"),
    (lambda there: lambda handler, _: send(handler, b"", 302, Location=f"{there.url}/elsewhere"), "MOSP_URL has to be"),
    (
        lambda _: lambda handler, _: send(handler, b"<html>\x1b[31mLog in</html>"),
        "as MOSP's API does: <html>[31mLog in",
    ),
    (lambda _: lambda handler, _: send(handler, b"\xff"), "does not answer as MOSP's API does"),
    (lambda _: lambda handler, _: send(handler, b'{"metadata":{"count":"many"},"data":[]}'), "does not answer as"),
    (lambda _: lambda handler, _: send(handler, b'{"metadata":{"count":1},"data":{}}'), "does not answer as"),
    (lambda _: lambda handler, _: send(handler, b"[" * 100_000), "does not answer as MOSP's API does"),
    (lambda _: lambda handler, _: send(handler, b"no gzip", Content_Encoding="gzip"), "cannot be read"),
    (lambda _: _cut, "cannot be read"),
]


@pytest.mark.parametrize(("fault", "why"), FAULTS)
async def test_a_platform_that_fails_changes_nothing(
    tmp_path: Path, platform: Mosp, fault: Callable[[Mosp], Answer], why: str
) -> None:
    """Whatever comes in place of a list of objects is named and not followed; nothing is stored before all is read."""
    url = f"sqlite:///{tmp_path / 'stats.sqlite3'}"
    platform.answer = fault(platform)
    async with connection.connected(url):
        await migrate.upgrade(url)
        with pytest.raises(mosp.MospUnusable) as caught:
            await catalogue.fetch(platform.url, lambda *_: None)
        assert why in caught.value.message
        assert caught.value.message.isprintable()
        assert len(await catalogue.find()) == 82
    assert not any("elsewhere" in path for path, _ in platform.asked)


async def test_a_platform_is_read_within_bounds(platform: Mosp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too much at once, pages without end, and silence each end the reading."""

    async def fetched() -> str:
        with pytest.raises(mosp.MospUnusable) as caught:
            await mosp.objects(platform.url, "Threats", lambda *_: None)
        return caught.value.message

    many = b'{"metadata":{"count":"999999999"},"data":[' + b",".join(1_000 * [b'{"json_object":{}}']) + b"]}"
    platform.answer = lambda handler, _: send(handler, many)
    monkeypatch.setattr(mosp, "MOST_OBJECTS", 5_000)
    assert "more than 5000 objects" in await fetched()
    assert len(platform.asked) == 6
    monkeypatch.setattr(mosp, "MOST_BYTES", 3 * len(many))
    assert "answers with too much" in await fetched()
    assert len(platform.asked) == 6 + 4
    monkeypatch.setattr(mosp, "SILENCE_SECONDS", 0.2)
    over = threading.Event()

    def silent(*_: object) -> None:
        over.wait(20)

    platform.answer = silent
    try:
        assert "cannot be read" in await fetched()
    finally:
        over.set()


def test_fetching_from_the_command_line(cli: Cli, platform: Mosp) -> None:
    """The objects come from MOSP_URL; what was left out is named on standard error, and is no failure."""
    done = cli.run("share", "catalogue", "fetch", MOSP_URL=platform.url)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["3 added, 0 changed, 1 there already, 2 refused.", WARNING],
    )
    assert done.stderr.splitlines() == [
        'Threats[4]: language is "ES": labels are in FR, EN, DE, NL.',
        r"Threats[5]: A text holds a NUL (\u0000) or half a surrogate pair (like \ud800): send whole characters.",
    ]
    platform.answer = lambda handler, _: send(handler, b"", 503)
    assert "answers with status 503" in cli.refused("share", "catalogue", "fetch", MOSP_URL=platform.url)
    assert "cannot be read" in cli.refused("share", "catalogue", "fetch", MOSP_URL="http://127.0.0.1:9")
