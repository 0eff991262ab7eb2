"""The JSON of the answers, as types: answers are made of them or held to them, and the documentation shows them."""

import datetime as dt
from typing import Annotated, Any, Literal, get_type_hints
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.core import processors
from service.records import Account, Activity, Refusal, StatType

# --- errors --------------------------------------------------------------------------------------------------


class Failure(msgspec.Struct):
    """What went wrong."""

    message: Annotated[str, Meta(description="One sentence for a person")]
    errors: Annotated[
        dict[str, str] | UnsetType, Meta(description="What is wrong with which field, where one is to blame")
    ] = UNSET


class Denied(msgspec.Struct):
    """Why a token opens nothing."""

    message: str
    error: Annotated[str, Meta(description="As the old service worded it")] = msgspec.field(name="Error")


class Metadata(msgspec.Struct):
    """How many rows an answer holds of those asked for, as text."""

    count: Annotated[str, Meta(examples=["2"])]
    offset: Annotated[str, Meta(examples=["0"])] = "0"
    limit: Annotated[str, Meta(examples=["0"])] = "0"


# --- accounts ------------------------------------------------------------------------------------------------

RoleText = Annotated[Literal["1", "2"], Meta(description="1: user, 2: admin")]


class Me(msgspec.Struct):
    """The account that asks."""

    name: str
    token: Annotated[str, Meta(description="The token that the request presented")]
    role: RoleText
    is_sharing_enabled: bool


class Sent(msgspec.Struct):
    """What an account has sent so far."""

    analyses: int
    rows: int
    newest_date: dt.date | None
    last_post: dt.datetime | None


class Client(msgspec.Struct, kw_only=True):
    """An account, for admins. Times are UTC."""

    uuid: UUID
    name: str
    role: RoleText
    is_sharing_enabled: bool
    is_active: bool
    local: Annotated[bool, Meta(description="False: another installation that shares its figures with this one")]
    latitude: float | None
    longitude: float | None
    last_seen: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime
    activity: Sent | UnsetType = UNSET
    token: Annotated[str | UnsetType, Meta(description="Only in the answer to the request that made it")] = UNSET


class Clients(msgspec.Struct):
    """All accounts, by name."""

    metadata: Metadata
    data: list[Client]


class NewToken(msgspec.Struct):
    """An account's new token."""

    uuid: UUID
    name: str
    token: str


class Result(msgspec.Struct):
    """What the old service's admin paths answer."""

    result: Literal["OK"] = "OK"


_SHOWN = [name for name in Client.__struct_fields__ if name in Account.__struct_fields__ and name != "role"]


def role(account: Account) -> RoleText:
    """An account's role as the contract writes it."""
    return "2" if account.is_admin else "1"


def client(account: Account, activity: Activity | None = None, token: str | UnsetType = UNSET) -> Client:
    """An account as admins see it."""
    return Client(
        **{name: getattr(account, name) for name in _SHOWN},
        role=role(account),
        activity=UNSET if activity is None else Sent(*msgspec.structs.astuple(activity)),
        token=token,
    )


# --- what analyses say: five kinds of data ---------------------------------------------------------------------

Count = Annotated[int | str, Meta(description="A whole number; text that holds one is taken too")]
Decimal = Annotated[float | str, Meta(description='A number, or text that holds one, such as "2.82"')]
Label = Annotated[str | None, Meta(description="French, English, German, Dutch: label1 to label4")]


class Level(msgspec.Struct):
    """How many risks have a level."""

    level: Literal["Low risks", "Medium risks", "High risks"]
    value: Count


LevelsByKind = dict[Literal["informational", "operational"], list[Level]]


class RiskLevels(msgspec.Struct):
    """Risks now (`current`) and after treatment (`residual`), by kind and level."""

    current: LevelsByKind
    residual: LevelsByKind


class RiskTotals(msgspec.Struct):
    """All risks, by kind."""

    current: dict[Literal["informational", "operational"], Count]
    residual: dict[Literal["informational", "operational"], Count]


