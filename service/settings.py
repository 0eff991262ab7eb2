"""What can be set, each with its environment name, its default and what it is for.

This is the only place that reads the environment. A setting's environment name is its field's name in
capitals; the same name, in either case, is its key in the optional TOML file that STATS_CONFIG points to. The
environment wins over the file, and an empty value counts as not set. `stats-service serve --help` prints what
`described()` says, and a test holds README.md to it.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from service.errors import SettingsError

T = TypeVar("T")
Reader = Callable[[str], T]
"""Turns a value's text into what the field holds; raises ValueError saying what the value has to be."""

IGNORED = frozenset({"SECRET_KEY", "ENVIRONMENT", "STATS_CONFIG"})
"""What a settings file may hold beside our settings: today's deployments set these, and they mean nothing
here (or, the last one, nothing inside the file itself)."""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def _setting(default: T, read: Reader[T], text: str, *, secret: bool = False, where_empty: str = "") -> T:
    """Field of `Settings`. `where_empty` says what an empty default stands for. A `secret` is never shown."""
    about = {"read": read, "text": text, "secret": secret, "where_empty": where_empty}
    made: T = field(default=default, repr=not secret, metadata=about)
    return made


def _text(value: str) -> str:
    if not value.isprintable():
        raise ValueError("text without control characters")
    return value


def _bool(value: str) -> bool:
    word = value.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("0 or 1 (or true, false, yes, no, on, off)")
    return word in _TRUE


