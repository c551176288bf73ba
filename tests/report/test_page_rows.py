"""Rows, exhibits and lists of the report page."""

from __future__ import annotations

import dataclasses
import re
from html import unescape

import pytest

from securemnist.report import page
from securemnist.results.findings import Verdict, Waiver
from securemnist.view import taxonomy
from tests.report import example
from tests.report.markup import Markup


@pytest.fixture(scope="module")
def html() -> str:
    """The page of the example."""
    return page.render(example.assessment()).decode()


def test_every_open_row_says_what_to_do(html: str) -> None:
    """The list at the top holds each open row, its sentence, the next step and the replay."""
    top = (
        Markup(html).text.partition("Blocking requirements")[2].partition("Waived requirements")[0]
    )
    rows = example.assessment().open_findings
    assert top.count("Next:") == top.count("Repeat") == len(rows)
    assert all(finding.requirement.id in top for finding in rows)


def test_words_of_commands_stay_whole(html: str) -> None:
    """Each word of a command is an element of its own, which no line breaks behind a hyphen."""
    commands = re.findall(r'<code>(<span class="word">.*?)</code>', html)
    assert len(commands) >= 2 * len(example.assessment().open_findings)
    for command in commands:
        words = re.findall(r'<span class="word">([^<]*)</span>', command)
        assert Markup(command).text == " ".join(map(unescape, words))
        assert all(" " not in word for word in words)


def test_a_row_tells_everything(html: str) -> None:
    """Claim, settings, interval, threshold, reason, named threats and seed stand with the row."""
    text = Markup(html).text
    for words in (
        "ADV-02 Under 40 steps of PGD, with no pixel changed by more than 0.1, at least 85 % of",
        "the suite's claim No perturbation of at most 0.1 a pixel",
        "robust_accuracy: PGD steps=40, linf 0.1, images 10000",
        "n = 10,000, the complete set",
        "required ≥ 0.85",
        "eps 0.1 is the mild setting",
        "AML.T0043.000 Craft Adversarial Data: White-Box Optimization",
        "LOCAL-7",
        "sensitivity 63/64 planted",
        "Images proved: 6,800 by interval bounds, 210 by CROWN, 3 by branch and bound.",
        "1,117 images without a proof: the lower bound of the margin is \N{MINUS SIGN}0.0123 at best",
        "weak attack : Square with 500 queries",
        "20261121",
        "--seed 20261121",
    ):
        assert words in text


def test_published_times_are_no_comparison(html: str) -> None:
    """Beside our microseconds stand those of the source systems, called what they are."""
    words = "system A 20.49 us (batch 1,000), system D 30.22 us: single runs on other machines"
    text = Markup(html).text
    assert text.index("microseconds an image 17.8") < text.index(f"published elsewhere {words}")


def test_a_tile_tells_both_confidences(html: str) -> None:
    """Below a broken image stands how sure the model was before, and how sure it is now."""
    assert re.search(r"\d → \d 100 → \d\d % #\d", Markup(html).text)


def test_rows_out_of_scope_are_listed_quietly(html: str) -> None:
    """A row that was not asked for is on the page, in none of the sections and with no verdict."""
    text = Markup(html).text
    assert text.count("ADV-10") == 2  # in its list and among the seeds
    assert "ADV-10" in text.partition("They say nothing about the model.")[2]
    assert re.search(r"<summary>\d+ rows?</summary>\n<ul class=.outside", html)


def test_missing_pictures_are_spoken_of(html: str) -> None:
    """A picture that could not be made leaves a reason in its place."""
    text = Markup(html).text
    assert "No picture, because not recorded: images before and after" in text


@pytest.mark.parametrize("red", [True, False])
def test_a_red_control_is_called_one(red: bool) -> None:
    """A reference model says what it is; one that is made to be refused says so beside the verdict."""
    first = example.assessment()
    subject = {**first.subject, "about": "trained with a backdoor", "red_control": red}
    text = Markup(page.render(dataclasses.replace(first, subject=subject)).decode()).text
    assert "Reference model: trained with a backdoor." in text
    assert ("A red control. This model was made to be refused." in text) is red


def test_each_family_shows_its_closest_call(html: str) -> None:
    """Before the sections stand, for each family, the number of its worst row and what was required."""
    text = Markup(html).text
    glance = text.partition("The tightest row of each family")[2]
    glance = glance.partition("Is the model right without an attack?")[0]
    for words in ("0.9861 ≥ 0.95 required", "0.8127 ≥ 0.85 required", "2 ≤ 0 required"):
        assert words in glance


def test_every_row_comes_before_its_own_pictures(html: str) -> None:
    """A picture stands inside of its row, and a section begins with a row."""
    sections = re.findall(r'<section id="family-.*?</section>', html, re.DOTALL)
    assert len(sections) == 5
    for section in sections:
        assert (
            section.index('<details class="row') < section.find("<figure")
            or "<figure" not in section
        )
    row = html[html.index('id="row-ADV-02"') : html.index('id="row-ADV-03"')]
    for title in ("Robust accuracy vs. epsilon", "Adversarial examples"):
        assert f"<b>{title}</b>" in row


def test_the_closest_call_says_that_it_is_waived() -> None:
    """A waived failure is marked as waived on its family's card, too."""
    assessment = example.assessment()
    waiver = Waiver(reason="for now", expires=assessment.day)
    failed = next(f for f in assessment.findings if f.in_scope and f.verdict is Verdict.FAIL)
    row = dataclasses.replace(failed.requirement, waiver=waiver)
    only = dataclasses.replace(assessment, findings=(dataclasses.replace(failed, requirement=row),))
    card = re.search(r'<li class="call.*?</li>', page.render(only).decode(), re.DOTALL)
    assert card is not None
    assert f"✗ FAIL ⚑ waived {row.id}" in Markup(card[0]).text


@pytest.mark.parametrize(
    ("identifier", "address"),
    [
        ("AML.T0043.000", "https://atlas.mitre.org/techniques/AML.T0043.000"),
        ("CWE-1039", "https://cwe.mitre.org/data/definitions/1039.html"),
        ("ML01:2023", "https://owasp.org/www-project-machine-learning-security-top-10/docs/"
         "ML01_2023-Input_Manipulation_Attack"),
        ("STRIDE:T", ""),
        ("CWE-1/../../x", ""),
        ("javascript:alert(1)", ""),
    ],
)  # fmt: skip
def test_identifiers_lead_to_their_pages(identifier: str, address: str) -> None:
    """Known entries have their official page, anything else has none."""
    assert taxonomy.url(identifier) == address


def test_examples_are_linked_where_they_lie_beside_the_page() -> None:
    """Picture, table and arrays of a row's examples are links, but only those that are there."""
    there = ["adversarial/ADV-02.png", "adversarial/ADV-02.csv", "adversarial/OTHER.npz"]
    html = page.render(example.assessment(), files=there).decode()
    links = {value for value in Markup(html).values("href") if value.startswith("adversarial/")}
    assert links == {"adversarial/ADV-02.png", "adversarial/ADV-02.csv"}


def test_static_places_are_named(html: str) -> None:
    """File, line and advice stand on the page, and what the baseline accepts or holds in vain."""
    text = Markup(html).text
    for words in (
        "postbox/loading.py:42: torch.load reads a pickle",
        "Load weights from safetensors.",
        "accepted by the baseline 3",
        "stale in the baseline 1; write it again with securemnist accept",
    ):
        assert words in text
