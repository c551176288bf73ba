"""Accuracy under attack: `attack_accuracy` for any attack, `robust_accuracy` for a search.

Each broken digit is a witness that the referee has accepted. What survived survived this attack
only, so a pass reads PASS (survived), and a one-step attack may never carry the word robust.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from securemnist.evaluation.lab import Lab
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.outcomes import per_class
from securemnist.findings import Measurement
from securemnist.measures.base import SECONDS_PER_PASS, AttackSettings, Measure, share
from securemnist.threats import make_threat

CURVE_DIGITS = 500


class RobustSettings(AttackSettings):
    """`curve`: further eps at which the same attack is run on 500 digits, for the picture."""

    curve: list[float] = Field(default_factory=list, max_length=12)

    @model_validator(mode="after")
    def _not_one_step(self) -> RobustSettings:
        if self.the_attack().one_step:
            raise ValueError(
                f"a one-step attack ({self.attack['use']}) measures attack_accuracy, not "
                "robust_accuracy"
            )
        for eps in self.curve:
            make_threat(self.threat["norm"], eps)
        return self


def attack_accuracy(lab: Lab, settings: AttackSettings, seed: int) -> Measurement:
    """Share of test digits read right clean and under this one attack."""
    sample = lab.sample(settings.digits, seed)
    found = evaluate(lab, sample, [settings.the_attack()], settings.the_threat(), seed)
    evidence = found.outcomes.evidence()
    evidence |= {"per_class": per_class(evidence["confusion"]), "gallery": found.gallery()}
    return share(
        found.outcomes.standing,
        len(sample),
        complete=sample.complete,
        seed=seed,
        survived=True,
        evidence=evidence,
    )


def robust_accuracy(lab: Lab, settings: RobustSettings, seed: int) -> Measurement:
    """Share of test digits that withstand a search within the threat."""
    measured = attack_accuracy(lab, settings, seed)
    if not settings.curve:
        return measured
    attack, norm = settings.the_attack(), settings.threat["norm"]
    sample = lab.sample(min(CURVE_DIGITS, len(lab.data.test)), seed)
    points = []
    for eps in settings.curve:
        found = evaluate(lab, sample, [attack], make_threat(norm, eps), seed)
        accuracy = found.outcomes.standing / len(sample)
        points.append({"eps": eps, "accuracy": accuracy, "n": len(sample), "attack": attack.name})
    evidence = {**measured.evidence, "curve": points}
    return Measurement(**{**measured.__dict__, "evidence": evidence})


def _estimate(settings: AttackSettings) -> float:
    return settings.digits * settings.the_attack().passes() * SECONDS_PER_PASS


def _estimate_robust(settings: RobustSettings) -> float:
    curve = len(settings.curve) * CURVE_DIGITS * settings.the_attack().passes() * SECONDS_PER_PASS
    return _estimate(settings) + curve


ATTACK_ACCURACY = Measure(attack_accuracy, AttackSettings, "adversarial", _estimate)
ROBUST_ACCURACY = Measure(robust_accuracy, RobustSettings, "adversarial", _estimate_robust)
