"""How often an account and an address may ask, and how many wrong tokens an address may try; nobody else suffers."""

import itertools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api import limits
from service.api.limits import Rate, network
from service.api.request import is_in
from service.settings import Settings
from tests.servers import Service, running_service

WRONG = {"X-API-KEY": "a-token-that-nobody-has"}
HERE, THERE = "203.0.113.7", "203.0.113.8"


# --- counting -----------------------------------------------------------------------------------------------


def test_a_minutes_worth_may_come_at_once_and_comes_back_evenly() -> None:
    """60 a minute: 60 at once, then one each second, and 60 again after a minute of silence."""
    rate = Rate(60)
    assert [rate.take("a", 1000.0) for _ in range(60)] == [0.0] * 60
    assert rate.take("a", 1000.0) == pytest.approx(1.0)
    assert rate.take("a", 1000.4) == pytest.approx(0.6)
    assert rate.take("b", 1000.4) == 0.0
    assert [rate.take("a", 1001.0), rate.take("a", 1001.0) > 0] == [0.0, True]
    assert sum(rate.take("a", 1061.0) == 0.0 for _ in range(100)) == 60


@pytest.mark.parametrize("per_minute", [1, 7, 30, 3_000, 1_000_000])
def test_no_count_is_lost_or_won_by_rounding(per_minute: int) -> None:
    """At times as a machine has them that runs for years, too."""
    rate, now = Rate(per_minute), 123_456_789.123
    count = min(per_minute, 10_000)
    assert not any(rate.take("a", now) for _ in range(count))
    assert rate.take("a", now + 60 + 60 / per_minute) == 0.0
    assert (rate.take("a", now) > 0) is (count == per_minute)


def test_zero_is_any_number() -> None:
    """And nothing is kept of it."""
    rate = Rate(0)
    assert not any(rate.take("a", 1000.0) for _ in range(1_000))
    assert rate.wait("a", 1000.0) == 0.0


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many addresses there are; of those that were heard of last, the count is right."""
    monkeypatch.setattr(limits, "MOST_KEYS", 100)
    rate, all_limits = Rate(1), limits.Limits(Settings())
    for number in range(1_000):
        rate.take(number, 1000.0)
        all_limits.unwelcome(number, number, 1000.0)
    assert [rate.take(number, 1000.0) > 0 for number in (999, 900)] == [True, True]
    assert rate.take(899, 1000.0) == 0.0
    assert {len(kept) for kept in (rate._whole_at, all_limits._at_home)} == {100}  # noqa: SLF001 - bounded memory


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::", True),
        ("2001:db8:1:2::1", "[2001:DB8:1:2:0:0:0:9]", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::1", True),
        ("::1", "127.0.0.1", False),
        ("unknown", "unknown", True),
        ("1:2", "1:3", False),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one: str, other: str, *, same: bool) -> None:
    """Whoever has IPv6 has 2^64 addresses."""
    assert (network(one) == network(other)) is same


def test_proxies_of_this_machine_and_of_private_networks_are_trusted() -> None:
    """By default, and no others; IPv4 also as a socket for both sees it."""
    trusted = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.17.0.1", "192.168.7.7", "fd00::7"]
    others = ["192.0.2.7", "172.32.0.1", "::ffff:192.0.2.7", "2001:db8::1", "::2", "unknown"]
    assert [each for each in trusted + others if is_in(each, Settings().trusted_proxies)] == trusted


# --- over HTTP ----------------------------------------------------------------------------------------------


def serving(folder: Path, **settings: str) -> Any:
    """A service with limits, behind a proxy that says who asks."""
    return running_service(f"sqlite:///{folder}/stats.sqlite3", folder, FIX_PROXY="1", **settings)


def asked(
    client: httpx.Client, address: str = HERE, path: str = "/api/v1/client/me", method: str = "GET", **headers: str
) -> httpx.Response:
    """An answer to a request that a proxy passes on."""
    return client.request(method, path, headers={"X-Forwarded-For": address} | headers)


def check_refusal(answer: httpx.Response, word: str) -> int:
    """Check that it is a refusal that says why and how long; the seconds."""
    assert (answer.status_code, answer.json().keys()) == (429, {"message"})
    assert word in answer.json()["message"]
    return int(answer.headers["Retry-After"])


def until_refused(ask: Callable[[int], httpx.Response], per_minute: int) -> httpx.Response:
    """Ask until it is refused, which has to be after as many requests as a minute's limit, and those that have come
    back meanwhile; the refusal."""
    began = time.monotonic()
    for number in range(10 * per_minute):
        if (answer := ask(number)).status_code == 429:
            assert per_minute <= number <= per_minute * (1 + (time.monotonic() - began) / 60) + 1
            return answer
    raise AssertionError("never refused")


def refusals(service: Service) -> float:
    """How often the service has counted that it refused an account."""
    found = re.search(r'route="/api/v1/client/me",status="429"} (\S+)', service.admin.get("/metrics").text)
    return float(found[1]) if found else 0.0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with narrow limits."""
    narrow = {"ACCOUNT_REQUESTS_PER_MINUTE": "60", "ADDRESS_REQUESTS_PER_MINUTE": "40"}
    with serving(tmp_path_factory.mktemp("limits"), FAILED_LOGINS_PER_MINUTE="30", **narrow) as running:
        yield running


