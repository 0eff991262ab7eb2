"""Hostile bodies: texts that are no JSON by the service's rules, odd values, and rows that hold them in every place.

All of it is made anew by a rule that can be read here, so that a body that makes trouble has a name.
"""

import copy
import gzip
import json
from collections.abc import Iterator
from typing import Any

# --- values that no body may hold ----------------------------------------------------------------------------

NO_NUMBERS = (
    *("NaN", "-NaN", "nan", "Infinity", "-Infinity", "+Infinity", "inf", "1e400", "-1e400", "1E999"),
    *("9223372036854775808", "-9223372036854775808", "1" * 100_000, "-" + "9" * 40, "1e" + "9" * 10_000),
    *("01", "-01", "00", "+1", ".5", "5.", "1.e3", "1e", "1e+", "-", "--1", "1-1", "0x10", "0b1", "0o7"),
    *("1_000", "１２", "٣", "½", "1 2", "1L", "1f", "1n"),
)
NO_WORDS = ("True", "False", "None", "NULL", "nil", "undefined", "tru", "nulls", "yes", "risk", "$type", "new Date()")
NO_STRINGS = (
    *('"', '"a', "'a'", "`a`", '"a\\"', r'"\x41"', r'"\u12"', r'"\u{41}"', r'"\uZZZZ"', r'"\a"', r'"\0"', '"a" "b"'),
    *(r'"\u0000"', r'"a\u0000b"', r'"\ud800"', r'"\udc00"', r'"\udfff\ud800"', r'"\ud800\ud800\udc00"', r'"\ud800\n"'),
)
NO_COLLECTIONS = (
    *("[", "]", "{", "}", "[1,]", "[,1]", "[1 2]", "[1,,2]", "(1,2)", "{,}", "{1:2}", "{'a':1}", "{a:1}", '{"a"}'),
    *('{"a":}', '{"a":1,}', '{"a" 1}', '{"a":1 "b":2}', '{"a":1:2}', "{null:1}", '{"a"=1}', "{[]:1}", "[1}", '{"a":1]'),
    *('{"a":1,"a":1}', '{"a":1,"a":2}', r'{"a":1,"\u0061":2}', '{"":1,"":2}', '{"b":{"a":1,"a":1}}'),
    *(
        '{"é":1,"\\u00e9":2}',
        "{" + ",".join(['"a":1'] * 10_000) + "}",
        "[/* a */]",
        "[1] // a",
        "#\n[1]",
        "<!-- -->[1]",
    ),
    *(opening * depth for depth in (1_000, 100_000) for opening in ("[", '{"a":', '[{"a":')),
    *("[" * depth + "]" * depth for depth in (40, 1_000, 100_000)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (40, 1_000, 100_000)),
)
NO_UTF8 = {
    "lone continuation": b"\x80",
    "first byte alone": b"\xc3",
    "half of three": b"\xe2\x82",
    "half of four": b"\xf0\x9f\x98",
    "overlong slash of two": b"\xc0\xaf",
    "overlong NUL of two": b"\xc0\x80",
    "overlong slash of three": b"\xe0\x80\xaf",
    "overlong slash of four": b"\xf0\x80\x80\xaf",
    "high surrogate": b"\xed\xa0\x80",
    "pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
    "beyond the last character": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "FE": b"\xfe",
    "FF": b"\xff",
    "Latin-1": "é".encode("latin-1"),
    "Windows-1252": "€".encode("cp1252"),
}
WHOLE = {
    "form": b"type=risk&processor=risk_averages",
    "multipart": b'--x\r\nContent-Disposition: form-data; name="type"\r\n\r\nrisk\r\n--x--\r\n',
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "HTML": b"<!DOCTYPE html><title>504 Gateway Time-out</title>",
    "YAML": b"type: risk\nanrs:\n  - &a [*a]\n",
    "PHP serialized": b'O:8:"stdClass":1:{s:4:"type";s:4:"risk";}',
    "PHP dump": b"array(1) {\n  [0]=>\n  int(1)\n}\n",
    "pickle": b"cos\nsystem\n(S'true'\ntR.",
    "MessagePack": b"\x81\xa4type\xa4risk",
    "CBOR": b"\xa1dtypedrisk",
    "BSON": b"\x14\x00\x00\x00\x02type\x00\x05\x00\x00\x00risk\x00\x00",
    "JSON with padding": b'callback({"type": "risk"});',
    "guarded JSON": b')]}\',\n{"type": "risk"}',
    "lines of JSON": b'{"type": "risk"}\n{"type": "risk"}\n',
    "JSON text sequence": b'\x1e{"type": "risk"}\n',
    "JSON with a NUL behind": b'{"type": "risk"}\0',
    "JSON with a form feed behind": b'{"type": "risk"}\f',
    "JSON with a blank of another alphabet": '{"type":\u00a0"risk"}'.encode(),
    "JSON5": b"{type: 'risk', limit: +1, anrs: [1,],}",
    "PNG": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "gzip that nothing announces": gzip.compress(b"{}", mtime=0),
    "zeros": b"\0" * 1_000,
    "line feeds in a string": b'{"type": "ri\nsk"}',
    "UTF-7": b"{+ACI-type+ACI-: 1}",
    "UTF-8 with a mark": b"\xef\xbb\xbf{}",
    "UTF-16 with a mark": "{}".encode("utf-16"),
    "UTF-16, little end first": '{"type": 1}'.encode("utf-16-le"),
    "UTF-16, big end first": '{"type": 1}'.encode("utf-16-be"),
    "UTF-32 with a mark": "{}".encode("utf-32"),
    "UTF-32, big end first": '{"type": 1}'.encode("utf-32-be"),
}
CUT = b'{"type": "risk", "anrs": ["\xc3\xa9\\u00e9"], "limit": -1.5e+3, "get_last": true, "anr": null}'
"""JSON that ends too early, wherever it is cut."""


