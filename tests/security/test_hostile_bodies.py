"""Hostile bodies (`corpus`), as POST, PATCH and DELETE and as the bodies of GETs, on every route that there is.

What is no good is answered with 4xx in JSON that says why, soon, and the service goes on. Each of the first four tests
takes a sample of the corpus, or with --long all of it.
"""

import gzip
import json
import random
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import httpx
import pytest

from service.api import parameters
from service.api.routes import Route
from service.app import ROUTES
from service.records import StatType
from tests.security import corpus
from tests.servers import Service

pytestmark = pytest.mark.long_on_postgres

SEED = 6
SECONDS = 15
"""An answer that takes longer on a busy machine counts as none. (A Front Office gives up after 30.)"""

ROWS = "/api/v1/stats"

T = TypeVar("T")


@pytest.fixture
def share(request: pytest.FixtureRequest) -> float:
    """How much of the corpus is tried."""
    return 1.0 if request.config.getoption("--long") else 0.1


def sample(items: Iterable[T], share: float) -> list[T]:
    """Some of them, the same ones each time."""
    every = list(items)
    return random.Random(SEED).sample(every, int(len(every) * share))


def send(service: Service, method: str, path: str, body: bytes, **headers: str) -> httpx.Response:
    """The admin's request, whoever it may be about: for each part of the path in braces some UUID."""
    real = re.sub(r"\{\w+\}", str(uuid.uuid4()), path)
    return service.admin.request(method, real, content=body, headers=headers, timeout=SECONDS)


def fault(answer: httpx.Response) -> str | None:
    """What is wrong with an answer; None where it is good, or an error as it has to be."""
    if answer.status_code < 400:
        return None
    if answer.status_code >= 500:
        return f"{answer.status_code}: {answer.text[:200]}"
    try:
        told = answer.json()
    except ValueError:
        return f"{answer.status_code} without JSON"
    if not told.get("message") or len(told["message"]) > 5_000:
        return f"{answer.status_code} with a message of {len(told.get('message', ''))} characters"
    return None


# --- no JSON ---------------------------------------------------------------------------------------------------


def test_what_is_no_json_is_refused(abused: Service, share: float) -> None:
    """On every route, also where nothing is asked for: 400 and why; never 5xx, never taken."""
    faults = []
    for route in ROUTES:
        for name, body in sample(corpus.no_json(), share / 3 if share < 1 else share):
            answer = send(abused, route.method, route.path, body)
            known = (400, 413) if route.who.name == "ANYBODY" else (400,)
            wrong = f"status {answer.status_code}" if answer.status_code not in known else fault(answer)
            if wrong:
                faults.append((route.method, route.path, name, wrong))
    assert faults == []


# --- odd values of parameters ----------------------------------------------------------------------------------


def odd_parameters() -> Iterator[tuple[str, Route, bytes]]:
    """For each parameter of each route each odd value, all others being absent or good."""
    good = {"type": "risk", "processor": "risk_averages", "name": "odd", "is_sharing_enabled": True}
    for route in ROUTES:
        fields = parameters.fields_of(route.parameters)
        for name in fields:
            others = {each: good[each] for each, field in fields.items() if field.required and each != name}
            opening = json.dumps(others)[:-1] + (", " if others else "")
            for odd in corpus.ODD:
                yield f"{name} = {odd[:30]}", route, f'{opening}"{name}": {odd}}}'.encode()


def test_odd_values_of_parameters_are_refused_or_fit(abused: Service, share: float) -> None:
    """Whatever stands where a text, a number, a date or a list is expected: it has its place, or is 4xx and why."""
    faults = []
    for name, route, body in sample(odd_parameters(), share):
        if wrong := fault(send(abused, route.method, route.path, body)):
            faults.append((route.method, route.path, name, wrong))
    assert faults == []


# --- odd rows --------------------------------------------------------------------------------------------------


