"""Settings: where they come from, what is refused and how, and that all of them are written down."""

import re
from pathlib import Path

import pytest

from service.errors import SettingsError
from service.settings import Settings, described, load
from tests.servers import ROOT

SECRET = "hunter2-hunter2-hunter2"


def refused(**environ: str) -> SettingsError:
    """The error that these variables give."""
    with pytest.raises(SettingsError) as caught:
        load(environ)
    return caught.value


def test_without_any_variable_the_defaults_hold() -> None:
    """An empty environment gives the defaults that the documentation promises."""
    settings = load({})
    assert settings == Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 5005)
    assert settings.database_url == "sqlite:///var/stats.sqlite3"
    assert settings.sqlite_path == Path("var/stats.sqlite3")


def test_each_kind_of_value_is_read_from_the_environment() -> None:
    """Numbers, switches, words, addresses and prefixes arrive as what the fields hold."""
    settings = load(
        {
            "PORT": " 8080 ",
            "FIX_PROXY": "True",
            "CLIENT_REGISTRATION_OPEN": "0",
            "LOG_FORMAT": "JSON",
            "SCRIPT_NAME": "/dashboard/",
            "INSTANCE_URL": "https://example.org/",
            "ADMIN_EMAIL": "info@example.org",
        }
    )
    assert settings.port == 8080
    assert settings.fix_proxy is True
    assert settings.client_registration_open is False
    assert settings.log_format == "json"
    assert settings.script_name == "/dashboard"
    assert settings.instance_url == "https://example.org"
    assert settings.admin_email == "info@example.org"


@pytest.mark.parametrize(("given", "prefix"), [("/", ""), ("//dashboard", "/dashboard"), ("/a/b/", "/a/b"), ("", "")])
def test_a_prefix_has_one_form(given: str, prefix: str) -> None:
    """However the slashes of SCRIPT_NAME are written, the prefix is the same."""
    assert load({"SCRIPT_NAME": given}).script_name == prefix


def test_an_empty_variable_counts_as_not_set() -> None:
    """Compose files pass on variables that are empty: the defaults hold then."""
    assert load({"PORT": "", "DB_HOSTNAME": "  ", "ADMIN_TOKEN": ""}) == Settings()


def test_variables_that_mean_nothing_here_are_accepted() -> None:
    """What today's deployments set beyond our settings does not stop a start."""
    environ = {"SECRET_KEY": "x", "ENVIRONMENT": "production", "STATS_CONFIG": "docker.py"}
    assert load(environ) == Settings()


def test_the_parts_of_a_postgresql_address_make_its_url() -> None:
    """DB_HOSTNAME and its companions name the database, whatever characters the password has."""
    environ = {"DB_HOSTNAME": "db", "DB_USERNAME": "stats", "DB_PASSWORD": "p@ss/w%rd:", "DB_NAME": "figures"}
    settings = load(environ)
    assert settings.database_url == "postgres://stats:p%40ss%2Fw%25rd%3A@db:5432/figures"
    assert settings.sqlite_path is None
    assert load({"DB_HOSTNAME": "::1", "DB_PORT": "5433"}).database_url == "postgres://[::1]:5433/statsservice"


def test_database_url_wins_over_its_parts() -> None:
    """Where both say a database, DATABASE_URL is taken; `postgresql` is another name of `postgres`."""
    settings = load({"DB_HOSTNAME": "other", "DATABASE_URL": "postgresql://db/stats"})
    assert settings.database_url == "postgres://db/stats"


def test_parts_without_a_host_are_not_used() -> None:
    """A DB_NAME alone, which images set, does not turn SQLite off."""
    assert load({"DB_NAME": "x", "DB_PASSWORD": "y"}).database_url == Settings().database_url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("PORT", "8o80"),
        ("PORT", "٣"),
        ("DB_PORT", "0"),
        ("MAX_BODY_MB", "0"),
        ("DB_WAIT_SECONDS", "1.5"),
        ("FIX_PROXY", "2"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "192.0.2.7,"),
        ("TRUSTED_PROXIES", "proxy.example.org"),
        ("LOG_FORMAT", "xml"),
        ("SCRIPT_NAME", "dashboard"),
        ("SCRIPT_NAME", "/dash board"),
        ("INSTANCE_URL", "example.org"),
        ("INSTANCE_URL", "https://user:password@example.org"),
        ("ADMIN_URL", "ftp://example.org"),
        ("REMOTE_STATS_SERVER", "https://[::1"),
        ("HOST", "a b"),
        ("LOG_PATH", "a\nb"),
        ("ADMIN_TOKEN", "short"),
        ("ADMIN_TOKEN", "sixteen letters and blanks"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "sqlite://stats.sqlite3"),
        ("DATABASE_URL", "sqlite:///"),
        ("DATABASE_URL", "sqlite:///folder/"),
        ("DATABASE_URL", "postgres://host"),
        ("DATABASE_URL", "postgres:///name"),
        ("DATABASE_URL", "postgres://user:a/b@host:5432/name"),
        ("DATABASE_URL", "postgres://host:port/name"),
        ("STATS_CONFIG", "/there/is/no/such.toml"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, value: str) -> None:
    """A value that cannot be meant is refused, in one line that names the variable."""
    error = refused(**{name: value})
    assert list(error.errors) == [name]
    assert error.message.startswith(name)
    assert "\n" not in error.message


