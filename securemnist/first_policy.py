"""The first policy of a repository: rows proposed from one measurement of its model.

Thresholds are proposed from a first measurement on the tuning split, never on the test digits, with a
margin: they hold a model where it stands, until somebody decides what is enough.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from securemnist.data import DataSet
from securemnist.errors import Inconclusive, NotApplicable, UsageError
from securemnist.evaluation.lab import Lab
from securemnist.findings import Measurement
from securemnist.measures import MEASURES, bind, take
from securemnist.subjects import Subject

_CORNER = {"kind": "corner", "size": 4, "value": 1.0, "corner": "bottom_right"}


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A row to propose. `digits` is what the row will measure; less may do for the first look."""

    id: str
    measure: str
    settings: dict[str, Any]
    why: str
    bound: Callable[[Measurement], str]
    ids: tuple[str, ...]
    tier: str = "standard"
    digits: int | None = None


def _below(margin: float) -> Callable[[Measurement], str]:
    """A floor below what the interval says, by `margin` or by half of the errors that were seen.

    The test digits are by other people than the tuning digits: weak models lose several points.
    """

    def bound(seen: Measurement) -> str:
        floor = seen.low - max(margin, (1 - seen.value) / 2)
        return f"at_least = {max(math.floor(floor * 100) / 100, 0):g}"

    return bound


def _rate(seen: Measurement) -> str:
    return f"at_most = {min(math.ceil((seen.high + 0.01) * 100) / 100, 1):g}"


def _ratio(seen: Measurement) -> str:
    return f"at_most = {math.ceil(seen.value * 15) / 10:g}"


def _count(seen: Measurement) -> str:
    return f"at_most = {seen.value:g}"


# A bound above which an attack may as well succeed.
_TOO_OFTEN = 0.5
# A backdoor for the digits of one class steers a ninth of all: no rate to begin a policy with.
_ONE_CLASS = 0.1
_EVASION = ("AML.T0043.000", "ML01:2023", "CWE-1039", "STRIDE:T")
_BACKDOOR = ("AML.T0018.000", "AML.T0043.004", "ML10:2023", "CWE-506", "STRIDE:T")
_SEARCH = {"threat": {"norm": "linf", "eps": 0.1}}
PROPOSALS = (
    Proposal(
        id="CLEAN-01",
        measure="clean_accuracy",
        settings={},
        why="the model reads unmodified digits",
        bound=_below(0.01),
        ids=("STRIDE:T",),
        tier="smoke",
    ),
    Proposal(
        id="CLEAN-02",
        measure="worst_class_accuracy",
        settings={},
        why="an average hides a class that is given up",
        bound=_below(0.02),
        ids=("STRIDE:T",),
        tier="smoke",
    ),
    Proposal(
        id="ADV-01",
        measure="robust_accuracy",
        settings={"attack": {"use": "PGD", "steps": 10}, **_SEARCH},
        why="a collapse of robustness shows within seconds",
        bound=_below(0.03),
        ids=_EVASION,
        tier="smoke",
        digits=500,
    ),
    Proposal(
        id="ADV-02",
        measure="robust_accuracy",
        settings={"attack": {"use": "PGD", "steps": 40}, **_SEARCH},
        why="a longer search on more digits",
        bound=_below(0.03),
        ids=_EVASION,
        digits=2000,
    ),
    Proposal(
        id="BACKDOOR-01",
        measure="backdoor_success",
        settings={"trigger": _CORNER, "target": "all"},
        why="a mark in a corner must not decide the answer",
        bound=_rate,
        ids=_BACKDOOR,
        digits=2000,
    ),
    Proposal(
        id="BACKDOOR-02",
        measure="backdoor_success",
        settings={"trigger": _CORNER, "target": "pair"},
        why="a backdoor for one class is diluted among all of them",
        bound=_rate,
        ids=_BACKDOOR,
    ),
    Proposal(
        id="LAT-01",
        measure="latency_ratio",
        settings={"batch": 1},
        why="an answer costs no more than half as much again",
        bound=_ratio,
        ids=("AML.T0029", "CWE-400", "STRIDE:D"),
    ),
    Proposal(
        id="STATIC-01",
        measure="static_findings",
        settings={"level": "medium", "exclude": ["tests"]},
        why="no new code that is known to be dangerous",
        bound=_count,
        ids=("AML.T0011.000", "ML06:2023", "CWE-502", "STRIDE:E"),
    ),
)

