"""The strict parser: what it takes, what it refuses, and that its short cut never takes more than it does."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core import strict
from service.errors import BadInput

# --- A generator of hostile JSON text, and an independent judge of it -------------------------------------------

SPACE = st.sampled_from(["", "", "", " ", "\n", "\t \r"])
PLAIN_PIECES = st.sampled_from(
    ["a", "b", ":", " ", r"\"", r"\\", r"\/", r"\n", r"\u0061", r"\u003a", r"\u0022", "é", "😀"]
)
ODD_PIECES = st.sampled_from(
    [r"\ud83d\ude00", r"\uD83D\uDE00", r"\\u0000", r"\\ud800", r"\u0000", r"\ud800", r"\uDFFF", r"\ud800\ud800"],
)
STRINGS = st.lists(PLAIN_PIECES | PLAIN_PIECES | ODD_PIECES, max_size=4).map(lambda pieces: f'"{"".join(pieces)}"')
PLAIN_LITERALS = st.sampled_from(["null", "true", "0", "-0", "1", "-1.5", "1e3", "2.50", "0.1", "1E-400"])
LARGE_INTEGERS = st.sampled_from(
    ["9223372036854775807", "-9223372036854775807", "9223372036854775808", "-9223372036854775808", "9" * 25],
)
INFINITE = st.sampled_from(["NaN", "-Infinity", "1e999"])


@st.composite
def containers(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    """A list or an object of the values, with white space here and there; names may stand twice."""
    is_object = draw(st.booleans())
    entries = []
    for value in draw(st.lists(values, max_size=4)):
        name = f"{draw(STRINGS)}{draw(SPACE)}:{draw(SPACE)}" if is_object else ""
        entries.append(f"{draw(SPACE)}{name}{value}{draw(SPACE)}")
    inside = ",".join(entries)
    return f"{{{inside}}}" if is_object else f"[{inside}]"


TEXTS = st.recursive(STRINGS | PLAIN_LITERALS | LARGE_INTEGERS | INFINITE, containers, max_leaves=12)
TAME_TEXTS = st.recursive(
    st.lists(PLAIN_PIECES, max_size=4).map(lambda pieces: f'"{"".join(pieces)}"') | PLAIN_LITERALS,
    containers,
    max_leaves=12,
)
"""Less hostile, so that most are accepted."""


class Pairs(list[tuple[str, Any]]):
    """An object's members as they stand in the text."""


def breaks_a_rule(value: Any, depth: int = 0) -> bool:
    """Whether something in the value, its objects being `Pairs`, is against the rules."""
    if isinstance(value, str):
        return any(char == "\0" or 0xD800 <= ord(char) < 0xE000 for char in value)
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, int):
        return abs(value) >= 2**63
    if not isinstance(value, list):
        return False
    names = [name for name, _ in value] if isinstance(value, Pairs) else []
    children = [child for _, child in value] if isinstance(value, Pairs) else value
    return (
        depth == strict.MAX_DEPTH
        or len(set(names)) < len(names)
        or any(breaks_a_rule(name) for name in names)
        or any(breaks_a_rule(child, depth + 1) for child in children)
    )


def judged(text: str) -> Any:
    """The value, or `BadInput`, as the rules have it: the slow and obvious way."""
    value = json.loads(text, object_pairs_hook=Pairs)
    return BadInput if breaks_a_rule(value) else json.loads(text)


def outcome(raw: bytes) -> Any:
    """What `decode` returns, or `BadInput` where it raises that."""
    try:
        return strict.decode(raw)
    except BadInput:
        return BadInput


def members_of(value: Any) -> int:
    """How many members all objects of a decoded value have."""
    if isinstance(value, dict):
        return len(value) + sum(members_of(child) for child in value.values())
    return sum(members_of(child) for child in value) if isinstance(value, list) else 0


# --- What is taken ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        " [ ] \r\n\t",
        '"text"',
        "0",
        "-0.0",
        "null",
        '{"a":{"a":1},"b":{"a":1}}',
        '{"":1}',
        "[9223372036854775807,-9223372036854775807]",
        "[1.7976931348623157e308,5e-324,1e-400,1E+2]",
        r'"\ud83d\ude00 \uD83D\uDE00 \u00e9 \/ \" \\u0000 \\ud800 \\\\u0000"',
        '"é 😀 \x7f \u2028 \uffff"',
        '["NaN","Infinity","\ufeff"]',
    ],
)
def test_json_within_the_rules_is_read_as_it_stands(text: str) -> None:
    """What keeps the rules, also at their very edge, is read as any parser reads it."""
    assert strict.decode(text.encode()) == json.loads(text)


