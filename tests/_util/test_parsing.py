"""Parsing of JSON and TOML from outside, within a second and 200 MB."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemnist._util import parsing
from securemnist.errors import ParseError

MIB = 1 << 20
JSON: dict[str, str] = {
    "deep": "b'[' * (8 * MIB)",
    "deep and closed": "b'[' * 400_000 + b']' * 400_000",
    "many empty lists": "b'[' + b'[],' * (2 * MIB) + b'[]]'",
    "escaped quotes without an end": "b'\"' + b'\\\\\"' * (4 * MIB)",
    "quotes": "b'\"' * (8 * MIB)",
    "a whole number": "b'9' * (8 * MIB)",
    "a fraction": "b'1.' + b'9' * (8 * MIB)",
    "an exponent": "b'1e' + b'9' * (8 * MIB)",
    "blanks": "b' ' * (16 * MIB)",
    "keys": "b'{' + b','.join(b'\"%d\":1' % i for i in range(240_000)) + b'}'",
    "one key again and again": "b'{' + b','.join([b'\"a\":1'] * 240_000) + b'}'",
    "null bytes": "bytes(8 * MIB)",
}
TOML: dict[str, str] = {
    "a dotted key": "'.'.join(['a'] * 20_000) + '=1'",
    "a dotted table": "'[' + '.'.join(['a'] * 20_000) + ']'",
    "a dotted key of texts": "'.'.join(['\"a\"'] * 10_000) + '=1'",
    "a dotted key with blanks": "'a . ' * 5_000 + 'a=1'",
    "a dotted key in an inline table": "'x = {' + '.'.join(['a'] * 20_000) + '=1}'",
    "lists": "'a=' + '[' * 9_000 + ']' * 9_000",
    "inline tables": "'a=' + '{a=' * 9_000 + '1' + '}' * 9_000",
    "tables": "'\\n'.join(f'[a{i}.b.c.d.e.f.g.h]' for i in range(40_000))",
    "dotted keys line by line": "'\\n'.join(f'a{i}.b.c.d.e.f=1' for i in range(3_000))",
    "a hexadecimal number": "'a=0x' + 'f' * 1_000_000",
    "a number": "'a=' + '9' * 1_000_000",
    "quotes": "'\"' * 1_000_000",
    "a text without an end": "'a=' + '\"' * 3 + '\" ' * 400_000",
    "escapes": "'a=\"' + '\\\\n' * 400_000 + '\"'",
    "a word": "'a' * 1_000_000",
    "comments": "'#\\n' * 500_000",
}
CHILD = """
import resource, sys, time
from securemnist._util.parsing import json_value, toml_table
from securemnist.errors import ParseError
MIB = 1 << 20
content = eval(sys.argv[2])  # an expression of this test's own
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 200 * MIB,) * 2)
began = time.process_time()
try:
    (json_value if sys.argv[1] == "json" else toml_table)(content)
    print("value")
except ParseError as error:
    print("refused:", error)
