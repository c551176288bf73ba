"""Values of the kinds that test suites of JSON parsers use, written for this project after RFC 8259.

`ACCEPTED` are JSON, `REFUSED` are not, and of `EITHER` the RFC leaves open what a parser does.
"""

from __future__ import annotations

# fmt: off
_ACCEPTED = (
    b"[]", b"[[]]", b"[ ]", b'[""]', b"[1\n]", b" [1]", b"[2] ", b"[null, 1, true, false]", b"{}",
    b'{"":0}', b'{"a":[]}', b'{"a":{}}', b'{"a":"b"}', b'{"a":null,"b":1}', b'{"\\u0000":1}', b"0",
    b"-0", b"-1", b"123", b"1.5", b"1e1", b"1E2", b"1E+2", b"1E-2", b"0e1", b"0e+1", b"1.0e0",
    b"-0.000000000000000000000000000000000000000000001", b"123.456e78", b"20e1", b"-123", b'"a"',
    b'" "', b'"\\""', b'"\\\\"', b'"\\/"', b'"\\b\\f\\n\\r\\t"', b'"\\u0060\\u012a\\u12AB"',
    b'"\\uD801\\udc37"', b'"\\ud83d\\ude39\\ud83d\\udc8d"', b'"a/*b*/c"', b'"\\\\a"', b'"\\\\n"',
    b'"\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xf4\x8f\xbf\xbf"', b'"\\uFDD0"', b'"\x7f"', b'"\\u200B"',
    b"true", b"false", b"null", b'{"a":{"b":{"c":1}}}', b'{ \t\r\n"a" : [ 1 , 2 ] }',
)

_REFUSED = (
    b"", b" ", b"[", b"]", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1,,2]", b"[,]", b"[1]]", b"[1}",
    b"[1 2]", b"[1:2]", b"[*]", b"[-]", b"[1\n,1", b'["a"', b'["a",\n4\n,1', b'["x"]]', b'["":1]',
    b"[3[4]]", b"{", b"{1:1}", b"{null:1}", b"{a:1}", b"{'a':1}", b'{"a"}', b'{"a":}', b'{"a" 1}',
    b'{"a":1,}', b'{"a":1,,}', b'{"a":1,,"b":2}', b'{,"a":1}', b'{"a"::1}', b'{"a":1 "b":2}',
    b'{"a":1]', b'{"a":"a', b'{"a":1}#', b'{"a":1}/**/', b'{"a":1}//', b'{"a":/*c*/1}',
    b'{"a":1}{}', b'{"a":1}x', b"{[: 1}", b"+1", b"++1", b"-01", b"01", b"012", b"-1.", b"1.",
    b"2.e3", b"2.e+3", b".1", b"-.1", b".-1", b".2e-3", b"0.3e", b"0.3e+", b"0E", b"0E+", b"1e",
    b"1eE2", b"1.0e-", b"9.e+", b"1 000", b"1+2", b"0x1", b"0x42", b"1_000", b"1.2a", b"1ea",
    b"-2.", b"-foo", b"- 1", b"\xef\xbc\x91", b"1\xe5", b"NaN", b"nan", b"-NaN", b"Infinity",
    b"-Infinity", b"+Inf", b"Inf", b"--1", b"0e", b"1,", b"1.8011670033376514H-308", b"True",
    b"TRUE", b"nul", b"nulll", b"fals", b"tru", b"undefined", b"None", b"abc", b"\\u0061", b"\\n",
    b'"', b'"a', b'"\\"', b'"\\a"', b'"\\x00"', b'"\\0"', b'"\\u"', b'"\\u0"', b'"\\u00A"',
    b'"\\u00G0"', b'"\\U0001F600"', b'"\\\xe5"', b'"a\x00a"', b'"a\na"', b'"\t"', b'"\x1f"', b"'a'",
    b"`a`", b'"a"x', b'"\\uD834\\"', b'"\\u\xe5"', b'"\\ "', b'"\\\n"', b"\xe9", b'"\xff"',
    b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\xbf\xbf\xbf"', b'"\x81"', b'"\xe0\xff"',
    b'"\xf0\x80\x80\x80"', b"\xa0", b"\x0c", b"\x00", b"<.>", b"<null>", b"[<null>]", b"[\x0b1]",
    b"[\xc2\xa01]", b"[\xe2\x80\x8b1]", b"\xef\xbb\xbf1", b"[\x001]", b"(1)", b"[1;2]", b"$", b"@",
    b"^", b"&a", b"1d", b"0b1", b"0o7", b"1n", b"1f", b"[...]", b"{...}", b"[" * 20_000,
    b'{"":' * 5_000, b"[" * 100 + b"]" * 100, b'{"a":1,"a":2}', b'{"a":1,"\\u0061":1}',
)

