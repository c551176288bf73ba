"""Reports of data of any form: 2 to 1,000 classes, names of classes, colour and reduced pictures."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from securemnist.input_spec import InputSpec
from securemnist.report import markdown, page
from securemnist.report.figures import exhibits
from securemnist.report.terminal import print_assessment
from securemnist.results.assessment import Assessment
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit
from tests.report.any_form import _Predictions, assessment
from tests.report.markup import Markup

ARROW = "\N{RIGHTWARDS ARROW}"
ANIMALS = InputSpec(3, 32, 32, 6, ("ant", "bee", "cat", "dog", "eel", "fox"))
SMALL = InputSpec(1, 12, 20, 2)
PHOTOGRAPHS = InputSpec(3, 224, 160, 20)
MANY = InputSpec(3, 16, 16, 100)
HOSTILE = (
    "<script>alert(1)</script>",
    "`*_[x](javascript:alert(1))|",
    "W" * 100,
    "\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET}<b>",
    "::error::forged",
    "[bold red]x[/]",
)


def figures(whole: Assessment, row: int, kind: str) -> Exhibit:
    """One figure of a row."""
    names = ClassNames.of(whole.subject)
    return next(e for e in exhibits(whole.findings[row], names) if e.kind == kind)


def rows_of(exhibit: Exhibit) -> tuple[tuple[str, ...], ...]:
    """The rows of its table."""
    assert exhibit.table is not None
    return exhibit.table.rows


def test_a_thousand_classes_fit_on_a_page() -> None:
    """A page of 1,000 named classes, 24 rows and reduced colour pictures stays under 4 MiB."""
    names = tuple(f"class number {k} of a thousand" for k in range(1_000))
    whole = assessment(InputSpec(3, 224, 224, 1_000, names), rows=24, images=10_000)
    assert len(page.render(whole)) < 4 << 20


@pytest.mark.parametrize("spec", [SMALL, ANIMALS, PHOTOGRAPHS], ids=lambda spec: spec.classes)
def test_few_classes_have_a_matrix(spec: InputSpec) -> None:
    """Up to 20 classes the matrix has a cell for each pair, and each class a bar and a band."""
    whole = assessment(spec)
    confusion = figures(whole, 1, "confusion")
    assert len(confusion.panels) == 3
    assert [len(row) for row in rows_of(confusion)] == [spec.classes + 1] * spec.classes
    for panel in confusion.panels:
        rects = [a for tag, a in Markup(panel.picture).elements if tag == "rect"]
        assert len(rects) == spec.classes**2
    for kind in ("classes", "outcomes"):
        assert len(rows_of(figures(whole, 1, kind))) == spec.classes


def test_many_classes_show_the_worst() -> None:
    """Above 20 classes bars and bands are of the 20 worst, the worst first; a line has the others."""
    whole = assessment(MANY)
    bars = rows_of(figures(whole, 1, "classes"))
    shares = [float(share) for _, share in bars[:20]]
    assert shares == sorted(shares)
    assert len(bars) == 21
    assert bars[20][0] == "80 others, mean"
    assert float(bars[20][1]) >= shares[-1]
    bands = figures(whole, 1, "outcomes")
    assert rows_of(bands)[20][:2] == ("80 others", "1,600")
    assert "Bands of the 20 worst of 100 classes" in bands.caption


def test_the_largest_confusions_replace_a_large_matrix() -> None:
    """The 15 largest confusions are listed with their counts before and under attack, and the rest."""
    whole = assessment(MANY)
    evidence = whole.findings[1].measurement.evidence  # type: ignore[union-attr]
    shown = figures(whole, 1, "confusions")
    counts, clean = evidence.confusion, evidence.clean_confusion  # type: ignore[attr-defined]
    rows = rows_of(shown)
    assert len(rows) == 15
    for name, before, after in rows:
        true, predicted = map(int, name.split(f" {ARROW} "))
        assert true != predicted
        assert (int(before), int(after)) == (clean[true, predicted], counts[true, predicted])
    wrong = counts.sum() - counts.trace()
    rest = wrong - sum(int(after) for *_, after in rows)
    assert f"the others are {rest:,} of {wrong:,} images" in shown.caption


def test_a_model_without_confusions_has_no_empty_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A perfect row of more than 20 classes shows no table of confusions."""
    monkeypatch.setattr(_Predictions, "_wrong", lambda _self, labels, _share: labels)
    whole = assessment(MANY, rows=1)
    assert not rows_of(figures(whole, 0, "confusions"))
    text = page.render(whole).decode()
    assert "2,000 of 2,000 images are classified correctly." in text
    assert not re.search(r"<tbody>\s*</tbody>", text)


