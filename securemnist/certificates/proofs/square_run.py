"""Proofs for a square at any place: places that simple bounds leave open get branch and bound each."""

from __future__ import annotations

from torch import nn

from securemnist.certificates.bounds.margin_bounds import BRANCHES
from securemnist.certificates.bounds.places import search_places
from securemnist.certificates.bounds.squares import box_of
from securemnist.certificates.graph.network import Network
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.proofs.proof_run import (
    Attack,
    ProofRun,
    Run,
    margins_of,
    share,
    until_end,
)
from securemnist.types import Images, Labels, Progress, silent


class SquareRun(Run):
    """The state of a search for proofs of images `x` (n, C, H, W) of the right class `y` (n,).

    A square of `side` pixels may lie at any place. An image is proved where all its places are.
    """

    def __init__(
        self,
        network: Network,
        model: nn.Module,
        x: Images,
        y: Labels,
        side: int,
        attack: Attack,
        progress: Progress,
    ) -> None:
        self.network, self.model, self.x, self.y, self.side = network, model, x, y, side
        self.attack, self.progress = attack, progress
        super().__init__(y)

    def all(self, end: float) -> None:
        """Large margins come first; each image has an equal share of the time that is left."""
        clean = margins_of(self.network, self.model, self.x, self.y).amin(1)
        order = clean.argsort(descending=True, stable=True).tolist()
        for number, place in enumerate(order):
            self._search(place, share(end, len(order) - number))
            self.progress(BRANCHES, number + 1, len(order))

    def _search(self, place: int, until: float) -> None:
        """Bounds for all places of the square in one image; the loosest are searched first."""
        x, y = self.x[[place]], self.y[[place]]
        found = search_places(self.network, self.model, x, y, self.side, in_time=until_end(until))
        self.domains += found.boxes
        margins = [found.lowest]
        for ranges in found.left:
            run = self._run_in(box_of(x, self.side, ranges[None]), place)
            run.all(until)
            self.domains += run.domains
            margins += run.margins[run.proved].tolist()
            self.broken[place] = run.broken[0]
            if not run.proved[0]:
                break
        if len(margins) > len(found.left):
            self.proved[place], self.margins[place] = True, min(margins)
        if bool(self.proved[place] | self.broken[place]):
            self.decided[place] = self.spent

    def _run_in(self, box: Box, place: int) -> ProofRun:
        """A search in one box of an image."""
        return ProofRun(
            self.network,
            self.model,
            self.x[[place]],
            self.y[[place]],
            lambda _: box,
            lambda _, starts: self.attack(place, starts),
            silent,
        )
