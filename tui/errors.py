"""What can go wrong between the dashboard and a service, said so that an operator knows what to do.

DashboardError
  SettingsError      a flag, a variable or the configuration file has a wrong value
  ConnectionLost     nobody answers: the service is down, the address is wrong, or the network is away
  NotAllowed         the token is missing, unknown, or has not the right (401, 403)
  Refused            the service says that what was sent is wrong (other 4xx), in its words
  ServerFault        the service failed (5xx)
  NotUnderstood      something answered that does not speak the service's language
"""


class DashboardError(Exception):
    """The family. `message` says what happened, `hint` what can be done about it; neither holds a token."""

    hint = ""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.hint if hint is None else hint


class SettingsError(DashboardError):
    """A flag, a variable or the configuration file has a wrong value."""


class ConnectionLost(DashboardError):
    """Nobody answers."""

    hint = "Is the service running, and is the address right? It is tried again by itself."


class NotAllowed(DashboardError):
    """The token is missing, unknown, or may not do this."""

    hint = "Give an administrator's token: --token-file, STATS_TOKEN_FILE, or the configuration file."


class Refused(DashboardError):
    """The service refused what was sent."""

    hint = "Change what was entered and try again."


class ServerFault(DashboardError):
    """The service failed."""

    hint = "Its log says why. It is tried again by itself."


class NotUnderstood(DashboardError):
    """The answer is not one of the Stats Service's."""

    hint = "Is this the address of a Stats Service? A prefix such as /dashboard may be missing."
