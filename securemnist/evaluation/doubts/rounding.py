"""Whether rounding alone explains the doubt `gradients`, so that straight-through attacks settle it.

Rounded pixels, JPEG and integers have no gradient, and hide nothing: an attack goes through them as if
they were the identity (BPDA; Athalye et al. 2018, arXiv 1802.00420). A false backward pass, noise, a
comparison or a class index is not explained.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from securemnist.attacks.base import BATCH
from securemnist.attacks.losses import answers, loss_and_gradient, target_margins
from securemnist.batches import batch_size
from securemnist.defences.straight_through import StraightThrough, WithoutRounding
from securemnist.evaluation.doubts.check_input import Case, exceeds
from securemnist.evaluation.doubts.gradients import gradients
from securemnist.evaluation.doubts.lines import predicted_parts
from securemnist.models.predictions import best_wrong
from securemnist.types import Images, Labels

# Number of images, the step in units of eps, and the share of images whose margin need not fall.
# Measured at linf .1 and .3 on `hardened`: 0 to 7 of 128 behind JPEG and rounding to 2 bits or more,
# 60 and more behind a threshold, where the pixel that a step moves often stays on its side.
IMAGES, STEP, LIMIT = 128, 0.5, 0.05
# Least change of all margins together, as a share of what the gradients along the step predict.
# Measured on `baseline` and `hardened`: 0.73 and more behind JPEG and 16 levels, 0.42 and less behind 2
# or 4. Behind 2 levels a search that chooses pixels one by one breaks more images than these attacks.
PREDICTED, POINTS = 0.6, 4
# Largest difference that leaving out the rounding may make, as a share of all margins together. Measured
# on the same: 0.11 and less where the other conditions hold, 0.32 and more for pairs of networks of
# which one answers where gradients are recorded.
DIFFERENT = 0.2


def explained_by_rounding(case: Case) -> bool:
    """Whether the model without its rounding has true gradients, and their steps lower its own margins.

    The first is the check `gradients` itself, with its limits. The second asks the model as it is, which
    has to answer nearly as without its rounding.
    """
    smooth = dataclasses.replace(case, model=WithoutRounding(case.model))
    try:
        return gradients(smooth) is None and _margins_fall(case)
    except Exception:  # a model may raise anything where its integers are replaced
        return False


def _margins_fall(case: Case) -> bool:
    """Whether a step along straight-through gradients lowers the margins, by 60 % of what they predict.

    The margins of all but 5 % of the images have to fall. Rounding that is coarse beside eps fails: there
    the gradient of the identity does not say which pixels change.
    """
    case = dataclasses.replace(case, x=case.x[:IMAGES], y=case.y[:IMAGES])
    before = case.logits(case.x).double()
    target = best_wrong(before, case.y)
    start = _gradient(case, case.x, target)
    step = STEP * case.threat.eps * case.threat.steepest(start)
    moved = case.threat.project(case.x, case.x + step) - case.x
    after = case.logits(case.x + moved).double()
    # Margins of the wrong class: larger is closer to an error.
    margins = [target_margins(logits, case.y, target) for logits in (before, after)]
    if not _alike(case, (case.x, case.x + moved), margins, target):
        return False
    rise = margins[1] - margins[0]
    predicted = predicted_parts(lambda x: _gradient(case, x, target), case.x, moved, POINTS)
    enough = float(rise.sum()) >= PREDICTED * float(predicted.sum()) > 0
    return enough and not exceeds(int((rise <= 0).sum()), len(case.y), LIMIT)


def _alike(
    case: Case, points: Sequence[Images], margins: Sequence[torch.Tensor], target: Labels
) -> bool:
    """Whether the model without its rounding has nearly its `margins`, (n,) at each of the points."""
    smooth = WithoutRounding(case.model)
    difference, size = 0.0, 0.0
    for x, own in zip(points, margins, strict=True):
        without = target_margins(answers(smooth, x).double(), case.y, target)
        difference += float((without - own).abs().sum())
        size += float(own.abs().sum())
    return difference <= DIFFERENT * size


def _gradient(case: Case, x: Images, target: Labels) -> Images:
    """Straight-through gradient of the margin of the class `target` at `x`; 0 where it is not finite."""
    model, size = StraightThrough(case.model), batch_size(x, BATCH)
    columns = zip(x.split(size), case.y.split(size), target.split(size), strict=True)
    parts = [
        loss_and_gradient(model, images, labels, target_margins, classes)[1]
        for images, labels, classes in columns
    ]
    return torch.cat(parts).nan_to_num(0.0, 0.0, 0.0)
