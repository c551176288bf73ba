"""Factors of the limits: two honest networks raise no doubt, and each impostor raises its own."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from securemnist import assessing
from securemnist.calibration.impostors import IMPOSTORS, Impostor
from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.evaluation.calibration import FACTORS, Calibration, Limits, Reference
from securemnist.evaluation.context import Context
from securemnist.initial_policy.kind import kind_of
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.threats import Linf
from securemnist.types import Progress, silent

# Images that doubts about the model use, and images that are attacked.
_IMAGES, _ATTACKED = 500, 96
_LADDER = {"use": "ladder", "budget": "smoke"}
_PGD = {"use": "PGD", "steps": 10}
# A reference is attacked where about a fifth to two fifths of its right predictions break.
_SURVIVING, _FINER, _MOST_EPS = 0.6, 2**-0.5, 24
_ABOVE_CHANCE = 0.1
DOUBTS = tuple(dict.fromkeys(impostor.doubt for impostor in IMPOSTORS))


@dataclasses.dataclass(frozen=True)
class _Honest:
    """An honest network on the images that are used, and the threat at which it is attacked."""

    subject: Subject
    data: DataSet
    threat: Linf

    def raised(self, attack: Mapping[str, Any], limits: Limits) -> frozenset[str]:
        """The names of the doubts about this attack on the network, with these limits."""
        return _raised(self.subject, self.data, self.threat, attack, limits)

    def catches(self, impostor: Impostor, limits: Limits) -> bool:
        """Whether the impostor around this network raises its doubt."""
        subject, data = self.subject, self.data
        images = data.test.images().to(subject.device)
        network = impostor.make(subject.model, self.threat, images)
        around = _subject(network.eval(), impostor.name, subject, data)
        attack = impostor.attack_at(self.threat.eps)
        return impostor.doubt in _raised(around, data, self.threat, attack, limits)


def calibrate(
    references: Sequence[Subject], data: DataSet, *, seconds: float, progress: Progress = silent
) -> Calibration:
    """Limits of the doubts for `data`, by honest networks; on tuning images, else on test images.

    UsageError for MNIST, for fewer than two different networks, for one near chance, and where it takes
    longer than `seconds`.
    """
    _check(references, data)
    end = time.monotonic() + seconds
    split = data.tuning if len(data.tuning) else data.test
    used = dataclasses.replace(data, test=split[:_IMAGES])
    total = 3 + len(IMPOSTORS)

    def step(done: int) -> None:
        progress("calibration", done, total)
        if time.monotonic() > end:
            raise UsageError(
                f"expected a calibration within the given time, got {done} of {total} steps; raise "
                "--calibrate-minutes"
            )

    step(0)
    honest = [_Honest(subject, used, _threat(subject, used)) for subject in references]
    step(1)
    factors = _without_doubts(honest)
    limits = Limits(factors, source="trial")
    missed = set()
    for number, impostor in enumerate(IMPOSTORS):
        step(2 + number)
        if not all(network.catches(impostor, limits) for network in honest):
            missed.add(impostor.doubt)
    step(total)
    return Calibration(
        data={"test": data.digest, **({"tuning": split.digest} if len(data.tuning) else {})},
        references=tuple(_reference(network) for network in honest),
        factors={name: factor for name, factor in factors.items() if name not in missed},
    )


def _check(references: Sequence[Subject], data: DataSet) -> None:
    if data.pinned:
        raise UsageError(
            "expected data other than MNIST, on which the limits of doubts were chosen, got MNIST; omit "
            "--calibrate"
        )
    if len({subject.digest for subject in references}) < 2:
        raise UsageError(
            "expected two different honest networks for a calibration, got one; name another"
        )


def _subject(network: nn.Module, name: str, like: Subject, data: DataSet) -> Subject:
    return loading.from_model(network, name=name, device=like.device, input_spec=data.spec)


def _context(subject: Subject, data: DataSet, limits: Limits) -> Context:
    return Context(subject, data, doubts=(), trial=limits)


def _raised(
    subject: Subject, data: DataSet, threat: Linf, attack: Mapping[str, Any], limits: Limits
) -> frozenset[str]:
    settings = {"attack": dict(attack), "threat": threat.to_json()}
    images = min(_ATTACKED, len(data.test))
    context = _context(subject, data, limits)
    found = assessing.measure(context, "robust_accuracy", {**settings, "images": images})
    return frozenset(doubt.name for doubt in found.doubts)


def _threat(subject: Subject, data: DataSet) -> Linf:
    """The largest eps at which most images survive PGD; UsageError for a network near chance."""
    context, images = _context(subject, data, Limits()), min(_ATTACKED, len(data.test))
    clean = assessing.measure(context, "clean_accuracy", {})
    chance = 1 / data.spec.classes
    if clean.low <= chance + min(chance, _ABOVE_CHANCE):
        raise UsageError(
            f"expected an honest network clearly better than guessing, got {subject.name} of accuracy "
            f"{clean.value:.4f}; raise --calibrate-minutes, or name two of yours: --calibrate-with"
        )
    eps = min(2 * kind_of(data).linf[0], 1.0)
    for _ in range(_MOST_EPS):
        row = {"attack": _PGD, "threat": Linf(eps).to_json(), "images": images}
        if assessing.measure(context, "robust_accuracy", row).value >= _SURVIVING * clean.value:
            break
        eps *= _FINER
    return Linf(float(f"{eps:.3g}"))


def _without_doubts(honest: Sequence[_Honest]) -> dict[str, float]:
    """The smallest factor by doubt with which no honest network raises it."""
    factors: dict[str, float] = {}
    for factor in FACTORS:
        limits = Limits(dict.fromkeys(DOUBTS, factor))
        raised = frozenset[str]().union(*(network.raised(_LADDER, limits) for network in honest))
        factors = {**dict.fromkeys(set(DOUBTS) - raised, factor), **factors}
        if len(factors) == len(DOUBTS):
            break
    return {name: factors[name] for name in DOUBTS if name in factors}


def _reference(network: _Honest) -> Reference:
    context = _context(network.subject, network.data, Limits())
    accuracy = assessing.measure(context, "clean_accuracy", {}).value
    subject = network.subject
    return Reference(
        name=subject.name, digest=subject.digest, accuracy=accuracy, threat=str(network.threat)
    )
