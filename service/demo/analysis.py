"""One analysis of the demonstration: its risks and its controls, and what people do to them.

An informational risk is an impact, and a threat that meets a vulnerability; an operational one is an impact and a
probability. The five kinds of figures are all counted from the same risks, so they agree with each other as a Front
Office's do: the levels add up to the total, the matrix holds as many risks, and residual is never above current.
"""

import random
from dataclasses import dataclass
from typing import Final

from service.demo.catalogue import Entry
from service.demo.referentials import BASELINE, PRIVACY, Referential
from service.demo.threats import HOME_MADE_THREATS, THREATS
from service.demo.vulnerabilities import HOME_MADE_VULNERABILITIES, VULNERABILITIES

FULL: Final = 5
"""The highest grade of a control: in place."""

_HIGHEST_PROBABILITY: Final = 4
_HIGHEST_QUALIFICATION: Final = 5
_OTHER_SCALES: Final = {
    "likelihood": sorted(
        {
            threat * vulnerability
            for threat in range(_HIGHEST_PROBABILITY + 1)
            for vulnerability in range(_HIGHEST_QUALIFICATION + 1)
        }
    ),
    "probability": list(range(_HIGHEST_PROBABILITY + 1)),
}
_LOOK_AT: Final = 4
"""People do not weigh all risks before they treat one: they take the worst of as many as these."""

_ACT_WEIGHTS: Final = (32, 24, 16, 14, 14)
"""How often what `Analysis.change` lists is done. More is treated than gets worse: the drift is slow, but down."""


@dataclass(slots=True)
class Risk:
    """A risk. `rate` and `residual_rate` are the vulnerability's qualification now and after treatment; for an
    operational risk, which has neither threat nor vulnerability, the probability (and `threat_rate` is 1)."""

    impact: int
    rate: int
    residual_rate: int
    threat_rate: int = 1
    threat: Entry | None = None
    vulnerability: Entry | None = None

    @property
    def column(self) -> int:
        """Where the risk stands in the matrix: its likelihood or probability."""
        return self.threat_rate * self.rate

    @property
    def residual_column(self) -> int:
        """Where it stands after treatment."""
        return self.threat_rate * self.residual_rate

    @property
    def value(self) -> int:
        """How grave the risk is."""
        return self.impact * self.column

    @property
    def residual_value(self) -> int:
        """How grave it is after treatment."""
        return self.impact * self.residual_column


@dataclass(slots=True)
class Grade:
    """How well a control is followed, 0 to FULL, and whether it applies here at all (if not: 0)."""

    value: int
    applies: bool = True


@dataclass(slots=True)
class Soa:
    """A referential as an analysis uses it: the grades of each chapter's controls."""

    referential: Referential
    chapters: list[list[Grade]]