def no_json() -> Iterator[tuple[str, bytes]]:
    """Bodies that no route takes, each with a name."""
    yield from WHOLE.items()
    for text in (*NO_NUMBERS, *NO_WORDS, *NO_STRINGS, *NO_COLLECTIONS):
        yield f"bare {text[:30]}", text.encode()
        yield f"object with {text[:30]}", b'{"type": %b}' % text.encode()
        yield f"list with {text[:30]}", b"[%b]" % text.encode()
    for name, sequence in NO_UTF8.items():
        yield f"{name} in a string", b'{"type": "%b"}' % sequence
        yield f"{name} in a name", b'{"%b": 1}' % sequence
        yield f"{name} between", b'{"type": "risk"%b}' % sequence
    for control in range(0x20):
        yield f"control character {control} in a string", b'{"type": "%c"}' % control
    for end in range(1, len(CUT)):
        yield f"cut after {end} bytes", CUT[:end]


# --- values that JSON has, and a field may not expect ----------------------------------------------------------

ODD = (
    *("null", "true", "false", "[]", "{}", '""', '" "', "[[]]", "[{}]", '{"":{}}', "[null]", '{"0":0}'),
    *('{"1":1,"0":0}',),
    *("0", "-0", "-0.0", "1", "-1", "0.5", "1.0", "1.5", "1e0", "1E+2", "1e-400", "5e-324", "1.7976931348623157e308"),
    *("2147483648", "9007199254740993", "9223372036854775807", "-9223372036854775807", "1e18", "1e19", "1e22"),
    *("1000000",),
    *('"0"', '"-0"', '"1"', '"-1"', '"01"', '"1.5"', '"1e3"', '"1e400"', '"1e-400"', '"NaN"', '"Infinity"', '"-inf"'),
    *('"1_0"', '" 1"', '"1 "', '"1\\n"', '"+1"', '"0x10"', '"１"', '"٣"', '"1,5"', '"' + "9" * 400 + '"'),
    *('"true"', '"TRUE"', '"yes"', '"null"', '"None"', '"[]"', '"{}"', '"[1]"', '"{\\"a\\":1}"', '"undefined"'),
    *('"risk"', '"RISK"', '"risk "', '"all"', '"*"', '"risk,threat"', '"risk_averages"', '"current"', '"Low risks"'),
    *('"2026-01-31"', '"2026-02-30"', '"2026-1-1"', '"0001-01-01"', '"9999-12-31"', '"2026-01-31T00:00:00Z"', '"1e9"'),
    *('"00000000-0000-0000-0000-000000000000"', '"ffffffff-ffff-ffff-ffff-ffffffffffff"', '"{267fc596}"'),
    *('"267FC596-F705-11E8-B555-0800279AAA2B"', '"267fc596f70511e8b5550800279aaa2b"', '"urn:uuid:267fc596"'),
    *('"\' OR 1=1 --"', '"\'; DROP TABLE client; --"', '"%s%n"', '"$1"', '"{0.__class__}"', '"${jndi:ldap://x}"'),
    *('"../../etc/passwd"', '"<script>alert(1)</script>"', '"\\u001b[31m"', '"\\r\\nSet-Cookie: a=b"'),
    *('"\\ud83d\\ude00"',),
    *('"\\u202e"', '"\\ufeff"', '"\\uffff"', '"\\u2028"', '"e\\u0301"', '"\\u0130"', '"ß"', '"' + "é" * 1_000 + '"'),
    *('["a","a"]', "[0,1,2]", "[1e400]", '{"a":1,"a":2}', '"\\u0000"', "[" * 40 + "]" * 40),
    *('{"__proto__":{}}', '{"constructor":1}', '{"$ref":"#"}', '{"' + "k" * 10_000 + '":1}', '"' + "x" * 10_000 + '"'),
)
"""As they are written. Some break a rule of ours, none the grammar: a row that holds one is a row among others."""


# --- rows ------------------------------------------------------------------------------------------------------

ANR = "6d1c1c1e-8a5e-4b8e-9d3a-0f8f5b6f2a11"
_LABELS = {f"label{number}": f"Label {number}" for number in range(1, 5)}
_OBJECT = {"uuid": ANR, **_LABELS, "count": 1, "maxRisk": "2", "averageRate": "2.50"}
_LEVELS = [
    {"level": level, "value": number} for number, level in enumerate(("Low risks", "Medium risks", "High risks"))
]
_CATEGORY = {**_LABELS, "value": "0.20", "controls": [{"code": "5.1", "measure": ANR, "value": "0.20"}]}
_CELLS = {"1": {"2": 3}, "4": [5]}


