"""Accounts over HTTP: one's own, and for admins all of them."""

import datetime as dt
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.api import answers, auth, schemas
from service.api.answers import Answer
from service.api.request import Request
from service.api.routes import Documented, Nothing, Routes, Who
from service.core import clients
from service.errors import BadInput, Conflict
from service.records import Account, Role

routes = Routes("Accounts")

CLIENT = "/api/v1/client/{uuid}"

_EXAMPLE = schemas.Client(
    uuid=UUID("c08e380f-7ec0-43ff-bca2-4505856739e0"),
    name="NC3",
    role="1",
    is_sharing_enabled=True,
    is_active=True,
    local=True,
    latitude=49.61,
    longitude=6.13,
    last_seen=None,
    created_at=dt.datetime(2026, 1, 31, 12, 51, 18, tzinfo=dt.UTC),
    updated_at=dt.datetime(2026, 1, 31, 12, 51, 18, tzinfo=dt.UTC),
)
_SECRET = "ECsBPF5Lh3NreoSUTsxwDESri0UuIkpmHcHk6Zr8lXXQX_TVNAEnGv_6hGvmyBVw9XONpUCw2KIGoufRJ4jCFB"  # noqa: S105 - an example
_ME = Documented(text="The account", type=schemas.Me, example=schemas.Me("NC3", _SECRET, "1", is_sharing_enabled=True))
_CLIENT = Documented(text="The account", type=schemas.Client, example=_EXAMPLE)
_DEGREES = "Degrees; latitude and longitude are given together, or both null for none"
_UNKNOWN = Documented(text="There is no such account", type=schemas.Failure)


class MyChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What an account can change of itself."""

    is_sharing_enabled: Annotated[bool, Meta(description="Whether its figures are shared with the global instance")]


class NewClient(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new account."""

    name: Annotated[
        str,
        Meta(
            description="1 to 255 characters; no other account has it",
            examples=["NC3"],
            extra_json_schema={"minLength": 1, "maxLength": 255},
        ),
    ]
    is_sharing_enabled: Annotated[bool, Meta(description="Whether its figures may be shared")] = True
    token: Annotated[
        Annotated[str, Meta(extra_json_schema={"pattern": "^[!-~]{16,1024}$"})] | None,
        Meta(description="Its token: at least 16 printable ASCII characters. One is made where none is given"),
    ] = None
    role: Annotated[Role, Meta(description="1: user, 2: admin")] = Role.USER
    local: Annotated[bool, Meta(description="False for another installation that shares its figures")] = True


