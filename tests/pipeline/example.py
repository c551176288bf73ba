"""A run that was never measured: documents with numbers that no two places share."""

from __future__ import annotations

import itertools
from typing import Any

from securemnist.input_spec import MNIST
from securemnist.pipeline.documents import (
    Epoch,
    Figure,
    Measured,
    Name,
    Network,
    Scenario,
    Summary,
    Unmeasured,
)
from securemnist.pipeline.scenarios import FGSM, PGD, threat
from securemnist.pipeline.sizes import (
    BASELINE,
    CURVE_EPS,
    HARDENED,
    ONE_STEP,
    POISONED,
    TARGET,
    TRIGGER,
    Sizes,
)
from securemnist.results.evidence.images import ChangedImage, Picture
from securemnist.results.verdicts import Doubt

NETWORKS = (BASELINE, ONE_STEP, HARDENED, POISONED)
DOUBT = Doubt(name="weak attack", reason="cheap attacks break 8 survivors", advice="Search longer.")
DATA = {"name": "MNIST", "sha256": "5" * 64, "digests": {}, "spec": MNIST.to_json()}


class Numbers:
    """Shares in [0.1, 0.9), each used once."""

    def __init__(self) -> None:
        self._next = itertools.count(1)

    def share(self) -> float:
        """The next one, of four decimals."""
        return 0.1 + next(self._next) * 0.0037 % 0.8


def measured(network: str, measure: str, value: float, **more: Any) -> Measured:
    """A measurement of 400 images."""
    values = {"unit": "share", "n": 400, "settings": {}, **more}
    return Measured(
        network=network,
        measure=measure,
        value=value,
        low=max(value - 0.01, 0.0),
        high=value + 0.01,
        complete=False,
        seed=0,
        seconds=1.5,
        **values,
    )


def matrix(right: int) -> list[list[int]]:
    """Counts of forty images a class: `right` on the diagonal, the others as the next class."""
    return [
        [right if j == k else (40 - right) * (j == (k + 1) % 10) for j in range(10)]
        for k in range(10)
    ]


def scenarios(*, timed: bool = True) -> dict[Name, Scenario]:
    """All five scenarios; without `timed` the timings could not be taken."""
    new = Numbers().share
    trained = (BASELINE, ONE_STEP, HARDENED)

    def clean(name: str) -> Measured:
        table = {"per_class": [new() for _ in range(10)], "confusion": matrix(31)}
        return measured(name, "clean_accuracy", new(), **table)

    def fgsm(name: str, eps: float = 0.25, n: int = 400) -> Measured:
        settings = {"threat": threat(eps), "attack": FGSM}
        tables = {"confusion": matrix(11), "clean_confusion": matrix(37)}
        return measured(name, "attack_accuracy", new(), settings=settings, n=n, **tables)

    def pgd(name: str) -> Measured:
        settings = {"threat": threat(), "attack": PGD}
        doubts = (DOUBT,) if name == HARDENED else ()
        return measured(name, "robust_accuracy", new(), settings=settings, n=200, doubts=doubts)

    def trigger(name: str) -> Measured:
        settings = {"trigger": TRIGGER.to_json(), "target": TARGET}
        rates = [None if k == TARGET else new() for k in range(10)]
        return measured(
            name,
            "backdoor_success",
            new(),
            settings=settings,
            per_class=rates,
            confusion=matrix(3),
            clean_confusion=matrix(39),
            detail={"control": 0.0004},
        )

    def timing(name: str) -> Measured:
        settings, ratio = {"batch": 1000}, new()
        return measured(
            name, "latency_ratio", ratio, unit="ratio", settings=settings, microseconds=100 * ratio
        )

    taken: dict[Name, tuple[Measured, ...]] = {
        "baseline": (clean(BASELINE),),
        "fgsm": (fgsm(BASELINE), *(fgsm(BASELINE, eps, 200) for eps in CURVE_EPS)),
        "adversarial-training": tuple(
            kind(name) for name in trained for kind in (clean, fgsm, pgd)
        ),
        "poisoning": tuple(
            kind(name) for name in (BASELINE, POISONED) for kind in (clean, trigger)
        ),
        "timing": tuple(timing(name) for name in NETWORKS) if timed else (),
    }
    missing = [
        Unmeasured(network=name, measure="latency_ratio", reason="busy") for name in NETWORKS
    ]
    return {
        name: Scenario(
            scenario=name,
            measured=found,
            unmeasured=tuple(missing) if name == "timing" and not timed else (),
        )
        for name, found in taken.items()
    }


def summary() -> Summary:
    """The summary, with a history of two epochs a network."""
    new = Numbers().share
    networks = [
        Network(
            name=name,
            architecture="A",
            recipe=Sizes(epochs=2).recipes()[name].to_json(),
            recipe_sha256="a" * 64,
            sha256="b" * 64,
            training_data="MNIST, the first 400 of 55,000 training images",
            history=tuple(
                Epoch(
                    epoch=k,
                    loss=new(),
                    accuracy=new(),
                    tuning_accuracy=new(),
                    tuning_robust_accuracy=new() if name == HARDENED else None,
                )
                for k in (1, 2)
            ),
            epoch_kept=2,
            seconds=None if name == POISONED else 12.5,
        )
        for name in NETWORKS
    ]
    figure = Figure(
        scenario="adversarial-training",
        network=HARDENED,
        label="under PGD-40",
        value=0.6543,
        low=0.6,
        high=0.7,
        n=200,
        doubts=("weak attack",),
    )
    return Summary(
        sizes=vars(Sizes(training=400, test=400, epochs=2)),
        data=DATA,
        networks=tuple(networks),
        figures=(figure,),
        files={"baseline.json": "c" * 64},
        environment={
            "time": "2026-01-02T03:04:05+00:00",
            "python": "3.13.0",
            "platform": "Linux x86_64",
            "processor": "AVX2",
            "packages": {"torch": "2.0", "securemnist": "0.1.0"},
        },
        seconds=99.0,
    )


def pictures() -> dict[tuple[str, str], list[ChangedImage]]:
    """One changed image of each gallery."""
    images = {}
    for seed, key in enumerate(((BASELINE, "attack_accuracy"), (POISONED, "backdoor_success"))):
        before, after = (
            Picture(height=28, width=28, channels=1, pixels=bytes([value]) * 784)
            for value in (10 + seed, 70 + seed)
        )
        images[key] = [
            ChangedImage(
                index=seed,
                label=3,
                clean_prediction=3,
                prediction=7,
                confidence=0.9,
                clean_confidence=0.8,
                clean=before,
                adversarial=after,
            )
        ]
    return images
