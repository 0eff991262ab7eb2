"""What is asked before the dashboard starts: on a first start the server, and the token where it is to be typed."""

import getpass
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tui.errors import SettingsError
from tui.settings import (
    Flags,
    Secret,
    ServerEntry,
    Settings,
    check_token,
    check_url,
    find_token,
    read_config,
    resolve,
)

DEFAULT_URL = "http://127.0.0.1:5005"


def first_start(flags: Flags, environment: Mapping[str, str], path: Path) -> Settings:
    """Ask for a server, and for a token where neither flags nor environment have one, and keep the server in the
    configuration file. The token is kept beside it, in a file that nobody else can read, if that is wished. Raises
    SettingsError."""
    _say(f"No server is known yet. (It will be kept in {path}.)")
    entry = {"url": check_url(_answer(f"Address of the service [{DEFAULT_URL}]: ") or DEFAULT_URL)}
    given, _ = find_token(flags, environment, ServerEntry(entry["url"]))
    token = given or ask_token("Token of an account (not shown; Enter for none: public figures only): ")
    keeps = token is not given and _answer("Keep the token, readable only by you? [y/N]: ").lower() in {"y", "yes"}
    try:
        if keeps and token is not None:
            entry["token_file"] = str(keep_token(path.with_name("home.token"), token))
        keep_server(path, entry)
    except OSError as error:
        hint = "Say --server URL and --token-file FILE instead."
        raise SettingsError(f"{error.filename} cannot be written: {error.strerror}.", hint) from error
    found = resolve(flags, environment, read_config(path))
    if found is None:
        raise SettingsError(f"{path} names no server.")
    return msgspec.structs.replace(found, token=token)


def with_token(settings: Settings) -> Settings:
    """The settings with a token that is asked for now."""
    return msgspec.structs.replace(settings, token=ask_token("Token (not shown): "))


def ask_token(prompt: str) -> Secret | None:
    """A token typed without an echo; None where nothing was typed. Raises SettingsError."""
    try:
        typed = getpass.getpass(prompt)
    except EOFError:
        typed = ""
    return check_token(typed, "What was typed") if typed.strip() else None


def keep_token(path: Path, token: Secret) -> Path:
    """Write the token to a file that only its owner can read, from the first moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(token.reveal() + "\n", encoding="utf-8")
    return path


def keep_server(path: Path, entry: dict[str, str]) -> None:
    """Add the server, as `home` and as the default, to a configuration file that has none yet."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = [f"{key} = {_toml(value)}" for key, value in entry.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(['default = "home"', text, "[servers.home]", *lines, ""]), encoding="utf-8")
    read_config(path)


def _toml(text: str) -> str:
    """A TOML string: JSON's rules for one are stricter and do."""
    return msgspec.json.encode(text).decode()


def _answer(question: str) -> str:
    """What is typed. Raises SettingsError where the input ends instead."""
    try:
        return input(question).strip()
    except EOFError as error:
        raise SettingsError("Nothing was answered.", "Say --server URL, or set STATS_SERVER.") from error


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
