"""Images on which only one version is robust: from the evidence, or clean from the bundled test set."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from securemnist._util import resources
from securemnist._util.files import gunzip, read_at_most
from securemnist._util.hashing import sha256
from securemnist.comparison.change import Turned
from securemnist.report.gallery import kept_images
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.images import ChangedImage, Picture
from securemnist.results.findings import Finding
from securemnist.results.json_model import table
from securemnist.view import png
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Tile

SHOWN = 12
_IMAGES = "t10k-images-idx3-ubyte"
_HEADER = 16
_SIDE = 28
_MAX_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class TurnedImages:
    """The number of images on which only one version is robust, and some of them.

    `tiles`: pictures of a `Turned`. `places`: places in source code, where a row counts those.
    """

    count: int = 0
    tiles: tuple[Tile, ...] = ()
    places: tuple[str, ...] = ()


class Images:
    """The test images that an assessment was made on, where they are the bundled ones."""

    def __init__(self, assessment: Assessment) -> None:
        self._images = _test_images(assessment)
        self._names = ClassNames.of(assessment.subject)

    def of(
        self, turned: tuple[Turned, ...] | None, weak: Finding | None, unit: str
    ) -> TurnedImages:
        """The first of every class in turn, those with a stored adversarial image first.

        `weak` is the finding of the version that they broke.
        """
        if not turned:
            return TurnedImages()
        if unit == "count":
            places = tuple(image.by for image in turned[:SHOWN])
            return TurnedImages(count=len(turned), places=places)
        evidence = None if weak is None else weak.evidence
        stored = {image.index: image for image in kept_images(evidence)}
        ordered = sorted(turned, key=lambda image: image.place not in stored)
        tiles = (self._tile(image, stored) for image in _of_every_class(ordered))
        return TurnedImages(count=len(turned), tiles=tuple(tiles))

    def _tile(self, image: Turned, stored: Mapping[int, ChangedImage]) -> Tile:
        name = self._names[image.label]
        if kept := stored.get(image.place):
            pictures = png.change(kept.clean, kept.adversarial)
            return Tile(image, pictures, name, width=kept.clean.width, height=kept.clean.height)
        start = _HEADER + image.place * _SIDE**2
        clean = self._images[start : start + _SIDE**2]
        if len(clean) < _SIDE**2:
            return Tile(image, (), name)
        picture = Picture(height=_SIDE, width=_SIDE, channels=1, pixels=clean)
        return Tile(image, (png.image(picture),), name, width=_SIDE, height=_SIDE)


def _of_every_class(turned: Iterable[Turned]) -> list[Turned]:
    """SHOWN images: the first of each class, then the second, and so on."""
    ranks: defaultdict[int, Iterator[int]] = defaultdict(itertools.count)
    return sorted(turned, key=lambda image: (next(ranks[image.label]), image.label))[:SHOWN]


def _test_images(assessment: Assessment) -> bytes:
    """The bundled test images where the assessment's digest is theirs, else nothing."""
    expected = table(table(assessment.subject.get("data")).get("digests")).get(_IMAGES)
    try:
        content = gunzip(read_at_most(resources.MNIST / f"{_IMAGES}.gz", _MAX_BYTES), _MAX_BYTES)
    except OSError:
        return b""
    return content if sha256(content) == expected else b""
