"""A policy with a hole says so: a family without a row is named in the headline of every output."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console

from securemnist.measures import MEASURES
from securemnist.report import markdown, page
from securemnist.report.terminal import print_assessment
from securemnist.results.assessment import Assessment
from securemnist.results.families import FAMILIES
from securemnist.results.policy import parse
from securemnist.results.scope import Scope
from securemnist.view import unmeasured_families, wording
from tests.report.example import assessment, finding, measured, row

WORST = {
    "calibration_error",
    "outlier_false_positives",
    "backdoor_success",
    "poisoned_share",
    "latency_ratio",
    "membership_auroc",
    "extraction_agreement",
    "static_findings",
    "uncovered_threats",
    "unpinned_dependencies",
    "vulnerable_dependencies",
    "advisories_age_days",
    "unknown_provenance",
    "unsafe_loaders",
    "data_changes",
    "unverified_files",
}


def passed(*measures: str) -> Assessment:
    """An assessment of a complete policy with a passed row of each measure."""
    rows = []
    for name in measures:
        bound = {"at_most": 1.0} if name in WORST else {"at_least": 0.5}
        family = MEASURES[name].family
        rows.append(finding(row(f"R-{name}", name, **bound), measured(0.99), "", family))
    return assessment(findings=tuple(rows))


def printed(result: Assessment) -> str:
    """What the terminal shows."""
    text = io.StringIO()
    print_assessment(result, Console(file=text, width=200))
    return text.getvalue()


def test_every_measure_belongs_to_the_family_that_lists_it() -> None:
    """The families list exactly the measures of the table, and each has a topic of its own."""
    for family in FAMILIES.values():
        names = {name for name, measure in MEASURES.items() if measure.family == family}
        assert set(family.measures) == names
    assert len({family.topic for family in FAMILIES.values()} - {""}) == len(FAMILIES)


def test_a_policy_without_evasion_never_says_may_merge() -> None:
    """Terminal, summary and page name evasion as not spoken about, and none says "May merge"."""
    result = passed("clean_accuracy", "backdoor_success", "latency_ratio", "static_findings")
    assert result.exit_code == 0
    head = wording.headline(result)
    assert head.answer == "Nothing measured blocks a merge"
    assert head.why.endswith(
        "nothing is said about natural robustness, evasion, certified accuracy, privacy"
    )
    for text in (printed(result), markdown.render(result).decode(), page.render(result).decode()):
        assert "nothing is said about natural robustness, evasion, certified accuracy" in text
        assert "May merge" not in text


@pytest.mark.parametrize("evasion", ["robust_accuracy", "attack_accuracy", "certified_accuracy"])
def test_any_row_about_evasion_is_one(evasion: str) -> None:
    """Searches, single attacks and proofs are all said to be about evasion."""
    result = passed("clean_accuracy", evasion)
    assert wording.headline(result).answer == "May merge"


def test_a_policy_without_a_hole_names_none() -> None:
    """Where every family has a row in scope the headline is as short as before."""
    assert unmeasured_families.sentence(passed(*MEASURES)) == ""


def test_a_family_whose_rows_were_left_out_is_named() -> None:
    """A run of selected rows names the families without one, as `-m smoke` of pytest selects them."""
    result = passed("clean_accuracy", "attack_accuracy", "robust_accuracy", "latency_ratio")
    scope = [True, False, True, False]
    rows = zip(result.findings, scope, strict=True)
    some = tuple(dataclasses.replace(row, in_scope=chosen) for row, chosen in rows)
    sentence = unmeasured_families.sentence(dataclasses.replace(result, findings=some))
    assert sentence.endswith(", nor about latency (its rows were left out)")
    assert "evasion" not in sentence


def test_a_family_of_the_user_s_own_suite_counts() -> None:
    """A measure of another suite speaks for the family that it names."""
    own = finding(row("OWN-1", "blur_accuracy", at_least=0.5), measured(0.9), "", "adversarial")
    result = assessment(findings=(own,))
    assert "evasion" not in unmeasured_families.sentence(result)


def in_tiers(run: str, **measures: str) -> Assessment:
    """A run of one tier over a passing row of each measure in its own tier, through the scope."""
    bound = {name: {"at_most" if name in WORST else "at_least": 0.5} for name in measures}
    text = "".join(
        f'[[requirement]]\nid = "R-{name}"\nmeasure = "{name}"\nbecause = "a test"\ntier = "{tier}"\n'
        f"{next(iter(bound[name]))} = 0.5\n"
        for name, tier in measures.items()
    )
    policy = parse(text, "policy.toml")
    judged = {
        one.id: finding(one, measured(0.99), "", MEASURES[one.measure].family)
        for one in policy.requirements
        if not Scope(run).excludes(one)
    }
    return Scope(run).assessment(
        policy, judged, set(judged), subject={}, folder=Path(), processor="a processor"
    )


def test_a_family_whose_rows_are_in_a_higher_tier_is_named() -> None:
    """Terminal, summary and page say which families of the policy a smaller tier says nothing about."""
    result = in_tiers("smoke", clean_accuracy="smoke", robust_accuracy="full")
    assert result.exit_code == 0
    expected = ", nor about evasion (its rows are in a higher tier)"
    for text in (printed(result), markdown.render(result).decode(), page.render(result).decode()):
        assert expected in " ".join(text.split())
        assert "May merge" not in text
    two = in_tiers(
        "smoke", clean_accuracy="smoke", robust_accuracy="full", latency_ratio="standard"
    )
    named = ", nor about evasion, latency (their rows are in a higher tier)"
    sentence = unmeasured_families.sentence(two)
    assert sentence.startswith("nothing is said about")
    assert sentence.endswith(named)
    assert sentence.count("nothing is said") == 1


def test_a_family_with_one_row_in_the_tier_is_not_named() -> None:
    """One row in the run's tier is enough, and a run of the highest tier names no tier."""
    both = in_tiers(
        "standard", clean_accuracy="smoke", robust_accuracy="full", attack_accuracy="smoke"
    )
    assert unmeasured_families.out_of_scope(both) == {}
    full = in_tiers("full", clean_accuracy="smoke", robust_accuracy="full")
    assert "higher tier" not in unmeasured_families.sentence(full)
