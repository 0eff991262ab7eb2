"""Sample payloads of all five types, as a Front Office sends them.

Written for these tests: the labels are ours, and the figures come out of a small generator, so that two variants differ
and the same one is always equal. They have a Front Office's habits: empty arrays are `[]`, matrix rows are lists or
objects, numbers are strings now and then, labels may be null or empty.
"""

import json
import random
import uuid
from typing import Any

TYPES = ("risk", "threat", "vulnerability", "cartography", "compliance")
STATES = ("current", "residual")
KINDS = ("informational", "operational")
LEVELS = ("Low risks", "Medium risks", "High risks")

THREATS = (
    ("Vol de matériel", "Theft of equipment", "Diebstahl von Geräten", "Diefstal van apparatuur"),
    ("Panne d'électricité", "Power failure", "Stromausfall", "Stroomuitval"),
    ("Incendie", "Fire", "Feuer", "Brand"),
    ("Hameçonnage", "Phishing", "Phishing", "Phishing"),
    ("Rançongiciel : données chiffrées", "Ransomware: files encrypted", "Erpressungssoftware", "Gijzelsoftware"),
    ("Erreur de saisie", "Typing mistake", "Eingabefehler", "Invoerfout"),
    ("Inondation", "Flood", "Überschwemmung", "Overstroming"),
    ("Départ d'un « homme-clé »", 'Loss of a "key person"', 'Ausfall der "Schlüsselperson"', "Vertrek sleutelfiguur"),
    ("Écoute du réseau", "Eavesdropping on the network", "Abhören des Netzes", "Afluisteren van het netwerk"),
    ("Déni de service", "Denial of service", "Dienstverweigerung", "Weigering van dienst"),
    ("Abus de droits", "Abuse of rights", "Missbrauch von Rechten", "Misbruik van rechten"),
    ("", "Only an English label 🔥", None, ""),
)
VULNERABILITIES = (
    ("Mots de passe faibles", "Weak passwords", "Schwache Passwörter", "Zwakke wachtwoorden"),
    ("Pas de sauvegardes testées", "Backups never tried", "Sicherungen nie erprobt", "Back-ups nooit beproefd"),
    ("Portes non verrouillées", "Doors left unlocked", "Unverschlossene Türen", "Deuren niet op slot"),
    ("Logiciels périmés", "Outdated software", "Veraltete Software", "Verouderde software"),
    ("Personnel non formé", "Untrained staff", "Ungeschultes Personal", "Ongeschoold personeel"),
    ("Aucun plan d'urgence", "No emergency plan", "Kein Notfallplan", "Geen noodplan"),
    ("Câblage exposé (p. ex. : couloir)", "Exposed cables (e.g. corridor)", "Offene Kabel", "Open bekabeling"),
    ("Un seul administrateur", "A single administrator", "Ein einziger Administrator", "Eén enkele beheerder"),
    ("Comptes jamais supprimés", "Accounts never removed", "Konten nie gelöscht", "Accounts nooit verwijderd"),
    ("Journal non relu", "Logs nobody reads", "Ungelesene Protokolle", "Ongelezen logboeken"),
    (None, None, None, None),
)
CATEGORIES = (
    ("Gouvernance", "Governance", "Führung", "Bestuur"),
    ("Accès", "Access", "Zugang", "Toegang"),
    ("Réseau", "Network", "Netz", "Netwerk"),
    ("Fournisseurs", "Suppliers", "Lieferanten", "Leveranciers"),
    ("Incidents", "Incidents", "Vorfälle", "Incidenten"),
    ("Continuité", "Continuity", "Kontinuität", "Continuïteit"),
)
STANDARD = ("Référentiel d'essai", "Standard for tests", "Prüfnorm", "Testnorm")


def payload(stat_type: str, variant: int = 0) -> Any:
    """The `data` of a row of one of the five types, parsed; about as large as an ordinary analysis' is."""
    rng = random.Random(f"{stat_type} {variant}")
    match stat_type:
        case "risk":
            return _risk(rng)
        case "threat":
            return _objects(rng, THREATS, 22)
        case "vulnerability":
            return _objects(rng, VULNERABILITIES, 59)
        case "cartography":
            return _cartography(rng)
    return _compliance(rng)


