"""The threats of an assessment in its report: a section, a page of their own, the summary."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from securemnist import report
from securemnist._util import resources
from securemnist.report import page, threats
from securemnist.results import policy
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Verdict
from tests.report import example, hostile
from tests.threat_model.models import HEAD, judged, threat, with_model

TEXT = resources.THREATS.read_text()
IDS = [row.id for row in policy.load(resources.POLICY).requirements]


def of_policy(*red: str, text: str = TEXT) -> Assessment:
    """The bundled rows, of which these fail and all others pass."""
    verdicts = {name: Verdict.FAIL if name in red else Verdict.PASS for name in IDS}
    return with_model(text, *(judged(name, verdict) for name, verdict in verdicts.items()))


def card(html: str, name: str) -> str:
    """The part of a page that is about one threat."""
    return html.partition(f'id="threat-{name}"')[2].partition("</details>")[0]


def test_a_red_row_turns_its_threat_red() -> None:
    """The saboteur: once SERVICE-07 fails, R-01 is failing in its card, the matrix and the section."""
    green, red = (report.render(of_policy(*rows)) for rows in ((), ("SERVICE-07",)))
    before, after = (files[threats.PAGE].decode() for files in (green, red))
    assert 'class="badge pass"' in card(before, "R-01")
    assert 'class="badge fail"' not in before
    assert 'class="badge fail"' in card(after, "R-01")
    assert 'href="index.html#row-SERVICE-07"' in card(after, "R-01")
    assert "1 of 23 threats is failing" in after
    assert re.search(r'<td class="fail"><a href="#threat-R-01">', after)
    assert re.search(r'class="fill-fail"[^>]*>✗ failing', after)
    index = red["index.html"].decode()
    section = index.partition('<section id="threat-model"')[2].partition("</section>")[0]
    assert '<td class="fail"><a href="threats.html#threat-R-01">' in section
    assert 'href="#row-SERVICE-07"' in section
    assert 'id="row-SERVICE-07"' in index
    assert "Threats: ✗ 1 failing" in red["summary.md"].decode()


def test_every_threat_and_mitigation_is_on_the_page() -> None:
    """The page has each threat with scenario and impact, and says which mitigations no row tests."""
    found = threats.of(of_policy())
    assert found is not None
    assert found.model is not None
    html = report.render(of_policy())[threats.PAGE].decode()
    for one in found.model.threats:
        part = unescape(card(html, one.id))
        assert one.title in part
        for text in (one.scenario, one.impact, *(m.text for m in one.mitigations)):
            assert text in part
        untested = sum(not m.requirements for m in one.mitigations)
        assert part.count("no row tests it") == untested
    assert "○ 5 uncovered" in re.sub(r"<[^>]+>", "", html)


def test_links_of_the_page_have_targets() -> None:
    """Each link inside a page, and each one from page to report, leads to an id that exists."""
    files = {name: content.decode() for name, content in report.render(of_policy()).items()}
    for name in ("index.html", threats.PAGE):
        links = re.findall(r'href="([a-z.]*)#([^"]+)"', files[name])
        assert len(links) > 20, name
        for target, anchor in links:
            assert f'id="{anchor}"' in files[target or name], (name, target, anchor)


def test_a_report_made_again_is_the_same(tmp_path: Path) -> None:
    """The page comes from assessment.json alone, and a report without a model has none."""
    files = report.render(of_policy("SERVICE-07"))
    again = report.render(Assessment.from_json(json.loads(files["assessment.json"])))
    assert files == again
    report.write(of_policy(), tmp_path / "reports")
    assert threats.PAGE not in report.others(tmp_path / "reports")
    plain = report.render(example.assessment())
    assert threats.PAGE not in plain
    assert "threat-model" not in plain["index.html"].decode()


@pytest.mark.parametrize("text", ["", "title = 1", 'title = "<script>"', HEAD])
def test_an_unreadable_model_is_said_to_be_one(text: str) -> None:
    """A stored model that cannot be read gives a sentence instead of statuses."""
    assessment = with_model(text, judged("A-1", Verdict.PASS))
    files = report.render(assessment)
    assert threats.PAGE not in files
    assert "The threat model cannot be read: threats.toml: expected" in files["index.html"].decode()
    assert "the threat model cannot be read" in files["summary.md"].decode()


def test_texts_of_a_model_do_not_act() -> None:
    """Markup in any text of the model stays text, on the page and in the drawing."""
    text = json.dumps(hostile.SCRIPT + "x")
    wild = re.sub(r'(title|description|scenario|impact|text) = "[^"]*"', rf"\1 = {text}", TEXT)
    assessment = of_policy(text=wild)
    found = threats.of(assessment)
    assert found is not None
    for html in (threats.render(assessment, found).decode(), page.render(assessment).decode()):
        assert "<script" not in html.lower()
        assert len(re.findall("<svg", html)) == html.count("</svg>")


def test_a_large_model_is_drawn() -> None:
    """Two hundred threats and a flow to itself do not break the page."""
    text = HEAD.replace('destination = "service"', 'destination = "client"')
    text += "".join(threat(f"T-{n}", "A-1", on="ask") for n in range(200))
    files = report.render(with_model(text, judged("A-1", Verdict.PASS)))
    assert "all 200 threats are covered" in files[threats.PAGE].decode()
    assert len(files[threats.PAGE]) < 3 << 20
