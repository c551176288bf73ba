"""Families of measures that a policy has no row of: a pass says nothing about them."""

from __future__ import annotations

from securemnist.results.assessment import Assessment

# Family: the measures whose rows speak about it, and its name in a sentence.
_MEASURES = {
    "clean": ("clean_accuracy", "worst_class_accuracy"),
    "adversarial": ("attack_accuracy", "robust_accuracy"),
    "certified": ("certified_accuracy",),
    "backdoor": ("backdoor_success",),
    "latency": ("latency_ratio",),
    "static": ("static_findings",),
}
_NAMES = {
    "clean": "unmodified samples",
    "adversarial": "evasion",
    "certified": "proofs",
    "backdoor": "backdoors",
    "latency": "latency",
    "static": "source code",
}


def without_row(assessment: Assessment) -> list[str]:
    """The families that the policy has no row of, whatever the scope of the run was."""
    rows = assessment.findings
    measured = {finding.requirement.measure for finding in rows}
    named = {finding.family for finding in rows}  # suites of the user's own say theirs
    return [
        family
        for family, measures in _MEASURES.items()
        if family not in named and not measured.intersection(measures)
    ]


def sentence(assessment: Assessment) -> str:
    """`nothing is said about evasion, latency`; "" where every family has a row."""
    names = ", ".join(_NAMES[family] for family in without_row(assessment))
    return f"nothing is said about {names}" if names else ""


def about_evasion(assessment: Assessment) -> bool:
    """Whether no row searches for adversarial examples, or proves that there are none."""
    return {"adversarial", "certified"}.issubset(without_row(assessment))
