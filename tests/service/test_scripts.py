"""The scripts in contrib/, run as an operator runs them."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.servers import HOST, ROOT, Service, bare_environment, free_port

LINES = ["UUID", "Name", "Role", "Token", "Sharing Enabled", "Created at"]
TOKEN = "a-token-that-ansible-chose"
HOME = "/var/lib/monarc-stats"


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """An environment with a database of its own, and Python as an operator has it."""
    surroundings = bare_environment(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/stats.sqlite3", HOST=HOST)
    del surroundings["PYTHONPATH"]
    return surroundings


def run(script: Path, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script from a folder that is not the checkout."""
    return subprocess.run([script, *arguments], cwd="/", env=env, check=False, capture_output=True, text=True)


def checkout(folder: Path) -> Path:
    """As much of a fresh checkout as the scripts look at, in a folder with a blank in its name."""
    copy = folder / "a checkout"
    for name in ("contrib", "migrations", "service", "tui"):
        shutil.copytree(ROOT / name, copy / name)
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.lock"):
        shutil.copy(ROOT / name, copy)
    return copy


def program(path: Path, text: str) -> str:
    """An executable shell script."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


# --- create_client.sh ---------------------------------------------------------------------------------------


def test_an_account_is_made_on_a_fresh_installation(surroundings: dict[str, str]) -> None:
    """create_client.sh NAME prints the six lines that scripts know, and nothing else, on standard output."""
    made = run(ROOT / "contrib/create_client.sh", "NC3", env=surroundings)
    assert made.returncode == 0, made.stderr
    lines = dict(line.split(": ", 1) for line in made.stdout.splitlines())
    assert list(lines) == LINES
    assert (lines["Name"], lines["Role"], lines["Sharing Enabled"]) == ("NC3", "1", "True")
    assert len(lines["Token"]) == 86


def test_a_name_that_looks_like_an_option_is_a_name(surroundings: dict[str, str]) -> None:
    """A name may begin with a dash."""
    made = run(ROOT / "contrib/create_client.sh", "-n", env=surroundings)
    assert "Name: -n\n" in made.stdout, made.stderr


def test_a_name_that_exists_is_refused(surroundings: dict[str, str]) -> None:
    """A second account of a name: a message on standard error, nothing on standard output, exit code 1."""
    run(ROOT / "contrib/create_client.sh", "NC3", env=surroundings)
    again = run(ROOT / "contrib/create_client.sh", "NC3", env=surroundings)
    assert (again.returncode, again.stdout) == (1, "")
    assert "exists" in again.stderr


@pytest.mark.parametrize("arguments", [[], ["NC3", "token", "more"], ["--help"]])
def test_wrong_usage_says_what_is_right(arguments: list[str], surroundings: dict[str, str]) -> None:
    """Too few or too many arguments make nothing: usage on standard error, exit code 2."""
    refused = run(ROOT / "contrib/create_client.sh", *arguments, env=surroundings)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "NAME [TOKEN]" in refused.stderr


def test_a_token_that_is_given_leaves_the_process_list(surroundings: dict[str, str]) -> None:
    """The second argument becomes the token; the command that works with it does not show it as an argument."""
    command: list[str | Path] = [ROOT / "contrib/create_client.sh", "NC3", TOKEN]
    with subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, text=True) as process:
        seen = set()
        while process.poll() is None:
            seen.add(Path(f"/proc/{process.pid}/cmdline").read_text())
        assert process.stdout is not None
        assert f"Token: {TOKEN}\n" in process.stdout.read()
    working = [line for line in seen if "stats-service" in line]
    assert working
    assert not [line for line in working if TOKEN in line]


def test_an_account_is_made_for_the_service_that_systemd_runs(tmp_path: Path, surroundings: dict[str, str]) -> None:
    """After the unit's own instructions create_client.sh alone makes an account that the running service knows."""
    del surroundings["DATABASE_URL"]
    copy = installed(checkout(tmp_path), surroundings)
    unit = copy / "contrib/systemd/monarc-stats.service"
    config, home = tmp_path / "monarc-stats.toml", tmp_path / "home"
    home.mkdir()
    for path in (unit, copy / "contrib/create_client.sh"):
        text = path.read_text().replace("/etc/monarc-stats.toml", str(config)).replace(HOME, str(home))
        path.write_text(text.replace("-g monarc-stats", ""))
    instructions = [line[4:] for line in unit.read_text().splitlines() if re.match("#   (install|echo) ", line)]
    assert len(instructions) == 2
    subprocess.run(["/bin/sh", "-ec", "\n".join(instructions)], check=True, env=surroundings)
    assert config.stat().st_mode & 0o777 == 0o640

    with closing(Service("", home, STATS_CONFIG=str(config))) as service:
        service.start()
        made = run(copy / "contrib/create_client.sh", "NC3", env=surroundings)
        assert str(config) in made.stderr
        token = dict(line.split(": ", 1) for line in made.stdout.splitlines())["Token"]
        assert service.client_with(token).get("/api/v1/client/me").json()["name"] == "NC3"
        service.stop()


