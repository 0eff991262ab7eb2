"""Who asks, and whether they may: the header X-API-KEY, and the version of the MONARC that asks."""

import re

from service.api.failures import Outdated, TooMany
from service.api.limits import Rate
from service.api.request import Request
from service.core import clients
from service.errors import Forbidden
from service.records import Account

OLDEST = (2, 10, 2)
"""The first MONARC that sends what is understood here."""

_MONARC = re.compile(r"MONARC/([0-9]{1,9}(?:\.[0-9]{1,9})*)(?:\s|$)")


def check_version(request: Request) -> None:
    """Raise `Outdated` where an old MONARC asks. A version that cannot be read (`MONARC/dev`) passes."""
    match = _MONARC.match(request.headers.get("user-agent", ""))
    if match and tuple(int(number) for number in match[1].split(".")) < OLDEST:
        wanted = ".".join(str(number) for number in OLDEST)
        raise Outdated(f"MONARC {match[1][:30]} is too old for this service: it has to be {wanted} or later.")


def check_address(request: Request) -> None:
    """Count a request of its address, whatever it asks for, also what is not there; only not where its route says that
    it has no limit. Raises `TooMany`."""
    if request.route and not getattr(request.route.ctx, "limited", True):
        return
    rate = request.app.ctx.limits.addresses
    if seconds := rate.take(request.network, request.began):
        raise TooMany(f"Too many requests come from this address: {_said(rate)} are answered.", seconds)


def token_of(request: Request) -> str | None:
    """The token that a request presents; None where it presents none."""
    return request.headers.get("x-api-key", "").strip() or None


async def admit(request: Request, *, only_admins: bool) -> Account:
    """The account whose token the request presents.

    Raises `Unauthenticated` without a token, `Forbidden` where no active account has it or the account is no admin
    and `only_admins` says that it has to be, `TooMany` where the account asks too often or its address tried too many
    wrong tokens.
    """
    limits = request.app.ctx.limits
    try:
        account = await clients.authenticate(token_of(request))
    except Forbidden:
        if seconds := limits.wrong_tokens.take(request.network, request.began):
            raise _too_many_tokens(request, seconds) from None
        raise
    if seconds := limits.unwelcome(request.network, account.id, request.began):
        raise _too_many_tokens(request, seconds)
    if seconds := limits.accounts.take(account.id, request.began):
        raise TooMany(f"Too many requests come from this account: {_said(limits.accounts)} are answered.", seconds)
    if only_admins and not account.is_admin:
        raise Forbidden("Only an admin's token opens this.")
    clients.note_seen(account)
    return account


def _too_many_tokens(request: Request, seconds: float) -> TooMany:
    rate = request.app.ctx.limits.wrong_tokens
    return TooMany(f"Too many wrong tokens come from this address: {_said(rate)} are looked at.", seconds)


def _said(rate: Rate) -> str:
    return f"{rate.per_minute} a minute"
