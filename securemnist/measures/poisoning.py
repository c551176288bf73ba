"""Poisoned share: the share of training images that the data filter would remove."""

from __future__ import annotations

from securemnist.backdoor.data_filter import NOT_FOUND, Filtered, filter_data
from securemnist.errors import Inconclusive, NotApplicable
from securemnist.evaluation.context import Context
from securemnist.measures.base import ImageCount, Settings, bad_share, interval_measurement
from securemnist.results.evidence.base import OtherEvidence
from securemnist.results.families import BACKDOOR
from securemnist.results.findings import Measurement
from securemnist.results.intervals import share_interval

_SECONDS_AN_IMAGE = 0.002


class PoisonedShareSettings(Settings):
    """`images`: training images at even distances; None: all of them.

    `layers`: whether the model's layers are looked at beside the pixels. They show a trigger where the
    model was trained on these images.
    """

    images: ImageCount | None = None
    layers: bool = True


def poisoned_share(context: Context, settings: PoisonedShareSettings, seed: int) -> Measurement:
    """Share of the training images with a doubtful label or its trigger, as `data_filter` decides.

    Inconclusive without training images, with fewer than 50 of a class, and where `layers` are asked for
    and the model has none. NotApplicable for the layers of an endpoint. A pass says that no group
    of wrongly labelled images with one feature in common was found. Clean-label poison is not found.
    """
    train = context.data.training_images()
    if not len(train):
        raise Inconclusive(
            "expected training images, got a data set without them; add them to the data"
        )
    samples = train if settings.images is None else train.spread(settings.images)
    if settings.layers and context.subject.remote is not None:
        raise NotApplicable(
            "no weights: an endpoint has no layers; set layers = false for pixels alone"
        )
    network = context.subject.model if settings.layers else None
    found = filter_data(samples, network, seed=seed, progress=context.progress)
    removed, whole = int(found.removed.sum()), len(samples) == len(train)
    interval = (found.share, found.share) if whole else share_interval(removed, len(samples))
    return interval_measurement(
        found.share,
        interval,
        len(samples),
        complete=whole,
        evidence=OtherEvidence(table=table(found)),
        inconclusive=found.problem,
    )


def table(found: Filtered) -> dict[str, object]:
    """What the decision rests on, as JSON values by name."""
    groups = [
        f"{int(group.deviation.group.sum())} images by {group.features}: "
        f"{group.deviation.separation:.0f} standard deviations apart, "
        f"{group.deviation.doubtful:.0%} with a doubtful label, {group.deviation.elsewhere:.0%} elsewhere"
        for group in found.groups
    ]
    return {
        "removed images": int(found.removed.sum()),
        "groups": "; ".join(groups) or "none",
        "looked at": ", ".join(found.tried),
        "not found": "; ".join(NOT_FOUND),
    }


POISONED_SHARE = bad_share(
    poisoned_share,
    PoisonedShareSettings,
    BACKDOOR,
    lambda settings, pace: (settings.images or pace.test_images) * _SECONDS_AN_IMAGE,
)