def _whole(least: int, most: int) -> Reader[int]:
    """A reader of whole numbers from `least` to `most`, both included."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(value)

    return read


def _one_of(*words: str) -> Reader[str]:
    """A reader of one of a few words, in any case."""

    def read(value: str) -> str:
        if value.lower() not in words:
            raise ValueError(" or ".join(words))
        return value.lower()

    return read


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:%-]+", value):
        raise ValueError("a host name or an address")
    return value


def _web_address(value: str) -> str:
    wanted = "an address like https://example.org, without a password"
    try:
        parts = urlsplit(_text(value))
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError(wanted) from None
    if not usable or parts.password or " " in value:
        raise ValueError(wanted)
    return value.rstrip("/")


def _networks(value: str) -> str:
    try:
        return ", ".join(str(ip_network(each.strip(), strict=False)) for each in value.split(","))
    except ValueError:
        wanted = "addresses and networks, with commas between them, like 192.0.2.7, 10.0.0.0/8"
        raise ValueError(wanted) from None


def _prefix(value: str) -> str:
    if not re.fullmatch(r"(/+[A-Za-z0-9._~-]+)*/*", value):
        raise ValueError("a path that begins with a slash, like /dashboard")
    return re.sub("/+", "/", value).rstrip("/")


def _token(value: str) -> str:
    if not re.fullmatch(r"[!-~]{16,1024}", value):
        raise ValueError("16 to 1024 printable ASCII characters without spaces")
    return value


def _database(value: str) -> str:
    """A database's URL; `postgresql:` becomes `postgres:`, and its scheme is in small letters."""
    wanted = (
        "sqlite:///relative/path, sqlite:////absolute/path or postgres://user:password@host:port/name"
        " (with %40 for an @ in the password, and so on)"
    )
    try:
        parts = urlsplit(_text(value))
        port = parts.port
    except ValueError:
        raise ValueError(wanted) from None
    if parts.scheme == "sqlite":
        usable = not parts.netloc and len(parts.path) > 1 and not parts.path.endswith("/")
    else:
        named = parts.scheme in {"postgres", "postgresql"} and parts.hostname and len(parts.path) > 1
        usable = bool(named) and port != 0 and not parts.fragment
    if not usable:
        raise ValueError(wanted)
    scheme = "sqlite" if parts.scheme == "sqlite" else "postgres"
    return scheme + value[len(parts.scheme) :]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How this instance runs. `database_url` is complete: where the DB_* variables count, they are in it."""

    database_url: str = _setting(
        "sqlite:///var/stats.sqlite3",
        _database,
        "The database: sqlite:///relative/path, sqlite:////absolute/path or postgres://user:password@host:port/name",
        secret=True,
    )
    db_hostname: str = _setting(
        "", _host, "PostgreSQL's host; unless DATABASE_URL is set, it and the other DB_* name the database",
        where_empty="not used",
    )  # fmt: skip
    db_port: int = _setting(5432, _whole(1, 65535), "PostgreSQL's port")
    db_name: str = _setting("statsservice", _text, "The database's name in PostgreSQL")
    db_username: str = _setting("", _text, "Who connects to PostgreSQL", where_empty="PGUSER or the system's user")
    db_password: str = _setting(
        "", _text, "The password for PostgreSQL", secret=True, where_empty="PGPASSWORD or what ~/.pgpass has"
    )
    db_wait_seconds: int = _setting(
        60, _whole(0, 86400), "How long a start waits for a PostgreSQL database that cannot be reached yet"
    )
    host: str = _setting("127.0.0.1", _host, "The address to listen on; 0.0.0.0 is every one")
    port: int = _setting(5005, _whole(0, 65535), "The port to listen on; 0 takes a free one")
    instance_url: str = _setting(
        "", _web_address, "The public address of this instance, for /about.json", where_empty="none"
    )
    script_name: str = _setting(
        "",
        _prefix,
        "The path that a reverse proxy serves this instance under, like /dashboard",
        where_empty="/",
    )
    fix_proxy: bool = _setting(
        default=False, read=_bool, text="Believe reverse proxies (TRUSTED_PROXIES) who asks: their X-Forwarded-For"
    )
    trusted_proxies: str = _setting(
        "127.0.0.0/8, ::1/128, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7",
        _networks,
        "The addresses and networks of the reverse proxies that FIX_PROXY believes; by default this machine and private"
        " networks",
    )
    admin_email: str = _setting("", _text, "The address to write to, for /about.json", where_empty="none")
    admin_url: str = _setting("", _web_address, "The operator's page, for /about.json", where_empty="none")
    admin_token: str = _setting(
        "", _token, "An admin account named admin with this token is made at the start if there is none",
        secret=True, where_empty="none is made",
    )  # fmt: skip
    client_registration_open: bool = _setting(
        default=True, read=_bool, text="Whether admins can make accounts over HTTP"
    )
    remote_stats_server: str = _setting(
        "https://dashboard.monarc.lu", _web_address, "The global instance that figures are shared with"
    )
    remote_stats_token: str = _setting(
        "", _token, "The token that the global instance gave to this one", secret=True, where_empty="none"
    )
    mosp_url: str = _setting(
        "https://objects.monarc.lu", _web_address, "Where `share catalogue fetch` asks for published objects"
    )
    public_instance: bool = _setting(
        default=False, read=_bool, text="Whether what anybody may see is kept from telling of single accounts"
    )
    public_min_accounts: int = _setting(
        5,
        _whole(5, 1_000),
        "How many accounts at least a public figure is made of, with PUBLIC_INSTANCE; it can be raised",
    )
    public_max_percent: int = _setting(
        80, _whole(1, 80), "How much of a public figure one account may make up, in percent; it can be lowered"
    )
    account_requests_per_minute: int = _setting(
        3_000, _whole(0, 1_000_000), "How many requests of an account each process answers in a minute; 0: any number"
    )
    address_requests_per_minute: int = _setting(
        12_000,
        _whole(0, 1_000_000),
        "How many requests from an address each process answers in a minute; 0: any number",
    )
    failed_logins_per_minute: int = _setting(
        30,
        _whole(0, 1_000_000),
        "How many wrong tokens of an address each process looks at in a minute; accounts that came in from there before"
        " are not held up; 0: any number",
    )
    log_path: str = _setting("", _text, "The file that the log is written to", where_empty="standard error")
    log_format: str = _setting("text", _one_of("text", "json"), "The form of a line of the log: text or json")
    metrics: bool = _setting(
        default=True,
        read=_bool,
        text="Whether /metrics tells Prometheus how this instance is; never to those who come through a reverse proxy,"
        " and with PUBLIC_INSTANCE only where it is set",
    )
    debug: bool = _setting(default=False, read=_bool, text="Log more, for finding faults")
    max_body_mb: int = _setting(
        64, _whole(1, 1024), "The largest request body that is taken, unpacked, in MiB; without a token 64 KiB"
    )

    @property
    def sqlite_path(self) -> Path | None:
        """Where the SQLite file is (a relative path: from the working directory); None for PostgreSQL."""
        parts = urlsplit(self.database_url)
        return Path(unquote(parts.path[1:])) if parts.scheme == "sqlite" else None

    @property
    def database_shown(self) -> str:
        """The database as it may be printed: without the password and without a query."""
        parts = urlsplit(self.database_url)
        who, _, where = parts.netloc.rpartition("@")
        user = who.partition(":")[0]
        netloc = f"{user}@{where}" if user else where
        return urlunsplit((parts.scheme, netloc, parts.path, "", "")) if netloc else f"sqlite://{parts.path}"


@dataclass(frozen=True, kw_only=True)
class Description:
    """A setting as it is explained to people: environment name, default as text, what it is for."""

    name: str
    default: str
    text: str


def described() -> Iterator[Description]:
    """All settings, and STATS_CONFIG, which names the settings file."""
    for one in fields(Settings):
        default = str(int(one.default) if isinstance(one.default, bool) else one.default)
        default = default or one.metadata["where_empty"]
        yield Description(name=one.name.upper(), default=default, text=one.metadata["text"])
    yield Description(
        name="STATS_CONFIG",
        default="none",
        text="A TOML file with these settings; the environment wins over it",
    )


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of `environ` (default: this process's environment) and of the file that it names.

    Raises SettingsError with one line for each wrong value, all of them at once. Values that may hold a
    secret are not repeated in it.
    """
    environ = os.environ if environ is None else environ
    values = _file_values(environ.get("STATS_CONFIG", "")) | _environment_values(environ)
    found: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for one in fields(Settings):
        value = values.get(one.name.upper(), "")
        if not value:
            continue
        try:
            found[one.name] = one.metadata["read"](value)
        except ValueError as error:
            shown = "" if one.metadata["secret"] or "://" in value else f", not {value[:60]!r}"
            wrong[one.name.upper()] = f"{one.name.upper()} has to be {error}{shown}"
    if wrong:
        raise SettingsError("\n".join(wrong.values()), wrong)
    settings = Settings(**found)
    if "database_url" not in found and settings.db_hostname:
        found["database_url"] = _postgres_url(settings)
    if settings.public_instance:
        found.setdefault("metrics", False)  # they tell how many accounts there are, and when these post
    return Settings(**found)


