"""Assessments in which every text is hostile."""

from __future__ import annotations

from typing import Any

from securemnist.results.assessment import Assessment
from tests.report import example

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"
BREAKOUT = "\"'></style></title></svg></details><evil-tag onclick=x style=y>--><![CDATA["
TEMPLATE = "{{ 7 * 6 }}{% raw %}{# x #}"
MARKDOWN = (
    "|`*_[x](javascript:alert(1))<b>\n\n# @everyone #1 https://e.example www.e.example $x$ ~~"
)
BIDI = "\u202eevil\u2066\u200b\u200d\x00\x1b[31m\x9b\ud800\u2028"
TOWER = "a" + "\u0301" * 80
LONG = "W" * 10_000
MATHS = r"$\frac{$ %s {} \n 🦊"
TEXTS = (SCRIPT, BREAKOUT, TEMPLATE, MARKDOWN, BIDI, TOWER, LONG, MATHS)

# Words of a fixed vocabulary, dates and pixels: anything else there is refused when it is read.
_KEPT = {
    "verdict",
    "kind",
    "places",
    "unit",
    "family",
    "clean",
    "adversarial",
    "labels",
    "pixels",
    "read",
    "attacked",
    "triggered",
    "codes",
    "tier",
    "day",
    "decided",
    "expires",
}


def assessment(text: str) -> Assessment:
    """The example with `text` in the place of every word, and as a key where keys are free."""
    data = _poisoned(example.assessment().to_json(), text)
    for free in (data["environment"], data["environment"]["packages"], data["subject"]["recipe"],
                 data["subject"]["data"]["digests"]):  # fmt: skip
        free[text] = text
    for number, finding in enumerate(data["findings"]):
        finding["requirement"]["id"] = f"{text}{number or ''}"  # two findings of a row are refused
        finding["requirement"]["settings"][text] = text
        if finding["verdict"] == "PASS" and finding["measurement"]:
            finding["measurement"]["inconclusive"] = ""  # with a text there it would be no PASS
    return Assessment.from_json(data)


def _poisoned(value: Any, text: str, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _poisoned(inner, text, name) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_poisoned(inner, text, key) for inner in value]
    return text if isinstance(value, str) and key not in _KEPT else value