def _states(one: Any) -> dict[str, Any]:
    return {"current": {"informational": one, "operational": []}, "residual": []}


DATA: dict[str, Any] = {
    "risk": {"risks": _states(_LEVELS), "total": {"current": {"informational": 3, "operational": "0"}, "residual": []}},
    "threat": [_OBJECT],
    "vulnerability": [_OBJECT],
    "cartography": {
        "scales": {"impact": [0, "1"], "likelihood": {"1": 2}, "probability": []},
        "risks": _states(_CELLS),
    },
    "compliance": [{"referential": ANR, **_LABELS, "current": [_CATEGORY], "target": []}],
}
"""A small payload of each type: with each field that there is, and little else."""

_HOLE = "the hole"


def rows() -> Iterator[tuple[str, str]]:
    """Rows with one thing wrong, or only odd, each with a name, as JSON text in which `ANR` is the analysis.

    In every place of a row of every type stands every odd value; every member is missing, is there twice, has another
    name, and has an odd neighbour.
    """
    for kind, data in DATA.items():
        row = {"uuid": None, "anr": ANR, "type": kind, "date": "2026-01-31", "data": data}
        for path in _places(row):
            name = ".".join(map(str, (kind, *path)))
            text = json.dumps(_changed(row, path, _HOLE))
            for odd in ODD:
                yield f"{name} = {odd[:30]}", text.replace(json.dumps(_HOLE), odd)
            if isinstance(path[-1], str):
                whole = json.dumps(_value(row, path))
                yield f"{name} missing", json.dumps(_without(row, path))
                yield f"{name} twice", text.replace(json.dumps(_HOLE), f"{whole}, {json.dumps(path[-1])}: {whole}")
                yield f"{name} renamed", text.replace(f'"{path[-1]}": {json.dumps(_HOLE)}', f'"{path[-1]} ": {whole}')
                for odd in ODD[::9]:
                    neighbour = f'{whole}, "neighbour": {odd}'
                    yield f"{name} beside {odd[:30]}", text.replace(json.dumps(_HOLE), neighbour)


def _places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths to all that a value holds."""
    entries: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in entries:
        yield (*path, key)
        yield from _places(child, (*path, key))


def _value(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _changed(value: Any, path: tuple[str | int, ...], to: Any) -> Any:
    changed = copy.deepcopy(value)
    _value(changed, path[:-1])[path[-1]] = to
    return changed


def _without(value: Any, path: tuple[str | int, ...]) -> Any:
    changed = copy.deepcopy(value)
    del _value(changed, path[:-1])[path[-1]]
    return changed


# --- much of something -----------------------------------------------------------------------------------------

MANY = 100_000


def much(many: int = MANY) -> Iterator[tuple[str, bytes]]:
    """Large bodies, for the routes that take rows or parameters: `many` of what they are made of, or more."""
    row = json.dumps({"anr": ANR, "type": "threat", "date": "2026-01-31", "data": "DATA"})
    numbered = json.dumps(dict.fromkeys(map(str, range(many))))
    analyses = [f"{ANR[:-6]}{number:06x}" for number in range(many)]
    for element in ("{}", "null", "[]", "0", '""'):
        yield f"many {element}", f"[{','.join([element] * many)}]".encode()
    yield "many names", numbered.encode()
    yield "many objects in a row", f"[{row}]".replace('"DATA"', json.dumps([_OBJECT] * many)).encode()
    yield "many keys in a row's data", f"[{row}]".replace('"DATA"', numbered).encode()
    yield "many unknown fields in a row", f"[{row[:-1]}, {numbered[1:]}]".encode()
    yield "a row many times", f"[{','.join([row] * (many // 4))}]".encode()
    yield "an analysis many times", json.dumps({"type": "risk", "anrs": [ANR] * many}).encode()
    yield "many analyses", json.dumps({"type": "risk", "anrs": analyses}).encode()
    yield (
        "many analyses of a chart",
        json.dumps({"type": "risk", "processor": "risk_averages", "anrs": analyses}).encode(),
    )
    yield "a long name", b'{"%b": 1}' % (b"k" * many * 50)
    yield "a long text", b'{"type": "%b"}' % (b"x" * many * 50)
    yield "a long text of escapes", b'{"type": "%b"}' % (rb"\u00e9" * many * 10)
    yield "half a character after many escapes", rb'["%b\ud800"]' % (rb"\\" * many * 25)
    yield "many halves of characters", b'["%b"]' % (rb"\ud800" * many * 10)
    yield "a long number", b'{"limit": %b}' % (b"9" * many * 50)
    yield "a long fraction", b'{"limit": 0.%b}' % (b"1" * many * 50)
    yield "much white space", b" " * many * 200 + b"{"
    yield "many brackets", b"[" * many * 50
    yield "many brackets and braces", b'[{"a":' * many * 10
