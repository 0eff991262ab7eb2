"""Flags, environment, configuration file, memory: which one wins, and that no token is shown."""

import re
from pathlib import Path

import msgspec
import pytest

from tui import asking
from tui.errors import SettingsError
from tui.memory import Memory, Remembered
from tui.scope import Reach, Scope
from tui.settings import (
    EXAMPLE,
    MASK,
    Config,
    Flags,
    Secret,
    ServerEntry,
    check_url,
    config_path,
    read_config,
    resolve,
    state_path,
)

TOKEN = "a-token-that-opens-nothing"
CONFIG = """\
default = "home"
refresh = 15
[servers.home]
url = "http://home:5005/dashboard/"
global = "https://world.example"
read_only = true
[servers.other]
url = "http://other:5005"
[keys]
refresh = "f5"
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The configuration above, read from a file."""
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return read_config(path)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A token's file, as it should be."""
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


def test_the_configuration_names_servers(config: Config) -> None:
    """The default one, with all that is said of it."""
    found = resolve(Flags(), {}, config)
    assert found is not None
    assert (found.url, found.world) == ("http://home:5005/dashboard", "https://world.example")
    assert found.read_only
    assert found.refresh == 15
    assert found.keys == {"refresh": "f5"}


def test_flags_win_over_the_environment_and_that_over_the_file(config: Config) -> None:
    """For the server, which may be a name or an address."""
    environment = {"STATS_SERVER": "http://env:1"}
    by_flag = resolve(Flags(server="other"), environment, config)
    by_environment = resolve(Flags(), environment, config)
    assert by_flag is not None
    assert by_environment is not None
    assert by_flag.url == "http://other:5005"
    assert by_environment.url == "http://env:1"
    assert not by_environment.read_only


def test_the_example_is_a_configuration(tmp_path: Path) -> None:
    """What the help shows can be read, says all there is, and works."""
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE)
    config = read_config(path)
    for field in (*msgspec.structs.fields(Config), *msgspec.structs.fields(ServerEntry)):
        assert re.search(rf"^\[?{field.encode_name}\b", EXAMPLE, re.MULTILINE), field.encode_name
    assert config.keys == {"refresh": "f5,r"}


def test_a_configurations_only_server_is_its_default() -> None:
    """Of several one has to be named."""
    one = Config(servers={"a": ServerEntry("http://a")})
    found = resolve(Flags(), {}, one)
    assert found is not None
    assert found.url == "http://a"
    two = Config(servers={"a": ServerEntry("http://a"), "b": ServerEntry("http://b")})
    with pytest.raises(SettingsError, match=r"no default server \(a, b\)"):
        resolve(Flags(), {}, two)


def test_without_a_server_there_are_no_settings() -> None:
    """The command then asks for one."""
    assert resolve(Flags(), {}, Config()) is None


def test_the_token_comes_from_a_file_or_the_environment(token_file: Path) -> None:
    """The flag's file wins over the environment's token, that over the file of the configuration."""
    config = Config(default="a", servers={"a": ServerEntry("http://a", token_file=str(token_file))})
    for flags, environment, expected in (
        (Flags(), {}, TOKEN),
        (Flags(), {"STATS_TOKEN": "from-the-environment"}, "from-the-environment"),
        (Flags(token_file=str(token_file)), {"STATS_TOKEN": "from-the-environment"}, TOKEN),
        (Flags(), {"STATS_TOKEN_FILE": str(token_file)}, TOKEN),
    ):
        found = resolve(flags, environment, config)
        assert found is not None
        assert found.token is not None
        assert found.token.reveal() == expected
        assert not found.warnings


def test_a_token_file_that_others_can_read_is_warned_of(token_file: Path) -> None:
    """It works, and the start says what to do."""
    token_file.chmod(0o644)
    found = resolve(Flags(server="http://a", token_file=str(token_file)), {}, Config())
    assert found is not None
    assert found.warnings == (f"Others can read {token_file}: chmod 600 it.",)


