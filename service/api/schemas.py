"""The JSON of the answers, as types: answers are made of them or held to them, and the documentation shows them."""

import datetime as dt
from typing import Annotated, Any, Literal, get_type_hints
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.core import processors
from service.records import Account, Activity, StatType

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


# --- what processors make of them ------------------------------------------------------------------------------

ChartData = Annotated[Any, Meta(extra_json_schema={"$ref": "#/components/schemas/ChartData"})]


class Processed(msgspec.Struct):
    """What a processor makes of the statistics."""

    type: StatType
    processor: str
    data: ChartData


ProcessorName = Annotated[
    str,
    Meta(
        description="Its name begins with the type; the list has all",
        extra_json_schema={"enum": [each.name for each in processors.all()]},
    ),
]


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


NAMED = {"ChartData": data_of(None)}
"""What the `$ref`s in here mean."""
