"""Which digits a comparison draws: those first of which it is kept what they became."""

from __future__ import annotations

import base64
import dataclasses

from securemnist.comparison.change import Turned
from securemnist.comparison.changed_images import SHOWN, Pictures
from tests.comparison.made import assessment, codes, robust


def test_what_can_be_shown_comes_first() -> None:
    """Of more digits than there is room for, one with an attacked image is among the shown."""
    image = base64.b64encode(bytes(784)).decode()
    kept = {"index": 29, "clean": image, "adversarial": image}
    finding = robust(codes(range(30)))
    seen = finding.measurement
    assert seen is not None
    seen = dataclasses.replace(seen, evidence={**seen.evidence, "gallery": [kept]})
    weak = dataclasses.replace(finding, measurement=seen)
    turned = tuple(Turned(place=place, label=place % 10, by="PGD-40") for place in range(30))
    shown = Pictures(assessment(weak)).show(turned, weak, "share")
    assert shown.count == 30
    assert len(shown.digits) == SHOWN
    assert [tile.place for tile in shown.digits if tile.changed] == [29]
    assert {tile.label for tile in shown.digits} == set(range(10))
