"""The TOML text of a first policy, with a reason and the measured number in every row."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any

from securemnist.data import DataSet
from securemnist.epsilon import epsilon_text
from securemnist.initial_policy.kind import kind_of
from securemnist.initial_policy.margins import ERRORS, meaningful
from securemnist.initial_policy.measured import Row
from securemnist.initial_policy.proposals import STATIC_BASELINE
from securemnist.measures import MEASURES
from securemnist.results.families import SUPPLY_CHAIN
from securemnist.results.verdicts import DEFAULT_TIER

WAIVED_DAYS = 90
_TUNING = (
    "the tuning split (the last training samples, never the test samples). For a model that was\n# "
    "trained on these samples, too, the thresholds are too strict: it has learned them."
)
_TEST = (
    "the test split,\n# because there are no training samples. So review every threshold: the "
    "samples it was chosen on\n# are those it judges."
)
_HEAD = """\
# The security policy of this project: every number that can fail a build. `securemnist init` wrote it
# after one measurement of {model} on
# {split}
# The data are {kind}; epsilons and triggers are those usual for them.
# Thresholds on shares are {errors} standard errors from the measured share. The error is that
# of the difference between both samples, with the design effect of neighbours. A row on a part of
# the test set adds the half-width of its own 95 % interval. A max_drop is {errors} standard errors of
# the difference between two versions on the same samples, from a hundredth to a fifth. Raise
# thresholds that are too low for you, and give the reason in `because`.
# `securemnist explain ID` explains a row, `securemnist assess` measures all of them.
#
# tier      smoke (seconds) < standard (the default) < full; `assess --tier smoke` runs the first only
# max_drop  the largest allowed drop against an older version: `assess --against OLD`
# waiver    until this day (included) a failing row does not block a merge, unless its value is worse than
#           `worst`
# families  every family listed here must have a row
# data      the test samples that the thresholds are for; other data is refused

families = {families}
data = {data}
"""


def policy(rows: Sequence[Row], model: str, data: DataSet, today: datetime.date) -> str:
    """The text of the policy; rows that the model cannot meet today are waived for 90 days."""
    families = list(dict.fromkeys(MEASURES[row.proposal.measure].family.name for row in rows))
    identity = {"name": data.name, "sha256": data.digest}
    split = _TUNING if len(data.tuning) else _TEST
    head = _HEAD.format(
        split=split,
        kind=kind_of(data).name,
        model=_comment(model),
        errors=ERRORS,
        families=as_toml(families),
        data=as_toml(identity),
    )
    until = today + datetime.timedelta(days=WAIVED_DAYS)
    return "\n".join([head, *(_row(row, data, until) for row in rows)])


def _row(row: Row, data: DataSet, until: datetime.date) -> str:
    proposal, bound = row.proposal, row.bound
    lines = [
        f"# robust accuracy at eps {epsilon_text(eps)}: {value:.4f}" for eps, value in row.curve
    ]
    lines += ["[[requirement]]", f'id = "{proposal.id}"', f'measure = "{proposal.measure}"']
    lines += [f"{key} = {as_toml(value)}" for key, value in row.settings.items()]
    if row.curve:
        lines.append(f"curve = {as_toml([0.0, *map(_eps, sorted(eps for eps, _ in row.curve))])}")
    if proposal.measure == "static_findings":
        lines.append(f'baseline = "{STATIC_BASELINE}"')
    if proposal.images is not None:
        lines.append(f"images = {min(proposal.images, len(data.test))}")
    if proposal.tier != DEFAULT_TIER:
        lines.append(f'tier = "{proposal.tier}"')
    lines.append(f"{MEASURES[proposal.measure].good} = {bound.threshold:g}")
    lines.append(f"max_drop = {bound.max_drop:g}")
    if bound.problem:
        met = "not surely met" if bound.close else "not met"
        reason = f"{met} when this policy was written: {bound.problem.rstrip('.')}"
        worst = "" if bound.worst is None else f", worst = {bound.worst:g}"
        lines.append(
            f"waiver = {{ reason = {as_toml(reason)}, expires = {until.isoformat()}{worst} }}"
        )
    lines += [
        f"because = {as_toml(_because(row, data))}",
        f"ids = {as_toml(list(proposal.ids))}",
        "",
    ]
    return "\n".join(lines)


def _because(row: Row, data: DataSet) -> str:
    """The reason of the row, and the measured number."""
    why, measurement = row.proposal.why, row.measurement
    if row.proposal.measure in SUPPLY_CHAIN.measures:
        return f"{why}; the first measurement gave {measurement.value:g}"
    if measurement.unit == "count":
        count = (
            f"{measurement.value:g} accepted in {STATIC_BASELINE}" if measurement.value else "none"
        )
        return f"{why}; the first measurement found {count}"
    if measurement.inconclusive:
        return f"{why}; the first measurement decided nothing"
    split = "tuning" if len(data.tuning) else "test"
    where = f" of {measurement.n:,} {split} samples" if measurement.unit == "share" else ""
    text = f"{why}; the first measurement gave {measurement.value:.4f}{where}"
    if row.curve:
        least = meaningful(data.spec.classes)
        text += (
            f"; of the eps usual for {kind_of(data).name} the largest with a threshold of at least "
            f"{least:g}"
        )
    return text


def _comment(text: str) -> str:
    """One line of printable text for a comment."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:100]


def _eps(eps: float) -> float | str:
    """An epsilon, as a text like "8/255" where only the fraction is exact."""
    text = epsilon_text(eps)
    return text if "/" in text else eps


def as_toml(value: Any) -> str:
    """A value as TOML; JSON strings are TOML basic strings."""
    if isinstance(value, dict):
        parts = {key: _eps(part) if key == "eps" else part for key, part in value.items()}
        return "{ " + ", ".join(f"{key} = {as_toml(part)}" for key, part in parts.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    return json.dumps(value, default=str)  # the default of a measure of your own may be any object
