"""The service behind the real nginx, Apache and HAProxy, configured by the files of contrib/ but for ports and paths.

A proxy that is not installed is skipped. Front Offices and the ansible role join the service's address and a path with
two slashes, so everything is asked for under /dashboard and //dashboard.
"""

import contextlib
import dataclasses
import datetime as dt
import getpass
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import samples
from tests.naive import NaiveModel
from tests.servers import ADMIN_TOKEN, HOST, ROOT, Postgres, Service, free_port, running_service, stop, wait_for

APACHE_MODULES = ("/usr/lib/apache2/modules", "/etc/httpd/modules", "/usr/lib/httpd/modules")
CHARTS = (
    *("risk_averages_on_date", "threat_average_on_date", "vulnerability_average_on_date"),
    *("cartography_average_on_date", "compliance_average_on_date"),
)
DAY = "2024-03-05"
PREFIXES = ("/dashboard", "//dashboard")
SMALL_BODY_MB = 3
"""The service's limit here; what the proxies let through is more."""


# --- proxies ------------------------------------------------------------------------------------------------


def _edited(file: str, *changes: tuple[str, str]) -> str:
    """A file of contrib/ with some of its text replaced; an error where the file does not hold that text."""
    text = (ROOT / "contrib" / file).read_text()
    for old, new in changes:
        assert old in text, f"contrib/{file} does not hold {old!r}"
        text = text.replace(old, new)
    return text