def test_a_token_does_not_show_itself() -> None:
    """In no representation of the settings that hold it."""
    found = resolve(Flags(server="http://a"), {"STATS_TOKEN": TOKEN}, Config())
    assert TOKEN not in repr(found)
    assert TOKEN not in f"{found!s} {Secret(TOKEN)} {Secret(TOKEN)!r}"
    assert str(Secret(TOKEN)) == MASK


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("url = 1", "url"),
        ("refreshh = 1", "refreshh"),
        ("[servers.a]\ntoken = 'x'\nurl = 'y'", "token"),
        ("not toml", "config.toml"),
        ("refresh = 'soon'", "refresh"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(tmp_path: Path, text: str, expected: str) -> None:
    """With the file, and the key where there is one. (A token in the file itself is such a mistake.)"""
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_config(path)
    assert expected in caught.value.message
    assert str(path) in caught.value.message


@pytest.mark.parametrize(
    ("flags", "environment", "expected"),
    [
        (Flags(server="nowhere"), {}, "nowhere is neither an address"),
        (Flags(server="ftp://x"), {}, "no address"),
        (Flags(server="http://"), {}, "no address"),
        (Flags(server="http://x:port"), {}, "no address"),
        (Flags(server="http://me:secret@x"), {}, "use a token file"),
        (Flags(server="http://x", token_file="/nonexistent"), {}, "cannot be read"),
        (Flags(server="http://x"), {"STATS_TOKEN": "two words"}, "STATS_TOKEN holds no token"),
        (Flags(server="http://x"), {"STATS_TOKEN": "é"}, "STATS_TOKEN holds no token"),
        (Flags(server="http://x"), {"STATS_READ_ONLY": "perhaps"}, "STATS_READ_ONLY"),
    ],
)
def test_wrong_settings_are_told(flags: Flags, environment: dict[str, str], expected: str) -> None:
    """In words that say which one is wrong."""
    with pytest.raises(SettingsError) as caught:
        resolve(flags, environment, Config())
    assert expected in caught.value.message
    assert "secret" not in caught.value.message


def test_addresses_keep_their_prefix() -> None:
    """And lose a slash at their end."""
    assert check_url("https://host/dashboard/") == "https://host/dashboard"


def test_files_stand_where_the_standard_says() -> None:
    """XDG's folders, or theirs in the home folder; a relative one is ignored."""
    assert config_path({"XDG_CONFIG_HOME": "/c"}) == Path("/c/stats-tui/config.toml")
    assert state_path({"XDG_STATE_HOME": "relative", "HOME": "/h"}) == Path("/h/.local/state/stats-tui/state.json")


def test_choices_are_remembered(tmp_path: Path) -> None:
    """By another start; in a folder that is not there yet."""
    path = tmp_path / "deep" / "state.json"
    scope = Scope(Reach.COMPARE, 30)
    Memory(path).change(theme="stats-light", scope=scope)
    assert Memory(path).choices == Remembered("stats-light", "", scope)
    assert [one.name for one in path.parent.iterdir()] == ["state.json"]


@pytest.mark.parametrize("broken", ["", "{", '{"scope": {"reach": "elsewhere"}}', '{"theme": 5}'])
def test_a_broken_memory_is_no_memory(tmp_path: Path, broken: str) -> None:
    """And does not stop the start."""
    path = tmp_path / "state.json"
    path.write_text(broken)
    assert Memory(path).choices == Remembered()


def test_a_first_start_asks_and_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Address and token are asked for; both are kept, the token in a file that nobody else can read."""
    path = tmp_path / "stats-tui" / "config.toml"
    answers = iter(["http://here:5005", "y"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    monkeypatch.setattr("getpass.getpass", lambda _: TOKEN)
    found = asking.first_start(Flags(), {}, path)
    assert found.url == "http://here:5005"
    assert TOKEN not in path.read_text()
    token_file = path.with_name("home.token")
    assert token_file.stat().st_mode & 0o077 == 0
    again = resolve(Flags(), {}, read_config(path))
    assert again is not None
    assert again.token is not None
    assert again.token.reveal() == TOKEN


def test_a_first_start_keeps_what_the_configuration_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and intervals that were set before a server was named stay; nothing typed for a token means none."""
    path = tmp_path / "config.toml"
    path.write_text('refresh = 7\n[keys]\nrefresh = "f5"\n')
    monkeypatch.setattr("builtins.input", lambda _: "")
    monkeypatch.setattr("getpass.getpass", lambda _: "")
    found = asking.first_start(Flags(), {}, path)
    assert (found.url, found.token, found.refresh) == (asking.DEFAULT_URL, None, 7)
    assert found.keys == {"refresh": "f5"}


def test_a_first_start_heeds_flags_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token_file: Path
) -> None:
    """A token that is there is not asked for, and not kept either; the rest holds as at any other start."""
    monkeypatch.setattr("builtins.input", lambda _: "")
    monkeypatch.setattr("getpass.getpass", lambda _: pytest.fail("asked for a token"))
    environment = {"STATS_TOKEN": TOKEN, "STATS_READ_ONLY": "1", "STATS_GLOBAL": "http://world"}
    for flags, given in (Flags(), environment), (Flags(token_file=str(token_file)), {}):
        path = tmp_path / given.get("STATS_TOKEN", "flag") / "config.toml"
        found = asking.first_start(flags, given, path)
        assert found.token is not None
        assert found.token.reveal() == TOKEN
        assert found.read_only is bool(given)
        assert found.world == given.get("STATS_GLOBAL")
        assert [one.name for one in path.parent.iterdir()] == ["config.toml"]


def test_a_first_start_that_cannot_go_on_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-D in place of an address, and a folder that nothing can be written to."""

    def ends(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", ends)
    with pytest.raises(SettingsError, match="Nothing was answered"):
        asking.first_start(Flags(), {}, tmp_path / "config.toml")
    (tmp_path / "file").touch()
    monkeypatch.setattr("builtins.input", lambda _: "")
    with pytest.raises(SettingsError, match="cannot be written"):
        asking.first_start(Flags(), {"STATS_TOKEN": TOKEN}, tmp_path / "file" / "config.toml")
