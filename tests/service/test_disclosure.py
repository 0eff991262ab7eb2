"""The rule by which a public instance tells what it tells. (What anybody sees of it: `test_public_instance`.)"""

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core import disclosure
from service.core.disclosure import NOTHING, Cell, Protection, Sent, Told

FIVE = Protection(min_accounts=5, max_percent=80)
THREE = Protection(min_accounts=3, max_percent=80)


@pytest.mark.parametrize(
    ("parts", "safe"),
    [
        ([], False),
        ([[1, 5]] * 4, False),
        ([[1, 5]] * 5, True),
        ([[1, 0]] * 5, True),  # that it is 0 is told of five
        ([[16, 5]] + [[1, 5]] * 4, True),  # 80 % of the rows
        ([[17, 5]] + [[1, 5]] * 4, False),
        ([[1, 80]] + [[1, 5]] * 4, True),  # 80 % of the sum
        ([[1, 81]] + [[1, 5]] * 4, False),
        ([[1, 1]] + [[1, 0]] * 4, False),
        ([[1, 5, 81]] + [[1, 5, 5]] * 4, False),  # of one of the sums
        ([[1]] * 5, True),
        ([[-1, -81]] + [[1, 5]] * 4, False),  # of a difference what counts is how much it is
        ([[0, 7]] * 5, True),
    ],
)
def test_a_sum_is_safe_of_enough_accounts_of_which_none_prevails(parts: list[list[int]], *, safe: bool) -> None:
    """Five accounts, and 80 % of the rows and of every sum."""
    assert disclosure.is_safe(dict(enumerate(parts)), FIVE) is safe


@given(
    st.dictionaries(st.integers(1, 9), st.tuples(st.integers(0, 30), st.integers(0, 30)).map(list)),
    st.integers(2, 6),
    st.integers(1, 80),
)
def test_a_stricter_protection_tells_less(parts: Cell, accounts: int, percent: int) -> None:
    """What is safe under a protection is safe under every one that is less strict."""
    if disclosure.is_safe(parts, Protection(accounts, percent)):
        assert disclosure.is_safe(parts, Protection(accounts - 1, percent))
        assert disclosure.is_safe(parts, Protection(accounts, percent + 1))


KEYS = (1, 2)
DAYS = range(700_000, 700_004)


class Teller:
    """Days of one group, told as the service tells them; all that was ever told is kept."""

    def __init__(self) -> None:
        self.sent: dict[int, dict[int, dict[int, list[int]]]] = {day: {} for day in DAYS}
        self.told: dict[int, Told] = {}
        self.ever: dict[tuple[int, int], list[Cell]] = {}
        self.news: dict[int, set[int]] = {day: set() for day in DAYS}

    def take(self, day: int, figures: dict[int, Any]) -> None:
        """Let accounts send something of a day, or delete it."""
        for account, found in figures.items():
            self.news[day].add(account)
            if found is None:
                self.sent[day].pop(account, None)
                for news in self.news.values():  # it may be gone for later days too
                    news.add(account)
            else:
                self.sent[day][account] = found

    def look(self, day: int) -> Told | None:
        """Tell a day anew; what is told of it then."""
        heard = {account for each in DAYS if each <= day for account in self.sent[each]}
        before = self.told.get(max((each for each in self.told if each < day), default=0), NOTHING)
        after = self.told.get(min((each for each in self.told if each > day), default=0), NOTHING)
        own = self.told.get(day, NOTHING)
        told = disclosure.tell(day, Sent(self.sent[day], heard), own, (before, after), THREE)
        if told.cells:
            self.told[day] = told
        if told.seen != (own if own.cells else before).seen:
            self.news[day] = set()
        for key in told.sums:
            states = self.ever.setdefault((day, key), [])
            if told.cells[key] not in states:
                states.append(told.cells[key])
        return self.told.get(day)

    def check(self) -> None:
        """Hold everything that is told now, and ever was, to what is promised."""
        for day, told in self.told.items():
            for key, sums in told.sums.items():
                parts = told.cells[key]
                assert disclosure.is_safe(parts, THREE)
                assert sums == [sum(numbers) for numbers in zip(*parts.values(), strict=True)]
            later = self.told.get(min((each for each in self.told if each > day), default=0), NOTHING)
            for key in told.cells.keys() & later.cells.keys():
                if disclosure.is_safe(told.cells[key], THREE):  # else nothing was told of it
                    assert disclosure.may_stand_beside(told.cells[key], later.cells[key], THREE)
        for states in self.ever.values():
            for one, other in itertools.combinations(states, 2):
                assert disclosure.is_safe(disclosure.differences(one, other), THREE)


def _figures(chance: random.Random) -> dict[int, list[int]] | None:
    """What an account sends, often the same again; {}: it deletes all; None: it is purged."""
    if chance.random() < 0.2:
        return chance.choice([None, {}, {}])
    return {key: [chance.choice((1, 1, 2)), chance.choice((10, 11, 40))] for key in KEYS if chance.random() < 0.8}


