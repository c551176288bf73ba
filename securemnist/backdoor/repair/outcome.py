"""The outcome of a repair: what was measured before and after it, and what that decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from securemnist.backdoor.repair import measuring
from securemnist.backdoor.repair.fine_tuning import Repair
from securemnist.backdoor.repair.measuring import Share, TriggerEffect
from securemnist.backdoor.repair.relearning import relearned
from securemnist.backdoor.repair.trigger_search import FoundTrigger
from securemnist.backdoor.triggers import Blend, Corner, Faint, Stripes, Trigger
from securemnist.data import DataSet, Samples
from securemnist.errors import FAILED, UNDECIDED, UsageError

# A trigger has an effect above this success rate.
MOST_SUCCESS = 0.1
# Clean accuracy that a repair may cost.
MOST_LOST = 0.01
_OTHERS = (Stripes(), Corner(corner="top_left"), Blend(pattern=1), Faint(pattern=1))


@dataclass(frozen=True)
class TriggerOutcome:
    """A trigger before and after a repair; `given` triggers were known to it.

    `relearned` holds the success rates of the original and of the repaired network after they were
    poisoned again; None of triggers that were not given.
    """

    trigger: Trigger
    target: int | str
    given: bool
    before: TriggerEffect
    after: TriggerEffect
    relearned: tuple[Share, Share] | None = None

    @property
    def undecided(self) -> str:
        """Why a given trigger shows nothing; empty where it shows something."""
        reason = self.before.undecided or self.after.undecided
        if not reason and self.before.success.value <= MOST_SUCCESS:
            reason = "the trigger had no effect on the original network"
        unclear = self.after.success.interval[1] > MOST_SUCCESS and not self.succeeds
        if not reason and unclear:
            reason = "too few images to say that the trigger has no effect any more"
        return reason

    @property
    def succeeds(self) -> bool:
        """Whether the trigger has an effect after the repair, by the lower bound of the interval."""
        return not self.after.undecided and self.after.success.interval[0] > MOST_SUCCESS

    def unrecovered(self, accuracy: Share) -> str:
        """Why triggered images of the repaired network are not right; empty where they are.

        `accuracy` is that of the repaired network without the trigger.
        """
        lost = accuracy.value - self.after.recovered.value
        if lost <= MOST_SUCCESS:
            return ""
        return (
            f"the trigger {self.trigger.kind} still costs the repaired network {lost:.0%} of the images, "
            f"to other classes than target {self.target}; name the right --target, such as next"
        )

    def to_json(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        known = {}
        if self.relearned is not None:
            before, after = self.relearned
            known["relearned"] = {"original": before.to_json(), "repaired": after.to_json()}
        return {
            "trigger": self.trigger.to_json(),
            "target": self.target,
            "given": self.given,
            "success": _pair(self.before.success, self.after.success),
            "recovered": _pair(self.before.recovered, self.after.recovered),
            **known,
            "undecided": self.undecided,
        }


@dataclass(frozen=True)
class FoundOutcome:
    """A trigger that the repair found itself, and its success rates before and after."""

    trigger: FoundTrigger
    before: Share
    after: Share

    def to_json(self) -> dict[str, Any]:
        """The trigger and the numbers as JSON values."""
        return {**self.trigger.to_json(), "success": _pair(self.before, self.after)}


@dataclass(frozen=True)
class Outcome:
    """Clean accuracy and triggers before and after a repair.

    `found` triggers decide nothing: a small mask may belong to no backdoor. None: there was no search.
    """

    before: Share
    after: Share
    triggers: tuple[TriggerOutcome, ...]
    found: Sequence[FoundOutcome] | None = None

    @property
    def problem(self) -> str:
        """What failed: a trigger that still succeeds, or accuracy that was lost; else empty."""
        if self.before.value - self.after.value > MOST_LOST:
            return f"clean accuracy fell by more than {100 * MOST_LOST:g} point"
        kinds = [each.trigger.kind for each in self.triggers if each.succeeds]
        return f"these triggers still succeed: {', '.join(kinds)}" if kinds else ""

    @property
    def undecided(self) -> str:
        """Why the repair is not known to have worked; empty where it is."""
        given = [each for each in self.triggers if each.given]
        if not given:
            return "no trigger was given, so its success rate was not measured"
        reasons = [each.undecided or each.unrecovered(self.after) for each in given]
        return next(filter(None, reasons), "")

    @property
    def exit_code(self) -> int:
        """0 repaired, 1 failed, 3 not decided."""
        return FAILED if self.problem else UNDECIDED if self.undecided else 0

    def to_json(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {
            "accuracy": _pair(self.before, self.after),
            "triggers": [each.to_json() for each in self.triggers],
            "found": None if self.found is None else [each.to_json() for each in self.found],
            "problem": self.problem,
            "undecided": self.undecided,
        }


def measured(
    original: nn.Module,
    repair: Repair,
    test: Samples,
    unseen: tuple[Trigger, ...],
    target: int | str | None,
    found: Sequence[FoundTrigger] | None = None,
) -> Outcome:
    """The outcome of a finished repair on the test images.

    `target` is that of the given triggers: a class, "next", or None for the class that the original
    network favours. `unseen` triggers were not known to the repair, `found` ones it found itself.
    """
    outcomes = []
    for trigger in (*repair.triggers, *unseen):
        given = trigger in repair.triggers
        aim = target if given else None
        if aim is None:
            aim = measuring.favoured_target(original, trigger, test)
        pair = [measuring.effect(m, trigger, aim, test) for m in (original, repair.model)]
        again = None
        if given:
            learners = [relearned(m, repair, trigger, aim) for m in (original, repair.model)]
            shares = [measuring.effect(m, trigger, aim, test).success for m in learners]
            again = shares[0], shares[1]
        outcomes.append(TriggerOutcome(trigger, aim, given, pair[0], pair[1], again))
    return Outcome(
        measuring.accuracy(original, test),
        measuring.accuracy(repair.model, test),
        tuple(outcomes),
        None if found is None else [_found(original, repair.model, one, test) for one in found],
    )


def _found(
    original: nn.Module, repaired: nn.Module, trigger: FoundTrigger, test: Samples
) -> FoundOutcome:
    before, after = (
        measuring.effect(model, trigger, trigger.target, test).success
        for model in (original, repaired)
    )
    return FoundOutcome(trigger, before, after)


def another(given: tuple[Trigger, ...], data: DataSet) -> Trigger:
    """A trigger of another kind than the given ones that fits the data."""
    kinds = {trigger.kind for trigger in given}
    for trigger in _OTHERS:
        try:
            trigger.check_fits(*data.spec.shape)
        except UsageError:
            continue
        if trigger.kind not in kinds:
            return trigger
    return Faint(pattern=2)


def _pair(before: Share, after: Share) -> dict[str, Any]:
    return {"before": before.to_json(), "after": after.to_json()}
