"""Reading a request's parameters into the struct that declares them.

A GET carries them as a JSON body, as Front Offices send it, or in the query string; the body wins. Whoever sends
them may be PHP: numbers and booleans come as strings, a list as an object with numbers for keys, an empty object as
`[]`, and `null` stands for "not given". In a query a list is `anrs=a&anrs=b`, `anrs[]=a` or `anrs[0]=a`, and an
object is JSON text or `processor_params[risks_type]=x`.
"""

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from service.api.request import Request
from service.core import strict, values
from service.errors import BadInput

P = TypeVar("P", bound=msgspec.Struct)

FROM_QUERY = frozenset({"GET", "HEAD", "DELETE"})
"""The methods whose parameters may stand in the query string. A POST's are its body."""

MOST = 10_000
"""The most parameters that a query is taken apart into."""

MOST_NAMED = 20
LONGEST = 60
"""How many of a stranger's names a message repeats, and how many characters of each."""

SECRETS = frozenset({"token"})
"""The parameters whose values no message repeats: whoever sent them may log it."""

_NAME = re.compile(r"([^\[\]]+)(?:\[([^\[\]]*)\])?")


class Field(msgspec.Struct, frozen=True):
    """A parameter: its type as Python and as msgspec sees it, its default (UNSET: none), whether it has to be
    given, and whether `null` is a value of its own."""

    type: Any
    kind: inspect.Type
    default: Any
    required: bool
    nullable: bool


@functools.cache
def fields_of(declared: type[msgspec.Struct]) -> Mapping[str, Field]:
    """The parameters that a struct declares, by their names."""
    fields = {}
    for field in msgspec.structs.fields(declared):
        kind = _bare(inspect.type_info(field.type))
        union = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
        only = [_bare(part) for part in union if not isinstance(part, inspect.NoneType)]
        nullable = len(only) < len(union)
        fields[field.encode_name] = Field(
            type=field.type,
            kind=only[0] if len(only) == 1 else kind,
            default=msgspec.UNSET if field.default in (msgspec.NODEFAULT, None) else field.default,
            required=field.required,
            nullable=nullable,
        )
    return fields


def read(declared: type[P], request: Request, *, read_body: bool = True) -> P:
    """The parameters of a request whose body has arrived (`read_body` False: that holds something else).

    Raises `BadInput` that names every parameter that is unknown, missing or wrong, and what it should be.
    """
    fields = fields_of(declared)
    query = _query(request.query_string, fields)
    if query and request.method not in FROM_QUERY:
        where = f"has to stand in the body of a {request.method}, not in the query"
        raise BadInput(f"Unknown arguments: {', '.join(_some(query))}", dict.fromkeys(_some(query), where))
    return convert(declared, query | _body(request.body) if read_body else query)


def convert(declared: type[P], given: Mapping[str, Any]) -> P:
    """The struct with what was given. Raises `BadInput` as `read` does."""
    fields = fields_of(declared)
    if unknown := [name for name in given if name not in fields]:
        raise BadInput(f"Unknown arguments: {', '.join(_some(unknown))}", dict.fromkeys(_some(unknown), _known(fields)))
    found: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, field in fields.items():
        value = given.get(name, msgspec.UNSET)
        if value is msgspec.UNSET or (value is None and not field.nullable):
            if field.required:
                wrong[name] = f"is missing: it has to be {_wanted(field.kind)}"
            continue
        try:
            found[name] = _converted(value, field)
        except (msgspec.ValidationError, BadInput):
            instead = "" if name in SECRETS else f", not {_shown(value)}"
            wrong[name] = f"has to be {_wanted(field.kind)}{instead}"
    if wrong:
        raise BadInput("; ".join(f"{name} {what}" for name, what in wrong.items()) + ".", wrong)
    return declared(**found)


