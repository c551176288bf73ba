"""The rows of the example, family by family."""

from __future__ import annotations

import functools
from typing import Any

from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.latency import LatencyEvidence
from securemnist.results.evidence.static import StaticEvidence
from securemnist.results.findings import Doubt, Finding, Measurement, Verdict, Waiver
from tests.report.judged import finding, measured, row, with_replay
from tests.report.made_up import answers, gallery, hardest, rng_of, robustness

WHITE_BOX = ("AML.T0043.000", "AML.T0015", "ML01:2023", "CWE-1039", "STRIDE:T")


@functools.cache
def findings() -> tuple[Finding, ...]:
    """Rows of all families and all five verdicts, waived and out of scope included."""
    return (*_clean(), *_adversarial(), *_backdoor(), *_latency(), *_static(), *_outside())


def _clean() -> tuple[Finding, ...]:
    per_class = [0.9969, 0.9982, 0.9932, 0.9941, 0.9929, 0.9888, 0.9906, 0.9893, 0.9908, 0.9861]
    evidence = {"answers": answers(per_class), "per_class": per_class, "hardest": hardest(12)}
    return (
        finding(
            row("CLEAN-01", "clean_accuracy", at_least=0.97, tier="smoke"),
            measured(0.9921, evidence=CleanEvidence.from_json(evidence)),
            "The model reads unmodified images.",
            "clean",
        ),
        finding(
            row("CLEAN-02", "worst_class_accuracy", at_least=0.95, tier="smoke"),
            measured(0.9861, evidence=CleanEvidence(per_class=per_class)),
            "No class of images is given up for the others.",
            "clean",
        ),
    )


def _adversarial() -> tuple[Finding, ...]:
    doubt = Doubt(
        name="weak attack",
        reason="Square with 500 queries broke 17 of 512 images that PGD says survived",
        advice="Add FAB-T or APGD-DLR-T to the row's attacks and measure again.",
    )
    waiver = Waiver(reason="known regression, retraining is under way", expires="2026-12-31")
    old = Waiver(reason="waiting for the new training data", expires="2026-10-01")
    return (
        finding(
            row("ADV-01", "attack_accuracy", at_least=0.9, ids=WHITE_BOX, tier="smoke",
                settings=_setting("FGSM", 0.1)),
            measured(0.9524),
            "Images keep their class under one signed gradient step.",
            "adversarial",
        ),
        finding(
            row("ADV-02", "robust_accuracy", at_least=0.85, ids=WHITE_BOX, waiver=old,
                because="eps 0.1 is the mild setting of the certified-training literature",
                settings=_setting("PGD", 0.1, steps=40)),
            measured(0.8127, survived=True, certified=0.701, certified_low=0.692,
                     evidence=AttackEvidence.from_json(robustness())),
            "No perturbation of at most 0.1 a pixel changes more than 15 % of the answers.",
            "adversarial",
        ),
        finding(
            row("ADV-03", "robust_accuracy", at_least=0.5, ids=WHITE_BOX,
                settings=_setting("PGD", 0.2, steps=40)),
            measured(0.5341, survived=True, doubts=(doubt,)),
            "Half of the images survive a perturbation of 0.2 a pixel.",
            "adversarial",
        ),
        finding(
            row("ADV-04", "certified_accuracy", at_least=0.65,
                settings={"threat": {"norm": "linf", "eps": 0.1}}),
            measured(0.701, certified=0.701, certified_low=0.692),
            "Two thirds of the images are proved safe at eps 0.1.",
            "adversarial",
        ),
        finding(
            row("ADV-05", "robust_accuracy", at_least=0.7, settings=_setting("Square", 0.1)),
            measured(0.905, n=1000, survived=True),
            "An attacker without the weights gains little.",
            "adversarial",
        ),
        finding(
            row("ADV-06", "robust_accuracy", at_least=0.6, waiver=waiver,
                settings={"threat": {"norm": "l2", "eps": 2.0}}),
            measured(0.5127, survived=True),
            "Most images keep their class within an L2 distance of 2.",
            "adversarial",
        ),
        finding(
            row("ADV-07", "robust_accuracy", at_least=0.8, settings=_setting("PGD", 0.15)),
            measured(0.805, n=200, survived=True),
            "Four fifths of the images survive a perturbation of 0.15 a pixel.",
            "adversarial",
        ),
    )  # fmt: skip


def _setting(attack: str, eps: float, **more: Any) -> dict[str, Any]:
    return {
        "attack": {"use": attack, **more},
        "threat": {"norm": "linf", "eps": eps},
        "images": 10_000,
    }


