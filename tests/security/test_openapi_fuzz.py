"""Requests that schemathesis makes of /openapi.json: none is answered with 5xx, or in a way that it does not describe.

All its checks are on: statuses, schemas, headers and content types of answers, good requests taken, bad ones refused,
other methods refused, tokens asked for, nothing found that was deleted. `fuzz.toml` says what no schema can say.

A GET takes its parameters from the query or from a body, which wins; a document has no words for that. So it is read in
three ways: GETs with queries only; with bodies only; as it stands, without holding it against what a query says that a
body overrules.
"""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.commands import Cli
from tests.samples import rows, stable_uuid
from tests.servers import Service

pytestmark = pytest.mark.long_on_postgres

LEAST_CASES = 20_000
"""How many requests a long run makes on each database, at least."""

SEED = 2026
CONFIG = Path(__file__).with_name("fuzz.toml")
ABOUT_DATA = "negative_data_rejection,positive_data_acceptance"


class Fuzzed:
    """A running service, and schemathesis."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self.document: dict[str, Any] = service.client_with(None).get("/openapi.json").json()
        self.cli = Cli(service.database_url, folder)

    def run(self, who: str, way: str, examples: int, seed: int, *more: str) -> int:
        """Let schemathesis make requests as somebody, and give how many those were. All have to pass.

        Who asks is new each time: an admin deletes whom they find.
        """
        client, other = self._asker(who, f"{who} {way} {uuid.uuid4()}")
        read, report = self.folder / f"{way}.json", self.folder / f"{who} {way} report.json"
        read.write_text(json.dumps(read_as(self.document, way)))
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", str(read)]
        command += ["--url", self.service.url, "--seed", str(seed), "--max-examples", str(examples)]
        command += ["--continue-on-failure", "--warnings", "off", "--report-json-path", str(report), *more]
        command += ["--exclude-checks", ABOUT_DATA] if way == "as it stands" else []
        command += ["--header", f"X-API-KEY: {client.headers['X-API-KEY']}"] if who != "nobody" else []
        environment = self.service.environment | {"ANOTHER_ACCOUNT": other}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"seed {seed}\n{done.stdout[-20_000:]}{done.stderr[-2_000:]}"
        told = json.loads(report.read_text())
        assert (told["complete"], told["errors"]) == (True, [])
        known = client.get("/api/v1/client/me").status_code == httpx.codes.OK
        assert known is (who != "nobody")  # or it would have been a run of nobody
        assert "Traceback" not in self.service.log()
        return int(told["test_cases"]["generated"])

    def _asker(self, who: str, name: str) -> tuple[httpx.Client, str]:
        """A client of a new account with some rows, and the UUID of another account."""
        other = self.cli.json("client", "create", "--name", f"for {name}")["uuid"]
        if who == "nobody":
            return self.service.client_with(None), other
        made = self.cli.json("client", "create", "--name", name, "--role", who)
        client = self.service.client_with(made["token"])
        for day in ("2026-01-30", "2026-01-31"):
            client.post("/api/v1/stats", json=rows(stable_uuid("a"), day)).raise_for_status()
        return client, other


def read_as(document: dict[str, Any], way: str) -> dict[str, Any]:
    """The document in one of the three ways of reading it.

    Headers are left out of all: what Content-Encoding says has to be true of the body, which is made without it.
    """
    read: dict[str, Any] = json.loads(json.dumps(document))
    for item in read["paths"].values():
        for method, operation in item.items():
            given = [each for each in operation["parameters"] if each["in"] != "header"]
            in_query = [each for each in given if each["in"] == "query"]
            if method == "get" and way == "queries":
                operation.pop("requestBody", None)
            elif method == "get" and way == "bodies" and in_query:
                operation["requestBody"]["required"] = any(each["required"] for each in in_query)
                given = [each for each in given if each not in in_query]
            operation["parameters"] = given
    return read


@pytest.fixture(scope="module")
def fuzzed(abused: Service, tmp_path_factory: pytest.TempPathFactory) -> Fuzzed:
    """The service under test."""
    return Fuzzed(abused, tmp_path_factory.mktemp("fuzzed"))


def test_some_requests_of_the_document(fuzzed: Fuzzed) -> None:
    """A few of each operation, on each database in one way and as one of whom: the short version of the next test."""
    who, way = ("user", "queries") if "sqlite" in fuzzed.service.database_url else ("admin", "bodies")
    assert fuzzed.run(who, way, 2, SEED, "--phases", "examples,fuzzing,stateful") > 50


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_many_requests_of_the_document(fuzzed: Fuzzed) -> None:
    """All ways of reading it, as a user, as an admin and as nobody; 20,000 requests and more."""
    ways = [(who, way) for who in ("user", "admin", "nobody") for way in ("queries", "bodies", "as it stands")]
    cases = {f"{who}, {way}": fuzzed.run(who, way, 15, SEED) for who, way in ways}
    print(f"seed {SEED}: {cases}, {sum(cases.values())} in all")  # noqa: T201 - stays with the test's output
    assert sum(cases.values()) >= LEAST_CASES
