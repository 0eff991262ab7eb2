"""What a public instance may tell of a day, so that nobody can be picked out: a pure rule.

A *cell* is one figure of one day: of each account that adds to it its *part*, `[rows, sum, ...]`. What is told is the
sum of the parts, and all that anybody may see is made of such sums. So it matters which sums are told and by what they
differ; it does not matter what is asked for.

- The parts of at least `min_accounts` accounts are in a cell that is told, and none of them makes up more than
  `max_percent` of its rows or of any of its sums.
- What a cell says differs from what it said before, and from what the days beside it say, by the parts of as many
  accounts, of which none makes up more of the difference; or by nothing. Else it stays as it is, and a new day says
  what the day before said. (An analysis seldom changes: the difference of two days' sums is whoever did change.) Who
  would make up more of the difference waits, until others change as much.
- A cell that is not told, since there are too few accounts in it, is told when as many have come or changed, or after
  a month: who makes the number complete does not show. And before as many have sent something new of a day, all of it
  stays as it is.
- An account's part of a cell changes once after the day was first told, be it that it comes, changes or goes. So all
  that was ever told of the day differs by as much.
- Who sends nothing on a day has not changed. Who sends nothing for a month has gone.

All this is done for this house's own accounts and for those of others each by themselves, and what is told of all is
both together: else the one would follow from the other and from all.
"""

import hashlib
import zlib
from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from service import figures
from service.records import Figures

MONTH = 31
"""For how many days what an account sent last stands for what it did not send, and for how many a cell that is not told
is remembered."""

_DIGEST_BYTES = 8

Part = list[int]
Cell = dict[int, Part]
"""The parts of a cell, by account."""


class Protection(msgspec.Struct, frozen=True):
    """How many accounts a figure is made of at least, and how much of it one may make up at most, in percent."""

    min_accounts: int
    max_percent: int


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What is told of a day of a group of accounts.

    `cells`: by key the parts that changes are counted from; their sum is told. `hidden`: the keys of which nothing is
    told, since there are or were left too few accounts, and since which day (its ordinal). `changed`: by key the
    accounts whose part has changed after the day was first told. `seen`: by account a digest of the figures that were
    last looked at.
    """

    cells: dict[int, Cell] = {}
    hidden: dict[int, int] = {}
    changed: dict[int, list[int]] = {}
    seen: dict[int, bytes] = {}

    @property
    def sums(self) -> Figures:
        """What is told."""
        return {
            key: [sum(column) for column in zip(*parts.values(), strict=True)]
            for key, parts in self.cells.items()
            if key not in self.hidden
        }


class Groups(NamedTuple):
    """What is told of a day: of this house's own accounts, and of others."""

    local: Told
    other: Told


class Sent(NamedTuple):
    """What the accounts of a group have sent of a day, and who has sent anything in the month up to it."""

    figures: Mapping[int, Figures]
    heard: Collection[int]


NOTHING = Told()

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Groups)


def pack(groups: Groups) -> bytes:
    """What is told of a day, as it is stored."""
    return zlib.compress(_encoder.encode(groups), 1)


def unpack(packed: bytes) -> Groups:
    """The reverse of `pack`."""
    return _decoder.decode(zlib.decompress(packed))


def is_safe(parts: Cell, protection: Protection) -> bool:
    """Whether nobody can be picked out of the sum of these parts; of differences, by their amounts."""
    return len(parts) >= protection.min_accounts and not _prevailing(parts, protection)


def _prevailing(parts: Cell, protection: Protection) -> set[int]:
    """The accounts that make up too much of the rows or of one of the sums."""
    found = set()
    for column in zip(*parts.values(), strict=True):
        amounts = [abs(number) for number in column]
        most = sum(amounts) * protection.max_percent
        if max(amounts) * 100 > most:
            found |= {account for account, amount in zip(parts, amounts, strict=True) if amount * 100 > most}
    return found


def differences(old: Cell, new: Cell) -> Cell:
    """By how much the parts differ, of the accounts whose parts do."""
    found = {}
    for account in old.keys() | new.keys():
        before, after = old.get(account), new.get(account)
        if before is None or after is None:
            found[account] = after or [-number for number in before or ()]
        elif before != after:
            found[account] = [b - a for a, b in zip(before, after, strict=True)]
    return found


