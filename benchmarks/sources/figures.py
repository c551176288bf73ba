"""What is measured of every network, whatever its source measured: builtins, ready for JSON."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch

from benchmarks.sources.systems import TARGET, TRIGGER
from securemnist import data
from securemnist._util.hashing import seed_from
from securemnist.assessing import measure
from securemnist.attacks import FGSM, PGD
from securemnist.attacks.base import Attack, cross_entropy
from securemnist.evaluation.context import Lab
from securemnist.models import loading
from securemnist.threats import Linf
from securemnist.types import Images, Labels

CURVE = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
CURVE_DIGITS = 1_000
SEARCH_DIGITS = 1_000
TRAINING_DIGITS = 10_000


def figures(spec: str, eps: float, baseline: str) -> dict[str, Any]:
    """Accuracy, loss, attack, trigger and time of the model `spec`, on the test digits.

    "fgsm" is made against the model itself, "fgsm_of_baseline" against the undefended one, as a set
    that is computed once and kept.
    """
    lab = Lab(loading.resolve(spec), data.load())
    other = Lab(loading.resolve(baseline), data.load())
    test, seen = lab.data.test, lab.data.train[:TRAINING_DIGITS]
    x, y = test.images(), test.labels
    own = y == TARGET
    few = lab.sample(CURVE_DIGITS, 0)
    return {
        "clean": score(lab, x, y),
        "training": score(lab, seen.images(), seen.labels),
        "eps": eps,
        "fgsm": score(lab, attacked(lab, FGSM(), x, y, eps), y),
        "fgsm_of_baseline": score(lab, attacked(other, FGSM(), x, y, eps), y),
        "fgsm_curve": [
            [at, score(lab, attacked(lab, FGSM(), few.x, few.y, at), few.y)["accuracy"]]
            for at in CURVE
        ],
        "pgd_accuracy": robust_accuracy(lab, eps),
        "triggered": score(lab, TRIGGER(x), y),
        "target_class": score(lab, x[own], y[own]),
        "target_class_triggered": score(lab, TRIGGER(x[own]), y[own]),
        "success_rate": success_rate(lab),
        "microseconds": microseconds(lab, x[:1000]),
    }


def score(lab: Lab, x: Images, y: Labels) -> dict[str, float]:
    """Accuracy and mean cross-entropy."""
    logits = lab.logits(x)
    loss = float(cross_entropy(logits, y)) / len(y)
    return {"accuracy": float((logits.argmax(1) == y).float().mean()), "loss": round(loss, 4)}


def attacked(lab: Lab, attack: Attack, x: Images, y: Labels, eps: float) -> Images:
    """The digits after an L-infinity attack."""
    rng = torch.Generator().manual_seed(seed_from(0, attack.to_json()))
    return attack.propose(lab.subject.model, x, y, threat=Linf(eps), rng=rng)


def robust_accuracy(lab: Lab, eps: float) -> float:
    """Under PGD-40 with two starts, refereed, on a sample."""
    settings = {
        "attack": PGD(steps=40, restarts=2).to_json(),
        "threat": Linf(eps).to_json(),
        "digits": SEARCH_DIGITS,
    }
    return measure(lab, "robust_accuracy", settings).value


def success_rate(lab: Lab) -> float:
    """The attack success rate of the trigger, in the one definition."""
    settings = {"trigger": TRIGGER.to_json(), "target": TARGET}
    return measure(lab, "backdoor_success", settings).value


@torch.no_grad()
def microseconds(lab: Lab, x: Images) -> float:
    """Median time an image of nine calls; it belongs to the machine, not to the network."""
    times = []
    for _ in range(9):
        began = time.perf_counter()
        lab.subject.model(x)
        times.append(time.perf_counter() - began)
    return round(statistics.median(times) / len(x) * 1e6, 1)