_HEAD = """\
# The security policy of this project: every number that can fail a build. It was proposed by
# `securemnist init` from one measurement of {model} on the tuning split (the last
# training digits, never the test digits), with a margin: below what the sample can tell, by half as
# many errors again, rounded. Raise what is not enough for you, and say why in `because`.
# `securemnist explain ID` explains a row, `securemnist assess` runs them all.
#
# tier      smoke (seconds) < standard (the default) < full; `assess --tier smoke` runs the first
# max_drop  how far a new version may fall behind an old one: `assess --against OLD`
# waiver    {{ reason = "...", expires = 2027-01-31 }}: merge in spite of the row, through that day (UTC)
"""


def measure(subject: Subject, data: DataSet, digits: int) -> list[tuple[Proposal, Measurement]]:
    """The proposals with their first measurement, on at most `digits` tuning digits under attack.

    What cannot be measured here (a folder without Python code) is not proposed.
    """
    if not len(data.tuning):
        raise UsageError(
            f"{data.name}: expected at least 12 training digits, whose last twelfth is measured, "
            f"got {len(data.train)}; name a larger set with --data"
        )
    lab = Lab(subject, dataclasses.replace(data, test=data.tuning))
    taken = []
    for proposal in PROPOSALS:
        settings = dict(proposal.settings)
        if proposal.measure not in ("latency_ratio", "static_findings"):
            wanted = min(digits, proposal.digits or digits) if proposal.digits else len(data.tuning)
            settings["digits"] = min(wanted, len(data.tuning))
        bound = bind(proposal.measure, settings, tier=proposal.tier)
        try:
            taken.append((proposal, take(lab, proposal.measure, bound, 0)))
        except NotApplicable:
            continue
        except Inconclusive as error:
            taken.append((proposal, _nothing(str(error))))
    return taken


def _nothing(reason: str) -> Measurement:
    """What stands for a measurement that carries no number."""
    return Measurement(
        value=0.0, low=0.0, high=1.0, n=0, complete=False, seconds=0.0, seed=0, inconclusive=reason
    )


def policy(taken: list[tuple[Proposal, Measurement]], model: str, test_digits: int) -> str:
    """The text of the policy; a row that could not fail stands in it as a comment."""
    rows = [_row(proposal, seen, test_digits) for proposal, seen in taken]
    return "\n".join([_HEAD.format(model=model), *rows])


def left_out(proposal: Proposal, seen: Measurement) -> str:
    """Why a row would be no requirement: there is nothing to hold; "" for one that can fail."""
    if seen.inconclusive:
        return f"{seen.inconclusive}; mend that, then set {proposal.id}"
    told = (
        f"{proposal.measure} {seen.value:.4f} leaves no threshold that could fail; mend the model"
    )
    bound = proposal.bound(seen)
    if proposal.bound is _rate and seen.value >= _ONE_CLASS:
        told = (
            f"{proposal.measure} {seen.value:.4f} is what a backdoor for one class would give; mend the "
            "model"
        )
        return f"{told}, then set {proposal.id}"
    threshold = float(bound.partition("=")[2])
    often = proposal.bound is _rate and threshold > _TOO_OFTEN
    measure = MEASURES[proposal.measure]
    never = measure.good == "at_least" and threshold <= measure.limits[0]
    return f"{told}, then set {proposal.id}" if never or often else ""


def _row(proposal: Proposal, seen: Measurement, test_digits: int) -> str:
    value = f"{seen.value:.4f}" if seen.unit in ("share", "ratio") else f"{seen.value:g}"
    where = f" of {seen.n:,} tuning digits" if seen.unit == "share" else ""
    because = f"{proposal.why}; the first measurement gave {value}{where}, and this leaves a margin"
    if seen.unit == "count":
        today = f"there are {value}: mend them, and lower this" if seen.value else "there is none"
        because = f"{proposal.why}; today {today}"
    lines = ["[[requirement]]", f'id = "{proposal.id}"', f'measure = "{proposal.measure}"']
    lines += [f"{key} = {_toml(value)}" for key, value in proposal.settings.items()]
    if proposal.digits is not None:
        lines.append(f"digits = {min(proposal.digits, test_digits)}")
    if proposal.tier != "standard":
        lines.append(f'tier = "{proposal.tier}"')
    lines.append(proposal.bound(seen))
    if proposal.measure == "clean_accuracy":
        lines.append("max_drop = 0.01")
    lines += [f"because = {_toml(because)}", f"ids = {_toml(list(proposal.ids))}", ""]
    if reason := left_out(proposal, seen):
        lines = [f"# {line}".rstrip() for line in (f"Left out: {reason}.", *lines)]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    """A value as TOML; its basic strings are JSON's."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)
