"""Proofs for a square at any place: places that simple bounds leave open get branch and bound each."""

from __future__ import annotations

from dataclasses import replace

from securemnist.certificates.bounds.margin_bounds import BRANCHES
from securemnist.certificates.bounds.places import search_places
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.proofs.proof_run import Goal, ProofRun, Run, share, until_end
from securemnist.types import silent


class SquareRun(Run):
    """The state of a search for proofs of images (n, C, H, W).

    A square of `side` pixels may lie at any place. An image is proved where all its places are.
    """

    def __init__(self, goal: Goal, side: int) -> None:
        super().__init__(goal)
        self.side = side

    def all(self, end: float) -> None:
        """Large margins come first; each image has an equal share of the time that is left."""
        order = self.goal.own_margins().amin(1).argsort(descending=True, stable=True).tolist()
        for number, place in enumerate(order):
            self._search(place, share(end, len(order) - number))
            self.goal.progress(BRANCHES, number + 1, len(order))

    def _search(self, place: int, until: float) -> None:
        """Bounds for all places of the square in one image; the loosest are searched first."""
        image = self._image(place)
        found = search_places(
            *(image.network, image.model, image.x, image.y, self.side),
            in_time=until_end(until),
            counterexample=lambda starts: image.attack(0, starts) is not None,
        )
        self.domains += found.boxes
        self.broken[place] = found.broken
        margins, left = [found.lowest], len(found.left)
        for number in range(0 if found.broken else left):
            run = _run_in(found.left[number : number + 1].box(image.x), image)
            run.all(until)
            self.domains += run.domains
            margins += run.margins[run.proved].tolist()
            self.broken[place] = run.broken[0]
            if not run.proved[0]:
                break
        if len(margins) > left:
            self.proved[place], self.margins[place] = True, min(margins)
        if bool(self.proved[place] | self.broken[place]):
            self.decided[place] = self.spent

    def _image(self, place: int) -> Goal:
        """The goal of one image."""
        goal = self.goal
        return replace(
            goal,
            x=goal.x[[place]],
            y=goal.y[[place]],
            attack=lambda _, starts: self.example(place, starts),
            progress=silent,
        )


def _run_in(box: Box, image: Goal) -> ProofRun:
    """A search in one box, which may not hold the image itself: its sample is the centre."""
    return ProofRun(replace(image, x=box.centre.to(image.x.dtype)), lambda _: box)