@settings(max_examples=60)
@given(st.integers(0, 1 << 32))
def test_whatever_is_sent_no_two_things_told_differ_by_too_few(seed: int) -> None:
    """Of a day: all that was ever told. Of two days side by side: what is told of both."""
    chance = random.Random(seed)
    teller = Teller()
    for _ in range(40):
        day = chance.choice(DAYS)
        accounts = chance.sample(range(8), chance.choice((1, 2, 3, 5, 8)))
        teller.take(day, {account: _figures(chance) for account in accounts})
        was = teller.told.get(day)
        few = len(teller.news[day]) < THREE.min_accounts
        now = teller.look(day)
        assert not (few and was) or now is was
        teller.check()


def _sent(*values: int, first: int = 0) -> dict[int, dict[int, list[int]]]:
    """What accounts send, numbered from `first` on: of one key one row with a value."""
    return {account: {1: [1, value]} for account, value in enumerate(values, first)}


def _told(day: int, sent: dict[int, Any], own: Told = NOTHING, before: Told = NOTHING, heard: int = 20) -> Told:
    return disclosure.tell(day, Sent(sent, range(heard)), own, (before, NOTHING), FIVE)


def test_a_new_day_says_what_the_day_before_said_until_enough_have_changed() -> None:
    """Who sends nothing of the day has not changed."""
    friday = _told(1, _sent(*range(10, 20)))
    assert friday.sums == {1: [10, 145]}
    assert _told(2, _sent(90, 91, 92, 93), before=friday).sums == friday.sums
    assert _told(2, _sent(90, 91, 92, 93, 94), before=friday).sums == {1: [10, 145 + 5 * 80]}
    assert _told(2, _sent(90, 91, 92, 93, 999_999), before=friday).sums == friday.sums  # one makes up the difference
    assert _told(2, _sent(90, 91, 92, 93, 94), before=friday, heard=5).sums == {1: [5, 460]}  # the others are gone


def test_a_figure_of_which_too_few_are_left_is_told_no_more_and_not_forgotten() -> None:
    """When they come back, one with another value, it says what it said before; a month later all begins anew."""
    first = _told(1, _sent(10, 11, 12, 13, 14, 15, 16, 17))
    none: dict[int, Any] = {account: {} for account in range(6)}
    second = _told(2, none | _sent(16, 17, first=6), before=first)
    assert (second.sums, second.cells) == ({}, first.cells)
    back = _sent(10, 11, 12, 13, 14, 15, 16, 30)
    assert _told(3, back, before=second).sums == first.sums
    assert _told(2 + disclosure.MONTH, none, before=second).cells.keys() == {1}
    assert _told(3 + disclosure.MONTH, back, before=second).sums == {1: [8, 91 + 30]}


def test_who_makes_the_number_complete_does_not_show() -> None:
    """A figure of four is not told when a fifth adds to it, but when five have, or after a month."""

    def sent(*more: int) -> dict[int, Any]:
        return {
            account: {1: [1, number]} | ({2: [1, 7]} if account < 4 or account in more else {})
            for account, number in enumerate(range(10, 20))
        }

    first = _told(1, _sent(*range(20, 30)) | {account: {1: [1, 5], 2: [1, 7]} for account in range(4)})
    assert first.sums.keys() == {1}
    for day, more, told in (
        (2, [4], {1}),
        (2, [4, 5, 6, 7], {1}),
        (2, [4, 5, 6, 7, 8], {1, 2}),
        (1 + disclosure.MONTH, [4], {1}),
        (2 + disclosure.MONTH, [4], {1, 2}),
    ):
        assert _told(day, sent(*more), before=first).sums.keys() == told
        if day == 2:
            assert _told(1, sent(*more), own=first).sums.keys() == told
    assert _told(10, sent(4), before=first).hidden == first.hidden == {2: 1}
    # Of the day after, nobody knows anything of that figure: the day before it may tell of five.
    earlier = disclosure.tell(0, Sent(sent(4), range(20)), NOTHING, (NOTHING, first), FIVE)
    assert earlier.sums.keys() == {1, 2}


def test_what_is_told_outlives_a_protection_that_becomes_stricter_only_where_it_is_safe() -> None:
    """At the next look, without anybody having sent anything."""
    told = _told(1, _sent(10, 11, 12, 13, 14))
    for protection, sums in ((Protection(6, 80), {}), (Protection(5, 20), {}), (FIVE, told.sums)):
        sent = Sent(_sent(10, 11, 12, 13, 14), range(5))
        assert disclosure.tell(1, sent, told, (NOTHING, NOTHING), protection).sums == sums


def test_what_is_told_is_stored_as_it_is() -> None:
    """Packing loses nothing."""
    groups = disclosure.Groups(_told(1, _sent(1, 2, 3, 4, 5)), NOTHING)
    assert disclosure.unpack(disclosure.pack(groups)) == groups