def tell(day: int, sent: Sent, own: Told, beside: tuple[Told, Told], protection: Protection) -> Told:
    """What is told of a day from now on; that very `own` where nothing changes.

    `day`: its ordinal. `own`: what was told of it up to now. `beside`: what is told of the nearest days before and
    after. Where there is no such day, or nothing to tell, that is `NOTHING`.
    """
    before, after = _remembered(day, beside[0]), beside[1]
    old = own if own.cells else before
    cells, seen, left = old.cells, _seen(old.seen, sent), set(old.hidden)
    if len({account for account, _ in seen.items() ^ old.seen.items()}) < protection.min_accounts:
        seen = old.seen
    else:
        cells, left = _cells_now(old, sent, (before, after), protection)
    # What is old may have been decided by a protection that was less strict.
    hidden = {
        key: old.hidden.get(key, day) for key, parts in cells.items() if key in left or not is_safe(parts, protection)
    }
    if not old.cells and len(hidden) == len(cells):
        return own
    told = Told(cells, hidden, _changed(own, cells), seen)
    return own if told == own else told


def _remembered(day: int, before: Told) -> Told:
    """What the day before said, without what has been hidden for long."""
    gone = {key for key, since in before.hidden.items() if day - since > MONTH}
    return Told(
        cells={key: parts for key, parts in before.cells.items() if key not in gone},
        hidden={key: since for key, since in before.hidden.items() if key not in gone},
        seen=before.seen,
    )


def _changed(own: Told, cells: Mapping[int, Cell]) -> dict[int, list[int]]:
    """By key the accounts whose part has changed after the day was first told."""
    changed = {
        key: sorted({*own.changed.get(key, ()), *differences(parts, cells[key])}) for key, parts in own.cells.items()
    }
    return {key: accounts for key, accounts in changed.items() if accounts}


def _cells_now(
    old: Told, sent: Sent, beside: tuple[Told, Told], protection: Protection
) -> tuple[dict[int, Cell], set[int]]:
    """The cells from now on, and the keys of those in which enough have changed, and too few are left."""
    cells, left = {}, set()
    for key, wanted in _candidates(old, sent).items():
        was = old.cells.get(key, {})
        new = _changed_safely(was, wanted, protection) if was else wanted
        if is_safe(new, protection):
            told = (each.cells[key] for each in beside if key in each.cells)
            if not all(may_stand_beside(new, each, protection) for each in told):
                new = was
        elif was and new != was:
            new = was
            left.add(key)
        if new:
            cells[key] = new
    return cells, left


def _changed_safely(was: Cell, wanted: Cell, protection: Protection) -> Cell:
    """The cell with all of the wanted changes that may be known together: who makes up too much of them has to wait."""
    changes = differences(was, wanted)
    while prevailing := _prevailing(changes, protection):
        changes = {account: change for account, change in changes.items() if account not in prevailing}
    if len(changes) < protection.min_accounts:
        return was
    return {account: part for account, part in was.items() if account not in changes} | {
        account: part for account, part in wanted.items() if account in changes
    }


def may_stand_beside(one: Cell, other: Cell, protection: Protection) -> bool:
    """Whether it is safe to know the sums of both cells. Of one that is not safe itself, nobody knows the sum."""
    found = differences(one, other)
    return not found or is_safe(found, protection) or not is_safe(other, protection)


def _seen(before: Mapping[int, bytes], sent: Sent) -> dict[int, bytes]:
    """A digest of what each account sent last; of one that is gone, or deleted what it had sent, there is none."""
    seen = {account: digest for account, digest in before.items() if account in sent.heard}
    for account, found in sent.figures.items():
        seen.pop(account, None)
        if found:
            packed = figures.pack(dict(sorted(found.items())))
            seen[account] = hashlib.blake2b(packed, digest_size=_DIGEST_BYTES).digest()
    return seen


def _candidates(old: Told, sent: Sent) -> dict[int, Cell]:
    """The cells as they would be told if everything could be."""
    cells: dict[int, Cell] = {}
    for key, parts in old.cells.items():
        fixed = old.changed.get(key, ())
        cells[key] = {
            account: part
            for account, part in parts.items()
            if account in fixed or (account in sent.heard and account not in sent.figures)
        }
    for account, found in sent.figures.items():
        for key, part in found.items():
            if account not in old.changed.get(key, ()):
                cells.setdefault(key, {})[account] = part
    return cells
