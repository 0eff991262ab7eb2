"""What is done at night: the timers of systemd, the lines for cron, and those for Docker, do what they say."""

import datetime as dt
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests import samples
from tests.commands import Cli
from tests.servers import ROOT, Service, bare_environment, running_service

SYSTEMD = ROOT / "contrib/systemd"
CRON = ROOT / "contrib/cron/monarc-stats"
PROGRAM = "/opt/stats-service/.venv/bin/stats-service"
HOME = "/var/lib/monarc-stats"
CONFIG = "/etc/monarc-stats.toml"
JOBS = ("purge", "share")

Unit = dict[str, list[str]]
"""A unit's lines, by the section that they are in."""


def unit(name: str) -> Unit:
    """A unit file of ours."""
    found: Unit = {}
    lines: list[str] = []
    for line in (SYSTEMD / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            lines = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            lines.append(line)
    return found


def cron_lines() -> list[str]:
    """The lines for cron that start something, each without its five times and its user."""
    lines = [line for line in CRON.read_text(encoding="utf-8").splitlines() if re.match("[0-9*]", line)]
    found = []
    for line in lines:
        *times, user, command = line.split(None, 6)
        assert len(times) == 5
        assert user == "monarc-stats"
        assert "%" not in command, "cron makes line breaks of them"
        found.append(command)
    return found


@pytest.fixture
def shared_with(tmp_path: Path) -> Service:
    """The global instance. It is started by the test that needs it."""
    (tmp_path / "global").mkdir()
    return Service(f"sqlite:///{tmp_path}/global/stats.sqlite3", tmp_path / "global")


@pytest.mark.parametrize("job", JOBS)
def test_a_timer_starts_its_service_and_makes_up_for_a_night_off(job: str) -> None:
    """Of the same name, at a moment of its own; a machine that was off at night does it in the morning."""
    timer = unit(f"monarc-stats-{job}.timer")
    assert (SYSTEMD / f"monarc-stats-{job}.service").exists()
    names = {line.partition("=")[0] for line in timer["Timer"]}
    assert names == {"OnCalendar", "RandomizedDelaySec", "Persistent"}
    assert "Persistent=yes" in timer["Timer"]
    assert timer["Install"] == ["WantedBy=timers.target"]


def test_sharing_may_do_no_more_than_purging() -> None:
    """Both run in the same cage: but for the command their services are the same."""
    purge, share = (unit(f"monarc-stats-{job}.service") for job in JOBS)
    assert [line for line in purge["Service"] if line not in share["Service"]] == [
        f"ExecStart={PROGRAM} stats purge --older-than 36m --yes"
    ]
    assert [line for line in share["Service"] if line not in purge["Service"]] == [f"ExecStart={PROGRAM} share push"]
    assert {"Type=oneshot", "NoNewPrivileges=yes", "ProtectSystem=strict"} <= {*share["Service"]}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_systemd_finds_no_fault_with_the_units(tmp_path: Path) -> None:
    """Its own check is silent, once the program is one that is there."""
    for path in SYSTEMD.glob("monarc-stats*"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8").replace(PROGRAM, "/bin/true"))
    names = [tmp_path / f"monarc-stats-{job}.{kind}" for job in JOBS for kind in ("service", "timer")]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_cron_does_what_the_timers_do(tmp_path: Path, shared_with: Service) -> None:
    """Its lines share and delete, in silence where all is well; sharing waits a while that differs each time."""
    for name in ("bin", "home"):
        (tmp_path / name).mkdir()
    program(tmp_path / "bin/stats-service", f'exec "{sys.executable}" -m service "$@"')
    program(tmp_path / "bin/sleep", f'echo "$1" >> "{tmp_path}/slept"')
    environment = bare_environment(tmp_path / "home", STATS_CONFIG=str(tmp_path / "settings.toml"))
    environment["PATH"] = f"{tmp_path}/bin:{environment['PATH']}"
    with running_service(shared_with.database_url, shared_with.folder, PORT=shared_with.url.rpartition(":")[2]) as far:
        token = far.client("an installation", local=False).headers["X-API-KEY"]
        (tmp_path / "settings.toml").write_text(
            f'REMOTE_STATS_SERVER = "{far.url}"\nREMOTE_STATS_TOKEN = "{token}"\n', encoding="utf-8"
        )
        fill(Cli(f"sqlite:///{tmp_path}/home/var/stats.sqlite3", tmp_path / "home"))
        for line in cron_lines():
            command = line.replace(PROGRAM, "stats-service").replace(HOME, str(tmp_path / "home"))
            done = subprocess.run(
                ["/bin/sh", "-c", command], env=environment, cwd="/", capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        found = far.admin.get("/api/v1/client/").json()["data"]
    assert sum(each["activity"]["rows"] for each in found) == 5
    waited = [int(line) for line in (tmp_path / "slept").read_text().split()]
    assert len(waited) == 1
    assert 0 <= waited[0] <= 4 * 3600
    assert f"STATS_CONFIG={CONFIG}\n" in CRON.read_text(encoding="utf-8")


def fill(cli: Cli) -> None:
    """An account with an analysis of today and one of four years ago."""
    today = dt.datetime.now(dt.UTC).date()
    cli.said("client", "create", "NC3")
    days = (today, today - dt.timedelta(days=1500))
    rows = [row for day in days for row in samples.rows(str(uuid.uuid4()), str(day))]
    cli.said("stats", "import", "--client", "NC3", stdin=samples.php(rows))


def program(path: Path, text: str) -> None:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_the_lines_for_docker_do_the_same() -> None:
    """Those in the compose file and in the notes on ansible; three years is what `stats purge` does by itself."""
    for path in (ROOT / "contrib/docker/compose.yaml", ROOT / "contrib/ansible/README.md"):
        text = path.read_text(encoding="utf-8")
        assert "REMOTE_STATS_TOKEN" in text
        lines = re.findall(r"\d+ \d+ (.+) root .*docker .* stats-service (.+) >/dev/null", text)
        assert lines == [("* * *", "share push"), ("1 * *", "stats purge --yes")]
