"""Pictures of digits that turned: from the evidence, or the clean digit from the bundled test set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from securemnist._util import resources
from securemnist._util.files import gunzip, read_at_most
from securemnist._util.hashing import sha256
from securemnist.comparison.change import Turned
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.images import ChangedImage
from securemnist.results.findings import Finding
from securemnist.results.value_types import PIXELS
from securemnist.sanitize import line
from securemnist.view import png

SHOWN = 12
_IMAGES = "t10k-images-idx3-ubyte"
_HEADER = 16
_MAX_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One digit; pictures are data URIs, "" where there is none."""

    place: int
    label: int
    by: str
    clean: str = ""
    changed: str = ""
    difference: str = ""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How many turned, some of them as pictures, or places in source code."""

    count: int = 0
    digits: tuple[Tile, ...] = ()
    places: tuple[str, ...] = ()


class Pictures:
    """The test images that an assessment was made on, where they are the bundled ones."""

    def __init__(self, assessment: Assessment) -> None:
        self._images = _test_images(assessment)

    def show(self, turned: tuple[Turned, ...] | None, weak: Finding | None, unit: str) -> Shown:
        """The first of every class in turn, those first of whom it is kept what they became.

        `weak` is the finding of the version that they broke.
        """
        if not turned:
            return Shown()
        if unit == "count":
            places = tuple(digit.by for digit in turned[:SHOWN])
            return Shown(count=len(turned), places=places)
        stored = _gallery(weak)
        kept_first = sorted(turned, key=lambda digit: digit.place not in stored)
        tiles = [self._tile(digit, stored) for digit in _of_every_class(kept_first)]
        return Shown(count=len(turned), digits=tuple(tiles))

    def _tile(self, digit: Turned, stored: Mapping[int, ChangedImage]) -> Tile:
        start = _HEADER + digit.place * PIXELS
        clean = self._images[start : start + PIXELS]
        tile = Tile(place=digit.place, label=digit.label, by=line(digit.by, 40))
        if digit.place in stored:
            clean, changed = stored[digit.place].clean, stored[digit.place].adversarial
            difference = png.difference(clean, changed)
            tile = replace(tile, changed=png.grey(changed), difference=difference)
        return replace(tile, clean=png.grey(clean)) if len(clean) == PIXELS else tile


def _of_every_class(turned: Iterable[Turned]) -> list[Turned]:
    """SHOWN digits: the first of each class, then the second, and so on."""
    rank: dict[int, int] = {}
    keyed = []
    for digit in turned:
        rank[digit.label] = rank.get(digit.label, 0) + 1
        keyed.append((rank[digit.label], digit.label, digit))
    return [entry[-1] for entry in sorted(keyed, key=lambda entry: entry[:2])[:SHOWN]]


def _test_images(assessment: Assessment) -> bytes:
    """The bundled test images where the assessment's digest is theirs, else nothing."""
    data = assessment.subject.get("data")
    digests = data.get("digests") if isinstance(data, Mapping) else None
    expected = digests.get(_IMAGES) if isinstance(digests, Mapping) else None
    try:
        content = gunzip(read_at_most(resources.MNIST / f"{_IMAGES}.gz", _MAX_BYTES), _MAX_BYTES)
    except OSError:
        return b""
    return content if sha256(content) == expected else b""


def _gallery(finding: Finding | None) -> dict[int, ChangedImage]:
    """Images before and after, by place."""
    evidence = finding.measurement.evidence if finding and finding.measurement else None
    kept = None
    if isinstance(evidence, AttackEvidence):
        kept = evidence.gallery
    elif isinstance(evidence, BackdoorEvidence):
        kept = evidence.triggered_gallery
    return {image.index: image for image in kept or []}
