"""Answers that a process keeps."""

from collections.abc import Iterator

import pytest

from service.core import remembered


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Room for some answers only."""
    monkeypatch.setattr(remembered, "MOST_BYTES", 10_000)
    monkeypatch.setattr(remembered, "_answers", type(remembered._answers)())  # noqa: SLF001 - bounded memory
    monkeypatch.setattr(remembered, "_size", 0)
    return iter([None])


def test_what_is_kept_is_bounded_however_short_the_answers_are() -> None:
    """The ones asked for last stay; one that is kept again counts once."""
    remembered.put("first", b"[]")
    for number in range(1_000):
        remembered.put(str(number), b"[]")
        remembered.put(str(number), b"[]")
        assert remembered.get("first") == b"[]"
    kept = [number for number in range(1_000) if remembered.get(str(number))]
    assert kept == list(range(1_000 - len(kept), 1_000))
    assert 20 <= len(kept) <= 25


def test_an_answer_larger_than_the_room_is_not_kept() -> None:
    """And no other one suffers for long."""
    remembered.put("large", b" " * 20_000)
    assert remembered.get("large") is None
    remembered.put("small", b"[]")
    assert remembered.get("small") == b"[]"
