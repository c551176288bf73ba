"""The table of stages: how many images each attack and certificate decided; accuracies of a defence."""

from __future__ import annotations

from securemnist.report import charts
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.defence import DefenceEvidence
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Panel, Table
from securemnist.view.numbers import plural, share


def table(_: Finding, evidence: AttackEvidence | DefenceEvidence, __: ClassNames) -> Exhibit | None:
    ran = evidence.waterfall
    if not ran or not ran[0].entered:  # no image was left to attack
        return None
    broken = sum(stage.fell for stage in ran)
    proved = sum(stage.proved for stage in ran)
    detail = f", {proved:,} proved" if proved else ""
    verb = "was" if broken == 1 else "were"
    caption = f"Of {plural(ran[0].entered, 'image')}, {broken:,} {verb} broken{detail}"
    several = isinstance(evidence, AttackEvidence) and bool(evidence.norms)
    open_ = "what the stages above it left open" + (" within its threat" if several else "")
    caption += f"; each stage works on {open_}." if ran[1:] else "."
    rows = tuple(
        (line(s.stage, 40), *(f"{n:,}" for n in (s.entered, s.proved, s.fell)), f"{s.seconds:.1f}",
         f"{s.over_budget:,}")
        for s in ran
    )  # fmt: skip
    head = ("stage", "entered", "proved", "broken", "seconds", "over budget")
    return Exhibit(
        kind="stages",
        title="Survivors after each attack",
        caption=caption,
        # One stage is one bar: its numbers say more.
        panels=(Panel(picture=charts.waterfall(ran, alt=caption)),) if ran[1:] else (),
        table=Table(head=head, rows=rows),
    )


def both_attacks(_: Finding, evidence: DefenceEvidence, __: ClassNames) -> Exhibit | None:
    """The accuracies of a defence under a naive and an adaptive attack."""
    naive, adaptive = evidence.naive_accuracy, evidence.adaptive_accuracy
    if naive is None and adaptive is None:
        return None
    rows = (
        (f"{line(evidence.naive, 40) or 'naive attack'}, unaware of the defence", share(naive)),
        ("adaptive search", share(adaptive)),
    )
    return Exhibit(
        kind="defence",
        title="Naive and adaptive attack",
        caption="What is left between both is false robustness: a better attack takes it away.",
        table=Table(head=("attack", "accuracy"), rows=rows),
    )
