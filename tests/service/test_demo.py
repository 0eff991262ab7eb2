"""The demonstration's fleet: what it promises to those who fill a database or run a benchmark with it."""

import datetime as dt
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from service.core import payloads
from service.demo.fleet import DemoAccount, accounts, analysis_days
from service.demo.referentials import BASELINE, PRIVACY
from service.demo.threats import HOME_MADE_THREATS, THREATS
from service.demo.vulnerabilities import HOME_MADE_VULNERABILITIES, VULNERABILITIES
from service.records import StatType

ANR = uuid.UUID("5f0a3c52-8c2e-4d0b-9d8e-0d8f3c1c7a11")
FIRST = dt.date(2025, 12, 1)
LAST = dt.date(2026, 11, 30)
YEAR = 365
ROOT = Path(__file__).parents[2]

DIGEST = """
import datetime, hashlib
from service.demo.fleet import accounts, analysis_days
digest = hashlib.sha256()
for account in accounts(4, 4, seed=7):
    digest.update(repr(account).encode())
    for row in analysis_days(account.analyses[0], datetime.date(2026, 1, 1), datetime.date(2026, 2, 1), seed=7):
        digest.update(repr(row).encode())
print(digest.hexdigest())
"""


def everything(account_list: list[DemoAccount]) -> Iterator[dict[StatType, Any]]:
    """Each analysis' five payloads, decoded, on the first and the last day of a year."""
    for account in account_list:
        for anr in account.analyses:
            days: dict[dt.date, dict[StatType, Any]] = {FIRST: {}, LAST: {}}
            for stat_type, day, data in analysis_days(anr, FIRST, LAST):
                if day in days:
                    days[day][stat_type] = json.loads(data)
            yield from days.values()


@pytest.fixture(scope="module")
def fleet() -> list[dict[StatType, Any]]:
    """The fleet of the demonstration, two days of each analysis."""
    return list(everything(accounts()))


def cells(matrix: Any) -> Iterator[tuple[int, int, int]]:
    """Impact, column and count of a cartography's matrix, whether its parts came as lists or as objects."""

    def items(part: Any) -> Iterator[tuple[int, Any]]:
        pairs = enumerate(part) if isinstance(part, list) else part.items()
        return ((int(key), value) for key, value in pairs)

    return ((impact, column, count) for impact, row in items(matrix) for column, count in items(row))


# --- Accounts


def test_accounts_share_out_the_analyses_unevenly() -> None:
    """Twelve accounts hold thirty analyses, each at least one, the first several times as many as the last."""
    made = accounts(12, 30)
    sizes = [len(account.analyses) for account in made]
    assert (len(made), sum(sizes), min(sizes)) == (12, 30, 1)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] >= 4
    assert len({anr for account in made for anr in account.analyses}) == 30


def test_accounts_are_told_apart_and_have_a_place_on_earth() -> None:
    """However many there are: no two names are equal, and coordinates are coordinates."""
    made = accounts(600, 2000)
    assert len({account.name for account in made}) == 600
    assert all(-90 <= account.latitude <= 90 and -180 <= account.longitude <= 180 for account in made)
    assert len({(account.latitude, account.longitude) for account in accounts(12, 30)}) == 12


def test_some_accounts_share_and_some_do_not() -> None:
    """Both kinds are there in a fleet of twelve, and sharing is the usual thing."""
    sharing = Counter(account.is_sharing_enabled for account in accounts(12, 30))
    assert sharing == {True: 9, False: 3}


def test_two_accounts_have_fallen_silent() -> None:
    """For some weeks, two of twelve, none of the largest; a fleet too small to spare any has none."""
    silent = [place for place, account in enumerate(accounts(12, 30)) if account.silent_days]
    assert len(silent) == 2
    assert min(silent) >= 6
    assert all(14 <= account.silent_days <= 60 for account in accounts(12, 30) if account.silent_days)
    assert not any(account.silent_days for account in accounts(3, 30))


def test_fewer_analyses_than_accounts_leave_some_without() -> None:
    """Three analyses among five accounts: three with one each, two with none."""
    assert [len(account.analyses) for account in accounts(5, 3)] == [1, 1, 1, 0, 0]


# --- The same again


