"""What attacks and doubts of a row see: mean answers, a defence's copy, hidden gradients."""

from __future__ import annotations

import dataclasses

from securemnist.evaluation.adaptive_stages import GRADIENTS, STAGES
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import hidden_by_rounding, model_doubts
from securemnist.evaluation.doubts.gradients import ADVICE
from securemnist.evaluation.eot import mean_context
from securemnist.evaluation.ladder_run import Further, LadderRun
from securemnist.evaluation.ladders import LADDER
from securemnist.measures.threat_settings import AttackSettings
from securemnist.results.findings import Doubt


def attack_context(context: Context, settings: AttackSettings) -> Context:
    """The context of attacks: the subject, or the mean of its outputs."""
    return mean_context(context) if settings.randomised else context


def doubt_context(context: Context, settings: AttackSettings) -> Context:
    """The context of doubts: that of attacks, without the copy that a defence declares.

    So a defence can add an attack by its copy, and never remove a doubt about the defended model.
    """
    if context.subject.attacked is None:
        return attack_context(context, settings)

    def itself() -> Context:
        subject = dataclasses.replace(context.subject, attacked=None)
        return dataclasses.replace(context, subject=subject, cache={})

    return attack_context(context.cached("defended model itself", itself), settings)


def further_stages(context: Context, settings: AttackSettings, images: int) -> Further | None:
    """More stages for a ladder whose attacks lack the model's gradient; None where they have it.

    Behind a defence they follow on any search, and attack the defended model itself. `images` of the
    row: the doubt is asked about as many.
    """
    defended = context.subject.attacked is not None
    if context.subject.remote is not None or not (defended or settings.attack["use"] == LADDER):
        return None
    itself = doubt_context(context, settings)
    doubts = [
        doubt
        for threat in settings.within
        for doubt in model_doubts(itself, threat, images, randomised=settings.randomised)
    ]
    if defended or any(doubt.name == GRADIENTS for doubt in doubts):
        return Further(STAGES, itself)
    return None


def settle_gradients(
    context: Context, settings: AttackSettings, run: LadderRun, doubts: tuple[Doubt, ...]
) -> tuple[tuple[Doubt, ...], bool]:
    """The doubts that are left, and whether `gradients` was settled: rounding alone hides the gradient.

    Only where the further stages ran, and of a model whose answers are not random. All other doubts
    apply to these stages as to any search.
    """
    # A doubt of the user's own may have the same name, and stays.
    left = tuple(one for one in doubts if (one.name, one.advice) != (GRADIENTS, ADVICE))
    if left == doubts or not run.further or settings.randomised:
        return doubts, False
    survivors = run.outcomes.undecided
    x, y = run.sample.x[survivors], run.sample.y[survivors]
    itself = doubt_context(context, settings)
    settled = all(hidden_by_rounding(itself, threat, x, y) for threat in settings.within)
    return (left, True) if settled else (doubts, False)
