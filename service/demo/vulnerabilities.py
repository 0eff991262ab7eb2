"""The vulnerabilities of the demonstration. The number: how serious each usually is, from 0 to 5."""

from typing import Final

from service.demo.catalogue import entries

VULNERABILITIES: Final = entries(
    "vulnerability",
    """
no-house-rules 3
Aucun règlement ne dit ce qui est permis sur les postes de travail
Nothing says what people may and may not do on their computers
Es ist nirgends geregelt, was am Arbeitsplatzrechner erlaubt ist
Nergens staat wat medewerkers op hun computer wel en niet mogen

untrained-newcomers 3
Les nouveaux arrivants commencent sans initiation à la sécurité
Newcomers start work without an introduction to security
Neue Mitarbeitende beginnen ohne Einführung in die Sicherheit
Nieuwe medewerkers beginnen zonder uitleg over beveiliging

phishing-never-rehearsed 3
Le personnel ne s'exerce jamais à reconnaître un message piégé
Staff never practise how to recognise a fraudulent message
Das Erkennen betrügerischer Nachrichten wird nie geübt
Het herkennen van valse berichten wordt nooit geoefend

shared-passwords 3
Plusieurs personnes se servent du même mot de passe
Several people use one and the same password
Mehrere Personen verwenden dasselbe Passwort
Meerdere personen gebruiken hetzelfde wachtwoord

single-factor 4
L'accès à distance ne demande qu'un mot de passe
Remote access asks for nothing but a password
Für den Fernzugriff genügt ein Passwort
Voor toegang op afstand volstaat een wachtwoord

leavers-keep-accounts 3
Les comptes des personnes parties restent ouverts
Accounts of people who have left stay open
Konten ausgeschiedener Personen bleiben aktiv
Accounts van vertrokken medewerkers blijven open

rights-pile-up 4
Les droits s'accumulent à chaque changement de fonction
Rights pile up with every change of job
Rechte häufen sich bei jedem Stellenwechsel an
Rechten stapelen zich op bij elke functiewissel

everyone-admin 3
Les utilisateurs sont administrateurs de leur propre poste
Users are administrators of their own machines
Benutzer sind Administratoren ihres eigenen Rechners
Gebruikers zijn beheerder van hun eigen computer

admin-for-mail 2
Les administrateurs lisent leurs courriels avec leur compte technique
Administrators read their mail with their technical account
Administratoren lesen ihre E-Mails mit dem Administrationskonto
Beheerders lezen hun e-mail met hun beheeraccount

default-passwords 2
Des équipements gardent le mot de passe du fabricant
Some devices keep the password that the maker gave them
Geräte laufen noch mit dem Passwort des Herstellers
Apparaten hebben nog het wachtwoord van de fabrikant

unlocked-screens 2
Les sessions restent ouvertes quand le bureau est vide
Sessions stay open while nobody is at the desk
Sitzungen bleiben offen, wenn niemand am Platz ist
Sessies blijven open als er niemand achter het bureau zit

open-plan-talk 2
Des affaires confidentielles se discutent en espace ouvert
Confidential matters are discussed in the open-plan office
Vertrauliches wird im Großraumbüro besprochen
Vertrouwelijke zaken worden in de kantoortuin besproken

papers-on-desks 2
Des dossiers sensibles passent la nuit sur les bureaux
Sensitive files lie on the desks overnight
Heikle Akten liegen über Nacht auf den Tischen
Gevoelige dossiers blijven 's nachts op het bureau liggen

printer-tray 1
Les impressions attendent sans surveillance dans le couloir
Printed pages wait unattended in the corridor
Ausdrucke liegen unbeaufsichtigt im Flur
Afdrukken liggen onbeheerd in de gang

no-shredder 1
Les papiers confidentiels finissent dans la poubelle ordinaire
Confidential papers end up in the ordinary bin
Vertrauliche Papiere landen im gewöhnlichen Abfall
Vertrouwelijke papieren belanden in de gewone prullenbak

disks-sold-full 2
Le matériel est revendu avec ses disques encore lisibles
Equipment is sold with its disks still readable
Geräte werden mit lesbaren Datenträgern verkauft
Apparatuur wordt verkocht met leesbare schijven

unencrypted-laptops 3
Les disques des ordinateurs portables ne sont pas chiffrés
The disks of laptops are not encrypted
Die Datenträger der Laptops sind nicht verschlüsselt
De schijven van laptops zijn niet versleuteld

unknown-usb 2
N'importe quelle clé USB trouvée peut être branchée
Any USB stick that is found may be plugged in
Jeder gefundene USB-Stick darf eingesteckt werden
Elke gevonden USB-stick mag worden aangesloten

private-phones 3
Des téléphones privés contiennent des données de l'organisation
Private phones hold data of the organisation
Private Telefone enthalten Daten der Organisation
Privételefoons bevatten gegevens van de organisatie

shadow-cloud 3
Des services en ligne sont adoptés sans en parler à l'informatique
Online services are adopted behind the IT department's back
Onlinedienste werden an der IT vorbei eingeführt
Onlinediensten worden buiten de ICT-afdeling om gebruikt

world-readable-shares 3
Des dossiers partagés sont lisibles par toute la maison
Shared folders can be read by the whole house
Freigegebene Ordner sind für das ganze Haus lesbar
Gedeelde mappen zijn voor het hele huis leesbaar

links-never-expire 2
Les liens de partage vers l'extérieur n'expirent jamais
Links shared with outsiders never expire
Nach außen geteilte Links laufen nie ab
Gedeelde links naar buiten verlopen nooit

late-patches 4
Les correctifs sont posés des semaines après leur sortie
Patches are applied weeks after they have come out
Korrekturen werden erst Wochen nach Erscheinen eingespielt
Patches worden pas weken na verschijning geïnstalleerd

unsupported-systems 3
Des systèmes que leur éditeur ne suit plus sont en service
Systems that their vendor has given up are in use
Es laufen Systeme, die der Hersteller nicht mehr pflegt
Er draaien systemen die de maker niet meer onderhoudt

forgotten-servers 2
Des serveurs oubliés tournent encore, sans responsable
Forgotten servers are still running and nobody owns them
Vergessene Server laufen noch, ohne dass jemand zuständig ist
Vergeten servers draaien nog en niemand is verantwoordelijk

no-inventory 3
Nul ne tient la liste des logiciels et appareils en usage
Nobody keeps a list of the software and devices in use
Niemand führt eine Liste der genutzten Software und Geräte
Niemand houdt bij welke software en apparaten in gebruik zijn

flat-network 3
Tous les appareils se voient sur un seul et même réseau
All devices see each other on one and the same network
Alle Geräte sehen einander in ein und demselben Netz
Alle apparaten zien elkaar in één en hetzelfde netwerk

guest-wifi 2
Le Wi-Fi des visiteurs mène aux serveurs internes
The guests' Wi-Fi leads to internal servers
Das WLAN für Gäste führt zu internen Servern
De wifi voor gasten leidt naar interne servers

exposed-console 2
Une console d'administration est joignable depuis Internet
An administration console can be reached from the Internet
Eine Verwaltungskonsole ist aus dem Internet erreichbar
Een beheerconsole is bereikbaar vanaf het internet

plain-protocols 2
Des données circulent en clair entre deux sites
Data travel unencrypted between two sites
Daten gehen unverschlüsselt von Standort zu Standort
Gegevens gaan onversleuteld van locatie naar locatie

single-line 3
Une seule ligne relie le site au reste du monde
One single line links the site to the rest of the world
Eine einzige Leitung verbindet den Standort mit der Welt
Eén enkele lijn verbindt de locatie met de buitenwereld

firewall-archaeology 3
Des règles de pare-feu existent dont personne ne sait la raison
Firewall rules exist that nobody can explain any more
Es gibt Firewallregeln, die niemand mehr erklären kann
Er zijn firewallregels die niemand meer kan uitleggen

no-traffic-watch 3
Un trafic inhabituel ne serait remarqué par personne
Unusual traffic would be noticed by nobody
Ungewöhnlicher Datenverkehr fiele niemandem auf
Ongewoon verkeer zou niemand opvallen

logs-overwritten 3
Les journaux sont écrasés après quelques jours
Logs are overwritten after a few days
Protokolle werden nach wenigen Tagen überschrieben
Logbestanden worden na enkele dagen overschreven

logs-unread 4
Les journaux existent mais ne sont lus qu'après coup
Logs exist but are read only when it is too late
Protokolle werden erst gelesen, wenn es zu spät ist
Logbestanden worden pas gelezen als het te laat is

clocks-differ 1
Les horloges des serveurs ne donnent pas la même heure
The clocks of the servers do not agree
Die Uhren der Server stimmen nicht überein
De klokken van de servers lopen niet gelijk

restore-never-tried 4
Personne n'a jamais essayé de restaurer une copie de secours
Nobody has ever tried to restore a backup
Noch nie wurde versucht, eine Sicherung zurückzuspielen
Niemand heeft ooit geprobeerd een back-up terug te zetten

backup-online 4
Les copies de secours sont effaçables depuis le réseau
Backups can be erased over the network
Sicherungen lassen sich über das Netz löschen
Back-ups kunnen via het netwerk worden gewist

backup-next-door 3
Les copies de secours dorment dans la même salle que les serveurs
Backups are kept in the same room as the servers
Sicherungen lagern im selben Raum wie die Server
Back-ups liggen in dezelfde ruimte als de servers

no-antivirus-on-servers 2
Les serveurs n'ont rien qui repère un programme malveillant
Servers have nothing that spots harmful software
Auf den Servern erkennt nichts schädliche Software
Op de servers herkent niets schadelijke software

macros-run 3
Les macros des documents reçus s'exécutent sans question
Macros in documents received run without a question
Makros in empfangenen Dokumenten laufen ohne Rückfrage
Macro's in ontvangen documenten starten zonder vraag

one-person-knows 4
Une seule personne sait faire tourner une application vitale
One single person knows how to run a vital application
Nur eine Person kann eine lebenswichtige Anwendung betreiben
Slechts één persoon kan een onmisbare toepassing draaien

nothing-written-down 3
Les manipulations courantes ne sont écrites nulle part
The usual operations are written down nowhere
Die üblichen Handgriffe sind nirgends aufgeschrieben
De gewone handelingen staan nergens beschreven

no-stand-in 3
L'astreinte du week-end n'a pas de remplaçant
Nobody stands in for the person on call at weekends
Für die Bereitschaft am Wochenende gibt es keine Vertretung
Voor de weekenddienst is er geen vervanger

crisis-plan-in-drawer 3
Le plan de crise n'a pas été répété depuis des années
The crisis plan has not been rehearsed for years
Der Krisenplan wurde seit Jahren nicht geübt
Het crisisplan is al jaren niet geoefend

nobody-to-call 3
Qui découvre un incident ne sait pas qui appeler
Whoever discovers an incident does not know whom to call
Wer einen Vorfall entdeckt, weiß nicht, wen er anrufen soll
Wie een incident ontdekt, weet niet wie te bellen

no-lessons 2
Après un incident, on n'en tire pas de leçon
Nothing is learnt from an incident once it is over
Aus einem überstandenen Vorfall wird nichts gelernt
Van een afgelopen incident wordt niets geleerd

contracts-silent 3
Les contrats des prestataires ne parlent pas de sécurité
Suppliers' contracts say nothing about security
Die Verträge der Dienstleister schweigen zur Sicherheit
Contracten met leveranciers zwijgen over beveiliging

supplier-back-door 3
Un prestataire entre à toute heure sans que cela se voie
A supplier can come in at any hour without being seen
Ein Dienstleister kann jederzeit unbemerkt zugreifen
Een leverancier kan op elk uur ongezien naar binnen

no-exit-plan 2
Changer de fournisseur n'a jamais été envisagé
Moving to another provider has never been thought through
Ein Wechsel des Anbieters wurde nie durchdacht
Overstappen naar een andere aanbieder is nooit doordacht

test-with-real-data 2
Les essais se font avec les données réelles des clients
Tests are done with real data of customers
Getestet wird mit echten Kundendaten
Er wordt getest met echte klantgegevens

straight-to-production 3
Les changements vont en production sans relecture
Changes go live without a second pair of eyes
Änderungen gehen ohne Gegenprüfung in Betrieb
Wijzigingen gaan live zonder tweede controle

secrets-in-code 2
Des mots de passe figurent dans le code source
Passwords are part of the source code
Passwörter stehen im Quellcode
Wachtwoorden staan in de broncode

door-on-the-latch 2
La porte de la salle des serveurs reste entrouverte
The door of the server room is left ajar
Die Tür zum Serverraum steht oft offen
De deur van de serverruimte staat vaak open

visitors-alone 2
Les visiteurs circulent seuls dans les étages
Visitors walk about the floors on their own
Besucher gehen allein durch die Stockwerke
Bezoekers lopen alleen door het gebouw

cellar-servers 2
Les serveurs se trouvent au sous-sol, près d'une rivière
The servers stand in the basement, close to a river
Die Server stehen im Keller, nahe an einem Fluss
De servers staan in de kelder, dicht bij een rivier

tired-batteries 2
Les batteries de secours sont trop vieilles pour tenir
Emergency batteries are too old to last
Die Notstrombatterien sind zu alt, um durchzuhalten
De noodbatterijen zijn te oud om het vol te houden

hot-cupboard 2
Une armoire réseau surchauffe dès les beaux jours
A network cabinet overheats as soon as summer comes
Ein Netzwerkschrank überhitzt, sobald es Sommer wird
Een netwerkkast raakt oververhit zodra het zomer wordt

consent-unknown 2
On ignore sur quel accord repose un fichier de personnes
It is unknown what agreement a file of people rests on
Auf welcher Einwilligung eine Personendatei beruht, ist unklar
Onbekend is op welke toestemming een personenbestand berust
""",
)

HOME_MADE_VULNERABILITIES: Final = entries(
    "vulnerability",
    """
grandfathers-plc 4
-
-
Steuerung von 1994, Ersatzteile nur noch gebraucht
-

key-under-the-mat 3
-
-
-
De sleutel ligt onder de mat/bij de buren
""",
)
"""Added by hand in a few analyses, in one language: see `HOME_MADE_THREATS`."""
