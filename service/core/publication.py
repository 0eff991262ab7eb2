"""What a public instance tells: looking at the days that rows have changed of, and reading what may be told of them.

What is told is stored before it is told, and decided by `core.disclosure` from what was told before, so it does not
matter which process looks, or who asked.
"""

import asyncio
import bisect
import datetime as dt
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from service import figures
from service.core import disclosure
from service.core.disclosure import NOTHING, Groups, Protection
from service.errors import StatsServiceError
from service.records import Figures, StatType
from service.settings import Settings
from service.storage import public_days as storage
from service.storage.public_days import Day, Decided, Told

DAYS_AT_ONCE = 31
"""How many days are looked at in one go: bounds what is held in memory."""

PATIENCE_SECONDS = 5
"""For so long one request looks at days that nobody has looked at yet; then it tells what may be told so far, and the
next one goes on."""

_NOTHING = Groups(NOTHING, NOTHING)

_looking: dict[StatType, asyncio.Lock] = defaultdict(asyncio.Lock)


def protection(settings: Settings) -> Protection | None:
    """How what anybody may see is protected here; None: it is not."""
    if not settings.public_instance:
        return None
    return Protection(settings.public_min_accounts, settings.public_max_percent)


async def told(
    stat_type: StatType, first: dt.date, last: dt.date, protection: Protection, *, local_only: bool
) -> tuple[int, dict[dt.date, Figures]]:
    """What may be told of the days from `first` to `last` that are over, of all accounts or only of this house's own,
    and a number that grows whenever that is something else. The figures are not to be changed."""
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    lock = _looking[stat_type]
    if lock.locked():  # another request of this process looks: what it finds is as good
        async with lock:
            pass
    else:
        async with lock:
            await _look(stat_type, yesterday, protection)
    return await storage.read(stat_type, first, min(last, yesterday), local_only=local_only)


async def _look(stat_type: StatType, last: dt.date, protection: Protection) -> None:
    """Look at the days up to `last` that rows have changed of. Where the database is too busy, it is done later."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    mark = protection.min_accounts << 7 | protection.max_percent
    try:
        for portion in _portions(await storage.to_look_at(stat_type, last, mark)):
            if not await _look_at(stat_type, portion, protection) or time.monotonic() > deadline:
                return
    except StatsServiceError:
        return


def _portions(days: Mapping[dt.date, int]) -> Iterator[dict[dt.date, int]]:
    """The days, in stretches that are not longer than `DAYS_AT_ONCE`."""
    portion: dict[dt.date, int] = {}
    for day, seen in days.items():
        if portion and (day - next(iter(portion))).days >= DAYS_AT_ONCE:
            yield portion
            portion = {}
        portion[day] = seen
    if portion:
        yield portion


async def _look_at(stat_type: StatType, days: Mapping[dt.date, int], protection: Protection) -> bool:
    """Decide what is told of days, and store it; whether that was possible (another process may have been quicker)."""
    first, last = min(days), max(days)
    known = await storage.around(stat_type, first, last)
    month_before = dt.date.fromordinal(max(first.toordinal() - disclosure.MONTH, 1))
    sent = await storage.sent(stat_type, first, last, month_before)
    decided = await asyncio.to_thread(_decide, days, known, sent, protection)
    return await storage.store(stat_type, known, decided)


def _decide(
    days: Mapping[dt.date, int], known: Mapping[dt.date, Day], sent: storage.Sent, protection: Protection
) -> dict[dt.date, Decided]:
    """What is told of each of the days (given with what is `seen` of it then) from now on."""
    told = {day: disclosure.unpack(each.contributions) for day, each in known.items() if each.contributions}
    decided: dict[dt.date, Decided] = {}
    for day, seen in days.items():
        decided[day] = Decided(seen)
        if day not in sent.figures:
            if told.pop(day, None):
                decided[day] = Decided(seen, Told({}, {}, b"", again=True))
        elif day in told or (not _is_closed(known.get(day)) and _is_begun(sent.figures[day], protection)):
            old = told.get(day, _NOTHING)
            new = _groups(day, told, sent, protection)
            if new != old:
                told[day] = new
                decided[day] = Decided(seen, _told(old, new))
    return decided


def _is_closed(known: Day | None) -> bool:
    """Whether something was told of the day and all rows of it were deleted. If it were told anew, it would be so in
    ignorance of what was told before."""
    return known is not None and known.version > 0


def _is_begun(sent: Mapping[int, Figures], protection: Protection) -> bool:
    """Whether enough accounts have sent something of a day that it may be known that there are rows of it."""
    return sum(map(bool, sent.values())) >= protection.min_accounts


def _groups(day: dt.date, told: Mapping[dt.date, Groups], sent: storage.Sent, protection: Protection) -> Groups:
    """What is told of a day, each group by itself."""
    heard = {account for account, days in sent.heard.items() if _is_heard(day, days)}
    groups = []
    for place, accounts in enumerate((sent.local, sent.other)):
        others = {each: groups[place] for each, groups in told.items() if groups[place].cells}
        own = others.pop(day, NOTHING)
        before = max((each for each in others if each < day), default=day)
        after = min((each for each in others if each > day), default=day)
        beside = others.get(before, NOTHING), others.get(after, NOTHING)
        found = {account: sums for account, sums in sent.figures[day].items() if account in accounts}
        what = disclosure.Sent(found, heard & accounts)
        groups.append(disclosure.tell(day.toordinal(), what, own, beside, protection))
    return Groups(*groups)


def _is_heard(day: dt.date, days: Sequence[dt.date]) -> bool:
    """Whether one of the days (ascending) is in the month up to this one."""
    place = bisect.bisect_right(days, day)
    return place > 0 and (day - days[place - 1]).days < disclosure.MONTH


def _told(old: Groups, new: Groups) -> Told:
    """What is told, as storage takes it."""
    before, local, other = ([group.sums for group in old], new.local.sums, new.other.sums)
    return Told(
        all_figures=figures.total_of((local, other)),
        local_figures=local,
        contributions=disclosure.pack(new),
        again=[local, other] != before,
    )
