"""Signs that the searches do not work on a network, so that they would miss a trigger."""

from __future__ import annotations

from collections.abc import Sequence

from securemnist.backdoor.scan.search import MOST
from securemnist.backdoor.scan.searches import Search


def failure(found: Sequence[Search]) -> str:
    """Why the searches would miss a trigger; empty where they work.

    A displacement is not expected to steer images to most classes.
    """
    for one in found:
        if count := int((~one.finite).sum()):
            return (
                f"outputs or gradients were not finite in {count} of {len(one.finite)} searches for a "
                f"{one.kind}; the network may hide its gradients"
            )
        limit = MOST * one.perturbation.first
        if one.kind != "displacement" and float(one.sizes[:-1].median()) > 0.99 * limit:
            return (
                f"the search for a {one.kind} steers images to less than half of the classes; "
                "the network may hide its gradients"
            )
    return ""