def test_the_same_seed_gives_the_same_bytes_in_every_process() -> None:
    """Nothing depends on Python's hashing, which differs from process to process."""
    digests = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", DIGEST]
        run = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        digests.add(run.stdout)
    assert len(digests) == 1


def test_another_seed_or_analysis_gives_another_story() -> None:
    """Seed and analysis both count."""

    def story(anr: uuid.UUID, seed: int) -> str:
        data = b"".join(data for *_, data in analysis_days(anr, FIRST, FIRST, seed=seed))
        return hashlib.sha256(data).hexdigest()

    other = uuid.UUID(int=ANR.int + 1)
    assert len({story(ANR, 1), story(ANR, 2), story(other, 1), story(other, 2)}) == 4
    assert accounts(seed=1) != accounts(seed=2)


# --- Days


def test_each_day_has_its_five_types_and_both_ends_count() -> None:
    """Days ascend without a gap from the first to the last, each with the five types in order."""
    rows = [(day, stat_type) for stat_type, day, _ in analysis_days(ANR, FIRST, LAST)]
    days = [FIRST + dt.timedelta(days) for days in range(YEAR)]
    assert days[-1] == LAST
    assert rows == [(day, stat_type) for day in days for stat_type in StatType]


def test_asking_for_fewer_types_changes_nothing_in_them() -> None:
    """The threats alone are the threats of the whole."""
    whole = [row for row in analysis_days(ANR, FIRST, LAST) if row[0] is StatType.THREAT]
    assert list(analysis_days(ANR, FIRST, LAST, types=(StatType.THREAT,))) == whole


def test_an_unchanged_day_is_the_very_same_object() -> None:
    """Equal data is never built twice: what is equal to the day before is identical with it."""
    datas = [data for *_, data in analysis_days(ANR, FIRST, LAST, types=(StatType.VULNERABILITY,))]
    same = [before is after for before, after in pairwise(datas)]
    assert same == [before == after for before, after in pairwise(datas)]
    assert any(same)
    assert not all(same)


def test_one_day_in_twenty_changes() -> None:
    """The share of changed days is what was asked for, within what chance allows over 7,280 days."""
    changed = 0
    for number in range(20):
        anr = uuid.UUID(int=number)
        datas = [data for *_, data in analysis_days(anr, FIRST, LAST, types=(StatType.RISK,))]
        changed += sum(before is not after for before, after in pairwise(datas))
    assert 0.04 < changed / (20 * (YEAR - 1)) < 0.06


@pytest.mark.parametrize(("change_rate", "versions"), [(0.0, 1), (1.0, 60)])
def test_a_changed_day_changes_all_five_types(change_rate: float, versions: int) -> None:
    """At rate 1 each day differs from the day before in every type, at rate 0 none ever does."""
    last = FIRST + dt.timedelta(59)
    for stat_type in StatType:
        days = analysis_days(ANR, FIRST, last, change_rate=change_rate, types=(stat_type,))
        datas = [data for *_, data in days]
        assert 1 + sum(before != after for before, after in pairwise(datas)) == versions


# --- Payloads


def test_the_service_accepts_every_payload() -> None:
    """Payloads have the shapes that the service checks, over a year in which every day changes."""
    for stat_type, _, data in analysis_days(ANR, FIRST, LAST, change_rate=1.0):
        assert payloads.read(stat_type, data)


def test_payloads_are_written_as_php_writes_them() -> None:
    """Compact ASCII with escaped slashes; written again from what it says, it is the same text."""
    slashes = escapes = 0
    for anr in range(8):
        for *_, data in analysis_days(uuid.UUID(int=anr), FIRST, FIRST):
            again = json.dumps(json.loads(data), separators=(",", ":")).replace("/", "\\/")
            assert data == again.encode("ascii")
            slashes += data.count(b"\\/")
            escapes += data.count(b"\\u00")
    assert slashes
    assert escapes


def test_matrix_rows_come_as_lists_and_as_objects(fleet: list[dict[StatType, Any]]) -> None:
    """A row whose columns are 0..n-1 is a list, any other an object: both occur."""
    rows: list[Any] = []
    for analysis in fleet:
        for kinds in analysis[StatType.CARTOGRAPHY]["risks"].values():
            for matrix in kinds.values():
                rows += matrix if isinstance(matrix, list) else matrix.values()
    forms = Counter(type(row) for row in rows)
    assert forms[list] > 10
    assert forms[dict] > 10
    assert not any(list(row) == [str(key) for key in range(len(row))] for row in rows if isinstance(row, dict))


