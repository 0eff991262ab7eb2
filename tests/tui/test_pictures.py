"""Pinned pictures: each view on figures that never change, as the text of the screen at two sizes.

They are in `pictures/`. Where a change is meant, delete the file and run the test: it writes the new one, fails once,
and the difference is there to look at before it is committed.
"""

import contextlib
import datetime as dt
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Service, running_service
from tests.tui.conftest import Driver, dashboard
from tui.scope import Scope

PICTURES = Path(__file__).parent / "pictures"
FIRST = dt.date(2026, 1, 5)
DAYS = 40
NAMES = {
    "threat": [
        ("Incendie", "Fire", "Feuer", "Brand"),
        ("Rançongiciel", "Ransomware", "Erpressungssoftware", "Gijzelsoftware"),
        ("Vol d'un ordinateur portable", "Theft of a laptop", "Diebstahl eines Laptops", "Diefstal van een laptop"),
    ],
    "vulnerability": [
        ("Mots de passe partagés", "Shared passwords", "Geteilte Passwörter", "Gedeelde wachtwoorden"),
        ("Pas de sauvegarde vérifiée", "Backups are not tried", "Ungeprüfte Sicherungen", "Ongeteste back-ups"),
    ],
    "compliance": [
        ("Contrôle d'accès", "Access control", "Zugangskontrolle", "Toegangsbeveiliging"),
        ("Continuité", "Continuity", "Betriebskontinuität", "Continuïteit"),
    ],
}


def labels(names: tuple[str, ...]) -> dict[str, str]:
    """The four languages."""
    return {f"label{number}": name for number, name in enumerate(names, 1)}


def rows(day: int) -> list[dict[str, object]]:
    """The five rows of a day; risks move from high to low, threats each in its own way."""

    def uid(name: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, name))

    def objects(kind: str) -> list[dict[str, object]]:
        return [
            {
                "uuid": uid(names[1]),
                **labels(names),
                "count": 5 + place + day // (8 + 4 * place),
                "maxRisk": 20 + 5 * place,
                "averageRate": f"{1.5 + place:.2f}",
            }
            for place, names in enumerate(NAMES[kind])
        ]

    def levels(more: int) -> list[dict[str, object]]:
        high = max(9 - day // 6 - more, 0)
        return [
            {"level": f"{name} risks", "value": value}
            for name, value in (("Low", 30 + more), ("Medium", 12), ("High", high))
        ]

    kinds = {
        state: {"informational": levels(more), "operational": levels(more + 3)}
        for state, more in (("current", 0), ("residual", 2))
    }
    cells = {"informational": {"1": {"2": 4, "6": 1}, "3": {"6": 2}}, "operational": {"2": {"1": 3}}}
    categories = [
        {**labels(names), "value": f"{0.3 + 0.2 * place + day / 200:.2f}", "controls": []}
        for place, names in enumerate(NAMES["compliance"])
    ]
    goals = [{**one, "value": "0.90"} for one in categories]
    standard = {
        "referential": uid("standard"),
        **labels(("Norme", "Standard", "Norm", "Norm")),
        "current": categories,
        "target": goals,
    }
    data: dict[str, object] = {
        "risk": {"risks": kinds, "total": {state: {"informational": 50, "operational": 50} for state in kinds}},
        "threat": objects("threat"),
        "vulnerability": objects("vulnerability"),
        "cartography": {
            "scales": {"impact": [0, 1, 2, 3], "likelihood": [0, 2, 6, 12], "probability": [0, 1, 2]},
            "risks": {"current": cells, "residual": cells},
        },
        "compliance": [standard],
    }
    date = (FIRST + dt.timedelta(days=day)).isoformat()
    return [{"anr": uid("analysis"), "type": kind, "date": date, "data": payload} for kind, payload in data.items()]


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with these figures. Their account is inactive: for how long one is silent depends on the day."""
    folder = tmp_path_factory.mktemp("fixed")
    with running_service(f"sqlite:///{folder / 'stats.sqlite3'}", folder) as service:
        with service.client("Fixed") as account:
            batch = [row for day in range(DAYS) for row in rows(day)]
            assert account.post("/api/v1/stats/", json=batch).status_code == 201
            found = service.admin.get("/api/v1/client/").json()["data"]
            mine = next(one["uuid"] for one in found if one["name"] == "Fixed")
            service.admin.patch(f"/api/v1/client/{mine}", json={"is_active": False})
        yield service


@pytest.mark.parametrize("name", ["overview", "risks", "threats", "vulnerabilities", "cartography", "compliance"])
async def test_the_pictures_are_those_pinned(fixed: Service, name: str) -> None:
    """Line by line, but for the address and the age."""
    scope = Scope().with_period(FIRST, FIRST + dt.timedelta(days=DAYS - 1))
    missing = []
    async with dashboard(fixed.url, name, scope=scope, size=(80, 24)) as driver:
        for width, height in ((80, 24), (120, 35)):
            pinned = PICTURES / f"{name}-{width}x{height}.txt"
            await driver.pilot.resize_terminal(width, height)
            if pinned.exists():
                wanted = pinned.read_text(encoding="utf-8")
                # Layouts settle in a few steps after a resize.
                with contextlib.suppress(AssertionError):
                    await driver.until(lambda: shown(driver) == wanted)  # noqa: B023  # awaited at once
                assert shown(driver).split("\n") == wanted.split("\n")
            else:
                await driver.pilot.pause(1)
                keep(pinned, shown(driver))
                missing.append(pinned.name)
    assert not missing, f"{missing} were not there: look at them, then run this again."


def shown(driver: Driver) -> str:
    """The screen's text without what differs each time."""
    return re.sub("( EN) .*", r"\1", driver.text, count=1)


def keep(path: Path, text: str) -> None:
    """Write a picture."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