@settings(deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63) + 1, 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("ab:é"), inner),
    ),
)
def test_every_value_comes_back(value: Any) -> None:
    """What is written as JSON, escaped or not, is read as the same value."""
    assert strict.decode(json.dumps(value).encode()) == value
    assert strict.decode(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


def test_integers_stay_integers_and_decimals_floats() -> None:
    """Kinds are kept: 1 is no 1.0, true is no 1, and an integer loses no digit."""
    values = strict.decode(b"[1, 1.0, true, 1e2, 9007199254740993]")
    assert [type(value) for value in values] == [int, float, bool, float, int]
    assert values[4] == 9007199254740993


def test_32_levels_are_taken_and_33_refused() -> None:
    """The depth is counted in lists and objects alike, wherever the deepest place is."""
    assert outcome(b"[" * 32 + b"]" * 32) is not BadInput
    assert outcome(b"[" * 33 + b"]" * 33) is BadInput
    assert outcome(b'{"a":[' * 16 + b"1" + b"]}" * 16) is not BadInput
    assert outcome(b'[1,{"a":' * 16 + b"[]" + b"}]" * 16) is BadInput
    assert outcome(b"[" + b"[],{}," * 50_000 + b"1]") is not BadInput


def test_depth_left_for_a_part() -> None:
    """The limit can be lower, for what is a part of something larger; scalars need no level."""
    assert strict.decode(b"[[1]]", 2) == [[1]]
    assert strict.decode(b"1", 0) == 1
    with pytest.raises(BadInput):
        strict.decode(b"[[1]]", 1)


# --- What is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        pytest.param(b"", "Nothing was sent", id="nothing"),
        pytest.param(b" \r\n\t ", "Nothing was sent", id="white space only"),
        pytest.param(b"[1,]", "not valid JSON", id="a comma too many"),
        pytest.param(b"{'a':1}", "not valid JSON", id="single quotes"),
        pytest.param(b'{"a":1} {}', "Extra data", id="two values"),
        pytest.param(b"[1]\0", "Extra data", id="NUL after the end"),
        pytest.param(b'["a', "Unterminated", id="cut off"),
        pytest.param(b"type=risk", "line 1 column 1", id="a form"),
        pytest.param(b'"\n"', "control character", id="a raw line break"),
        pytest.param(b'"\0"', "control character", id="a raw NUL"),
        pytest.param(b"01", "Extra data", id="a leading zero"),
        pytest.param(rb'"\u12"', "escape", id="half an escape"),
        pytest.param(b'"\xff"', "not UTF-8: byte 1", id="not UTF-8"),
        pytest.param('"é"'.encode("latin-1"), "not UTF-8", id="Latin-1"),
        pytest.param(b'"\xc3"', "not UTF-8", id="half a character"),
        pytest.param(b'"\xc0\xaf"', "not UTF-8", id="an overlong form"),
        pytest.param(b'"\xed\xa0\x80"', "not UTF-8", id="a surrogate as bytes"),
        pytest.param(b"\xef\xbb\xbf{}", "byte order mark", id="a byte order mark"),
        pytest.param("{}".encode("utf-16"), "not UTF-8", id="UTF-16 with a mark"),
        pytest.param("[1]".encode("utf-32-be"), "not valid JSON", id="UTF-32 without a mark"),
        pytest.param(b"[NaN]", "NaN is not JSON", id="NaN"),
        pytest.param(b"Infinity", "Infinity is not JSON", id="infinity"),
        pytest.param(b"[-Infinity]", "-Infinity is not JSON", id="minus infinity"),
        pytest.param(b"1e999", "must fit in a double", id="1e999"),
        pytest.param(b'{"a":-1e309}', "must fit in a double", id="-1e309"),
        pytest.param(b"1" * 400 + b".0", "must fit in a double", id="400 digits and a point"),
        pytest.param(b"9223372036854775808", "below 2^63", id="2^63"),
        pytest.param(b"-9223372036854775808", "below 2^63", id="-2^63"),
        pytest.param(b"[" + b"7" * 5000 + b"]", "below 2^63", id="5,000 digits"),
        pytest.param(b"-" + b"7" * 3_000_000, "below 2^63", id="3,000,000 digits"),
        pytest.param(b"1e" + b"7" * 3_000_000, "must fit in a double", id="an exponent of 3,000,000 digits"),
        pytest.param(b"[" * 100_000, "more than 32 levels", id="100,000 lists"),
        pytest.param(b'{"a":' * 100_000, "more than 32 levels", id="100,000 objects"),
        pytest.param(b"[" * 500 + b"]" * 500, "more than 32 levels", id="500 lists, closed"),
        pytest.param(rb'"\u0000"', "NUL", id="NUL"),
        pytest.param(rb'{"a\u0000":1}', "NUL", id="NUL in a name"),
        pytest.param(rb'"\\\u0000"', "NUL", id="NUL after a backslash"),
        pytest.param(rb'"\ud800"', "surrogate", id="a high surrogate"),
        pytest.param(rb'"\uDC00"', "surrogate", id="a low surrogate"),
        pytest.param(rb'{"\uDBFF":1}', "surrogate", id="a high surrogate in a name"),
        pytest.param(rb'"\ude00\ud83d"', "surrogate", id="a pair the wrong way round"),
        pytest.param(rb'"\ud83d\ud83d\ude00"', "surrogate", id="a high one before a pair"),
        pytest.param(rb'"\ud83d\ud83d"', "surrogate", id="two high ones"),
        pytest.param(rb'"\ud83d\u0041"', "surrogate", id="a high one before a letter"),
        pytest.param(rb'"\ud83d\\ude00"', "surrogate", id="a high one before a backslash"),
        pytest.param(b'{"a":1,"a":1}', '"a" stands twice', id="a name twice"),
        pytest.param(rb'{"a":1,"b":2,"\u0061":3}', '"a" stands twice', id="a name twice, once escaped"),
        pytest.param(b'[{"b":{"":1,"c":2,"":3}}]', '"" stands twice', id="a name twice, deep down"),
        pytest.param('{"é":1,"é":2}'.encode(), r'"\u00e9" stands twice', id="a name twice, beyond ASCII"),
    ],
)
def test_what_breaks_a_rule_is_bad_input_that_says_so(raw: bytes, said: str) -> None:
    """Each is `BadInput`, says what is wrong, and the message is one short line of ASCII."""
    with pytest.raises(BadInput) as caught:
        strict.decode(raw)
    assert said in caught.value.message
    assert len(caught.value.message) < 160
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()


