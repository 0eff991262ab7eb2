"""The command `stats-tui` as scripts and people call it."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest

from tests.servers import ADMIN_TOKEN, ROOT, Service, bare_environment, free_port
from tui import snapshot
from tui.errors import DashboardError
from tui.settings import EXAMPLE, Settings


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """The administrator's token."""
    path = tmp_path / "token"
    path.write_text(ADMIN_TOKEN)
    path.chmod(0o600)
    return path


def run(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, without a terminal."""
    command = [sys.executable, "-m", "tui", *arguments]
    environment = bare_environment(home, **variables)
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def test_without_a_terminal_it_says_what_to_do_instead(tmp_path: Path) -> None:
    """Exit status 2, no escape sequences, and the command for scripts."""
    done = run(tmp_path, "--server", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "stats-tui snapshot" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_view_as_json_csv_text_and_picture(demo: Service, tmp_path: Path, token_file: Path) -> None:
    """The same figures in each; nothing else on the output."""
    server = ("--server", demo.url, "--token-file", str(token_file))
    before = run(tmp_path, *server, "snapshot", "accounts", "--csv").stdout
    assert before.startswith("Name,UUID,Role")
    read = json.loads(run(tmp_path, "snapshot", "--json", "risks", *server).stdout)  # the view, and no file
    assert read["about"]["period"] == "90 days"
    current = read["tables"][0]["rows"][0]
    assert current[0] == "Current informational"
    rows = list(csv.reader(io.StringIO(run(tmp_path, "snapshot", "risks", "--csv", "--table", "1", *server).stdout)))
    assert rows[1][:2] == [current[0], str(current[1])]
    text = run(tmp_path, "snapshot", "risks", "--width", "100", "--height", "30", *server).stdout
    assert "Current informational" in text
    assert len(text.splitlines()) == 30
    for kind, begins in ("svg", "<svg"), ("csv", "Name,Low"), ("json", "{"):
        path = tmp_path / f"risks.{kind}"
        done = run(tmp_path, "snapshot", "risks", f"--{kind}", str(path), *server)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert path.read_text().startswith(begins)
        assert "informational" in path.read_text()
    done = run(tmp_path, "snapshot", "risks", "--csv", str(tmp_path / "nowhere" / "risks.csv"), *server)
    assert done.returncode == 1
    assert done.stderr.endswith("risks.csv cannot be written: No such file or directory.\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("kind", ["--json", "--height=30"])
def test_figures_that_lack_a_side_are_told(demo: Service, tmp_path: Path, kind: str) -> None:
    """They are printed, and say themselves what they lack; standard error and the exit status say so too."""
    away = f"127.0.0.1:{free_port()}"
    sides = ("--server", demo.url, "--global", f"http://{away}", "--reach", "compare")
    done = run(tmp_path, "snapshot", "risks", kind, *sides)
    assert done.returncode == 1
    assert done.stderr == f"stats-tui: Nobody answers at {away}.\n"
    assert "Current informational" in done.stdout
    assert f"Nobody answers at {away}." in done.stdout


def test_who_may_not_see_the_accounts_gets_no_empty_list_of_silent_ones(demo: Service, tmp_path: Path) -> None:
    """That would say that none is silent. Nothing has failed either; the other tables keep their numbers."""
    done = run(tmp_path, "snapshot", "overview", "--json", "--server", demo.url)
    read = json.loads(done.stdout)
    assert (done.returncode, done.stderr, read["about"]["problems"]) == (0, "", "")
    assert "Silent accounts" not in [table["title"] for table in read["tables"]]
    assert {key for table in read["tables"] for key in table} == {"title", "columns", "rows"}
    settings, order = Settings(url=demo.url), snapshot.Order("overview")
    assert snapshot.figures(settings, order, "csv", 3).text.startswith("Name,Low risks")
    with pytest.raises(DashboardError, match="Table 2, Silent accounts, is not known: Accounts are seen with"):
        snapshot.figures(settings, order, "csv", 2)


def test_a_snapshot_takes_the_environments_settings(demo: Service, tmp_path: Path) -> None:
    """Without a token the public figures."""
    done = run(tmp_path, "snapshot", "threats", "--csv", "--language", "fr", "--days", "30", STATS_SERVER=demo.url)
    assert done.returncode == 0
    assert done.stdout.startswith("Threat,UUID,Occurrence")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("snapshot", "nonsense", "--json", "--server", "http://127.0.0.1:1"), 2, "There are: overview"),
        (("snapshot", "--json", "risks.json"), 2, "No VIEW is named. There are: overview"),
        (("snapshot", "risks", "--json"), 2, "No server is named. Say --server URL"),
        (("snapshot", "risks", "--json", "--server", "elsewhere"), 2, "neither an address"),
        (("snapshot", "risks", "--json", "--csv", "--server", "http://x"), 2, "not allowed with"),
        (("--token=secret",), 2, "unrecognized arguments"),
        (("snapshot", "risks", "--days", "1000000", "--server", "http://x"), 2, "no whole number from 0 to 36525"),
        (("snapshot", "risks", "--width", "0", "--server", "http://x"), 2, "no whole number from 1 to 1000"),
        (("serve", "--port", "99999", "--server", "http://x"), 2, "no whole number from 1 to 65535"),
    ],
)
def test_a_wrong_call_is_told(tmp_path: Path, arguments: tuple[str, ...], status: int, said: str) -> None:
    """On stderr, in a line that says what to do, with the status that says whose fault it is."""
    done = run(tmp_path, *arguments)
    assert done.returncode == status
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["--json", "--width=100"])
def test_a_service_that_is_away_is_told(tmp_path: Path, kind: str) -> None:
    """Status 1, whatever was asked for."""
    done = run(tmp_path, "snapshot", "risks", kind, "--server", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "Nobody answers" in done.stderr
    assert done.stdout == ""


def test_info_shows_the_settings_and_no_token(tmp_path: Path) -> None:
    """Server, files, and the keys in force."""
    config = tmp_path / ".config" / "stats-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[keys]\nrefresh = "f5"\n')
    done = run(tmp_path, "info", "--server", "http://x", STATS_TOKEN=ADMIN_TOKEN)
    assert done.returncode == 0
    assert ADMIN_TOKEN not in done.stdout
    assert str(config) in done.stdout
    said = dict(line.split(maxsplit=2)[1:] for line in done.stdout.splitlines() if line.startswith("key "))
    assert said["refresh"] == "f5"
    assert {"mark", "filter", "pause"} <= said.keys()
    config.write_text('[keys]\nrefrehs = "f5"\n')
    done = run(tmp_path, "info", "--server", "http://x")
    assert done.returncode == 2
    assert f"{config}: [keys] has no action refrehs. There are: reach," in done.stderr


def test_help_says_what_may_stand_in_the_configuration(tmp_path: Path) -> None:
    """And where it is."""
    said = run(tmp_path, "--help").stdout
    assert indent(EXAMPLE, "  ") in said
    assert "~/.config/stats-tui/config.toml" in said


def test_on_a_terminal_it_runs_and_ends_with_q(demo: Service, tmp_path: Path) -> None:
    """On a real pseudo-terminal: it draws the overview, and q leaves with status 0."""
    main, child = pty.openpty()
    os.environ.setdefault("TERM", "xterm-256color")
    environment = bare_environment(tmp_path, STATS_SERVER=demo.url, TERM="xterm-256color", COLUMNS="100", LINES="30")
    command = [sys.executable, "-m", "tui"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdin=child, stdout=child, stderr=child) as process:
        os.close(child)
        seen = b""
        while b"Overview" not in seen or b"informational" not in seen:
            seen += os.read(main, 65536)
        os.write(main, b"q")
        try:
            while os.read(main, 65536):
                pass
        except OSError:  # the terminal is closed at the end
            pass
        assert process.wait(20) == 0
    os.close(main)
