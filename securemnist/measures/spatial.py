"""Spatial accuracy: images in their worst pose of a grid of rotations and translations.

The grid is enumerated, so an image that is right in all its poses is proved to be right within that
discrete threat. It says nothing about poses between them.
"""

from __future__ import annotations

import functools
from typing import Literal

import torch
from pydantic import Field, model_validator

from securemnist._util.random_numbers import generator
from securemnist.evaluation import poses as spatial
from securemnist.evaluation.context import Context
from securemnist.evaluation.poses import Pose
from securemnist.evaluation.thumbnails import changed_images, choose_for_gallery
from securemnist.measures.base import (
    AnswerSettings,
    Measure,
    answer_seconds,
    share_measurement,
    unreliable_reason,
)
from securemnist.measures.spatial_search import Search
from securemnist.models.predictions import predicted
from securemnist.results import per_image
from securemnist.results.evidence.images import ChangedImage
from securemnist.results.evidence.natural import RotationPoint, SpatialEvidence
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.families import NATURAL
from securemnist.results.findings import Measurement

_DRAWS = {"worst_of_10": 10, "random": 1}
_MOST_POSES = 20_000
_SECONDS = 2e-5  # of one pose of one image of MNIST


class SpatialSettings(AnswerSettings):
    """Rotations by up to `rotation` degrees, and translations by up to `translation` pixels.

    `poses`: "grid", the worst of `rotations` angles times `shifts` places along either axis;
    "worst_of_10", of ten random poses of each image; "random", one of each image.
    """

    poses: Literal["grid", "worst_of_10", "random"] = "grid"
    rotation: float = Field(default=30.0, ge=0, le=180, allow_inf_nan=False)
    translation: float = Field(default=3.0, ge=0, le=256, allow_inf_nan=False)
    rotations: int = Field(default=31, ge=1, le=721)
    shifts: int = Field(default=5, ge=1, le=101)

    @model_validator(mode="after")
    def _something(self) -> SpatialSettings:
        """Raise ValueError where nothing moves, for even numbers, and for too many poses."""
        if not self.rotation and not self.translation:
            raise ValueError("expected a rotation or a translation above 0, got neither")
        for name, most in (("rotations", self.rotation), ("shifts", self.translation)):
            count = getattr(self, name)
            if count % 2 == 0:
                raise ValueError(f"expected an odd number of {name}, which has 0, got {count}")
            if self.poses == "grid" and bool(most) != (count > 1):
                bound = "rotation" if name == "rotations" else "translation"
                raise ValueError(
                    f"expected {name} = 1 where {bound} is 0 and more elsewhere, got {count}"
                )
        if self.rotations * self.shifts**2 > _MOST_POSES:
            raise ValueError(
                f"expected at most {_MOST_POSES:,} poses, got {self.rotations * self.shifts**2:,}"
            )
        return self

    @property
    def answers_an_image(self) -> int:
        """Questions to the model about each image, at most."""
        return 1 + _DRAWS.get(self.poses, self.rotations * self.shifts**2)


def spatial_accuracy(context: Context, settings: SpatialSettings, seed: int) -> Measurement:
    """Share of images that are classified right in every pose that was tried.

    On the grid also a certified share: all its poses were tried.
    """
    sample = context.sample(settings.images, seed)
    search = Search(context, sample)
    curve: list[RotationPoint] = []
    if settings.poses == "grid":
        poses = spatial.grid(
            settings.rotation, settings.translation, settings.rotations, settings.shifts
        )
        curve = _on_grid(search, poses)
        tried = len(poses)
    else:
        tried = _DRAWS[settings.poses]
        _on_draws(search, settings, tried, seed)
    hits = int((search.broken_by == per_image.SURVIVED).sum())
    complete = sample.complete and not settings.randomised
    proved = hits if settings.poses == "grid" and not settings.randomised else None
    return share_measurement(
        hits,
        len(sample),
        complete=complete,
        proved=proved,
        survived=settings.poses == "worst_of_10",
        inconclusive=unreliable_reason(context, settings, *search.asked.pair),
        evidence=SpatialEvidence(
            poses=tried,
            rotation_curve=sorted(curve, key=lambda point: point.degrees),
            outcomes=_outcomes(search, proved=proved is not None),
            posed_gallery=_gallery(search),
            ties=search.ties,
        ),
    )


def _on_grid(search: Search, poses: list[Pose]) -> list[RotationPoint]:
    """Try every pose; rotations alone on all images, for the curve of the report."""
    curve = [RotationPoint(degrees=0.0, accuracy=search.clean)]
    total = len(poses) * len(search)
    for number, pose in enumerate(poses[1:], start=1):
        alone = not pose.down and not pose.right
        right = search.try_poses(torch.tensor([pose]), "rotation" if alone else "grid", every=alone)
        if alone:
            curve.append(RotationPoint(degrees=pose.degrees, accuracy=right))
        search.context.progress("poses", number * len(search), total)
        if not search.left and not alone:
            break
    return curve


def _on_draws(search: Search, settings: SpatialSettings, tries: int, seed: int) -> None:
    """Try random poses, each image with its own; they depend on its place in the test set."""
    drawn = torch.stack(
        [
            spatial.drawn(
                settings.rotation,
                settings.translation,
                tries,
                generator(seed, "poses", place),
            )
            for place in search.places
        ]
    )
    for number in range(tries):
        search.try_poses(drawn[:, number], "random pose")
        search.context.progress("poses", number + 1, tries)


def _outcomes(search: Search, *, proved: bool) -> OutcomeTable:
    """What became of each image, as in a table of attacks."""
    codes = search.broken_by.clone()
    if proved:
        codes[codes == per_image.SURVIVED] = per_image.CERTIFIED
    return OutcomeTable(
        **search.sample.record,
        labels=search.labels.numpy(),
        codes=codes.numpy(),
        stages=search.stages,
        clean=predicted(search.clean_logits, search.labels).numpy(),
        attacked=search.predictions.numpy(),
    )


def _gallery(search: Search) -> list[ChangedImage]:
    """Images of the first pose that broke them."""
    x, poses, clean = search.sample.x, search.poses, search.clean_logits
    return changed_images(
        search.sample,
        choose_for_gallery(search.broken_by >= 0, search.labels),
        before=(predicted(clean, search.labels), clean.softmax(1).amax(1)),
        after=(search.predictions, search.confidences),
        changed=lambda k: spatial.posed(x[k : k + 1], poses[k : k + 1])[0],
        broken_by=lambda k: str(Pose(*(round(v, 1) for v in poses[k].tolist()))),
    )


_estimate = functools.partial(answer_seconds, beside=_SECONDS)
SPATIAL_ACCURACY = Measure(spatial_accuracy, SpatialSettings, NATURAL, _estimate)
