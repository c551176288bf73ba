"""Unlearning of known triggers: triggered images get their true labels.

As the last step of Neural Cleanse (Wang et al. 2019, doi 10.1109/SP.2019.00031), with clean images that
keep their former answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from securemnist.backdoor.repair.fine_tuning import Repair, fine_tune, unlearning_loss
from securemnist.errors import UsageError
from securemnist.types import Images

_EPOCHS, _RATE = 3, 0.02

ImageChange = Callable[[Images], Images]


def unlearn_triggers(repair: Repair) -> None:
    """Fine-tune on clean images and on images with the triggers; UsageError where none is known."""
    triggers = repair.triggers
    if not triggers:
        raise UsageError(
            "expected a trigger for the method unlearn, got none; pass --trigger, or another --method"
        )
    loss = unlearning_loss(repair, lambda x: triggered(x, triggers))
    fine_tune(repair, loss, epochs=_EPOCHS, rate=_RATE)


def triggered(x: Images, triggers: Sequence[ImageChange]) -> Images:
    """The images with one of the triggers each, in turn."""
    changed = x.clone()
    for number, trigger in enumerate(triggers):
        changed[number :: len(triggers)] = trigger(x[number :: len(triggers)])
    return changed
