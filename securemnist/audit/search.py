"""Search: answers by the id of a request, by the hash of an image or by the id of a token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from securemnist.audit import folder as names
from securemnist.audit.damage import Place
from securemnist.audit.verification import places


@dataclass(frozen=True)
class Wanted:
    """Every condition that is not None has to hold."""

    request: str | None = None
    image: str | None = None
    subject: str | None = None

    def fits(self, place: Place) -> bool:
        """Whether a line is such an answer."""
        if place.line is None or place.line.kind != "answer":
            return False
        content = place.line.content
        images = content.get("images")
        return (
            self.request in (None, content.get("request"))
            and self.subject in (None, content.get("subject"))
            and (self.image is None or (isinstance(images, list) and self.image in images))
        )


def answers(folder: Path, wanted: Wanted) -> Iterator[Place]:
    """Answers that fit, in the order of the log; lines that cannot be read are left out."""
    return (place for place in places(names.segments(folder)) if wanted.fits(place))