class Analysis:
    """An analysis on its first day; `change` makes the next version of it. All chance comes from `chance`."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._highest_impact = chance.choice((4, 4, 4, 5))
        self._threats = _chosen(chance, THREATS, HOME_MADE_THREATS, lacking=2)
        self._vulnerabilities = _chosen(chance, VULNERABILITIES, HOME_MADE_VULNERABILITIES, lacking=5)
        self._usual_size = chance.randint(80, 120)
        self.scales = {"impact": list(range(self._highest_impact + 1)), **_OTHER_SCALES}
        self.informational = self._first_risks()
        self.operational = [self._operational_risk() for _ in range(chance.randint(18, 40))]
        self.soas = [_soa(chance, BASELINE)]
        if _happens(chance, 0.25):
            self.soas.append(_soa(chance, PRIVACY))

    def change(self) -> None:
        """A day's work: a few risks are treated, appear or get worse, a few controls are looked at again."""
        acts = self._treat, self._carry_out, self._get_worse, self._judge_threat_again, self._find_or_drop
        for act in self._chance.choices(acts, _ACT_WEIGHTS, k=self._chance.randint(3, 6)):
            act()
        for _ in range(self._chance.randint(1, 4)):
            self._review_control()

    # How it begins

    def _first_risks(self) -> list[Risk]:
        """Every object but the last of each kind has a risk at least; that one comes up later, if ever."""
        threats, vulnerabilities = self._threats[:-1], self._vulnerabilities[:-1]
        pairs = [(self._chance.choice(threats), vulnerability) for vulnerability in vulnerabilities]
        pairs += [(threat, self._chance.choice(vulnerabilities)) for threat in threats]
        while len(pairs) < self._usual_size:
            pairs.append((self._chance.choice(threats), self._chance.choice(vulnerabilities)))
        return [self._informational_risk(threat, vulnerability) for threat, vulnerability in pairs]

    def _informational_risk(self, threat: Entry, vulnerability: Entry) -> Risk:
        rate = self._around(vulnerability.number, _HIGHEST_QUALIFICATION)
        return Risk(
            impact=self._around(2, self._highest_impact),
            rate=rate,
            residual_rate=self._first_residual_rate(rate),
            threat_rate=self._around(threat.number, _HIGHEST_PROBABILITY),
            threat=threat,
            vulnerability=vulnerability,
        )

    def _operational_risk(self) -> Risk:
        rate = self._chance.randint(0, _HIGHEST_PROBABILITY)
        impact = self._chance.randint(0, self._highest_impact)
        return Risk(impact=impact, rate=rate, residual_rate=self._first_residual_rate(rate))

    def _around(self, usual: int, highest: int) -> int:
        """A number from 1 to `highest`, most often the usual one or close to it."""
        return min(highest, max(1, usual + self._chance.choice((-1, -1, 0, 0, 0, 1, 1, 2))))

    def _first_residual_rate(self, rate: int) -> int:
        """One risk in four has a treatment when it is first written down."""
        return self._treated(rate) if _happens(self._chance, 0.25) else rate

    # What happens to it

    def _treated(self, rate: int) -> int:
        """A treatment takes off one or two, but nothing makes a risk vanish that was there."""
        return max(min(rate, 1), rate - self._chance.randint(1, 2))

    def _some(self) -> list[Risk]:
        """A handful of risks of one kind, for somebody to choose from."""
        risks = self.operational if _happens(self._chance, 0.2) else self.informational
        return self._chance.sample(risks, _LOOK_AT)

    def _treat(self) -> None:
        """The worst of a handful gets a treatment: high turns medium, then low."""
        risk = max(self._some(), key=lambda risk: risk.residual_value)
        risk.residual_rate = self._treated(risk.residual_rate)

    def _carry_out(self) -> None:
        """A treatment is carried out: what was the residual risk is now the current one."""
        risk = max(self._some(), key=lambda risk: risk.value - risk.residual_value)
        risk.rate = risk.residual_rate

    def _get_worse(self) -> None:
        """A measure falls into disuse, or a weakness turns out to be greater than thought."""
        risk = self._chance.choice(self._some())
        highest = _HIGHEST_PROBABILITY if risk.threat is None else _HIGHEST_QUALIFICATION
        risk.rate = min(highest, risk.rate + 1)
        risk.residual_rate = min(risk.rate, risk.residual_rate + self._chance.randint(0, 1))

    def _judge_threat_again(self) -> None:
        """A threat counts as likelier or less likely than it did, and drifts back to what is usual for it."""
        risk = self._chance.choice(self.informational)
        usual = risk.threat.number if risk.threat else risk.threat_rate
        if risk.threat_rate == usual:
            usual += self._chance.choice((-1, 1))
        step = 1 if usual > risk.threat_rate else -1
        risk.threat_rate = min(_HIGHEST_PROBABILITY, max(1, risk.threat_rate + step))

    def _find_or_drop(self) -> None:
        """A new risk is written down, often of a threat that nobody had thought of, or an old one struck out."""
        if _happens(self._chance, len(self.informational) / (2 * self._usual_size + 8)):
            self.informational.pop(self._chance.randrange(len(self.informational)))
            return
        threats = {risk.threat.uuid for risk in self.informational if risk.threat}
        vulnerabilities = {risk.vulnerability.uuid for risk in self.informational if risk.vulnerability}
        threat = self._new_or_any(self._threats, threats)
        risk = self._informational_risk(threat, self._new_or_any(self._vulnerabilities, vulnerabilities))
        risk.residual_rate = risk.rate
        self.informational.append(risk)

    def _new_or_any(self, entries: list[Entry], known: set[str]) -> Entry:
        fresh = [entry for entry in entries if entry.uuid not in known]
        return self._chance.choice(fresh if fresh and _happens(self._chance, 0.7) else entries)

    def _review_control(self) -> None:
        """Grades creep up; the better one is, the likelier a lapse. Now and then a control is left out or let in."""
        grade = self._chance.choice(self._chance.choice(self._chance.choice(self.soas).chapters))
        if _happens(self._chance, 0.01 if grade.applies else 0.15):
            grade.applies = not grade.applies
            grade.value = 0
        elif grade.applies:
            step = -1 if _happens(self._chance, grade.value**2 / 50) else 1
            grade.value = min(FULL, max(0, grade.value + step))


def _happens(chance: random.Random, probability: float) -> bool:
    return chance.random() < probability


def _chosen(chance: random.Random, usual: list[Entry], home_made: list[Entry], lacking: int) -> list[Entry]:
    """The objects that an analysis can have, in an order of its own. Up to `lacking` of the usual ones are not among
    them; one analysis in eight has a home-made one too, in front."""
    entries = chance.sample(usual, len(usual) - chance.randint(0, lacking))
    return [chance.choice(home_made), *entries] if _happens(chance, 0.125) else entries


def _soa(chance: random.Random, referential: Referential) -> Soa:
    """A referential as it is first filled in: chapters stand at different heights, a few controls do not apply."""
    chapters = []
    for chapter in referential.chapters:
        height = chance.randint(1, 3)
        grades = [Grade(min(FULL, max(0, height + chance.randint(-2, 2)))) for _ in chapter.controls]
        chapters.append([Grade(0, applies=False) if _happens(chance, 0.06) else grade for grade in grades])
    return Soa(referential, chapters)
