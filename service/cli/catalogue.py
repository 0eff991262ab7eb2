"""`stats-service share catalogue`: the objects that are shared under their own names."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from service.cli.db import database
from service.cli.files import opened_file
from service.cli.terminal import FAILED, AsJson, Yes, confirm, counting, note, say, say_fields, say_json, say_table
from service.core import catalogue, entries
from service.core.catalogue import Listed, Taken
from service.core.published import Entry, Kind
from service.errors import BadInput
from service.settings import load

app = App(
    name="catalogue",
    help="Look after the published objects: the threats, vulnerabilities and referentials that are shared under their "
    "own UUIDs and labels. All others are shared without, so an object that tells of somebody must not be here.",
)

Label = Annotated[str, Parameter(allow_leading_hyphen=True)]

MOST_NAMED = 10
"""How many of the objects that were not taken are named, where there is nobody here who could mend them."""

_LEAVES = "What is in the catalogue is shared with its UUIDs and labels: `share catalogue remove` takes it out again."


@app.command(name="list")
async def list_(search: str = "", *, kind: Kind | None = None, as_json: AsJson = False) -> None:
    """List the catalogue; as JSON in a form that `import` takes.

    :param search: Only what has this text in its UUID or a label.
    :param kind: Only threats, vulnerabilities or referentials.
    """
    async with database():
        found = await catalogue.find(search, kind)
    if as_json:
        say_json([_json(one) for one in found])
        return
    say_table(
        ["KIND", "UUID", "SHIPPED", "LABEL"],
        [
            (one.entry.kind, one.entry.uuid, "yes" if one.is_shipped else "no", _title(one.entry.labels))
            for one in found
        ],
        nothing="There is nothing of the kind in the catalogue.",
    )


@app.command
async def show(uuid: str, *, as_json: AsJson = False) -> None:
    """Show an entry: all that may be told of an object."""
    async with database():
        one = await catalogue.get(uuid)
    if as_json:
        say_json(_json(one))
        return
    entry = one.entry
    say_fields([("Kind", entry.kind), ("UUID", entry.uuid), ("Shipped", one.is_shipped), *_labels(entry)])
    for category in entry.categories:
        codes = ", ".join(category.controls.values())
        say(f"Category: {_title(category.labels) or '-'} ({len(category.controls)} controls: {codes})")


@app.command
async def add(
    uuid: str,
    *,
    kind: Kind,
    label1: Label = "",
    label2: Label = "",
    label3: Label = "",
    label4: Label = "",
    as_json: AsJson = False,
) -> None:
    """Add an object, or labels to one; one label at least. Of a referential, `import` adds the controls too.

    :param label1: In French.
    :param label2: In English.
    :param label3: In German.
    :param label4: In Dutch.
    """
    entry = entries.made(kind, uuid, (label1, label2, label3, label4))
    async with database():
        taken = await catalogue.add(entry)
        one = await catalogue.get(entry.uuid)
    if as_json:
        say_json(_json(one))
        return
    if one.is_shipped:
        say(f"{entry.uuid} ships with the service, and stays as it is.")
        return
    said = "Added" if taken.added else "Changed" if taken.changed else "There already:"
    say(f"{said} the {kind} {entry.uuid}.")
    say(_LEAVES)


@app.command(name="import")
async def import_(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)], *, kind: Kind | None = None, as_json: AsJson = False
) -> int:
    """Add the objects of a JSON file; exit code 1 where some are not good.

    It holds what `list --json` prints, objects of MOSP, or rows as a Front Office posts them. All objects of such rows
    are taken, its own too: remove those that are not published from the file first.

    :param file: `-` is standard input.
    :param kind: What the objects are that do not say it themselves.
    """
    with opened_file(file) as source:
        text = source.raw.read(catalogue.MOST_BYTES + 1)
    if len(text) > catalogue.MOST_BYTES:
        raise BadInput(f"{file} is longer than {catalogue.MOST_BYTES >> 20} MiB.")
    async with database():
        taken = await catalogue.take(kind, text)
    _say_taken(taken, len(taken.refused), as_json=as_json)
    return FAILED if taken.refused else 0


@app.command
async def fetch(*, as_json: AsJson = False) -> None:
    """Add the objects that are published at MOSP_URL. What is not good there is left out."""
    url = load().mosp_url
    async with database():
        with counting(f"Reading {url}") as told:
            taken = await catalogue.fetch(url, told)
    _say_taken(taken, MOST_NAMED, as_json=as_json)


@app.command
async def remove(uuid: str, *, yes: Yes = False) -> None:
    """Take an object out: from the next push on it is shared without its UUID and labels.

    What was shared of it before stays where it is.
    """
    async with database():
        one = await catalogue.get(uuid)
        named = f"the {one.entry.kind} {one.entry.uuid} ({_title(one.entry.labels)})"
        if not one.is_shipped:
            confirm(f"Remove {named}?", yes=yes)
        await catalogue.remove(uuid)
    say(f"Removed {named}.")


def _say_taken(taken: Taken, most: int, *, as_json: bool) -> None:
    """What became of entries. At most `most` of those that were refused are named."""
    for refused in taken.refused[:most]:
        note(f"{refused.place}: {refused.why}")
    if len(taken.refused) > most:
        note(f"... and {len(taken.refused) - most} more that were not taken.")
    if as_json:
        say_json(taken)
        return
    say(f"{taken.added} added, {taken.changed} changed, {taken.there} there already, {len(taken.refused)} refused.")
    if taken.added or taken.changed:
        say(_LEAVES)


def _json(one: Listed) -> dict[str, Any]:
    return entries.written(one.entry) | {"is_shipped": one.is_shipped}


def _labels(entry: Entry) -> list[tuple[str, str]]:
    return [(f"Label{number}", label or "-") for number, label in enumerate(entry.labels, 1)]


def _title(labels: tuple[str, ...]) -> str:
    """The first label: which language a reader has nobody knows."""
    return next(filter(None, labels), "")
