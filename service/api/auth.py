"""Who asks, and whether they may: the header X-API-KEY, and the version of the MONARC that asks."""

import re

from service.api.failures import Outdated
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


def token_of(request: Request) -> str | None:
    """The token that a request presents; None where it presents none."""
    return request.headers.get("x-api-key", "").strip() or None


async def admit(request: Request, *, only_admins: bool) -> Account:
    """The account whose token the request presents.

    Raises `Unauthenticated` without a token, `Forbidden` where no active account has it or the account is no admin
    and `only_admins` says that it has to be.
    """
    account = await clients.authenticate(token_of(request))
    if only_admins and not account.is_admin:
        raise Forbidden("Only an admin's token opens this.")
    clients.note_seen(account)
    return account