def batches(texts: Sequence[tuple[str, str]], size: int) -> Iterator[tuple[list[str], list[str]]]:
    """The rows in batches, each row of an analysis of its own: their names and texts."""
    for start in range(0, len(texts), size):
        part = texts[start : start + size]
        yield [name for name, _ in part], [text.replace(corpus.ANR, str(uuid.uuid4())) for _, text in part]


def test_odd_rows_are_refused_by_themselves(abused: Service, share: float) -> None:
    """Of a batch each row is stored, and then comes back as it was sent, or is refused with a message; a good one
    among them is stored in any case. Whatever was stored, all charts can be made of it."""
    good = json.dumps({"anr": corpus.ANR, "type": "threat", "date": "2026-01-30", "data": corpus.DATA["threat"]})
    client = abused.client("odd rows")
    stored = 0
    for names, texts in batches(sample(corpus.rows(), share), 400):
        answer = client.post(ROWS, content=f"[{','.join([*texts, good])}]".encode(), timeout=SECONDS)
        assert answer.status_code == 207, answer.text[:500]
        told = answer.json()
        refused = {error["index"]: error["message"] for error in told["errors"]}
        assert len(told["data"]) + len(refused) == len(texts) + 1
        assert len(texts) not in refused
        assert [names[index] for index, message in refused.items() if not 5 < len(message) < 1_000] == []
        kept = [json.loads(text)["data"] for index, text in enumerate(texts) if index not in refused]
        assert [row["data"] for row in told["data"][:-1]] == kept
        stored += len(kept)
    assert stored > 20
    found = [
        client.request("GET", ROWS, json={"type": kind, "date_from": "0001-01-01", "date_to": "9999-12-31"})
        for kind in StatType
    ]
    assert sum(int(answer.json()["metadata"]["count"]) for answer in found) >= stored
    charts = [route.path for route in ROUTES if route.path.startswith("/stats/")]
    assert len(charts) == 5
    for path in charts:
        answer = client.get(f"{path}?days=36500", timeout=SECONDS)
        assert answer.status_code == 200, (path, answer.text[:500])


# --- much ------------------------------------------------------------------------------------------------------

TAKERS = (("POST", ROWS), ("PATCH", "/api/v1/client/me"), ("GET", ROWS), ("GET", f"{ROWS}/processed"))


def test_much_of_something_is_refused_or_fits(abused: Service, share: float) -> None:
    """Large bodies, as rows, as a change and as parameters."""
    for name, body in corpus.much(int(corpus.MANY * share)):
        for method, path in TAKERS:
            wrong = fault(send(abused, method, path, body))
            assert wrong is None, (method, path, name, wrong)


# --- packed ----------------------------------------------------------------------------------------------------

BOMBS = {
    "zeros": b"\0" * 80_000_000,
    "white space": b" " * 80_000_000,
    "brackets": b"[" * 20_000_000,
    "a long text": b'["' + b"x" * 20_000_000 + b'"]',
    "a gzip": gzip.compress(gzip.compress(b"\0" * 10_000_000)),
}
"""What is small as a gzip."""


def test_bombs_of_gzip_are_refused(abused: Service) -> None:
    """400 or 413, soon, where a small body becomes a large one."""
    for name, content in BOMBS.items():
        bomb = gzip.compress(content, 1)
        for method, path in TAKERS:
            answer = send(abused, method, path, bomb, **{"Content-Encoding": "gzip"})
            assert answer.status_code in {400, 413}, (method, path, name, answer.text[:200])
            assert fault(answer) is None


def test_no_json_is_refused_packed_too(abused: Service, share: float) -> None:
    """What is unpacked is read by the same rules."""
    for name, body in sample(corpus.no_json(), share):
        for method, path in TAKERS[:3]:
            answer = send(abused, method, path, gzip.compress(body, 1), **{"Content-Encoding": "gzip"})
            assert (answer.status_code, fault(answer)) == (400, None), (method, path, name)
