"""Answers that this process keeps for as long as they hold."""

from collections import OrderedDict

MOST_BYTES = 32 << 20
"""How much of answers is kept; then those that nobody has asked for the longest go."""

EACH_BYTES = 400
"""What keeping an answer takes beside its text: there may be very many short ones."""

_answers: OrderedDict[str, bytes] = OrderedDict()
_size = 0


def get(version: str) -> bytes | None:
    """The answer of that version, if it is kept."""
    data = _answers.get(version)
    if data is not None:
        _answers.move_to_end(version)
    return data


def put(version: str, data: bytes) -> None:
    """Keep an answer. Its version must be another whenever the answer would be."""
    global _size  # noqa: PLW0603 - one store a process
    _size += EACH_BYTES + len(data) - (EACH_BYTES + len(_answers[version]) if version in _answers else 0)
    _answers[version] = data
    while _size > MOST_BYTES:
        _size -= EACH_BYTES + len(_answers.popitem(last=False)[1])
