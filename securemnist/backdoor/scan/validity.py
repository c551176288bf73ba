"""Signs that the searches do not work on a network, so that they would miss a trigger."""

from __future__ import annotations

from collections.abc import Sequence

from securemnist.backdoor.scan.search import MOST
from securemnist.backdoor.scan.searches import Search
from securemnist.backdoor.scan.statistics import LEAST_LIMIT, Statistic


def failure(found: Sequence[Search]) -> str:
    """Why the searches would miss a trigger; empty where they work.

    An addition is expected to steer images to every class, a mask to half of the classes, and a
    displacement to none.
    """
    for one in found:
        if count := int((~one.finite).sum()):
            return (
                f"outputs or gradients were not finite in {count} of {len(one.finite)} searches for a "
                f"{one.kind}; the network may hide its gradients"
            )
        limit = 0.99 * MOST * one.perturbation.first
        constant = one.sizes[:-1]
        if one.kind == "addition" and float(constant.max()) > limit:
            return (
                f"the search for an addition steers images to class {int(constant.argmax())} at no size; "
                "the network may hide its gradients"
            )
        if one.kind == "mask" and float(constant.median()) > limit:
            return (
                "the search for a mask steers images to less than half of the classes; the network may "
                "hide its gradients"
            )
    return ""


def unlike(statistics: Sequence[Statistic]) -> str:
    """Why the references show no trigger, where their sizes differ too much; else empty."""
    least = min(statistics, key=lambda one: one.limit)
    if least.limit >= LEAST_LIMIT:
        return ""
    return (
        f"the clean networks differ so much that a {least.kind} is found below {least.limit:.1%} of the "
        f"usual size only, expected {LEAST_LIMIT:.0%} or more; run securemnist calibrate with more "
        "training images or --minutes"
    )
