"""The baseline for posting: msgspec decoding a batch into types, each element checked, and nothing else."""

import datetime as dt
import uuid
from typing import Annotated, Any

import msgspec
from msgspec import Meta

Number = Annotated[float, Meta(ge=0, le=1e12)] | Annotated[str, Meta(pattern=r"^\d+(\.\d+)?$")]
Count = Annotated[int, Meta(ge=0)]
Label = str | None


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """A row."""

    anr: uuid.UUID
    type: str
    date: dt.date
    data: msgspec.Raw


class Labelled(msgspec.Struct, kw_only=True):
    """What has labels."""

    label1: Label = None
    label2: Label = None
    label3: Label = None
    label4: Label = None


class Object(Labelled):
    """A threat or a vulnerability."""

    uuid: uuid.UUID
    count: Count
    maxRisk: Number  # noqa: N815 - the contract's
    averageRate: Number  # noqa: N815 - the contract's


class Control(msgspec.Struct):
    """A control."""

    code: str
    measure: uuid.UUID
    value: Number


class Category(Labelled):
    """A category of controls."""

    value: Number
    controls: list[Control]


class Referential(Labelled):
    """A standard."""

    referential: uuid.UUID
    current: list[Category]
    target: list[Category]


class Level(msgspec.Struct):
    """A level of risk."""

    level: str
    value: Count


class Risk(msgspec.Struct):
    """The data of type risk."""

    risks: dict[str, dict[str, list[Level]]]
    total: dict[str, dict[str, Count]]


class Cartography(msgspec.Struct):
    """The data of type cartography."""

    scales: dict[str, list[Count]]
    risks: dict[str, dict[str, dict[str, dict[str, Count] | list[Count]] | list[dict[str, Count] | list[Count]]]]


_rows = msgspec.json.Decoder(list[Row])
_data: dict[str, msgspec.json.Decoder[Any]] = {
    "risk": msgspec.json.Decoder(Risk),
    "threat": msgspec.json.Decoder(list[Object]),
    "vulnerability": msgspec.json.Decoder(list[Object]),
    "cartography": msgspec.json.Decoder(Cartography),
    "compliance": msgspec.json.Decoder(list[Referential]),
}


def decode(body: bytes) -> None:
    """Decode a batch."""
    for row in _rows.decode(body):
        _data[row.type].decode(row.data)