def test_a_long_or_hostile_name_is_shortened_and_escaped() -> None:
    """A message repeats the first characters of a name only, and no control characters."""
    name = "\x1b[31m\u202e" + "long" * 50_000
    with pytest.raises(BadInput) as caught:
        strict.decode(json.dumps({name: 1})[:-1].encode() + b"," + json.dumps({name: 2}).encode()[1:])
    assert caught.value.message.startswith(r'The name "\u001b[31m\u202elonglong')
    assert len(caught.value.message) < 160
    assert caught.value.message.isascii()


def test_nothing_of_the_text_stays_in_the_error() -> None:
    """The parser's own error, which holds the whole text, is not dragged along."""
    with pytest.raises(BadInput) as caught:
        strict.decode(b'["secret"')
    assert caught.value.__suppress_context__
    assert "secret" not in str(caught.value)


@settings(deadline=None)
@given(
    st.binary(max_size=40) | TEXTS.map(str.encode).flatmap(lambda raw: st.integers(0, len(raw)).map(lambda n: raw[:n]))
)
def test_no_bytes_make_it_fail_otherwise(raw: bytes) -> None:
    """Whatever is sent is read or is `BadInput`."""
    outcome(raw)


@settings(deadline=None)
@given(TEXTS | TAME_TEXTS)
def test_it_decides_as_the_rules_say(text: str) -> None:
    """A slow and obvious reading of the rules takes and refuses the same, and reads the same values."""
    assert outcome(text.encode()) == judged(text)


@settings(deadline=None)
@given(TEXTS | TAME_TEXTS)
def test_msgspec_reads_what_it_takes(text: str) -> None:
    """What it takes, the other parser of this service reads too, as the same."""
    value = outcome(text.encode())
    if value is not BadInput:
        assert msgspec.json.decode(text) == value


# --- The short cut ------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(TEXTS | TAME_TEXTS)
def test_the_short_cut_takes_no_more_than_the_parser(text: str) -> None:
    """Where `holds_only` is content with what msgspec read, the parser reads the same, but for too large integers."""
    raw = text.encode()
    try:
        value = msgspec.json.decode(raw)
    except msgspec.MsgspecError:
        return
    if strict.holds_only(raw, members_of(value)) and not any(
        digits in text for digits in ("9223372036854775808", "999")
    ):
        assert outcome(raw) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a" :1,"a":2}',
        '{"a":1,"a"\t:2}',
        '{"a"\n:1,"a"\r :2}',
        r'{"a":"\u003a","a":"\u003a"}',
        r'{"a":"\"x","a":"\u0022:"}',
        r'{"\u0061":1,"a":2}',
        r'[{"a":":","a":"\":"},{":":1}]',
        r'{"a":"\u0000"}',
    ],
)
def test_the_short_cut_refuses(text: str) -> None:
    """Names that stand twice and NUL are noticed, however they are spelled and spaced, and whatever strings hold."""
    assert not strict.holds_only(text.encode(), members_of(msgspec.json.decode(text)))


@pytest.mark.parametrize(
    "text",
    [
        '[{"a":1,"b":"x"},{"a":2}]',
        '{"a" : "x" , "b" : { } }',
        '{"a":"10:30","b":"so : so","c":"http://x"}',
        r'{"a\"b":"\u00e9 \ud83d\ude00 \n"}',
        "[]",
    ],
)
def test_the_short_cut_suffices_for_ordinary_text(text: str) -> None:
    """Plain JSON, with white space and colons in its strings, needs no second parser."""
    assert strict.holds_only(text.encode(), members_of(json.loads(text)))


def test_the_short_cut_notices_a_name_that_the_type_lacks() -> None:
    """What msgspec skipped because the type has no room for it makes the count differ."""

    class Known(msgspec.Struct):
        a: int

    raw = b'{"a":1,"b":[1e999,{"c":1,"c":2}]}'
    assert msgspec.json.decode(raw, type=Known) == Known(1)
    assert not strict.holds_only(raw, 1)
