"""The page of a run: its charts and tables hold the numbers of the JSON files."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from securemnist.pipeline import charts, comparisons, page
from securemnist.pipeline.charts import Series
from securemnist.pipeline.documents import Measured, Scenario
from securemnist.view.class_names import NUMBERS
from securemnist.view.numbers import percent
from tests.pipeline import example
from tests.report.markup import Markup


@pytest.fixture(scope="module")
def html() -> str:
    """The page of the made-up run."""
    return page.render(example.summary(), example.scenarios(), example.pictures()).decode()


def every() -> Iterator[Measured]:
    """All measurements of the made-up run."""
    for scenario in example.scenarios().values():
        yield from scenario.measured


def test_every_number_of_the_json_is_on_the_page(html: str) -> None:
    """Each value that the page compares is in a table, and its percent is in a chart."""
    text = Markup(html).text
    shown = [one for one in every() if one.measure != "latency_ratio"]
    adversarial = example.scenarios()["adversarial-training"].measured
    for one in shown:
        if one.measure == "clean_accuracy" and one not in adversarial:
            continue  # of the first scenario: its matrix is shown
        assert f"{one.value:.4f}" in text, one
    for scenario in ("adversarial-training", "poisoning"):
        for one in example.scenarios()[scenario].measured:
            assert f"{100 * one.value:.1f} %" in text, one


def test_success_of_each_class_is_drawn_and_tabled() -> None:
    """The chart by class has the rate of each class of both networks; the target has a dash."""
    scenario = example.scenarios()["poisoning"]
    exhibit = comparisons.trigger_by_class(scenario, NUMBERS)
    picture, rows = exhibit.panels[0].picture, exhibit.table.rows if exhibit.table else ()
    for place, name in enumerate((example.BASELINE, example.POISONED)):
        found = scenario.find(name, "backdoor_success")
        assert found is not None
        assert found.per_class is not None
        for label, rate in enumerate(found.per_class):
            assert f">{percent(rate)}<" in picture
            assert rows[label][1 + place] == ("–" if rate is None else f"{rate:.4f}")


def test_bars_are_as_long_as_their_shares() -> None:
    """A bar of twice the share is twice as long."""
    picture = charts.bars(["x"], [Series("one", [0.4]), Series("two", [0.8])], alt="")
    widths = [
        float(w) for w in re.findall(r'height="11.5"[^>]*|width="([\d.]+)" height="11', picture)
    ]
    assert len(widths) == 2
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.02)


def test_training_curve_has_a_mark_per_epoch() -> None:
    """Each epoch of each curve has a marker; an epoch without a number has none."""
    curves = [Series("training", [0.1, 0.2, 0.3]), Series("tuning", [0.4, None, 0.5])]
    picture = charts.epochs(curves, shares=True, alt="")
    assert picture.count("<circle") == 3 + 1  # and one in the legend
    assert picture.count('z"/>') == 2 + 1
    assert charts.epochs([Series("loss", [0.5])], shares=False, alt="").count("<circle") == 2


def test_confusion_matrices_clean_attacked_and_triggered(html: str) -> None:
    """The page has the matrices clean, under attack and with the trigger, with their counts."""
    text = Markup(html).text
    for right in (310, 110, 30):
        assert f"{right} of 400 images are classified correctly" in text
    for words in ("correctly under attack, 370 without", "correctly with the trigger, 390 without"):
        assert words in text


def test_doubts_are_on_the_page(html: str) -> None:
    """A doubt stands in its section with its reason, in the table and in the main numbers."""
    text = Markup(html).text
    assert "weak attack: cheap attacks break 8 survivors" in text
    assert "200 images; in doubt" in text


def test_timings_that_were_not_taken_have_their_reason() -> None:
    """Without timings the page says why; it has no table of them."""
    summary, scenarios = example.summary(), example.scenarios(timed=False)
    text = Markup(page.render(summary, scenarios, {}).decode()).text
    assert "Not measured: busy." in text
    assert "poisoned from the cache" in text
    assert "µs an image" not in text


def test_page_is_self_contained(html: str) -> None:
    """No script, no address but of pictures and the files beside it, a strict content policy."""
    markup = Markup(html)
    assert "script" not in markup.tags
    assert not any(name.startswith("on") or name == "style" for name in markup.attributes)
    links = [link for link in markup.values("href") if not link.startswith("#")]
    assert set(links) == {
        "data:,",
        "summary.json",
        *(f"{name}.json" for name in example.scenarios()),
    }
    assert all(source.startswith("data:image/png;base64,") for source in markup.values("src"))
    policy = next(text for text in markup.values("content") if "default-src" in text)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_equal_documents_give_equal_pages(html: str) -> None:
    """The page depends on documents and pictures alone, and documents survive their files."""
    read = {name: Scenario.from_json(one.to_json()) for name, one in example.scenarios().items()}
    assert page.render(example.summary(), read, example.pictures()).decode() == html