def _converted(value: Any, field: Field) -> Any:
    converted = msgspec.convert(_reshaped(value, field.kind), field.type, strict=False)
    if converted is None and value is not None:  # to msgspec the text "null" is as good
        raise BadInput("A text is not null.")
    return converted


def _body(body: bytes) -> dict[str, Any]:
    """The parameters in a body. None at all, `null` and PHP's empty array are none."""
    given = strict.decode(body) if body.strip() else None
    if given is None or given == []:
        return {}
    if not isinstance(given, dict):
        kind = values.NAMES[type(given)]
        raise BadInput(f"The body has to be a JSON object that holds the parameters, not {kind}.")
    return given


def _query(query: str, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The parameters in a query string. One with an empty value counts as not given."""
    if not query:
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MOST)
    except ValueError:  # UnicodeDecodeError is one
        raise BadInput(f"The query has to be UTF-8 and hold at most {MOST} parameters.") from None
    found: dict[str, Any] = {}
    for written, value in pairs:
        match = _NAME.fullmatch(written)
        name, key = (match[1], match[2]) if match and match[1] in fields else (written, None)
        kind = fields[name].kind if name in fields else None
        if isinstance(kind, inspect.ListType):
            found.setdefault(name, []).extend([value] if value else [])
        elif isinstance(kind, inspect.DictType) and key:
            known = found.setdefault(name, {})
            if not isinstance(known, dict):
                raise BadInput(f"{name} is given in two ways.", {name: "has to be given in one way"})
            known[key] = value
        elif key is not None:
            raise BadInput(f"{name} takes one value and no brackets.", {name: "takes one value and no brackets"})
        elif name in found:
            raise BadInput(f"{name} is given more than once.", {name: "has to be given once"})
        else:
            found[name] = value
    return {name: value for name, value in found.items() if value or name not in fields}


def _reshaped(value: Any, kind: inspect.Type) -> Any:
    """A value in the shape that the type wants, where PHP or a query had to send it in another."""
    if isinstance(kind, inspect.ListType):
        if isinstance(value, dict) and all(key.isascii() and key.isdigit() for key in value):
            return list(value.values())
        return [value] if isinstance(value, str) else value
    if isinstance(kind, inspect.DictType):
        if isinstance(value, str):
            value = strict.decode(value.encode(errors="replace"))
        return {} if value == [] else value
    return value


def _bare(kind: inspect.Type) -> inspect.Type:
    """A type without the descriptions around it."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


_WORDS: Mapping[type[inspect.Type], Callable[[Any], str]] = {
    inspect.EnumType: lambda kind: "one of " + ", ".join(str(choice.value) for choice in kind.cls),
    inspect.BoolType: lambda _: "true or false (or 1 or 0)",
    inspect.UUIDType: lambda _: "a UUID",
    inspect.DateType: lambda _: "a date like 2026-01-31",
    inspect.ListType: lambda kind: f"a list, each item {_wanted(kind.item_type)}",
    inspect.DictType: lambda _: "an object",
    inspect.IntType: lambda kind: f"a whole number from {kind.ge} to {kind.le}",
    inspect.FloatType: lambda kind: f"a number from {kind.ge:g} to {kind.le:g}",
    inspect.StrType: lambda _: "text",
}
"""What a parameter of each type has to be. A number has limits, or it would not fit everywhere."""


def _wanted(kind: inspect.Type) -> str:
    kind = _bare(kind)
    return _WORDS[type(kind)](kind)


def _known(fields: Mapping[str, Field]) -> str:
    return "is not a parameter here; there are: " + ", ".join(fields) if fields else "nothing takes parameters here"


def _some(names: Iterable[str]) -> list[str]:
    """Some names for a message: strangers make them, as long and as many as they like."""
    return [_cut(name) for name in itertools.islice(names, MOST_NAMED)]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def _shown(value: Any) -> str:
    """A value for a message, cut where it is long."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list) and len(value) > MOST_NAMED:
        return f"a list of {len(value)}"
    return _cut(msgspec.json.encode(value).decode())
