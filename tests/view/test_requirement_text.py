"""A row's own claim: what it says, and when it keeps the suite's words."""

from __future__ import annotations

from typing import Any

import pytest

from securemnist._util import resources
from securemnist.backdoor import TRIGGERS, make_trigger
from securemnist.measures import MEASURES
from securemnist.results import policy
from securemnist.results.findings import Finding, Measurement, Requirement, Verdict, describe
from securemnist.view.class_names import ClassNames
from securemnist.view.requirement_text import WORDS, claim
from tests.report import hostile

ROWS = policy.load(resources.POLICY).requirements
WITHIN = {"threat": {"norm": "linf", "eps": 0.3}, "images": 10_000}
PGD = {"attack": {"use": "PGD", "steps": 40}}
NO_BREAK = "\N{NO-BREAK SPACE}"
CORNER = {"kind": "corner", "size": 4, "value": 1.0, "corner": "bottom_right"}


def unmeasured(row: Requirement) -> Finding:
    """The row of a suite with one claim for all."""
    return row.unmeasured(Verdict.NOT_RUN, "", claim="The suite's own words.")


def finding_of(measure: str, settings: dict[str, Any], **bound: float) -> Finding:
    """A row with these settings and this bound."""
    row = Requirement(id="R", measure=measure, because="", settings=settings, **bound)  # type: ignore[arg-type]
    return unmeasured(row)


@pytest.mark.parametrize(
    ("measure", "settings", "bound", "words"),
    [
        (
            "robust_accuracy",
            WITHIN | {"attack": {"use": "PGD", "steps": 100, "restarts": 3, "loss": "margin"}},
            {"at_least": 0.87},
            "Under 100 steps and 3 starts of PGD, with no pixel changed by more than 0.3, at least "
            "87 % of 10,000 images keep their class.",
        ),
        (
            "robust_accuracy",
            {"threat": {"norm": "l2", "eps": 1.5}},
            {"at_least": 0.875},
            "Under the ladder of attacks (standard), with a change of L2 norm 1.5 at most, at least "
            "87.5 % of all test images keep their class.",
        ),
        (
            "attack_accuracy",
            WITHIN | {"attack": {"use": "art:DeepFool"}, "seconds": 30},
            {"at_least": 0.8},
            "Under ART's DeepFool, with no pixel changed by more than 0.3, at least 80 % of up to "
            "10,000 images keep their class.",
        ),
        (
            "certified_accuracy",
            {"threat": {"norm": "linf", "eps": "8/255"}},
            {"at_least": 0.5},
            "By proof, with no pixel changed by more than 8/255, at least 50 % of all test images "
            "keep their class.",
        ),
        (
            "certified_accuracy",
            WITHIN,
            {"at_least": 0.5},
            "By proof, with no pixel changed by more than 0.3, at least 50 % of 10,000 images keep "
            "their class.",
        ),
        (
            "backdoor_success",
            {"trigger": CORNER, "target": 8},
            {"at_most": 0.02},
            "A 4x4 square of brightness 1, bottom right, turns at most 2 % of the images of other "
            "classes into an 8.",
        ),
        (
            "backdoor_success",
            {"trigger": CORNER, "target": "pair"},
            {"at_most": 0.1},
            "A 4x4 square of brightness 1, bottom right, turns at most 10 % of the images of any one "
            "class into any one other.",
        ),
        (
            "latency_ratio",
            {"batch": 1000, "against": "network_c"},
            {"at_most": 2},
            "A batch of 1,000 images takes at most 2 times as long as network_c needs, timed in turn.",
        ),
        (
            "latency_ratio",
            {},
            {"at_most": 1},
            "One image takes at most as long as network A needs, timed in turn.",
        ),
        (
            "backdoor_success",
            {"trigger": {"kind": "pixels"}, "target": "next"},
            {"at_most": 0.02},
            "4 single pixels of brightness 1 turn at most 2 % of the images of other classes into the "
            "next class.",
        ),
        (
            "poisoned_share",
            {},
            {"at_most": 0},
            "None of all training images is in a group of wrong labels and one feature.",
        ),
        (
            "outlier_false_positives",
            {"against": "turned", "images": 1000},
            {"at_most": 0.6},
            "At most 60 % of images turned by a quarter pass a limit of the score that 95 % of 1,000 "
            "images pass.",
        ),
        (
            "service_violations",
            {"control": "authentication"},
            {"at_most": 0},
            "Without a valid token nothing is answered.",
        ),
        (
            "service_violations",
            {"control": "methods", "endpoint": "https://a.example/v2/models/m"},
            {"at_most": 2},
            "At https://a.example/v2/models/m paths answer to their own methods only, but for 2 checks.",
        ),
        (
            "static_findings",
            {"level": "medium"},
            {"at_most": 0},
            "Bandit and Semgrep find nothing of medium severity or above that is not accepted.",
        ),
    ],
)
def test_the_sentence(
    measure: str, settings: dict[str, Any], bound: dict[str, float], words: str
) -> None:
    """A row names its attack, its threat, its images and its threshold."""
    phrase = claim(finding_of(measure, settings, **bound))
    assert phrase.replace(NO_BREAK, " ") == words
    assert f"{NO_BREAK}%" in phrase or "%" not in words


