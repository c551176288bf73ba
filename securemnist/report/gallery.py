"""Galleries: images before and after an attack, and those of small margin without any."""

from __future__ import annotations

from collections.abc import Callable

from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.images import ChangedImage, CleanImage
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view import png
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table, Tile, of_total
from securemnist.view.numbers import percent

TILES = 12  # images a gallery shows; more is a wall
_READING = (
    "Three pictures each: the image, the same {after}, and the difference magnified to full "
    "strength (orange: lighter, blue: darker). Below: true class \N{RIGHTWARDS ARROW} new answer, and "
    "how sure the model is of its answer, before \N{RIGHTWARDS ARROW} after."
)


def _shown(field: str, title: str, after: str) -> Callable[..., Exhibit | None]:
    """The figure of the images in a field of the evidence."""

    def figure(_: Finding, evidence: Evidence, names: ClassNames) -> Exhibit | None:
        return of_images("gallery", title, after, getattr(evidence, field), names)

    return figure


# The first image of each class that was broken.
adversarial = _shown("gallery", "Adversarial examples", "after the attack")
triggered = _shown("triggered_gallery", "Images with the trigger", "with the trigger")
posed = _shown("posed_gallery", "Images in a pose that breaks them", "in that pose")
falsely_robust = _shown(
    "false_gallery", "Images that only looked robust", "after the adaptive attack"
)


def kept_images(evidence: Evidence | None) -> list[ChangedImage]:
    """The images before and after an attack or a trigger that evidence keeps; maybe none."""
    if isinstance(evidence, AttackEvidence):
        return evidence.gallery or []
    return (evidence.triggered_gallery or []) if isinstance(evidence, BackdoorEvidence) else []


def broken_last(_: Finding, evidence: AttackEvidence, names: ClassNames) -> Exhibit | None:
    """The images that withstood the most stages before one broke them."""
    if _indices(evidence.last_to_fall) <= _indices(evidence.gallery):
        return None  # the first gallery has all of them
    title, after = "Images broken last", "after the last attack"
    return of_images("last", title, after, evidence.last_to_fall, names)


def _indices(images: list[ChangedImage] | None) -> set[int]:
    return {image.index for image in (images or ())[:TILES]}


def of_images(
    kind: str, title: str, after: str, samples: list[ChangedImage] | None, names: ClassNames
) -> Exhibit | None:
    """The gallery of these images, with a table of their numbers; None without images."""
    if not samples:
        return None
    shown = samples[:TILES]
    caption = f"{_READING.format(after=after)} {of_total(len(shown), len(samples), 'image')}"
    return Exhibit(
        kind=kind,
        title=title,
        caption=f"{caption}{_reduced(shown[0])}",
        tiles=tuple(changed(image, names) for image in shown),
        table=Table(
            head=("test image", "true class", "before", "after", "sure before", "sure after",
                  "largest change, rounded", "broken by"),
            rows=tuple(_numbers(image, names) for image in shown),
        ),
    )  # fmt: skip


def changed(image: ChangedImage, names: ClassNames) -> Tile:
    """An image before and after, and the difference."""
    correct = image.clean_prediction == image.label
    return Tile(
        image,
        png.change(image.clean, image.adversarial),
        names[image.label],
        names[image.prediction],
        "" if correct else names[image.clean_prediction],
        image.clean.width,
        image.clean.height,
    )


def _reduced(image: ChangedImage | CleanImage) -> str:
    """A sentence where the pictures are smaller than the images; "" where they are as large."""
    picture = image.clean
    if picture.original is None:
        return ""
    height, width = picture.original
    return f" Shown at {picture.height}x{picture.width} pixels, original {height}x{width}."


def _numbers(image: ChangedImage, names: ClassNames) -> tuple[str, ...]:
    pixels = zip(image.clean.pixels, image.adversarial.pixels, strict=True)
    change = max(abs(b - a) for a, b in pixels)
    answers = (names[label] for label in (image.label, image.clean_prediction, image.prediction))
    sure = (percent(image.clean_confidence), percent(image.confidence))
    return (str(image.index), *answers, *sure, f"{change} of 255", line(image.broken_by, 24))


def hardest(_: Finding, evidence: CleanEvidence, names: ClassNames) -> Exhibit | None:
    """The unmodified images of the smallest margin."""
    if not evidence.hardest:
        return None
    shown = evidence.hardest[:TILES]
    wrong = sum(image.prediction != image.label for image in shown)
    some = f"{wrong} of these {len(shown)} are misclassified"
    detail = some if wrong else "none of these is misclassified"
    return Exhibit(
        kind="hardest",
        title="Images with the smallest margin",
        caption="Unmodified test images of the smallest margin, which is the logit of the true class "
        f"minus the largest of the others; {detail}.{_reduced(shown[0])}",
        tiles=tuple(_clean(image, names) for image in shown),
        table=Table(
            head=("test image", "true class", "predicted class", "margin"),
            rows=tuple(
                (str(one.index), names[one.label], names[one.prediction], f"{one.margin:+.3f}")
                for one in shown
            ),
        ),
    )


def _clean(image: CleanImage, names: ClassNames) -> Tile:
    picture = image.clean
    classes = names[image.label], names[image.prediction], ""
    return Tile(image, (png.image(picture),), *classes, picture.width, picture.height)