def test_risks_add_up_everywhere(fleet: list[dict[StatType, Any]]) -> None:
    """Levels, matrix and total agree, and threats and vulnerabilities occur as often as there are risks."""
    for analysis in fleet:
        risk, matrices = analysis[StatType.RISK], analysis[StatType.CARTOGRAPHY]["risks"]
        for state, kinds in risk["total"].items():
            for kind, total in kinds.items():
                assert sum(level["value"] for level in risk["risks"][state][kind]) == total
                assert sum(count for *_, count in cells(matrices[state][kind])) == total
        informational = risk["total"]["current"]["informational"]
        assert sum(threat["count"] for threat in analysis[StatType.THREAT]) == informational
        assert sum(item["count"] for item in analysis[StatType.VULNERABILITY]) == informational


def test_the_gravest_cell_is_the_highest_risk_of_any_threat(fleet: list[dict[StatType, Any]]) -> None:
    """The matrix, the threats and the vulnerabilities speak of the same risks."""
    for analysis in fleet:
        matrix = analysis[StatType.CARTOGRAPHY]["risks"]["current"]["informational"]
        gravest = max(impact * column for impact, column, count in cells(matrix) if count)
        for stat_type in (StatType.THREAT, StatType.VULNERABILITY):
            assert max(item["maxRisk"] for item in analysis[stat_type]) == gravest


def test_cells_stand_on_the_scales(fleet: list[dict[StatType, Any]]) -> None:
    """Impacts and columns that occur are on the scales that the payload names."""
    for analysis in fleet:
        cartography = analysis[StatType.CARTOGRAPHY]
        scales = cartography["scales"]
        for kinds in cartography["risks"].values():
            for kind, columns in (("informational", "likelihood"), ("operational", "probability")):
                for impact, column, _ in cells(kinds[kind]):
                    assert impact in scales["impact"]
                    assert column in scales[columns]


def test_residual_risk_is_never_above_current(fleet: list[dict[StatType, Any]]) -> None:
    """After treatment there are not more high risks, nor fewer low ones, and the sum of all is not higher."""
    for analysis in fleet:
        risks, matrices = analysis[StatType.RISK]["risks"], analysis[StatType.CARTOGRAPHY]["risks"]
        for kind in ("informational", "operational"):
            low, _, high = (level["value"] for level in risks["current"][kind])
            residual_low, _, residual_high = (level["value"] for level in risks["residual"][kind])
            assert residual_low >= low
            assert residual_high <= high
            current, residual = (
                sum(impact * column * count for impact, column, count in cells(matrices[state][kind]))
                for state in ("current", "residual")
            )
            assert residual <= current


def test_means_are_text_of_two_decimals(fleet: list[dict[StatType, Any]]) -> None:
    """A mean of several is text with two decimals, the mean of one is the number itself as text."""
    for analysis in fleet:
        for item in analysis[StatType.THREAT] + analysis[StatType.VULNERABILITY]:
            pattern = r"[1-5]" if item["count"] == 1 else r"[0-5]\.\d\d"
            assert re.fullmatch(pattern, item["averageRate"])


def test_a_chapter_is_the_mean_of_its_controls(fleet: list[dict[StatType, Any]]) -> None:
    """Cut off at two decimals; what is reached is never above what is aimed at, nor is it all."""
    for analysis in fleet:
        for referential in analysis[StatType.COMPLIANCE]:
            for current, target in zip(referential["current"], referential["target"], strict=True):
                for category in (current, target):
                    values = [round(float(control["value"]) * 100) for control in category["controls"]]
                    assert round(float(category["value"]) * 100) == sum(values) // len(values)
                for control, aim in zip(current["controls"], target["controls"], strict=True):
                    assert float(control["value"]) <= float(aim["value"])
                    assert (control["code"], control["measure"]) == (aim["code"], aim["measure"])


# --- Objects


