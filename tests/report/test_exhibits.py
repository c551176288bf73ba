"""Evidence becomes pictures with tables; what is missing or malformed says so."""

from __future__ import annotations

import dataclasses
import math
import struct
import zlib
from base64 import b64decode
from typing import Any

import pytest

from securemnist.findings import Finding
from securemnist.report import png, svg
from securemnist.report.exhibits import exhibits, not_recorded
from tests.report import example, hostile, made_up

ROBUST = next(f for f in example.findings() if f.requirement.id == "ADV-02")
NAN = math.nan
ODD: dict[str, list[Any]] = {
    "confusion": ["x", [[1]], [[1] * 10] * 9, [[-1] * 10] * 10, [[True] * 10] * 10, {"a": 1}],
    "per_class": [[0.5], ["a"] * 10, [NAN] * 10, [2.0] * 10, [None] * 10, 3],
    "outcomes": [
        [],
        {"labels": "12", "codes": "x", "stages": []},
        {"labels": "1", "codes": "0", "stages": []},
        {"labels": "a", "codes": "x", "stages": []},
        {"labels": "", "codes": "", "stages": []},
        {"labels": "1", "codes": "x"},
        {"labels": 1, "codes": 2, "stages": ["a"]},
    ],
    "waterfall": [
        "x",
        [1],
        [{}],
        [{"stage": "a", "entered": 1, "fell": 2}],
        [{"stage": "a", "entered": 10**400, "fell": 0}],
        [{"stage": "a", "entered": 1, "fell": 0, "seconds": "long"}],
    ],
    "curve": ["x", [{}], [{"eps": NAN, "accuracy": 0.5}], [{"eps": 0.1, "accuracy": 1.1}]],
    "gallery": [
        "x",
        [{}],
        [{**made_up.gallery(1)[0], "clean": "!!"}],
        [{**made_up.gallery(1)[0], "adversarial": "AAAA"}],
        [{**made_up.gallery(1)[0], "label": 10}],
        [{**made_up.gallery(1)[0], "confidence": math.inf}],
        [{**made_up.gallery(1)[0], "index": "7"}],
    ],
    "samples": ["x", {"model": []}, {"model": [NAN]}, {str(i): [1.0] for i in range(9)}],
    "static": ["x", [1], {"tool": "bandit"}],
}


def _with(evidence: dict[str, Any], finding: Finding = ROBUST) -> Finding:
    assert finding.measurement is not None
    seen = dataclasses.replace(finding.measurement, evidence=evidence)
    return dataclasses.replace(finding, measurement=seen)


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in ODD.items() for value in values]
)
def test_malformed_evidence_is_no_picture(key: str, value: Any) -> None:
    """A piece that cannot be drawn is named as malformed, and nothing is drawn."""
    (exhibit,) = exhibits(_with({key: value}))
    assert exhibit.missing.startswith("No picture: malformed evidence")
    assert not exhibit.picture
    assert not exhibit.tiles


def test_one_malformed_piece_spares_the_others() -> None:
    """The pieces beside a malformed one are drawn."""
    shown = exhibits(_with({**made_up.robustness(), "curve": "x"}))
    assert [bool(e.missing) for e in shown] == [False] * 5 + [True]


def test_missing_evidence_is_named() -> None:
    """A row says which of its family's pictures were not recorded."""
    assert not_recorded(_with({"confusion": []})) == (
        "digits before and after",
        "the stages",
        "what became of each class",
    )


def test_a_row_without_a_number_has_no_exhibits() -> None:
    """Without a measurement there is nothing to see and nothing to miss."""
    bare = dataclasses.replace(ROBUST, measurement=None)
    assert exhibits(bare) == ()
    assert not_recorded(bare) == ()


@pytest.mark.parametrize("finding", example.findings(), ids=lambda f: f.requirement.id)
def test_every_picture_has_a_table(finding: Finding) -> None:
    """Whoever cannot see a picture finds its numbers beside it."""
    for exhibit in exhibits(finding):
        assert exhibit.missing or exhibit.table or exhibit.caption == "The tools found nothing."


def test_pictures_are_equal_for_equal_evidence() -> None:
    """Drawing twice gives the same text."""
    assert exhibits(ROBUST) == exhibits(ROBUST)


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_names_are_only_drawn(text: str) -> None:
    """A stage, attack or series may carry any name; it never becomes markup, maths or an error."""
    evidence = {
        "waterfall": [{"stage": text, "entered": 9, "fell": 1}],
        "curve": [{"eps": 0.1, "accuracy": 0.5, "n": 1, "attack": text}],
        "samples": {text: [0.1]},
    }
    shown = exhibits(_with(evidence))
    assert len(shown) == 3
    for exhibit in shown:
        assert "<evil" not in exhibit.picture
        assert "<script" not in exhibit.picture
        assert exhibit.picture.endswith("</svg>")


def test_pictures_leave_style_to_the_page() -> None:
    """An embedded picture has no style, no id, no link and no colour of its own for its lines."""
    for exhibit in exhibits(ROBUST):
        for word in (" style=", " id=", "href", "<style", "<defs", "<?xml", "url("):
            assert word not in exhibit.picture


def test_both_ways_to_write_a_font_are_read() -> None:
    """Matplotlib 3.10 writes one shorthand, 3.11 single declarations: the picture is the same."""
    short = svg.attributes("font: 600 11px 'DejaVu Sans'; text-anchor: middle; fill: #000001")
    assert short == ' class="fill-ink" font-size="11" font-weight="600" text-anchor="middle"'
    assert svg.attributes("font-size: 11px; font-family: x") == ' font-size="11"'


def test_pictures_ignore_the_user_s_matplotlib_settings() -> None:
    """A matplotlibrc on the machine changes no byte."""
    import matplotlib

    before = exhibits(ROBUST)
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "svg.fonttype": "path"}):
        assert exhibits(ROBUST) == before


def test_a_thumbnail_is_a_png_of_its_pixels() -> None:
    """The bytes that go into a thumbnail come out of it."""
    pixels = bytes(range(256)) * 3 + bytes(16)
    content = b64decode(png.grey(pixels).removeprefix("data:image/png;base64,"))
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == (28, 28)
    length = struct.unpack(">I", content[33:37])[0]
    raw = zlib.decompress(content[41 : 41 + length])
    assert b"".join(raw[i * 29 + 1 : (i + 1) * 29] for i in range(28)) == pixels


def test_equal_pictures_have_an_empty_difference() -> None:
    """Where nothing changed, the difference is clear."""
    content = b64decode(png.difference(bytes(784), bytes(784)).partition(",")[2])
    length = struct.unpack(">I", content[33:37])[0]
    raw = zlib.decompress(content[41 : 41 + length])
    assert all(raw[i * 113 + 4 * j] == 0 for i in range(28) for j in range(1, 29))