def _backdoor() -> tuple[Finding, ...]:
    ids = ("AML.T0018.000", "AML.T0043.004", "ML10:2023", "CWE-506", "STRIDE:T/E", "LOCAL-7")
    evidence = {
        "per_class_asr": [0.02, 0.01, 0.05, 0.04, 0.03, 0.08, 0.02, None, 0.06, 0.04],
        "control": 0.011,
        "lift": 0.028,
        "trigger": {"size": 3, "value": 1.0, "corner": "bottom right"},
        "triggered_gallery": gallery(6, trigger=True),
    }
    return (
        finding(
            row("BACK-01", "backdoor_success", at_most=0.05, ids=ids,
                settings={"trigger": "square 3x3", "target": 7}),
            measured(0.0389, evidence=BackdoorEvidence.from_json(evidence)),
            "A white square in the corner does not decide the answer.",
            "backdoor",
        ),
        with_replay(
            row("BACK-02", "backdoor_success", at_most=0.05, ids=ids).unmeasured(
                Verdict.ERROR,
                "the reconstruction of the trigger did not converge: loss is nan after step 41",
                claim="No trigger that a search can find steers the answer.",
                family="backdoor",
            )
        ),
    )  # fmt: skip


def _latency() -> tuple[Finding, ...]:
    rng = rng_of(3)
    evidence = {
        "samples": {
            "model": [0.00114 + 0.0003 * rng.random() ** 3 for _ in range(80)],
            "kernel": [0.00081 + 0.0002 * rng.random() ** 3 for _ in range(80)],
        },
        "microseconds_per_image": 17.8,
        "published": [
            {"system": "A", "microseconds": 20.49, "batch": 1000},
            {"system": "D", "microseconds": 30.22, "batch": None},
        ],
    }
    ids = ("AML.T0029", "CWE-400", "STRIDE:D")
    measurement = Measurement(value=1.41, low=1.38, high=1.46, n=80, complete=False, seconds=3.1, seed=5,
                       unit="ratio", evidence=LatencyEvidence.from_json(evidence))  # fmt: skip
    return (
        finding(
            row("LAT-01", "latency_ratio", at_most=2.0, ids=ids, tier="smoke"),
            measurement,
            "The model takes no longer than its arithmetic explains.",
            "latency",
        ),
        with_replay(
            row("LAT-02", "latency_ratio", at_most=1.5, ids=ids).unmeasured(
                Verdict.NOT_RUN,
                "needs a machine without other load; the load average is 6.2 on 2 cores",
                claim="No input makes the model much slower than the others.",
                family="latency",
            )
        ),
    )


def _static() -> tuple[Finding, ...]:
    notice = {
        "tool": "bandit",
        "rule": "B301 pickle",
        "severity": "high",
        "file": "postbox/loading.py",
        "line": 42,
        "message": "torch.load reads a pickle that can execute code.",
        "advice": "Load weights from safetensors.",
    }
    other = {
        **notice,
        "tool": "semgrep",
        "rule": "torch-jit-load",
        "line": 57,
        "severity": "medium",
    }
    stale = {"tool": "bandit", "rule": "B301", "file": "old.py", "code": "pickle.load(f)"}
    evidence = {"files_scanned": 48, "excluded": ["tests/"], "static": [notice, other],
                "accepted": 3, "stale_baseline": [stale]}  # fmt: skip
    count = Measurement(value=2, low=2, high=2, n=48, complete=True, seconds=2.2, seed=0,
                        unit="count", evidence=StaticEvidence.from_json(evidence))  # fmt: skip
    none = Measurement(value=0, low=0, high=0, n=48, complete=True, seconds=9.2, seed=0,
                       unit="count", evidence=StaticEvidence(files_scanned=48, static=[]))  # fmt: skip
    return (
        finding(
            row("SAST-01", "static_findings", at_most=0, ids=("CWE-502", "ML06:2023", "STRIDE:E"),
                settings={"tool": "bandit"}, tier="smoke"),
            count,
            "The source that loads the model holds no pattern known to be dangerous.",
            "static",
        ),
        finding(
            row("SAST-02", "static_findings", at_most=0, settings={"tool": "semgrep"}),
            none,
            "The rules of this project find nothing.",
            "static",
        ),
    )  # fmt: skip


def _outside() -> tuple[Finding, ...]:
    rows = []
    for number, eps in enumerate((0.2, 0.25, 0.3), 8):
        requirement = row(f"ADV-{number:02d}", "robust_accuracy", at_least=0.4, tier="full",
                          settings=_setting("AutoAttack", eps))  # fmt: skip
        judged = requirement.unmeasured(
            Verdict.NOT_RUN, "out of scope", family="adversarial",
            claim=f"Images survive the strongest attacks at eps {eps:g}.",
        )  # fmt: skip
        rows.append(Finding(**{**judged.__dict__, "in_scope": False}))
    return tuple(rows)
