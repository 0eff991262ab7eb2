"""What this is made of and how it is set up: locks, licences, known vulnerabilities; Docker's image, systemd's units.

Nobody outside is asked: a stand-in tells contrib/audit.sh what is known of packages.
"""

import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.servers import ROOT

PIN = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
DOCKER = ROOT / "contrib/docker"
UNITS = sorted((ROOT / "contrib/systemd").glob("*.service"))


# --- locks -----------------------------------------------------------------------------------------------------


def pins(lock: str) -> dict[str, str]:
    """The packages of a lock, and their versions."""
    return dict(PIN.findall((ROOT / lock).read_text()))


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_package_is_pinned_with_its_hashes(lock: str) -> None:
    """One version of each, and what may be downloaded for it; no other index, no address."""
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index" not in text
    entries = [entry for entry in re.split(r"\n(?=[a-z0-9])", text) if not entry.startswith("#")]
    assert len(entries) == len(pins(lock)) > 40
    for entry in entries:
        assert PIN.match(entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry


def test_tests_run_with_the_versions_that_are_installed() -> None:
    """What both locks have they have in one version."""
    tested = pins("requirements-dev.lock")
    assert pins("requirements.lock").items() <= tested.items()


# --- audit -----------------------------------------------------------------------------------------------------


class Osv(http.server.ThreadingHTTPServer):
    """A stand-in for OSV, which knows of vulnerabilities of some packages, and what it was asked about."""

    def __init__(self, vulnerable: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.vulnerable = vulnerable
        self.asked: dict[str, str] = {}


class _Answering(http.server.BaseHTTPRequestHandler):
    server: Osv

    def do_POST(self) -> None:
        """Tell what is known of a package."""
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = question["package"]["name"]
        self.server.asked[name] = question["version"]
        affected = {"package": question["package"], "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}
        known = {"id": "GHSA-xxxx-yyyy-zzzz", "summary": "bad", "details": "bad", "affected": [affected]}
        body = json.dumps({"vulns": [known]} if name == self.server.vulnerable else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def osv() -> Iterator[Osv]:
    """The stand-in, answering."""
    with Osv() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def audit(port: int) -> subprocess.CompletedProcess[str]:
    """Run contrib/audit.sh with the stand-in on that port."""
    url = f"http://127.0.0.1:{port}/v1/query"
    command = [str(ROOT / "contrib/audit.sh"), "--vulnerability-service=osv", f"--osv-url={url}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


def test_an_audit_asks_about_all_that_is_installed(osv: Osv) -> None:
    """Each package in its pinned version, and its licence is printed; 0 where nothing is known."""
    done = audit(osv.server_port)
    assert done.returncode == 0, done.stderr
    pinned = pins("requirements.lock")
    assert osv.asked.items() <= pinned.items()
    assert pinned.keys() - osv.asked.keys() <= {"colorama"}  # for Windows only
    listed = {line.split()[0].lower().replace("_", "-") for line in done.stdout.splitlines() if line.strip()}
    assert osv.asked.keys() <= listed


def test_an_audit_fails_where_a_vulnerability_is_known(osv: Osv) -> None:
    """Non-zero, and which it is."""
    osv.vulnerable = "sanic"
    done = audit(osv.server_port)
    assert done.returncode != 0
    assert "GHSA-xxxx-yyyy-zzzz" in done.stdout


def test_an_audit_fails_where_nobody_can_be_asked(osv: Osv) -> None:
    """What was not looked up is not good."""
    port = osv.server_port
    osv.shutdown()
    osv.server_close()
    assert audit(port).returncode != 0


# --- Docker ----------------------------------------------------------------------------------------------------


def test_the_image_runs_as_nobody_who_owns_its_code() -> None:
    """Text only, as no Docker runs here: a user by number, code that only root may write, no pip, no setuid."""
    build, final = (DOCKER / "Dockerfile").read_text().split("\nFROM ")[1:]
    assert re.findall(r"^USER (.+)$", final, re.MULTILINE) == ["10001"]
    assert final.index("USER") > final.rindex("\nCOPY")
    assert "--chown" not in final
    assert "uninstall --quiet --yes setuptools pip" in build
    assert "chmod -R u=rwX,go=rX /app" in build
    assert "-perm /6000 -exec chmod a-s" in final
    assert not re.search(r"^ADD |https?://(?!127)|curl|wget", build + final, re.MULTILINE)


def test_the_image_holds_what_it_needs_and_nothing_else() -> None:
    """All is left out but what is named: neither .git, nor .env, nor a database is among it."""
    lines = [
        line for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] not in {"", "#"}
    ]
    assert lines[0] == "*"
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert kept >= {"service", "tui", "migrations", "requirements.lock", "pyproject.toml"}
    assert not kept & {"tests", "var", ".git", ".env", "contrib"}


def test_containers_may_do_as_little_as_they_can() -> None:
    """No capabilities but those that PostgreSQL's start needs, no new privileges; the service's files read-only;
    nothing of the machine's in them; its port for this machine only."""
    services: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    assert services.keys() == {"stats", "database"}
    for service in services.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not {"privileged", "network_mode", "pid", "ipc", "devices", "userns_mode"} & service.keys()
        assert not [volume for volume in service.get("volumes", []) if volume.startswith((".", "/", "~"))]
    stats, database = services["stats"], services["database"]
    assert (stats["read_only"], stats["tmpfs"], "cap_add" in stats) == (True, ["/tmp"], False)  # noqa: S108
    assert stats["ports"] == ["127.0.0.1:5005:5000"]
    assert "ports" not in database
    assert set(database["cap_add"]) == {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}


def test_every_setting_in_env_reaches_the_container() -> None:
    """All of .env is passed on; only what belongs to the compose file's own network cannot be set."""
    stats = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]["stats"]
    assert stats["env_file"] == ".env"
    own = {"HOST", "PORT", "DB_HOSTNAME", "DB_NAME", "DB_USERNAME", "DB_PASSWORD"}
    assert stats["environment"].keys() == own


def test_the_file_with_the_password_is_its_owners(tmp_path: Path) -> None:
    """The command that the compose file gives for .env leaves it to nobody else to read, whatever the umask."""
    [command] = re.findall(r"^# +(.+> \.env\))", (DOCKER / "compose.yaml").read_text(), re.MULTILINE)
    script = f"openssl() {{ echo random; }}; umask 022; {command}"
    subprocess.run(["/bin/sh", "-c", script], check=True, cwd=tmp_path)
    file = tmp_path / ".env"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("DB_PASSWORD=random\n", 0o600)


# --- systemd ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_are_little_exposed(unit: Path) -> None:
    """By systemd's own measure of 0 to 10, what is left being the network and the machine's own files: 1.5 at most."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_run_as_a_user_of_their_own(unit: Path) -> None:
    """Not root; nothing of the system can be written, no capability be had; files are nobody else's to read."""
    lines = unit.read_text().splitlines()
    for line in (
        *("User=monarc-stats", "CapabilityBoundingSet=", "NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077"),
        *("StateDirectoryMode=0750", "PrivateMounts=yes", "PrivateTmp=yes", "SystemCallFilter=@system-service"),
    ):
        assert line in lines
