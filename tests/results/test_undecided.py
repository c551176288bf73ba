"""How many images would settle a row whose interval joins several targets of a backdoor."""

from __future__ import annotations

from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.intervals import share_interval
from tests.requirement_builders import at_most, measurement_of


def test_all_targets_need_more_images_than_one() -> None:
    """The number of images named for all targets of 20 is that of their joint interval."""
    evidence = BackdoorEvidence(target=0, per_target_asr=[0.0] * 20)
    measured = measurement_of(0.0, 0.0, 0.0701, n=95, evidence=evidence)
    reason = at_most(0.05).judge(measured).reason
    assert "about 131 images would settle it" in reason
    high = [share_interval(0, n, confidence=1 - 0.05 / 20)[1] for n in (130, 131)]
    assert high[0] > 0.05 >= high[1]


def test_one_target_needs_the_images_of_its_interval() -> None:
    """A row about one target counts with its own interval of 95 %."""
    measured = measurement_of(0.0, 0.0, 0.06, n=60, evidence=BackdoorEvidence(target=0))
    assert "about 72 images would settle it" in at_most(0.05).judge(measured).reason


def test_pairs_need_images_of_each_class() -> None:
    """A row about pairs names no number: its rate counts the images of one class only."""
    evidence = BackdoorEvidence(target=0, source=1)
    reason = at_most(0.1).judge(measurement_of(0.0, 0.0, 0.2, n=25, evidence=evidence)).reason
    assert reason.endswith("every pair of classes counts, so measure more images of each class")
