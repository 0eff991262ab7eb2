"""What it means that another Stats Service does not answer as hoped: to ask again, to blame the rows, or to give up."""

import os
import socket
import ssl
from collections.abc import Iterator

from service.peer.answers import Answer, printable
from service.peer.retries import Again, Misnamed, PeerUnusable, Stumbled, Unsure

_TOO_LARGE = 413
_FAILED = 500

_LATER = frozenset({408, 425, 429, 503, 507})
"""What says that this is a bad moment, and nothing of the request."""

_OF_ROWS = frozenset({400, 409, _TOO_LARGE, 422})
"""Refusals that rows may be to blame for. Others are due to the address, the token, or what stands in between."""

_UNUSABLE = {
    401: "{name} does not take the token: {words}",
    403: "{name} does not take the token: {words}",
    404: "{name} has no Stats Service at this address: {words}",
    426: "{name} wants another version: {words}",
}
_REDIRECTS = range(300, 400)
_CLIENT_ERRORS = range(400, 500)


class Refused(Exception):
    """The remote does not take what was sent. `final`: it looked at it, so that asking again is of no use."""

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.message = message
        self.final = final


def of_answer(name: str, answer: Answer, token: str) -> Again | Refused | PeerUnusable:
    """What an answer means that is no success. `name` is the remote's; the token is kept out of the message."""
    status, words = answer.status, answer.words(token)
    if status in _OF_ROWS:
        # A page with 400 is some proxy's, and says nothing of the rows.
        return Refused(f"{name} refuses: {words}", final=answer.is_json or status == _TOO_LARGE)
    if status in _LATER:
        return Again(f"{name} asks to come back later: {words}", answer.wait)
    if status == _FAILED:
        return Stumbled(f"{name} fails: {words}", answer.wait)
    if status in _REDIRECTS:
        where = printable(answer.headers.get("location") or "nowhere", token)
        return PeerUnusable(f"{name} redirects to {where}, which is not followed: use the address that is meant.")
    if status in _CLIENT_ERRORS:
        text = _UNUSABLE.get(status, "{name} cannot be used, perhaps its address is wrong: {words}")
        return PeerUnusable(text.format(name=name, words=words))
    return Unsure(f"{name} does not answer as a Stats Service does: {words}", answer.wait)


def of_connection(name: str, error: BaseException) -> Again:
    """Why no connection came about."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            why = getattr(cause, "verify_message", "") or cause.reason
            return Misnamed(f"{name} cannot be reached by TLS: {why}.")
        if isinstance(cause, socket.gaierror):
            unknown = cause.errno != socket.EAI_AGAIN
            return (Misnamed if unknown else Again)(f"{name} cannot be reached: {cause.strerror}.")
        if isinstance(cause, OSError) and cause.errno:
            return Again(f"{name} cannot be reached: {os.strerror(cause.errno)}.")
    return Again(f"{name} cannot be reached.")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