def installed(copy: Path, surroundings: dict[str, str]) -> Path:
    """A checkout whose .venv holds what the scripts look for, and runs what is here."""
    for name, command in (("python", ""), ("stats-service", "-m service ")):
        (copy / ".venv").mkdir(exist_ok=True)
        program(copy / ".venv/bin" / name, f'PYTHONPATH="{ROOT}" exec "{sys.executable}" {command}"$@"')
    note = 'here=$1/contrib; . "$here/_env.sh"; fingerprint requirements.lock >"$venv/requirements.lock.installed"'
    subprocess.run(["/bin/sh", "-c", note, "-", copy], check=True, env=surroundings)
    return copy


# --- start.sh -----------------------------------------------------------------------------------------------


def test_the_signal_to_stop_reaches_the_service(surroundings: dict[str, str]) -> None:
    """start.sh becomes the service: SIGTERM to its process ends it well, and nothing is left that listens."""
    port = free_port()
    surroundings["PORT"] = str(port)
    health = f"http://{HOST}:{port}/health"
    with subprocess.Popen([ROOT / "contrib/start.sh"], cwd="/", env=surroundings) as process:
        wait_for(health)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(health)


def wait_for(url: str) -> None:
    """Wait until somebody answers at `url`."""
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


# --- what a machine may lack --------------------------------------------------------------------------------


def test_an_old_python_is_refused_with_what_to_do(tmp_path: Path, surroundings: dict[str, str]) -> None:
    """Without a Python of 3.11 or later: a message that says so, and nothing is made."""
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        program(tmp_path / "bin" / name, "exit 1  # to the question whether it is new enough")
    surroundings["PATH"] = f"{tmp_path}/bin:{surroundings['PATH']}"
    copy = checkout(tmp_path)
    refused = run(copy / "contrib/start.sh", env=surroundings)
    assert refused.returncode == 1
    assert "Python 3.11 or newer is needed" in refused.stderr
    assert not (copy / ".venv").exists()


def test_a_python_without_venv_is_refused_with_what_to_do(tmp_path: Path, surroundings: dict[str, str]) -> None:
    """Debian's Python lacks ensurepip until a package of its own is installed: the message names it."""
    surroundings["PYTHON"] = program(
        tmp_path / "a bin/python", f'case "$*" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"'
    )
    refused = run(checkout(tmp_path) / "contrib/start.sh", env=surroundings)
    assert refused.returncode == 1
    assert "apt-get install python3-venv" in refused.stderr


@pytest.mark.long
@pytest.mark.timeout(600)
def test_first_starts_at_once_wait_for_each_other(tmp_path: Path, surroundings: dict[str, str]) -> None:
    """Two commands on a fresh checkout install once, after an installation that was cut off, and both work."""
    script = checkout(tmp_path) / "contrib/create_client.sh"
    surroundings |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    with subprocess.Popen([script, "NC0"], env=surroundings, start_new_session=True) as cut_off:
        while not list(script.parents[1].glob(".venv/lib/python*/site-packages/pip")):
            time.sleep(0.05)
        os.killpg(cut_off.pid, signal.SIGKILL)
    both = [
        subprocess.Popen([script, name], env=surroundings, stdout=subprocess.PIPE, text=True) for name in ("NC1", "NC2")
    ]
    for process, name in zip(both, ("NC1", "NC2"), strict=True):
        assert f"Name: {name}\n" in process.communicate()[0]
        assert process.returncode == 0
