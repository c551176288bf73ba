"""What stands against comparing: of two assessments as a whole, and of one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from securemnist.comparison.per_image import EventMatrix
from securemnist.errors import DataError, PolicyError, UsageError
from securemnist.input_spec import MNIST, InputSpec
from securemnist.project import code_digests, imports
from securemnist.results import policy as policies
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding, Requirement
from securemnist.results.json_model import table
from securemnist.results.settings_text import describe
from securemnist.sanitize import line

_ART = "adversarial-robustness-toolbox"


def refuse(old: Assessment, new: Assessment, *, same_model: bool = False) -> None:
    """UsageError in one sentence where nothing can be said of the two."""
    refuse_subjects(old.subject, new.subject, same_model=same_model)
    for side in (old, new):
        _refuse_other_data(side)
    versions = [_package(side, "securemnist") for side in (old, new)]
    if versions[0] != versions[1]:
        raise UsageError(
            f"expected both assessments by one version of securemnist, got {versions[0]} and "
            f"{versions[1]}; assess the old model again with this version"
        )
    sources = [str(side.environment.get("source") or "none recorded") for side in (old, new)]
    if sources[0] != sources[1]:
        found = " and ".join(line(source[:13], 13) for source in sources)
        raise UsageError(
            f"expected both assessments by one copy of securemnist {versions[0]}, got sources {found}; "
            "assess the old model again with this copy"
        )


def _refuse_other_data(side: Assessment) -> None:
    """UsageError where an assessment was not made on the data that its own policy names."""
    text, path = str(side.policy.get("text", "")), line(side.policy.get("path", ""), 80)
    try:
        read = policies.parse(text, path)
    except PolicyError:  # written for another version: what it says of data is not known
        return
    data = _data(side.subject)
    read.refuse_other_data(line(data.get("name", "none"), 40), line(data.get("sha256", "none"), 64))


SAME_MODEL = (
    "expected two models, got the same one twice (SHA-256 {digest:.12}...); name another, or say "
    "--same-model (in Python same_model=True)"
)


def refuse_subjects(
    old: Mapping[str, Any], new: Mapping[str, Any], *, same_model: bool = False
) -> None:
    """UsageError where two subjects are no two models, or were measured on different data."""
    digests = [side.get("digest") for side in (old, new)]
    for name, digest in zip(("an old", "a new"), digests, strict=True):
        if not isinstance(digest, str) or not digest:
            raise UsageError(
                f"expected an assessment that measured its model, got {name} one without a digest; "
                "assess that model again"
            )
    if digests[0] == digests[1] and not same_model:
        raise UsageError(SAME_MODEL.format(digest=digests[0]))
    specs = [table(_data(side).get("spec")) or MNIST.to_json() for side in (old, new)]
    if specs[0] != specs[1]:
        forms = [_form(spec) for spec in specs]
        forms[1] += " with other class names" if forms[0] == forms[1] else ""
        raise UsageError(
            f"expected both assessments on data of one form, got {forms[0]} and {forms[1]}; assess "
            "both on one"
        )
    data = [table(_data(side).get("digests")) for side in (old, new)]
    if not all(data):
        raise UsageError(
            "expected the digests of the data in both assessments, got none; assess that model again"
        )
    if data[0] != data[1]:
        names = [line(_data(side).get("name", "none"), 40) for side in (old, new)]
        raise UsageError(
            f"expected both assessments on the same data, got {names[0]} and {names[1]} with other "
            "digests; assess both on one"
        )


def _form(spec: Mapping[str, Any]) -> str:
    """`3x32x32, 100 classes` of a stored specification."""
    try:
        return str(InputSpec.from_json(spec))
    except DataError:
        return "a malformed specification"


def of_row(old: Finding, new: Finding, sides: tuple[Assessment, Assessment]) -> str:
    """Why this row cannot be compared; empty where nothing is against it."""
    return (
        _asked_differently(old, new) or _unmeasured(old, new) or _made_differently(old, new, sides)
    )


def of_images(old: EventMatrix, new: EventMatrix) -> str:
    """Why two records do not speak of the same thing; empty where they do."""
    if not old.same_images(new):
        return "the two measured different images"
    unmatched = sorted(set(old.stages) ^ set(new.stages))
    if unmatched:
        # Stored examples that were tried on one version only would flatter the other.
        where = "new" if unmatched[0] in new.stages else "old"
        return f"the stage {unmatched[0]} was run on the {where} version only"
    if old.stages != new.stages:
        return "the attacks were run in another order"
    return ""


def _asked_differently(old: Finding, new: Finding) -> str:
    before, after = old.requirement, new.requirement
    if before.measure != after.measure:
        return f"the row measured {line(before.measure, 60)}, now {line(after.measure, 60)}"
    if before.relation != after.relation:
        return f"the row asked for {before.relation}, now for {after.relation}"
    if dict(before.settings) != dict(after.settings):
        own, other = (_differing(*both) for both in ((before, after), (after, before)))
        return f"the protocol differs: {own or 'nothing'} before, {other or 'nothing'} now"
    if before.tier != after.tier:
        return f"the row was of tier {before.tier}, is of tier {after.tier}: another budget"
    if before.seed != after.seed:
        return f"the seed was {before.seed}, is {after.seed}"
    return ""


def _differing(row: Requirement, other: Requirement) -> str:
    """The settings of a row that the other one has not, in a few words."""
    own = ((k, v) for k, v in row.settings.items() if other.settings.get(k) != v)
    return line(describe(dict(own)), 80)


def _unmeasured(old: Finding, new: Finding) -> str:
    for name, side in (("old", old), ("new", new)):
        if not side.in_scope:
            reason = line(side.reason.removeprefix("out of scope: "), 120)
            return f"left out of the run of the {name} version: {reason}"
        if side.measurement is None:
            return f"the {name} version has no number: {side.verdict}, {line(side.reason, 160)}"
        if side.measurement.inconclusive:
            detail = line(side.measurement.inconclusive, 160)
            return f"the {name} version's number carries no verdict: {detail}"
        if side.measurement.stopped:
            return f"the {name} version's search ended early (--until-decided); let it end"
    before, after = old.measurement, new.measurement
    if before is not None and after is not None:
        if before.unit != after.unit:
            return f"the unit was {line(before.unit, 20)}, is {line(after.unit, 20)}"
        if before.seed != after.seed:
            return f"the seed that was used was {before.seed}, is {after.seed}"
        return _inputs_differ(before.inputs, after.inputs)
    return ""


def _inputs_differ(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Which file, data set or model of the row was not the same for both; "" where all were."""
    for name in sorted({*old, *new}):
        if name not in old or name not in new:
            return f"the SHA-256 of {line(name, 120)} is not recorded for both"
        if old[name] != new[name]:
            return f"{line(name, 120)} is another file"
    return ""


