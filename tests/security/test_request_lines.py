"""Request lines and headers as nobody means well who sends them: a fitting answer, and never two requests for one."""

import json
import random
import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.servers import ADMIN_TOKEN, Service, running_service

HOST = b"Host: stats\r\n"
KEY = b"X-API-KEY: " + ADMIN_TOKEN.encode() + b"\r\n"
NEXT = b"GET /about.json HTTP/1.1\r\nHost: stats\r\nConnection: close\r\n\r\n"
"""What follows on the same connection. It is answered where the service knows where the request before it ends."""

REFUSED, PASSED = b"400", b"200"


@pytest.fixture(scope="module", params=["0", "1"], ids=["direct", "behind a proxy"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that believes what proxies say, and one that does not."""
    folder = tmp_path_factory.mktemp("lines")
    with running_service(f"sqlite:///{folder}/stats.sqlite3", folder, FIX_PROXY=request.param) as running:
        yield running


def exchange(service: Service, sent: bytes) -> tuple[list[bytes], bytes]:
    """The statuses that are answered to these bytes until the service ends the connection, and the whole answer.

    Where it waits for more, the client ends it. Raises TimeoutError where the service does not then.
    """
    url = httpx.URL(service.url)
    answer = b""
    with socket.create_connection((url.host, url.port or 80), timeout=10) as wire:
        try:
            wire.sendall(sent)
            wire.settimeout(0.5)
            while part := wire.recv(1 << 16):
                answer += part
        except TimeoutError:
            wire.shutdown(socket.SHUT_WR)
            wire.settimeout(10)
            while part := wire.recv(1 << 16):
                answer += part
        except ConnectionError:
            pass
    return re.findall(rb"HTTP/1\.1 ([1-5]\d\d) ", answer), answer


def one(line: bytes, *headers: bytes) -> bytes:
    """A request without a body."""
    return line + b"\r\n" + HOST + b"".join(header + b"\r\n" for header in headers) + b"\r\n"


def post(headers: bytes, body: bytes) -> bytes:
    """A post of a batch."""
    return b"POST /api/v1/stats HTTP/1.1\r\n" + HOST + KEY + headers + b"\r\n" + body


def chunked(body: bytes, coding: bytes = b"chunked") -> bytes:
    """A post whose body comes in chunks."""
    return post(b"Transfer-Encoding: " + coding + b"\r\n", body)


# --- where a request ends -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(post(b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), id="both"),
        pytest.param(post(b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", b"[]"), id="both, turned"),
        pytest.param(post(b"Content-Length: 2\r\nContent-Length: 2\r\n", b"[]"), id="a length twice"),
        pytest.param(post(b"Content-Length: 2\r\ncontent-length: 0\r\n", b"[]"), id="two lengths"),
        pytest.param(post(b"Content-Length: 2, 2\r\n", b"[]"), id="a list of lengths"),
        pytest.param(post(b"Content-Length: -2\r\n", b"[]"), id="negative length"),
        pytest.param(post(b"Content-Length: +2\r\n", b"[]"), id="length with a sign"),
        pytest.param(post(b"Content-Length: 0x2\r\n", b"[]"), id="hexadecimal length"),
        pytest.param(post(b"Content-Length: 2.0\r\n", b"[]"), id="length with a fraction"),
        pytest.param(post(b"Content-Length: 1_0\r\n", b"[        ]"), id="length with an underscore"),
        pytest.param(post("Content-Length: ２\r\n".encode(), b"[]"), id="length of other digits"),
        pytest.param(post(b"Content-Length:\r\n", b"[]"), id="empty length"),
        pytest.param(post(b"Content-Length: %b\r\n" % (b"9" * 5_000), b"[]"), id="huge length"),
        pytest.param(post(b"Content-Length : 2\r\n", b"[]"), id="blank before the colon"),
        pytest.param(post(b"X: a\r\n Content-Length: 2\r\n", b"[]"), id="folded line"),
        pytest.param(post(b"X: a\r\n\tb\r\nContent-Length: 2\r\n", b"[]"), id="folded line with a tab"),
        pytest.param(post(b"X: a\nContent-Length: 2\r\n", b"[]"), id="line feed alone"),
        pytest.param(post(b"X: a\rContent-Length: 2\r\n", b"[]"), id="carriage return alone"),
        pytest.param(post(b"X: a\0Content-Length: 2\r\n", b"[]"), id="NUL"),
        pytest.param(post(b"Content-Length: 2\x0b\r\n", b"[]"), id="vertical tab"),
        pytest.param(post(b": 2\r\n", b"[]"), id="no name"),
        pytest.param(post(b"Content Length: 2\r\n", b"[]"), id="blank in a name"),
        pytest.param(post("Content-Length\xa0: 2\r\n".encode(), b"[]"), id="odd bytes in a name"),
        pytest.param(post(b"no colon\r\n", b"[]"), id="no colon"),
        pytest.param(chunked(b"0\r\n\r\n", b"identity"), id="identity"),
        pytest.param(chunked(b"0\r\n\r\n", b"gzip, chunked"), id="two codings"),
        pytest.param(chunked(b"0\r\n\r\n", b"chunked, identity"), id="two codings, turned"),
        pytest.param(chunked(b"0\r\n\r\n", b"xchunked"), id="unknown coding"),
        pytest.param(chunked(b"0\r\n\r\n", b"\x0bchunked"), id="coding with a control character"),
        pytest.param(chunked(b"0x2\r\n[]\r\n0\r\n\r\n"), id="chunk size with 0x"),
        pytest.param(chunked(b"-2\r\n[]\r\n0\r\n\r\n"), id="negative chunk size"),
        pytest.param(chunked(b"+2\r\n[]\r\n0\r\n\r\n"), id="chunk size with a sign"),
        pytest.param(chunked(b" 2\r\n[]\r\n0\r\n\r\n"), id="chunk size after a blank"),
        pytest.param(chunked("２\r\n[]\r\n0\r\n\r\n".encode()), id="chunk size of other digits"),
        pytest.param(chunked(b"2\n[]\r\n0\r\n\r\n"), id="chunk size and a line feed"),
        pytest.param(chunked(b"\r\n\r\n[]\r\n0\r\n\r\n"), id="no chunk size"),
        pytest.param(chunked(b"0" * 300 + b"2\r\n[]\r\n0\r\n\r\n"), id="long chunk size"),
        pytest.param(chunked(b"2;" + b"x" * 300 + b"\r\n[]\r\n0\r\n\r\n"), id="long chunk extension"),
        pytest.param(chunked(b"2;a\nb\r\n[]\r\n0\r\n\r\n"), id="line feed in a chunk extension"),
        pytest.param(chunked(b"2;a\0b\r\n[]\r\n0\r\n\r\n"), id="NUL in a chunk extension"),
        pytest.param(chunked(b"2\r\n[]XX0\r\n\r\n"), id="chunk longer than it says"),
        pytest.param(chunked(b"3\r\n[]\r\n0\r\n\r\n"), id="chunk shorter than it says"),
        pytest.param(chunked(b"2\r\n[]\r\n0\r\nContent-Length: 9\r\n\r\n"), id="trailer"),
        pytest.param(
            b"POST /api/v1/stats HTTP/1.0\r\n" + HOST + KEY + b"Connection: keep-alive\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
            id="chunks in HTTP/1.0",
        ),
    ],
)
def test_where_it_is_not_clear_where_a_request_ends_nothing_that_follows_is_one(service: Service, sent: bytes) -> None:
    """400, in JSON, and the connection ends: what follows is not looked at, whatever a proxy would make of it."""
    statuses, answer = exchange(service, sent + NEXT)
    assert statuses == [REFUSED]
    assert json.loads(answer.partition(b"\r\n\r\n")[2]).keys() == {"message"}
    assert service.admin.get("/about.json").status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(post(b"Content-Length: 2\r\n", b"[]"), b"201", id="length"),
        pytest.param(post(b"Content-Length:\t 02 \t\r\n", b"[]"), b"201", id="length among blanks"),
        pytest.param(chunked(b"1\r\n[\r\n1\r\n]\r\n0\r\n\r\n"), b"201", id="chunks"),
        pytest.param(chunked(b"0002;name=value\r\n[]\r\n0 ;last\r\n\r\n"), b"201", id="chunk extensions"),
        pytest.param(post(b"Expect: 100-continue\r\nContent-Length: 2\r\n", b"[]"), b"201", id="100-continue"),
        pytest.param(one(b"GET /health HTTP/1.1", b"Content-Length: 0"), b"200", id="no body"),
        pytest.param(one(b"GET /nothing HTTP/1.1", b"Content-Length: 20") + NEXT[:20], b"404", id="unread body"),
        pytest.param(one(b"POST /api/v1/stats HTTP/1.1", b"Content-Length: 20") + NEXT[:20], b"401", id="nobody's"),
        pytest.param(one(b"GET /health HTTP/1.1", b"Content-Length: 20") + NEXT[:20], b"400", id="body of a GET"),
        pytest.param(one(b"HEAD /health HTTP/1.1"), b"200", id="HEAD"),
        pytest.param(one(b"OPTIONS /health HTTP/1.1"), b"204", id="OPTIONS"),
    ],
)
def test_where_it_is_clear_the_next_one_is_answered(service: Service, sent: bytes, status: bytes) -> None:
    """Both in their order; a body is never taken for a request, be it read or not."""
    statuses, _ = exchange(service, sent + NEXT)
    assert [each for each in statuses if each != b"100"] == [status, b"200"]


# --- lines, paths and headers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET //health HTTP/1.1", PASSED),
        (b"GET /api//v1///client/me/ HTTP/1.1", PASSED),
        (b"GET http://elsewhere.example/health HTTP/1.1", PASSED),
        (b"GET http://a:b@c:99999999/health HTTP/1.1", PASSED),
        (b"GET http://elsewhere.example HTTP/1.1", b"404"),
        (b"GET /api/v1/../../health HTTP/1.1", b"404"),
        (b"GET /./health HTTP/1.1", b"404"),
        (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1", b"404"),
        (b"GET /api%2Fv1%2Fclient%2Fme HTTP/1.1", b"404"),
        (b"GET /api/v1/client%2Fme HTTP/1.1", b"404"),
        (b"GET /api\\v1\\client\\me HTTP/1.1", b"404"),
        (b"GET /health;x=y HTTP/1.1", b"404"),
        (b"GET /HEALTH HTTP/1.1", b"404"),
        (b"GET /health%00 HTTP/1.1", b"404"),
        (b"GET /api/v1/stats/%00 HTTP/1.1", b"400"),
        (b"GET /api/v1/stats/x%0d%0aSet-Cookie:%20a=b HTTP/1.1", b"400"),
        (b"GET /api/v1/stats/%zz HTTP/1.1", b"400"),
        (b"GET /api/v1/stats/%ff%fe HTTP/1.1", b"400"),
        (b"GET /health?a=%0d%0aX:%20y HTTP/1.1", b"400"),
        (b"GET /" + b"a" * 15_000 + b" HTTP/1.1", b"404"),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1", b"431"),
        (b"GET /" + b"a/" * 7_000 + b" HTTP/1.1", b"404"),
        (b"GET /he\0alth HTTP/1.1", REFUSED),
        (b"GET /he\xc3\xa4lth HTTP/1.1", REFUSED),
        (b"GET /health\rX: y HTTP/1.1", REFUSED),
        (b"GET /health\nX: y HTTP/1.1", REFUSED),
        (b"GET  /health HTTP/1.1", REFUSED),
        (b"GET\t/health\tHTTP/1.1", REFUSED),
        (b" GET /health HTTP/1.1", REFUSED),
        (b"\r\nGET /health HTTP/1.1", REFUSED),
        (b"GET /health", REFUSED),
        (b"GET /health HTTP/0.9", REFUSED),
        (b"GET /health HTTP/1.2", REFUSED),
        (b"GET /health HTTP/2", REFUSED),
        (b"GET /health http/1.1", REFUSED),
        (b"GET /health HTTP/1.1 ", REFUSED),
        (b"PRI * HTTP/2.0\r\n\r\nSM", REFUSED),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", REFUSED),
        (b"CONNECT elsewhere.example:443 HTTP/1.1", b"404"),
        (b"CONNECT / HTTP/1.1", b"404"),
        (b"OPTIONS * HTTP/1.1", b"404"),
        (b"TRACE /health HTTP/1.1", b"405"),
        (b"get /health HTTP/1.1", b"405"),
        (b"G\xcbT /health HTTP/1.1", REFUSED),
        (b"X" * 5_000 + b" /health HTTP/1.1", b"405"),
    ],
)
def test_a_line_gets_the_answer_that_fits(service: Service, line: bytes, status: bytes) -> None:
    """Paths are what they are written as, but for doubled slashes. What was sent comes back nowhere in a header."""
    statuses, answer = exchange(service, one(line, KEY[:-2], b"Connection: close"))
    assert statuses == [status]
    top, _, body = answer.partition(b"\r\n\r\n")
    assert json.loads(body)
    assert not re.search(rb"\r\n(x|set-cookie):", top, re.IGNORECASE)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param(b"X: " + b"x" * 100_000, b"431", id="100 KB"),
        pytest.param(b"\r\n".join([b"a: b"] * 10_000), b"431", id="10,000 headers"),
        pytest.param(b"\r\n".join(b"%x:" % number for number in range(2_000)), PASSED, id="2,000 headers"),
        pytest.param(b"X: \xff\xfe\xed\xa0\x80", PASSED, id="no UTF-8"),
        pytest.param(b"User-Agent: MONARC/\xff", PASSED, id="agent"),
        pytest.param(b'If-None-Match: \xff"\', W/"', PASSED, id="entity tag"),
        pytest.param(b"Cookie: \xff=\xfe; ;;=", PASSED, id="cookie"),
        pytest.param(b"Content-Type: \xff/;charset=\0\xff".replace(b"\0", b""), PASSED, id="content type"),
        pytest.param(b"Accept: ;q=x, */*;q=9e999\r\nAccept-Encoding: \xff", PASSED, id="accept"),
        pytest.param(b"Range: bytes=-1-,9999999999999999999-", PASSED, id="range"),
        pytest.param(b"X-Request-ID: ../\xff", PASSED, id="request id"),
        pytest.param(b"Authorization: Basic \xff\r\nProxy-Authorization: x", PASSED, id="authorization"),
        pytest.param(b"Upgrade: websocket\r\nSec-WebSocket-Key: x", PASSED, id="WebSocket"),
        pytest.param(b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA", PASSED, id="HTTP/2"),
        pytest.param(b"X-HTTP-Method-Override: DELETE\r\nX-Original-URL: /api/v1/client", PASSED, id="override"),
        pytest.param(b"Expect: tea\r\nContent-Length: 0", b"417", id="expectation"),
        pytest.param(b"Host: other", REFUSED, id="a second host"),
        pytest.param(b"X-API-KEY: another-token-0123456789", PASSED, id="a second token"),
        pytest.param(b"X-Forwarded-For: \xff\xfe", PASSED, id="forwarded for odd bytes"),
        pytest.param(b"X-Forwarded-For: " + b"1" * 10_000, PASSED, id="forwarded for a long one"),
        pytest.param(b"X-Forwarded-For: ,, ,\r\nX-Forwarded-For:", PASSED, id="forwarded for nobody"),
        pytest.param(b"X-Forwarded-For: 1.2.3.4 for 'root' from 5.6.7.8", PASSED, id="forwarded for a log line"),
        pytest.param(
            b"X-Forwarded-For: ::1%1\r\nX-Forwarded-Proto: \xff\r\nX-Forwarded-Port: x\r\nX-Forwarded-Host: \xff:x\r\n"
            b'X-Forwarded-Path: %ff%\r\nForwarded: for="_\xff',
            PASSED,
            id="all that is forwarded",
        ),
    ],
)
def test_odd_headers_do_no_harm(service: Service, headers: bytes, status: bytes) -> None:
    """What means nothing here means nothing, whatever it holds."""
    statuses, answer = exchange(
        service, one(b"GET /api/v1/client/me HTTP/1.1", KEY[:-2], headers, b"Connection: close")
    )
    assert statuses == [status]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])
    assert "Traceback" not in service.log()
    assert "Logging error" not in service.log()
    assert "'root'" not in service.log()


@pytest.mark.parametrize("host", [b"", b"\xff:99999/../", b"a b", b"[::1", b"x" * 10_000, b"elsewhere.example"])
def test_the_host_means_nothing(service: Service, host: bytes) -> None:
    """It is asked for, as HTTP has it, and no more: this service has one name, which its settings say."""
    end = b"Connection: close\r\n\r\n"
    statuses, answer = exchange(service, b"GET /about.json HTTP/1.1\r\nHost: " + host + b"\r\n" + end)
    assert statuses == [b"200"]
    assert not host or host not in answer
    assert exchange(service, b"GET /about.json HTTP/1.1\r\n" + end)[0] == [b"400"]
    assert exchange(service, b"GET /about.json HTTP/1.0\r\n\r\n")[0] == [b"200"]


@pytest.mark.parametrize("token", [b"\xff\xfe", b"\xed\xa0\x80", b"'\" OR 1=1 --", b"\t", b"k" * 15_000, b"%00", b"="])
def test_odd_tokens_open_nothing(service: Service, token: bytes) -> None:
    """403, or 401 where nothing is left of it."""
    statuses, answer = exchange(
        service, one(b"GET /api/v1/client/me HTTP/1.1", b"X-API-KEY: " + token, b"Connection: close")
    )
    assert statuses == [b"403" if token.strip() else b"401"]
    assert token.strip() not in answer or not token.strip()


@pytest.mark.parametrize("service", ["0"], indirect=True)
def test_a_stranger_is_who_he_is(service: Service) -> None:
    """Without FIX_PROXY nothing that is forwarded is believed, in the log least of all."""
    headers = {"X-Forwarded-For": "198.51.100.7", "Forwarded": "for=198.51.100.7", "X-Real-IP": "198.51.100.7"}
    assert service.admin.get("/about.json", headers=headers).status_code == 200
    assert "198.51.100.7" not in service.log()


# --- at random ----------------------------------------------------------------------------------------------

ORDINARY = (
    one(b"GET /health HTTP/1.1"),
    one(b"GET /api/v1/client/me HTTP/1.1", KEY[:-2], b"X-Forwarded-For: 203.0.113.9"),
    post(b"Content-Length: 2\r\nExpect: 100-continue\r\n", b"[]"),
    chunked(b"2;a=b\r\n[]\r\n0\r\n\r\n"),
)
BYTES = (
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b"/",
    b"%",
    b"0",
    b"f",
    b"-",
    b",",
    b";",
    b"\xff",
    b"\r\n\r\n",
)


def damaged(rng: random.Random) -> bytes:
    """An ordinary request with some damage."""
    sent = rng.choice(ORDINARY)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at, to = sorted(rng.randrange(len(sent) + 1) for _ in range(2))
        match rng.randrange(4):
            case 0:
                sent = sent[:at] + rng.choice(BYTES) + sent[at:]
            case 1:
                sent = sent[:at] + sent[min(at + rng.randrange(1, 9), to) :]
            case 2:
                sent = sent[:to] + sent[at:to] + sent[to:]
            case _:
                sent = sent[:at] + rng.choice(BYTES) + sent[at + 1 :]
    return sent


def check_damaged(service: Service, count: int) -> None:
    """So many damaged requests: no 5xx, no hang, and at most as many answers as there are requests in them."""
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201 - shown where the test fails
    rng, began = random.Random(seed), time.monotonic()
    for _ in range(count):
        sent = damaged(rng)
        statuses, answer = exchange(service, sent + NEXT)
        assert not any(status.startswith(b"5") for status in statuses), (sent, answer)
        assert len([each for each in statuses if each != b"100"]) <= (sent + NEXT).count(b"HTTP/1."), (sent, answer)
        assert statuses.count(b"100") <= sent.count(b"100-"), (sent, answer)
    assert service.admin.get("/about.json").status_code == 200
    assert "Traceback" not in service.log()
    print(f"{count} in {time.monotonic() - began:.0f} s")  # noqa: T201 - as above


def test_damaged_requests(service: Service) -> None:
    """A thousand, cut, doubled and sprinkled with what means something in HTTP."""
    check_damaged(service, 1_000)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_damaged_requests(service: Service) -> None:
    """Thirty thousand."""
    check_damaged(service, 30_000)
