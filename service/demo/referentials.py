"""The two referentials of the demonstration, no real standards. A chapter's number: how many controls it has."""

from typing import Final

import msgspec

from service.demo.catalogue import Entry, entries, identity


class Control(msgspec.Struct, frozen=True):
    """One requirement of a chapter: its code ("4.11") and its UUID."""

    code: str
    measure: str


class Chapter(msgspec.Struct, frozen=True):
    """A chapter ("category" in a payload) and its controls."""

    labels: dict[str, str | None]
    controls: list[Control]


class Referential(msgspec.Struct, frozen=True):
    """A referential and its chapters."""

    uuid: str
    labels: dict[str, str | None]
    chapters: list[Chapter]


def _referential(head: str, chapters: str) -> Referential:
    """Build one from its own heading (the number there is the first chapter's) and its chapters' table."""
    (own,) = entries("referential", head)
    parts = enumerate(entries(f"chapter/{own.name}", chapters), start=own.number)
    return Referential(own.uuid, own.labels, [_chapter(own.name, place, entry) for place, entry in parts])


def _chapter(referential: str, place: int, entry: Entry) -> Chapter:
    codes = [f"{place}.{number}" for number in range(1, entry.number + 1)]
    return Chapter(entry.labels, [Control(code, identity(f"control/{referential}", code)) for code in codes])


BASELINE: Final = _referential(
    """
baseline 1
Socle de sécurité (démonstration)
Security baseline (demonstration)
Sicherheitsgrundlagen (Demonstration)
Basisbeveiliging (demonstratie)
""",
    """
steering 5
Pilotage et responsabilités
Steering and responsibilities
Steuerung und Zuständigkeiten
Sturing en verantwoordelijkheden

staff 7
Personnel, de l'arrivée au départ
Staff, from arrival to departure
Personal vom Eintritt bis zum Austritt
Personeel van indiensttreding tot vertrek

inventory 8
Inventaire des informations et du matériel
Inventory of information and equipment
Verzeichnis der Informationen und Geräte
Inventaris van informatie en apparatuur

rights 11
Comptes et droits
Accounts and rights
Konten und Rechte
Accounts en rechten

keys 3
Chiffrement et gestion des clés
Encryption and care of keys
Verschlüsselung und Umgang mit Schlüsseln
Versleuteling en beheer van sleutels

buildings 12
Bâtiments, salles et câblage
Buildings, rooms and cabling
Gebäude, Räume und Verkabelung
Gebouwen, ruimten en bekabeling

running 11
Exploitation au quotidien
Day-to-day running
Täglicher Betrieb
Dagelijks beheer

networks 8
Réseaux et échanges avec l'extérieur
Networks and exchanges with others
Netze und Austausch mit Dritten
Netwerken en uitwisseling met derden

projects 10
Projets, achats et développement
Projects, purchases and development
Projekte, Beschaffung und Entwicklung
Projecten, inkoop en ontwikkeling

partners 5
Prestataires et partenaires
Suppliers and partners
Dienstleister und Partner
Leveranciers en partners

alerts 7
Détection et réponse aux alertes
Noticing and answering alerts
Erkennen und Behandeln von Vorfällen
Opmerken en afhandelen van meldingen

crisis 5
Poursuite d'activité en cas de crise
Carrying on in a crisis
Weiterarbeiten in der Krise
Doorwerken tijdens een crisis

copies 6
Copies de secours et archives
Backup copies and archives
Sicherungskopien und Archive
Reservekopieën en archieven

duties 6
Obligations légales et contrats
Legal duties and contracts
Gesetzliche Pflichten und Verträge
Wettelijke plichten en contracten
""",
)

PRIVACY: Final = _referential(
    """
privacy 20
Vie privée (démonstration)
Privacy (demonstration)
Datenschutz (Demonstration)
Privacybescherming (demonstratie)
""",
    """
purposes 4
Finalités et bases juridiques
Purposes and legal grounds
Zwecke und Rechtsgrundlagen
Doelen en rechtsgronden

people 6
Droits des personnes
What people may ask for
Rechte der Betroffenen
Rechten van betrokkenen

minimum 5
Collecte et conservation limitées
Collecting and keeping little
Sparsame Erhebung und Aufbewahrung
Beperkt verzamelen en bewaren

processors 4
Sous-traitants et transferts
Processors and transfers
Auftragsverarbeiter und Übermittlungen
Verwerkers en doorgifte

register 3
Registre et analyses d'impact
Register and impact assessments
Verzeichnis und Folgenabschätzungen
Register en effectbeoordelingen

leaks 4
Violations de données
When data leak
Datenpannen
Datalekken
""",
)
