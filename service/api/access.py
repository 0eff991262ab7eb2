"""A line of the log for each answer, its place in the metrics, and the headers that all answers have.

A line tells method, path, status, time and account; never a query (it may hold names of analyses), a token or a
body.
"""

import logging
import time

from sanic.response.types import BaseHTTPResponse

from service.api.request import Request

log = logging.getLogger(__name__)

LONGEST_PATH = 200

_RECORD = vars(logging.LogRecord(log.name, logging.INFO, "", 0, "", (), None))


def finish(request: Request, response: BaseHTTPResponse) -> None:
    """Count and log a request that is about to be answered, and complete the answer's headers.

    The time is that until the answer begins; what is streamed is still to be sent then.
    """
    response.headers["x-request-id"] = request.id
    response.headers["x-content-type-options"] = "nosniff"
    if request.has_body:
        request.linger()
    if request.takes_gzip:
        response.headers["accept-encoding"] = "gzip"  # RFC 7694: bodies may be packed from now on
    seconds = time.perf_counter() - request.began
    path = request.route.path if request.route else None
    request.app.ctx.metrics.count_answer(request.method, path, response.status, seconds)
    if log.isEnabledFor(logging.INFO):
        _log(request, response.status, seconds)


def _log(request: Request, status: int, seconds: float) -> None:
    ms = round(seconds * 1000, 1)
    account = request.account.name if request.account else None
    method, path, address, number = request.method[:20], request.path[:LONGEST_PATH], request.address, request.id
    # As `log.info(line, extra=...)`, without the search for the calling line and a record's own constructor: together
    # they cost a tenth of a small request.
    record = logging.LogRecord.__new__(logging.LogRecord)
    record.__dict__.update(
        _RECORD,
        created=time.time(),
        msg=f"{method} {path} {status} {ms} ms for {account!r} from {address} id={number}",
        method=method,
        path=path,
        status=status,
        ms=ms,
        account=account,
        address=address,
        request=number,
    )
    log.handle(record)