class Change(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What admins can change of an account; what is not given stays as it is."""

    is_sharing_enabled: Annotated[bool | UnsetType, Meta(description="Whether its figures may be shared")] = UNSET
    is_active: Annotated[bool | UnsetType, Meta(description="Whether its token opens anything")] = UNSET
    latitude: Annotated[float, Meta(ge=-90, le=90, description=_DEGREES)] | UnsetType | None = UNSET
    longitude: Annotated[float, Meta(ge=-180, le=180, description=_DEGREES)] | UnsetType | None = UNSET


@routes.add("GET", "/api/v1/client/me", who=Who.ACCOUNT, answers={200: _ME})
async def me(request: Request, _: Nothing) -> Answer:
    """One's own account."""
    return answers.value(_me(request, request.asker))


@routes.add("PATCH", "/api/v1/client/me", who=Who.ACCOUNT, parameters=MyChange, answers={201: _ME})
async def change_me(request: Request, change: MyChange) -> Answer:
    """Turn the sharing of one's own figures on or off."""
    account = await clients.change(request.asker.uuid, is_sharing_enabled=change.is_sharing_enabled)
    return answers.value(_me(request, account), 201)


@routes.add(
    "GET",
    "/api/v1/client",
    who=Who.ADMIN,
    answers={200: Documented(text="The accounts", type=schemas.Clients)},
)
async def all_clients(_request: Request, _: Nothing) -> Answer:
    """All accounts by name, and what each has sent."""
    found = [schemas.client(account, activity) for account, activity in await clients.list_all()]
    return answers.value(schemas.Clients(schemas.Metadata(str(len(found))), found))


@routes.add(
    "POST",
    "/api/v1/client",
    who=Who.ADMIN,
    parameters=NewClient,
    answers={
        201: Documented(
            text="The account and its token, which is not kept: no other answer ever holds it",
            type=schemas.Client,
            example=msgspec.structs.replace(_EXAMPLE, token=_SECRET),
        ),
        204: Documented(text="This instance takes no new accounts over HTTP (CLIENT_REGISTRATION_OPEN)"),
        304: Documented(text="The name or the token exists already; nothing was changed"),
    },
)
async def create(request: Request, new: NewClient) -> Answer:
    """Make an account."""
    if not request.app.ctx.settings.client_registration_open:
        return answers.empty(204)
    try:
        account, token = await clients.create(**msgspec.structs.asdict(new))
    except Conflict:
        return answers.empty(304)
    return answers.value(schemas.client(account, token=token), 201)


@routes.add("GET", CLIENT, who=Who.ADMIN, answers={200: _CLIENT, 404: _UNKNOWN})
async def show(_request: Request, _: Nothing, uuid: UUID) -> Answer:
    """An account, and what it has sent."""
    return answers.value(schemas.client(*await clients.show(uuid)))


@routes.add(
    "PATCH",
    CLIENT,
    who=Who.ADMIN,
    parameters=Change,
    answers={
        200: _CLIENT,
        404: _UNKNOWN,
        409: Documented(text="It is the account that asks, and it would lock itself out", type=schemas.Failure),
    },
)
async def change(request: Request, change: Change, uuid: UUID) -> Answer:
    """Change an account: sharing, active or not, where it is on the map."""
    if change.is_active is False:
        _not_oneself(request, uuid)
    account = await clients.change(
        uuid,
        is_sharing_enabled=None if change.is_sharing_enabled is UNSET else change.is_sharing_enabled,
        is_active=None if change.is_active is UNSET else change.is_active,
        coordinates=_coordinates(change),
    )
    return answers.value(schemas.client(account))


@routes.add(
    "POST",
    f"{CLIENT}/token",
    who=Who.ADMIN,
    answers={
        201: Documented(
            text="The new token, which is not kept: no other answer ever holds it",
            type=schemas.NewToken,
            example=schemas.NewToken(_EXAMPLE.uuid, "NC3", _SECRET),
        ),
        404: _UNKNOWN,
    },
)
async def rotate_token(_request: Request, _: Nothing, uuid: UUID) -> Answer:
    """Give an account a new token. The old one opens nothing any more, at once."""
    account, token = await clients.rotate_token(uuid)
    return answers.value(schemas.NewToken(account.uuid, account.name, token), 201)


@routes.add(
    "DELETE",
    CLIENT,
    who=Who.ADMIN,
    answers={
        204: Documented(text="It is gone, with all that it sent"),
        404: _UNKNOWN,
        409: Documented(text="It is the account that asks", type=schemas.Failure),
    },
)
async def delete(request: Request, _: Nothing, uuid: UUID) -> Answer:
    """Delete an account and all that it sent."""
    _not_oneself(request, uuid)
    await clients.delete(uuid)
    return answers.empty(204)


_SWITCHED = {200: Documented(text="It is done", type=schemas.Result, example=schemas.Result()), 404: _UNKNOWN}


@routes.add("POST", "/admin/client_sharing_activate.json/{uuid}", who=Who.ADMIN, answers=_SWITCHED)
async def share(_request: Request, _: Nothing, uuid: UUID) -> Answer:
    """Turn the sharing of an account's figures on."""
    await clients.change(uuid, is_sharing_enabled=True)
    return answers.value(schemas.Result())


@routes.add("POST", "/admin/client_sharing_deactivate.json/{uuid}", who=Who.ADMIN, answers=_SWITCHED)
async def unshare(_request: Request, _: Nothing, uuid: UUID) -> Answer:
    """Turn the sharing of an account's figures off."""
    await clients.change(uuid, is_sharing_enabled=False)
    return answers.value(schemas.Result())


def _me(request: Request, account: Account) -> schemas.Me:
    token = auth.token_of(request) or ""
    return schemas.Me(account.name, token, schemas.role(account), is_sharing_enabled=account.is_sharing_enabled)


def _coordinates(change: Change) -> clients.Coordinates:
    """The coordinates of a change. Raises `BadInput` for one without the other."""
    if change.latitude is UNSET and change.longitude is UNSET:
        return UNSET
    if isinstance(change.latitude, float) and isinstance(change.longitude, float):
        return change.latitude, change.longitude
    if change.latitude is None and change.longitude is None:
        return None
    missing = "longitude" if isinstance(change.latitude, float) else "latitude"
    message = "latitude and longitude have to be given together, or both be null."
    raise BadInput(message, {missing: message})


def _not_oneself(request: Request, uuid: UUID) -> None:
    """Raise `Conflict` where an admin is about to lock themselves out."""
    if request.asker.uuid == uuid:
        raise Conflict("This is the account that asks: let another admin do it.")