def test_an_account_that_asks_too_often_is_told_to_wait(service: Service) -> None:
    """From whatever addresses; others of the same address are served, and it is too, after the time that is said."""
    eager, other, before = service.client("eager"), service.client("other"), refusals(service)
    refused = until_refused(lambda number: asked(eager, f"198.51.100.{number % 30}"), 60)
    assert check_refusal(refused, "this account: 60 a minute") == 1
    assert asked(other, "198.51.100.200").status_code == 200
    time.sleep(1.1)
    assert asked(eager).status_code == 200
    assert refusals(service) == before + 1


def test_an_address_that_asks_too_often_is_told_to_wait(service: Service) -> None:
    """Whatever it asks for and whoever it says to be, but for /health and /ready; other addresses are served."""
    nobody = service.client_with(None)
    network_of = "2001:db8:7:7"
    requests = [
        *(("GET", path) for path in ("/about.json", "/stats/risks.json", "/api/v1/client/me", "/metrics")),
        *(("GET", path) for path in ("/docs", "/docs/start.js", "/docs/swagger-ui.css", "/openapi.json")),
        *(
            ("PUT", "/about.json"),
            ("OPTIONS", "/about.json"),
            ("PUT", "/docs"),
            ("GET", "/nothing"),
            ("BREW", "/nothing"),
        ),
    ]
    ways = itertools.cycle(requests)
    until_refused(lambda number: asked(nobody, f"{network_of}::{number:x}", *reversed(next(ways))), 40)
    for method, path in requests:
        # Where some time has passed, one more is allowed, which is used up then.
        answers = [asked(nobody, f"{network_of}::ffff", path, method) for _ in range(3)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused, (method, path)
        assert 1 <= check_refusal(refused[0], "this address: 40 a minute") <= 2, (method, path)
    for path in ("/health", "/ready"):
        assert {asked(nobody, f"{network_of}::1", path).status_code for _ in range(150)} == {200}
    assert asked(nobody, "2001:db8:7:8::1", "/about.json").status_code == 200


def test_a_refusal_comes_before_the_body_is_read(service: Service) -> None:
    """The connection stays of use, where the body is there already."""
    eager = service.client("poster")
    until_refused(lambda number: asked(eager, f"198.51.100.{100 + number % 30}"), 60)
    answer = eager.post("/api/v1/stats/", json=[], headers={"X-Forwarded-For": "198.51.100.9"})
    assert check_refusal(answer, "this account") >= 1
    assert answer.headers["Connection"] == "keep-alive"


def test_a_stranger_has_little_to_send(service: Service) -> None:
    """Where no token is asked for, 64 KiB are enough for the parameters: nobody fills the memory with more."""
    answer = service.client_with(None).request("GET", "/stats/risks.json", content=b" " * 65_537)
    assert (answer.status_code, "64 KiB" in answer.json()["message"]) == (413, True)
    assert service.admin.request("GET", "/stats/risks.json", content=b" " * 65_536).status_code == 200
    assert service.admin.request("GET", "/api/v1/client/me", content=b" " * 65_537).status_code == 200


def test_the_document_says_where_it_can_happen(service: Service) -> None:
    """Every route but /health and /ready."""
    paths = service.admin.get("/openapi.json", headers={"X-Forwarded-For": "192.0.2.1"}).json()["paths"]
    without = {path for path, methods in paths.items() for each in methods.values() if "429" not in each["responses"]}
    assert without == {"/health", "/ready"}
    assert "Retry-After" in paths["/about.json"]["get"]["responses"]["429"]["headers"]


@pytest.mark.parametrize("believed", [{}, {"FIX_PROXY": "1", "TRUSTED_PROXIES": "127.0.0.1, 192.0.2.0/24"}])
def test_a_stranger_is_not_believed_to_come_from_elsewhere(tmp_path: Path, believed: dict[str, str]) -> None:
    """X-Forwarded-For does not make many addresses of one: without FIX_PROXY nobody's, and with it only a trusted
    proxy's. So wrong tokens and requests are counted, and logged, of the address that they come from."""
    url = f"sqlite:///{tmp_path}/stats.sqlite3"
    limits = {"ADDRESS_REQUESTS_PER_MINUTE": "50", "FAILED_LOGINS_PER_MINUTE": "10"}
    with (
        running_service(url, tmp_path, **limits, **believed) as service,
        httpx.Client(base_url=service.url, transport=httpx.HTTPTransport(local_address="127.0.0.2")) as stranger,
    ):
        until_refused(lambda number: asked(stranger, f"198.51.100.{number}", **WRONG), 10)
        answers = [asked(stranger, f"198.51.100.{100 + number}", "/nothing") for number in range(60)]
        check_refusal(answers[-1], "this address: 50 a minute")
        log = service.log()
    assert ("from 127.0.0.2 " in log, "198.51.100." in log) == (True, False)


# --- wrong tokens -------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Service]:
    """A service that looks at twelve wrong tokens a minute."""
    with serving(tmp_path, FAILED_LOGINS_PER_MINUTE="12") as running:
        yield running


def test_wrong_tokens_are_limited_and_right_ones_are_not(guarded: Service) -> None:
    """One Front Office of a house has a wrong token and tries it without end: the others go on, and so do others who
    try a wrong one elsewhere. What was no guess does not count."""
    house, nobody = guarded.client("house"), guarded.client_with(None)
    assert asked(house).status_code == 200
    assert {asked(nobody).status_code for _ in range(20)} == {401}
    assert {asked(house, path="/api/v1/client").status_code for _ in range(20)} == {403}  # no admin
    until_refused(lambda _: asked(nobody, **WRONG), 12)
    for _ in range(5):
        assert check_refusal(asked(nobody, **WRONG), "wrong tokens come from this address: 12 a minute") <= 5
        assert asked(house).status_code == 200
    assert asked(nobody, THERE, **WRONG).status_code == 403


def test_of_several_addresses_the_one_that_the_proxy_saw_counts(guarded: Service) -> None:
    """What stands before it the client may have made up."""
    nobody = guarded.client_with(None)
    until_refused(lambda number: asked(nobody, f"198.51.100.{number}, {HERE}", **WRONG), 12)
    assert asked(nobody, THERE, **WRONG).status_code == 403


def test_a_right_guess_is_not_told_from_a_wrong_one(guarded: Service) -> None:
    """Where too many were tried, a token that was not used there before gets the same answer; elsewhere it works, and
    here too once it may be looked at again. An account that has just come in from elsewhere is not at home here."""
    newcomer, nobody = guarded.client("newcomer"), guarded.client_with(None)
    until_refused(lambda _: asked(nobody, **WRONG), 12)
    right, wrong = asked(newcomer), asked(nobody, **WRONG)
    assert (right.status_code, right.json()) == (wrong.status_code, wrong.json())
    assert right.headers.keys() == wrong.headers.keys()
    assert asked(newcomer, THERE).status_code == 200
    seconds = check_refusal(asked(newcomer), "wrong tokens")
    time.sleep(seconds)
    assert [asked(newcomer).status_code for _ in range(5)] == [200] * 5


def test_a_dead_token_is_a_wrong_one(guarded: Service) -> None:
    """An account that was locked, or whose token was changed, is no longer at home with the old one."""
    client = guarded.client("locked")
    assert asked(client).status_code == 200
    (found,) = (each for each in guarded.admin.get("/api/v1/client").json()["data"] if each["name"] == "locked")
    guarded.admin.patch(f"/api/v1/client/{found['uuid']}", json={"is_active": False}).raise_for_status()
    assert asked(client).status_code == 403
    until_refused(lambda _: asked(client), 11)


def test_no_limits_by_settings(tmp_path: Path) -> None:
    """0 is any number, of everything."""
    none = dict.fromkeys(
        ("ACCOUNT_REQUESTS_PER_MINUTE", "ADDRESS_REQUESTS_PER_MINUTE", "FAILED_LOGINS_PER_MINUTE"), "0"
    )
    with serving(tmp_path, **none) as service:
        nobody = service.client_with(None)
        assert {asked(nobody, **WRONG).status_code for _ in range(100)} == {403}
        assert {asked(service.admin).status_code for _ in range(100)} == {200}