class RiskData(msgspec.Struct):
    """The data of a row of type `risk`."""

    risks: RiskLevels
    total: RiskTotals


class ObjectData(msgspec.Struct):
    """An element of the data of a row of type `threat` or `vulnerability`."""

    uuid: UUID
    label1: Label
    label2: Label
    label3: Label
    label4: Label
    count: Annotated[Count, Meta(description="How often it occurs in the analysis' risks")]
    maxRisk: Annotated[Decimal, Meta(description="The highest risk it takes part in")]  # noqa: N815
    averageRate: Annotated[  # noqa: N815
        Decimal, Meta(description="The probability of a threat, the qualification of a vulnerability")
    ]


Cells = Annotated[
    dict[str, dict[str, int] | list[int]] | list[Any],
    Meta(description="Impact to column (likelihood or probability) to count; a list stands for columns 0, 1, ..."),
]


class Scales(msgspec.Struct):
    """The values on the axes."""

    impact: list[Count]
    likelihood: list[Count]
    probability: list[Count]


class CartographyData(msgspec.Struct):
    """The data of a row of type `cartography`."""

    scales: Scales
    risks: Annotated[
        dict[Literal["current", "residual"], dict[Literal["informational", "operational"], Cells]],
        Meta(description="By state and kind"),
    ]


class Control(msgspec.Struct):
    """A control of a standard."""

    code: str
    measure: UUID
    value: Decimal


class CategoryData(msgspec.Struct):
    """A category of a standard and how far it is met, from 0 to 1."""

    label1: Label
    label2: Label
    label3: Label
    label4: Label
    value: Decimal
    controls: list[Control]


class ReferentialData(msgspec.Struct):
    """An element of the data of a row of type `compliance`: a standard."""

    referential: UUID
    label1: Label
    label2: Label
    label3: Label
    label4: Label
    current: list[CategoryData]
    target: list[CategoryData]


class Row(msgspec.Struct, kw_only=True):
    """What an analysis says of itself on a day. `data` comes back exactly as it was sent."""

    uuid: Annotated[UUID | UnsetType, Meta(description="The service makes one where none is sent")] = UNSET
    anr: Annotated[UUID, Meta(description="The analysis")]
    type: StatType
    date: dt.date
    data: Annotated[Any, Meta(extra_json_schema={"$ref": "#/components/schemas/RowData"})]


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


# --- what processors make of them ------------------------------------------------------------------------------

ChartData = Annotated[Any, Meta(extra_json_schema={"$ref": "#/components/schemas/ChartData"})]


class Processed(msgspec.Struct):
    """What a processor makes of the statistics."""

    type: StatType
    processor: str
    data: ChartData


class Processor(msgspec.Struct):
    """A processor that there is."""

    name: str
    description: str


class About(msgspec.Struct):
    """What this instance is."""

    version: str
    version_url: Annotated[str, Meta(description="What this version offers")]
    api_v1_root: str
    contact: Annotated[str, Meta(description="Whom to write to, or their page")]


Database = Literal["sqlite", "postgres"]


class Health(msgspec.Struct):
    """That all is well."""

    status: Literal["ok"]
    version: str
    database: Database


class AnyOf(msgspec.Struct, frozen=True):
    """One of several types that msgspec has no union of."""

    types: tuple[Any, ...]


def data_of(stat_type: StatType | None) -> AnyOf:
    """What the processors of a type (None: all) answer, as they declare it."""
    wanted = [each for each in processors.all() if stat_type in (each.stat_type, None)]
    answers = [get_type_hints(each.function)["return"] for each in wanted]
    return AnyOf(tuple(dict.fromkeys(answers)))


NAMED = {
    "RowData": AnyOf((RiskData, list[ObjectData], CartographyData, list[ReferentialData])),
    "ChartData": data_of(None),
}
"""What the `$ref`s in here mean."""