def test_the_catalogue_has_the_size_of_a_real_one() -> None:
    """As many threats, vulnerabilities and chapters as a real analysis has, and about as many controls."""
    assert (len(THREATS), len(VULNERABILITIES), len(BASELINE.chapters)) == (22, 59, 14)
    assert 95 <= sum(len(chapter.controls) for chapter in BASELINE.chapters) <= 120


def test_every_object_has_a_name_in_four_languages() -> None:
    """Four labels, none empty and none used twice, in which each language shows."""
    tables = [entry.labels for entry in (*THREATS, *VULNERABILITIES)]
    for referential in (BASELINE, PRIVACY):
        tables += [referential.labels, *(chapter.labels for chapter in referential.chapters)]
    assert all(list(labels) == ["label1", "label2", "label3", "label4"] for labels in tables)
    texts = [label for labels in tables for label in labels.values()]
    assert all(texts)
    assert len(set(texts)) == len(texts)
    tongues = ("les|des|du", "the|of|and", "der|die|und", "het|een|en")
    for label, tongue in enumerate(tongues, start=1):
        column = " ".join(str(labels[f"label{label}"]) for labels in tables)
        found = [len(re.findall(rf"\b({words})\b", column)) for words in tongues]
        assert tongues[found.index(max(found))] == tongue


def test_home_made_objects_have_a_name_in_one_language() -> None:
    """Their other labels are null, as a Front Office may send them."""
    for entry in (*HOME_MADE_THREATS, *HOME_MADE_VULNERABILITIES):
        assert sum(label is not None for label in entry.labels.values()) == 1


def test_analyses_share_their_objects(fleet: list[dict[StatType, Any]]) -> None:
    """All draw on one catalogue by the same UUIDs and labels; some lack a few, and few have one of their own."""
    for stat_type, usual, home_made in (
        (StatType.THREAT, THREATS, HOME_MADE_THREATS),
        (StatType.VULNERABILITY, VULNERABILITIES, HOME_MADE_VULNERABILITIES),
    ):
        known = {entry.uuid: entry.labels for entry in (*usual, *home_made)}
        own = {entry.uuid for entry in home_made}
        held = []
        for analysis in fleet:
            items = {item["uuid"]: {name: item[name] for name in known[item["uuid"]]} for item in analysis[stat_type]}
            assert all(known[identity] == labels for identity, labels in items.items())
            held.append(set(items))
        assert set.union(*held) >= {entry.uuid for entry in usual}
        assert any(len(identities) < len(usual) for identities in held)
        assert 0 < sum(bool(identities & own) for identities in held) < len(held) / 2


def test_some_analyses_use_a_second_referential(fleet: list[dict[StatType, Any]]) -> None:
    """One referential is the rule, two occur."""
    counts = Counter(len(analysis[StatType.COMPLIANCE]) for analysis in fleet)
    assert set(counts) == {1, 2}
    assert counts[1] > counts[2]


# --- The year's story


def test_a_year_makes_the_fleet_safer_but_not_steadily() -> None:
    """High residual risks get fewer over the year, without vanishing, and yet some days are setbacks."""
    first = last = setbacks = 0
    for account in accounts():
        for anr in account.analyses:
            days = analysis_days(anr, FIRST, LAST, types=(StatType.RISK,))
            levels = [json.loads(data)["risks"]["residual"]["informational"] for *_, data in days]
            high = [level[2]["value"] for level in levels]
            first, last = first + high[0], last + high[-1]
            setbacks += sum(after > before for before, after in pairwise(high))
    assert 0.4 * first < last < 0.9 * first
    assert setbacks > 10


def test_compliance_rises_and_new_threats_come_up(fleet: list[dict[StatType, Any]]) -> None:
    """Between the first and the last day of the year, over the whole fleet."""

    def reached(analysis: dict[StatType, Any]) -> float:
        categories = analysis[StatType.COMPLIANCE][0]["current"]
        return sum(float(category["value"]) for category in categories) / len(categories)

    firsts, lasts = fleet[0::2], fleet[1::2]
    assert sum(map(reached, lasts)) > sum(map(reached, firsts)) + 0.03 * len(firsts)
    pairs = zip(firsts, lasts, strict=True)
    assert any(
        {item["uuid"] for item in after[StatType.THREAT]} - {item["uuid"] for item in before[StatType.THREAT]}
        for before, after in pairs
    )
