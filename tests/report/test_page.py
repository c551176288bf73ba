"""The page: self-contained, equal for equal results, deaf to what outside text says."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import subprocess
import sys

import pytest

from securemnist import report
from securemnist.report import page
from securemnist.results.assessment import Against, Assessment
from securemnist.results.findings import Verdict, Waiver
from securemnist.view import glossary, taxonomy
from securemnist.view.wording import SYMBOLS
from tests.report import example, hostile
from tests.report.markup import Markup

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def html() -> str:
    """The page of the example."""
    return page.render(example.assessment()).decode()


def _forbidden(markup: Markup) -> set[str]:
    """Whatever could act: active elements, handlers, inline styles, links to elsewhere."""
    active = {"script", "iframe", "object", "embed", "form", "base", "evil-tag", "foreignobject"}
    found = markup.tags & active
    found |= {name for name in markup.attributes if name.startswith("on") or name == "style"}
    local = re.compile(
        r"#[\w-]+|assessment\.json|summary\.md|compare\.html|data:,|adversarial/[\w.-]+"
        r"|https://atlas\.mitre\.org/techniques/AML\.T[\d.]+"
        r"|https://owasp\.org/www-project-machine-learning-security-top-10/docs/ML\d\d_2023-\w+"
        r"|https://cwe\.mitre\.org/data/definitions/\d+\.html"
    )
    found |= {value for value in markup.values("href") if not local.fullmatch(value)}
    found |= {v for v in markup.values("src") if not v.startswith("data:image/png;base64,")}
    return found


def test_equal_assessments_give_equal_bytes() -> None:
    """A page depends on nothing but the assessment, even one that went through JSON."""
    first = example.assessment()
    again = Assessment.from_json(first.to_json())
    assert page.render(first) == page.render(again)


def test_the_page_is_well_formed(html: str) -> None:
    """Tags balance, ids are unique, links lead to something on the page."""
    markup = Markup(html)
    ids = set(markup.values("id"))
    assert {href[1:] for href in markup.values("href") if href.startswith("#")} <= ids


def test_the_page_is_inert(html: str) -> None:
    """No script, no handler, no inline style, nothing loaded from elsewhere."""
    assert _forbidden(Markup(html)) == set()


def test_the_policy_allows_one_style_sheet_by_its_digest(html: str) -> None:
    """The browser is told to accept our style sheet, pictures inside the page, nothing else."""
    sheet = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert sheet is not None
    digest = base64.b64encode(hashlib.sha256(sheet[1].encode()).digest()).decode()
    policies = [
        attributes["content"]
        for tag, attributes in Markup(html).elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    ]


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_symbol_and_word(html: str, verdict: Verdict) -> None:
    """No verdict is told by colour alone."""
    text = Markup(html).text
    assert f"{SYMBOLS[verdict]} {verdict.value}" in text


def test_the_first_words_answer_whether_to_merge(html: str) -> None:
    """Subject, answer, counts, scope and reasons come before any section."""
    text = Markup(html).text.partition("Skip to the verdict")[2]
    words = (
        "postbox-reader 2.3.0",
        "Do not merge",
        "2 requirements failed",
        "ADV-02 robust accuracy (PGD steps=40, linf 0.1) 0.8127 , required ≥ 0.85",
        "LAT-02 latency ratio no number , required ≤ 1.5",
        "standard tier, 15 of",
    )
    places = [text.index(word) for word in (*words, "Blocking requirements", "Waived requirements")]
    assert places == sorted(places)
    assert places[-1] < text.index("Is the model right without an attack?")


def test_every_open_row_says_what_to_do(html: str) -> None:
    """The list at the top holds each open row, its sentence, the next step and the replay."""
    top = (
        Markup(html).text.partition("Blocking requirements")[2].partition("Waived requirements")[0]
    )
    rows = example.assessment().open_findings
    assert top.count("Next:") == top.count("Repeat") == len(rows)
    assert all(finding.requirement.id in top for finding in rows)


def test_a_row_tells_everything(html: str) -> None:
    """Claim, settings, interval, threshold, reason, named threats and seed stand with the row."""
    text = Markup(html).text
    for words in (
        "ADV-02 Under 40 steps of PGD, with no pixel changed by more than 0.1, at least 85 % of",
        "the suite's claim No perturbation of at most 0.1 a pixel",
        "robust_accuracy: PGD steps=40, linf 0.1, digits 10000",
        "n = 10,000, the complete set",
        "required ≥ 0.85",
        "eps 0.1 is the mild setting",
        "AML.T0043.000 Craft Adversarial Data: White-Box Optimization",
        "LOCAL-7",
        "sensitivity 63/64 planted",
        "Digits proved: 6,800 by interval bounds, 210 by CROWN.",
        "1,117 digits without a proof: the lower bound of the margin is \N{MINUS SIGN}0.0123 at best",
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
    """Below a broken digit stands how sure the model was before, and how sure it is now."""
    assert re.search(r"\d → \d 100 → \d\d % #\d", Markup(html).text)


def test_the_record_is_complete(html: str) -> None:
    """Environment, digests, recipe and the policy's text close the page."""
    text = Markup(html).text
    for words in ("torch 2.13.0", "71d0" * 16, "optimiser learning rate 0.001", "[[requirement]]"):
        assert words in text


