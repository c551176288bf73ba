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
from securemnist.results.findings import Verdict
from securemnist.view import glossary
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
        r"#[\w.-]+|assessment\.json|summary\.md|compare\.html|data:,|adversarial/[\w.-]+"
        r"|https://atlas\.mitre\.org/techniques/AML\.T[\d.]+"
        r"|https://owasp\.org/www-project-machine-learning-security-top-10/docs/ML\d\d_2023-\w+"
        r"|https://cwe\.mitre\.org/data/definitions/\d+\.html"
    )
    found |= {value for value in markup.values("href") if not local.fullmatch(value)}
    found |= {v for v in markup.values("src") if not v.startswith("data:image/png;base64,")}
    return found


def test_the_page_is_well_formed(html: str) -> None:
    """Tags balance, ids are unique, links lead to something on the page."""
    markup = Markup(html)
    ids = set(markup.values("id"))
    assert {href[1:] for href in markup.values("href") if href.startswith("#")} <= ids


def test_the_page_is_inert(html: str) -> None:
    """No script, no handler, no inline style, nothing loaded from elsewhere."""
    assert _forbidden(Markup(html)) == set()


def test_the_policy_allows_one_style_sheet_by_its_digest(html: str) -> None:
    """The browser has to accept our style sheet, pictures inside the page, nothing else."""
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
    """No verdict is shown by colour alone."""
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


def test_the_record_is_complete(html: str) -> None:
    """Environment, digests, recipe and the policy's text close the page."""
    text = Markup(html).text
    for words in ("torch 2.13.0", "71d0" * 16, "optimiser learning rate 0.001", "[[requirement]]"):
        assert words in text


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


def test_the_first_screen_says_when_on_what_and_how_long(html: str) -> None:
    """Commit, time, duration and policy stand beside the verdict, and the attack in the short list."""
    text = Markup(html).text.partition("Blocking requirements")[0]
    for words in (
        "commit 4c1f0e9b7ad2",
        "time 2026-11-21",
        "took",
        "policy security_tests/thresholds.toml",
    ):
        assert words in text
    assert "robust accuracy (PGD steps=40" in text


def test_a_run_without_a_commit_says_so() -> None:
    """Where no commit is known, the first screen and the record say so in whole words."""
    assessment = example.assessment()
    unknown = dataclasses.replace(assessment, environment={**assessment.environment, "commit": ""})
    text = Markup(page.render(unknown).decode()).text
    assert text.count("commit none recorded") == 2


def test_a_filter_without_a_script(html: str) -> None:
    """A choice for every verdict on the page, which the style sheet knows."""
    for kind in ("pass", "fail", "error", "inconclusive", "not-run"):
        assert f'id="show-{kind}"' in html
        assert f"main:has(#show-{kind}:checked) :is(details.row:not(.{kind})" in html


def test_the_glossary_ends_the_page(html: str) -> None:
    """Words of the page are explained at its end."""
    text = Markup(html).text.partition("The words on this page.")[2]
    for word in ("eps", "waiver", "FAIL"):
        assert " ".join(glossary.explain(word) or ()) in text
    assert "`" not in text
    assert "<code>securemnist init</code> writes one." in html


def test_an_older_version_decides_with_the_rows() -> None:
    """A comparison that failed turns page, summary, JSON and exit code; a green page it is not."""
    passing = tuple(f for f in example.findings() if f.passed)
    against = Against(
        name="m", commit="abc", digest="d", exit_code=1, why="1 requirement got worse"
    )
    assessment = example.assessment(findings=passing)
    assert assessment.exit_code == 0
    worse = dataclasses.replace(assessment, against=against)
    files = report.render(worse, {"compare.html": b""})
    text = Markup(files["index.html"].decode()).text
    assert "Do not merge" in text
    assert "against m@abc (d): 1 requirement got worse" in text
    assert 'href="compare.html"' in files["index.html"].decode()
    assert files["summary.md"].decode().startswith("## ✗ Do not merge:")
    assert json.loads(files["assessment.json"])["exit_code"] == 1
    again = Assessment.from_json(json.loads(files["assessment.json"]))
    assert again.exit_code == 1


def test_no_torch_is_needed() -> None:
    """The page is built where torch cannot be imported."""
    program = (
        "import sys; sys.modules['torch'] = None; sys.path.insert(0, '.')\n"
        "from tests.report import example\n"
        "from securemnist.report import page, markdown, terminal\n"
        "assert page.render(example.assessment())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
