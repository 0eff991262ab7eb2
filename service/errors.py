"""What can go wrong, in the words of the domain.

This module knows neither HTTP nor the database: `service.api.failures` is the one place that turns these
into answers, and `service.cli` the one that turns them into messages and exit codes.

    StatsServiceError
      BadInput            the caller sent something wrong; `errors` names the fields
      NotFound            there is no such account
      Conflict            a name, token or uuid is taken, or the operation would lock everybody out
      Unauthenticated     no token was presented
      Forbidden           the token is nobody's, or its account may not do this
      Unavailable         the database is busy or away: try again after `retry_after` seconds
      StorageFull         the disk is full: nothing was stored
      MigrationsPending   the database's schema is not the one that this version needs
      SettingsError       an environment variable or the settings file has a wrong value
"""


class StatsServiceError(Exception):
    """The family. `message` is one sentence for a person; `errors` maps a field to what is wrong with it."""

    def __init__(self, message: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.errors = errors or {}


class BadInput(StatsServiceError):
    """The caller sent something that cannot be taken; the message says what to mend."""


class NotFound(StatsServiceError):
    """What was asked for does not exist (or is not the caller's to see)."""


class Conflict(StatsServiceError):
    """The change collides with what is there already."""


class Unauthenticated(StatsServiceError):
    """No token was presented."""


class Forbidden(StatsServiceError):
    """No active account has the token, or the account has not the right."""


class Unavailable(StatsServiceError):
    """The service has too much to do, or the database is busy or away. `retry_after`: seconds until another try."""

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageFull(StatsServiceError):
    """There is no room left on the disk: what was sent is not stored."""


class MigrationsPending(StatsServiceError):
    """The database lacks migrations that this version needs."""


class SettingsError(StatsServiceError):
    """A setting has a wrong value; the message names the variable."""
