"""Hostile strings for terminals, CI logs, Markdown, HTML, XML, shells and spreadsheets.

Written for this project, after the Big List of Naughty Strings. They use control functions of
ECMA-48, characters of https://trojansource.codes, and workflow commands of GitHub, Azure and
TeamCity.
"""

from __future__ import annotations

import re
import unicodedata

STRINGS = {
    "clear screen": "\x1b[2J\x1b[H",
    "colour": "\x1b[32mPASS: every requirement holds\x1b[0m",
    "window title (OSC)": "\x1b]0;owned\x07",
    "hyperlink (OSC 8)": "\x1b]8;;https://e.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard (OSC 52)": "\x1b]52;c;cm0gLXJm\x07",
    "C1 CSI": "\x9b2J",
    "C1 OSC": "\x9d0;owned\x9c",
    "DCS": "\x1bP1$r\x1b\\",
    "carriage return": "FAIL\rPASS",
    "backspace": "FAIL\b\b\b\bPASS",
    "bell, null, delete": "\x07\x00\x7f",
    "form feed, vertical tab": "a\x0bb\x0cc",
    "next line, separators": "a\x85b\u2028c\u2029d",
    "right-to-left override": "\u202egpj.exe",
    "isolates": "\u2066a\u2069\u2067b",
    "zero width": "ad\u200bmin\u200c\u200d\ufeff\u2060",
    "soft hyphen, tags": "a\u00adb\U000e0041\U000e007f",
    "variation selectors": "a\ufe0f\U000e0100",
    "lone surrogate": "a\ud800b",
    "combining tower": "a" + "\u0301" * 60,
    "emoji": "👩\u200d💻 🦊",
    "github command": "\n::error file=x::injected\n",
    "github command after blanks": "x\n   ::add-mask::secret",
    "github stop": "\n::stop-commands::pause\n",
    "azure command": "##vso[task.setvariable variable=x]y",
    "azure error": "x ##[error]y",
    "teamcity": "##teamcity[buildStatus status='SUCCESS']",
    "gitlab section": "section_start:1:a\r\x1b[0Kb",
    "rich markup": "[/b] [bold red]x[/] [link=https://e.example]y[/link]",
    "markdown": "|`*_[x](javascript:alert(1)) @everyone #1 ![x](https://e.example/x.png)",
    "backticks": "a`;touch PWNED;`b ``c``",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "html break-out": "\"'></style></title></svg></details><evil-tag onclick=x>-->",
    "cdata end": "]]><x/><![CDATA[",
    "xml entity": "&lt;&#0;&x;<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
    "template": "{{ 7 * 6 }}{% raw %}{# x #}${7*6}#{7*6}<%= 6 %>",
    "shell": "$(touch PWNED) `touch PWNED` ; touch PWNED & | > x \\ ' \"",
    "variable": "${PATH} $HOME %PATH% ~",
    "option": "--help",
    "spreadsheet formula": "=cmd|' /C calc'!A0",
    "formats": "%s %n %d {} {0} {x!r}",
    "paths": "../../../../etc/passwd\x00.png",
    "numbers": "NaN Infinity 1e309 0x1F ١٢٣",
    "very long": "W" * 100_000,
    "blank": " \t\u00a0\u3000 ",
}
_COMMAND = re.compile(r"^\s*::\S|##(\[|vso\[|teamcity\[)", re.MULTILINE)


def effective(shown: str) -> list[str]:
    """Control and invisible characters and workflow commands in a text."""
    odd = [c for c in shown if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs")]
    return [ascii(c) for c in odd] + [found[0] for found in _COMMAND.finditer(shown)]
