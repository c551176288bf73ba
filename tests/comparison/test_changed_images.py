"""Which images a comparison draws: those first of which it is kept what they became."""

from __future__ import annotations

import dataclasses

from securemnist.comparison.change import Turned
from securemnist.comparison.changed_images import SHOWN, Images
from securemnist.results.evidence.images import ChangedImage, Picture
from tests.comparison.builders import assessment, codes, robust


def test_what_can_be_shown_comes_first() -> None:
    """Of more images than there is room for, one with an attacked image is among the shown."""
    image = Picture(height=28, width=28, channels=1, pixels=bytes(784))
    kept = ChangedImage(
        index=29,
        label=9,
        clean_prediction=9,
        prediction=1,
        confidence=0.5,
        clean=image,
        adversarial=image,
    )
    finding = robust(codes(range(30)))
    measurement = finding.measurement
    assert measurement is not None
    measurement = dataclasses.replace(
        measurement, evidence=dataclasses.replace(measurement.evidence, gallery=[kept])
    )
    weak = dataclasses.replace(finding, measurement=measurement)
    turned = tuple(Turned(place=place, label=place % 10, by="PGD-40") for place in range(30))
    images = Images(assessment(weak)).of(turned, weak, "share")
    assert images.count == 30
    assert len(images.tiles) == SHOWN
    assert [tile.image.place for tile in images.tiles if len(tile.pictures) == 3] == [29]
    assert {tile.image.label for tile in images.tiles} == set(range(10))