def _nginx(folder: Path, port: int, services: Sequence[str], *, strip: bool) -> list[str]:
    lines = "".join(f"server {address} max_fails=1 fail_timeout=2s;\n" for address in services)
    kept, stripped = "        proxy_pass http://monarc_stats;\n", "        #proxy_pass http://monarc_stats/;\n"
    ours = _edited(
        "nginx/monarc-stats.conf",
        ("server 127.0.0.1:5005 max_fails=1 fail_timeout=2s;\n", lines),
        ("listen 80;", f"listen {HOST}:{port};"),
        (kept, "" if strip else kept),
        (stripped, stripped.replace("#", "") if strip else stripped),
    )
    places = "".join(
        f"{kind}_temp_path {folder / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder / 'pid'};\nuser {getpass.getuser()};\nerror_log stderr;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{places}\n{ours}\n}}\n"
    )
    return ["-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def _apache(folder: Path, port: int, services: Sequence[str], *, strip: bool) -> list[str]:
    modules = next((path for path in APACHE_MODULES if Path(path).is_dir()), None)
    if modules is None:
        pytest.skip("Apache's modules are not where they are looked for")
    kept, stripped = 'ProxyPass "/dashboard/" "http://127.0.0.1:5005/dashboard/"', '#ProxyPass "/dashboard/"'
    ours = _edited(
        "apache/monarc-stats.conf",
        (stripped, stripped.replace("#", "") if strip else stripped),
        (kept, f"#{kept}" if strip else kept),
        ("127.0.0.1:5005", services[0]),
    )
    wanted = ("mpm_event", "authz_core", "proxy", "proxy_http", "headers", "reqtimeout")
    available = [name for name in wanted if (Path(modules) / f"mod_{name}.so").exists()]  # some have it built in
    (folder / "apache.conf").write_text(
        "".join(f"LoadModule {name}_module {modules}/mod_{name}.so\n" for name in available)
        + f"ServerRoot {folder}\nServerName {HOST}\nListen {HOST}:{port}\nPidFile pid\nDefaultRuntimeDir .\n"
        f"ErrorLog /dev/stderr\nUser #65534\nGroup #65534\n<VirtualHost *:{port}>\n{ours}\n</VirtualHost>\n"
    )
    return ["-f", str(folder / "apache.conf"), "-DFOREGROUND"]


def _haproxy(folder: Path, port: int, services: Sequence[str], *, strip: bool) -> list[str]:
    lines = "".join(f"    server stats{number} {address}\n" for number, address in enumerate(services))
    line = "#http-request replace-path"
    ours = _edited(
        "haproxy/haproxy.cfg",
        ("bind :80", f"bind {HOST}:{port}"),
        ("    server stats1 127.0.0.1:5005\n", lines),
        (line, line.replace("#", "") if strip else line),
    )
    (folder / "haproxy.cfg").write_text(ours)
    return ["-db", "-f", str(folder / "haproxy.cfg")]


@dataclasses.dataclass(frozen=True)
class Program:
    """How a proxy is started: its names, what writes its configuration and gives its arguments, and how it is ended."""

    names: tuple[str, ...]
    configure: Callable[..., list[str]]
    polite: signal.Signals


PROXIES = {
    "nginx": Program(("nginx",), _nginx, signal.SIGQUIT),
    "Apache": Program(("apache2", "httpd"), _apache, signal.SIGTERM),
    "HAProxy": Program(("haproxy",), _haproxy, signal.SIGUSR1),
}


@contextlib.contextmanager
def _proxy(name: str, folder: Path, services: Sequence[Service], *, strip: bool = False) -> Iterator[str]:
    """The URL of a proxy that runs before these services within the block. Without the program, the test is skipped."""
    program = PROXIES[name]
    places = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin"  # an ordinary user's lacks them
    found = next((path for one in program.names if (path := shutil.which(one, path=places))), None)
    if found is None:
        pytest.skip(f"{name} is not installed")
    port = free_port()
    addresses = [service.url.removeprefix("http://") for service in services]
    arguments = program.configure(folder, port, addresses, strip=strip)
    log = folder / "proxy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [found, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://{HOST}:{port}"
    try:
        wait_for(process, log, lambda: httpx.get(url), (httpx.TransportError,))
        yield url
    finally:
        stop(process, program.polite)
        with contextlib.suppress(ProcessLookupError):  # its workers, should it have left them behind
            os.killpg(process.pid, signal.SIGKILL)


# --- one service under a prefix -----------------------------------------------------------------------------

WAYS = ("direct", *(f"{name}, prefix {what}" for name in PROXIES for what in ("kept", "stripped")))


@pytest.fixture(scope="module")
def prefixed(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service as the ansible role sets it up, behind a proxy that it believes, and nobody else."""
    variables = {"SCRIPT_NAME": "/dashboard", "FIX_PROXY": "1", "TRUSTED_PROXIES": HOST}
    variables["MAX_BODY_MB"] = str(SMALL_BODY_MB)
    with (
        postgres.database() as database_url,
        running_service(database_url, tmp_path_factory.mktemp("service"), **variables) as service,
    ):
        yield service


@pytest.fixture(scope="module")
def unprefixed(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that lives at /, as far as it knows."""
    with (
        postgres.database() as database_url,
        running_service(database_url, tmp_path_factory.mktemp("service")) as service,
    ):
        yield service


@pytest.fixture(scope="module", params=WAYS)
def address(
    request: pytest.FixtureRequest, prefixed: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where the service is reached: its own address, or that of a proxy before it."""
    name, _, what = request.param.partition(", prefix ")
    if not what:
        yield prefixed.url
        return
    with _proxy(name, tmp_path_factory.mktemp("proxy"), [prefixed], strip=what == "stripped") as url:
        yield url


@pytest.fixture(params=PREFIXES)
def base(request: pytest.FixtureRequest, address: str) -> str:
    """The address and the prefix, joined with one slash or two."""
    return f"{address}{request.param}"


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A client that follows no redirect, as a GET would lose its body with it."""
    with httpx.Client(timeout=30) as client:
        yield client


def _made(http: httpx.Client, base: str) -> dict[str, str]:
    """The header of a new account, made as the ansible role makes it."""
    token = f"a-token-of-tests-{uuid.uuid4()}"
    account = {"name": f"FO {token}", "is_sharing_enabled": True, "token": token}
    answer = http.post(f"{base}/api/v1/client/", headers={"X-API-KEY": ADMIN_TOKEN}, json=account)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return {"X-API-KEY": token}


def _get(http: httpx.Client, url: str, parameters: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
    """GET with the parameters as a JSON body, as a Front Office does."""
    return http.request("GET", url, json=parameters, headers=headers)


def test_the_roles_accounts(http: httpx.Client, base: str) -> None:
    """The role's request makes an account with the token it names; the second time it is told 304, with nothing."""
    token = f"the-token-{uuid.uuid4()}"
    account = {"name": f"FO {token}", "is_sharing_enabled": True, "token": token}
    headers = {"X-API-KEY": ADMIN_TOKEN}
    first = http.post(f"{base}/api/v1/client/", headers=headers, json=account)
    second = http.post(f"{base}/api/v1/client/", headers=headers, json=account)
    assert (first.status_code, first.json()["token"]) == (201, token)
    assert (second.status_code, second.content) == (304, b"")
    me = _get(http, f"{base}/api/v1/client/me", {}, {"X-API-KEY": token})
    assert (me.status_code, me.json()["name"]) == (200, account["name"])


def test_a_front_offices_day(http: httpx.Client, base: str) -> None:
    """A batch beyond a megabyte is stored, read back by a GET whose body says what, charted, and deleted."""
    headers = _made(http, base)
    anrs = [str(uuid.uuid4()) for _ in range(30)]
    batch = [row for variant, anr in enumerate(anrs) for row in samples.rows(anr, DAY, variant)]
    body = json.dumps(batch).encode()
    assert 1 << 20 < len(body) < SMALL_BODY_MB << 20
    posting = headers | {
        "Content-Type": "application/json",
        "Expect": "100-continue",
    }  # as curl asks before a large one
    posted = http.post(f"{base}/api/v1/stats/", headers=posting, content=body)
    assert (posted.status_code, posted.json()["metadata"]["count"]) == (201, str(len(batch)))

    wanted = {"type": "risk", "anrs": anrs[:2], "date_from": DAY, "date_to": DAY}
    found = _get(http, f"{base}/api/v1/stats/", wanted, headers)
    assert found.status_code == httpx.codes.OK
    sent = {row["anr"]: row["data"] for row in batch if row["type"] == "risk"}
    assert {row["anr"]: row["data"] for row in found.json()["data"]} == {anr: sent[anr] for anr in anrs[:2]}

    chart = wanted | {"processor": "risk_averages"}
    assert _get(http, f"{base}/api/v1/stats/processed/", chart, headers).json()["data"]["current"]

    assert http.delete(f"{base}/api/v1/stats/{anrs[0]}", headers=headers).status_code == httpx.codes.NO_CONTENT
    left = _get(http, f"{base}/api/v1/stats/", wanted, headers).json()["data"]
    assert [row["anr"] for row in left] == [anrs[1]]


@pytest.mark.parametrize("compressed", [False, True])
def test_what_has_not_changed_is_not_sent_again(http: httpx.Client, base: str, *, compressed: bool) -> None:
    """A chart's ETag, as it comes through the proxy, compressed there or not, is answered 304."""
    headers = _made(http, base) | {"Accept-Encoding": "gzip" if compressed else "identity"}
    http.post(f"{base}/api/v1/stats/", headers=headers, json=samples.rows(str(uuid.uuid4()), DAY)).raise_for_status()
    chart = {"type": "threat", "processor": "threat_average_on_date", "date_from": DAY, "date_to": DAY}
    url = f"{base}/api/v1/stats/processed/"
    first = _get(http, url, chart, headers)
    again = _get(http, url, chart, headers | {"If-None-Match": first.headers["ETag"]})
    assert first.status_code == httpx.codes.OK
    assert (again.status_code, again.content) == (304, b"")


def test_the_service_itself_refuses_what_is_too_large(http: httpx.Client, base: str) -> None:
    """A body over the service's limit is answered with its JSON, and not with a page of the proxy's."""
    headers = _made(http, base)
    answer = http.post(f"{base}/api/v1/stats/", headers=headers, content=b" " * ((SMALL_BODY_MB << 20) + 1))
    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert "message" in answer.json()


def test_paths_that_do_not_exist_are_answered_in_json(http: httpx.Client, base: str) -> None:
    """404 in the service's own words: the proxy passes all of the prefix on, and no redirect stands in between."""
    answer = http.get(f"{base}/api/v1/nothing/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
    assert answer.json()["message"]


def test_the_log_tells_who_asked(address: str, prefixed: Service) -> None:
    """The service logs the address that the proxy saw, or that it saw itself, and not one that the client makes up."""
    name = f"asked-{uuid.uuid4()}"
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Request-ID": name}
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2")) as elsewhere:
        elsewhere.get(f"{address}/dashboard/about.json", headers=headers).raise_for_status()
    line = next(line for line in prefixed.log().splitlines() if name in line)
    assert "from 127.0.0.2 " in line


@pytest.mark.parametrize(("strip", "status"), [(True, 200), (False, 404)], ids=["stripped", "kept"])
@pytest.mark.parametrize("name", PROXIES)
def test_a_stripped_prefix_does_not_reach_the_service(
    http: httpx.Client, unprefixed: Service, tmp_path: Path, name: str, status: int, *, strip: bool
) -> None:
    """A service that knows nothing of the prefix works where the proxy strips it, and only there."""
    with _proxy(name, tmp_path, [unprefixed], strip=strip) as url:
        assert [http.get(f"{url}{prefix}/about.json").status_code for prefix in PREFIXES] == [status] * 2


# --- a fleet ------------------------------------------------------------------------------------------------

FLEET = 3
FRONT_OFFICES = 6
POSTS = 5


@pytest.fixture(scope="module")
def processes(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    """Three processes on ports of their own and one empty database, all started at once."""
    folder = tmp_path_factory.mktemp("fleet")
    with postgres.database() as database_url, contextlib.ExitStack() as stack:
        fleet = [
            stack.enter_context(contextlib.closing(Service(database_url, folder, SCRIPT_NAME="/dashboard")))
            for _ in range(FLEET)
        ]
        with ThreadPoolExecutor(FLEET) as pool:
            for started in [pool.submit(service.start) for service in fleet]:
                started.result()
        for service in fleet:
            stack.callback(service.stop)
        yield fleet


@pytest.fixture(params=["nginx", "HAProxy"])
def fleet(request: pytest.FixtureRequest, processes: list[Service], tmp_path: Path) -> Iterator[str]:
    """The URL of a proxy that spreads requests over the processes."""
    with _proxy(request.param, tmp_path, processes) as url:
        yield f"{url}/dashboard"


def _posts(services: Sequence[Service]) -> Counter[str]:
    """How many batches each process has stored."""
    return Counter({service.url: service.log().count("POST /api/v1/stats 201") for service in services})


def test_a_fleet_is_one_service(processes: list[Service], fleet: str, http: httpx.Client) -> None:
    """Posts of many Front Offices spread over all processes, and whichever answers has all sums, exact and alike."""
    model, before = NaiveModel(), _posts(processes)
    day = dt.date(2020, 1, 1) + dt.timedelta(days=sum(before.values()))  # another range for each proxy
    days = [str(day + dt.timedelta(days=number)) for number in range(POSTS)]
    offices = {str(number): _made(http, fleet) for number in range(FRONT_OFFICES)}
    anrs = {name: str(uuid.uuid4()) for name in offices}

    def post_all(name: str) -> list[int]:
        """A Front Office's days, one after the other, each with new figures."""
        statuses = []
        for number, date in enumerate(days):
            rows = samples.rows(anrs[name], date, variant=number * FRONT_OFFICES + int(name))
            model.post({"client": name, "local": True} | row for row in rows)
            answer = httpx.post(f"{fleet}/api/v1/stats/", headers=offices[name], json=rows, timeout=30)
            statuses.append(answer.status_code)
        return statuses

    with ThreadPoolExecutor(FRONT_OFFICES) as pool:
        assert list(pool.map(post_all, offices)) == [[201] * POSTS] * FRONT_OFFICES
    spread = _posts(processes) - before
    assert len(spread) == FLEET
    assert spread.total() == FRONT_OFFICES * POSTS

    addresses = [fleet, *(service.url for service in processes)]
    for processor in CHARTS:
        chart = {"type": processor.partition("_")[0], "processor": processor, "date_from": days[0], "date_to": days[-1]}
        answers = [_get(http, f"{url}/api/v1/stats/processed/", chart, offices["0"]) for url in addresses]
        assert answers[0].json()["data"] == model.chart(processor)
        assert {answer.content for answer in answers} == {answers[0].content}
        seen = {"If-None-Match": answers[0].headers["ETag"]} | offices["0"]
        assert {_get(http, f"{url}/api/v1/stats/processed/", chart, seen).status_code for url in addresses} == {304}


def test_a_killed_process_costs_no_request(processes: list[Service], fleet: str, http: httpx.Client) -> None:
    """A process is killed that holds a post: another one takes it over; a new process gets its share within 5 s."""
    headers, rows = _made(http, fleet), samples.rows(str(uuid.uuid4()), DAY)[:1]

    def post(over: Callable[[], bool]) -> set[int]:
        statuses = set()
        while not over():
            statuses.add(httpx.post(f"{fleet}/api/v1/stats/", headers=headers, json=rows, timeout=30).status_code)
        return statuses

    restarted = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        posting = [pool.submit(post, restarted.is_set) for _ in range(2)]
        time.sleep(0.3)
        processes[0].process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)  # by now it holds a post that it has not answered
        processes[0].process.kill()
        processes[0].process.wait()
        processes[0].start()
        restarted.set()
    assert [done.result() for done in posting] == [{201}, {201}]
    before, deadline = _posts(processes), time.monotonic() + 5
    assert post(lambda: len(_posts(processes) - before) == FLEET or time.monotonic() > deadline) == {201}
    assert time.monotonic() < deadline
