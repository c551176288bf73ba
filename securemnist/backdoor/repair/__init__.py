"""Repair: removal of a backdoor from the weights of a network with a small clean set."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from torch import nn

from securemnist.backdoor.repair.fine_tuning import Repair
from securemnist.backdoor.repair.pruning import prune
from securemnist.backdoor.repair.sharpness import sharpness_aware
from securemnist.backdoor.repair.trigger_search import FoundTrigger
from securemnist.backdoor.repair.trigger_unlearning import unlearn_triggers
from securemnist.backdoor.repair.universal import unlearn_all, unlearn_found, unlearn_universal
from securemnist.backdoor.triggers import Trigger
from securemnist.data import Samples
from securemnist.types import Progress, silent

# Each changes the network of a repair in place. Those that search for triggers return what they found.
METHODS: dict[str, Callable[[Repair], Sequence[FoundTrigger] | None]] = {
    "auto": unlearn_all,
    "sam": sharpness_aware,
    "search": unlearn_found,
    "unlearn": unlearn_triggers,
    "universal": unlearn_universal,
    "prune": prune,
}


def begun(
    model: nn.Module,
    samples: Samples,
    triggers: tuple[Trigger, ...] = (),
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Repair:
    """A repair of a copy of `model`, in eval mode with weights that can be changed."""
    network = copy.deepcopy(model).eval().requires_grad_(True)
    return Repair(network, samples.images(), samples.labels, triggers, seed, progress)


__all__ = ["METHODS", "Repair", "begun"]
