"""What can go wrong between the dashboard and a service, said so that an operator knows what to do.

DashboardError
  SettingsError      a flag, a variable or the configuration file has a wrong value
  ConnectionLost     nobody answers: the service is down, the address is wrong, or the network is away
  NotTrusted         somebody answers whose certificate does not prove that it is the service
  NotAllowed         the token is missing, unknown, or has not the right (401, 403)
    NotAdmin         an administrator's token is needed
  TooMany            more was asked than the service answers (429)
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


Problems = dict[str, DashboardError]
"""What is missing of what was asked for, in words, and why."""


class SettingsError(DashboardError):
    """A flag, a variable or the configuration file has a wrong value."""


class ConnectionLost(DashboardError):
    """Nobody answers."""

    hint = "Is the service running, and is the address right?"


class NotTrusted(DashboardError):
    """The certificate does not prove who answers."""

    hint = "If it is the right service, name its authority's certificate (a PEM file) in SSL_CERT_FILE."


class NotAllowed(DashboardError):
    """The token is missing, unknown, or may not do this."""

    hint = "Give another token: --token-file, STATS_TOKEN_FILE, or the configuration file."


class NotAdmin(NotAllowed):
    """The token is not an administrator's."""

    hint = "Give an administrator's token: --token-file, STATS_TOKEN_FILE, or the configuration file."


class TooMany(DashboardError):
    """The service answers again after `seconds`."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message, f"Wait {seconds:.0f} s.")
        self.seconds = seconds


class Refused(DashboardError):
    """The service refused what was sent."""

    hint = "Change what was entered and try again."


class ServerFault(DashboardError):
    """The service failed."""

    hint = "Its log says why."


class NotUnderstood(DashboardError):
    """The answer is not one of the Stats Service's."""

    hint = "Is this the address of a Stats Service? A prefix such as /dashboard may be missing."
