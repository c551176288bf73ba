"""The five scenarios: what each measures of which network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from securemnist.models.loading import Subject
from securemnist.pipeline.documents import Measured, Name, Scenario, Unmeasured
from securemnist.pipeline.measuring import Bench, Outcome
from securemnist.pipeline.sizes import (
    BASELINE,
    CURVE_EPS,
    EPS,
    HARDENED,
    ONE_STEP,
    POISONED,
    TARGET,
    TRIGGER,
    Sizes,
)

FGSM, PGD = {"use": "FGSM"}, {"use": "PGD", "steps": 40}
_BATCH = 1000
Networks = Mapping[str, Subject]


def threat(eps: float = EPS) -> dict[str, object]:
    """An L-infinity threat, as in a policy."""
    return {"norm": "linf", "eps": eps}


def _baseline(bench: Bench, networks: Networks, sizes: Sizes) -> Iterable[Outcome]:
    yield bench.measure(networks[BASELINE], "clean_accuracy", images=sizes.test)


def _fgsm(bench: Bench, networks: Networks, sizes: Sizes) -> Iterable[Outcome]:
    """FGSM at the eps of the run on all test images, then by eps on fewer."""
    subject = networks[BASELINE]
    yield bench.measure(subject, "attack_accuracy", threat=threat(), attack=FGSM, images=sizes.test)
    for eps in CURVE_EPS:
        yield bench.measure(
            subject, "attack_accuracy", threat=threat(eps), attack=FGSM, images=sizes.searched
        )


def _adversarial_training(bench: Bench, networks: Networks, sizes: Sizes) -> Iterable[Outcome]:
    """The same before and after: clean, under one step, under a search."""
    for name in (BASELINE, ONE_STEP, HARDENED):
        subject = networks[name]
        yield bench.measure(subject, "clean_accuracy", images=sizes.test)
        yield bench.measure(
            subject, "attack_accuracy", threat=threat(), attack=FGSM, images=sizes.test
        )
        yield bench.measure(
            subject, "robust_accuracy", threat=threat(), attack=PGD, images=sizes.searched
        )


def _poisoning(bench: Bench, networks: Networks, sizes: Sizes) -> Iterable[Outcome]:
    """Clean accuracy and attack success rate, without and with poisoned training images."""
    for name in (BASELINE, POISONED):
        subject = networks[name]
        yield bench.measure(subject, "clean_accuracy", images=sizes.test)
        yield bench.measure(
            subject,
            "backdoor_success",
            trigger=TRIGGER.to_json(),
            target=TARGET,
            images=sizes.test,
        )


def _timing(bench: Bench, networks: Networks, sizes: Sizes) -> Iterable[Outcome]:
    """Each trained network against the calibration kernel, in turns."""
    for name in (BASELINE, ONE_STEP, HARDENED, POISONED):
        batch = min(_BATCH, sizes.test)
        yield bench.measure(networks[name], "latency_ratio", batch=batch)


SCENARIOS: dict[Name, Callable[[Bench, Networks, Sizes], Iterable[Outcome]]] = {
    "baseline": _baseline,
    "fgsm": _fgsm,
    "adversarial-training": _adversarial_training,
    "poisoning": _poisoning,
    "timing": _timing,
}


def run(name: Name, bench: Bench, networks: Networks, sizes: Sizes) -> Scenario:
    """Take the measurements of a scenario."""
    outcomes = list(SCENARIOS[name](bench, networks, sizes))
    return Scenario(
        scenario=name,
        measured=tuple(one for one in outcomes if isinstance(one, Measured)),
        unmeasured=tuple(one for one in outcomes if isinstance(one, Unmeasured)),
    )
