"""The published objects that the operator added to the shipped ones."""

from collections.abc import Callable, Collection, Mapping

import msgspec

from service.storage.connection import reading, writing


class Stored(msgspec.Struct, frozen=True):
    """An entry as it is stored. `uuid` is in lower case, `content` JSON text (`core.published`)."""

    uuid: str
    kind: str
    content: str


async def find_all() -> list[Stored]:
    """All of them."""
    rows = await reading().fetch("SELECT uuid, kind, content FROM published_object")
    return [Stored(str(row[0]), row[1], row[2]) for row in rows]


async def change(uuids: Collection[str], changed: Callable[[Mapping[str, Stored]], Collection[Stored]]) -> None:
    """Store what `changed` makes of those of these UUIDs that are there. Nobody else changes any meanwhile."""
    async with writing() as db:
        if db.postgres:
            await db.execute("LOCK TABLE published_object IN SHARE ROW EXCLUSIVE MODE")
        rows = await db.fetch_in("SELECT uuid, kind, content FROM published_object WHERE uuid IN (*)", uuids)
        there = {str(row[0]): Stored(str(row[0]), row[1], row[2]) for row in rows}
        await db.execute_many(
            "INSERT INTO published_object (uuid, kind, content) VALUES (?, ?, ?) "
            "ON CONFLICT (uuid) DO UPDATE SET kind = excluded.kind, content = excluded.content",
            [(entry.uuid, entry.kind, entry.content) for entry in changed(there)],
        )


async def delete(uuid: str) -> bool:
    """Delete one; whether it was there."""
    async with writing() as db:
        return await db.execute("DELETE FROM published_object WHERE uuid = ?", uuid) > 0
