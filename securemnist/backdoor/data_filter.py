"""Data filter: the images of a training set that a trigger and a wrong label have in common.

Shared deviations (`shared_deviation`) of images with doubtful labels (`label_disagreement`) decide, and
frequent groups (`frequent_group`) where labels are not doubtful as neighbours are poisoned, too. They are
looked for in the pixels and in every layer of a network trained on the images (all layers as in
FLARE, arXiv 2411.19479). Layers show a mark that has no fixed place. Further scores (`image_scores`)
inform only. Clean-label poison has no doubtful labels and is not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from securemnist._util.hashing import seed_from
from securemnist.backdoor.frequent_group import frequent_group
from securemnist.backdoor.image_scores import corner_brightness, early_loss, spectral_signatures
from securemnist.backdoor.label_disagreement import DOUBTFUL, label_disagreement
from securemnist.backdoor.layer_statistics import layer_statistics
from securemnist.backdoor.shared_deviation import LEAST_RATIO, SharedDeviation, shared_deviation
from securemnist.backdoor.wrong_labels import wrong_without_feature
from securemnist.data import Samples
from securemnist.errors import Inconclusive
from securemnist.types import Labels, Progress, silent

# What the filter cannot find, and the reader of a result has to know.
NOT_FOUND = (
    "clean-label poison",
    "wrong labels without a trigger",
    "copies of one image with a wrong label",
    "groups of fewer than 10 images",
    "poison of half of the images or more, or of about a tenth of a small set or of two classes",
    "poison of a fifth of a class, whose trigger images of other classes have with right labels",
    "a trigger that as many images have with right labels as with wrong ones",
    "triggers that no linear function of the pixels or of a layer shows",
)
NO_LAYERS = (
    "expected a model with convolution or linear layers as modules, got none; the pixels alone were "
    "looked at, so ask for them alone, without layers"
)
# An honest feature. Its images are left out of further searches, so that it hides no other group.
RIGHT_WITHOUT = "without the shared feature the labels agree with similar images"
LEAST_A_CLASS = 50
# With more doubtful labels than this share, the pixels say too little about the labels.
MOST_DOUBTFUL = 0.4
_MOST_GROUPS = 4
_MOST_PIXELS = 1_600


@dataclass(frozen=True)
class Group:
    """Images with one shared feature, found in `features` (pixels, or a layer's name)."""

    features: str
    deviation: SharedDeviation


@dataclass(frozen=True)
class _Images:
    """What all searches compare: pixels (n, d), labels int64 (n,), label disagreement (n,) in [0, 1]."""

    pixels: torch.Tensor
    labels: Labels
    disagreement: torch.Tensor


@dataclass(frozen=True)
class Filtered:
    """The result: scores (n,) each, `removed` boolean (n,), and the groups behind the decision.

    `disagreement` is in [0, 1]; `deviation` is the largest score of any group or feature set, in
    standard deviations. `spectral` is a squared projection over its mean in the class, `early_loss` is
    in nats, `corner` in [0, 1]. `tried` names the feature sets. `problem` says why nothing is decided
    where nothing is removed: the layers of a model were asked for, and it has none.
    """

    disagreement: torch.Tensor
    deviation: torch.Tensor
    spectral: torch.Tensor
    early_loss: torch.Tensor
    corner: torch.Tensor
    removed: torch.Tensor
    groups: tuple[Group, ...]
    tried: tuple[str, ...]
    problem: str = ""

    @property
    def share(self) -> float:
        """The share of removed images, in [0, 1]."""
        return float(self.removed.double().mean())

    def order(self) -> torch.Tensor:
        """Indices int64 (n,), most suspicious first: removed images, then by disagreement."""
        rank = self.removed.double() * 2 + self.disagreement.double()
        rank += 1e-3 * self.deviation.double().argsort().argsort() / max(len(rank), 1)
        return rank.argsort(descending=True, stable=True)


def filter_data(
    samples: Samples, model: nn.Module | None = None, *, seed: int = 0, progress: Progress = silent
) -> Filtered:
    """The scores and the decision for training samples; Inconclusive where nothing can be decided.

    `model`: a network trained on them, whose layers are looked at beside the pixels.
    """
    check_enough(samples)
    pixels = reduced_pixels(samples)
    progress("comparing labels", 0, 1)
    disagreement = label_disagreement(pixels, samples.labels, seed=seed_from(seed, "references"))
    doubtful = disagreement >= DOUBTFUL
    if float(doubtful.float().mean()) > MOST_DOUBTFUL:
        raise Inconclusive(
            f"expected labels that agree with similar images for {1 - MOST_DOUBTFUL:.0%}, got "
            f"{1 - float(doubtful.float().mean()):.0%}; the pixels do not show wrong labels here"
        )
    images = _Images(pixels, samples.labels, disagreement)
    sets = {"pixels": pixels}
    if model is not None:
        sets |= layer_statistics(model, samples, progress=progress)
    removed, deviation = torch.zeros(len(samples), dtype=torch.bool), torch.zeros(len(samples))
    groups: list[Group] = []
    for number, (name, features) in enumerate(sets.items()):
        progress("looking for shared deviations", number, len(sets))
        for group in _groups(name, features, images, removed, seed_from(seed, "folds")):
            deviation = torch.maximum(deviation, group.deviation.scores)
            if not group.deviation.reason:
                groups.append(group)
                removed |= group.deviation.group
    progress("looking for shared deviations", len(sets), len(sets))
    return Filtered(
        disagreement=disagreement,
        deviation=deviation,
        spectral=spectral_signatures(list(sets.values())[-1], samples.labels),
        early_loss=early_loss(pixels, samples.labels, seed=seed_from(seed, "early loss")),
        corner=corner_brightness(samples),
        removed=removed,
        groups=tuple(groups),
        tried=tuple(sets),
        problem=NO_LAYERS if model is not None and len(sets) == 1 else "",
    )


def _groups(
    name: str, features: torch.Tensor, images: _Images, removed: torch.Tensor, seed: int
) -> Sequence[Group]:
    """Groups one after the other, each among the images that are not removed yet; rare ones first."""
    left, groups = ~removed, []

    def rare(places: torch.Tensor) -> SharedDeviation:
        doubtful = images.disagreement[places] >= DOUBTFUL
        found = shared_deviation(features[places], doubtful, seed=seed)
        if found.reason:
            return found
        here = images.pixels[places], images.labels[places], found.group
        if wrong_without_feature(*here, seed=seed) <= LEAST_RATIO * found.elsewhere:
            return replace(found, reason=RIGHT_WITHOUT)
        return found

    def frequent(places: torch.Tensor) -> SharedDeviation:
        here = images.labels[places], images.disagreement[places]
        return frequent_group(features[places], *here, seed=seed)

    for kind in (rare, frequent):
        for _ in range(_MOST_GROUPS):
            places = left.nonzero().squeeze(1)
            found = kind(places)
            scores, members = torch.zeros(len(left)), torch.zeros_like(left)
            scores[places], members[places] = found.scores, found.group
            left = left & ~members
            decided = torch.zeros_like(members) if found.reason else members
            groups.append(Group(name, replace(found, scores=scores, group=decided)))
            if found.reason and found.reason != RIGHT_WITHOUT:
                break
    return groups


def check_enough(samples: Samples) -> None:
    """Inconclusive where a class has too few images."""
    if not len(samples):
        raise Inconclusive(
            "expected training images, got none; filter data that have a training split"
        )
    counts = torch.bincount(samples.labels)
    present = counts[counts > 0]
    if int(present.min()) < LEAST_A_CLASS or len(present) < 2:
        raise Inconclusive(
            f"expected at least {LEAST_A_CLASS} training images of each of two classes or more, got "
            f"{int(present.min())} of the smallest of {len(present)}; filter a larger set"
        )


def reduced_pixels(samples: Samples) -> torch.Tensor:
    """Pixels float32 (n, d) in [0, 1]; larger images are reduced by area means to about 1,600 values."""
    channels, height, width = samples.pixels.shape[1:]
    factor = (channels * height * width / _MOST_PIXELS) ** 0.5
    parts = []
    for start in range(0, len(samples), 1_000):
        x = samples[start : start + 1_000].images()
        if factor > 1:
            sides = max(1, int(height / factor)), max(1, int(width / factor))
            x = nn.functional.adaptive_avg_pool2d(x, sides)
        parts.append(x.flatten(1))
    return torch.cat(parts)
