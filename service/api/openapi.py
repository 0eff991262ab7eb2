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
    413: Documented(
        text="The body is too large",
        type=schemas.Failure,
        example=schemas.Failure(
            "The request's body is larger than the 64 MiB that are taken: send it in several parts."
        ),
    ),
    426: Documented(
        text="The MONARC that asks is too old",
        type=schemas.Failure,
        example=schemas.Failure("MONARC 2.9.0 is too old for this service: it has to be 2.10.2 or later."),
    ),
    500: Documented(
        text="The service failed; its log says why",
        type=schemas.Failure,
        example=schemas.Failure("The service failed; its log says why, under the request's id 1b2d9f4e-7c."),
    ),
    503: Documented(
        text="The database is busy or away: try again after the seconds that Retry-After names",
        type=schemas.Failure,
        example=schemas.Failure("The database is busy: try again in some seconds."),
        headers=("Retry-After",),
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


def _operation(route: Route, named: _Schemas) -> dict[str, Any]:
    summary, _, rest = python.cleandoc(route.handler.__doc__ or "").partition("\n")
    operation: dict[str, Any] = {
        "tags": [route.tag],
        "summary": summary,
        "operationId": f"{route.method.lower()}{route.path.title()}".translate(_ID),
        "parameters": [*_in_path(route), *_in_query(route, named)],
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


def _parameter(name: str, field: parameters.Field, named: _Schemas) -> dict[str, Any]:
    schema = dict(named.of(field.type))
    given = [each for each in schema.pop("anyOf", []) if each != {"type": "null"}]  # a query has no null
    schema |= given[0] if len(given) == 1 else {"anyOf": given} if given else {}
    about = {"name": name, "in": "query", "required": field.required, "description": schema.pop("description", "")}
    if isinstance(field.kind, inspect.DictType):
        about |= {"style": "deepObject", "explode": True}
    if field.default is not msgspec.UNSET:
        schema["default"] = field.default
    return {**about, "schema": schema}


def _body(route: Route, named: _Schemas) -> dict[str, Any] | None:
    if route.body is not None:
        content = {"schema": named.of(route.body), "example": msgspec.to_builtins(examples.sent())}
        return {"required": True, "content": {"application/json": content}}
    if route.parameters is Nothing:
        return None
    in_query = route.method in parameters.FROM_QUERY
    body = {"required": not in_query, "content": {"application/json": {"schema": named.of(route.parameters)}}}
    return body | ({"description": "The same parameters; what stands here wins over the query"} if in_query else {})


def _answers(route: Route) -> dict[int, Documented]:
    """All that a route may answer: what is declared, and the errors that follow from its declaration."""
    errors = [400, 413, 500, 503]
    if route.who is not Who.ANYBODY:
        errors += [401, 403]
    if route.versioned:
        errors.append(426)
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
