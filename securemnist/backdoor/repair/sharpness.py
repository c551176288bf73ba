"""Fine-tuning with sharpness-aware steps (FT-SAM, Zhu et al. 2023, arXiv 2304.11823).

Neurons of a backdoor have large weights. Each weight moves in proportion to its size before the gradient
is taken, so these weights change most.
"""

from __future__ import annotations

from securemnist.backdoor.repair.fine_tuning import Repair, fine_tune, label_loss

_EPOCHS, _RATE, _SHARPNESS = 3, 0.02, 4.0


def sharpness_aware(repair: Repair) -> None:
    """Fine-tune on the clean images by sharpness-aware steps."""
    loss = label_loss(repair.model)
    fine_tune(repair, loss, epochs=_EPOCHS, rate=_RATE, sharpness=_SHARPNESS)