@pytest.mark.parametrize("target", [1, "dog"])
def test_a_target_class_has_its_name(target: int | str) -> None:
    """A claim names the target class as the data do, whether the policy has its number or its name."""
    row = finding_of("backdoor_success", {"trigger": CORNER, "target": target}, at_most=0.02)
    assert claim(row, ClassNames(("cat", "dog"))).endswith("of other classes into the class dog.")


def test_a_class_called_like_a_rule_keeps_its_number() -> None:
    """A class named "all" is not mistaken for all classes."""
    row = finding_of("backdoor_success", {"trigger": CORNER, "target": 1}, at_most=0.02)
    assert claim(row, ClassNames(("none", "all"))).endswith("of other classes into a 1.")


def test_all_images_are_counted() -> None:
    """A claim on all images says how many they are where they have been measured."""
    row = Requirement(id="C", measure="clean_accuracy", because="", at_least=0.9)
    measurement = Measurement(value=1, low=0.5, high=1, n=5, complete=True, seconds=0, seed=0)
    phrase = claim(row.judge(measurement)).replace(NO_BREAK, " ")
    assert phrase == "Of all 5 test images, unmodified, at least 90 % are classified correctly."


@pytest.mark.parametrize("kind", TRIGGERS)
def test_a_trigger_as_it_is_by_default(kind: str) -> None:
    """What a policy leaves out of a trigger is described as what is measured then, and by its kind."""
    short = {"kind": kind}
    phrase = [
        claim(finding_of("backdoor_success", {"trigger": trigger, "target": 7}, at_most=0.1))
        for trigger in (short, make_trigger(short).to_json())
    ]
    assert phrase[0] == phrase[1] != "The suite's own words."
    assert "trigger corner" in describe({"trigger": {}})


def test_eps_of_a_curve_is_a_fraction_where_it_was_one() -> None:
    """A curve is described as a policy writes it, and a long one by its number of points."""
    assert describe({"curve": [0.0, 8 / 255, 0.1]}) == "curve 0 8/255 0.1"
    assert describe({"curve": [0.1] * 5}) == "curve of 5"


def test_a_naive_attack_is_described_as_any_other() -> None:
    """The naive attack is described by its name and settings, after the word naive."""
    assert describe({"naive": {"use": "PGD", "steps": 5}}) == "naive PGD steps=5"


def test_every_measure_has_a_claim_in_words() -> None:
    """A measure that is added says what its rows claim."""
    assert set(WORDS) == set(MEASURES)


def test_no_two_rows_of_the_policy_claim_the_same() -> None:
    """Every bundled row has a claim of its own."""
    claims = [claim(unmeasured(row)) for row in ROWS]
    assert len(set(claims)) == len(ROWS)
    assert "The suite's own words." not in claims


@pytest.mark.parametrize(
    ("measure", "settings"),
    [
        ("their_own_measure", {}),
        ("robust_accuracy", {}),
        ("robust_accuracy", {"threat": "linf"}),
        ("robust_accuracy", {"threat": {"norm": "l7", "eps": 0.3}}),
        ("robust_accuracy", {"threat": {"norm": "linf", "eps": float("nan")}}),
        ("robust_accuracy", WITHIN | {"attack": "PGD"}),
        ("robust_accuracy", WITHIN | {"attack": {"use": "PGD", "steps": "40"}}),
        ("backdoor_success", {"trigger": CORNER, "target": "none"}),
        ("backdoor_success", {"trigger": {"kind": "sticker"}, "target": 7}),
        ("latency_ratio", {"batch": -1}),
    ],
)
def test_what_it_cannot_say_the_suite_says(measure: str, settings: dict[str, Any]) -> None:
    """A measure that is unknown, or settings of another form, leave the suite's claim."""
    assert claim(finding_of(measure, settings, at_least=0.5)) == "The suite's own words."


@pytest.mark.parametrize("text", hostile.TEXTS, ids=lambda text: ascii(text[:12]))
def test_a_claim_is_one_short_line(text: str) -> None:
    """Whatever a policy calls its attack, the claim is one line and not endless."""
    phrase = claim(finding_of("robust_accuracy", WITHIN | {"attack": {"use": text}}, at_least=0.5))
    assert len(phrase) < 400
    assert phrase.replace(NO_BREAK, " ").isprintable()
