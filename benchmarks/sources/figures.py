"""What is measured of every network, whatever its source measured: builtins, ready for JSON."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.sources.systems import TARGET, TRIGGER
from securemnist import data
from securemnist._util.random_numbers import generator
from securemnist.assessing import measure
from securemnist.attacks import FGSM, PGD
from securemnist.attacks.base import Attack
from securemnist.evaluation.context import Context
from securemnist.models import loading
from securemnist.threats import Linf
from securemnist.types import Images, Labels

CURVE = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
CURVE_IMAGES = 1_000
SEARCH_IMAGES = 1_000
TRAINING_IMAGES = 10_000


def figures(spec: str, eps: float, baseline: str) -> dict[str, Any]:
    """Accuracy, loss, attack, trigger and time of the model `spec`, on the test images.

    "fgsm" is made against the model itself, "fgsm_of_baseline" against the undefended one, as a set
    that is computed once and kept.
    """
    context = Context(loading.resolve(spec), data.load())
    other = Context(loading.resolve(baseline), data.load())
    test, seen = context.data.test, context.data.train[:TRAINING_IMAGES]
    x, y = test.images(), test.labels
    own = y == TARGET
    few = context.sample(CURVE_IMAGES, 0)
    return {
        "clean": score(context, x, y),
        "training": score(context, seen.images(), seen.labels),
        "eps": eps,
        "fgsm": score(context, attacked(context, FGSM(), x, y, eps), y),
        "fgsm_of_baseline": score(context, attacked(other, FGSM(), x, y, eps), y),
        "fgsm_curve": [
            [at, score(context, attacked(context, FGSM(), few.x, few.y, at), few.y)["accuracy"]]
            for at in CURVE
        ],
        "pgd_accuracy": robust_accuracy(context, eps),
        "triggered": score(context, TRIGGER(x), y),
        "target_class": score(context, x[own], y[own]),
        "target_class_triggered": score(context, TRIGGER(x[own]), y[own]),
        "success_rate": success_rate(context),
        "microseconds": microseconds(context, x[:1000]),
    }


def score(context: Context, x: Images, y: Labels) -> dict[str, float]:
    """Accuracy and mean cross-entropy."""
    logits = context.logits(x)
    loss = float(F.cross_entropy(logits, y, reduction="sum")) / len(y)
    return {"accuracy": float((logits.argmax(1) == y).float().mean()), "loss": round(loss, 4)}


def attacked(context: Context, attack: Attack, x: Images, y: Labels, eps: float) -> Images:
    """The images after an L-infinity attack."""
    rng = generator(0, attack.to_json())
    return attack.propose(context.subject.model, x, y, threat=Linf(eps), rng=rng)


def robust_accuracy(context: Context, eps: float) -> float:
    """Under PGD-40 with two starts, refereed, on a sample."""
    settings = {
        "attack": PGD(steps=40, restarts=2).to_json(),
        "threat": Linf(eps).to_json(),
        "images": SEARCH_IMAGES,
    }
    return measure(context, "robust_accuracy", settings).value


def success_rate(context: Context) -> float:
    """The attack success rate of the trigger, in the one definition."""
    settings = {"trigger": TRIGGER.to_json(), "target": TARGET}
    return measure(context, "backdoor_success", settings).value


@torch.no_grad()
def microseconds(context: Context, x: Images) -> float:
    """Median time an image of nine calls; it belongs to the machine, not to the network."""
    times = []
    for _ in range(9):
        began = time.perf_counter()
        context.subject.model(x)
        times.append(time.perf_counter() - began)
    return round(statistics.median(times) / len(x) * 1e6, 1)
