"""What a row tells beside its sentence: how it was measured, what was seen, how far proofs go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from securemnist.report import certificate_text
from securemnist.results.evidence import Evidence, quantity
from securemnist.results.findings import Finding, Measurement, describe
from securemnist.results.per_image import CLASSES
from securemnist.results.value_checks import Malformed, items, mapping, real, whole
from securemnist.sanitize import line
from securemnist.view import wording

Fact = tuple[str, str]


def facts(finding: Finding) -> Iterable[Fact]:
    """How it was measured and what was seen, in the order of reading."""
    requirement, seen = finding.requirement, finding.measurement
    how = line(describe(requirement.settings), 600)
    measure = line(requirement.measure, 100)
    if finding.claim:
        yield "the suite's claim", line(finding.claim, 300)
    yield "measured by", f"{measure}: {how}" if how else measure
    if seen is None:
        return
    if seen.unit == "count":
        yield "counted over", f"n = {seen.n:,}"
    else:
        yield "95 % interval", _interval(seen)
    if seen.certified is not None:
        low = "" if seen.certified_low is None else f", lower bound {seen.certified_low:.4f}"
        yield "proved", f"{seen.certified:.4f}{low}"
    if ends := certificate_text.told(seen.evidence):
        yield "where proofs end", ends
    yield from _extras(seen)
    yield "seed, time", f"{line(seen.seed, 40)}, {wording.number(seen.seconds, '')} s"


def _interval(seen: Measurement) -> str:
    low, high = wording.number(seen.low, seen.unit), wording.number(seen.high, seen.unit)
    if seen.unit != "share":
        return f"{low} to {high}, n = {seen.n:,}"
    if seen.complete:
        return (
            f"{low} to {high} for new digits; n = {seen.n:,}, the complete set: the count decides"
        )
    return f"{low} to {high}; n = {seen.n:,}, a sample: the bound decides"


def _extras(seen: Measurement) -> Iterable[Fact]:
    """Facts that only some measures leave behind."""
    if seen.sensitivity:
        yield "sensitivity", seen.sensitivity
    if seen.stopped:
        yield "ended early", "the verdict was certain; later stages can only lower the number"
    kept = seen.evidence.get("adversarial_examples")
    if isinstance(kept, Mapping):
        named = line(kept.get("file", ""), 100), line(kept.get("sha256", ""), 64)
        yield "adversarial examples", f"{line(kept.get('digits', ''), 10)} in {named[0]}"
        yield "SHA-256 of them", named[1]
    for key, name in (
        ("control", "control, clean models"),
        ("lift", "lift over the control"),
        ("microseconds_per_image", "microseconds an image"),
        ("files_scanned", "files scanned"),
        ("accepted", "accepted by the baseline"),
    ):
        if (number := quantity(seen.evidence, key)) is not None:
            yield name, f"{number:,.6g}"
    if published := _published(seen.evidence):
        yield "published elsewhere", published
    trigger = seen.evidence.get("trigger")
    if isinstance(trigger, Mapping):
        yield "trigger", line(", ".join(f"{key} {value}" for key, value in trigger.items()), 200)
    yield from _worst_target(seen.evidence)
    stale = seen.evidence.get("stale_baseline")
    if isinstance(stale, list | tuple) and stale:
        yield "stale in the baseline", f"{len(stale):,}; write it again with securemnist accept"
    excluded = seen.evidence.get("excluded")
    if isinstance(excluded, list | tuple):
        yield "excluded", line(", ".join(map(str, excluded[:100])) or "nothing", 400)


def _worst_target(evidence: Evidence) -> Iterable[Fact]:
    """Which of the targets that were tried the value speaks of."""
    source = evidence.get("source")
    if source is None and "per_target_asr" not in evidence:
        return
    name = "worst of ten targets" if source is None else "worst pair"
    try:
        told = str(whole(evidence.get("target"), "target", CLASSES - 1))
        if source is not None:
            told = f"{whole(source, 'source', CLASSES - 1)} to {told}"
    except Malformed as error:
        told = f"malformed evidence, {error}"
    yield name, told


def _published(evidence: Evidence) -> str:
    """Microseconds an image that the source systems report: to look at, not to compare with."""
    try:
        told = [
            _time(mapping(entry, "published"))
            for entry in items(evidence.get("published") or [], "published")
        ]
    except Malformed as error:
        return f"malformed evidence, {error}"
    if not told:
        return ""
    return f"{', '.join(told)}: single runs on other machines, information and no comparison"


def _time(entry: Evidence) -> str:
    """`system A 20.49 (batch 1,000)`."""
    batch = entry.get("batch")
    size = "" if batch is None else f" (batch {whole(batch, 'published'):,})"
    microseconds = real(entry.get("microseconds"), "published")
    return f"system {line(entry.get('system', ''), 20)} {microseconds:g} us{size}"
