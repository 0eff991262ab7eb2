"""The JSON of rows, as types for the documentation: what is taken, and so what comes back.

What is inside `data` is read in `core`; here stands what its reading lets pass, and what it is for. Members that are
not named here may stand in it too, since a newer MONARC may add some.
"""

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.api.schemas import Metadata
from service.records import Refusal

_TextNumber = Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$", max_length=40)]
_Whole = Annotated[int, Meta(ge=0)]
Count = Annotated[_Whole | _TextNumber, Meta(description="A whole number; text that holds one is taken too")]
Decimal = Annotated[
    Annotated[float, Meta(ge=0)] | _TextNumber, Meta(description='A number, or text that holds one, such as "2.82"')
]
Label = Annotated[str | UnsetType | None, Meta(description="French, English, German, Dutch: label1 to label4")]
Empty = Annotated[list[Any], Meta(max_length=0, description="PHP's empty array")]

# --- risk ----------------------------------------------------------------------------------------------------


class Level(msgspec.Struct):
    """How many risks have a level."""

    level: Literal["Low risks", "Medium risks", "High risks"]
    value: Count


Levels = Annotated[list[Level], Meta(max_length=3, description="Each of the three levels once, or none")]


class LevelsByKind(msgspec.Struct):
    """Risks by kind and level."""

    informational: Levels
    operational: Levels


class RiskLevels(msgspec.Struct):
    """Risks now (`current`) and after treatment (`residual`), by kind and level."""

    current: LevelsByKind | Empty
    residual: LevelsByKind | Empty


class TotalByKind(msgspec.Struct):
    """All risks, by kind."""

    informational: Count
    operational: Count


class RiskTotals(msgspec.Struct):
    """All risks now and after treatment, by kind."""

    current: TotalByKind | Empty
    residual: TotalByKind | Empty


class RiskData(msgspec.Struct):
    """The data of a row of type `risk`."""

    risks: RiskLevels | Empty
    total: RiskTotals | Empty


# --- threat, vulnerability -----------------------------------------------------------------------------------


class Labels(msgspec.Struct, kw_only=True):
    """What something is called."""

    label1: Label = UNSET
    label2: Label = UNSET
    label3: Label = UNSET
    label4: Label = UNSET


class ObjectData(Labels, kw_only=True):
    """An element of the data of a row of type `threat` or `vulnerability`."""

    uuid: UUID
    count: Annotated[Count, Meta(description="How often it occurs in the analysis' risks")]
    maxRisk: Annotated[Decimal, Meta(description="The highest risk it takes part in")]  # noqa: N815
    averageRate: Annotated[  # noqa: N815
        Decimal, Meta(description="The probability of a threat, the qualification of a vulnerability")
    ]


# --- cartography ---------------------------------------------------------------------------------------------

Scale = dict[str, Any] | list[int | _TextNumber]
Cells = Annotated[
    dict[str, Any] | list[dict[str, Any] | list[Count]],
    Meta(description="Impact to column (likelihood or probability) to count; a list stands for 0, 1, ..."),
]


class Scales(msgspec.Struct):
    """The values on the axes."""

    impact: Scale
    likelihood: Scale
    probability: Scale


class CellsByKind(msgspec.Struct):
    """Risks by kind, impact and column."""

    informational: Cells
    operational: Cells


class CellsByState(msgspec.Struct):
    """Risks now and after treatment, by kind, impact and column."""

    current: CellsByKind | Empty
    residual: CellsByKind | Empty


class CartographyData(msgspec.Struct):
    """The data of a row of type `cartography`."""

    scales: Scales
    risks: CellsByState | Empty


# --- compliance ----------------------------------------------------------------------------------------------


class Control(msgspec.Struct):
    """A control of a standard."""

    code: str
    measure: Annotated[str, Meta(description="Its UUID")]
    value: Decimal


class CategoryData(Labels, kw_only=True):
    """A category of a standard and how far it is met, from 0 to 1."""

    value: Decimal
    controls: list[Control]


class ReferentialData(Labels, kw_only=True):
    """An element of the data of a row of type `compliance`: a standard."""

    referential: UUID
    current: list[CategoryData]
    target: list[CategoryData]


# --- rows ----------------------------------------------------------------------------------------------------


class _Row(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """What an analysis says of itself on a day. `data` comes back exactly as it was sent."""

    uuid: Annotated[UUID | UnsetType | None, Meta(description="The service makes one where none is sent")] = UNSET
    anr: Annotated[UUID, Meta(description="The analysis")]
    date: dt.date


class RiskRow(_Row, tag="risk"):
    """How many risks of which level an analysis has. `data` comes back exactly as it was sent."""

    data: RiskData


class ThreatRow(_Row, tag="threat"):
    """The threats to an analysis. `data` comes back exactly as it was sent."""

    data: list[ObjectData]


class VulnerabilityRow(_Row, tag="vulnerability"):
    """The vulnerabilities of an analysis. `data` comes back exactly as it was sent."""

    data: list[ObjectData]


class CartographyRow(_Row, tag="cartography"):
    """Where the risks of an analysis lie. `data` comes back exactly as it was sent."""

    data: CartographyData


class ComplianceRow(_Row, tag="compliance"):
    """How far an analysis meets standards. `data` comes back exactly as it was sent."""

    data: list[ReferentialData]


Row = RiskRow | ThreatRow | VulnerabilityRow | CartographyRow | ComplianceRow


class Rows(msgspec.Struct):
    """Stored rows."""

    metadata: Metadata
    data: list[Row]


class PartOfBatch(msgspec.Struct):
    """What was stored of a batch, and what was not."""

    metadata: Metadata
    data: list[Row]
    errors: list[Refusal]


class BatchRefused(msgspec.Struct):
    """Nothing of a batch was stored."""

    message: str
    errors: Annotated[
        list[Refusal] | dict[str, str] | UnsetType,
        Meta(description="Why each row was refused; or, as elsewhere, what is wrong with the request"),
    ] = UNSET
