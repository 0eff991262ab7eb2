"""The threats of the demonstration. The number: how likely each usually is, on the scale from 0 to 4."""

from typing import Final

from service.demo.catalogue import entries

THREATS: Final = entries(
    "threat",
    """
handling-error 3
Fausse manœuvre d'un collaborateur
A member of staff makes a mistake
Fehlbedienung durch Mitarbeitende
Een medewerker maakt een fout

breakdown 3
Panne soudaine d'un appareil
A device suddenly breaks down
Plötzlicher Ausfall eines Geräts
Een apparaat valt plotseling uit

borrowed-account 2
Connexion avec le compte d'un autre
Logging in with somebody else's account
Anmeldung mit einem fremden Konto
Aanmelden met het account van een ander

tapping 1
Interception des échanges sur le réseau
Traffic is intercepted on the network
Abfangen des Datenverkehrs im Netz
Netwerkverkeer wordt onderschept

phishing 4
Hameçonnage par courriel, SMS ou téléphone
Phishing by e-mail, text message or phone
Phishing per E-Mail, SMS oder Telefon
Phishing via e-mail, sms of telefoon

ransomware 3
Rançongiciel qui chiffre les fichiers
Ransomware encrypts the files
Erpressungssoftware verschlüsselt die Dateien
Gijzelsoftware versleutelt de bestanden

blaze 1
Feu dans un local technique ou un bureau
A room or an office burns
Brand in einem Technikraum oder Büro
Brand in een technische ruimte of kantoor

flooding 1
Inondation ou fuite d'une conduite
Flooding or a burst pipe
Überschwemmung oder Rohrbruch
Overstroming of een gesprongen leiding

power-cut 2
Coupure de courant prolongée
The power stays off for hours
Längerer Stromausfall
Langdurige stroomuitval

line-down 3
Coupure de la liaison Internet/WAN
The Internet/WAN link goes down
Ausfall der Internet-/WAN-Anbindung
De internet-/WAN-verbinding valt weg

theft 2
Vol d'un ordinateur portable ou d'un téléphone
A laptop or a phone is stolen
Diebstahl eines Laptops oder Telefons
Diefstal van een laptop of telefoon

lost-papers 2
Perte de dossiers ou d'une clé USB
Files or a USB stick get lost
Verlust von Akten oder eines USB-Sticks
Verlies van dossiers of een USB-stick

rummaging 1
Fouille des poubelles et du matériel réformé
Searching through waste and scrapped devices
Durchsuchen von Abfall und Altgeräten
Doorzoeken van afval en afgedankte apparaten

revenge 1
Sabotage par une personne de l'intérieur
Sabotage by an insider
Sabotage durch Innentäter
Sabotage door een insider

absence 2
Absence simultanée de personnes clés
Several key people are away at once
Gleichzeitiger Ausfall von Schlüsselpersonen
Meerdere sleutelfiguren zijn tegelijk afwezig

supplier-default 2
Arrêt d'activité d'un prestataire essentiel
An essential supplier stops working
Ein wichtiger Dienstleister fällt aus
Een belangrijke leverancier valt weg

flood-of-requests 2
Saturation volontaire d'un service en ligne
An online service is flooded on purpose
Gezielte Überlastung eines Onlinedienstes
Een onlinedienst wordt opzettelijk overbelast

faulty-release 3
Erreur introduite par une mise à jour
An update brings in a fault
Eine Aktualisierung bringt einen Fehler mit
Een update brengt een fout mee

tampering 1
Modification discrète de données
Data are changed unnoticed
Unbemerkte Veränderung von Daten
Gegevens worden ongemerkt gewijzigd

misuse-of-personal-data 2
Usage de données personnelles hors de leur finalité
Personal data used for another purpose
Zweckfremde Nutzung personenbezogener Daten
Persoonsgegevens gebruikt voor een ander doel

fake-order 3
Faux ordre de virement au nom de la direction
A fake payment order in the manager's name
Gefälschter Zahlungsauftrag im Namen der Leitung
Valse betaalopdracht uit naam van de directie

pirated-software 1
Logiciel installé sans licence valable
Software installed without a valid licence
Software ohne gültige Lizenz
Software zonder geldige licentie
""",
)

HOME_MADE_THREATS: Final = entries(
    "threat",
    """
drone 1
-
A drone films the yard
-
-

strike-at-the-lock 2
Grève à l'écluse, équipes bloquées
-
-
-
""",
)
"""A few analyses have an object that somebody added by hand, in one language. They come from this short list, so
that a large fleet has hardly more distinct objects than a small one: real fleets share most of theirs too."""
