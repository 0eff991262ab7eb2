"""The OpenAPI document, made from the routes' declarations."""

import inspect as python
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import inspect

import service
from service.api import examples, parameters, schemas
from service.api.routes import Documented, Nothing, Route, Who

VERSION = "3.1.0"

_ABOUT = """\
Collects the statistics of MONARC's Front Offices and serves them, plain or made ready for charts.

An account's token goes into the header `X-API-KEY`. A GET takes its parameters from the query or, as Front Offices
send them, from a JSON object in its body, which wins. Numbers and booleans may come as text, and `null` is the same
as nothing. Paths work with and without a slash at the end. Every error is JSON and says what to mend.
"""

_ERRORS: Mapping[int, Documented] = {
    400: Documented(
        text="Something given is wrong, missing or unknown",
        type=schemas.Failure,
        example=schemas.Failure(
            "Unknown arguments: foo", {"foo": "is not a parameter here; there are: type, processor"}
        ),
    ),
    401: Documented(
        text="No token was presented",
        type=schemas.Denied,
        example=schemas.Denied(
            "Authentication required: send the account's token in the header X-API-KEY.",
            "Unauthorized - Authentication required.",
        ),
    ),
    403: Documented(
        text="No active account has the token, or it may not do this",
        type=schemas.Denied,
        example=schemas.Denied("No active account has this token.", "Forbidden - Access denied."),
    ),
    408: Documented(
        text="The body did not arrive in time",
        type=schemas.Failure,
        example=schemas.Failure("The request did not arrive in time."),
    ),
    413: Documented(
        text="The body is too large",
        type=schemas.Failure,
        example=schemas.Failure(
            "The request's body is larger than the 64 MiB that are taken: send it in several parts."
        ),
    ),
    415: Documented(
        text="The body is packed in a way that is not taken; the header Accept-Encoding says what is",
        type=schemas.Failure,
        example=schemas.Failure("The body's Content-Encoding is not taken: it has to be gzip or identity."),
        headers=("Accept-Encoding",),
    ),
    426: Documented(
        text="The MONARC that asks is too old",
        type=schemas.Failure,
        example=schemas.Failure("MONARC 2.9.0 is too old for this service: it has to be 2.10.2 or later."),
    ),
    429: Documented(
        text="The account or the address asks too often, or tried too many wrong tokens: see Retry-After",
        type=schemas.Failure,
        example=schemas.Failure("Too many requests come from this account: 3000 a minute are answered."),
        headers=("Retry-After",),
    ),
    500: Documented(
        text="The service failed; its log says why",
        type=schemas.Failure,
        example=schemas.Failure("The service failed; its log says why, under the request's id 1b2d9f4e-7c."),
    ),
    503: Documented(
        text="The service is overloaded, or its database is busy or away: try again after Retry-After seconds",
        type=schemas.Failure,
        example=schemas.Failure("The database is busy: try again in some seconds."),
        headers=("Retry-After",),
    ),
    507: Documented(
        text="The disk is full; nothing was changed",
        type=schemas.Failure,
        example=schemas.Failure("The service's disk is full: nothing was stored. Its operator has to make room."),
    ),
}
"""What follows from a route's declaration, and need not be said in each."""


def document(routes: Iterable[Route], prefix: str) -> dict[str, Any]:
    """The document as JSON-able data. `prefix`: the path that the service is served under, or ""."""
    routes = list(routes)
    named = _Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, named)
    return {
        "openapi": VERSION,
        "info": {
            "title": "Stats Service for MONARC",
            "version": service.__version__,
            "description": _ABOUT,
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": prefix or "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": named.components,
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-API-KEY"}},
        },
    }


class _Schemas:
    """The JSON schemas of all types that the routes name."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.types: list[Any] = [schemas.Failure, schemas.Denied]
        for route in routes:
            self._gather(route.parameters)
            self._gather(route.body)
            for field in parameters.fields_of(route.parameters).values():
                self._gather(field.type)
            for answer in route.answers.values():
                self._gather(answer.type)
        for kind in schemas.NAMED.values():
            self._gather(kind)
        made, self.components = msgspec.json.schema_components(self.types, ref_template="#/components/schemas/{name}")
        for schema in self.components.values():
            if "enum" in schema:  # msgspec leaves the type to be seen from the values; readers want it said
                schema["type"] = "integer" if isinstance(schema["enum"][0], int) else "string"
        self._made = list(made)
        self.components |= {name: self.of(kind) for name, kind in schemas.NAMED.items()}
        for declared in {route.parameters for route in routes} - {Nothing}:
            properties = self.components[declared.__name__]["properties"]
            for name, field in parameters.fields_of(declared).items():
                properties[name] = self._loosened(properties[name], null=not field.required)

    def _gather(self, kind: Any) -> None:
        if isinstance(kind, schemas.AnyOf):
            self.types += [each for each in kind.types if each not in self.types]
        elif kind is not None and kind not in self.types:
            self.types.append(kind)

    def of(self, kind: Any) -> dict[str, Any]:
        """A type's schema."""
        if isinstance(kind, schemas.AnyOf):
            return {"anyOf": [self.of(each) for each in kind.types]}
        return self._made[self.types.index(kind)]

    def _loosened(self, schema: dict[str, Any], *, null: bool) -> dict[str, Any]:
        """The schema of a parameter in a body, with the other forms that are taken, `null` among them if it is."""
        about = {name: schema[name] for name in schema if name in {"description", "default", "examples"}}
        kind = {name: schema[name] for name in schema if name not in about}
        forms: list[Any] = kind.get("anyOf", [kind])
        more = [form for each in forms for form in self._other_forms(each)]
        if null and _NULL not in forms:
            more.append(_NULL)
        return about | {"anyOf": [*forms, *more]} if more else schema

    def _other_forms(self, schema: dict[str, Any]) -> list[Any]:
        if "$ref" in schema:
            choices = self.components[schema["$ref"].rpartition("/")[2]]["enum"]
            return [] if isinstance(choices[0], str) else [{"enum": [str(choice) for choice in choices]}]
        if schema.get("type") == "array":
            entries = {"patternProperties": {"^[0-9]+$": schema["items"]}, "additionalProperties": False}
            return [{"type": "object", **entries}]
        return _OTHER_FORMS.get(schema.get("type", ""), [])