def test_rows_out_of_scope_are_listed_quietly(html: str) -> None:
    """A row that was not asked for is on the page, in none of the sections and with no verdict."""
    text = Markup(html).text
    assert text.count("ADV-10") == 2  # in its list and among the seeds
    assert "ADV-10" in text.partition("They say nothing about the subject.")[2]


def test_missing_pictures_are_spoken_of(html: str) -> None:
    """A picture that could not be made leaves a reason in its place."""
    text = Markup(html).text
    assert "No picture, because not recorded: digits before and after" in text


@pytest.mark.parametrize("text", hostile.TEXTS, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_inert(html: str, text: str) -> None:
    """Whatever the names, reasons, paths and policy say, the page stays whole and does nothing."""
    rendered = page.render(hostile.assessment(text)).decode()
    markup = Markup(rendered)
    assert _forbidden(markup) == set()
    assert len(rendered.encode()) < 3 * MEBIBYTE
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e]", rendered)
    # The same elements as in the tame page, but for the words between.
    assert markup.tags <= Markup(html).tags


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
    glance = text.partition("Closest to the threshold, per family")[2]
    glance = glance.partition("Is the model right without an attack?")[0]
    for words in ("0.9861 ≥ 0.95 required", "0.8127 ≥ 0.85 required", "2 ≤ 0 required"):
        assert words in glance


def test_every_row_comes_before_its_own_pictures(html: str) -> None:
    """A picture stands inside of its row, and a section begins with a row."""
    for section in re.findall(r'<section id="family-.*?</section>', html, re.DOTALL):
        assert (
            section.index('<details class="row') < section.find("<figure")
            or "<figure" not in section
        )
    row = html[html.index('id="row-ADV-02"') : html.index('id="row-ADV-03"')]
    for title in ("Robust accuracy vs. epsilon", "Adversarial examples"):
        assert f"<b>{title}</b>" in row


def test_the_first_screen_says_when_on_what_and_how_long(html: str) -> None:
    """Commit, time, duration and policy stand beside the verdict, and the attack in the short list."""
    text = Markup(html).text.partition("Blocking requirements")[0]
    for words in (
        "commit 4c1f0e9b7ad2",
        "time 2026-11-21",
        "measured for",
        "policy security_tests/thresholds.toml",
    ):
        assert words in text
    assert "robust accuracy (PGD steps=40" in text


def test_a_run_without_a_commit_says_so() -> None:
    """Where no commit is known, the first screen and the record say so in whole words."""
    made = example.assessment()
    unknown = dataclasses.replace(made, environment={**made.environment, "commit": ""})
    text = Markup(page.render(unknown).decode()).text
    assert text.count("commit none recorded") == 2


def test_the_closest_call_says_that_it_is_waived() -> None:
    """A waived failure is marked as waived on its family's card, too."""
    made = example.assessment()
    waiver = Waiver(reason="for now", expires=made.day)
    failed = next(f for f in made.findings if f.in_scope and f.verdict is Verdict.FAIL)
    row = dataclasses.replace(failed.requirement, waiver=waiver)
    only = dataclasses.replace(made, findings=(dataclasses.replace(failed, requirement=row),))
    card = re.search(r'<li class="call.*?</li>', page.render(only).decode(), re.DOTALL)
    assert card is not None
    assert f"✗ FAIL ⚑ waived {row.id}" in Markup(card[0]).text


def test_a_filter_without_a_script(html: str) -> None:
    """A choice for every verdict on the page, which the style sheet knows."""
    for kind in ("pass", "fail", "error", "inconclusive", "not-run"):
        assert f'id="show-{kind}"' in html
        assert f"main:has(#show-{kind}:checked) :is(details.row:not(.{kind})" in html


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


def test_the_glossary_ends_the_page(html: str) -> None:
    """Words of the page are explained at its end."""
    text = Markup(html).text.partition("The words on this page.")[2]
    for word in ("eps", "waiver", "FAIL"):
        assert " ".join(glossary.explain(word) or ()) in text


def test_an_older_version_decides_with_the_rows() -> None:
    """A comparison that failed turns page, summary, JSON and exit code; a green page it is not."""
    passing = tuple(f for f in example.findings() if f.passed)
    against = Against(
        name="m", commit="abc", digest="d", exit_code=1, why="1 requirement got worse"
    )
    made = example.assessment(findings=passing)
    assert made.exit_code == 0
    worse = dataclasses.replace(made, against=against)
    files = report.render(worse, {"compare.html": b""})
    text = Markup(files["index.html"].decode()).text
    assert "Do not merge" in text
    assert "against m@abc (d): 1 requirement got worse" in text
    assert 'href="compare.html"' in files["index.html"].decode()
    assert files["summary.md"].decode().startswith("## ✗ Do not merge:")
    assert json.loads(files["assessment.json"])["exit_code"] == 1
    again = Assessment.from_json(json.loads(files["assessment.json"]))
    assert again.exit_code == 1


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


def test_no_torch_is_needed() -> None:
    """The page is built where torch cannot be imported."""
    program = (
        "import sys; sys.modules['torch'] = None; sys.path.insert(0, '.')\n"
        "from tests.report import example\n"
        "from securemnist.report import page, markdown, terminal\n"
        "assert page.render(example.assessment())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