def _environment_values(environ: Mapping[str, str]) -> dict[str, str]:
    """What the environment says of our settings, without surrounding blanks and without what is empty."""
    named = {one.name.upper() for one in fields(Settings)}
    return {name: environ[name].strip() for name in named if environ.get(name, "").strip()}


def _file_values(path: str) -> dict[str, str]:
    """The settings file's values as text, by environment name. Unknown names are refused: slips of the pen.

    The old service took the name of a Python file here, and its deployments still set one: it is passed
    over.
    """
    if not path or path.endswith(".py"):
        return {}
    try:
        with Path(path).open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise _config_error(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _config_error(f"{path} is not TOML: {error}") from None
    known = {one.name.upper() for one in fields(Settings)}
    wrong: dict[str, str] = {}
    values: dict[str, str] = {}
    for key, value in content.items():
        name = key.upper()
        if name not in known | IGNORED:
            wrong[name] = f"STATS_CONFIG: {path} sets {key}, which is no setting"
        elif not isinstance(value, str | int):
            wrong[name] = f"STATS_CONFIG: {path} sets {key} to something that is no text, number, true or false"
        else:
            values[name] = str(value).strip()
    if wrong:
        raise SettingsError("\n".join(wrong.values()), wrong)
    return values


def _config_error(text: str) -> SettingsError:
    """The error for a settings file that cannot be taken at all."""
    return SettingsError(f"STATS_CONFIG: {text}", {"STATS_CONFIG": text})


def _postgres_url(settings: Settings) -> str:
    """The URL that the DB_* variables stand for."""
    who = quote(settings.db_username, safe="")
    if settings.db_password:
        who += ":" + quote(settings.db_password, safe="")
    host = f"[{settings.db_hostname}]" if ":" in settings.db_hostname else settings.db_hostname
    return f"postgres://{who}{'@' if who else ''}{host}:{settings.db_port}/{quote(settings.db_name, safe='')}"