_NULL = {"type": "null"}

_OTHER_FORMS: Mapping[str, list[Any]] = {
    "boolean": [{"enum": [0, 1, "0", "1", "true", "false"]}],
    "integer": [{"type": "string", "pattern": "^[0-9]{1,9}$"}],
    "number": [{"type": "string", "pattern": r"^-?[0-9]{1,2}(\.[0-9]{1,9})?$"}],
    "object": [{"type": "array", "maxItems": 0}],
}
"""How else a body may hold a value: it may be PHP's (see `parameters`)."""


def _operation(route: Route, named: _Schemas) -> dict[str, Any]:
    summary, _, rest = python.cleandoc(route.handler.__doc__ or "").partition("\n")
    operation: dict[str, Any] = {
        "tags": [route.tag],
        "summary": summary,
        "operationId": f"{route.method.lower()}{route.path.title()}".translate(_ID),
        "parameters": [*_in_path(route), *_in_query(route, named), *_in_headers(route)],
        "responses": {str(status): _answer(answer, named) for status, answer in sorted(_answers(route).items())},
    }
    if rest.strip():
        operation["description"] = rest.strip()
    if body := _body(route, named):
        operation["requestBody"] = body
    if route.who is not Who.ANYBODY:
        operation["security"] = [{"token": []}]
    return operation


_ID = str.maketrans("", "", "/{}._-")


def _in_path(route: Route) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    uuid = {"type": "string", "format": "uuid"}
    return [{"name": name, "in": "path", "required": True, "schema": uuid} for name in names]


def _in_query(route: Route, named: _Schemas) -> list[dict[str, Any]]:
    if route.method not in parameters.FROM_QUERY:
        return []
    return [_parameter(name, field, named) for name, field in parameters.fields_of(route.parameters).items()]


def _in_headers(route: Route) -> list[dict[str, Any]]:
    if route.who is Who.ANYBODY or (route.body is None and route.parameters is Nothing):
        return []
    text = "How the body is packed, if it is; answers say in Accept-Encoding that it may be"
    schema = {"type": "string", "enum": ["identity", "gzip"], "default": "identity"}
    return [{"name": "Content-Encoding", "in": "header", "description": text, "schema": schema}]


def _parameter(name: str, field: parameters.Field, named: _Schemas) -> dict[str, Any]:
    schema = dict(named.of(field.type))
    given = [each for each in schema.pop("anyOf", []) if each != {"type": "null"}]  # a query has no null
    schema |= given[0] if len(given) == 1 else {"anyOf": given} if given else {}
    about = {"name": name, "in": "query", "required": field.required, "description": schema.pop("description", "")}
    if not field.required:
        about["allowEmptyValue"] = True
    if isinstance(field.kind, inspect.DictType):
        about |= {"style": "deepObject", "explode": True}
    if field.default is not msgspec.UNSET:
        schema["default"] = field.default
    if isinstance(field.kind, inspect.BoolType):
        schema = {"type": "string", "enum": ["true", "false", "1", "0"], "default": str(field.default).lower()}
    return {**about, "schema": schema}


def _body(route: Route, named: _Schemas) -> dict[str, Any] | None:
    if route.body is not None:
        content = {"schema": named.of(route.body), "example": msgspec.to_builtins(examples.sent())}
        return {"required": True, "content": {"application/json": content}}
    if route.parameters is Nothing:
        return None
    in_query = route.method in parameters.FROM_QUERY
    needed = any(field.required for field in parameters.fields_of(route.parameters).values())
    schema = named.of(route.parameters)
    if not needed:  # and then no parameters can be written as PHP does, too
        schema = {"anyOf": [schema, _NULL, {"type": "array", "maxItems": 0}]}
    body = {"required": needed and not in_query, "content": {"application/json": {"schema": schema}}}
    return body | ({"description": "The same parameters; what stands here wins over the query"} if in_query else {})


def _answers(route: Route) -> dict[int, Documented]:
    """All that a route may answer: what is declared, and the errors that follow from its declaration."""
    errors = [400, 408, 413, 415, 500, 503]
    if route.method not in {"GET", "HEAD"}:
        errors.append(507)
    if route.who is not Who.ANYBODY:
        errors += [401, 403]
    if route.versioned:
        errors.append(426)
    if route.limited:
        errors.append(429)
    return {status: _ERRORS[status] for status in errors} | dict(route.answers)


def _answer(answer: Documented, named: _Schemas) -> dict[str, Any]:
    about: dict[str, Any] = {"description": answer.text}
    if answer.type is not None:
        content: dict[str, Any] = {"schema": named.of(answer.type)}
        if answer.example is not None:
            content["example"] = msgspec.to_builtins(answer.example)
        about["content"] = {answer.media: content}
    if answer.headers:
        about["headers"] = {name: {"schema": {"type": "string"}} for name in answer.headers}
    return about