_EITHER = (
    b"1e999", b"-1e999", b"1e-999", b"9" * 400, b"1." + b"9" * 400, b"0.4e006699999999999999999999",
    b"123123e100000", b"-123123e100000", b"18446744073709551616", b"-9223372036854775809",
    b'"\\uD800"', b'"\\uDFAA"', b'"\\uD888\\u1234"', b'"\\uDd1e\\uD834"', b'"\\uD800\\uD800\\n"',
    b'{"\\uDFAA":0}', b'{"__proto__":{"a":1}}', b'{"constructor":1}', b'{"data":[1]}',
    b'{"data":"["}',
)
# fmt: on

# A document of which no beginning is complete.
_WHOLE = b'{"k": [-1.25e+3, "a\\u00e9", true, null]}'
_ESCAPES = b'"\\/bfnrtu'
_PRINTABLE = bytes(range(33, 127))


def _distinct(*parts: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(case for part in parts for case in part))


# Scalars in a list and an object, white space around each token, the planes of Unicode.
ACCEPTED: tuple[bytes, ...] = _distinct(
    _ACCEPTED,
    tuple(b"[" + value + b"]" for value in (b"0", b"-1.5e-7", b'"a"', b"true", b"false", b"null")),
    tuple(b'{"k":' + value + b"}" for value in (b"0", b"1E9", b'""', b"true", b"false", b"null")),
    tuple(space + b"[" + space + b"]" + space for space in (b" ", b"\t", b"\r", b"\n", b"\r\n")),
    tuple(b'"\\u%04x"' % code for code in (0, 0x1F, 0x7F, 0x85, 0x2028, 0xFEFF, 0xFFFE, 0xFFFF)),
    tuple(f'"{chr(plane * 0x10000 + 0xFFFD)}"'.encode() for plane in range(17)),
)
# Control characters and escapes that are none, a single byte outside UTF-8, a document that is cut off.
REFUSED: tuple[bytes, ...] = _distinct(
    _REFUSED,
    tuple(b'"%c"' % control for control in range(32)),
    tuple(b'"\\%c"' % sign for sign in _PRINTABLE if sign not in _ESCAPES),
    tuple(b'"%c"' % byte for byte in (0x80, 0x9F, 0xBF, 0xC0, 0xC1, 0xC3, 0xE2, 0xF0, 0xF5, 0xFE)),
    tuple(_WHOLE[:length] for length in range(1, len(_WHOLE))),
    tuple(b"1%c" % sign for sign in b"!#$%&'()*:;<=>?@[]^`{|}~"),
)
EITHER: tuple[bytes, ...] = _distinct(
    _EITHER,
    tuple(b'"\\u%04x"' % half for half in (0xD800, 0xDBFF, 0xDC00, 0xDFFF)),
    tuple(b"1e%d" % exponent for exponent in (308, 309, 4_932, 99_999, 10**18, -309, -(10**18))),
    tuple(b"%d" % number for number in (2**53 + 1, 2**63, 2**64, 2**128, -(2**63) - 1)),
)
