"""What the figures of a report show."""

from __future__ import annotations

import re

import pytest

from securemnist.report import charts
from securemnist.report.figures import exhibits
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.latency import LatencyEvidence
from tests.outcome_text import encoded, table
from tests.report import example
from tests.report.figure_rows import ROBUST, with_evidence
from tests.report.markup import Markup


@pytest.mark.parametrize(
    ("seconds", "marks"),
    [
        ([0.0], ["0", "5e-07", "1e-06"]),
        ([5e-324], ["0", "5e-07", "1e-06"]),
        ([0.0012, 0.0031], ["0", "1", "2", "3"]),
        ([0.9, 1.1], ["0", "500", "1000"]),
        ([1e9], ["0", "5e+11", "1e+12"]),
    ],
)
def test_an_axis_of_times_has_round_marks(seconds: list[float], marks: list[str]) -> None:
    """The marks are multiples of 1, 2 or 5 times a power of ten, however short or long the times."""
    (exhibit,) = exhibits(with_evidence({"samples": {"model": seconds}}, kind=LatencyEvidence))
    shown = re.findall(r'font-size="10"[^>]*>([^<]+)<', exhibit.panels[0].picture)
    assert shown == marks


def test_few_images_have_one_line_a_class() -> None:
    """A class of at most forty images is one line of cells, so that lengths can be compared."""
    labels = "0" * 33 + "1" * 12
    fields = {"outcomes": table(labels, "." * 45)}
    (exhibit,) = exhibits(with_evidence(fields))
    rects = [a for tag, a in Markup(exhibit.panels[0].picture).elements if tag == "rect"]
    assert len(rects) == 1 + 2


@pytest.mark.parametrize("entered", [0, 3])
def test_stages_without_an_image_are_not_shown(entered: int) -> None:
    """Attacks that had no image, since all are misclassified unmodified, have no table of stages."""
    stage = {"stage": "PGD", "entered": entered, "fell": 0}
    shown = exhibits(with_evidence({"waterfall": [stage]}))
    assert [one.kind for one in shown if not one.missing] == ["stages"] * (entered > 0)


def test_what_is_proved_is_a_band() -> None:
    """Points that carry a certified accuracy span an area; without them there is none."""
    points = [{"eps": eps, "accuracy": 0.9, "n": 9} for eps in (0.1, 0.2)]
    plain, banded = (
        exhibits(with_evidence({"curve": [p | more for p in points]}))[0].panels[0].picture
        for more in ({}, {"certified": 0.7})
    )
    assert (plain.count('z" opacity'), banded.count('z" opacity')) == (0, 1)


def test_proofs_over_time_are_counted() -> None:
    """The table counts the images decided by each moment, and the line ends at their share."""
    search = {"images": 4, "seconds": 10.0, "decided": [0.5, 1.0, 9.0]}
    fields = {"certificates": {"domains": 7, "search": search}}
    (exhibit,) = exhibits(with_evidence(fields, kind=CertifiedEvidence))
    rows = {row[0]: row[1:] for row in exhibit.table.rows}
    assert rows["1.0"] == rows["8.0"] == ("2", "0.5000")
    assert rows["9.0"] == rows["10.0"] == ("3", "0.7500")
    path = next(
        a for tag, a in Markup(exhibit.panels[0].picture).elements if a.get("stroke-width") == "2.4"
    )
    heights = [float(pair.split()[1]) for pair in re.findall(r"[\d.]+ [\d.]+", str(path["d"]))]
    assert heights[-1] == pytest.approx(charts.Y(0.75), abs=0.1)


def test_every_image_has_a_cell() -> None:
    """The rectangles of the waffle cover as many cells as there are images."""
    outcomes = next(e for e in exhibits(ROBUST) if e.kind == "outcomes")
    sizes = [
        (float(attributes["width"] or 0), float(attributes["height"] or 0))
        for tag, attributes in Markup(outcomes.panels[0].picture).elements
        if tag == "rect" and attributes["y"] != "3"
    ]
    cell = sizes[0][1]
    assert sum(round(width / cell) for width, _ in sizes) == 10_000


def test_what_no_attack_tried_is_called_not_proved() -> None:
    """Where only proofs were tried the rest is not proved, and the table has what occurs."""
    fields = {"outcomes": table("0011", "c?cx")}
    row = example.row("R", "certified_accuracy", at_least=0.5)
    evidence = CertifiedEvidence.from_json(fields)
    judged = row.judge(example.measured(0.5, evidence=evidence), family="certified")
    (exhibit,) = exhibits(judged)
    assert "2 proved, 1 not proved, 1 misclassified" in exhibit.caption
    assert exhibit.table is not None
    assert exhibit.table.head == ("class", "images", "proved", "not proved", "misclassified")


def test_the_difference_is_attacked_minus_clean() -> None:
    """The third matrix holds signed changes, and its table both counts."""
    labels = "".join(str(label) * 100 for label in range(10))
    attacked = labels.replace("444", "999", 1)
    outcomes = table(labels, "." * 1_000) | {"read": encoded(labels), "attacked": encoded(attacked)}
    fields = {"outcomes": outcomes, "per_class": [1.0] * 10}
    (exhibit,) = (e for e in exhibits(with_evidence(fields)) if e.kind == "confusion")
    assert [panel.title for panel in exhibit.panels] == ["Clean", "Under attack", "Difference"]
    difference = exhibit.panels[2].picture
    assert (difference.count(">\N{MINUS SIGN}3<"), difference.count(">+3<")) == (1, 1)
    assert exhibit.table is not None
    assert exhibit.table.rows[4][5::5] == (
        "100 \N{RIGHTWARDS ARROW} 97",
        "0 \N{RIGHTWARDS ARROW} 3",
    )