def test_classes_are_named_everywhere() -> None:
    """Axes, tables, galleries, captions and details call a class by its name."""
    whole = assessment(ANIMALS)
    for row, kind in ((0, "classes"), (0, "confusion"), (1, "outcomes"), (1, "confusion")):
        shown = figures(whole, row, kind)
        assert [cells[0] for cells in rows_of(shown)] == list(ANIMALS.class_names)
        for panel in shown.panels:
            assert all(f">{name}</text>" in panel.picture for name in ANIMALS.class_names)
    assert re.search(r"The worst is class (ant|bee|cat|dog|eel|fox):",
                     figures(whole, 0, "classes").caption)  # fmt: skip
    text = page.render(whole).decode()
    assert "<dt>worst pair</dt><dd>bee to ant</dd>" in text
    assert re.search(rf"<b>ant {ARROW} \w+</b>", text)
    assert 'alt="Test image 0, class ant' in text


def test_reduced_pictures_say_so() -> None:
    """A gallery of reduced images gives both sizes; one of small images gives none."""
    large, small = (figures(assessment(spec), 1, "gallery") for spec in (PHOTOGRAPHS, SMALL))
    assert large.caption.endswith("Shown at 64x46 pixels, original 224x160.")
    assert "Shown at" not in small.caption
    assert (small.tiles[0].width, small.tiles[0].height) == (20, 12)


def test_hostile_class_names_are_only_shown() -> None:
    """Names with markup, a hundred characters or another direction are text on every output."""
    whole = assessment(InputSpec(1, 28, 28, 6, HOSTILE))
    text = page.render(whole).decode()
    drawn = Markup(text)
    assert "script" not in drawn.tags
    assert "\N{HEBREW LETTER BET}<b>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "W" * 100 in text
    assert "<script" not in markdown.render(whole).decode()
    out = io.StringIO()
    print_assessment(whole, Console(file=out, width=120))
    assert "\x1b" not in out.getvalue()
    assert not re.search(r"(?m)^::", out.getvalue())


def test_unreadable_names_leave_numbers() -> None:
    """A specification of another form in a stored assessment leaves the numbers of the classes."""
    whole = assessment(ANIMALS)
    data = {"name": "x", "spec": {"class_names": ["\u202e"], "classes": 1}}
    names = ClassNames.of({**whole.subject, "data": data})
    assert [names[k] for k in range(3)] == ["0", "1", "2"]
    assert ClassNames.of({"data": "x"})[7] == "7"


def test_a_long_name_keeps_both_ends_on_an_axis() -> None:
    """Numbered names stay different when they are shortened to twelve characters."""
    names = ClassNames(tuple(f"class name {k}" for k in range(20)))
    short = [names.short(k) for k in range(20)]
    assert len(set(short)) == 20
    assert max(map(len, short)) == 12


def test_names_with_the_same_ends_differ_by_their_numbers() -> None:
    """Bars of classes that are shortened alike do not have the same label."""
    names = ClassNames((*(f"dark grey shape {k}, second batch" for k in range(999)), "cat"))
    short = [names.short(k) for k in range(1_000)]
    assert len(set(short)) == 1_000
    assert max(map(len, short)) <= 12
    assert (short[28], short[-1]) == ("dark gr…28", "cat")