def empty(stat_type: str) -> Any:
    """The `data` of an analysis that holds no risks."""
    nothing: dict[str, Any] = {state: {kind: [] for kind in KINDS} for state in STATES}
    match stat_type:
        case "risk":
            return {"risks": nothing, "total": {state: dict.fromkeys(KINDS, 0) for state in STATES}}
        case "cartography":
            return {"scales": {"impact": [0, 1], "likelihood": [], "probability": []}, "risks": nothing}
    return []


def rows(anr: str, date: str, variant: int = 0) -> list[dict[str, Any]]:
    """The five rows that a Front Office posts for one analysis and day."""
    return [{"anr": anr, "type": name, "date": date, "data": payload(name, variant)} for name in TYPES]


def php(value: Any, *, escape: bool = True) -> bytes:
    """JSON as PHP writes it: no white space, slashes escaped, and other alphabets too unless `escape` is False."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=escape).replace("/", r"\/").encode()


def stable_uuid(name: str) -> str:
    """A UUID that is always the same for a name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _labels(labels: tuple[str | None, ...], place: int, known: int) -> dict[str, str | None]:
    """label1 to label4; those that come round again are numbered."""
    turn = place // known
    return {
        f"label{number}": f"{label} ({turn + 1})" if turn and label else label
        for number, label in enumerate(labels, start=1)
    }


def _objects(rng: random.Random, known: tuple[tuple[str | None, ...], ...], size: int) -> list[dict[str, Any]]:
    return [
        {
            "uuid": stable_uuid(f"{known[0][1]} {place}"),
            **_labels(known[place % len(known)], place, len(known)),
            "count": rng.randint(1, 30),
            "maxRisk": rng.choice([rng.randint(0, 60), str(rng.randint(0, 60))]),
            "averageRate": rng.choice([f"{rng.uniform(0, 5):.2f}", str(rng.randint(0, 5))]),
        }
        for place in range(size)
    ]


def _risk(rng: random.Random) -> dict[str, Any]:
    risks: dict[str, Any] = {
        state: {kind: [{"level": level, "value": rng.randint(0, 80)} for level in LEVELS] for kind in KINDS}
        for state in STATES
    }
    totals: dict[str, dict[str, int]] = {
        state: {kind: sum(level["value"] for level in levels) for kind, levels in kinds.items()}
        for state, kinds in risks.items()
    }
    return {"risks": risks, "total": totals}


def _php_array(array: dict[int, Any]) -> Any:
    """A PHP array with integer keys as JSON has it."""
    if list(array) == list(range(len(array))):
        return list(array.values())
    return {str(key): value for key, value in array.items()}


def _cartography(rng: random.Random) -> dict[str, Any]:
    columns = {"informational": [0, 1, 2, 3, 4, 6, 8, 9, 12, 16], "operational": [0, 1, 2, 3, 4]}

    def matrix(kind: str) -> Any:
        chosen = {
            impact: _php_array({c: rng.randint(1, 20) for c in columns[kind] if rng.random() < 0.7})
            for impact in range(rng.choice([0, 1]), 5)
        }
        return _php_array(chosen)

    risks = {state: {kind: matrix(kind) for kind in KINDS} for state in STATES}
    risks["residual"]["operational"] = []
    scales = {"impact": [0, 1, 2, 3, 4], "likelihood": columns["informational"], "probability": ["0", "1", 2, 3, 4]}
    return {"scales": scales, "risks": risks}


def _compliance(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "referential": stable_uuid("standard"),
            **_labels(STANDARD, 0, 1),
            "current": [_category(rng, place) for place in range(14)],
            "target": [_category(rng, place) for place in range(14)],
        },
        {"referential": stable_uuid("draft"), **_labels((None,) * 4, 0, 1), "current": [], "target": []},
    ]


def _category(rng: random.Random, place: int) -> dict[str, Any]:
    controls = [
        {
            "code": f"{place + 1}.{number}",
            "measure": stable_uuid(f"measure {place} {number}"),
            "value": rng.choice(["0.00", "0.20", "0.40", "0.60", "0.80", "1.00"]),
        }
        for number in range(1, 9)
    ]
    mean = sum(float(control["value"]) for control in controls) / len(controls)
    return {**_labels(CATEGORIES[place % 6], place, 6), "value": f"{mean:.2f}", "controls": controls}