print(time.process_time() - began)
"""


@pytest.mark.parametrize(
    ("kind", "name"), [*(("json", n) for n in JSON), *(("toml", n) for n in TOML)]
)
def test_parsers_bound_time_and_memory(kind: str, name: str) -> None:
    """Each input gives a value or a ParseError within a second of CPU time and 200 MB more."""
    words = (JSON if kind == "json" else TOML)[name]
    command = [sys.executable, "-c", CHILD, kind, words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
    outcome, seconds = done.stdout.rsplit("\n", 2)[:2]
    assert outcome.startswith(("value", "refused: "))
    assert len(outcome) < 300
    assert float(seconds) < 1


REFUSED = {
    b'{"a": 1, "a": 1}': "duplicate key 'a'",
    b'[{"b": {"a": 1, "a": 2}}]': "duplicate key 'a'",
    b"NaN": "NaN, which is not a JSON number",
    b"[-Infinity]": "-Infinity, which is not a JSON number",
    b"1e999": "1e999, which is too large for a float",
    b"-1e400": "-1e400, which is too large for a float",
    b"9" * 301: "a number of 301 digits",
    b"0." + b"1" * 300: "a number of 302 digits",
    b"[" * 65 + b"]" * 65: "brackets that nest more than 64 deep",
    b"\xef\xbb\xbf{}": "UTF-8 byte order mark",
    "{}".encode("utf-16"): "UTF-16 byte order mark",
    "{}".encode("utf-16-le"): "Expecting property name",
    b'"\xff"': "not UTF-8 text",
    b"": "an empty text",
    b" \n": "an empty text",
    b"\n<!doctype html><p>Log in": "a page in HTML or XML",
    b'{"a": 1,}': "Expecting property name|Illegal trailing comma",
}


@pytest.mark.parametrize("content", REFUSED, ids=range(len(REFUSED)))
def test_json_refuses_ambiguous_input(content: bytes) -> None:
    """Duplicate keys, NaN, infinities, long numbers, depth and odd encodings are refused by name."""
    with pytest.raises(ParseError, match=REFUSED[content]):
        parsing.json_value(content)


def test_json_accepts_values_at_limits() -> None:
    """The deepest, longest and largest allowed values are read."""
    parsing.json_value(b"[" * 64 + b"]" * 64)
    assert parsing.json_value(b"9" * 300) == int("9" * 300)
    assert parsing.json_value(b'"\\ud83d\\ude00 [[[{{{ \\" ]"') == '\U0001f600 [[[{{{ " ]'
    assert len(parsing.json_value(b"[" + b"1," * 98 + b"1]", values=99)) == 99
    with pytest.raises(ParseError, match="more than 99 values"):
        parsing.json_value(b"[" + b"1," * 99 + b"1]", values=99)


_LEAVES = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text()
_LEAVES |= st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(value=_VALUES, ascii_only=st.booleans())
def test_json_round_trip(value: Any, ascii_only: bool) -> None:
    """Every value that Python's json writes is read back equal."""
    try:
        content = json.dumps(value, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can hold
        return
    assert parsing.json_value(content) == value


@given(text=st.text(st.sampled_from("ab.\"'#=[]{},\n \\1-"), max_size=60))
def test_toml_equals_tomllib(text: str) -> None:
    """The checks before the parser neither change nor refuse a small text."""
    try:
        expected = tomllib.loads(text)
    except ValueError:
        with pytest.raises(ParseError):
            parsing.toml_table(text)
        return
    assert parsing.toml_table(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = 1\na = 2", "overwrite"),
        ("\ufeffa = 1", "byte order mark"),
        ("a.b = 9223372036854775808", "more than 64 bits for a.b"),
        ("x = [{a = 0xfffffffffffffffff}]", "more than 64 bits for x.a"),
        (".".join("a" * 17) + " = 1", "a key of more than 16 dotted parts"),
        ("x = " + "[" * 65 + "]" * 65, "nest more than 64 deep"),
        (
            'a = """\n"""\nx = { eps = 8/255 }',
            r"line 3, column \d+\) \(a fraction stands in quotes",
        ),
        ("at_least = 93 %", "0.93, not a percentage"),
        ("at_least = 0,93", "with a point, such as 0.93"),
        ("[row]\n[[row]]", r"begin with \[\[name\]\] each"),
        ("[row]\n[row]", r"begin with \[\[name\]\] each"),
        ("a = 'x", r"\(at end of document\)$"),
        ("# 8/255\na = = 3", r"column 5\)$"),
    ],
)
def test_toml_refusals_name_the_reason(text: str, words: str) -> None:
    """Each input is a ParseError that names what was found."""
    with pytest.raises(ParseError, match=words):
        parsing.toml_table(text)


def test_toml_ignores_dots_in_strings_and_comments() -> None:
    """Dots and brackets in strings and comments do not count."""
    prose = "a.b." * 50 + "[[[{{{" * 40
    text = (
        f"# {prose}\na = \"{prose}\"\nb = '{prose}'\nc = '''\n{prose}'''\nd = \"\"\"\n{prose}\"\"\""
    )
    assert set(parsing.toml_table(text)) == set("abcd")
