"""docs/sources.md: published and reproduced numbers of each source system, and why they differ.

`python -m benchmarks.sources.page` writes it anew from the stored figures.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sources import built, threats
from benchmarks.sources.reasons import REASONS, STANDS_FOR, Reason
from benchmarks.sources.systems import SEEDS, SYSTEMS
from securemnist.references import published
from securemnist.references.published import Claim

DOCS = Path(__file__).parents[2] / "docs"
PAGE, DATA = DOCS / "sources.md", DOCS / "sources.json"
# System -> one entry a seed -> role -> figures.
Measured = Mapping[str, Sequence[Mapping[str, Mapping[str, Any]]]]


def render(measured: Measured) -> str:
    """The page as Markdown; equal figures give equal bytes."""
    lines = [
        "# The source systems, reproduced",
        "",
        "Four student projects attacked and defended an MNIST classifier and published numbers.",
        "This page compares those with our reproduction of their recipes by `nox -s sources`.",
        f"Values are mean and range over {len(SEEDS)} seeds, on 10,000 test samples; pixels are",
        "in [0, 1]. B does not describe its network: A's networks are used for it.",
    ]
    claims = published.load()
    for system in "ABCD":
        lines += ["", f"## System {system}", ""]
        lines += [
            "| claim | published | measured | reason for the difference |",
            "|---|---|---|---|",
        ]
        lines += [_row(claim, measured) for claim in claims if claim.system == system]
        if system == "B":
            lines += built.rows(measured[STANDS_FOR["B"]])
        if system == "D":
            lines += built.rows_of_d()
    return "\n".join([*lines, *_hidden(measured), *threats.rows(), ""])


def _row(claim: Claim, measured: Measured) -> str:
    reason = REASONS[claim.system, claim.what]
    seeds = measured[STANDS_FOR.get(claim.system, claim.system)]
    values = [reason.figure(seed[reason.role]) for seed in seeds]
    what = claim.what if claim.eps is None else f"{claim.what}, eps {claim.eps:g}"
    return f"| {what} | {_published(claim)} | {_shown(values, reason)} | {reason.why} |"


def _published(claim: Claim) -> str:
    if claim.microseconds is not None:
        return f"{claim.microseconds:.1f} us an image"
    loss = "" if claim.loss is None else f", loss {claim.loss:.4f}"
    return f"{claim.accuracy:.2%}{loss}"


def _shown(values: list[dict[str, float]], reason: Reason) -> str:
    if reason.unit == "us":
        return f"{spread([v['microseconds'] for v in values], '{:.0f}')} us an image"
    loss = spread([v["loss"] for v in values], "{:.4f}")
    return f"{spread([v['accuracy'] for v in values], '{:.2%}')}, loss {loss}"


def spread(values: Sequence[float], form: str) -> str:
    """Mean and range over seeds."""
    low, mean, high = (form.format(v) for v in (min(values), statistics.mean(values), max(values)))
    return f"{mean} ({low} to {high})"


def _hidden(measured: Measured) -> list[str]:
    """Measurements of the same networks that the sources did not make."""
    lines = [
        "",
        "## Limits of the published numbers",
        "",
        "A and C attack the undefended network once, train on that set, and measure on such a set",
        "of test samples. The network learns to classify the other network's FGSM examples. In",
        "this table FGSM attacks the hardened network itself. PGD with 40 steps and two restarts",
        "(1,000 test samples) is a stronger attack. All are at the eps of the claim.",
        "",
        "| network | eps | clean | the baseline's FGSM set | FGSM | PGD-40 |",
        "|---|---|---|---|---|---|",
    ]
    for name in SYSTEMS:
        for role in ("baseline", "robust"):
            lines.append(_attack_row(name, role, measured))
    lines += [
        "",
        "None of them reports the attack success rate of the trigger: the share of samples of",
        "other classes that are predicted as 7 with it. Accuracy on sevens with the trigger",
        "cannot show a backdoor.",
        "",
        "| network | poisoned samples | clean | accuracy on triggered sevens | attack success rate |",
        "|---|---|---|---|---|",
    ]
    for name, system in SYSTEMS.items():
        lines.append(_trigger_row(name, "baseline", "none", measured))
        if system.poisoned is not None and (poison := system.poisoned.poison) is not None:
            dose = f"{poison.count}, {poison.kind.replace('_', ' ')}"
            lines.append(_trigger_row(name, "poisoned", dose, measured))
    lines += [
        "",
        "C relabelled 100 triggered samples but measured its baseline; [Backdoors](backdoor.md)",
        "shows the effect of 100 such samples.",
    ]
    lines += [
        "",
        "B and C do not state their eps. Accuracy of the undefended networks under FGSM at",
        "several eps, on 1,000 test samples (mean over the seeds):",
        "",
        "| network | " + " | ".join(f"{eps:g}" for eps, _ in _curve("A", measured)) + " |",
        "|---|" + "---|" * len(_curve("A", measured)),
    ]
    for name in SYSTEMS:
        lines.append(
            f"| {name} | " + " | ".join(f"{a:.1%}" for _, a in _curve(name, measured)) + " |"
        )
    return lines


def _attack_row(name: str, role: str, measured: Measured) -> str:
    def of(figure: Callable[[Mapping[str, Any]], float]) -> str:
        return spread([figure(seed[role]) for seed in measured[name]], "{:.1%}")

    cells = [
        of(lambda f: f["clean"]["accuracy"]),
        of(lambda f: f["fgsm_of_baseline"]["accuracy"]),
        of(lambda f: f["fgsm"]["accuracy"]),
        of(lambda f: f["pgd_accuracy"]),
    ]
    return f"| {name}, {role} | {SYSTEMS[name].eps:g} | {' | '.join(cells)} |"


def _trigger_row(name: str, role: str, dose: str, measured: Measured) -> str:
    def of(figure: Callable[[Mapping[str, Any]], float]) -> str:
        return spread([figure(seed[role]) for seed in measured[name]], "{:.2%}")

    cells = [
        of(lambda f: f["clean"]["accuracy"]),
        of(lambda f: f["target_class_triggered"]["accuracy"]),
        of(lambda f: f["success_rate"]),
    ]
    return f"| {name}, {role} | {dose} | {' | '.join(cells)} |"


def _curve(name: str, measured: Measured) -> list[tuple[float, float]]:
    curves = [seed["baseline"]["fgsm_curve"] for seed in measured[name]]
    return [
        (points[0][0], statistics.mean(accuracy for _, accuracy in points))
        for points in zip(*curves, strict=True)
    ]


if __name__ == "__main__":
    PAGE.write_text(render(json.loads(DATA.read_text())))