def test_all_wrong_values_are_named_at_once() -> None:
    """An operator who made three mistakes learns of all three, each in a line of its own."""
    error = refused(PORT="x", FIX_PROXY="maybe", LOG_FORMAT="xml")
    assert set(error.errors) == {"PORT", "FIX_PROXY", "LOG_FORMAT"}
    assert len(error.message.splitlines()) == 3
    assert "'maybe'" in error.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ADMIN_TOKEN", "hunter2-hunter2-\x7f"),
        ("REMOTE_STATS_TOKEN", "hunter2"),
        ("DB_PASSWORD", "hunter2\x01"),
        ("DATABASE_URL", "postgres://user:hunter2@host:none/name"),
        ("INSTANCE_URL", "https://user:hunter2@example.org"),
    ],
)
def test_a_refusal_does_not_repeat_a_secret(name: str, value: str) -> None:
    """What may hold a secret is not echoed, since logs keep what a start prints."""
    error = refused(**{name: value})
    assert "hunter2" not in error.message + str(error) + repr(error) + str(error.errors)


def test_settings_are_printed_without_secrets() -> None:
    """Neither the settings' repr nor the database as it is shown holds a password or a token."""
    url = f"postgres://user:{SECRET}@host:5432/name?password={SECRET}"
    settings = load({"DATABASE_URL": url, "ADMIN_TOKEN": SECRET, "REMOTE_STATS_TOKEN": SECRET})
    assert SECRET not in repr(settings) + str(settings) + settings.database_shown
    assert settings.database_shown == "postgres://user@host:5432/name"
    assert load({"DATABASE_URL": "sqlite:////var/x.db?mode=y"}).database_shown == "sqlite:////var/x.db"
    parts = load({"DB_HOSTNAME": "host", "DB_USERNAME": "user", "DB_PASSWORD": SECRET})
    assert SECRET not in repr(parts) + parts.database_shown


def test_a_public_instance_has_no_metrics_unless_they_are_asked_for() -> None:
    """They tell how many accounts there are, and when these post."""
    asked = [{}, {"PUBLIC_INSTANCE": "1"}, {"PUBLIC_INSTANCE": "1", "METRICS": "1"}, {"METRICS": "0"}]
    assert [load(each).metrics for each in asked] == [True, False, True, False]


def test_a_file_gives_settings_and_the_environment_wins(tmp_path: Path) -> None:
    """STATS_CONFIG names a TOML file, its keys in either case; what the environment says too is taken there."""
    file = tmp_path / "stats.toml"
    file.write_text('port = 8080\nFIX_PROXY = true\nhost = "0.0.0.0"\nsecret_key = "of the old service"\n')
    settings = load({"STATS_CONFIG": str(file), "HOST": "::1"})
    assert (settings.port, settings.fix_proxy, settings.host) == (8080, True, "::1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = ", "is not TOML"),
        ("prot = 5005", "prot"),
        ("port = [5005]", "port"),
        ("port = 1.5", "port"),
        ("port = 123456", "PORT"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    """Slips in the settings file stop the start: an unknown key is never passed over in silence."""
    file = tmp_path / "stats.toml"
    file.write_text(text)
    assert said in refused(STATS_CONFIG=str(file)).message


def test_nothing_else_reads_the_environment() -> None:
    """The settings are the one door for the environment: what else looked at it would be documented nowhere.

    One variable is set, since a library takes the name of its folder in no other way.
    """
    readers = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "service").rglob("*.py")
        if re.search(r"environ\b(?!\[.PROMETHEUS_MULTIPROC_DIR.\] = )|getenv", path.read_text())
    ]
    assert [path for path in readers if path != "service/settings.py"] == []


def test_every_setting_is_described() -> None:
    """Each setting says what it is for and what it is if nobody sets it."""
    for one in described():
        assert one.text, one.name
        assert one.default, one.name


def test_readme_lists_every_setting() -> None:
    """A setting that README.md does not name is not there for its reader."""
    readme = (ROOT / "README.md").read_text()
    assert [one.name for one in described() if f"`{one.name}`" not in readme] == []
