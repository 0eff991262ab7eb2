"""Other names for what must not be told: the same for the same thing each time, and meaningless without the secret."""

import datetime as dt
import hmac
from uuid import UUID

from service.records import StatType

MOST_REMEMBERED = 50_000
"""How many objects' pseudonyms are remembered; then it begins anew."""

UUID_LENGTH = 36


class Pseudonyms:
    """The pseudonyms of an installation, made of its secret. They look like any random UUID."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._objects: dict[str, str] = {}

    def analysis(self, client_uuid: UUID, anr: UUID, generation: int) -> UUID:
        """The pseudonym of an account's analysis; another one for each generation."""
        return self._uuid(b"analysis", client_uuid.bytes, anr.bytes, b"%d" % generation)

    def row(self, analysis_pseudonym: UUID, stat_type: StatType, date: dt.date) -> UUID:
        """The uuid that a row is sent with."""
        return self._uuid(b"row", analysis_pseudonym.bytes, stat_type.encode(), date.isoformat().encode())

    def object(self, uuid: str) -> str:
        """The pseudonym of a threat, vulnerability, referential or measure that is not published.

        `uuid` may be any text (that of a measure is nowhere checked), in small or capital letters.
        """
        pseudonym = self._objects.get(uuid)
        if pseudonym is None:
            pseudonym = str(self._uuid(b"object", uuid.lower().encode()))
            if len(self._objects) >= MOST_REMEMBERED:
                self._objects.clear()
            if len(uuid) <= UUID_LENGTH:
                self._objects[uuid] = pseudonym
        return pseudonym

    def _uuid(self, use: bytes, *parts: bytes) -> UUID:
        """`use` keeps the kinds of pseudonyms apart. The parts but the last one have a length of their own, or none is
        the beginning of another."""
        digest = hmac.digest(self._secret, b"\0".join((use, *parts)), "sha256")
        return UUID(bytes=digest[:16], version=4)
