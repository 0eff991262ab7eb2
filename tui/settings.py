"""Where the dashboard gets told what to do: flags, then the environment, then the configuration file.

The only place that reads the environment. A token comes from a file, the environment or a hidden prompt, never from an
argument (which every user of the machine can read), and is never shown: `Secret` masks itself.
`EXAMPLE` is a configuration file with everything that may stand in one.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from tui.errors import SettingsError

APP = "stats-tui"
EXAMPLE = """\
default = "home"                         # the server to start with; the only one needs no default
refresh = 60                             # seconds; 0: only when asked (r)
export_dir = "~/stats"                   # where e writes to; otherwise the folder that it was started in
[servers.home]
url = "http://127.0.0.1:5005"
token_file = "~/.config/stats-tui/home.token"
global = "https://dashboard.example.org" # the public figures to compare with
read_only = false
[keys]                                   # an action (stats-tui info lists them) and the keys for it
refresh = "f5,r"
"""
MASK = "•••"
GROUP_OR_OTHERS = 0o077


class Secret:
    """A token that does not show itself in a message, a log or a traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def reveal(self) -> str:
        """The token, for the one that sends it."""
        return self._value


class ServerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"world": "global"}):
    """A named server of the configuration file."""

    url: str
    token_file: str | None = None
    world: str | None = None
    read_only: bool = False


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The configuration file. A key that it does not know is an error, since it is a typing mistake."""

    default: str | None = None
    refresh: int = 60
    export_dir: str = "."
    servers: dict[str, ServerEntry] = {}
    keys: dict[str, str] = {}


class Flags(msgspec.Struct, frozen=True):
    """What was said on the command line. `server` is an address or the name of a server of the configuration file."""

    server: str | None = None
    token_file: str | None = None
    world: str | None = None
    read_only: bool = False
    refresh: int | None = None


class Settings(msgspec.Struct, frozen=True):
    """What came out. `refresh` is in seconds, 0 for never."""

    url: str
    token: Secret | None = None
    world: str | None = None
    read_only: bool = False
    refresh: int = 60
    export_dir: Path = Path()
    keys: Mapping[str, str] = {}
    warnings: tuple[str, ...] = ()


def config_path(environment: Mapping[str, str]) -> Path:
    """The configuration file's place."""
    return _base(environment, "XDG_CONFIG_HOME", ".config") / "config.toml"


def state_path(environment: Mapping[str, str]) -> Path:
    """The place of what is remembered between starts."""
    return _base(environment, "XDG_STATE_HOME", ".local/state") / "state.json"


def _base(environment: Mapping[str, str], variable: str, default: str) -> Path:
    """A folder of the XDG standard; a relative path there is to be ignored, says the standard."""
    said = Path(environment.get(variable, ""))
    return (said if said.is_absolute() else Path(environment.get("HOME", "~")).expanduser() / default) / APP


def read_config(path: Path) -> Config:
    """The configuration file; an empty configuration where there is none. Raises SettingsError naming file and key."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Config)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error


def resolve(flags: Flags, environment: Mapping[str, str], config: Config) -> Settings | None:
    """The settings that flags, environment and configuration file make together; None where none of them names a
    server. A configuration's only server is its default. Raises SettingsError."""
    only = next(iter(config.servers)) if len(config.servers) == 1 else None
    named = flags.server or environment.get("STATS_SERVER") or config.default or only
    if named is None and config.servers:
        known = ", ".join(sorted(config.servers))
        raise SettingsError(f"The configuration names no default server ({known}).", "Say --server NAME.")
    if named is None:
        return None
    entry = config.servers.get(named)
    if entry is None:
        entry = ServerEntry(named) if "://" in named else _unknown(named, config)
    token, warnings = find_token(flags, environment, entry)
    world = flags.world or environment.get("STATS_GLOBAL") or entry.world
    return Settings(
        url=check_url(entry.url),
        token=token,
        world=check_url(world) if world else None,
        read_only=flags.read_only or entry.read_only or _is_true(environment, "STATS_READ_ONLY"),
        refresh=config.refresh if flags.refresh is None else flags.refresh,
        export_dir=Path(config.export_dir).expanduser(),
        keys=config.keys,
        warnings=warnings,
    )


def find_token(
    flags: Flags, environment: Mapping[str, str], entry: ServerEntry
) -> tuple[Secret | None, tuple[str, ...]]:
    """The token, and what to warn about: the flag's file, the environment's token or file, the entry's file."""
    if flags.token_file:
        return read_token(Path(flags.token_file))
    if environment.get("STATS_TOKEN"):
        return check_token(environment["STATS_TOKEN"], "STATS_TOKEN"), ()
    path = environment.get("STATS_TOKEN_FILE") or entry.token_file
    return read_token(Path(path)) if path else (None, ())


def read_token(path: Path) -> tuple[Secret, tuple[str, ...]]:
    """A token from its file, and a warning where others may read the file too. Raises SettingsError."""
    path = path.expanduser()
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except OSError as error:
        raise SettingsError(f"The token file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"The token file {path} holds no text.") from error
    warnings = (f"Others can read {path}: chmod 600 it.",) if mode & GROUP_OR_OTHERS else ()
    return check_token(text, str(path)), warnings


def check_token(text: str, source: str) -> Secret:
    """A token that can be sent. Raises SettingsError that names the source and not the token."""
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(f"{source} holds no token: one word of printable ASCII characters is expected.")
    return Secret(token)


def check_url(url: str) -> str:
    """A service's address: http or https, a host, perhaps a port and a prefix. Raises SettingsError."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise SettingsError(f"{url} is no address: {error}.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(f"{url} is no address of a service: http://host:port or https://host/prefix is expected.")
    if parts.username or parts.password:
        raise SettingsError("An address with a name or password in it is not taken: use a token file.")
    return url.rstrip("/")


def _unknown(name: str, config: Config) -> ServerEntry:
    known = ", ".join(sorted(config.servers)) or "none"
    raise SettingsError(f"{name} is neither an address (http://...) nor a server of the configuration ({known}).")


def _is_true(environment: Mapping[str, str], variable: str) -> bool:
    value = environment.get(variable, "").lower()
    if value not in {"", "0", "1", "true", "false", "yes", "no"}:
        raise SettingsError(f"{variable} is {value}, but 1 or 0 is expected.")
    return value in {"1", "true", "yes"}
