"""The one strict JSON parser. Every body that reaches the service, and every payload, is read by its rules.

They are narrower than JSON's own (and than any parser's of the standard library), because what is stored today is
read back for years by other programs and other databases: UTF-8 without a byte order mark, finite numbers,
integers that fit in 64 bits, at most 32 levels, no NUL, no half of a surrogate pair, and no name twice in an object
(parsers disagree about which of the two counts). Whatever breaks a rule is `BadInput`; nothing else escapes.
"""

import json
import math
import re
from typing import Any, NoReturn

from service.errors import BadInput

MAX_DEPTH = 32
"""How many lists and objects may stand inside each other."""

_INT_LIMIT = 2**63
_INT_DIGITS = len(str(_INT_LIMIT)) + 1  # one more for the sign: longer literals are refused unread
_SHOWN = 40  # characters of the caller's own text that a message repeats

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F].."  # a whole surrogate pair: fine
    r"|(?P<nul>u0000)|(?P<half>u[dD][89a-fA-F]..)|.)",
)
_MAY_BE_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_UP_TO_HALF = re.compile(
    r"((?:[^\\]++|\\[^u]|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u(?![dD][89a-fA-F]))*+)\\u[dD][89a-fA-F]..", re.DOTALL
)
_FEW = 1_000  # halves: each costs a step of Python's, and honest bodies have one or two
_NUL = re.compile(rb"\\u0000")
_WHITE_SPACE = b" \t\r\n"


def decode(raw: bytes, depth: int = MAX_DEPTH) -> Any:
    """The value that `raw` stands for, of dict, list, str, int, float, bool and None.

    `depth`: how many levels are left for it, where it is a part of something larger.
    Raises `BadInput` with what to mend; the message holds no more of `raw` than a shortened name.
    """
    text = _text(raw)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        # Not chained: the original holds the whole text.
        raise BadInput(f"This is not valid JSON: {error}.") from None
    except RecursionError:
        raise _too_deep() from None
    _check_depth(value, depth)
    _check_escapes(text)
    return value


def holds_only(raw: bytes, members: int) -> bool:
    r"""Whether `raw` keeps the rules, decided in a fraction of the time that `decode` takes; False means "use that".

    For callers that have decoded `raw` with msgspec into a type which has room for exactly what the JSON held:
    `members` is how many distinct names they found in its objects, never more than that. msgspec itself refuses what
    is not JSON, not UTF-8, not finite or half a surrogate pair. What it lets pass is a name that stands twice, a name
    that the type lacks (its value is skipped half read), and `\u0000`. Integers and depth are the type's matter.

    Why counting proves it. Each member of an object has one colon outside of strings, so there are at least as many
    colons as members, and at least as many members as distinct names were found. Where the two ends are equal, so is
    all between: no member was dropped, and no string holds a colon. Where strings hold some, the same argument goes
    for `":`, once white space is gone that may stand between name and colon.
    """
    if _NUL.search(raw):
        return False
    return raw.count(b":") == members or raw.translate(None, _WHITE_SPACE).count(b'":') == members


def without_halves(raw: bytes) -> bytes:
    r"""`raw` with a NUL (`\u0000`) for each half of a surrogate pair, if they are few. Both are refused, in the same
    words; but msgspec does not even pass over a half, so that nothing of the text could be read. Raises `BadInput`
    where it is not UTF-8.
    """
    if not _MAY_BE_HALF.search(raw):
        return raw
    text, parts, end = _text(raw), [], 0
    while found := _UP_TO_HALF.match(text, end):
        parts += [found[1], r"\u0000"]
        end = found.end()
        if len(parts) > 2 * _FEW:
            return raw
    return "".join((*parts, text[end:])).encode()


def shown(text: str) -> str:
    """`text` of a stranger, fit for a message: quoted, in ASCII without control characters, and short."""
    return json.dumps(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _text(raw: bytes) -> str:
    if not raw or raw.isspace():
        raise BadInput("Nothing was sent where JSON was expected.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"The JSON is not UTF-8: byte {error.start} cannot be read.") from None
    if text.startswith("\ufeff"):
        raise BadInput("The JSON begins with a byte order mark: leave it out.")
    return text


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise BadInput(f"The name {shown(name)} stands twice in one object: keep one of the two.")
            seen.add(name)
    return members


def _integer(literal: str) -> int:
    if len(literal) <= _INT_DIGITS and -_INT_LIMIT < (number := int(literal)) < _INT_LIMIT:
        return number
    raise BadInput("An integer is too large: its absolute value must be below 2^63.")


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise BadInput("A number is too large: it must fit in a double.")
    return number


def _constant(name: str) -> NoReturn:
    raise BadInput(f"{name} is not JSON: numbers must be finite.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_int=_integer,
    parse_float=_finite,
    parse_constant=_constant,
)


def _too_deep() -> BadInput:
    return BadInput(f"Lists and objects stand more than {MAX_DEPTH} levels deep in each other.")


def _check_depth(value: Any, depth: int) -> None:
    """Refuse a value of more levels than `depth`, looking at one level after the other."""
    level = [value] if isinstance(value, dict | list) else []
    while level:
        if not depth:
            raise _too_deep()
        depth -= 1
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]


def _check_escapes(text: str) -> None:
    """Refuse escapes for NUL and for half a surrogate pair. `text` is valid JSON: backslashes stand in strings only."""
    if "\\u0000" not in text and "\\ud" not in text and "\\uD" not in text:
        return
    if any(escape["nul"] or escape["half"] for escape in _ESCAPE.finditer(text)):
        raise BadInput("A text holds a NUL (\\u0000) or half a surrogate pair (like \\ud800): send whole characters.")
