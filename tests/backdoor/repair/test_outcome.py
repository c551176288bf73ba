"""What the numbers of a repair decide: repaired, failed, or not decided."""

from __future__ import annotations

import pytest

from securemnist.backdoor import Blend, Corner
from securemnist.backdoor.repair.measuring import Share, TriggerEffect
from securemnist.backdoor.repair.outcome import Outcome, TriggerOutcome, another
from tests.backdoor.repair.conftest import Backdoored

GOOD = Share(990, 1_000)


def trigger(before: int, after: int, *, given: bool = True, n: int = 1_000) -> TriggerOutcome:
    """A trigger with this many successes among n images before and after."""
    effects = [TriggerEffect(Share(hits, n), GOOD, "") for hits in (before, after)]
    return TriggerOutcome(Corner(), 7, given, *effects)


@pytest.mark.parametrize(
    ("triggers", "after", "code"),
    [
        ((trigger(990, 10),), GOOD, 0),
        ((trigger(990, 400),), GOOD, 1),
        ((trigger(990, 10), trigger(990, 400)), GOOD, 1),
        ((trigger(990, 10), trigger(990, 400, given=False)), GOOD, 1),
        ((trigger(990, 10),), Share(970, 1_000), 1),
        ((), GOOD, 3),
        ((trigger(990, 10, given=False),), GOOD, 3),
        ((trigger(20, 10),), GOOD, 3),
        ((trigger(10, 1, n=10),), GOOD, 3),
    ],
    ids=["repaired", "succeeds", "one of two succeeds", "an unseen one succeeds", "accuracy lost",
         "no trigger", "none given", "no effect before", "too few images"],
)  # fmt: skip
def test_exit_codes(triggers: tuple[TriggerOutcome, ...], after: Share, code: int) -> None:
    """Only given triggers that had an effect, and have none any more, say that a repair worked."""
    found = Outcome(GOOD, after, triggers)
    assert found.exit_code == code
    assert bool(found.problem) == (code == 1)


def test_a_trigger_with_other_targets_is_not_repaired() -> None:
    """A trigger that still turns images to other classes than its target decides nothing."""
    before, after = (
        TriggerEffect(Share(n, 900), Share(r, 1_000), "") for n, r in ((100, 20), (70, 200))
    )
    found = Outcome(GOOD, GOOD, (TriggerOutcome(Corner(), 7, True, before, after),))
    assert found.exit_code == 3
    assert "costs the repaired network 79% of the images" in found.undecided


@pytest.mark.parametrize(("after", "n", "words"), [(900, 1_000, ""), (1, 10, "too few images")])
def test_a_trigger_that_succeeds_is_decided(after: int, n: int, words: str) -> None:
    """Too few images are the reason only where the interval holds the limit."""
    found = trigger(n, after, n=n).undecided
    assert words in found if words else found == ""


def test_no_images_are_no_success_rate() -> None:
    """A success rate of no images is not written as 0, and decides nothing."""
    none = Share(0, 0)
    assert none.to_json() == {"value": None, "n": 0, "low": 0.0, "high": 1.0}
    assert "not measured" in str(none)
    effects = TriggerEffect(GOOD, GOOD, ""), TriggerEffect(none, GOOD, "")
    assert Outcome(GOOD, GOOD, (TriggerOutcome(Corner(), 7, True, *effects),)).exit_code == 3


def test_the_unseen_trigger_is_of_another_kind(backdoored: Backdoored) -> None:
    """The default for measuring differs from given triggers and fits the images."""
    for given in ((), (Corner(size=2),), (Corner(size=2), Blend())):
        found = another(given, backdoored.data)
        assert found.kind not in {each.kind for each in given}
        found.check_fits(*backdoored.data.spec.shape)
