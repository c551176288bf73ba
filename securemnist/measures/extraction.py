"""Model extraction: how far a copy agrees that was trained on the model's answers alone.

Tramer et al. 2016 (arXiv 1609.02943); Orekondy et al. 2019 (arXiv 1812.02766). What counts is agreement,
the fidelity of Jagielski et al. 2020 (arXiv 1909.01838). A low one says nothing for the model where the
attack is weak, or where the copy is right as often as the model. So both are checked.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from securemnist._util.random_numbers import generator
from securemnist.errors import Inconclusive
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts.batch_dependence import TOGETHER
from securemnist.evaluation.pace import Pace
from securemnist.measures.base import (
    AnswerSettings,
    answer_seconds,
    bad_share,
    share_measurement,
    unreliable_reason,
)
from securemnist.measures.extraction_attack import ATTACKED, Agreement, Attacker, Stolen
from securemnist.measures.extraction_copy import taken
from securemnist.measures.membership import without_copies
from securemnist.results.evidence.privacy import ExtractionEvidence
from securemnist.results.families import PRIVACY
from securemnist.results.findings import Measurement
from securemnist.results.intervals import share_interval

_CONTROL = 10_000  # training images of the control, at most
_WELL = 0.8  # of the agreement above chance: below it the attack does not copy the control
_LESS_RIGHT = 0.05  # accuracy that answers to the attacker may have less than those to test images


class ExtractionSettings(AnswerSettings):
    """`queries`: answers that the attacker gets, each to another training image without its label.

    `labels_only`: the attacker sees classes and no scores. `images`: test images on which copy and model
    are compared. `eps`: L-infinity size of adversarial examples for the copy; they do not decide.
    """

    queries: Annotated[int, Field(ge=10, le=1_000_000)] = 5_000
    labels_only: bool = False
    eps: Annotated[float, Field(ge=0, le=1)] = 0.3

    @property
    def further_answers(self) -> int:
        """Questions to the model beside those about the test images, at most."""
        return self.queries + ATTACKED


def extraction_agreement(context: Context, settings: ExtractionSettings, seed: int) -> Measurement:
    """Share of test images on which a copy that learned the model's answers has the model's class.

    The attacker has training images without labels. Network A learns the answers: scores, or classes
    with `labels_only`. Where scores give a worse copy than that of the control, classes are tried, too;
    the better copy counts. The interval is exact (Clopper & Pearson), and its bound decides. A randomised
    model answers each question once, and is compared by the mean of eight answers.

    The control is network A, trained on true labels and copied in the same way. A pass needs an attack
    that copies the control well, and clearly better than the model. The copy must be right less often
    than the model. The model must be right more often than the most frequent label, and about as often
    on the attacker's images. Otherwise the row is inconclusive. So is one with fewer training images than
    `queries`.
    """
    attacker = _attacker(context, settings, seed)
    classes = attacker.classes
    control = attacker.control(labels_only=settings.labels_only)
    name = "labels" if settings.labels_only else "scores"
    copies = {name: attacker.copy(labels_only=settings.labels_only)}
    if name == "scores" and _worse(Agreement.of(copies[name].predictions, classes), control):
        copies["labels"] = attacker.copy(labels_only=True, number=2)
    agreements = {name: Agreement.of(copy.predictions, classes) for name, copy in copies.items()}
    best = max(agreements, key=lambda name: agreements[name].hits)
    agreement, copy = agreements[best], copies[best]
    labels = attacker.test.samples.labels
    wrong = classes != labels
    evidence = ExtractionEvidence(
        queries=settings.queries,
        agreements={name: one.share for name, one in agreements.items()},
        reference=control.share,
        chance=agreement.chance,
        errors=int(wrong.sum()),
        on_errors=_mean((copy.predictions == classes)[wrong]) if wrong.any() else None,
        accuracy=_mean(attacker.right),
        copy_accuracy=_mean(copy.predictions == labels),
        eps=settings.eps,
        transferred=attacker.transferred(copy.network, settings.eps),
    )
    asked = attacker.asked[:TOGETHER].images(), attacker.answered[:TOGETHER]
    reasons = (
        unreliable_reason(context, settings, *asked),
        *_reasons(attacker, agreement, control, copy),
    )
    return share_measurement(
        agreement.hits,
        agreement.n,
        complete=False,  # another copy would agree on other images
        evidence=evidence,
        inconclusive="; ".join(filter(None, reasons)),
    )


def _attacker(context: Context, settings: ExtractionSettings, seed: int) -> Attacker:
    """The attacker has the first of the training images in random order, the control the last."""
    train, rng = context.data.train, generator(seed, "extraction")
    order = without_copies(train, torch.randperm(len(train), generator=rng))
    if len(order) < settings.queries:
        raise Inconclusive(
            f"expected at least {settings.queries:,} different training images, one for each query, got "
            f"{len(order):,}; lower `queries`, or add images to the data (docs/data.md)"
        )
    return Attacker(
        context,
        asked=train[order[: settings.queries]],
        others=train[order[-_CONTROL:]],
        test=context.sample(settings.images, seed),
        seed=seed,
        randomised=settings.randomised,
    )


def _worse(agreement: Agreement, control: Agreement) -> bool:
    """Whether the model is clearly copied less well than the control: their intervals do not meet."""
    return agreement.interval[1] < control.interval[0]


def _reasons(
    attacker: Attacker, agreement: Agreement, control: Agreement, copy: Stolen
) -> list[str]:
    """Why a low agreement says nothing for the model."""
    labels, reasons = attacker.test.samples.labels, []
    if control.above_chance < _WELL:
        reasons.append(
            f"the attack copies a network without defence to {control.share:.1%}; raise `queries`"
        )
    elif not _worse(agreement, control):
        reasons.append(
            f"a network without defence is not copied clearly better ({control.share:.2%}), so that a "
            "low agreement is no merit of the model"
        )
    right, copy_right = attacker.right, copy.predictions == labels
    lost, gained = int((right & ~copy_right).sum()), int((copy_right & ~right).sum())
    if not lost or share_interval(lost, lost + gained)[0] <= 0.5:
        reasons.append(
            f"the copy is right about as often as the model ({_mean(copy_right):.2%} and "
            f"{_mean(right):.2%}), so that it is stolen however little both agree"
        )
    most_frequent = int(torch.bincount(labels).max()) / len(labels)
    if _interval(right)[0] <= most_frequent:
        reasons.append(
            f"the model is right for {_mean(right):.1%} of the images, about the share of the most "
            "frequent label, so that there is nothing to copy"
        )
    asked = attacker.answered.argmax(1) == attacker.asked.labels
    if _interval(asked)[1] < _interval(right)[0] - _LESS_RIGHT:
        reasons.append(
            f"the attacker's images are answered less right ({_mean(asked):.1%}) than test images "
            f"({_mean(right):.1%}), so that other images may tell more"
        )
    return reasons


def _mean(hits: torch.Tensor) -> float:
    """The share of True in boolean (n,)."""
    return float(hits.double().mean())


def _interval(hits: torch.Tensor) -> tuple[float, float]:
    return share_interval(int(hits.sum()), len(hits))


def _estimate(settings: ExtractionSettings, pace: Pace) -> float:
    """Training takes a pass of network A for each image that it sees: the copies and the control."""
    seen = 2 * taken(settings.queries) + taken(_CONTROL)
    return answer_seconds(settings, pace) + seen * Pace().seconds


EXTRACTION_AGREEMENT = bad_share(extraction_agreement, ExtractionSettings, PRIVACY, _estimate)
