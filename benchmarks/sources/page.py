"""docs/sources.md: what each source system claimed, what its recipe gives here, and why they differ."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

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
        "Four student projects attacked and defended an MNIST classifier and reported numbers. Here",
        "are their claims beside what their recipes give when they are trained and measured again, by",
        f"`nox -s sources`: {len(SEEDS)} seeds, mean and range over them, 10,000 test digits. Pixels",
        "are in [0, 1]. B does not describe its network: the networks of A stand for it.",
    ]
    claims = published.load()
    for system in "ABCD":
        lines += ["", f"## System {system}", ""]
        lines += ["| claim | published | measured | why |", "|---|---|---|---|"]
        lines += [_row(claim, measured) for claim in claims if claim.system == system]
    return "\n".join([*lines, *_hidden(measured), ""])


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
    """What the sources did not measure, of the same networks."""
    lines = [
        "",
        "## What these numbers do not show",
        "",
        "A and C attack the undefended network once, train on that set, and measure on the set of the",
        "test digits. Such a network reads the set: it has learnt what another network's FGSM examples",
        "look like. Here FGSM is made against the hardened network itself, and PGD with forty steps and",
        "two starts (1,000 test digits) looks further, all at the eps of the claim.",
        "",
        "| network | eps | clean | the baseline's FGSM set | FGSM | PGD-40 |",
        "|---|---|---|---|---|---|",
    ]
    for name in SYSTEMS:
        for role in ("baseline", "robust"):
            lines.append(_attack_row(name, role, measured))
    lines += [
        "",
        "The attack success rate of the trigger, which none of them reports: digits of other classes",
        "that it turns into sevens. An accuracy on sevens that carry it cannot show a backdoor.",
        "",
        "| network | poisoned digits | clean | sevens with the trigger read as 7 | attack success rate |",
        "|---|---|---|---|---|",
    ]
    for name, system in SYSTEMS.items():
        lines.append(_trigger_row(name, "baseline", "none", measured))
        if system.poisoned is not None and (poison := system.poisoned.poison) is not None:
            dose = f"{poison.count}, {poison.kind.replace('_', ' ')}"
            lines.append(_trigger_row(name, "poisoned", dose, measured))
    lines += [
        "",
        "C relabelled 100 marked digits but measured its baseline; what that dose does is in",
        "[Backdoors](backdoor.md).",
    ]
    lines += [
        "",
        "The eps that B and C do not print: FGSM on the undefended network at several eps, 1,000 test",
        "digits (mean over the seeds).",
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
