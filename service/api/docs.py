"""The documentation that one can try out: the OpenAPI document and Swagger UI, which comes with a package.

Nothing is loaded from elsewhere, and the page's Content-Security-Policy would not let it.
"""

import functools
import html
import importlib.util
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import msgspec
from sanic import HTTPResponse

from service.api import answers, openapi
from service.api.request import App, Request
from service.api.routes import Route

PAGE_PATH = "/docs"
DOCUMENT_PATH = "/openapi.json"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI writes styles into its elements, and holds its pictures as data."""

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Stats Service for MONARC</title>
<link rel="icon" href="{root}/favicon-32x32.png">
<link rel="stylesheet" href="{root}/swagger-ui.css">
<div id="docs" data-document="{document}"></div>
<script src="{root}/swagger-ui-bundle.js"></script>
<script src="{root}/start.js"></script>
</html>
"""

START = """\
const docs = document.getElementById("docs");
SwaggerUIBundle({
  domNode: docs,
  url: docs.dataset.document,
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  // A browser cannot send a GET with a body: what it would hold goes into the query.
  requestInterceptor: (request) => {
    if (request.method === "GET") delete request.body;
    return request;
  },
});
"""

ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}

_KEPT = {"cache-control": "max-age=3600"}


def install(app: App, routes: Iterable[Route]) -> None:
    """Add `/openapi.json`, `/docs` and the files of the latter."""
    prefix = app.ctx.settings.script_name
    document = msgspec.json.encode(openapi.document(routes, prefix))
    page = PAGE.format(root=html.escape(prefix + PAGE_PATH), document=html.escape(prefix + DOCUMENT_PATH))
    files: dict[str, tuple[Callable[[], bytes], str]] = {
        DOCUMENT_PATH: (lambda: document, answers.JSON),
        PAGE_PATH: (page.encode, "text/html; charset=utf-8"),
        f"{PAGE_PATH}/start.js": (START.encode, "text/javascript"),
        **{f"{PAGE_PATH}/{name}": (functools.partial(_asset, name), kind) for name, kind in ASSETS.items()},
    }
    for number, (path, (read, kind)) in enumerate(files.items()):
        app.add_route(_file(read, kind), path, methods=["GET", "HEAD"], name=f"docs_{number}", stream=True)


def _file(read: Callable[[], bytes], kind: str) -> Callable[[Request], Coroutine[Any, Any, HTTPResponse]]:
    async def file(_request: Request) -> HTTPResponse:
        headers = {**_KEPT, "content-security-policy": POLICY, "referrer-policy": "no-referrer"}
        return HTTPResponse(read(), 200, headers, kind)

    return file


@functools.cache
def _asset(name: str) -> bytes:
    """A file of Swagger UI. The package's Python is not needed, and not imported."""
    spec = importlib.util.find_spec("swagger_ui")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package swagger-ui-py is not installed")
    return (Path(spec.origin).parent / "static" / name).read_bytes()