def _made_differently(old: Finding, new: Finding, sides: tuple[Assessment, Assessment]) -> str:
    family = new.family if new.family.name else old.family
    packages = family.packages
    attack = table(new.requirement.settings.get("attack"))
    if str(attack.get("use", "")).startswith("art:"):
        packages = (*packages, _ART)
    for name in packages:
        old_text, new_text = (_package(side, name) for side in sides)
        if old_text.split(".")[:2] != new_text.split(".")[:2]:
            return f"{name} was {old_text}, is {new_text}"
    named = imports.named_in(new.requirement.measure, new.requirement.settings).values()
    if reason := _code_differs(named, sides) or _doubts_differ(old, new, sides):
        return reason
    devices = [line(side.subject.get("device", ""), 40) for side in sides]
    if devices[0] != devices[1] and family.same_device:
        return f"the old version was measured on {devices[0]}, the new one on {devices[1]}"
    if family.same_machine:
        for key in ("processor", "platform"):
            old_text, new_text = (line(side.environment.get(key, ""), 60) for side in sides)
            if old_text != new_text:
                return f"the {key} was {old_text}, is {new_text}"
    return ""


def _doubts_differ(old: Finding, new: Finding, sides: tuple[Assessment, Assessment]) -> str:
    """Why a search was not doubted by the same checks for both; "" where it was."""
    if not any(row.measurement is not None and row.measurement.survived for row in (old, new)):
        return ""
    before, after = (_data(side.subject).get("calibration", "") for side in sides)
    if before != after:
        return "the limits of the doubts are of another calibration; assess both by one"
    before, after = (_own_doubts(side) for side in sides)
    if before != after:
        lists = (line(", ".join(names) or "none", 120) for names in (before, after))
        return "the project's own doubts were {}, are {}".format(*lists)
    return _code_differs(after, sides)


def _own_doubts(side: Assessment) -> list[str]:
    names = side.environment.get("doubts")
    return [str(name) for name in names] if isinstance(names, list | tuple) else []


def _code_differs(names: Iterable[str], sides: tuple[Assessment, Assessment]) -> str:
    """Why the user's own code of these names was not the same for both; "" where it was."""
    for name in names:
        before, after = (
            code_digests.of_name(name, table(side.environment.get("code"))) for side in sides
        )
        for module in sorted({"", *before, *after}):
            shown = line(f"{name} ({module})" if module else name, 160)
            digests = before.get(module), after.get(module)
            if not all(isinstance(digest, str) and digest for digest in digests):
                return f"the code of {shown} is not recorded for both"
            if digests[0] != digests[1]:
                return f"the code of {shown} is another"
    return ""


def _package(side: Assessment, name: str) -> str:
    return line(table(side.environment.get("packages")).get(name, "not recorded"), 40)


def _data(subject: Mapping[str, Any]) -> Mapping[str, Any]:
    return table(subject.get("data"))
